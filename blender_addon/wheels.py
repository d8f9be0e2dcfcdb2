"""The packages that the extension carries as wheels."""

import sys


def missing() -> str:
    """ "" where they can be imported; otherwise the sentence that says what is wrong and what to do."""
    try:
        import msgspec  # noqa: F401
        import worldwarp_protocol  # noqa: F401
        import zmq  # noqa: F401
    except ImportError as error:
        version = ".".join(map(str, sys.version_info[:2]))
        return (
            f"The extension's package {error.name!r} is not there for Python {version}: install the zip that was "
            "built for this Blender and this operating system"
        )
    return ""
