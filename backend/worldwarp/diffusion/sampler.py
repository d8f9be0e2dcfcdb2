"""From noise to latents: every token walks down levels of its own (paper section 4.3, equations 9 and 10).

Latents x are (C, T', H', W'); a token covers 2 x 2 of them, so levels are (T', h, w) with h = H'/2 and w = W'/2.
A level is a sigma in [0, 1]: x = (1 - sigma) z + sigma eps, and a model predicts the velocity v = dx/dsigma.
A solver is a function of (model, x, levels, callback); the model is any callable. Both solvers hold these rules:

- A token moves in the steps in which its level changes. In all others it keeps its bits, whatever the model says of it.
  A token that starts at level 0 (context) therefore stays as it is from beginning to end.
- A step in which no token moves does not call the model. Where nothing is blank, the steps above the level that
  everything starts from are such ones: at tau = 0.8 a fifth of all.
- Computation is in float32, whatever the model returns.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""``model(x (C, T', H', W'), levels (T', h, w))``: v, shaped as x."""

Callback = Callable[[int, int, Tensor, Tensor], None]
"""``callback(step, steps, x, clean)`` after each step, counted from 1. ``clean`` is x - sigma v, what the model took
the clean latents for; x itself where it was not called. What it raises ends the work."""


def start(latents: Tensor, noise: Tensor, levels: Tensor) -> Tensor:
    """The latents (C, T', H', W') that the first step starts from, at ``levels`` (T', h, w) (paper equation 10).

    Raises:
        ValueError: the levels are not one for every 2 x 2 latents.
    """
    _check(latents, levels)
    sigma = per_latent(levels)
    return (1 - sigma) * latents + sigma * noise


def per_latent(tokens: Tensor) -> Tensor:
    """Values of tokens (..., h, w) for each latent (..., 2h, 2w)."""
    return tokens.repeat_interleave(2, -2).repeat_interleave(2, -1)


def _silent(step: int, steps: int, x: Tensor, clean: Tensor) -> None:
    pass


def euler(model: Velocity, x: Tensor, levels: Tensor, callback: Callback = _silent) -> Tensor:
    """Euler's method: x += (sigma_next - sigma) v, down ``levels`` (steps + 1, T', h, w).

    Raises:
        ValueError: the levels are not one for every 2 x 2 latents.
    """
    return _descend(model, x, levels, torch.zeros_like(levels[1:]), callback)


def dpmpp_2m(model: Velocity, x: Tensor, levels: Tensor, callback: Callback = _silent) -> Tensor:
    """DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2) for flow matching, down ``levels`` (steps + 1, T', h, w).

    x_next = (sigma_next / sigma) x + (1 - sigma_next / sigma) D', where D' is the clean estimate D = x - sigma v
    extrapolated with the token's own previous one: D' = D + c (D - D_previous).

    Raises:
        ValueError: the levels are not one for every 2 x 2 latents.
    """
    return _descend(model, x, levels, _extrapolation(levels.float()), callback)


SHORT = 4
"""A step this many times as long as the one before it is not extrapolated from that one."""

SOLVERS = {"euler": euler, "dpm++": dpmpp_2m}
"""By their names in the settings."""


def _extrapolation(levels: Tensor) -> Tensor:
    """c = h / (2 h_previous) for each step and token (steps, T', h, w), h being its step in log((1 - sigma) / sigma).

    0, which makes a step Euler's, where there is nothing to extrapolate from (a token's first step; after a step from
    sigma = 1, which is infinitely long) or to (sigma = 0, infinitely far); and after a step less than a quarter as
    long, which a token makes whose start lies just above a level of the schedule: a slope over so little is noise.
    """
    h = ((1 - levels) / levels).log().diff(dim=0)
    moving = levels[1:] != levels[:-1]
    known = moving[1:] & moving[:-1] & (levels[2:] > 0) & (h[:-1] >= h[1:] / SHORT)
    c = torch.zeros_like(levels[1:])
    c[1:] = torch.where(known, h[1:] / (2 * h[:-1]), 0)
    return c


@torch.no_grad()
def _descend(model: Velocity, x: Tensor, levels: Tensor, extrapolation: Tensor, callback: Callback) -> Tensor:
    """Both solvers: the step to D' is Euler's step with v' = (x - D') / sigma = v - c (D - D_previous) / sigma."""
    _check(x, levels[0])
    x = previous = x.float()
    levels, extrapolation = levels.to(x), extrapolation.to(x)
    steps = len(levels) - 1
    for step in range(steps):
        moving = per_latent(levels[step] != levels[step + 1])
        sigma, after, c = (per_latent(tokens) for tokens in (levels[step], levels[step + 1], extrapolation[step]))
        v = model(x, levels[step]).float() if moving.any() else torch.zeros_like(x)
        # A choice, not a product with a mask: what the model says of a token that does not move may be NaN.
        clean = torch.where(sigma > 0, x - sigma * v, x)
        x = torch.where(moving, x + (after - sigma) * (v - c * (clean - previous) / sigma), x)
        previous = clean
        callback(step + 1, steps, x, clean)
    return x


def guidance(
    of_text: Callable[[Tensor], Velocity], texts: Tensor, scale: Tensor | float, together: bool = True
) -> Velocity:
    """Classifier-free guidance (arXiv 2207.12598): v = v_u + g (v_c - v_u).

    ``of_text(texts (B, L, D))`` is a model that returns (B, C, T', H', W'). ``texts`` (2, L, D): what is wanted, what
    is not. ``scale``: g, one for all or one per token (T', h, w). ``together``: as one batch of two, which is faster;
    two batches of one need less memory. With g = 1 everywhere only the first text is asked.
    """
    g = per_latent(scale) if isinstance(scale, Tensor) else torch.tensor(scale)
    if bool((g == 1).all()):
        wanted = of_text(texts[:1])
        return lambda x, levels: wanted(x, levels)[0]
    models = [of_text(batch) for batch in torch.split(texts, 2 if together else 1)]

    def guided(x: Tensor, levels: Tensor) -> Tensor:
        conditional, unconditional = torch.cat([model(x, levels) for model in models]).float().unbind()
        return unconditional + g.to(x.device) * (conditional - unconditional)

    return guided


def _check(x: Tensor, levels: Tensor) -> None:
    wanted = (x.shape[1], x.shape[2] / 2, x.shape[3] / 2)
    if tuple(levels.shape) != wanted:
        raise ValueError(
            f"Noise levels of shape {tuple(levels.shape)} do not fit latents of shape {tuple(x.shape)}: "
            "there must be one for every 2 x 2 latents of each latent frame."
        )
