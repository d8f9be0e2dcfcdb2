"""CURVE keys: made on first use, readable by their owner only, enrolled as one file for each client.

```
<home>/server.key          secret of the server on this machine
<home>/client.key          secret of this user as a client
<home>/clients/NAME.key    public key of a client that may connect to this server
```

Keys are Z85 text of 40 characters; a public key follows from its secret, so a pair is one file. Files of secrets have
mode 0600 and looser ones are refused. On Windows they inherit the access list of the user's profile folder, which only
the user and administrators can read.
"""

import contextlib
import os
import re
import stat
import struct
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from .errors import KeyFileError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789")}
"""Windows opens a device for these names, whatever their suffix."""
LOCAL = "local"
"""The name that this machine's own user is enrolled under."""


@dataclass(frozen=True)
class KeyPair:
    """A CURVE key pair, Z85 text of 40 characters each."""

    public: bytes
    secret: bytes = field(repr=False)


def home() -> Path:
    """Where keys live: ``$WORLDWARP_HOME``, or the platform's folder for a user's configuration."""
    if chosen := os.environ.get("WORLDWARP_HOME"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "worldwarp"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "worldwarp"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "worldwarp"


def server_keys(home: Path) -> KeyPair:
    """The server's pair, made on first use.

    Raises:
        KeyFileError: the file is malformed, or others can read it.
    """
    return _pair(home / "server.key")[0]


def client_keys(home: Path) -> KeyPair:
    """This user's pair as a client, made on first use and enrolled with this machine's server under ``local``.

    Once revoked it stays so. Raises as ``server_keys``.
    """
    pair, made = _pair(home / "client.key")
    if made or not (home / "clients").exists():
        with contextlib.suppress(FileExistsError):
            _write(home / "clients" / f"{LOCAL}.key", pair.public)
    return pair


def enrolled(home: Path) -> dict[str, str]:
    """Public key to name of every client that may connect. Read anew at each call; malformed files do not count."""
    keys = {}
    for path in sorted((home / "clients").glob("*.key")):
        with contextlib.suppress(KeyFileError, OSError):
            keys[public_key(path.read_text("ascii", "replace")).decode()] = path.stem
    return keys


def enrol(home: Path, name: str, public: str) -> None:
    """Let the client with this public key connect; it takes effect at once.

    Raises:
        KeyFileError: the name or the key is malformed or enrolled already.
    """
    path = _client_file(home, name)
    key = public_key(public)
    if other := enrolled(home).get(key.decode()):
        raise KeyFileError(f"This key is enrolled already, as {other!r}.")
    try:
        _write(path, key)
    except FileExistsError:
        raise KeyFileError(
            f"Another key is enrolled as {name!r}: choose another name, or revoke that one first."
        ) from None


def revoke(home: Path, name: str) -> None:
    """Let the client of this name connect no more; a running server soon ends its sessions.

    Raises:
        KeyFileError: nobody is enrolled under this name.
    """
    try:
        _client_file(home, name).unlink()
    except FileNotFoundError:
        raise KeyFileError(f"Nobody is enrolled as {name!r}.") from None


def public_key(text: str) -> bytes:
    """``text`` as a key, spaces around it cut off.

    Raises:
        KeyFileError: it is not the Z85 text of 32 bytes.
    """
    try:
        key = text.strip().encode("ascii")
        if len(key) == 40 and len(z85.decode(key)) == 32:
            return key
    except (ValueError, KeyError, struct.error):
        pass
    raise KeyFileError("This is not a key: one has 40 characters, as `worldwarp keys` prints it.")


def _client_file(home: Path, name: str) -> Path:
    if not NAME.fullmatch(name) or name in RESERVED:
        raise KeyFileError(
            f"{name!r} cannot be a client's name: use up to 64 small letters, digits, - and _, "
            "starting with a letter or digit."
        )
    return home / "clients" / f"{name}.key"


def _pair(path: Path) -> tuple[KeyPair, bool]:
    """The pair in ``path``, and whether it was made just now. Of two processes that make it at once, one wins."""
    made = False
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            _write(path, zmq.curve_keypair()[1])
            made = True
    secret = _read_secret(path)
    return KeyPair(zmq.curve_public(secret), secret), made


def _read_secret(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise KeyFileError(
                    f"Others can read or change the key in {path}: run `chmod 600 '{path}'`, or delete it."
                )
            text = file.read(1000).decode("ascii", "replace")
    except OSError as error:
        raise KeyFileError(f"The key in {path} cannot be read: {error.strerror}.") from error
    try:
        return public_key(text)
    except KeyFileError:
        raise KeyFileError(f"The file {path} does not hold a key: delete it and a new one is made.") from None


def _write(path: Path, key: bytes) -> None:
    """Make ``path`` whole or not at all, with mode 0600; raises FileExistsError where it exists already."""
    try:
        temporary = _write_beside(path, key)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        # Both fail where the target exists: that decides between two processes.
        if os.name == "nt":
            temporary.rename(path)
        else:
            os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError as error:  # a file system without hard links
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> KeyFileError:
    return KeyFileError(
        f"{path} cannot be written ({error.strerror}): free it, or name another folder in WORLDWARP_HOME."
    )


def _write_beside(path: Path, key: bytes) -> Path:
    _make_private(path.parent)
    # mkstemp opens with O_EXCL and mode 0600, whatever the umask
    handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".new", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(key + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _make_private(folder: Path) -> None:
    """Make a folder and those above it, each for the owner alone: ``mkdir(parents=True)`` leaves those above open."""
    if not folder.is_dir():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
