"""What the panel shows of the models that invent: words and freedom, what is rarely set, preview."""

from bpy.app.translations import pgettext_iface as iface_

from . import preview
from .diffusion import wanted

UNIT_PIXELS = 20
"""Of Blender's interface at scale 1: the side of an icon of scale 1."""

WRITTEN = "From the picture"


def draw_freedom(layout, shot) -> None:
    """What everybody sets; draft has no use for it."""
    if wanted(shot):
        layout.prop(shot.diffusion, "sigma", slider=True)


def draw_words(layout, shot) -> None:
    """What the place looks like, beside its picture; draft has no use for it."""
    if not wanted(shot):
        return
    diffusion = shot.diffusion
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
