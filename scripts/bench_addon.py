"""How long the extension keeps Blender's main thread, with a real server and a run that streams its frames.

Run by a Blender, in a window or by a Python that holds it as the module ``bpy``:

    blender --python scripts/bench_addon.py -- dist/worldwarp-....zip WORLDWARP [--frames 141] [--size 480]

WORLDWARP is the backend's program, or - where a server runs already. Prints a table; Blender's own drawing is not
in it. Everything made goes again.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import bpy
import numpy as np

MODULE = "bl_ext.user_default.worldwarp"

MILLION = 1_000_000

TIMES = 3
"""That it is imported: other programs take their share of the machine."""

IDLE_SECONDS = 0.02
"""Between two ticks where Blender fires no timers."""

GOAL = "goal: 8 ms on average, 30 ms at most; a million points under 1.5 s"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench_addon.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("extension", type=Path)
    parser.add_argument("worldwarp")
    parser.add_argument("--port", type=int, default=7699)
    parser.add_argument("--frames", type=int, default=141)
    parser.add_argument("--size", type=int, default=480)
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="worldwarp-bench-"))
    install(options, folder)
    from bl_ext.user_default.worldwarp import operators, pump

    times = timed(pump)
    scene(options)
    operators.WORLDWARP_OT_generate.start(None, bpy.context)
    if bpy.app.background:
        while pump.tick() is not None:
            time.sleep(IDLE_SECONDS)
        end(times, folder)
    else:
        bpy.app.timers.register(lambda: when_done(pump, times, folder), first_interval=1)


def install(options, folder: Path) -> None:
    """The extension as a user installs it, and a server of its own."""
    found = str(options.extension.resolve())
    bpy.ops.extensions.package_install_files(filepath=found, repo="user_default", enable_on_install=True)
    settings = bpy.context.preferences.addons[MODULE].preferences
    settings.address = f"tcp://127.0.0.1:{options.port}"
    settings.backend_command = "" if options.worldwarp == "-" else options.worldwarp
    settings.output_folder = str(folder / "results")
    if options.worldwarp != "-":
        bpy.ops.worldwarp.start_server("EXEC_DEFAULT")


def scene(options) -> None:
    """The default cube, and a camera that passes it."""
    scene, camera = bpy.context.scene, bpy.context.scene.camera
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y = options.size, options.size * 2 // 3
    scene.frame_start, scene.frame_end = 1, options.frames
    camera.keyframe_insert("location", frame=1)
    camera.location.x -= 1
    camera.keyframe_insert("location", frame=options.frames)
    scene.worldwarp.longest_side, scene.worldwarp.cache_steps, scene.worldwarp.seed = options.size, 5, 7
    bpy.context.window_manager.worldwarp_live.show_frames = True


def timed(pump) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of each call of the timer and of each of its steps from now on: by the clock, and of this thread."""
    times: dict[str, list[tuple[float, float]]] = {"tick": []}

    def watch(name, function):
        times[name] = []

        def watched():
            began, used = time.perf_counter(), time.thread_time()
            try:
                return function()
            finally:
                times[name].append((1000 * (time.perf_counter() - began), 1000 * (time.thread_time() - used)))

        return watched

    pump.STEPS = tuple(watch(step.__name__, step) for step in pump.STEPS)
    pump.tick = watch("tick", pump.tick)
    return times


def when_done(pump, times, folder: Path) -> float | None:
    if bpy.app.timers.is_registered(pump.tick):
        return 1.0
    try:
        end(times, folder)
    finally:
        bpy.ops.wm.quit_blender()
    return None


def end(times: dict[str, list[tuple[float, float]]], folder: Path) -> None:
    """Tell what was measured, and clean up."""
    from bl_ext.user_default.worldwarp.state import STATE

    try:
        print(f"\nBlender {bpy.app.version_string}, {'module' if bpy.app.background else 'window'}; {GOAL}")
        run = STATE.run
        print(f"run: {run.state}, {run.frames_done} frames, imported as {run.imported} {run.text}", *run.warnings)
        print(f"{'ms':16}{'calls':>7}{'mean':>8}{'99 %':>8}{'most':>8}{'mean CPU':>10}{'99 %':>8}{'most':>8}")
        for name, values in times.items():
            numbers = [f(one) for one in np.array(values).T for f in (np.mean, lambda v: np.quantile(v, 0.99), np.max)]
            print(f"{name:16}{len(values):7}", *(f"{number:7.2f}" for number in numbers))
        if run.imported:
            with_a_million(run.folder, folder / "million")
            for seconds, used in (timed_import(folder / "million") for _ in range(TIMES)):
                print(f"a million points: {seconds:.2f} s, {used:.2f} of them CPU", flush=True)
    finally:
        if bpy.ops.worldwarp.stop_server.poll():
            bpy.ops.worldwarp.stop_server("EXEC_DEFAULT")
        shutil.rmtree(folder, ignore_errors=True)


def with_a_million(result: Path, copy: Path) -> None:
    """A copy of a result, with a million points of a million colours."""
    shutil.copytree(result, copy)
    rng = np.random.default_rng(0)
    row = np.dtype([(axis, "<f4") for axis in "xyz"] + [(name, "u1") for name in ("red", "green", "blue")])
    points = np.zeros(MILLION, row)
    for axis in "xyz":
        points[axis] = rng.normal(size=MILLION)
    for name in ("red", "green", "blue"):
        points[name] = rng.integers(0, 256, MILLION)
    kinds = [*(f"property float {axis}" for axis in "xyz"), *(f"property uchar {n}" for n in ("red", "green", "blue"))]
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {MILLION}", *kinds, "end_header\n"]
    (copy / "points.ply").write_bytes("\n".join(head).encode() + points.tobytes())


def timed_import(folder: Path) -> tuple[float, float]:
    """Seconds, by the clock and of this thread, to import a result."""
    began, used = time.perf_counter(), time.thread_time()
    bpy.ops.worldwarp.import_result("EXEC_DEFAULT", directory=str(folder))
    return time.perf_counter() - began, time.thread_time() - used


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:])
