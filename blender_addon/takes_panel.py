"""The takes in the Result step of the sidebar: the list, the one that is shown, and those that are in folders only."""

import time

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import drawing, earlier, order, solved, takes, wipe
from .ranges_panel import duration

ROWS = 3
"""Of the list, at least."""


class WORLDWARP_UL_takes(bpy.types.UIList):
    """The takes of the scene among all collections: the one that is shown, its note, its pin."""

    def draw_item(self, context, layout, data, take, icon, active_data, active_property, index) -> None:
        shown = take == data.id_data.worldwarp_takes.active if data.id_data else not take.hide_viewport
        row = layout.row(align=True)
        row.label(text=take.name, icon="RADIOBUT_ON" if shown else "RADIOBUT_OFF", translate=False)
        if take.worldwarp_take.note:
            note = row.row()
            note.active = False
            note.label(text=take.worldwarp_take.note, translate=False)
        pinned = take.worldwarp_take.pinned
        row.prop(take.worldwarp_take, "pinned", text="", icon="PINNED" if pinned else "UNPINNED", emboss=False)

    def filter_items(self, context, data, name) -> tuple[list[int], list[int]]:
        here = set(takes.all_of(context.scene))
        return [self.bitflag_filter_item if found in here else 0 for found in getattr(data, name)], []


class WORLDWARP_MT_earlier(bpy.types.Menu):
    """Results in this scene's results folder that are not in the scene"""

    bl_idname = "WORLDWARP_MT_earlier"
    bl_label = "Earlier Results"

    def draw(self, context) -> None:
        layout, found = self.layout, earlier.found(context.scene, order.output_base(context.scene))
        for result in found:
            text = f"{result.folder.name}  {result.complete}/{result.frames}"
            if result.unfinished:
                button = layout.operator("worldwarp.attach", text=text, icon="SORTTIME", translate=False)
                button.run, button.directory = result.run, str(result.folder)
                continue
            icon = "CHECKMARK" if result.state == "done" else "ERROR"
            button = layout.operator("worldwarp.import_result", text=text, icon=icon, translate=False)
            button.directory = str(result.folder)
        if not found:
            layout.label(text="None in the results folder")
        layout.separator()
        layout.operator("worldwarp.import_result", text="Import Result...", icon="FILE_FOLDER")
        layout.operator("worldwarp.collect_takes", icon="PACKAGE")
        layout.operator("worldwarp.relink_takes", icon="LINKED")


STATES = {"done": "CHECKMARK", "stopped": "PAUSE", "running": "SORTTIME"}
"""Icons of how runs ended; those of all others are errors."""


class WORLDWARP_PT_history(bpy.types.Panel):
    """What was generated in this scene: when, how it ended, and its take"""

    bl_label = "History"
    bl_space_type = "VIEW_3D"
    bl_region_type = "HEADER"
    bl_options = {"INSTANCED"}
    bl_ui_units_x = 20

    def draw(self, context) -> None:
        layout, found = self.layout, earlier.history(context.scene, order.output_base(context.scene))
        for result, take in found:
            row = layout.row(align=True)
            row.label(text=result.folder.name, icon=STATES.get(result.state, "ERROR"), translate=False)
            grey = row.row()
            grey.active, grey.alignment = False, "RIGHT"
            grey.label(text=history_line(result), translate=False)
            if take:
                row.operator("worldwarp.show_take", text="", icon="HIDE_OFF").take = take
            else:
                row.operator("worldwarp.import_result", text="", icon="IMPORT").directory = str(result.folder)
        if not found:
            layout.label(text="No result yet")


def history_line(result: earlier.Earlier) -> str:
    """When a run was, how far it came, how it was made and how long it took."""
    when = time.strftime("%d %b %H:%M", time.localtime(result.when))
    took = [duration(result.seconds)] if result.seconds else []
    return ", ".join([when, f"{result.complete}/{result.frames}", result.profile, *took])


def draw(layout, context) -> None:
    shown = context.scene.worldwarp_takes
    row = layout.row()
    row.template_list("WORLDWARP_UL_takes", "", bpy.data, "collections", shown, "index", rows=ROWS)
    column = row.column(align=True)
    column.menu("WORLDWARP_MT_earlier", text="", icon="IMPORT")
    column.popover("WORLDWARP_PT_history", text="", icon="TIME")
    column.operator("worldwarp.delete_take", text="", icon="TRASH")
    if shown.active in takes.all_of(context.scene):
        draw_take(layout, context, shown.active)


def draw_take(layout, context, take) -> None:
    """The take that is shown, and what can be done with it."""
    folder = takes.folder_of(take)
    if not takes.is_result(folder):
        drawing.sentences(layout, context, [iface_("{} is no longer at {}").format(take.name, folder)], "ERROR")
        layout.operator("worldwarp.relink_takes", icon="LINKED")
    layout.prop(take.worldwarp_take, "note")
    row = layout.row(align=True)
    row.operator("worldwarp.look_through", icon="VIEW_CAMERA").collection = take.name
    for thing in take.objects:
        if thing.type == "MESH":  # the points cover the frames where one looks through the camera
            drawing.shown(row, thing, "Points")
    row.operator("wm.path_open", text="", icon="FILE_FOLDER").filepath = str(folder)
    draw_cameras(layout, take)
    wipe.draw_panel(layout, context)


def draw_cameras(layout, take) -> None:
    """The switch between requested and solved camera, and how far each is off."""
    camera = solved.camera_of(take)
    if camera is None:
        return
    row = layout.row(align=True)
    for name, text in ((solved.REQUESTED, iface_("Requested")), (solved.SOLVED, iface_("Solved"))):
        text = ", ".join(part for part in (text, solved.off(camera, name)) if part)
        button = row.operator("worldwarp.switch_camera", text=text, translate=False, depress=solved.shown(camera, name))
        button.collection, button.to = take.name, name


register, unregister = bpy.utils.register_classes_factory(
    (WORLDWARP_UL_takes, WORLDWARP_MT_earlier, WORLDWARP_PT_history)
)
