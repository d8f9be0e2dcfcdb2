"""The fifth step of the sidebar: how the run ended, and the results that are here."""

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import drawing, pump, results, solved
from .state import STATE, Run

MOST_RESULTS = 4
"""Result collections that are listed, the newest first."""


def draw(layout, context, shot) -> None:
    run = STATE.run
    if run is not None and run.over:
        icon = {"done": "CHECKMARK", "stopped": "PAUSE"}.get(run.state, "ERROR")
        drawing.sentences(layout, context, [result_line(run)], icon)
        if run.frames_done:
            drawing.folder(layout, run.folder)
        drawing.sentences(layout, context, run.warnings, "ERROR")
        if run.imported in bpy.data.collections:
            layout.operator("worldwarp.look_through", icon="VIEW_CAMERA").collection = run.imported
    here = [collection for collection in context.scene.collection.children_recursive if "worldwarp_run" in collection]
    column = layout.column(align=True)
    for collection in here[: -MOST_RESULTS - 1 : -1]:
        row = column.row(align=True)
        row.label(text=collection.name, icon="OUTLINER_COLLECTION", translate=False)
        row.operator("worldwarp.look_through", text="", icon="VIEW_CAMERA").collection = collection.name
        for thing in collection.objects:
            if thing.type == "MESH":  # the points cover the frames where one looks through the camera
                drawing.shown(row, thing, "Points")
        draw_cameras(column, collection)
    column = layout.column(align=True)
    column.operator("worldwarp.import_result", icon="IMPORT")
    if results.unfinished(context.scene) and not pump.busy():
        drawing.sentences(layout, context, [iface_("A run of this scene is on the server")], "INFO")
        layout.operator("worldwarp.attach", icon="FILE_REFRESH")


def draw_cameras(layout, collection) -> None:
    """The switch between requested and solved camera, and how far each is off."""
    camera = solved.camera_of(collection)
    if camera is None:
        return
    row = layout.row(align=True)
    for name, text in ((solved.REQUESTED, iface_("Requested")), (solved.SOLVED, iface_("Solved"))):
        text = ", ".join(part for part in (text, solved.off(camera, name)) if part)
        button = row.operator("worldwarp.switch_camera", text=text, translate=False, depress=solved.shown(camera, name))
        button.collection, button.to = collection.name, name


def result_line(run: Run) -> str:
    """How the run ended, for the panel."""
    if run.state in ("done", "stopped"):
        line = iface_("{done} of {frames} frames").format(done=run.frames_done, frames=run.frames)
        return iface_("{frames} in collection {name}").format(frames=line, name=run.imported) if run.imported else line
    return run.text or iface_("Cancelled")
