"""Render a shot without anybody watching, as a farm does, with an exit code that says what became of it:

    blender -b SHOT.blend --python-exit-code 1 --python scripts/render_unattended.py -- [options]

The .blend says everything that the panel says; options override it for this time. The extension is installed and
enabled for the user who runs it, the server runs or is reached as in the panel. Ctrl+C and SIGTERM cancel the run.

Exit codes: 0 done, 1 a fault of this script's, 2 refused (the shot, an option or the installation), 3 no server,
4 the profile or its weights are not there, 5 failed, 6 cancelled or stopped, 7 out of time.
"""

import argparse
import importlib
import os
import re
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

import bpy

DONE, FAULT, REFUSED, NO_SERVER, NO_PROFILE, FAILED, CANCELLED, OUT_OF_TIME = range(8)

LOOKS_PER_SECOND = 4
LEAVING_SECONDS = 30.0
"""Longest wait for the server to take a wish, after which this ends without it."""


class Ended(Exception):
    """The end: exit code and one sentence."""


def main() -> None:
    options = parse(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else [])
    module = extension()
    state = importlib.import_module(f"{module}.state").STATE
    prepare(options, module)
    check(state, module)
    generate(options, state, importlib.import_module(f"{module}.pump"))
    judge(state.run)
    for warning in state.run.warnings:
        say(f"Note: {warning}")
    if options.save:
        bpy.ops.wm.save_as_mainfile(filepath=bpy.path.abspath(options.save), copy=True)
    raise Ended(DONE, f"{state.run.frames_done} frames in {state.run.folder}")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("render_unattended.py", description=__doc__.splitlines()[0])
    parser.add_argument("--server", help="tcp://HOST:PORT instead of the preferences' server")
    parser.add_argument("--output", help="folder for the result; // is the .blend's folder")
    parser.add_argument("--frames", type=frames, metavar="FIRST-LAST", help="instead of the file's range")
    parser.add_argument("--profile", help="draft, mini or wan")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--save", metavar="FILE.blend", help="save a copy of the .blend with the result in it")
    parser.add_argument("--timeout", type=float, default=float("inf"), metavar="SECONDS", help="cancel after so long")
    parser.add_argument(
        "--patience", type=float, default=300, metavar="SECONDS", help="how long a server may be lost (default: 300)"
    )
    parser.add_argument("--leave", action="store_true", help="where this is ended, let the run go on at the server")
    return parser.parse_args(arguments)


def frames(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(-?\d+)-(-?\d+)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no range: give the first and the last frame, as 101-240")
    return int(found[1]), int(found[2])


def extension() -> str:
    """The module of the extension, whichever repository it was installed from."""
    enabled = [addon.module for addon in bpy.context.preferences.addons if addon.module.endswith(".worldwarp")]
    if not enabled or not hasattr(bpy.types.Scene, "worldwarp"):
        raise Ended(
            REFUSED, "The extension WorldWarp is not enabled for this user: install it, without --factory-startup"
        )
    return enabled[0]


def prepare(options: argparse.Namespace, module: str) -> None:
    """What the options say instead of the file and the preferences, which are not saved."""
    shot = bpy.context.scene.worldwarp
    preferences = bpy.context.preferences.addons[module].preferences
    preferences.address = options.server or preferences.address
    shot.output_folder = options.output or shot.output_folder
    if options.frames:
        shot.use_scene_range = False
        shot.frame_start, shot.frame_end = options.frames
    if options.profile:
        known = [item.identifier for item in shot.bl_rna.properties["profile"].enum_items] or [options.profile]
        if options.profile not in known:
            raise Ended(REFUSED, f"There is no profile {options.profile!r}: choose one of {', '.join(known)}")
        shot.profile = options.profile
    if options.seed is not None:
        shot.seed = options.seed


def check(state, module: str) -> None:
    """Ask the server what it can do, and the extension whether the shot can be sent."""
    try:
        bpy.ops.worldwarp.test_connection()
    except RuntimeError as error:
        raise Ended(NO_SERVER, sentence(error)) from None
    say(f"{state.connection} ({state.versions})")
    order, scene = importlib.import_module(f"{module}.order"), bpy.context.scene
    source = order.depth_source(scene.worldwarp)
    if missing := state.profiles.get(scene.worldwarp.profile) or state.sources.get(source):
        raise Ended(NO_PROFILE, missing)
    if found := order.problems(scene):
        raise Ended(REFUSED, "; ".join(found))


def generate(options: argparse.Namespace, state, pump) -> None:
    """Press the button, which blocks here; what ends it before its time is raised."""
    watch = Watch(options, state, pump)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, watch.hear)
    watch.start()
    try:
        bpy.ops.worldwarp.generate()
    except RuntimeError as error:  # how an operator that was refused tells why
        if state.run is None or not state.run.over:
            watch.end(REFUSED if state.run is None else FAILED, sentence(error))
    finally:
        watch.over.set()
        watch.join()
    if watch.reason and not (state.run and state.run.state == "done"):
        raise watch.reason


class Watch(threading.Thread):
    """Tells where the run stands, line by line, and ends it in time. Reads plain data only, never Blender's."""

    def __init__(self, options: argparse.Namespace, state, pump) -> None:
        super().__init__(daemon=True)
        self.options, self.state, self.pump = options, state, pump
        self.over = threading.Event()
        self.reason: Ended | None = None
        self.began = time.monotonic()
        self.wished = self.lost = float("inf")

    def hear(self, number: int, _frame) -> None:
        """A signal: Blender calls this once the picture is rendered."""
        self.end(CANCELLED, f"Ended by {signal.Signals(number).name}")

    def end(self, code: int, text: str) -> None:
        """Let the run end, or go on without us: the first reason counts."""
        self.reason = self.reason or Ended(code, text)

    def run(self) -> None:
        try:
            self.follow()
        except Exception:  # else nothing would watch the time any more
            traceback.print_exc()
            leave(Ended(FAULT, "A fault of render_unattended.py: see above"))

    def follow(self) -> None:
        shown = ""
        while not self.over.wait(1 / LOOKS_PER_SECOND):
            line = told(self.state.run)
            if line != shown:
                say(line)
                shown = line
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Whether it is time to end, and whether a wish to end was not heard."""
        run, options = self.state.run, self.options
        self.lost = min(self.lost, now) if run and run.lost else float("inf")
        if now - self.began > options.timeout:
            self.end(OUT_OF_TIME, f"Not done within {options.timeout:g} seconds")
        if now - self.lost > options.patience:
            self.end(NO_SERVER, f"{run.lost} (given up after {options.patience:g} seconds)")
        if self.reason is not None and not (run and run.over):
            self.wish(now)

    def wish(self, now: float) -> None:
        """Ask the server to cancel, or let go of it; end without it where it does not answer, or knows nothing yet."""
        if self.wished == float("inf") and self.pump.busy():
            self.pump.ask("leave" if self.options.leave or self.reason.args[0] == NO_SERVER else "cancel")
            self.wished = now
        if self.state.run is None or now - self.wished > LEAVING_SECONDS:
            leave(self.reason)


def told(run) -> str:
    """Where the run stands, in words."""
    if run is None:
        return "Preparing the picture"
    if run.lost or not run.progress:
        return run.lost or run.state.capitalize()
    return f"{run.fraction:4.0%}  {run.stage.split(',')[0]}, {run.frames_done} of {run.frames} frames here"


def judge(run) -> None:
    """Raise ``Ended`` where ``run`` did not become a result in the scene."""
    if run is None:
        raise Ended(REFUSED, "Nothing was begun: see above")
    if run.state == "failed":
        raise Ended(FAILED if run.id else REFUSED, run.text)
    if run.state != "done":
        raise Ended(CANCELLED, run.text or f"The run was {run.state}: {run.frames_done} frames in {run.folder}")
    if run.imported == "-":
        raise Ended(FAILED, f"{'; '.join(run.warnings)} (the frames are in {run.folder})")


def sentence(error: Exception) -> str:
    """What an operator said, without Blender's words around it."""
    return str(error).strip().removeprefix("Error: ")


def say(line: str) -> None:
    print(f"WorldWarp: {line}", flush=True)


def leave(ended: Ended) -> None:
    """End at once: Blender's own ways out change the exit code, or hang where something of an add-on's still runs."""
    code, text = ended.args
    say(f"{text} [{code}]")
    shutil.rmtree(Path(bpy.app.tempdir), ignore_errors=True)
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        main()
    except Ended as ended:
        leave(ended)
    except SystemExit as error:  # of the options
        leave(Ended(error.code or DONE, "No shot was rendered"))
    except BaseException:
        traceback.print_exc()
        leave(Ended(FAULT, "A fault of render_unattended.py: see above"))
