"""A real Blender with its window, in a folder of its own: Debian's, with all that it needs to run under Xvfb.

``python scripts/gui_blender.py [--suite sid] [--folder FOLDER]`` makes it; ``gui_tests.py`` does so by itself. Needs
root and a Debian mirror, which is the one that this machine's apt uses. Nothing outside the folder is changed, but
debootstrap is installed where it is missing. To be rid of it, delete the folder. Standard library only.
"""

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

NEWEST = "sid"
SUITES = {NEWEST: "5.2 or newer", "trixie": "4.3"}
"""Of Debian, and the Blender that is in it."""

SCREEN = ("libgl1-mesa-dri", "libegl1", "libglx-mesa0", "xvfb", "xauth", "xdotool", "scrot")
IMPORTED = ("python3-numpy", "python3-requests", "python3-cattr")
"""What Blender's own scripts import although its package does not ask for it."""
PACKAGES = ("blender", *SCREEN, *IMPORTED)

LEFT_OUT = "path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n"

ANSWER_SECONDS = 20
"""Longest wait for the mirror."""


class NotPossible(Exception):
    """A real Blender cannot be had on this machine; one sentence that says why."""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", choices=SUITES, default=NEWEST, help="of Debian: which Blender (default: sid, 5.2)")
    parser.add_argument("--folder", type=Path, help="where it is kept (default: in this user's cache)")
    options = parser.parse_args(argv)
    try:
        print(real_blender(options.suite, options.folder or kept_in(options.suite)))
    except NotPossible as reason:
        print(reason)
        return 1
    return 0


def kept_in(suite: str) -> Path:
    """Where it is kept unless the user names a folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "worldwarp" / f"blender-{suite}"


def real_blender(suite: str, folder: Path) -> Path:
    """The folder, with Blender in it; made where it is not there, and anew where it was made of other parts.

    Raises:
        NotPossible: this is no Debian, we are not root, or not allowed what root is, or the mirror does not answer.
    """
    stamp = folder / "made-from"
    wanted = hashlib.sha256(repr((suite, PACKAGES)).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return folder
    check_possible(suite, folder.parent)
    with alone(folder):
        if not (stamp.is_file() and stamp.read_text() == wanted):  # another process made it while we waited
            make(suite, folder, wanted)
    return folder


def make(suite: str, folder: Path, wanted: str) -> None:
    """Make it beside ``folder``; what is there when that is done was made whole."""
    print(
        f"Making a real Blender ({SUITES[suite]}) in {folder} (once; about 350 MB to download, 1.4 GB on disk) ...",
        flush=True,
    )
    parts = folder.with_name(f"{folder.name}-unfinished")
    for old in (parts, folder):
        if old.exists():
            shutil.rmtree(old)
    install(suite, parts)
    (parts / "made-from").write_text(wanted)
    parts.rename(folder)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let no two processes make ``folder`` at the same time; it ends with the process, however that ends."""
    import fcntl  # not on Windows, where nothing gets here

    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_possible(suite: str, folder: Path) -> None:
    """Raises ``NotPossible`` where a real Blender cannot be made in ``folder``, which is made."""
    check_root()
    folder.mkdir(parents=True, exist_ok=True)
    check_devices(folder)
    if shutil.which("apt-get") is None:
        raise NotPossible("this is no Debian: the real Blender is made of Debian's packages")
    address = mirror()
    try:
        urllib.request.urlopen(f"{address}/dists/{suite}/InRelease", timeout=ANSWER_SECONDS).close()
    except OSError as error:
        raise NotPossible(f"the Debian mirror {address} cannot be reached ({error})") from None


def check_root() -> None:
    """Raises ``NotPossible`` where a system in a folder cannot be entered."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NotPossible("only root on Linux can run a Blender in a folder of its own; a container's root can")
    if shutil.which("chroot") is None or subprocess.run(["chroot", "/", "true"], capture_output=True).returncode:
        raise NotPossible("this container's root may not enter a system in a folder (chroot)")


def check_devices(folder: Path) -> None:
    """Raises ``NotPossible`` where debootstrap cannot make the devices of a system in ``folder``."""
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        device = Path(inner) / "null"
        try:
            os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
            device.write_bytes(b"")
        except OSError as error:
            raise NotPossible(
                f"no devices can be made in {folder} ({error.strerror}), as a container forbids"
            ) from None


def mirror() -> str:
    """The Debian mirror that this machine's apt uses.

    Raises:
        NotPossible: it uses none.
    """
    folder = Path("/etc/apt")
    lists = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]
    lists += sorted(folder.glob("sources.list.d/*.sources"))
    found = mirror_in("\n".join(file.read_text() for file in lists if file.is_file()))
    if found is None:
        raise NotPossible("this machine's apt names no Debian mirror (an address that ends in /debian)")
    return found


def mirror_in(sources: str) -> str | None:
    """The first Debian mirror in texts of apt's, in either of its ways to write them."""
    lines = [line for line in sources.splitlines() if line.startswith(("URIs:", "deb "))]
    return next(
        (word.rstrip("/") for line in lines for word in line.split() if re.search(r"://.*/debian/?$", word)), None
    )


def install(suite: str, folder: Path) -> None:
    """Debian's smallest system and Blender on top of it. A step that fails ends it: then something is broken."""
    if shutil.which("debootstrap") is None:
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap")
    run("debootstrap", "--variant=minbase", "--include=ca-certificates", suite, str(folder), mirror())
    (folder / "etc/dpkg/dpkg.cfg.d/left-out").write_text(LEFT_OUT)
    (folder / "etc/apt/apt.conf.d/99late").write_text('Acquire::Check-Valid-Until "false";\n')  # a mirror may lag
    (folder / "etc/mtab").unlink(missing_ok=True)
    (folder / "etc/mtab").touch()  # a link into /proc, which is not there
    rc = folder / "usr/sbin/policy-rc.d"  # no service is started
    rc.write_text("#!/bin/sh\nexit 101\n")
    rc.chmod(0o755)
    for file in [Path("/etc/resolv.conf"), *Path("/etc/apt/apt.conf.d").glob("*proxy*")]:
        if file.is_file():
            shutil.copy(file, folder / file.relative_to("/"))
    inside = ("chroot", str(folder), "apt-get", "-q")
    run(*inside, "update")
    run(*inside, "install", "-y", "--no-install-recommends", *PACKAGES)
    run(*inside, "clean")


def run(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
