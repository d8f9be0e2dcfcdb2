"""How the recurrent state learns from a frame.

TTT3R (arXiv 2509.26645): the state's update is a step of online learning, and beta its learning rate. A state token
learns as much as its attention to the frame says; nothing is trained, no gradient is taken.
"""

from dataclasses import replace
from typing import Literal, get_args

import torch
from torch import Tensor

from .network import Look, State

Rule = Literal["ttt3r", "cut3r"]
RULES: tuple[str, ...] = get_args(Rule)


def learn(state: State, look: Look, rule: Rule) -> State:
    """The state after a frame. ``cut3r`` replaces it by the candidate; ``ttt3r`` moves it there by ``beta``.

    The memory is replaced under either rule, and the first frame always replaces all.
    """
    beta = torch.ones_like(look.beta) if state.fresh or rule == "cut3r" else look.beta
    return replace(state, tokens=moved(state.tokens, look.candidate, beta), memory=look.memory, fresh=False)


def moved(tokens: Tensor, candidate: Tensor, beta: Tensor) -> Tensor:
    """S' = S + beta (C - S), with one beta in (0, 1) per token (B, N)."""
    return tokens + beta[..., None] * (candidate - tokens)
