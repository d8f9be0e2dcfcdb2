"""One frame of a clip warped into all the others (paper section 4.1, equations 2 and 3), with the faults of inference.

exact: true depth and cameras, rendered as points of one size (``cache.points``), as the paper trains.
wrong: the source's depth is off by a smooth 5 to 10 %, and its camera is turned by up to 1 degree.
cache: Gaussians of the source (with the same faults every other time), fitted for a few steps: what inference renders.

Without the last two a network never sees a warp that has to be revised. A warp is a pure function of clip, source,
kind and seed.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import interpolate
from worldwarp_protocol.messages import Settings

from ..cache.warp import warp as render
from ..cameras import Cameras
from ..nouns import Bytes, Floats, Geometry, Priors, Provenance, View
from .clips import Clip

Kind = Literal["exact", "wrong", "cache"]

DEPTH_ERROR = (0.05, 0.10)
"""Root mean square of the relative error of a wrong depth."""

DEPTH_GRID = (3, 4)
"""Independent errors down and across a picture: what is between them is smooth."""

POSE_ERROR = 1.0
"""Most degrees by which a wrong camera is turned."""

CACHE_STEPS = 20
"""Adam steps of a cache: enough that it looks fitted, and no more, for a pool holds thousands."""


def warp(clip: Clip, source: int, kind: Kind, seed: int, cache_steps: int = CACHE_STEPS) -> Priors:
    """The ``source`` frame of a clip, seen by all of its cameras; see the module."""
    draw = np.random.default_rng(seed)
    depth, pose = np.asarray(clip.depth[source]), np.asarray(clip.camera_to_world[source])
    if kind == "wrong" or (kind == "cache" and draw.random() < 0.5):
        depth, pose = wrong_depth(depth, draw), turned(pose, draw)
    cameras, rgb = cameras_of(clip), np.asarray(clip.rgb[source])
    view = View(source, rgb, depth, np.full(depth.shape, Provenance.PICTURE, np.uint8))
    own = replace(cameras[[source]], camera_to_world=pose[None])
    geometry = Geometry(depth[None], np.ones((1, *depth.shape), np.float32))
    settings = Settings(cache="3dgs" if kind == "cache" else "points", cache_steps=cache_steps, seed=seed)
    return render([view], own, geometry, cameras, settings, silent)[0]


def cameras_of(clip: Clip) -> Cameras:
    """A clip's cameras, as the loop has them."""
    n, height, width = clip.depth.shape
    return Cameras(np.asarray(clip.K), np.asarray(clip.camera_to_world), width, height, np.arange(1, n + 1), 24.0)


def wrong_depth(depth: Floats, draw: np.random.Generator) -> Floats:
    """Planar depth (H, W) times a smooth random factor whose logarithm has an RMS of ``DEPTH_ERROR``; sky stays sky."""
    coarse = torch.from_numpy(draw.standard_normal((1, 1, *DEPTH_GRID)))
    field = interpolate(coarse, size=depth.shape, mode="bicubic", align_corners=True)[0, 0].numpy()
    error = field / np.sqrt(np.mean(field**2)) * draw.uniform(*DEPTH_ERROR)
    return np.asarray(depth * np.exp(error), np.float32)


def turned(camera_to_world: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """The pose (4, 4) turned about the camera's own place by up to ``POSE_ERROR`` degrees, about any axis."""
    axis = draw.standard_normal(3)
    x, y, z = axis / np.linalg.norm(axis)
    angle = np.deg2rad(draw.uniform(0, POSE_ERROR))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    out = camera_to_world.copy()  # Rodrigues' formula
    out[:3, :3] = out[:3, :3] @ (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
    return out


def silent(stage: str, step: int, steps: int, preview: Bytes | None = None) -> None:
    """A report that nobody reads."""
