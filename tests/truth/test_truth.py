"""A draft run against Cycles and Blender's ray casts: the product's promise of geometric truth."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import pixel_rays
from worldwarp.nouns import Provenance
from worldwarp.outputs.pictures import read_picture
from worldwarp_protocol.messages import Settings

from .truth import COLOUR_SPACE, Run, Truth, draft, psnr

pytestmark = pytest.mark.slow

FLOORS = {24: 24.0, 48: 22.0, 93: 20.0}
"""Least PSNR in dB against Cycles, by frame, of the pixels that come from the picture."""

SHORT = Settings(chunk_frames=25, cache_steps=20)
"""The first quarter of the walk, hardly optimised: enough to tell right from wrong."""


def picture_psnr(truth: Truth, run: Run, frame: int) -> float:
    """PSNR against Cycles of the pixels of a frame that come from the picture."""
    return psnr(run.image("frames", frame), truth.picture(frame), run.image("provenance", frame) == Provenance.PICTURE)


@pytest.mark.parametrize("frame", FLOORS)
def test_what_comes_from_the_picture_looks_as_cycles_renders_it(truth: Truth, whole: Run, frame: int) -> None:
    from_picture = run_share(whole, frame)
    assert from_picture > 0.4, "too little of the picture is carried along to speak of truth"
    assert picture_psnr(truth, whole, frame) >= FLOORS[frame]


def run_share(run: Run, frame: int) -> float:
    """Share of a frame's pixels that come from the picture."""
    return float(np.mean(run.image("provenance", frame) == Provenance.PICTURE))


def test_points_of_the_picture_lie_on_the_scenes_surfaces(truth: Truth, whole: Run, tmp_path: Path) -> None:
    xyz, _ = whole.picture_points
    _, errors = truth.look_at_points(xyz, tmp_path)
    assert len(xyz) > 0.8 * truth.depth.size
    assert np.mean(errors <= 0.01) >= 0.95


def test_an_unmoved_camera_shows_the_picture_in_blenders_view(truth: Truth, whole: Run, tmp_path: Path) -> None:
    returned = whole.store.read(whole.chunks[0].key, "frames/0001.png")
    (tmp_path / "0001.png").write_bytes(returned)
    truth.ask("show", tmp_path / "0001.png", COLOUR_SPACE, tmp_path / "shown.png")
    shown = read_picture(tmp_path / "shown.png").astype(int)
    assert np.abs(shown - truth.picture(1)).max() <= 1


# Mutants: the same run with one thing wrong. Each has to miss what the honest run reaches.

Mutant = Callable[[Cameras, np.ndarray], tuple[Cameras, np.ndarray]]


def honest(cameras: Cameras, depth: np.ndarray) -> tuple[Cameras, np.ndarray]:
    return cameras, depth


def forgotten_axes(cameras: Cameras, depth: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """Blender's camera axes (y up, z backwards) taken for OpenCV's."""
    return replace(cameras, camera_to_world=cameras.camera_to_world @ np.diag([1.0, -1.0, -1.0, 1.0])), depth


def mirrored_world(cameras: Cameras, depth: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """The walk with its x axis mirrored: left is right."""
    mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
    return replace(cameras, camera_to_world=mirror @ cameras.camera_to_world @ mirror), depth


def half_pixel_shift(cameras: Cameras, depth: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """Intrinsics of a convention where a pixel's centre is a whole number."""
    return replace(cameras, K=cameras.K - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])), depth


def larger_scale(cameras: Cameras, depth: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """Depth 2 % too large for the walk."""
    return cameras, depth * np.float32(1.02)


def radial_depth(cameras: Cameras, depth: np.ndarray) -> tuple[Cameras, np.ndarray]:
    """Distance from the camera's centre taken for distance along its axis."""
    rays = pixel_rays(cameras.K[0], cameras.width, cameras.height)
    return cameras, (depth * np.linalg.norm(rays, axis=-1)).astype(np.float32)


def faults(truth: Truth, run: Run, folder: Path) -> set[str]:
    """The criteria of truth that a run misses."""
    xyz, rgb = run.picture_points
    pixels, errors = truth.look_at_points(xyz, folder)
    centred = np.abs(pixels % 1 - 0.5).max(axis=1) < 0.05
    inside = ((pixels >= 0) & (pixels < [truth.cameras.width, truth.cameras.height])).all(axis=1)
    column, row = np.where(inside[:, None], pixels, 0).astype(int).T
    in_place = inside & centred & (truth.picture(1)[row, column] == rgb).all(axis=1)
    missed = {
        "frame 24": picture_psnr(truth, run, 24) < FLOORS[24],
        "on the surfaces": np.mean(errors <= 0.01) < 0.95,
        "at their pixels": np.mean(in_place) < 0.99,
    }
    return {criterion for criterion, fault in missed.items() if fault}


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        (honest, set()),
        (forgotten_axes, {"frame 24", "on the surfaces", "at their pixels"}),
        (mirrored_world, {"frame 24", "on the surfaces", "at their pixels"}),
        (half_pixel_shift, {"at their pixels"}),
        (larger_scale, {"on the surfaces"}),
        (radial_depth, {"on the surfaces"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_only_the_honest_run_is_true(truth: Truth, tmp_path: Path, change: Mutant, missed: set[str]) -> None:
    cameras, depth = change(truth.cameras[:25], truth.depth)
    run = draft(truth, tmp_path / "store", SHORT, cameras, depth)
    found = faults(truth, run, tmp_path)
    assert found >= missed
    assert bool(found) == bool(missed)
