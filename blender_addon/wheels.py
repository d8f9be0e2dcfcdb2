"""The packages that the extension carries as wheels."""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def missing() -> str:
    """ "" where they can be imported; otherwise the sentence that says what is wrong and what to do."""
    try:
        import msgspec  # noqa: F401
        import worldwarp_protocol  # noqa: F401
        import zmq  # noqa: F401
    except ImportError as error:
        found = ".".join(map(str, sys.version_info[:2]))
        return (
            f"The extension's package {error.name!r} is not there for Python {found}: install the zip that was "
            "built for this Blender and this operating system"
        )
    return _left_over()


def _left_over() -> str:
    """Blender may keep the wheel of an earlier installation, whose modules are not the ones that are needed."""
    manifest = Path(__file__).with_name("blender_manifest.toml")
    try:
        wanted = tomllib.loads(manifest.read_text("utf-8"))["version"]
        found = version("worldwarp-protocol")
    except (OSError, PackageNotFoundError):  # not installed as an extension
        return ""
    if found == wanted:
        return ""
    return (
        f"Blender still holds 'worldwarp_protocol' {found} of an earlier installation, and {wanted} is needed: "
        "remove the extension, restart Blender, and install the zip again"
    )
