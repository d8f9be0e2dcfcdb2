"""What differs in single parts of a walk: entries that name a part by one of its frames."""

from dataclasses import dataclass

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty

from . import bounds
from .diffusion import PROMPT, SIGMA, STYLE, exact
from .problems import Problem

FIELDS = ("seed", "prompt", "style", "sigma")
"""What an entry may change, named as in ``messages.Override``; each has a switch ``use_*`` beside it."""


@dataclass(frozen=True)
class Plan:
    """How the server cuts a walk: the first part has ``length`` frames, each later one adds what does not overlap."""

    length: int
    context: int

    def part(self, index: int) -> int:
        """Of the frame at ``index`` in the walk, both from 0."""
        return 0 if index < self.length else 1 + (index - self.length) // (self.length - self.context)

    def frames(self, part: int, walk: range) -> range:
        """Which frames of the timeline a part adds."""
        new = self.length - self.context
        start = 0 if part == 0 else self.length + (part - 1) * new
        return walk[start : self.length + part * new]


def plan() -> Plan:
    """The plan of the shots that are sent from here."""
    return Plan(bounds.default("Settings", "chunk_frames"), bounds.default("Settings", "context_frames"))


class WorldWarpPart(bpy.types.PropertyGroup):
    frame: IntProperty(name="Frame", description="Any frame of the part that is to differ", default=1)
    use_seed: BoolProperty(name="Seed", description="A seed of its own: another try of this part")
    seed: IntProperty(name="Seed", description="Of this part", **{"min": 0, **bounds.of("Settings", "seed")})
    use_prompt: BoolProperty(name="Prompt", description="A prompt of its own")
    prompt: StringProperty(**PROMPT)
    use_style: BoolProperty(name="Style", description="A style of its own")
    style: StringProperty(**STYLE)
    use_sigma: BoolProperty(name="Freedom", description="A freedom of its own")
    sigma: FloatProperty(**SIGMA)

    def changes(self) -> dict:
        """What it changes, by name."""
        return {name: exact(getattr(self, name)) for name in FIELDS if getattr(self, f"use_{name}")}


def part_of(entry, walk: range) -> int:
    """The part that ``entry`` names.

    Raises:
        Problem: its frame is not one of the walk.
    """
    if entry.frame not in walk:
        raise Problem(f"Frame {entry.frame} of Parts is outside the range {walk[0]} to {walk[-1]}: choose another")
    return plan().part(entry.frame - walk[0])


def sent(shot, walk: range) -> list[dict]:
    """``messages.Override`` by name, in the order of the parts.

    Raises:
        Problem: an entry lies outside the walk, or two name the same part.
    """
    found = {}
    for entry in shot.parts:
        part = part_of(entry, walk)
        if part in found:
            frames = plan().frames(part, walk)
            raise Problem(f"Two entries of Parts name frames {frames[0]} to {frames[-1]}: remove one")
        found[part] = entry.changes()
    return [{"chunk": part, **changes} for part, changes in sorted(found.items()) if changes]


class WORLDWARP_OT_part_add(bpy.types.Operator):
    """Let the part of the walk at the current frame differ from the others"""

    bl_idname = "worldwarp.part_add"
    bl_label = "Add Part"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context) -> set[str]:
        shot = context.scene.worldwarp
        entry = shot.parts.add()
        entry.frame, entry.sigma = context.scene.frame_current, shot.diffusion.sigma
        shot.part = len(shot.parts) - 1
        return {"FINISHED"}


class WORLDWARP_OT_part_remove(bpy.types.Operator):
    """Let this part be as the others again"""

    bl_idname = "worldwarp.part_remove"
    bl_label = "Remove Part"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context) -> bool:
        shot = context.scene.worldwarp
        return 0 <= shot.part < len(shot.parts)

    def execute(self, context) -> set[str]:
        shot = context.scene.worldwarp
        shot.parts.remove(shot.part)
        shot.part = max(0, min(shot.part, len(shot.parts) - 1))
        return {"FINISHED"}


CLASSES = (WorldWarpPart, WORLDWARP_OT_part_add, WORLDWARP_OT_part_remove)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
