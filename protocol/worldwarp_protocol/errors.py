"""What can go wrong, as one tree:

WorldWarpError                  every error this project raises on purpose
├── InvalidShot                 the input is refused before any work; names the field and the remedy
├── ProtocolError
│   ├── LocalProtocolError      we broke the rules: a bug on this side
│   └── RemoteProtocolError     the peer broke the rules: all that a peer can ever cause
├── Refused                     the server answered with an error message (its code, its sentence)
├── KeyFileError                a key, or a file of one, is missing, malformed or readable by others
├── FolderError                 a result folder belongs to another shot, or cannot be read or written
└── ServerUnreachable           nobody answers there
    ├── KeyRefused              somebody does, but does not know our key
    └── SessionEnded            it ended the session: it has forgotten us, or we broke its rules
"""


class WorldWarpError(Exception):
    """An error with one sentence for the user: what, where, what to do."""


class InvalidShot(WorldWarpError):
    """Input that is refused before any work.

    Args:
        field: what is wrong, as the user named it (``depth``, ``cameras.K``, ``settings.profile``).
        text: one sentence that says what is wrong and what to do.
    """

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text


class ProtocolError(WorldWarpError):
    """The rules of the protocol were broken."""


class LocalProtocolError(ProtocolError):
    """This side tried something that the rules do not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the rules do not allow."""


class Refused(WorldWarpError):
    """The server refused a request.

    Args:
        code: one of ``messages.ErrorCode``.
        text: one sentence for the user.
        field: the field it is about, or "".
    """

    def __init__(self, code: str, text: str, field: str = "") -> None:
        super().__init__(f"{field}: {text}" if field else text)
        self.code = code
        self.text = text
        self.field = field


class KeyFileError(WorldWarpError):
    """A key, or a file of one, is missing, malformed or readable by others."""


class FolderError(WorldWarpError):
    """A result folder belongs to another shot, or cannot be read or written."""


class ServerUnreachable(WorldWarpError):
    """No server answers at this address."""


class KeyRefused(ServerUnreachable):
    """A server answers at this address, but it does not know our key."""


class SessionEnded(ServerUnreachable):
    """The server ended the session: it has forgotten us, as after this computer slept, or we broke its rules."""
