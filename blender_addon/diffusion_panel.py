"""What the panel shows of the models that invent: words and freedom, what is rarely set, parts that differ, preview."""

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import order, overrides, preview
from .diffusion import wanted
from .problems import Problem

UNIT_PIXELS = 20
"""Of Blender's interface at scale 1: the side of an icon of scale 1."""

WRITTEN = "From the picture"


def draw_surface(layout, shot) -> None:
    """What everybody sets."""
    if not wanted(shot):
        return
    diffusion = shot.diffusion
    layout.prop(diffusion, "sigma", slider=True)
    layout.prop(diffusion, "prompt", placeholder=iface_(WRITTEN))
    layout.prop(diffusion, "style")


def draw_diffusion(layout, context, shot) -> None:
    diffusion = shot.diffusion
    layout.prop(diffusion, "negative_prompt", text="Negative")
    column = layout.column(align=True)
    for name in ("steps", "solver", "shift"):
        column.prop(diffusion, name)
    column = layout.column(align=True)
    column.prop(diffusion, "guidance")
    draw_switched(column, diffusion, "guidance_valid", "On Known")
    column = layout.column(align=True)
    for name in ("noise", "tokens", "erosion"):
        column.prop(diffusion, name)
    column.prop(diffusion, "age_noise", text="Age")  # the sidebar cuts longer labels
    column.prop(diffusion, "confidence_noise", text="Confidence")
    layout.prop(diffusion, "colour_correction")
    layout.prop(diffusion, "memory")


def draw_switched(layout, owner, name: str, label: str = "", **how) -> None:
    """A property that counts only where the switch before it is on."""
    switch = f"use_{name}"
    row = layout.row(align=True, heading=label or owner.bl_rna.properties[switch].name)
    row.prop(owner, switch, text="")
    sub = row.row(align=True)
    sub.active = getattr(owner, switch)
    sub.prop(owner, name, text="", **how)


class WORLDWARP_UL_parts(bpy.types.UIList):
    """Parts of the walk that differ"""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property) -> None:
        row = layout.row()
        row.label(text=part_line(item, order.frames_of(context.scene)), translate=False)
        row = row.row()
        row.active, row.alignment = False, "RIGHT"
        names = [item.bl_rna.properties[name].name for name in item.changes()]
        row.label(text=", ".join(iface_(name) for name in names), translate=False)


def part_line(entry, walk: range) -> str:
    """Which frames an entry is about."""
    try:
        part = overrides.part_of(entry, walk)
    except Problem:
        return iface_("Frame {} is outside the range").format(entry.frame)
    frames = overrides.plan().frames(part, walk)
    return iface_("Part {part}: {first}\u2013{last}").format(part=part + 1, first=frames[0], last=frames[-1])


def draw_parts(layout, context, shot) -> None:
    row = layout.row()
    row.template_list("WORLDWARP_UL_parts", "", shot, "parts", shot, "part", rows=2)
    column = row.column(align=True)
    column.operator("worldwarp.part_add", icon="ADD", text="")
    column.operator("worldwarp.part_remove", icon="REMOVE", text="")
    if not 0 <= shot.part < len(shot.parts):
        return
    entry = shot.parts[shot.part]
    column = layout.column(align=True)
    column.prop(entry, "frame")
    draw_switched(column, entry, "seed")
    draw_switched(column, entry, "sigma", slider=True)
    draw_switched(column, entry, "prompt", placeholder=iface_(WRITTEN))
    draw_switched(column, entry, "style")


def draw_preview(layout, context) -> None:
    """The picture as it emerges, and which frame it is."""
    shown = preview.shown()
    if shown is None:
        return
    width = context.region.width / (UNIT_PIXELS * context.preferences.system.ui_scale)
    column = layout.column(align=True)
    column.template_icon(icon_value=shown.picture.icon_id, scale=max(4.0, width - 4))
    row = column.row()
    row.active, row.alignment = False, "CENTER"
    row.label(text=iface_("Preview of frame {}").format(shown.frame), translate=False)
