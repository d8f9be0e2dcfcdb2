"""Where the server is, who we are to it, and where results go."""

from pathlib import Path
from urllib.parse import urlsplit

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import CollectionProperty, StringProperty

from . import backend_process, wheels
from .paths_of_blend import RELATIVE
from .problems import Problem

HERE = "tcp://127.0.0.1:7654"
"""Where this machine's server listens."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class WorldWarpServer(bpy.types.PropertyGroup):
    """A server on another machine that the user keeps in the list."""

    name: StringProperty(name="Name", description="What it is called in the list")
    address: StringProperty(name="Server", description="tcp://HOST:PORT")
    public: StringProperty(name="Server Key", description="Its public key, which it prints when it starts")


class WorldWarpPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    address: StringProperty(
        name="Server",
        description="Where `worldwarp serve` listens: tcp://HOST:PORT",
        default=HERE,
    )
    server_public: StringProperty(
        name="Server Key",
        description="Public key of a server on another machine; it prints it when it starts. Empty for this machine's",
    )
    servers: CollectionProperty(type=WorldWarpServer)
    backend_command: StringProperty(
        name="Backend Command",
        description="The program `worldwarp` that Start runs. Empty: the one on the PATH, or where the guide puts it",
        subtype="FILE_PATH",
    )
    output_folder: StringProperty(
        name="Results",
        description="Folder for results of scenes that name none. Empty for worldwarp beside the .blend file",
        subtype="DIR_PATH",
        options=RELATIVE,
    )

    def draw(self, context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        if sentence := wheels.missing():
            layout.label(text=sentence, icon="ERROR")
            return
        draw_servers(layout, self)
        layout.prop(self, "address")
        if not is_local(self.address):
            layout.prop(self, "server_public")
            if not bpy.app.online_access:
                layout.label(text=iface_("Allow Online Access (System) to reach other machines"), icon="ERROR")
        layout.prop(self, "output_folder")
        layout.prop(self, "backend_command")
        row = layout.row()
        row.operator("worldwarp.test_connection", icon="FILE_REFRESH")
        row.operator("worldwarp.keep_server", icon="ADD")
        row.operator("worldwarp.copy_key", icon="COPYDOWN")
        layout.label(text=key_line(), icon="KEYINGSET")


def draw_servers(layout, settings: WorldWarpPreferences) -> None:
    """The list of servers: use one, or take it out."""
    column = layout.column(align=True)
    for server in settings.servers:
        row = column.row(align=True)
        used = (server.address, server.public) == (settings.address, settings.server_public)
        text = f"{server.name}: {server.address}"
        row.operator("worldwarp.use_server", text=text, translate=False, depress=used).server = server.name
        row.operator("worldwarp.forget_server", text="", icon="X").name = server.name


def use(settings: WorldWarpPreferences, name: str) -> None:
    """Take the server of that name in the list from now on; "" is this machine's.

    Raises:
        Problem: there is none of that name.
    """
    if not name:
        settings.address, settings.server_public = HERE, ""
        return
    server = settings.servers.get(name)
    if server is None:
        raise Problem(f"No server of the list is called {name!r}")
    settings.address, settings.server_public = server.address, server.public


def get(context=None) -> WorldWarpPreferences:
    return (context or bpy.context).preferences.addons[__package__].preferences


def is_local(address: str) -> bool:
    """Loopback is not the internet: it needs no online access."""
    try:
        return (urlsplit(address).hostname or "") in LOOPBACK
    except ValueError:
        return False


def own_folder(name: str) -> Path:
    """A folder that belongs to this extension."""
    return Path(bpy.utils.extension_path_user(__package__, path=name, create=True))


def key_line() -> str:
    """What is known of our key, for the preferences."""
    from worldwarp_protocol.errors import KeyFileError

    try:
        return iface_("Our key: {}").format(public_key())
    except KeyFileError as error:
        return str(error)


def public_key() -> str:
    """The extension's own public key, to be enrolled with a server on another machine; made on first use."""
    from worldwarp_protocol import keys

    return keys.client_keys(own_folder("keys")).public.decode()


def server():
    """The server that these preferences name, and the keys for it: on this machine those that the server made for its
    user, on another one the extension's own.

    Raises:
        Problem: packages are missing, access is not allowed, or no server can be there.
    """
    if sentence := wheels.missing():
        raise Problem(sentence)
    from worldwarp_protocol import keys

    from . import link

    preferences = get()
    backend_process.where(preferences.address)
    if is_local(preferences.address):
        home = keys.home()
        if not (home / "server.key").is_file():
            raise Problem(
                "No server has run on this machine yet: press Start (Server), or run `worldwarp serve` in a terminal"
            )
        return link.Server(preferences.address, "", home)
    if not bpy.app.online_access:
        raise Problem(
            "The server is on another machine: allow Online Access in the preferences (System, Network), or use "
            "this machine's"
        )
    if not preferences.server_public:
        raise Problem("The server is on another machine: enter its public key in the extension's preferences")
    return link.Server(preferences.address, preferences.server_public, own_folder("keys"))


register, unregister = bpy.utils.register_classes_factory((WorldWarpServer, WorldWarpPreferences))
