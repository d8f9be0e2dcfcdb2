"""A take in another time: its frames, its camera and its solved camera go faster or slower together.

Each frame of the timeline shows a whole frame of the take, from where that was taken: slower, frames are held; faster,
some are left out. So what stands in the generated world stays where it stands; nothing between frames is made up.
"""

from dataclasses import dataclass

import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import FloatProperty, IntProperty, StringProperty

from . import compositing, reading, solved, takes
from .camera import Raster, lens_of
from .keyed import key_poses, keyframe
from .pieces import to_the_end
from .problems import Problem
from .takes_operators import TAKE, TakeAction, chosen

MOST_FRAMES = 100_000
"""Of the timeline; slower than that is a slip of the hand."""


@dataclass(frozen=True)
class Times:
    """Which frame of a take each frame of the timeline shows: ``index`` (m,), from 0, at ``frame`` (m,), one by one."""

    frame: np.ndarray
    index: np.ndarray


def times(taken: np.ndarray, speed: float, first: int) -> Times:
    """Frames that were taken at ``taken`` (n,), rising, ``speed`` times as fast, from frame ``first`` on.

    Raises:
        Problem: that would never end.
    """
    count = int(np.ceil((taken[-1] + 1 - taken[0]) / speed - 1e-6))
    if count > MOST_FRAMES:
        raise Problem(f"That would be {count:,} frames: choose a higher speed")
    time = taken[0] + np.floor(np.arange(count) * speed + 1e-6)
    return Times(first + np.arange(count), np.searchsorted(taken, time, side="right") - 1)


def retime(scene, take, speed: float, first: int | None = None) -> int:
    """Let ``take`` go ``speed`` times as fast as it was made, from frame ``first`` on, by default where it begins now.

    Returns:
        The last frame.

    Raises:
        Problem: its folder or its camera is gone.
    """
    camera, user = takes.camera_of(take), takes.user_of(take)
    if user is None:
        raise Problem(f"The camera of {take.name} or its frames are gone: import the result again")
    if takes.COUNT not in take:
        take[takes.COUNT] = user.frame_duration
    made = reading.read_cameras(takes.folder_of(take) / "cameras.npz")
    first = user.frame_start if first is None else first
    wanted = times(made.frame[: takes.frame_count(take)], speed, first)
    offsets = wanted.index - np.arange(len(wanted.index))
    user.frame_start, user.frame_duration, take[takes.OFFSETS] = first, len(offsets), offsets.tolist()
    _key(camera, take, made, wanted)
    compositing.refresh(scene, take)
    return int(wanted.frame[-1])


def _key(camera, take, made: reading.Cameras, wanted: Times) -> None:
    """Key lens, frames and poses anew, in place of the keys that came; what is followed now is followed then."""
    data, follows_solved = camera.data, solved.SOLVED in camera and solved.shown(camera, solved.SOLVED)
    for action in _actions(camera):
        bpy.data.actions.remove(action)
    ratio = made.K[0, 0, 0] / made.K[0, 1, 1]
    lenses = lens_of(made.K[wanted.index].transpose(1, 2, 0), Raster(made.width, made.height, 1.0, ratio))
    optics = {field: getattr(lenses, field)[:, None] for field in ("lens", "shift_x", "shift_y")}
    keyframe(data, wanted.frame, optics | {takes.offset_path(take): np.array(take[takes.OFFSETS])[:, None]})
    if made.solved is not None:
        to_the_end(key_poses(camera, wanted.frame, made.solved.camera_to_world[wanted.index]))
        solved.keep(camera, solved.SOLVED)
    to_the_end(key_poses(camera, wanted.frame, made.camera_to_world[wanted.index]))
    if made.solved is not None:
        solved.keep(camera, solved.REQUESTED)
        solved.switch(camera, solved.SOLVED if follows_solved else solved.REQUESTED)


def _actions(camera) -> set:
    """What the importer, or we, keyed of ``camera``; not what others use, too, or the user keeps."""
    used = [thing.animation_data.action for thing in (camera, camera.data) if thing.animation_data]
    found = [action for action in (*used, camera.get(solved.SOLVED), camera.get(solved.REQUESTED)) if action]
    return {action for action in found if action.library is None and action.users == found.count(action)}


class WORLDWARP_OT_retime_take(TakeAction):
    """Let this take go faster or slower: frames, camera and solved camera together; 1 is as it was made"""

    bl_idname = "worldwarp.retime_take"
    bl_label = "Retime Take"

    take: StringProperty(**TAKE)
    speed: FloatProperty(
        name="Speed", description="2 shows every 2nd frame, 0.5 holds each for two", default=1, min=0.01, max=100
    )
    first: IntProperty(name="First Frame", description="Of the timeline; where the take begins", default=1)

    def invoke(self, context, event) -> set[str]:
        try:
            user = takes.user_of(chosen(context.scene, self.take))
        except Problem as problem:
            return self.refuse(problem)
        self.first = user.frame_start if user else context.scene.frame_start
        return context.window_manager.invoke_props_dialog(self)

    def act(self, context, take) -> None:
        first = self.first if self.properties.is_property_set("first") else None
        last = retime(context.scene, take, self.speed, first)
        self.report({"INFO"}, rpt_("The take now ends at frame {}").format(last))
