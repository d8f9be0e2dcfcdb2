"""The second step of the sidebar: what the picture's geometry is, and where it stands."""

from bpy.app.translations import pgettext_iface as iface_

from . import anchor, drawing, geometry, order
from .parts import MARK, part
from .state import STATE


def draw(layout, context, shot) -> None:
    inquiry, scene = STATE.inquiry, context.scene
    collection = geometry.of_scene(scene)
    if drawing.inquiry(layout, context, "picture"):
        return
    layout.operator("worldwarp.estimate", icon="MESH_GRID", text="Estimate" if collection is None else "Estimate Anew")
    if collection is None:
        return
    row = layout.row(align=True)
    for role, text in (("surface", "Surface"), ("points", "Points")):
        drawing.shown(row, part(collection, role), text)
    shading = context.space_data.shading
    if shading.type == "SOLID" and shading.color_type != "VERTEX":
        row = layout.row()
        row.use_property_split = False
        row.prop_enum(shading, "color_type", "VERTEX", text="Show Its Colors", icon="COLOR")
    if anchor.anchored(collection) is not None:
        column = layout.column(align=True)
        column.prop(shot, "geometry_scale")
        row = column.row(align=True)
        row.prop(shot, "anchor_distance", text="Anchor")
        row.operator("worldwarp.anchor_to_focus", text="", icon="CON_CAMERASOLVER")
    if shot.source == "FILE":
        layout.operator("worldwarp.match_camera", icon="CAMERA_DATA")
        drawing.sentences(layout, context, order.lens_notes(scene), "ERROR")
    if inquiry is not None and inquiry.what == "picture":
        drawing.sentences(layout, context, [text for text in inquiry.warnings if "Match Camera" not in text], "INFO")


def line(context, shot) -> str:
    collection = geometry.of_scene(context.scene)
    if collection is None:
        return ""
    count = len(part(collection, "points").data.vertices)
    source = "" if collection[MARK] == "given" else f", {anchor.factor(collection):.3g}x"
    return iface_("{count} points").format(count=f"{count:,}") + source
