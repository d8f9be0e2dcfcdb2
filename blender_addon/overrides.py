"""What differs in single ranges of a walk: entries that name a range by one of its frames."""

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty

from . import bounds
from .diffusion import PROMPT, SIGMA, STYLE, exact, wanted
from .problems import Problem
from .ranges import Range, cut, holding

FIELDS = ("seed", "prompt", "style", "negative_prompt", "sigma")
"""What an entry may change, named as in ``messages.Override``; each has a switch ``use_*`` beside it."""

DRAFT = ("seed",)
"""What draft has a use for."""


class WorldWarpPart(bpy.types.PropertyGroup):
    frame: IntProperty(name="Frame", description="Any frame of the range that is to differ", default=1)
    use_seed: BoolProperty(name="Seed", description="A seed of its own: another try of this range")
    seed: IntProperty(name="Seed", description="Of this range", **{"min": 0, **bounds.of("Settings", "seed")})
    use_prompt: BoolProperty(name="Prompt", description="A prompt of its own")
    prompt: StringProperty(**PROMPT)
    use_style: BoolProperty(name="Style", description="A style of its own")
    style: StringProperty(**STYLE)
    use_negative_prompt: BoolProperty(name="Negative", description="What should not be seen in this range")
    negative_prompt: StringProperty(name="Negative Prompt", **bounds.of("Diffusion", "negative_prompt"))
    use_sigma: BoolProperty(name="Freedom", description="A freedom of its own")
    sigma: FloatProperty(**SIGMA)
    locked: BoolProperty(name="Locked", description="This range must not be computed anew")

    def changes(self) -> dict:
        """What it changes, by name."""
        return {name: exact(getattr(self, name)) for name in FIELDS if getattr(self, f"use_{name}")}


def ranges_of(shot, walk: range) -> tuple[Range, ...]:
    """How the server will cut ``walk``."""
    if not walk:
        return ()
    length, overlap = (bounds.default("Settings", name) for name in ("chunk_frames", "context_frames"))
    return cut(len(walk), length, overlap, int(shot.every))


def range_at(shot, walk: range, frame: int) -> int:
    """The range that adds ``frame``.

    Raises:
        Problem: it is not one of the walk.
    """
    if frame not in walk:
        there = f"{walk[0]} to {walk[-1]}" if walk else "which has no frames"
        raise Problem(f"Frame {frame} of Ranges is outside the walk, {there}: choose another")
    return holding(ranges_of(shot, walk), frame - walk[0])


def entry_at(shot, walk: range, index: int):
    """The entry of the range at ``index``, or None."""
    one = ranges_of(shot, walk)[index]
    first, last = one.among(walk)
    return next((entry for entry in shot.parts if first <= entry.frame <= last), None)


def entry_for(shot, walk: range, frame: int):
    """The entry of the range that adds ``frame``; a new one, which changes nothing yet, where there is none.

    Raises:
        Problem: the frame is not one of the walk.
    """
    entry = entry_at(shot, walk, range_at(shot, walk, frame))
    if entry is None:
        entry = shot.parts.add()
        entry.frame, entry.sigma = frame, shot.diffusion.sigma
    return entry


def locked(shot, walk: range) -> list[int]:
    """The ranges that must not be computed anew."""
    entries = [entry for entry in shot.parts if entry.locked and entry.frame in walk]
    return sorted({range_at(shot, walk, entry.frame) for entry in entries})


def sent(shot, walk: range) -> list[dict]:
    """``messages.Override`` by name, in the order of the ranges; entries outside the walk wait until it is longer.

    Raises:
        Problem: two entries name the same range.
    """
    found = {}
    for entry in shot.parts:
        if entry.frame not in walk:
            continue
        index = range_at(shot, walk, entry.frame)
        if index in found:
            first, last = ranges_of(shot, walk)[index].among(walk)
            raise Problem(f"Two entries of Ranges name frames {first} to {last}: remove one")
        found[index] = {name: value for name, value in entry.changes().items() if wanted(shot) or name in DRAFT}
    return [{"chunk": index, **changes} for index, changes in sorted(found.items()) if changes]


def register() -> None:
    bpy.utils.register_class(WorldWarpPart)


def unregister() -> None:
    bpy.utils.unregister_class(WorldWarpPart)
