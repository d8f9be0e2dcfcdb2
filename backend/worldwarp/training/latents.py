"""What ST-Diff is trained on: the latents of clips and of their warps, made once and mapped into memory.

A pool is a folder. For each of c clips, i = c x sources items with a source frame, a kind of warp and a context of
their own (paper section 4.1, equations 2 to 4):

    true.npy     (c, C, T', H', W') float16: the clip's latents, normalised
    warped.npy   (i, C, T', H', W') float16: those of its warp, made as in ``diffusion.st_diff.fill``
    valid.npy    (i, T', h, w) bool: the tokens that carry a warp or context
    context.npy  (i,) uint8: latent frames at the start that are context
    text.npy     (t, L, D) float16, and said.npy (c,): which of them each clip has; where there are words; 0: none
    pool.json    what it was made of, and how many clips are done
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from worldwarp_protocol import files
from worldwarp_protocol.errors import WorldWarpError

from ..diffusion.noise import Mask, valid_tokens
from ..diffusion.st_diff import before_vae
from ..diffusion.vae import Vae, encode
from ..nouns import Bytes, Floats, Priors, Provenance, View
from ..pipeline import with_context
from . import warps
from .clips import Clip

CONTEXTS = (0, 1, 5)
"""Frames of context, 0 to 2 latent ones: none, the picture, the paper's overlap."""

KINDS: tuple[warps.Kind, ...] = ("exact", "wrong", "cache")

Half = NDArray[np.float16]

History = Callable[[Clip, int], Bytes]
"""``history(clip, seed)``: the clip's frames (n, H, W, 3) as they are known when they are warped."""


class Clips(Protocol):
    """Clips by number: a ``clips.Pool``, or ``datasets.Clips``."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Clip: ...


@dataclass(frozen=True)
class Recipe:
    """How items are made of clips."""

    sources: int = 4
    """Warps of each clip."""
    shares: tuple[float, float, float] = (0.4, 0.4, 0.2)
    """Of exact warps, of wrong ones, and of those from the Gaussian cache, which take longest to make."""
    cache_steps: int = warps.CACHE_STEPS
    gaps: float = 0.0
    """Share of a token that may be blank where it counts as known."""
    seed: int = 0


@dataclass(frozen=True)
class Latents:
    """A pool, mapped into memory; shapes as in the module."""

    true: Half
    warped: Half
    valid: Mask
    context: NDArray[np.uint8]
    text: Half | None = None
    said: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.warped)

    def true_of(self, item: int) -> Half:
        """The true latents (C, T', H', W') that an item's warp shows a part of."""
        found: Half = self.true[self.clip_of(item)]
        return found

    def clip_of(self, item: int) -> int:
        """The clip that an item is made of."""
        return item * len(self.true) // len(self.warped)


@dataclass(frozen=True)
class Item:
    """One warp of a clip, before it is encoded."""

    priors: Priors
    """Context in place of the first ones."""
    context: int
    """Frames."""


def item(clip: Clip, recipe: Recipe, number: int, history: History | None = None) -> Item:
    """The warp ``number`` of a pool; a pure function of its arguments.

    Args:
        history: what the frames look like to the one who warps them; None: as they are.
    """
    draw = np.random.default_rng([recipe.seed, number])
    seed = int(draw.integers(2**31))
    if history is not None:
        clip = Clip(torch.from_numpy(history(clip, seed)), clip.depth, clip.K, clip.camera_to_world)
    kind = KINDS[int(draw.choice(len(KINDS), p=recipe.shares))]
    context = int(draw.choice(CONTEXTS))
    source = int(draw.integers(len(clip.rgb)))
    return Item(with_context(warps.warp(clip, source, kind, seed, recipe.cache_steps), views(clip, context)), context)


def views(clip: Clip, count: int) -> list[View]:
    """The first ``count`` frames as the loop knows them."""
    rgb, depth = np.asarray(clip.rgb), np.asarray(clip.depth)
    picture = np.full(depth.shape[1:], Provenance.PICTURE, np.uint8)
    return [View(i, rgb[i], depth[i], picture) for i in range(count)]


def make(
    folder: Path,
    clips: Clips,
    vae: Vae,
    recipe: Recipe,
    history: History | None = None,
    prompts: Sequence[str] = (),
    embed: Callable[[str], torch.Tensor] | None = None,
    said: Callable[[int, int], None] = lambda *_: None,
) -> Latents:
    """Make a pool, or go on with one that was interrupted.

    Args:
        clips: of one size, 4k + 1 frames.
        vae: trained; it decides device and precision.
        history: as ``item``. With ``st_diff.imagined`` the warps are of what the network itself generated.
        prompts: one for each clip, with ``embed``, text to (L, D).
        said: called with the clips done and their number.

    Raises:
        WorldWarpError: the folder holds a pool of something else, or there is not one prompt for each clip.
    """
    about = {"recipe": asdict(recipe), "clips": len(clips), "vae": digest(vae), "words": list(prompts)}
    done = _begun(folder, about)
    if done == 0:
        _begin(folder, clips, vae, recipe)
        _words(folder, prompts, embed)
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in ("true", "warped", "valid", "context")}
    for c in range(done, len(clips)):
        clip = clips[c]
        arrays["true"][c] = _encoded(vae, _pictures(clip))
        for i in range(c * recipe.sources, (c + 1) * recipe.sources):
            made = item(clip, recipe, i, history)
            arrays["warped"][i] = _encoded(vae, before_vae(made.priors))
            arrays["valid"][i] = valid_tokens(made.priors.valid, "covered", 0, recipe.gaps)
            arrays["context"][i] = -(-made.context // 4)
        for array in arrays.values():
            array.flush()
        _note(folder, about, c + 1)
        said(c + 1, len(clips))
    return read(folder)


def read(folder: Path) -> Latents:
    """A finished pool.

    Raises:
        WorldWarpError: there is none, or it is not finished.
    """
    about = _about(folder)
    if about is None or about["done"] < about["made_of"]["clips"]:
        raise WorldWarpError(f"{folder} holds no finished pool of latents; make it again: it goes on where it ended.")
    words = ("text", "said") if (folder / "text.npy").exists() else ()
    names = ("true", "warped", "valid", "context", *words)
    return Latents(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names})


def name_of(vae: Vae, recipe: Recipe, *more: str) -> str:
    """A folder's name that other latents of the same clips do not have; ``more`` says what else they depend on."""
    return hashlib.sha256("\n".join([digest(vae), repr(recipe), *more]).encode()).hexdigest()[:12]


def digest(network: torch.nn.Module) -> str:
    """Of a network's weights."""
    found = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        found.update(name.encode())
        found.update(value.cpu().float().numpy().tobytes())
    return found.hexdigest()


def _encoded(vae: Vae, frames: Floats) -> Floats:
    latents: Floats = encode(vae, frames).cpu().numpy()
    return latents


def _pictures(clip: Clip) -> Floats:
    return np.asarray(clip.rgb, np.float32) / np.float32(255)


def _begin(folder: Path, clips: Clips, vae: Vae, recipe: Recipe) -> None:
    """The arrays at their full length; what is not written yet takes no room on most disks."""
    folder.mkdir(parents=True, exist_ok=True)
    first = clips[0]
    latents = _encoded(vae, _pictures(first)).shape
    tokens = valid_tokens(np.ones(first.depth.shape, bool), "covered", 0).shape
    items = len(clips) * recipe.sources
    shapes: dict[str, tuple[Any, tuple[int, ...]]] = {
        "true": (np.float16, (len(clips), *latents)),
        "warped": (np.float16, (items, *latents)),
        "valid": (np.bool_, (items, *tokens)),
        "context": (np.uint8, (items,)),
    }
    for name, (dtype, shape) in shapes.items():
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)


def _words(folder: Path, prompts: Sequence[str], embed: Callable[[str], torch.Tensor] | None) -> None:
    if embed is None:
        return
    texts = ["", *dict.fromkeys(text for text in prompts if text)]
    np.save(folder / "text.npy", torch.stack([embed(text) for text in texts]).half().numpy())
    np.save(folder / "said.npy", np.array([texts.index(text) for text in prompts], np.int64))


def _begun(folder: Path, made_of: dict[str, Any]) -> int:
    """How many clips of such a pool are done."""
    about = _about(folder)
    if about is None:
        return 0
    if about["made_of"] != json.loads(json.dumps(made_of)):
        raise WorldWarpError(f"{folder} holds a pool of other latents; choose another folder.")
    return int(about["done"])


def _about(folder: Path) -> dict[str, Any] | None:
    path = folder / "pool.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any]) if path.exists() else None


def _note(folder: Path, made_of: dict[str, Any], done: int) -> None:
    files.write(folder / "pool.json", json.dumps({"made_of": made_of, "done": done}, indent=1).encode())
