"""The command ``worldwarp``: a table of commands, each a function of its arguments."""

import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from worldwarp_protocol.errors import WorldWarpError

from .terminal import in_options

COMMANDS = {
    "serve": ("worldwarp.server.command:serve_command", "answer Blender and other clients"),
    "generate": ("worldwarp.generate:command", "generate a shot into a folder, without Blender or a server"),
    "picture": ("worldwarp.imagine:command", "a first picture from words"),
    "geometry": ("worldwarp.describe:command", "depth, lens, floor, points and a mesh of a picture"),
    "cameras": ("worldwarp.track:command", "the path of the camera that filmed a clip"),
    "path": ("worldwarp.path:command", "make, retime, convert, check and preview a camera path"),
    "world": ("worldwarp.world.command:command", "points, mesh, Gaussians and solved cameras of a finished shot"),
    "evaluate": ("worldwarp.evaluation.command:command", "how far a finished shot is from its requested cameras"),
    "export": ("worldwarp.export:command", "a finished shot as EXR, ProRes, FFV1, COLMAP model, full-size plate"),
    "keys": ("worldwarp.enrolment:command", "who may use this machine's server"),
    "doctor": ("worldwarp.doctor:command", "what this machine can run, and what is missing"),
    "weights": ("worldwarp.weights.command:command", "trained networks: licences, what is here, fetching them"),
    "train": ("worldwarp.training.command:command", "train the VAE, ST-Diff or the geometry network"),
    "bench": ("worldwarp.benchmarks:command", "measure speed and memory here"),
}
"""Name: where its function is (imported only when it is called, for torch takes seconds), and what it is for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. An error of ours ends it with its sentence and exit code 1, not with a traceback."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name not in COMMANDS:
        print(f"worldwarp: there is no command '{name}'.\n\n{_usage()}", file=sys.stderr)
        return 2
    module, function = COMMANDS[name][0].split(":")
    try:
        with _heard():
            return int(getattr(importlib.import_module(module), function)(rest))
    except WorldWarpError as error:
        print(f"worldwarp: {in_options(str(error))}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # who reads our output has read enough: `worldwarp weights | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # the disk: full, gone, or not ours to write
        what = f"{error.filename}: " if error.filename else ""
        remedy = "make room or choose another folder, and run it again; what was computed is kept."
        print(f"worldwarp: {what}{error.strerror or error}; {remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; what was computed is kept.", file=sys.stderr)
        return 130


@contextmanager
def _heard() -> Iterator[None]:
    """Say at once that Ctrl-C was heard: what is at work may take a moment to end."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        print("\nStopping ...", file=sys.stderr, flush=True)
        signal.default_int_handler(number, frame)

    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not of what a shell put behind
    if not (usual and threading.current_thread() is threading.main_thread()):
        yield
        return
    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _usage() -> str:
    lines = [f"  {name:10} {text}" for name, (_, text) in COMMANDS.items()]
    return "Walk a keyframed camera into a single picture.\n\nworldwarp COMMAND [--help]\n\n" + "\n".join(lines)
