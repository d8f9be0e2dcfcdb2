"""Keys that are there, in another time, without jitter, or with handles of their own."""

from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty, FloatProperty, IntProperty

from . import keys, local_keys, order, words
from .actions import Action
from .camera import scene_raster
from .problems import Problem
from .writing import Writing, range_notes


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
            _, last = keys.span(order.camera_of(context.scene))
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
        _, last = keys.span(camera)
        if last <= first:
            raise Problem("No key is after the walk's first frame: there is nothing to stretch")
        factor = 1 / self.speed if self.how == "SPEED" else (self.frames - 1) / (last - first)
        said = keys.stretch(camera, first, factor)
        end = first + (last - first) * factor
        said += range_notes(context.scene, round(end))
        context.view_layer.update()
        self.report({"INFO"}, ". ".join([rpt_("The keys now end at frame {:.6g}").format(end), *said]))


class WORLDWARP_OT_smooth_path(Writing):
    """Take jitter out of the camera's keys over the walk's frames; the old ones are kept in another action"""

    bl_idname = "worldwarp.smooth_path"
    bl_label = "Smooth Path"

    window: IntProperty(
        name="Frames",
        description="So many count for each frame, itself in the middle: an odd number. More is smoother",
        default=9,
        min=5,
        max=999,
        step=2,
    )

    def invoke(self, context, event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "window")

    def write(self, context) -> None:
        camera, walk = order.camera_of(context.scene), order.frames_of(context.scene)
        path = words.smooth(context, self.window)
        said = keys.write(camera, path.frame, path.K, path.camera_to_world, scene_raster(context.scene))
        context.view_layer.update()
        text = rpt_("Frames {first} to {last} are smooth").format(first=walk[0], last=walk[-1])
        self.report({"INFO"}, ". ".join([text, *said]))


class WORLDWARP_OT_keep_keys_local(Action):
    """Let a key that is moved change only the frames beside it: handles become free where they are, the path stays"""

    bl_idname = "worldwarp.keep_keys_local"
    bl_label = "Keep Keys Local"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context) -> bool:
        camera = order.camera_of(context.scene)
        if camera is None:
            cls.poll_message_set(rpt_("There is no camera: choose one here, or add one to the scene"))
        elif not local_keys.reaching(camera):
            cls.poll_message_set(rpt_("No key of the camera moves frames that are not beside it"))
        else:
            return True
        return False

    def execute(self, context) -> set[str]:
        found = local_keys.reaching(order.camera_of(context.scene))
        for curve in found:
            local_keys.keep_local(curve)
        self.report({"INFO"}, rpt_("{} curves have free handles; the path is as it was").format(len(found)))
        return {"FINISHED"}


CLASSES = (WORLDWARP_OT_retime_path, WORLDWARP_OT_smooth_path, WORLDWARP_OT_keep_keys_local)
