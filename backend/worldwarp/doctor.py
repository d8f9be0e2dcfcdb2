"""``worldwarp doctor``: what this machine can run and what is missing, in plain words."""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from .machine import memory

WIDTH = 12
"""Columns of the names at the left."""

PROBE = """
import json, torch
cuda = torch.cuda
names = [(cuda.get_device_name(i), cuda.get_device_properties(i).total_memory) for i in range(cuda.device_count())]
print(json.dumps({"version": torch.__version__, "gpus": names if cuda.is_available() else []}))
"""
"""Asked of a process of its own: torch takes seconds to import, and a broken driver may end the process."""

PROBE_SECONDS = 120


def command(arguments: Sequence[str]) -> int:
    """Print the report."""
    argparse.ArgumentParser(prog="worldwarp doctor", description=__doc__).parse_args(arguments)
    print(report())
    return 0


def report() -> str:
    """What this machine can run and what is missing: one paragraph a topic, for somebody who is no programmer."""
    topics: dict[str, Callable[[], list[str]]] = {
        "Python": _python,
        "Packages": _packages,
        "Machine": _machine,
        "Graphics": _graphics,
        "Video": _video,
        "Profiles": _profiles,
        "Keys": _keys,
        "Store": _store,
        "Server": _server,
    }
    lines = []
    for name, topic in topics.items():
        for i, line in enumerate(_guarded(topic)):
            lines.append(f"{name if i == 0 else '':{WIDTH}}{line}")
    return "\n".join(lines)


def _guarded(topic: Callable[[], list[str]]) -> list[str]:
    """The doctor goes on where a package is missing; which one stands under Packages too."""
    try:
        return topic()
    except ImportError as error:
        return [f"Cannot be looked at: {error}."]


def _python() -> list[str]:
    version = platform.python_version()
    lines = [f"{version} on {platform.system()} {platform.machine()}."]
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        lines.append("WorldWarp is made for Python 3.11 to 3.13; make an environment with one of those.")
    return lines


def _packages() -> list[str]:
    wanted = [need for need in importlib.metadata.requires("worldwarp") or [] if "extra ==" not in need]
    names = [re.split(r"[^A-Za-z0-9._-]", need)[0] for need in wanted]
    missing = [name for name in names if not _is_installed(name)]
    if missing:
        return [f"Missing: {', '.join(missing)}. Install them with: pip install {' '.join(missing)}"]
    return [
        f"WorldWarp {importlib.metadata.version('worldwarp')} and the {len(names)} packages it needs are installed."
    ]


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _machine() -> list[str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [f"{cores} processor core{'s' * (cores != 1)}, {_gigabytes(memory())} of memory."]


def _graphics() -> list[str]:
    if importlib.util.find_spec("torch") is None:
        return ["PyTorch is not installed, so nothing can be generated here: pip install 'torch>=2.11'"]
    try:
        probe = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return [f"PyTorch does not start within {PROBE_SECONDS} seconds; restart the machine or install it again."]
    if probe.returncode != 0:
        reason = (probe.stderr.strip().splitlines() or [f"exit code {probe.returncode}"])[-1]
        return [f"PyTorch is installed but does not start ({reason}); install it again."]
    found = json.loads(probe.stdout.strip().splitlines()[-1])
    if not found["gpus"]:
        return [
            f"No NVIDIA GPU is usable here (PyTorch {found['version']}).",
            "Everything runs on the processor, which is what the draft profile is made for.",
        ]
    lines = [f"{name} with {_gigabytes(memory)} (PyTorch {found['version']})." for name, memory in found["gpus"]]
    if importlib.util.find_spec("gsplat") is None:
        lines.append("gsplat is missing, so the scene is drawn on the processor: pip install gsplat")
    else:
        lines.append("gsplat is there and draws the scene on the GPU; its first use may take minutes to compile.")
    return lines


def _video() -> list[str]:
    from .outputs.video import has_encoder

    if has_encoder():
        return ["H.264 can be written."]
    return ["No H.264 encoder: frames are written, video.mp4 is not. Install PyAV's own wheel: pip install av"]


def _profiles() -> list[str]:
    from . import profiles

    return [
        f"{name}: {'can run here.' if available else f'cannot run here. {text}'}"
        for name, available, text in profiles.status()
    ]


def _keys() -> list[str]:
    from worldwarp_protocol import keys

    home = keys.home()
    return [f"{home}" if (home / "client.key").is_file() else f"{home} (made on first use)"]


def _store() -> list[str]:
    from .store import default_root

    root = default_root()
    there = next(folder for folder in (root, *root.parents) if folder.is_dir())
    writable = os.access(there, os.W_OK)
    state = f"{_gigabytes(shutil.disk_usage(there).free)} free" if writable else "cannot be written: use --store"
    return [f"{root} ({state})"]


def _server() -> list[str]:
    from worldwarp_protocol.client import ADDRESS
    from worldwarp_protocol.keys import home

    from .server import neighbour

    answers = {
        "nobody": f"None runs at {ADDRESS}; start one with: worldwarp serve",
        "ours": f"A WorldWarp server runs at {ADDRESS}.",
        "unknown": f"Something answers at {ADDRESS}, but it is not this user's WorldWarp server.",
    }
    return [answers[neighbour.at(ADDRESS, home())]]


def _gigabytes(size: float) -> str:
    return f"{size / 2**30:.1f} GB"
