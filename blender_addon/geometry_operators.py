"""The Geometry step as operators: Estimate, Match Camera, Camera from Video."""

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, EnumProperty

from . import anchor, answers, estimating, match, order, pump
from .actions import Action, Errand, idle, reachable
from .geometry import of_scene
from .picture import read_size
from .problems import Problem
from .properties import finished
from .state import STATE


class Inquiring(Errand):
    """An errand that leaves an inquiry in ``STATE``."""

    errand = pump.INQUIRY

    @classmethod
    def poll(cls, context) -> bool:
        if not idle(cls, pump.INQUIRY):
            return False
        if found := cls.problems(context.scene):
            cls.poll_message_set(found[0])
            return False
        return True

    def end(self) -> None:
        inquiry = STATE.inquiry
        if answers.wanted(inquiry):
            answers.bring_in(inquiry)
        for warning in inquiry.warnings:
            self.report({"WARNING"}, warning)
        if inquiry.state != "done":
            raise Problem(inquiry.text or rpt_("Cancelled"))


class WORLDWARP_OT_estimate(Inquiring):
    """Place the shape of what the picture shows in front of the camera: surface, points, and an anchor for its scale"""

    bl_idname = "worldwarp.estimate"
    bl_label = "Estimate"
    problems = staticmethod(order.geometry_problems)

    def invoke(self, context, event) -> set[str]:
        if context.scene.worldwarp.source != "RENDER":
            return super().invoke(context, event)
        try:
            estimating.begin_picture(context, reachable())
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def start(self, context) -> None:
        estimating.ask_picture(context, reachable())


class WORLDWARP_OT_camera_from_video(Inquiring):
    """Add a camera that moves as the one that filmed the clip, from where the camera stands at the first frame"""

    bl_idname = "worldwarp.camera_from_video"
    bl_label = "Camera from Video"
    problems = staticmethod(order.clip_problems)

    def invoke(self, context, event) -> set[str]:
        try:
            estimating.begin_path(context, reachable())
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def start(self, context) -> None:
        estimating.ask_path(context, reachable())


class WORLDWARP_OT_place_estimate(Action):
    """Bring what the server answered into the scene"""

    bl_idname = "worldwarp.place_estimate"
    bl_label = "Place Estimate"
    bl_options = {"UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context) -> bool:
        if not answers.wanted(STATE.inquiry):
            cls.poll_message_set(rpt_("There is no answer to place: press Estimate first"))
            return False
        return True

    def execute(self, context) -> set[str]:
        inquiry = STATE.inquiry
        try:
            made = answers.place(context.scene, inquiry)
        except Problem as problem:
            inquiry.state, inquiry.text = "failed", str(problem)
            return self.refuse(problem)
        inquiry.state, inquiry.text = "done", made.name
        if inquiry.what == "picture":
            inquiry.warnings.extend(order.lens_notes(context.scene))
            finished("picture")
        return {"FINISHED"}


class WORLDWARP_OT_match_camera(Action):
    """Give the camera the picture's lens, and stand it level above the floor that the picture shows"""

    bl_idname = "worldwarp.match_camera"
    bl_label = "Match Camera"
    bl_options = {"REGISTER", "UNDO"}

    lens: BoolProperty(
        name="Lens", description="Take the focal length from the picture's file, or as it was estimated", default=True
    )
    level: BoolProperty(
        name="Horizon and Floor",
        description="Turn the camera level and lift it so that the floor is at Z = 0; its heading, X and Y stay",
        default=True,
    )
    sensor: EnumProperty(
        name="Sensor",
        description="The camera's sensor: another one changes the lens in millimetres, not the angle of view",
        items=[("KEEP", "As It Is", "Keep the camera's sensor")]
        + [(key, f"{name} ({width:g} x {height:g} mm)", "") for key, (name, width, height) in match.SENSORS.items()],
    )

    @classmethod
    def poll(cls, context) -> bool:
        scene = context.scene
        if order.camera_of(scene) is None:
            cls.poll_message_set(rpt_("There is no camera: choose one here, or add one to the scene"))
            return False
        if scene.worldwarp.source == "RENDER":
            cls.poll_message_set(rpt_("The picture is this camera's own render: it matches already"))
            return False
        return True

    def invoke(self, context, event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context) -> None:
        layout = self.layout
        layout.use_property_split = True
        for name in ("lens", "level", "sensor"):
            layout.prop(self, name)

    def execute(self, context) -> set[str]:
        scene = context.scene
        path = Path(bpy.path.abspath(scene.worldwarp.picture_file))
        camera = order.camera_of(scene)
        try:
            said = match.match(
                context, camera, path, read_size(path), lens=self.lens, level=self.level, sensor=self.sensor
            )
        except Problem as problem:
            return self.refuse(problem)
        for kind, sentence in said:
            self.report({kind}, sentence)
        return {"FINISHED"}


class WORLDWARP_OT_anchor_to_focus(Action):
    """Put the anchor at the camera's focus distance: everything scales with it"""

    bl_idname = "worldwarp.anchor_to_focus"
    bl_label = "Use Focus Distance"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context) -> bool:
        collection = of_scene(context.scene)
        if order.camera_of(context.scene) is None or collection is None or anchor.anchored(collection) is None:
            cls.poll_message_set(rpt_("There is no anchor: estimate the picture's geometry first"))
            return False
        return True

    def execute(self, context) -> set[str]:
        try:
            distance = match.focus_distance(order.camera_of(context.scene))
        except Problem as problem:
            return self.refuse(problem)
        anchor.set_distance(of_scene(context.scene), distance)
        self.report({"INFO"}, rpt_("The anchor is at {:.3g}").format(distance))
        return {"FINISHED"}


CLASSES = (
    WORLDWARP_OT_estimate,
    WORLDWARP_OT_camera_from_video,
    WORLDWARP_OT_place_estimate,
    WORLDWARP_OT_match_camera,
    WORLDWARP_OT_anchor_to_focus,
)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
