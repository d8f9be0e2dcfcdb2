"""Planning: the path cut into chunks, and the recipe that names each of them.

A chunk is an immutable folder named by its recipe: the digest of every input that changes its pixels. Resume,
continue, roll back, takes and sharing all follow from it.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import structs
from worldwarp_protocol.messages import Settings

from . import cache, history, profiles
from .cameras import Cameras
from .cameras.sampling import position, positions, sampling
from .geometry import sources
from .nouns import Chunk, Shot

RECIPE_VERSION = 4

STAGES = {"history": history.VERSION, "cache": cache.VERSION}

BETWEEN = "1"
"""Raised when the same frames give others between them; here, for ``between.py`` loads kernels."""

MARGIN = "2"
"""Raised when the same pictures give another depth beyond their border."""

NOT_IN_RECIPE = {"width", "height", "framing", "overscan", "chunk_frames", "every"}
"""Settings that act before a chunk exists: their effect is in the picture, the cameras and the plan."""


def plan(frames: int, settings: Settings, pictures: int = 1) -> list[Chunk]:
    """Cut a path of ``frames`` frames: ``chunk_frames`` first, then overlapping by ``context_frames`` (paper 7).

    Only those that are generated count (``settings.every``). The first chunk's context are the ``pictures`` that are
    given.
    """
    frames = len(positions(frames, settings.every))
    length, context = settings.chunk_frames, settings.context_frames
    chunks = [Chunk(index=0, start=0, stop=min(length, frames), context=pictures)]
    while chunks[-1].stop < frames:
        start = chunks[-1].stop - context
        chunks.append(Chunk(len(chunks), start, min(start + length, frames), context))
    return chunks


def generated(shot: Shot) -> Cameras:
    """The cameras whose frames the loop generates: a path of its own, whose positions are those of ``Chunk``."""
    return sampling(shot.cameras, shot.settings.every)


def at(shot: Shot, index: int) -> int:
    """Position in the shot's path of the loop's frame ``index``."""
    return position(index, len(shot.cameras), shot.settings.every)


def contributed(shot: Shot, chunk: Chunk) -> range:
    """Positions in the shot's path of what a chunk commits: its new frames, and those before each of them."""
    first = at(shot, chunk.first_new - 1) + 1 if chunk.index else 0
    return range(first, at(shot, chunk.stop - 1) + 1)


def covered(cameras: Cameras, chunk: Chunk) -> Cameras:
    """The chunk's cameras, extended along the path at constant velocity to 4k + 1 of them.

    Video models take 4k + 1 frames; what the extension shows is trimmed on output.
    """
    own = cameras[chunk.start : chunk.stop]
    missing = -(len(own) - 1) % 4
    if not missing:
        return own
    poses = list(own.camera_to_world)
    step = np.linalg.inv(poses[-2]) @ poses[-1] if len(poses) > 1 else np.eye(4)
    for _ in range(missing):
        poses.append(poses[-1] @ step)
    return Cameras(
        K=np.concatenate([own.K, np.repeat(own.K[-1:], missing, axis=0)]),
        camera_to_world=np.stack(poses),
        width=own.width,
        height=own.height,
        frame=np.concatenate([own.frame, own.frame[-1] + 1 + np.arange(missing)]),
        fps=own.fps,
    )


def settings_of(shot: Shot, chunk: Chunk) -> Settings:
    """The shot's settings with what the user changed for this chunk."""
    settings = shot.settings
    for override in shot.overrides:
        if override.chunk == chunk.index:
            words = {name: getattr(override, name) for name in ("prompt", "style", "negative_prompt", "sigma")}
            changed = {name: value for name, value in words.items() if value is not None}
            diffusion = structs.replace(settings.diffusion, **changed)
            seed = settings.seed if override.seed is None else override.seed
            settings = structs.replace(settings, seed=seed, diffusion=diffusion)
    return settings


def past(digests: Sequence[str]) -> str | None:
    """One digest for the content of all chunks before a chunk; None where there is none.

    The last one's alone would not do: its content may be the same (all black, say) whatever came before it, and the
    history reaches back beyond it.
    """
    return hashlib.sha256("".join(digests).encode()).hexdigest() if digests else None


def recipe(shot: Shot, chunk: Chunk, previous: str | None, numerics: str) -> dict[str, Any]:
    """Every input that changes the pixels of ``chunk``.

    Args:
        previous: ``past`` of the chunks before it; None for chunk 0, which has the pictures and their depth instead.
        numerics: what computes: device class, dtype, modes (``engines.jobs.numerics``).
    """
    chosen = settings_of(shot, chunk)
    draft = chosen.profile == "draft"
    unused = NOT_IN_RECIPE | ({"diffusion"} if draft else set())
    solved = profiles.eases(chosen)
    unused |= {"memory_frames", "ease_frames"} if previous is None else set()  # there is nothing to remember
    unused |= set() if solved else {"ease_frames"}
    settings = {k: v for k, v in msgspec.to_builtins(chosen).items() if k not in unused}
    path = covered(generated(shot), chunk)
    return {
        "version": RECIPE_VERSION,
        "stages": STAGES,
        "profile": profiles.recipe(chosen),
        "numerics": numerics,
        "settings": settings,
        "solved": solved,
        "context": chunk.context,
        "cameras": _digest(path.K, path.camera_to_world),
        "size": [path.width, path.height],
        "frames": chunk.stop - chunk.start,
        "previous": previous,
        "pictures": None if previous else _digest(shot.pictures),
        "depth": None if previous or shot.depth is None else _digest(shot.depth),
        "mask": None if shot.mask is None else _digest(shot.mask),
        "known": None if previous or shot.known is None else [MARGIN, _digest(shot.known)],
        "sky": None if previous or shot.sky is None else _digest(shot.sky),
        "between": None if shot.settings.every == 1 else _between(shot, chunk),
        # draft estimates a picture without depth; the others estimate what they invented, too
        "source": sources.recipe(chosen.geometry) if shot.depth is None or not draft else None,
    }


def key(recipe: dict[str, Any]) -> str:
    """The recipe's name: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _between(shot: Shot, chunk: Chunk) -> dict[str, Any]:
    whole = shot.cameras[list(contributed(shot, chunk))]
    return {"version": BETWEEN, "every": shot.settings.every, "cameras": _digest(whole.K, whole.camera_to_world)}


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
