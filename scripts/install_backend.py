"""Install the backend for this user, where Blender's Start button looks for it: ``python3 scripts/install_backend.py``

Makes an environment of its own beside the user's keys, with all that the full profile needs and, where there is an
NVIDIA GPU, what draws on it. Run it again to update. Standard library only; Python 3.11 to 3.13.
"""

from __future__ import annotations  # older Pythons get as far as the sentence that refuses them

import argparse
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import environments

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "constraints.txt"


def main() -> int:
    """Install; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--torch-index", metavar="URL", help="where PyTorch comes from, as pytorch.org names it")
    options = parser.parse_args()
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return _stop("WorldWarp needs Python 3.11, 3.12 or 3.13: run this with one of those.")
    folder = home() / "env"
    print(f"Installing into {folder}. PyTorch is a few gigabytes: this takes 5 to 15 minutes.", flush=True)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        python = environment(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{folder} could not be made ({error}).", file=sys.stderr)
        return _stop("On Debian and Ubuntu install python3-venv; on Windows end the server; then run this again.")
    clean()
    gpu = shutil.which("nvidia-smi") is not None
    for step in steps(gpu, options.torch_index):
        if subprocess.run([python, "-m", "pip", "install", *step], check=False).returncode:
            return _stop("That did not work: see pip's message above, then run this again; it goes on from there.")
    if os.name == "nt" and gpu and not options.torch_index:
        print("PyTorch as it is now has no CUDA on Windows: run this again with --torch-index and the address that")
        print("https://pytorch.org/get-started/locally names for Pip, Windows and your CUDA.")
    print("Done. In Blender's sidebar, tab WorldWarp, open Server and press Start.\n", flush=True)
    return subprocess.run([python.with_name(f"worldwarp{python.suffix}"), "doctor"], check=False).returncode


def environment(folder: Path) -> Path:
    """The Python of the environment in ``folder``; one that is whole stays, for a server may run from it."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not environments.has_pip(python):
        venv.create(folder, with_pip=True, clear=True)
    return python


def clean() -> None:
    """Remove what setuptools left beside the source: modules that are gone since would be installed again."""
    for part in ("protocol", "backend"):
        shutil.rmtree(ROOT / part / "build", ignore_errors=True)


def steps(gpu: bool, torch_index: str | None) -> list[list[str]]:
    """What pip is told to install, one after another: PyTorch first, for everything else takes what is there."""
    lines = LOCK.read_text("utf-8").splitlines()
    torch = next(line for line in lines if line.startswith("torch=="))
    extras = "wan,cuda" if gpu else "wan"
    index = ["--index-url", torch_index] if torch_index else []
    return [[*index, torch], ["-c", str(LOCK), str(ROOT / "protocol"), f"{ROOT / 'backend'}[{extras}]"]]


def home() -> Path:
    """The folder of this user's keys, as ``worldwarp_protocol.keys.home``, which is not installed yet."""
    if chosen := os.environ.get("WORLDWARP_HOME"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "worldwarp"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "worldwarp"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "worldwarp"


def _stop(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
