"""Start, stop and look at the server; choose one; let it know us."""

import os
import re
import time
from contextlib import suppress

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, StringProperty

from . import backend_process, preferences, pump, wheels
from .actions import Action, idle
from .problems import Problem
from .state import STATE

START_SECONDS = 60.0
"""Longest wait for a server to answer after it was started; the first time, files have to be read from a cold disk."""


NONE_YET = "No server yet: press Start"


class WorldWarpLive(bpy.types.PropertyGroup):
    """What of the server and of a run is shown; of the window, not of the file."""

    server: BoolProperty(name="Server", default=False)
    show_frames: BoolProperty(
        name="Show Frames",
        description="Lay the frames that have come behind what the camera sees, and show the newest in Image Editors "
        "that are empty, while a run goes on; neither saved nor rendered",
        default=False,
    )


def home():
    """The folder of this user's keys, log and server."""
    from worldwarp_protocol import keys

    return keys.home()


class _Starting:
    process = None
    since = 0.0


def _begin() -> None:
    settings = preferences.get()
    if not preferences.is_local(settings.address):
        raise Problem("The server is on another machine: start it there by `worldwarp serve`")
    if backend_process.answers(settings.address):
        raise Problem(f"Something answers at {settings.address} already: Test Connection says whether it is a server")
    try:
        program = backend_process.find(settings.backend_command, home())
    except Problem as problem:
        STATE.connected, STATE.connection = False, str(problem)  # with a button that copies the command
        raise
    _Starting.process = backend_process.start(program, settings.address, home())
    _Starting.since = time.monotonic()
    STATE.connected, STATE.connection = None, "The server is starting"


def _started() -> bool:
    """Whether the wait for the server is over: it answers, and is asked what it can do, or it does not come."""
    from . import link

    settings, process = preferences.get(), _Starting.process
    if backend_process.answers(settings.address) and process.poll() is None:
        pump.start(link.Link(preferences.server(), link.say_hello), pump.INQUIRY)
        return True
    if process.poll() is None and time.monotonic() - _Starting.since < START_SECONDS:
        return False
    words = backend_process.last_words(home())
    STATE.connected, STATE.connection = False, words[-1] if words else "The server did not start: Show Log says more"
    return True


class _Looked:
    address = ""
    """Of the server that was looked for by itself."""


def look_once() -> None:
    """For drawing: look for the server of the preferences a moment later, once; nothing is refused or blocks."""
    address = preferences.get().address
    if bpy.app.background or STATE.connection or _Looked.address == address:
        return
    _Looked.address = address
    bpy.app.timers.register(_look, first_interval=0)


def _look() -> None:
    from . import link

    address = preferences.get().address
    if pump.busy() or STATE.connection:
        return
    if preferences.is_local(address) and not backend_process.answers(address):
        STATE.connection = rpt_(NONE_YET)
    else:
        with suppress(Problem):  # the line goes on saying that it was not tried
            pump.start(link.Link(preferences.server(), link.say_hello), pump.INQUIRY)
    pump.redraw()


class WORLDWARP_OT_start_server(Action):
    """Start the server on this machine; it goes on when Blender is closed"""

    bl_idname = "worldwarp.start_server"
    bl_label = "Start"
    bl_options: set[str] = set()  # as of ``Errand``

    @classmethod
    def poll(cls, context) -> bool:
        return idle(cls)

    def invoke(self, context, event) -> set[str]:
        try:
            _begin()
        except Problem as problem:
            return self.refuse(problem)
        pump.start_after(_started, pump.INQUIRY)
        pump.redraw()
        return {"FINISHED"}

    def execute(self, context) -> set[str]:
        try:
            _begin()
            while not _started():
                time.sleep(0.1)
            pump.to_the_end(pump.INQUIRY)
            if not STATE.connected:
                raise Problem(STATE.connection)
        except Problem as problem:
            return self.refuse(problem)
        self.report({"INFO"}, STATE.connection)
        return {"FINISHED"}


class WORLDWARP_OT_stop_server(Action):
    """End the server that was started from Blender. Parts in work are lost; finished ones are kept"""

    bl_idname = "worldwarp.stop_server"
    bl_label = "Stop"

    @classmethod
    def poll(cls, context) -> bool:
        if wheels.missing() or not backend_process.started_here(home()):
            cls.poll_message_set("No server runs here that was started from Blender")
            return False
        return True

    def invoke(self, context, event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)  # others may use it

    def execute(self, context) -> set[str]:
        try:
            backend_process.stop(home())
        except Problem as problem:
            return self.refuse(problem)
        STATE.connected, STATE.connection = None, "The server was stopped"
        pump.redraw()
        return {"FINISHED"}


class WORLDWARP_OT_server_log(Action):
    """Show the end of what the server wrote"""

    bl_idname = "worldwarp.server_log"
    bl_label = "Show Log"

    @classmethod
    def poll(cls, context) -> bool:
        if wheels.missing() or not backend_process.log_file(home()).is_file():
            cls.poll_message_set("No server was started from Blender yet")
            return False
        return True

    def invoke(self, context, event) -> set[str]:
        lines = backend_process.last_words(home())

        def draw(popup, context) -> None:
            for line in lines or ["It is empty"]:
                popup.layout.label(text=line, translate=False)
            opened = popup.layout.operator("wm.path_open", text="Open the File", icon="FILE_TEXT")
            opened.filepath = str(backend_process.log_file(home()))

        context.window_manager.popup_menu(draw, title=str(backend_process.log_file(home())), icon="TEXT")
        return {"FINISHED"}

    def execute(self, context) -> set[str]:
        for line in backend_process.last_words(home()):
            self.report({"INFO"}, line)
        return {"FINISHED"}


class WORLDWARP_OT_use_server(Action):
    """Use this server from now on"""

    bl_idname = "worldwarp.use_server"
    bl_label = "Use Server"

    server: StringProperty(name="Server", description="Its name in the list; empty for this machine's")

    @classmethod
    def poll(cls, context) -> bool:
        return idle(cls)

    def execute(self, context) -> set[str]:
        settings = preferences.get(context)
        try:
            preferences.use(settings, self.server)
        except Problem as problem:
            return self.refuse(problem)
        STATE.forget_server()
        pump.redraw()
        return {"FINISHED"}


class WORLDWARP_OT_keep_server(Action):
    """Keep the server of these preferences in the list, under a name"""

    bl_idname = "worldwarp.keep_server"
    bl_label = "Keep in List"

    name: StringProperty(name="Name", description="What it is called in the list")

    def invoke(self, context, event) -> set[str]:
        self.name = self.name or preferences.get(context).address.removeprefix("tcp://").partition(":")[0]
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context) -> set[str]:
        name, settings = self.name.strip(), preferences.get(context)
        if not name:
            return self.refuse(Problem("The server has no name: give it one"))
        kept = settings.servers.get(name) or settings.servers.add()
        kept.name, kept.address, kept.public = name, settings.address, settings.server_public
        return {"FINISHED"}


class WORLDWARP_OT_forget_server(Action):
    """Take this server out of the list"""

    bl_idname = "worldwarp.forget_server"
    bl_label = "Forget Server"

    name: StringProperty(name="Name", description="What it is called in the list")

    def execute(self, context) -> set[str]:
        servers = preferences.get(context).servers
        if self.name not in servers:
            return self.refuse(Problem(f"No server of the list is called {self.name!r}"))
        servers.remove(servers.find(self.name))
        return {"FINISHED"}


class WORLDWARP_OT_copy_key(Action):
    """Copy the command that lets us in: it is run on the server's machine, in a terminal there"""

    bl_idname = "worldwarp.copy_key"
    bl_label = "Copy Enrol Command"

    @classmethod
    def poll(cls, context) -> bool:
        if sentence := wheels.missing():
            cls.poll_message_set(sentence)
            return False
        return True

    def execute(self, context) -> set[str]:
        from worldwarp_protocol.errors import KeyFileError

        try:
            command = enrol_command()
        except KeyFileError as error:
            return self.refuse(error)
        context.window_manager.clipboard = command
        self.report({"INFO"}, command)
        return {"FINISHED"}


def enrol_command() -> str:
    """What is to be run on the server's machine so that it serves us; raises ``KeyFileError``."""
    user = os.environ.get("USER") or os.environ.get("USERNAME") or ""
    name = re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-")[:40] or "artist"
    return f"worldwarp keys enrol {name} '{preferences.public_key()}'"


class WORLDWARP_OT_copy_text(Action):
    """Copy this command, to be run in a terminal"""

    bl_idname = "worldwarp.copy_text"
    bl_label = "Copy"

    text: StringProperty(name="Text", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context, properties) -> str:
        return f"Copy `{properties.text}`, to be run in a terminal on the server's machine"

    def execute(self, context) -> set[str]:
        context.window_manager.clipboard = self.text
        self.report({"INFO"}, self.text)
        return {"FINISHED"}


CLASSES = (
    WorldWarpLive,
    WORLDWARP_OT_start_server,
    WORLDWARP_OT_stop_server,
    WORLDWARP_OT_server_log,
    WORLDWARP_OT_use_server,
    WORLDWARP_OT_keep_server,
    WORLDWARP_OT_forget_server,
    WORLDWARP_OT_copy_key,
    WORLDWARP_OT_copy_text,
)

_register, _unregister = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    _register()
    bpy.types.WindowManager.worldwarp_live = bpy.props.PointerProperty(type=WorldWarpLive, options={"SKIP_SAVE"})


def unregister() -> None:
    del bpy.types.WindowManager.worldwarp_live
    _unregister()
