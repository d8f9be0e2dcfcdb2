"""A take in the user's own renders, as operators: what its objects are there, its frames behind them."""

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, EnumProperty, StringProperty

from . import aligning, catcher, clips_and_strips, compositing, passes, takes
from .actions import Action
from .problems import Problem
from .retiming import WORLDWARP_OT_retime_take
from .takes_operators import RESULT, chosen, result_of


class WORLDWARP_OT_in_renders(Action):
    """What this object of a result is in renders"""

    bl_idname = "worldwarp.in_renders"
    bl_label = "In Renders"
    bl_options = {"REGISTER", "UNDO"}

    thing: StringProperty(
        name="Object",
        description="Mesh or points of a result; empty for the mesh of the take that is shown",
        options={"SKIP_SAVE"},
    )
    part: EnumProperty(name="Part", items=catcher.PARTS)

    @classmethod
    def description(cls, context, properties) -> str:
        return rpt_(cls.bl_rna.properties["part"].enum_items[properties.part].description)

    def execute(self, context) -> set[str]:
        try:
            thing = bpy.data.objects.get(self.thing) if self.thing else _mesh_of(chosen(context.scene))
            if thing is None or thing.type != "MESH":
                raise Problem(f"There is no mesh {self.thing!r}: import the result, or make its world, again")
            catcher.play(context.scene, thing, self.part)
        except Problem as problem:
            return self.refuse(problem)
        take = next((take for take in takes.all_of(context.scene) if thing.name in take.all_objects), None)
        if self.part != "LEFT_OUT" and take is not None and take.hide_render:
            self.report({"WARNING"}, unseen(take))
        if self.part in ("SHADOWS", "HOLDOUT") and not context.scene.render.film_transparent:
            self.report({"WARNING"}, rpt_("Next press Frames behind Renders: it puts the frames there"))
        return {"FINISHED"}


class WORLDWARP_OT_frames_behind(Action):
    """Put the frames of this result behind what is rendered: a group in the compositor, and a transparent film"""

    bl_idname = "worldwarp.frames_behind"
    bl_label = "Frames behind Renders"
    bl_options = {"REGISTER", "UNDO"}

    collection: StringProperty(**RESULT)
    connect: BoolProperty(
        name="Connect",
        description="Put the group into the scene's compositor; else it is only made, to be added by hand",
        default=True,
        options={"SKIP_SAVE"},
    )

    by_depth: BoolProperty(
        name="By Depth",
        description="Hide CG behind the surfaces of the frames, by the depth in the result's EXR files",
        default=False,
        options={"SKIP_SAVE"},
    )

    def execute(self, context) -> set[str]:
        try:
            take = result_of(context.scene, self.collection)
            if self.connect:
                compositing.connect(context.scene, take, self.by_depth)
            else:
                compositing.group_of(take).use_fake_user = True
        except Problem as problem:
            return self.refuse(problem)
        if take.hide_render:
            self.report({"WARNING"}, unseen(take))
        if self.connect and context.scene.camera != takes.camera_of(take):
            self.report(
                {"WARNING"}, rpt_("The scene renders through another camera: press Look Through of this result")
            )
        return {"FINISHED"}


class WORLDWARP_OT_frames_out(Action):
    """Take our group out of the compositor again; film and links are as they were before"""

    bl_idname = "worldwarp.frames_out"
    bl_label = "Take Frames out of Renders"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context) -> bool:
        node = compositing.node_of(context.scene)
        if node is None:
            cls.poll_message_set(rpt_("No frames are in this scene's compositor"))
            return False
        if node.id_data.library is not None:
            cls.poll_message_set(compositing.foreign(context.scene))
            return False
        return True

    def execute(self, context) -> set[str]:
        compositing.disconnect(context.scene)
        return {"FINISHED"}


class WORLDWARP_OT_frames_as(Action):
    """Bring the frames of this result into another editor of Blender's, or mark its ranges"""

    bl_idname = "worldwarp.frames_as"
    bl_label = "Frames As"
    bl_options = {"REGISTER", "UNDO"}

    collection: StringProperty(**RESULT)
    kind: EnumProperty(
        name="Kind",
        items=[
            ("CLIP", "Movie Clip", "For the Movie Clip Editor: tracking, masking"),
            ("STRIP", "Sequencer Strip", "In a channel of its own, at its frames; the scene is rendered as before"),
            ("MASKS", "Masks", "Image sequence in colors: green the picture, magenta generated, yellow filled"),
            ("EXR", "Multilayer EXR", "Image sequence of all passes, where they were exported"),
            ("MARKERS", "Range Markers", "On the timeline, where each range begins"),
        ],
    )

    @classmethod
    def description(cls, context, properties) -> str:
        return rpt_(cls.bl_rna.properties["kind"].enum_items[properties.kind].description)

    def execute(self, context) -> set[str]:
        try:
            self.report({"INFO"}, bring(context.scene, result_of(context.scene, self.collection), self.kind))
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}


class WORLDWARP_OT_handle(Action):
    """Hang all of this result on an empty, to scale it and to lay it onto your scene; nothing moves by that"""

    bl_idname = "worldwarp.handle"
    bl_label = "Scale and Align"
    bl_options = {"REGISTER", "UNDO"}

    collection: StringProperty(**RESULT)

    def execute(self, context) -> set[str]:
        try:
            handle = aligning.handle_of(result_of(context.scene, self.collection))
        except Problem as problem:
            return self.refuse(problem)
        self.report({"INFO"}, f"Move, turn or scale {handle.name!r}")
        return {"FINISHED"}


def _mesh_of(take):
    """The mesh of its world; raises ``Problem`` where there is none."""
    found = next((thing for thing in take.all_objects if thing.type == "MESH" and thing.data.polygons), None)
    if found is None:
        raise Problem(f"{take.name} has no mesh: press Proxy Mesh")
    return found


def unseen(take) -> str:
    """Of a take that is hidden, as all but one are."""
    return rpt_("{} is not shown, and what it holds does nothing in renders: choose it under Result").format(take.name)


def bring(scene, take, kind: str) -> str:
    """What ``frames_as`` does; a sentence says where it is."""
    retimed = any(take.get(takes.OFFSETS, []))
    untouched = "; it plays all frames as they were generated, without the retiming" if retimed else ""
    if kind == "CLIP":
        return f"Movie clip {clips_and_strips.clip(take).name!r}{untouched}"
    if kind == "MARKERS":
        return f"{clips_and_strips.mark(scene, take)} markers"
    if kind == "STRIP":
        used = scene.render.use_sequencer
        made = clips_and_strips.strip(scene, take)
        switched = used and not scene.render.use_sequencer
        return f"Strip {made.name!r} in channel {made.channel}{untouched}" + (
            "; Post Processing > Sequencer is off, so that renders stay the scene's" if switched else ""
        )
    image = passes.sequence(take, "exr" if kind == "EXR" else "provenance")
    if image is None:
        raise Problem(
            f"{take.name} has no EXR files: press Fetch Depth (EXR) under In Your Renders"
            if kind == "EXR"
            else f"The folder of {take.name} has no provenance: fetch the result again"
        )
    image.use_fake_user = True
    return f"Image sequence {image.name!r}"


CLASSES = (
    WORLDWARP_OT_in_renders,
    WORLDWARP_OT_frames_behind,
    WORLDWARP_OT_frames_out,
    WORLDWARP_OT_frames_as,
    WORLDWARP_OT_handle,
    WORLDWARP_OT_retime_take,
)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
