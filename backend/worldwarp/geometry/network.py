"""The network on a page: a picture is encoded, decoded together with what is remembered, and read off by heads.

CUT3R (arXiv 2501.12387) with the update rule of TTT3R (arXiv 2509.26645). Attributes bear the checkpoint's names.
"""

from collections import defaultdict
from dataclasses import dataclass
from math import isqrt
from typing import Any, cast

import torch
from torch import Tensor, nn

from .blocks import DecoderBlock, EncoderBlock, PatchEmbed, layer_norm
from .config import PATCH, TTT3RConfig
from .heads import Heads
from .memory import PoseMemory
from .rope import grid_positions, rotation

RAY_CHANNELS = 6
RAY_HEADS = 16
"""Of the ray map's encoder, whatever its width."""


@dataclass(frozen=True)
class State:
    """All that the network remembers of the frames it has seen: its size does not depend on how many."""

    tokens: Tensor
    """(B, state_size, dec_embed_dim): the scene."""
    memory: Tensor
    """(B, local_mem_size, 2 dec_embed_dim): the poses."""
    fresh: bool = True
    """Whether no frame was seen yet, or none since a reset."""


@dataclass(frozen=True)
class Look:
    """What the decoders make of one frame, before any head."""

    levels: tuple[Tensor, Tensor, Tensor, Tensor]
    """Tokens for the dense heads: of the encoder, from within the decoder twice, and of its end; (B, h * w, C)."""
    grid: tuple[int, int]
    """(h, w)."""
    pose_token: Tensor
    """(B, C), refined."""
    guess: Tensor
    """(B, C), the pose token that went in: learned, or read from the memory."""
    candidate: Tensor
    """(B, state_size, C): the state as this frame would have it."""
    memory: Tensor
    """The pose memory with this frame written to it."""
    beta: Tensor
    """(B, state_size) in (0, 1): how much each state token has to do with this frame."""


class TTT3R(nn.Module):
    """The recurrent network. ``load_state_dict`` takes the checkpoint's names, with or without its tied duplicates."""

    def __init__(self, config: TTT3RConfig) -> None:
        super().__init__()
        self.config = c = config
        enc, dec = c.enc_embed_dim, c.dec_embed_dim
        self.patch_embed, self.patch_embed_ray_map = PatchEmbed(3, enc), PatchEmbed(RAY_CHANNELS, enc)
        self.enc_blocks = nn.ModuleList(EncoderBlock(enc, c.enc_num_heads) for _ in range(c.enc_depth))
        self.enc_blocks_ray_map = nn.ModuleList(EncoderBlock(enc, RAY_HEADS) for _ in range(c.ray_enc_depth))
        self.enc_norm, self.enc_norm_ray_map = layer_norm(enc), layer_norm(enc)

        self.decoder_embed, self.decoder_embed_state = nn.Linear(enc, dec), nn.Linear(enc, dec)
        self.dec_blocks = nn.ModuleList(DecoderBlock(dec, c.dec_num_heads) for _ in range(c.dec_depth))
        self.dec_blocks_state = nn.ModuleList(DecoderBlock(dec, c.state_dec_num_heads) for _ in range(c.dec_depth))
        self.dec_norm, self.dec_norm_state = layer_norm(dec), layer_norm(dec)

        self.register_tokens = nn.Embedding(c.state_size, enc)
        self.pose_token = nn.Parameter(0.02 * torch.randn(1, 1, dec))
        self.pose_retriever = PoseMemory(c.local_mem_size, enc, dec, c.dec_num_heads)
        self.downstream_head = Heads(c)
        # stood in for absent inputs in training; the checkpoint has them, inference has no use for them
        self.masked_img_token = nn.Parameter(0.02 * torch.randn(1, enc))
        self.masked_ray_map_token = nn.Parameter(0.02 * torch.randn(1, enc))
        self.register_load_state_dict_pre_hook(_complete_ties)  # type: ignore[no-untyped-call]

    def initial_state(self, batch: int = 1) -> State:
        """The state before any frame."""
        tokens: Tensor = self.decoder_embed_state(self.register_tokens.weight)
        return State(tokens.expand(batch, -1, -1), self.pose_retriever.mem.expand(batch, -1, -1))

    def encode(self, pictures: Tensor) -> Tensor:
        """Features (B, h * w, C) of pictures (B, 3, H, W) in [-1, 1]."""
        return _encode(pictures, self.patch_embed, self.enc_blocks, self.enc_norm, self.config.enc_num_heads)

    def encode_rays(self, ray_maps: Tensor) -> Tensor:
        """Features (B, h * w, C) of ray maps (B, 6, H, W): to be added to a picture's, or to stand for them."""
        return _encode(ray_maps, self.patch_embed_ray_map, self.enc_blocks_ray_map, self.enc_norm_ray_map, RAY_HEADS)

    def look(self, features: Tensor, grid: tuple[int, int], state: State) -> Look:
        """Decode a frame's features in the light of ``state``, which stays as it is.

        Args:
            features: (B, h * w, C).
            grid: (h, w).
            state: what is remembered.
        """
        summary = features.mean(1, keepdim=True)
        if state.fresh:
            guess = self.pose_token.expand(len(features), -1, -1)
        else:
            guess = self.pose_retriever.read(state.memory, summary)
        frame = torch.cat([guess.to(features), self.decoder_embed(features).to(features)], 1)
        outputs, candidate, beta = self._decode(frame, grid, state.tokens)
        first, second = self.config.taps
        final = self.dec_norm(outputs[-1])
        return Look(
            levels=(features, outputs[first - 1][:, 1:], outputs[second - 1][:, 1:], final[:, 1:]),
            grid=grid,
            pose_token=final[:, 0],
            guess=guess[:, 0],
            candidate=candidate,
            memory=self.pose_retriever.write(state.memory, summary, final[:, :1]),
            beta=beta,
        )

    def own_points(self, look: Look) -> tuple[Tensor, Tensor]:
        """Points (B, H, W, 3) in the frame's own camera (OpenCV axes, metres) and confidence (B, H, W)."""
        return self.downstream_head.own_points(look.levels, look.grid)

    def world_points(self, look: Look) -> tuple[Tensor, Tensor]:
        """The same points and confidence as the network places them in the world itself."""
        return self.downstream_head.world_points(look.levels, look.grid, look.pose_token)

    def colours(self, look: Look) -> Tensor:
        """RGB (B, H, W, 3) in (-1, 1)."""
        return self.downstream_head.colours(look.levels, look.grid)

    def pose(self, look: Look) -> Tensor:
        """(B, 7): t xyz in metres, q wxyz; camera to the world of the first frame since a reset."""
        return self.downstream_head.pose(look.pose_token)

    def _decode(self, x: Tensor, grid: tuple[int, int], s: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Frame x and state s, each attending to the other: x after every block, the candidate state, beta."""
        x_at, s_at = _frame_positions(*grid, x.device), _state_positions(s.shape[1], x.device)
        head_dim, s_head_dim = (x.shape[-1] // n for n in (self.config.dec_num_heads, self.config.state_dec_num_heads))
        ropes = rotation(x_at, head_dim), rotation(s_at, head_dim)
        s_ropes = rotation(s_at, s_head_dim), rotation(x_at, s_head_dim)
        outputs, logits = [], []
        for block, s_block in zip(self.dec_blocks, self.dec_blocks_state, strict=True):
            # both read what the previous pair of blocks left
            (x, _), (s, logit) = block(x, s, *ropes), s_block(s, x, *s_ropes)
            outputs.append(x)
            logits.append(logit)
        return outputs, self.dec_norm_state(s), torch.stack(logits).mean(0).sigmoid()


def _encode(pictures: Tensor, embed: nn.Module, blocks: nn.ModuleList, norm: nn.Module, heads: int) -> Tensor:
    # between the blocks tokens keep the pictures' precision, whatever the blocks compute in
    tokens: Tensor = embed(pictures).to(pictures)
    positions = grid_positions(pictures.shape[-2] // PATCH, pictures.shape[-1] // PATCH, tokens.device)
    rope = rotation(positions, tokens.shape[-1] // heads)
    for block in blocks:
        tokens = block(tokens, rope)
    return cast(Tensor, norm(tokens))


def _frame_positions(rows: int, columns: int, device: torch.device) -> Tensor:
    """(1 + rows * columns, 2): the pose token stands outside, at (-1, -1)."""
    outside = torch.full((1, 2), -1, device=device)
    return torch.cat([outside, grid_positions(rows, columns, device)])


def _state_positions(count: int, device: torch.device) -> Tensor:
    """(count, 2): state tokens stand row by row in a square of even width."""
    width = isqrt(count) + isqrt(count) % 2
    index = torch.arange(count, device=device)
    return torch.stack([index // width, index % width], -1)


def ties(module: nn.Module) -> list[tuple[str, ...]]:
    """Names of parameters that are one tensor: the checkpoint holds convolutions of the dense heads twice."""
    names = defaultdict(list)
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names[id(parameter)].append(name)
    return [tuple(group) for group in names.values() if len(group) > 1]


def _complete_ties(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Of tied names any one is enough."""
    for group in ties(module):
        known = [state_dict[prefix + name] for name in group if prefix + name in state_dict]
        state_dict.update({prefix + name: known[0] for name in group if known})
