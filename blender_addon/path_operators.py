"""The Path step as operators: from words, a curve or a file to keys, other times for them, and what they would know."""

from pathlib import Path

import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty
from mathutils import Matrix

from . import along, draft, health, importer, keys, look, moves, order, strip, words
from .actions import Action, reachable
from .camera import Raster, lens_of, matrix_world, scene_raster
from .geometry_operators import Inquiring
from .problems import Problem


class Writing(Action):
    """An action that writes keys on the followed camera, or on a new one that is followed then."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context) -> bool:
        if order.camera_of(context.scene) is None:
            cls.poll_message_set(rpt_("There is no camera: choose one here, or add one to the scene"))
            return False
        return True

    def execute(self, context) -> set[str]:
        try:
            self.write(context)
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def key(self, context, frame, K, poses) -> None:
        """Write the path, and say what happened."""
        scene = context.scene
        camera = order.camera_of(scene)
        if scene.worldwarp.words.onto == "NEW":
            camera = scene.worldwarp.camera = _copy(context, camera, poses[0])
        said = keys.write(camera, frame, K, poses, scene_raster(scene))
        said += _range_notes(scene, int(frame[-1]))
        self.report({"WARNING"} if said else {"INFO"}, ". ".join([_written(camera, frame), *said]))
        context.view_layer.update()


def _written(camera, frame) -> str:
    return rpt_("Frames {first} to {last} are keyed on {camera}").format(
        first=frame[0], last=frame[-1], camera=camera.name
    )


def _copy(context, camera, pose: np.ndarray):
    """A camera of the same lens at ``pose``, without what else moves the old one."""
    data = camera.data.copy()
    data.animation_data_clear()
    new = bpy.data.objects.new(f"{camera.name} Path", data)
    new.rotation_mode = camera.rotation_mode
    new.matrix_world = Matrix(matrix_world(pose).tolist())
    context.scene.collection.objects.link(new)
    return new


def _range_notes(scene, last: int) -> list[str]:
    """What to know where the path's end is not that of the walk."""
    end = order.frames_of(scene)[-1]
    return [] if last == end else [f"The path ends at frame {last}, the range of the walk at {end}"]


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


class WORLDWARP_OT_retime_path(Writing):
    """Stretch the camera's keys in time from the walk's first frame on; the old ones are kept in another action"""

    bl_idname = "worldwarp.retime_path"
    bl_label = "Retime Keys"

    how: EnumProperty(
        name="By",
        items=[
            ("SPEED", "Speed", "Times as fast as now"),
            ("FRAMES", "Frames", "From the walk's first frame to the last key"),
        ],
    )
    speed: FloatProperty(name="Speed", description="2 is twice as fast", default=1, min=0.01, max=100)
    frames: IntProperty(name="Frames", description="In all, the first included", default=97, min=2, max=10_000)

    def invoke(self, context, event) -> set[str]:
        try:
            last = keys.last_key(order.camera_of(context.scene))
        except Problem as problem:
            return self.refuse(problem)
        self.frames = max(2, round(last - order.frames_of(context.scene)[0]) + 1)
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "how", expand=True)
        self.layout.prop(self, "speed" if self.how == "SPEED" else "frames")

    def write(self, context) -> None:
        camera, first = order.camera_of(context.scene), order.frames_of(context.scene)[0]
        last = keys.last_key(camera)
        if last <= first:
            raise Problem("No key is after the walk's first frame: there is nothing to stretch")
        factor = 1 / self.speed if self.how == "SPEED" else (self.frames - 1) / (last - first)
        said = keys.stretch(camera, first, factor)
        end = first + (last - first) * factor
        said += _range_notes(context.scene, round(end))
        context.view_layer.update()
        self.report({"INFO"}, ". ".join([rpt_("The keys now end at frame {:.6g}").format(end), *said]))


class WORLDWARP_OT_import_cameras(Action):
    """Add the camera of a cameras.npz, with keys at its own frames"""

    bl_idname = "worldwarp.import_cameras"
    bl_label = "Camera from Another Run"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.npz", options={"HIDDEN"})

    def invoke(self, context, event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context) -> set[str]:
        try:
            said = _import(context, Path(bpy.path.abspath(self.filepath)))
        except Problem as problem:
            return self.refuse(problem)
        self.report({"WARNING"} if len(said) > 1 else {"INFO"}, ". ".join(said))
        return {"FINISHED"}


def _import(context, path: Path) -> list[str]:
    """Sentences about the camera that was added and is followed now."""
    scene = context.scene
    found = importer.read_cameras(path)
    if np.any(np.diff(found.frame) != 1):
        raise Problem(f"The frames of {path.name} are not consecutive: bring it to every frame first")
    ratio = found.K[0, 0, 0] / found.K[0, 1, 1]
    raster = Raster(found.width, found.height, 1.0, ratio)
    data = bpy.data.cameras.new(path.parent.name or "Camera")
    importer.apply_lens(data, lens_of(found.K[0], raster))
    camera = bpy.data.objects.new(data.name, data)
    camera.rotation_mode = "QUATERNION"
    scene.collection.objects.link(camera)
    keys.write(camera, found.frame, found.K, found.camera_to_world, raster)
    scene.worldwarp.camera = camera
    context.view_layer.update()
    return [_written(camera, found.frame), *_time_notes(scene, found)]


def _time_notes(scene, found) -> list[str]:
    """What differs between a path's time and the scene's."""
    fps, notes = scene.render.fps / scene.render.fps_base, []
    if abs(fps / found.fps - 1) > 1e-4:
        notes.append(f"The path has {found.fps:.6g} frames a second, the scene {fps:.6g}: Retime Keys makes up for it")
    first = order.frames_of(scene)[0]
    if found.frame[0] != first:
        notes.append(f"The path starts at frame {found.frame[0]}, the walk at {first}")
    return notes


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
    WORLDWARP_OT_retime_path,
    WORLDWARP_OT_import_cameras,
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
