"""The server in the sidebar: whether it is there, what it is, what it lacks, and how to start, stop and choose one."""

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import backend_operators, drawing, preferences
from .state import STATE


def draw_connection(layout, context) -> None:
    """Whether there is a server, in one line, and a fault of ours where there was one."""
    backend_operators.look_once()
    row = layout.row()
    if STATE.connected:
        drawing.sentences(row.column(), context, [iface_("Connected to {}").format(STATE.connection)], "LINKED")
    elif STATE.connected is None:
        row.label(text=STATE.connection or iface_("Server not tried yet"), icon="UNLINKED", translate=False)
    else:
        drawing.sentences(row.column(), context, [STATE.connection], "ERROR")
        if STATE.connection.count("`") == 2:
            row.operator("worldwarp.copy_text", text="", icon="COPYDOWN").text = STATE.connection.split("`")[1]
    if not STATE.connected and preferences.is_local(preferences.get(context).address):
        row.operator("worldwarp.start_server", text="", icon="PLAY")
    row.operator("worldwarp.test_connection", text="", icon="FILE_REFRESH")
    if STATE.fault:
        drawing.sentences(layout, context, [STATE.fault], "ERROR")


def draw(layout, context) -> None:
    """A part of the panel that can be closed."""
    header, body = layout.panel_prop(context.window_manager.worldwarp_live, "server")
    header.label(text="Server")
    if not body:
        row = header.row()
        row.active, row.alignment = False, "RIGHT"
        row.label(text=choice(preferences.get(context)), translate=False)
        return
    settings = preferences.get(context)
    body.menu("WORLDWARP_MT_servers", text=choice(settings))
    if preferences.is_local(settings.address):
        row = body.row(align=True)
        row.operator("worldwarp.start_server", icon="PLAY")
        row.operator("worldwarp.stop_server", icon="SNAP_FACE")
        row.operator("worldwarp.server_log", icon="TEXT", text="Log")
    else:
        body.operator("worldwarp.copy_key", icon="COPYDOWN")
    if STATE.connected:
        drawing.sentences(body, context, [line for line in (STATE.machine, STATE.versions) if line], "INFO")
        draw_missing(body, context)


def draw_missing(layout, context) -> None:
    """What cannot run there, and the command that changes it."""
    named = {**STATE.profiles, **STATE.sources}
    shot = context.scene.worldwarp.bl_rna.properties
    names = {**_names(shot["profile"]), **_names(shot["depth_source"])}
    for name, sentence in named.items():
        if sentence:
            drawing.lacking(layout, context, iface_(names.get(name, name)), sentence)


def _names(prop) -> dict[str, str]:
    return {item.identifier: item.name for item in prop.enum_items}


def choice(settings) -> str:
    """The name of the server in use."""
    kept = next((server.name for server in settings.servers if server.address == settings.address), None)
    if kept:
        return kept
    if preferences.is_local(settings.address):
        return iface_("This Machine")
    return settings.address.removeprefix("tcp://")


class WORLDWARP_MT_servers(bpy.types.Menu):
    bl_label = "Server"

    def draw(self, context) -> None:
        layout = self.layout
        layout.operator("worldwarp.use_server", text="This Machine", icon="DESKTOP").server = ""
        for server in preferences.get(context).servers:
            layout.operator("worldwarp.use_server", text=server.name, icon="URL", translate=False).server = server.name
        layout.separator()
        layout.operator("preferences.addon_show", text="Add Another", icon="PREFERENCES").module = __package__


def register() -> None:
    bpy.utils.register_class(WORLDWARP_MT_servers)


def unregister() -> None:
    bpy.utils.unregister_class(WORLDWARP_MT_servers)
