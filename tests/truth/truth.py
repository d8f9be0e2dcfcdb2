"""The demo's scene as Blender sees it, and draft runs to hold against it."""

import itertools
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import OpenEXR
from worldwarp import contents, shots
from worldwarp.cameras import Cameras
from worldwarp.engines import jobs
from worldwarp.engines.compute import compute, numerics
from worldwarp.nouns import Provenance
from worldwarp.outputs.pictures import read_picture
from worldwarp.store import Manifest, Store
from worldwarp.world.points import stored_points
from worldwarp_protocol.messages import Settings

SCRIPTS = Path(__file__).parents[2] / "scripts"
COLOUR_SPACE = "AgX Base sRGB"
"""Of the scene's renders: its view transform is AgX."""


@dataclass(frozen=True)
class Truth:
    """The scene, rendered by Cycles into ``folder``."""

    python: Path
    """Holds Blender as the module ``bpy``."""
    folder: Path

    def ask(self, *arguments: object) -> None:
        """Run scripts/demo_truth.py on the scene."""
        self._blender("demo_truth.py", self.folder / "scene.blend", *arguments)

    def build(self, frames: list[int]) -> None:
        """Build the scene, render ``frames`` (from 1) and write the cameras."""
        self._blender("demo_scene.py", self.folder / "scene.blend")
        self.ask("render", self.folder, *frames)
        self.ask("cameras", self.folder / "cameras.npz")

    def picture(self, frame: int) -> np.ndarray:
        """(H, W, 3) uint8: Cycles' own render of a frame."""
        return read_picture(self.folder / f"{frame:04}.png")

    @cached_property
    def depth(self) -> np.ndarray:
        """(H, W) float32: Cycles' depth pass of the first frame; 1e10 is sky."""
        with OpenEXR.File(str(self.folder / "0001.exr"), separate_channels=True) as file:
            return next(
                part.channels[name].pixels for part in file.parts for name in part.channels if ".Depth." in name
            )

    @cached_property
    def cameras(self) -> Cameras:
        height, width = self.depth.shape
        with np.load(self.folder / "cameras.npz") as file:
            return Cameras(file["K"], file["camera_to_world"], width, height, file["frame"])

    def look_at_points(self, xyz: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """Where Blender's first camera sees points (n, 3): pixels (n, 2), and the error of their distance (n,) relative
        to the distance of the surface there (by ray casting).
        """
        np.save(folder / "points.npy", xyz)
        self.ask("points", folder / "points.npy", folder / "seen.npy")
        seen = np.load(folder / "seen.npy")
        with np.errstate(invalid="ignore"):
            errors = seen[:, 2] / seen[:, 3]
        return seen[:, :2], np.where(np.isfinite(errors), errors, np.inf)

    def _blender(self, script: str, *arguments: object) -> None:
        command = [str(self.python), "-W", "ignore", str(SCRIPTS / script), *map(str, arguments)]
        environment = os.environ | {"BLENDER_USER_RESOURCES": str(self.folder)}  # nobody's preferences
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=environment)
        assert done.returncode == 0, f"{script} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


@dataclass(frozen=True)
class Run:
    """A finished draft run: its committed chunks."""

    store: Store
    chunks: list[Manifest]

    def image(self, kind: str, frame: int) -> np.ndarray:
        """A committed image of ``kind`` (frames, provenance, holes, priors) of a frame (from 1)."""
        holder = list(itertools.takewhile(lambda chunk: chunk.first < frame, self.chunks))[-1]
        return contents.read_image(self.store, holder.key, kind, frame - 1)

    @cached_property
    def picture_points(self) -> tuple[np.ndarray, np.ndarray]:
        """xyz (n, 3) and rgb (n, 3) of the points that come from the picture."""
        points = [stored_points(self.store, chunk.key) for chunk in self.chunks]
        xyz, rgb, provenance = (np.concatenate(parts) for parts in zip(*points, strict=True))
        return xyz[provenance == Provenance.PICTURE], rgb[provenance == Provenance.PICTURE]


def draft(truth: Truth, folder: Path, settings: Settings, cameras: Cameras, depth: np.ndarray) -> Run:
    """Walk ``cameras`` into the first frame's render with ``depth``, through the real loop and a store of its own."""
    shot, _ = shots.prepare("truth", truth.picture(1)[None], depth[None], cameras, settings, COLOUR_SPACE)
    store, done = Store(folder), []
    while job := jobs.make_job(shot, store, done, numerics()):
        done.append(jobs.commit(store, job, compute(job, lambda *_: None)))
    return Run(store, done)


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """In dB, over the pixels ``where`` (H, W) of two 8-bit images."""
    error = (a.astype(np.float64) - b)[where]
    return float(10 * np.log10(255**2 / np.mean(error**2)))
