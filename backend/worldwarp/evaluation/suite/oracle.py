"""Stand-ins that know the truth: ceilings for what a network could do, and faults of known size."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from worldwarp_protocol.messages import Settings
from worldwarp_protocol.paths.rotations import from_vectors

from ...cameras import Cameras
from ...cameras.cameras import unproject
from ...geometry import views
from ...geometry.alignment import align
from ...nouns import Estimate, Filled, Floats, Geometry, Priors, Prompt, Provenance, Report, View
from .places import Place

VERSION = "1"

DEGREES, LENGTHS, AXIS = 3.0, 0.7, np.array([0.2, 0.3, 1.0])
"""What an independent reproduction found between the estimated history and the requested path: 2.7 to 3.5 degrees and
0.63 to 0.84 of the lengths."""

WAVES, AMPLITUDE = np.array([[1.5, 0.4, 0.9], [0.7, 1.3, -0.8], [-0.9, 0.8, 1.2]]), 0.2
"""Radians a metre, and in units of white: what a forgetful stand-in paints on the truth."""

Fill = Callable[[Priors, Sequence[View], Prompt, Settings, Report], Filled]
Source = Callable[[Sequence[View], Cameras, Settings], Geometry]


def fill(place: Place, keep: bool, waves: bool) -> Fill:
    """``fill`` of a profile that knows the true frames.

    Args:
        keep: what was warped stays; otherwise it becomes the truth, too.
        waves: the truth is painted with waves over the place, which are drawn anew in each chunk.
    """

    def filled(priors: Priors, context: Sequence[View], _: Prompt, _settings: Settings, _report: Report) -> Filled:
        own = slice(context[0].index, context[0].index + len(priors.rgb))
        truth = place.rgb[own] / np.float32(255)
        if waves:
            truth = np.clip(truth + _waves(place, own), 0, 1)
        shown = np.where(priors.valid[..., None], priors.rgb, truth) if keep else truth
        frames = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
        provenance = np.where(priors.valid, priors.provenance, np.uint8(Provenance.GENERATED))
        for i, view in enumerate(context):
            frames[i], provenance[i] = view.rgb, view.provenance
        return Filled(frames, provenance)

    return filled


def true_geometry(place: Place) -> Source:
    """``geometry`` of a profile that knows the true depth."""

    def known(seen: Sequence[View], _cameras: Cameras, _settings: Settings) -> Geometry:
        return _certain(_true_depth(place, seen))

    return known


def aligned(place: Place) -> Source:
    """``geometry`` of a source that is wrong, aligned as every source is."""

    def known(seen: Sequence[View], cameras: Cameras, settings: Settings) -> Geometry:
        if all(view.depth is not None and not np.isnan(view.depth).any() for view in seen):
            return views.geometry(seen, cameras, settings)
        said = _certain(LENGTHS * _true_depth(place, seen))
        poses = wrong(cameras, [view.index for view in seen]).camera_to_world
        return align(Estimate(said.depth, said.confidence, poses), seen, cameras, settings)

    return known


def unaligned(place: Place) -> Source:
    """``geometry`` of the same source, taken at its word; only the depth that came with the picture is not asked."""

    def known(seen: Sequence[View], _cameras: Cameras, _settings: Settings) -> Geometry:
        depth = _true_depth(place, seen)
        return _certain(depth if len(seen) == 1 and seen[0].index == 0 else LENGTHS * depth)

    return known


def wrong(cameras: Cameras, order: Sequence[int]) -> Cameras:
    """Cameras as the wrong source sees them: from the first one of the path on, shorter and turned.

    Args:
        order: the cameras' positions in the path.
    """
    first = int(np.argmin(order))
    poses = cameras.camera_to_world.copy()
    poses[:, :3, 3] = poses[first, :3, 3] + LENGTHS * (poses[:, :3, 3] - poses[first, :3, 3])
    turned = from_vectors(np.radians(DEGREES) * AXIS / np.linalg.norm(AXIS)) @ poses[:, :3, :3]
    others = np.arange(len(poses)) != first
    poses[others, :3, :3] = turned[others]
    return replace(cameras, camera_to_world=poses)


def _true_depth(place: Place, seen: Sequence[View]) -> Floats:
    depth: Floats = place.depth[[view.index for view in seen]]
    return depth


def _certain(depth: Floats) -> Geometry:
    return Geometry(depth.astype(np.float32), np.ones(depth.shape, np.float32))


def _waves(place: Place, own: slice) -> Floats:
    phases = np.random.default_rng(own.start).uniform(0, 2 * np.pi, 3)
    depth, cameras = place.depth[own], place.cameras[own]
    near = np.where(np.isinf(depth), 30, depth)
    points = np.stack([unproject(z, cameras.K[i], cameras.camera_to_world[i]) for i, z in enumerate(near)])
    waves: Floats = (AMPLITUDE * np.sin(points @ WAVES + phases)).astype(np.float32)
    return waves
