"""The whole way, on any machine with Python 3.11: ``python scripts/demo.py``

Builds a small scene in Blender, starts the server, presses Generate, and leaves frames, video, cameras, points, a
contact sheet against Cycles' own renders and result.blend in output/demo. Run it again: nothing is computed anew.

The profile is mini, with draft beside it and a photograph that mini is not made for. ``--profile draft`` takes a
longer walk, larger, by draft alone.
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
from dataclasses import dataclass
from pathlib import Path

import environments

SCRIPTS = Path(__file__).resolve().parent
MINI_SIZE = (192, 128)
"""Width and height of the mini profile's frames."""


@dataclass(frozen=True)
class Walk:
    """How much of the scene's walk a profile takes, at what width and height.

    ``truth``: frames (from 1) that Cycles renders too, to compare with. ``far``: metres beyond which all is sky.
    ``beside``: profiles that walk the same, to compare with.
    """

    size: tuple[int, int]
    frames: int
    truth: tuple[int, ...]
    far: float = 1e6
    beside: tuple[str, ...] = ()


WHOLE = Walk((240, 160), 93, (24, 48, 66, 93))
START = Walk(MINI_SIZE, 41, (9, 17, 29, 41), 20.0, ("draft",))
"""Three chunks of the mini profile. A world up to the horizon would make its proxy mesh coarse."""

PHOTO = ("--lens", "20mm", "--anchor", "0.5,0.8,3.4", "--path", "dolly_in 1m", "--frames", "17", "--steps", "20")
"""How demo_photo.py's camera saw the photograph, how far its ground is, and one chunk's walk into it."""

RESULT = ("frames", "inputs", "provenance", "points", "cameras.npz", "points.ply", "shot.json")
"""What a result's folder holds."""

MADE_ANEW = ("blender", "draft", "extension", "photo", "photo_sheet.png", "run", "world", "log.txt")
"""What every run begins without."""

OF_THE_WALK = ("scene.blend", "truth")
"""What is kept as long as the walk is the same."""

OWN = (*RESULT, *MADE_ANEW, *OF_THE_WALK, "home", "made-for", "photo.png", "store", "server.txt")
"""What the demo keeps in its folder beside what it makes of the result: --fresh removes these and nothing else."""

STARTS_WITHIN = 120.0
"""Seconds that the server may take to start."""


def main(argv: Sequence[str]) -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--fresh", action="store_true", help="start over: remove what an earlier run left")
    parser.add_argument("--out", type=Path, default=environments.ROOT / "output" / "demo", help="folder (output/demo)")
    parser.add_argument("--profile", default="mini", help="what fills the holes, of those the server has (mini)")
    options = parser.parse_args(argv)
    begun = time.monotonic()
    blender, backend = environments.blender(), environments.backend()
    print(f"Environments ready after {time.monotonic() - begun:.1f} s.")
    begun = time.monotonic()
    demo = Demo(options.out.resolve(), backend, blender, options.profile, options.fresh)
    demo.run()
    print(f"\nDone in {time.monotonic() - begun:.0f} s. {demo.summary()}\n\nIn {demo.out}:")
    files = {"frames/": f"the walk, 0001.png to {demo.walk.frames:04}.png"} | FILES
    for name, what in (files | MINI_FILES if demo.walk is START else files).items():
        print(f"  {name:20} {what}")
    return 0


FILES = {
    "video.mp4": "the same as a video",
    "cameras.npz": "the camera of every frame (K, R, t)",
    "points.ply": "the place as coloured points, in the scene's own world",
    "contact_sheet.png": "prior, holes, frame and Cycles' own render side by side",
    "result.blend": "camera, frames, points and a CG object beside the scene",
    "result.png": "that CG object over a generated frame",
    "points.png": "the points and the camera's path from outside",
}

MINI_FILES = {
    "contact_sheet.png": "prior, holes, draft, mini and Cycles' own render side by side",
    "draft/": "the same walk by draft",
    "world/mesh.ply": "the proxy mesh of all frames",
    "result.blend": "camera, frames, points, proxy mesh and a CG object beside the scene",
    "result.png": "that CG object over a generated frame, its shadow on the proxy mesh",
    "photo_sheet.png": "a photograph, which mini is not made for, and frames of a walk into it",
    "photo/": "that walk",
}
"""What is more, or other, where mini is shown."""


class Demo:
    """One run of the demo in the folder ``out``."""

    def __init__(self, out: Path, backend: Path, blender: Path, profile: str, fresh: bool) -> None:
        self.out, self.backend, self.blender = out, backend, blender
        self.profile, self.walk = profile, START if profile == "mini" else WHOLE
        remove(out, OWN if fresh else MADE_ANEW)
        (out / "blender").mkdir(parents=True)
        stamp = out / "made-for"
        if not stamp.exists() or stamp.read_text() != repr(self.walk):
            remove(out, OF_THE_WALK)
            stamp.write_text(repr(self.walk))
        self.stored = self.chunks()
        self.environment = os.environ | {
            "WORLDWARP_HOME": str(out / "home"),
            "BLENDER_USER_RESOURCES": str(out / "blender"),
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
            "PYTHONUNBUFFERED": "1",
        }

    def run(self) -> None:
        """Every step in order; a step that fails ends it with the step's own words."""
        out, scene, walk = self.out, self.out / "scene.blend", self.walk
        extension = self.build_extension()
        if not scene.exists():
            self.blend("Build the scene in Blender", "demo_scene.py", scene, *walk.size, walk.frames)
        with self.server() as address:
            self.blend(
                "Render its first frame and depth, press Generate",
                *("demo_generate.py", scene, extension, address, out / "run", walk.far, self.profile, *walk.beside),
            )
            self.take_results()
            if walk is START:
                title = "Bring the result into Blender, make its proxy mesh, add CG"
                self.blend(title, "demo_result.py", scene, out, address)
        if not all((out / "truth" / f"{frame:04}.png").exists() for frame in walk.truth):
            title = "Let Cycles render some frames too"
            self.blend(title, "demo_truth.py", scene, "render", out / "truth", *walk.truth)
        if walk is START:
            self.walk_into_photo()
        else:
            self.blend("Bring the result into Blender, add CG", "demo_result.py", scene, out)
        title = "Video, contact sheet, PSNR against Cycles"
        self.step(title, self.backend, SCRIPTS / "demo_sheet.py", out, *walk.truth)

    def walk_into_photo(self) -> None:
        """A picture that mini is not made for, without depth, by the command line."""
        photo, (width, height) = self.out / "photo.png", self.walk.size
        if not photo.exists():
            self.blend("Take a photograph", "demo_photo.py", photo)
        self.step(
            "Walk into the photograph, its depth estimated by mini",
            *(self.worldwarp(), "generate", "--image", photo, "--profile", "mini", "--geometry", "mini", *PHOTO),
            *("--width", width, "--height", height, "--store", self.out / "store", "--out", self.out / "photo"),
        )

    def build_extension(self) -> Path:
        """The extension's zip."""
        folder = self.out / "extension"
        self.step("Build the extension", self.backend, SCRIPTS / "build_extension.py", "--out", folder)
        return next(folder.glob("*.zip"))

    def chunks(self) -> set[str]:
        """Keys of the chunks in the demo's store."""
        return {path.name for path in (self.out / "store" / "chunks").glob("*/*")}

    def take_results(self) -> None:
        """Move the folders that the extension wrote to where the demo promises them."""
        remove(self.out, RESULT)
        for name in RESULT:
            (newest(self.out / "run" / self.profile) / name).rename(self.out / name)
        for profile in self.walk.beside:
            newest(self.out / "run" / profile).rename(self.out / profile)
        remove(self.out, ["run"])

    def summary(self) -> str:
        """How much of all that is shown had to be computed."""
        files = [self.out / folder / "shot.json" for folder in (".", *self.walk.beside, "photo")]
        records = [json.loads(file.read_text("utf-8")) for file in files if file.exists()]
        keys = [chunk["key"] for record in records for chunk in record["chunks"]]
        new = sum(key not in self.stored for key in keys)
        return f"{new} of {len(keys)} chunks computed" + (": all were in the store." if not new else ".")

    def worldwarp(self) -> str:
        """The command, as it is installed beside the backend's Python."""
        return str(shutil.which("worldwarp", path=self.backend.parent))

    def blend(self, title: str, script: str, *arguments: object) -> None:
        """Run one of the demo's scripts by the Python that holds Blender, to its end."""
        self.step(title, self.blender, SCRIPTS / script, *arguments)

    def step(self, title: str, *command: object) -> None:
        """Run a command to its end; prints its wall time and its processes' peak memory.

        Blender as a module crashes now and then; nothing is lost by it, so a crash (a signal) is given a second try.
        """
        print(f"{title} ...", flush=True)
        begun = time.monotonic()
        words = [str(word) for word in command]
        name = Path(words[1]).name
        code, peak = self.follow(words)
        if code < 0:
            print(f"  {name} crashed (signal {-code}); once more, what was computed is kept ...", flush=True)
            code, peak = self.follow(words)
        if code:
            sys.exit(f"{name} failed ({code}): see above, and {self.out / 'log.txt'}")
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
        command = [self.worldwarp(), "serve", "--port", "0", "--store", str(self.out / "store")]
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


def newest(folder: Path) -> Path:
    """The last of the versions in it."""
    return max(folder.iterdir())


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
