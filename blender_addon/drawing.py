"""What several steps of the sidebar are drawn with."""

import textwrap
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import pump
from .state import STATE, Inquiry

PIXELS_PER_CHARACTER = 7.2
"""Of Blender's interface font at scale 1, with a little to spare."""


def sentences(layout, context, lines: list[str], icon: str) -> None:
    """Sentences wrapped to the sidebar's width: labels do not wrap by themselves."""
    scale = context.preferences.system.ui_scale
    width = max(20, int(context.region.width / (PIXELS_PER_CHARACTER * scale)) - 8)
    for line in lines:
        column = layout.column(align=True)
        column.scale_y = 0.75
        for number, piece in enumerate(textwrap.wrap(line, width)):
            column.label(text=piece, icon=icon if number == 0 else "BLANK1", translate=False)


def missing(layout, context, shot, source: str) -> None:
    """The command that gets a source what it lacks."""
    if sentence := STATE.sources.get(source):
        lacking(layout, context, shot.bl_rna.properties["depth_source"].enum_items[source].name, sentence)


def lacking(layout, context, name: str, sentence: str) -> None:
    """That ``name`` cannot run on the server; where the server's sentence holds a command, that one, to be copied."""
    if sentence.count("`") < 2:
        sentences(layout, context, [f"{name}: {sentence}"], "ERROR")
        return
    command = sentence.split("`")[1]
    row = layout.row()
    sentences(row.column(), context, [iface_("{} has no weights yet: {}").format(name, command)], "ERROR")
    row.operator("worldwarp.copy_text", text="", icon="COPYDOWN").text = command


def shown(row, thing, text: str) -> None:
    """A button that shows ``thing`` in viewports, or hides it."""
    row.use_property_split = False
    row.prop(thing, "hide_viewport", text=text, toggle=True, invert_checkbox=True)


def inquiry(layout, context, what: str) -> bool:
    """An inquiry's progress, or why it ended; whether it is under way."""
    found: Inquiry | None = STATE.inquiry
    if found is None or found.what != what:
        return False
    if found.over or not pump.busy(pump.INQUIRY):
        if found.state == "failed":
            sentences(layout, context, [found.text], "ERROR")
        return False
    words = {"reading": "Reading the clip" if what == "path" else "Rendering the picture"}
    work = {"draft": "Drawing", "words": "Making the picture"}.get(what, "Estimating")
    text = iface_(words.get(found.state, work))
    if found.steps:
        layout.progress(factor=found.step / found.steps, text=text)
    else:
        layout.label(text=text, icon="SORTTIME", translate=False)
    layout.operator("worldwarp.cancel", icon="X").what = pump.INQUIRY
    return True


def folder(layout, path: Path) -> None:
    """Where a result lies, shortened, and a button that opens it."""
    row = layout.row(align=True)
    row.label(text=short_path(path), icon="BLANK1", translate=False)
    row.operator("wm.path_open", text="", icon="FILE_FOLDER").filepath = str(path)


def short_path(folder: Path) -> str:
    """Relative to the .blend file where it lies beside it, else its end."""
    beside = Path(bpy.data.filepath).parent
    if bpy.data.filepath and folder.is_relative_to(beside):
        return f"//{folder.relative_to(beside).as_posix()}"
    return "\u2026/" + "/".join(folder.parts[-2:])
