"""The third step of the sidebar: the camera, its frames, and the clip it may come from."""

from bpy.app.translations import pgettext_iface as iface_

from . import drawing, local_keys, order


def draw(layout, context, shot) -> None:
    scene = context.scene
    layout.prop(shot, "camera")
    if not shot.camera and scene.camera:
        layout.label(text=iface_("Scene camera: {}").format(scene.camera.name), icon="BLANK1", translate=False)
    layout.prop(shot, "use_scene_range")
    column = layout.column(align=True)
    column.active = not shot.use_scene_range
    owner = scene if shot.use_scene_range else shot
    column.prop(owner, "frame_start", text="Start")
    column.prop(owner, "frame_end", text="End")
    camera = order.camera_of(scene)
    if camera is not None and local_keys.reaching(camera):
        layout.operator("worldwarp.keep_keys_local", icon="HANDLE_FREE")


def line(context, shot) -> str:
    camera, frames = order.camera_of(context.scene), order.frames_of(context.scene)
    return f"{camera.name}, {frames.start}\u2013{frames.stop - 1}" if camera and frames else ""


def draw_video(layout, context, shot) -> None:
    layout.prop(shot, "clip_file")
    column = layout.column(align=True)
    column.prop(shot, "clip_speed")
    column.prop(shot, "clip_scale")
    column.prop(shot, "clip_step")
    if not drawing.inquiry(layout, context, "path"):
        layout.operator("worldwarp.camera_from_video", text="Add Camera", icon="OUTLINER_OB_CAMERA")
        drawing.missing(layout, context, shot, "ttt3r")
