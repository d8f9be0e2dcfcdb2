"""What the Result step of the sidebar holds of the world."""

from bpy.app.translations import pgettext_iface as iface_

from . import drawing, passes, pump, takes, world
from .state import STATE, Making
from .world_operators import PRODUCTS

SAID = {
    "points.count": "{:,.0f} points",
    "mesh.faces": "{:,.0f} triangles",
    "gaussians.psnr": "PSNR {:.1f} dB",
    "exr.frames": "{:.0f} frames",
}
"""Numbers of what was made that are told."""


def draw_world(layout, context, shot) -> None:
    making, name = STATE.making, _shown(context.scene)
    row = layout.row()
    row.use_property_split = False
    row.prop(context.window_manager.worldwarp, "world_refresh")
    if pump.making():
        draw_progress(layout, making)
        return
    column = layout.column(align=True)
    column.enabled = bool(name) or bool(STATE.run and STATE.run.chunks_done)
    for product, text, _ in PRODUCTS:
        button = column.operator("worldwarp.make_world", text=text)
        button.collection, button.product = name, product
    if making is None or (not making.text and making.state != "done"):
        return
    if making.state == "failed":
        drawing.sentences(layout, context, [making.text], "ERROR")
    elif making.state == "done":
        drawing.sentences(layout, context, [made_line(making)], "CHECKMARK")
        drawing.folder(layout, making.folder / (passes.EXR if passes.EXR in making.products else "world"))


def draw_progress(layout, making: Making) -> None:
    doing = iface_("Fetching depth") if passes.EXR in making.products else iface_("Making the world")
    text = doing if making.steps else iface_("Waiting for the server")
    layout.progress(factor=making.step / max(making.steps, 1), text=text)
    layout.operator("worldwarp.cancel_world", icon="X")


def made_line(making: Making) -> str:
    """What was made, and its numbers."""
    names = [iface_(world.NAMES[name]) for name in making.products]
    numbers = [text.format(making.meta[key]) for key, text in SAID.items() if key in making.meta]
    return ": ".join([", ".join(names), *([", ".join(numbers)] if numbers else [])])


def _shown(scene) -> str:
    """Name of the take that is shown, "" while a run is under way or where there is none."""
    if STATE.run is not None and not STATE.run.over:
        return ""
    here, shown = takes.all_of(scene), scene.worldwarp_takes.active
    return shown.name if shown in here else here[-1].name if here else ""
