"""What the Path step of the sidebar holds beside camera and range."""

from bpy.app.translations import pgettext_iface as iface_

from . import drawing, health, look, order, words
from .diffusion_panel import UNIT_PIXELS
from .state import STATE


def draw_words(layout, context, shot) -> None:
    settings = shot.words
    row = layout.row(align=True)
    row.use_property_split = False
    row.prop(settings, "text", text="")
    row.menu("WORLDWARP_MT_moves", text="", icon="ADD")
    fault = words.fault(context.scene)
    if fault:
        drawing.sentences(layout, context, [fault], "ERROR")
    if "@object" in settings.text:
        layout.prop(settings, "target")
    layout.prop(settings, "fit")
    layout.prop(settings, "onto")
    if not fault and not settings.fit:
        count, first = words.length(context.scene), order.frames_of(context.scene)[0]
        text = iface_("{count} frames, {first} to {last}").format(count=count, first=first, last=first + count - 1)
        drawing.sentences(layout, context, [text], "INFO")
    row = layout.row()
    row.enabled = not fault
    row.operator("worldwarp.write_path", icon="KEY_HLT")
    row = layout.row(align=True)
    row.operator("worldwarp.retime_path", icon="TIME")
    row.operator("worldwarp.smooth_path", icon="SMOOTHCURVE")
    layout.operator("worldwarp.import_cameras", icon="IMPORT")


def draw_curve(layout, context, shot) -> None:
    settings = shot.words
    for name in ("curve", "look", *(("target",) if settings.look == "OBJECT" else ()), "easing", "at_camera"):
        layout.prop(settings, name)
    layout.operator("worldwarp.follow_curve", icon="KEY_HLT", text="Write Keyframes")


def draw_health(layout, context, shot) -> None:
    opened, settings = context.window_manager.worldwarp, shot.words
    layout.prop(opened, "look")
    if opened.look:
        layout.prop(opened, "look_in_camera")
        camera = order.camera_of(context.scene)
        if opened.look_in_camera and camera is not None and camera.data.library is not None:
            drawing.sentences(layout, context, [iface_("A linked camera shows no draft: make its data local")], "ERROR")
        draw_look(layout, context)
    if not drawing.inquiry(layout, context, "draft"):
        layout.operator("worldwarp.draft_path", icon="RENDER_ANIMATION")
        inquiry = STATE.inquiry
        if inquiry is not None and inquiry.what == "draft" and inquiry.state == "done":
            drawing.sentences(layout, context, inquiry.warnings, "INFO")
    layout.prop(settings, "threshold")
    row = layout.row(align=True)
    row.operator("worldwarp.check_path", icon="VIEWZOOM")
    found = health.last(context.scene)
    if found is not None:
        row.operator("worldwarp.clear_check", icon="X", text="")
        drawing.sentences(layout, context, health.sentences(found, settings.threshold / 100), "INFO")
        layout.prop(opened, "strip")


def draw_look(layout, context) -> None:
    shown = look.shown()
    if shown is None:
        drawing.sentences(layout, context, [iface_("Estimate the picture's geometry first")], "INFO")
        return
    picture, frame, known = shown
    width = context.region.width / (UNIT_PIXELS * context.preferences.system.ui_scale)
    column = layout.column(align=True)
    column.template_icon(icon_value=picture.icon_id, scale=max(4.0, width - 4))
    row = column.row()
    row.active, row.alignment = False, "CENTER"
    row.label(text=iface_("Frame {frame}: {known} known").format(frame=frame, known=f"{known:.0%}"), translate=False)
