"""The whole way, on any machine with Python 3.11: ``python scripts/demo.py``

Builds a small scene in Blender, starts the server, presses Generate, and leaves frames, video, cameras, points, a
contact sheet against Cycles' own renders and result.blend in output/demo. Run it again: nothing is computed anew.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import environments

SCRIPTS = Path(__file__).resolve().parent
TRUTH = (24, 48, 66, 93)
"""Frames (from 1) that Cycles renders too, to compare with."""

RESULT = ("frames", "provenance", "points", "cameras.npz", "points.ply", "shot.json")
"""What a result's folder holds."""

OWN = (*RESULT, "blender", "extension", "home", "run", "scene.blend", "store", "truth", "log.txt", "server.txt")
"""What the demo keeps in its folder beside what it makes of the result: --fresh removes these and nothing else."""

STARTS_WITHIN = 120.0
"""Seconds that the server may take to start."""


def main(argv: Sequence[str]) -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--fresh", action="store_true", help="start over: remove what an earlier run left")
    parser.add_argument("--out", type=Path, default=environments.ROOT / "output" / "demo", help="folder (output/demo)")
    parser.add_argument("--profile", default="draft", help="what fills the holes, of those the server has (draft)")
    options = parser.parse_args(argv)
    begun = time.monotonic()
    blender, backend = environments.blender(), environments.backend()
    print(f"Environments ready after {time.monotonic() - begun:.1f} s.")
    begun = time.monotonic()
    demo = Demo(options.out.resolve(), backend, blender, options.profile, options.fresh)
    demo.run()
    print(f"\nDone in {time.monotonic() - begun:.0f} s. {demo.summary()}\n\nIn {demo.out}:")
    for name, what in FILES.items():
        print(f"  {name:20} {what}")
    return 0


FILES = {
    "frames/": "the walk, 0001.png to 0093.png",
    "video.mp4": "the same as a video",
    "cameras.npz": "the camera of every frame (K, R, t)",
    "points.ply": "the place as coloured points, in the scene's own world",
    "contact_sheet.png": "prior, holes, frame and Cycles' own render side by side",
    "result.blend": "camera, frames, points and a CG object beside the scene",
    "result.png": "that CG object over a generated frame",
    "points.png": "the points and the camera's path from outside",
}


class Demo:
    """One run of the demo in the folder ``out``."""

    def __init__(self, out: Path, backend: Path, blender: Path, profile: str, fresh: bool) -> None:
        self.out, self.backend, self.blender = out, backend, blender
        self.profile = profile
        remove(out, OWN if fresh else ["blender", "extension", "run", "log.txt"])
        (out / "blender").mkdir(parents=True)
        self.stored = self.chunks()
        self.environment = os.environ | {
            "WORLDWARP_HOME": str(out / "home"),
            "BLENDER_USER_RESOURCES": str(out / "blender"),
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
            "PYTHONUNBUFFERED": "1",
        }

    def run(self) -> None:
        """Every step in order; a step that fails ends it with the step's own words."""
        out, scene = self.out, self.out / "scene.blend"
        extension = self.build_extension()
        if not scene.exists():
            self.step("Build the scene in Blender", self.blender, "demo_scene.py", scene)
        with self.server() as address:
            self.step(
                "Render its first frame and depth, press Generate",
                *(self.blender, "demo_generate.py", scene, extension, address, self.profile, out / "run"),
            )
        self.take_result()
        if not all((out / "truth" / f"{frame:04}.png").exists() for frame in TRUTH):
            self.step(
                "Let Cycles render some frames too",
                self.blender,
                "demo_truth.py",
                scene,
                "render",
                out / "truth",
                *TRUTH,
            )
        self.step("Bring the result into Blender, add CG", self.blender, "demo_result.py", scene, out)
        self.step("Video, contact sheet, PSNR against Cycles", self.backend, "demo_sheet.py", out, *TRUTH)

    def build_extension(self) -> Path:
        """The extension's zip."""
        folder = self.out / "extension"
        self.step("Build the extension", self.backend, "build_extension.py", "--out", folder)
        return next(folder.glob("*.zip"))

    def chunks(self) -> set[str]:
        """Keys of the chunks in the demo's store."""
        return {path.name for path in (self.out / "store" / "chunks").glob("*/*")}

    def take_result(self) -> None:
        """Move the folder that the extension wrote, the last of them, to where the demo promises it."""
        remove(self.out, RESULT)
        newest = max((self.out / "run").iterdir())
        for name in RESULT:
            (newest / name).rename(self.out / name)
        remove(self.out, ["run"])

    def summary(self) -> str:
        """How much of the walk had to be computed."""
        keys = [chunk["key"] for chunk in json.loads((self.out / "shot.json").read_text("utf-8"))["chunks"]]
        new = sum(key not in self.stored for key in keys)
        return f"{new} of {len(keys)} chunks computed" + (": all were in the store." if not new else ".")

    def step(self, title: str, python: Path, script: str, *arguments: object) -> None:
        """Run a script to its end; prints its wall time and its processes' peak memory.

        Blender as a module crashes now and then; nothing is lost by it, so a crash (a signal) is given a second try.
        """
        print(f"{title} ...", flush=True)
        begun = time.monotonic()
        command = [str(python), str(SCRIPTS / script), *map(str, arguments)]
        code, peak = self.follow(command)
        if code < 0:
            print(f"  {script} crashed (signal {-code}); once more, what was computed is kept ...", flush=True)
            code, peak = self.follow(command)
        if code:
            sys.exit(f"{script} failed ({code}): see above, and {self.out / 'log.txt'}")
        print(f"  {time.monotonic() - begun:.1f} s{peak}", flush=True)

    def follow(self, command: list[str]) -> tuple[int, str]:
        """Run a command, its own lines shown and all of them logged; its exit code and its peak memory in words."""
        with (
            (self.out / "log.txt").open("a") as log,
            subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True) as process,
        ):
            for line in process.stdout:
                log.write(line)
                if line.startswith("  "):  # ours; Blender talks too
                    print(line, end="", flush=True)
            return wait(process)

    @contextmanager
    def server(self) -> Iterator[str]:
        """``worldwarp serve`` as a process of its own, with its store below the demo's folder; its address."""
        print("Start the server ...", flush=True)
        begun = time.monotonic()
        log = self.out / "server.txt"
        program = shutil.which("worldwarp", path=self.backend.parent)
        command = [str(program), "serve", "--port", "0", "--store", str(self.out / "store")]
        with log.open("w") as file:
            process = subprocess.Popen(command, env=self.environment, stdout=file, stderr=file)
        try:
            address = wait_for_address(process, log)
            print(f"  {address} after {time.monotonic() - begun:.1f} s", flush=True)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            _, peak = wait(process)
        print(f"  server and worker: {peak.removeprefix(', ')}", flush=True)


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files and folders where they are there."""
    for path in (folder / name for name in names):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def wait_for_address(process: subprocess.Popen, log: Path) -> str:
    """Where the server says that it listens."""
    deadline = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if "serves at " in line:
                return line.rpartition(" ")[2]
        time.sleep(0.05)
    sys.exit(f"The server did not start:\n{log.read_text()}")


def wait(process: subprocess.Popen) -> tuple[int, str]:
    """Wait for a process: its exit code, and in words the peak memory of the largest process it stands for."""
    if not hasattr(os, "wait4"):  # Windows keeps no such number
        return process.wait(), ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return process.returncode, f", peak memory {peak / 2**20:.0f} MiB"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
