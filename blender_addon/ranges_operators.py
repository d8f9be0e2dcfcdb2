"""What can be done to a range of the walk, each named by any of its frames."""

import atexit

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import CollectionProperty, IntProperty, PointerProperty

from . import order, overrides, pump, ranges_forecast, shooting
from .actions import Action, idle, reachable
from .operators import RunErrand
from .problems import Problem
from .properties import finished
from .state import STATE


class WorldWarpRange(bpy.types.PropertyGroup):
    """A row of the list; what it shows is in the forecast of the window's scene."""


class WorldWarpRanges(bpy.types.PropertyGroup):
    shown: CollectionProperty(type=WorldWarpRange)
    active: IntProperty(name="Range", description="The one whose settings are shown")


class Ranging(Action):
    """An action on the range that adds ``frame``."""

    bl_options = {"REGISTER", "UNDO"}

    frame: IntProperty(
        name="Frame", description="Any frame of the range; by default the current one", options={"SKIP_SAVE"}
    )

    def execute(self, context) -> set[str]:
        scene = context.scene
        frame = self.frame if self.properties.is_property_set("frame") else scene.frame_current
        try:
            self.change(scene, order.frames_of(scene), frame)
        except Problem as problem:
            return self.refuse(problem)
        pump.redraw()
        return {"FINISHED"}


class WORLDWARP_OT_part_add(Ranging):
    """Give this range settings of its own"""

    bl_idname = "worldwarp.part_add"
    bl_label = "Own Settings"

    def change(self, scene, walk: range, frame: int) -> None:
        overrides.entry_for(scene.worldwarp, walk, frame)


class WORLDWARP_OT_part_remove(Ranging):
    """Let this range be as the others again"""

    bl_idname = "worldwarp.part_remove"
    bl_label = "As the Others"

    def change(self, scene, walk: range, frame: int) -> None:
        shot = scene.worldwarp
        entry = overrides.entry_at(shot, walk, overrides.range_at(shot, walk, frame))
        if entry is None:
            raise Problem("This range has no settings of its own")
        shot.parts.remove(list(shot.parts).index(entry))


class WORLDWARP_OT_lock_range(Ranging):
    """Never compute this range anew: Generate refuses what would change it, until it is unlocked"""

    bl_idname = "worldwarp.lock_range"
    bl_label = "Lock Range"

    def change(self, scene, walk: range, frame: int) -> None:
        entry = overrides.entry_for(scene.worldwarp, walk, frame)
        entry.locked = not entry.locked


class WORLDWARP_OT_use_caption(Ranging):
    """Take the words that were written for this range as its prompt, to change them"""

    bl_idname = "worldwarp.use_caption"
    bl_label = "Edit Caption"

    def change(self, scene, walk: range, frame: int) -> None:
        rows = ranges_forecast.forecast(scene).rows
        row = next((row for row in rows if row.first <= frame <= row.last), None)
        if row is None or not row.meta.get("prompt"):
            raise Problem("No words were written for this range")
        entry = overrides.entry_for(scene.worldwarp, walk, frame)
        entry.use_prompt, entry.prompt = True, str(row.meta["prompt"])


class Making(Ranging):
    """An action that generates what it has changed; scripts wait for it, as for Generate."""

    how = "EXEC_DEFAULT"

    @classmethod
    def poll(cls, context) -> bool:
        return idle(cls, pump.RUN)

    def invoke(self, context, event) -> set[str]:
        self.how = "INVOKE_DEFAULT"
        return self.execute(context)

    def execute(self, context) -> set[str]:
        changed = super().execute(context)
        if changed != {"FINISHED"}:
            return changed
        try:
            bpy.ops.worldwarp.generate(self.how)
        except RuntimeError as error:  # said by Generate; what was changed stays, and is one step to undo
            self.report({"ERROR"}, str(error).split("poll() ")[-1].removeprefix("Error: ").strip())
        return {"FINISHED"}


def check_made(scene, first: int, last: int) -> None:
    """Raise ``Problem`` where no take has all of the frames from ``first`` to ``last``."""
    for take in ranges_forecast.takes_of(scene):
        made = [one.among(take.frame) for one, _ in zip(take.ranges, take.made, strict=False)]
        if made and made[0][0] <= first and last <= made[-1][1]:
            return
    raise Problem("Nothing was generated of these frames yet: press Generate")


class WORLDWARP_OT_regenerate(Making):
    """Try again from this range on, with another seed: what is before it is kept"""

    bl_idname = "worldwarp.regenerate"
    bl_label = "Regenerate from Here"

    def change(self, scene, walk: range, frame: int) -> None:
        shot = scene.worldwarp
        check_made(scene, *_span(shot, walk, frame))
        entry = overrides.entry_for(shot, walk, frame)
        used = entry.seed if entry.use_seed else shot.seed
        entry.use_seed, entry.seed = True, used + 1


class WORLDWARP_OT_roll_back(Making):
    """End the walk with this range, as a new take; earlier takes stay, and a longer range goes on from here"""

    bl_idname = "worldwarp.roll_back"
    bl_label = "Roll Back to Here"

    def change(self, scene, walk: range, frame: int) -> None:
        shot = scene.worldwarp
        first, last = _span(shot, walk, frame)
        check_made(scene, first, last)
        if last == walk[-1]:
            return
        shot.use_scene_range, shot.frame_start, shot.frame_end = False, walk[0], last
        said = rpt_("The walk is frames {} to {} now, no longer to {}; Scene Range is off")
        self.report({"INFO"}, said.format(walk[0], last, walk[-1]))


def _span(shot, walk: range, frame: int) -> tuple[int, int]:
    """First and last frame of the range that adds ``frame``."""
    return overrides.ranges_of(shot, walk)[overrides.range_at(shot, walk, frame)].among(walk)


class WORLDWARP_OT_generate_next(RunErrand):
    """Generate the next range that is new, and stop there"""

    bl_idname = "worldwarp.generate_next"
    bl_label = "Next Range Only"

    @classmethod
    def poll(cls, context) -> bool:
        found = order.problems(context.scene) if idle(cls, pump.RUN) else None
        if found:
            cls.poll_message_set(found[0])
        return found == []

    def invoke(self, context, event) -> set[str]:
        try:
            begin = shooting.begin if context.scene.worldwarp.source == "RENDER" else shooting.send
            begin(context, reachable(), only_next=True)
            finished("picture", "geometry", "path")
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def start(self, context) -> None:
        shooting.send(context, reachable(), only_next=True)


class WORLDWARP_OT_stop_after_range(Ranging):
    """Finish this range, then stop and import what is there"""

    bl_idname = "worldwarp.stop_after_range"
    bl_label = "Stop after This One"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context) -> bool:
        if not pump.busy(pump.RUN) or STATE.run is None or STATE.run.over:
            cls.poll_message_set(rpt_("Nothing is being generated"))
            return False
        return True

    def change(self, scene, walk: range, frame: int) -> None:
        from . import plan

        take = plan.read(STATE.run.folder)
        ranges = take.ranges if take else ()
        spans = [one.among(take.frame) for one in ranges]
        index = next((i for i, (first, last) in enumerate(spans) if first <= frame <= last), None)
        if index is None:
            raise Problem(f"Frame {frame} is not one of the run's")
        STATE.run.stop_after = index
        pump.stop_after(index)


class WORLDWARP_OT_look_ahead(Action):
    """Go along the path frame by frame, to tell which ranges are kept: its curves alone do not tell where it goes"""

    bl_idname = "worldwarp.look_ahead"
    bl_label = "Compare with Takes"

    def execute(self, context) -> set[str]:
        try:
            ranges_forecast.look(context.scene, context.evaluated_depsgraph_get())
        except Problem as problem:
            return self.refuse(problem)
        ranges_forecast.tell(context.scene)
        pump.redraw()
        return {"FINISHED"}


CLASSES = (
    WorldWarpRange,
    WorldWarpRanges,
    WORLDWARP_OT_part_add,
    WORLDWARP_OT_part_remove,
    WORLDWARP_OT_lock_range,
    WORLDWARP_OT_use_caption,
    WORLDWARP_OT_regenerate,
    WORLDWARP_OT_roll_back,
    WORLDWARP_OT_generate_next,
    WORLDWARP_OT_stop_after_range,
    WORLDWARP_OT_look_ahead,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.WindowManager.worldwarp_ranges = PointerProperty(type=WorldWarpRanges, options={"SKIP_SAVE"})
    atexit.register(ranges_forecast.forget)


def unregister() -> None:
    atexit.unregister(ranges_forecast.forget)
    ranges_forecast.forget()
    del bpy.types.WindowManager.worldwarp_ranges
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
