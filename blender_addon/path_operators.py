"""The Path step as operators: from words or a curve to keys, and what they would know."""

import bpy
import numpy as np

from . import along, camera_files, draft, health, look, moves, order, rework, strip, words
from .actions import Action, reachable
from .geometry_operators import Inquiring
from .problems import Problem
from .writing import Writing


class WORLDWARP_OT_write_path(Writing):
    """Write the path as keyframes, from the walk's first frame on; keys that are there are kept in another action"""

    bl_idname = "worldwarp.write_path"
    bl_label = "Write Keyframes"

    def write(self, context) -> None:
        path = words.walk(context)
        self.key(context, path.frame, path.K, path.camera_to_world)


class WORLDWARP_OT_follow_curve(Writing):
    """Write a path along the curve as keyframes, over the walk's frames"""

    bl_idname = "worldwarp.follow_curve"
    bl_label = "Write Keyframes from Curve"

    def write(self, context) -> None:
        scene, settings = context.scene, context.scene.worldwarp.words
        if settings.curve is None:
            raise Problem("There is no curve: choose one")
        start = words.first_camera(context)
        frame = np.array(order.frames_of(scene))
        line = along.polyline(settings.curve)
        if settings.at_camera:
            line = line + start.centres[0] - line[0]
        shares = words.presets.EASINGS[settings.easing](np.linspace(0, 1, len(frame)))
        places, ways = along.at_shares(line, shares)
        before = start.camera_to_world[0, :3, :3]
        poses = np.tile(start.camera_to_world, (len(frame), 1, 1))
        poses[:, :3, 3] = places
        if settings.look != "KEEP":
            poses = along.looking(places, self._ways(context, places, ways, int(frame[0])), before)
        self.key(context, frame, np.repeat(start.K, len(frame), axis=0), poses)

    def _ways(self, context, places, ways, frame: int) -> np.ndarray:
        look = context.scene.worldwarp.words.look
        if look == "AHEAD":
            return ways
        found = words.places(context, frame)
        if look.lower() not in found:
            raise Problem("There is no object to look at: choose one")
        ways = found[look.lower()] - places
        if np.linalg.norm(ways, axis=1).min() < 1e-6:
            raise Problem("The curve runs through what the camera looks at: move one of them")
        return ways


class WORLDWARP_OT_check_path(Action):
    """Look along the camera's path: how much of each frame the picture knows, and markers where it is too little"""

    bl_idname = "worldwarp.check_path"
    bl_label = "Check Path"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context) -> set[str]:
        threshold = context.scene.worldwarp.words.threshold / 100
        try:
            found = health.check(context)
        except Problem as problem:
            return self.refuse(problem)
        health.mark(context.scene, found, threshold)
        self.report({"INFO"}, ". ".join(health.sentences(found, threshold)))
        strip.redraw()
        return {"FINISHED"}


class WORLDWARP_OT_draft_path(Inquiring):
    """Let the server draw all frames as far as the picture knows them; the draft shows them while you scrub"""

    bl_idname = "worldwarp.draft_path"
    bl_label = "Draft of Whole Path"
    problems = staticmethod(order.problems)

    def invoke(self, context, event) -> set[str]:
        context.window_manager.worldwarp.look = True
        if context.scene.worldwarp.source != "RENDER":
            return super().invoke(context, event)
        try:
            draft.begin(context, reachable())
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def start(self, context) -> None:
        draft.ask(context, reachable())


class WORLDWARP_OT_clear_check(Action):
    """Remove the strip and the markers"""

    bl_idname = "worldwarp.clear_check"
    bl_label = "Clear"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context) -> set[str]:
        health.forget()
        health.unmark(context.scene)
        strip.redraw()
        return {"FINISHED"}


CLASSES = (
    WORLDWARP_OT_write_path,
    WORLDWARP_OT_follow_curve,
    *rework.CLASSES,
    *camera_files.CLASSES,
    WORLDWARP_OT_check_path,
    WORLDWARP_OT_draft_path,
    WORLDWARP_OT_clear_check,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    moves.register()
    strip.register()
    look.register()


def unregister() -> None:
    look.unregister()
    strip.unregister()
    moves.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
