"""What a path has to be, and what a user should know about one before waiting for it."""

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_FRAMES

from .cameras import Array, Cameras, project, unproject

RIGID = 1e-4
"""Largest error of R^T R: Blender's own float32 matrices stay below 1e-6, a scale of 1.001 does not."""

LARGEST = 1e8
"""Focal lengths, shifts and positions beyond this, in pixels or world units, are mistakes that would overflow later."""

AT_ONCE = 8
"""A path that has left the picture within this many frames left it at once."""

LITTLE = 0.25
"""Less than this share of a frame covered by the picture is little."""


def check_cameras(cameras: Cameras) -> None:
    """Raise ``InvalidShot`` unless this is a path of rigid pinhole cameras that can be walked."""
    _check_count(cameras)
    _check_frames(cameras)
    _check_finite(cameras)
    _check_intrinsics(cameras)
    _check_rigid(cameras)


def path_warnings(depth: NDArray[np.float32], cameras: Cameras) -> list[str]:
    """Sentences about a path through the scene that ``depth`` (H, W; inf is sky) shows from camera 0."""
    found = [_leaves_at_once(depth, cameras), _goes_too_far(depth, cameras), _passes_through(depth, cameras)]
    return [sentence for sentence in found if sentence]


def coverage(depth: NDArray[np.float32], cameras: Cameras, frames: list[int]) -> list[float]:
    """Share of each of these frames that camera 0's picture reaches, occlusion left aside.

    Pixels of the picture, thinned, are carried into each frame and counted in a grid of 16 x 16 cells.
    The sky is carried by its direction alone.
    """
    step = max(1, int(np.sqrt(depth.size / 65536)))
    thinned = depth[::step, ::step].astype(np.float64)
    K = cameras.K[0].copy()
    K[:2] /= step
    sky = ~np.isfinite(thinned)
    rays = unproject(np.where(sky, 1.0, thinned), K, cameras.camera_to_world[0]) - cameras.centres[0]
    return [_covered(rays, sky, cameras[[0, i]]) for i in frames]


def passed_through(depth: NDArray[np.float32], cameras: Cameras) -> NDArray[np.bool_]:
    """(n,): whether the camera came from before to behind one and the same surface of the picture, since the frame
    before. ``depth`` as ``path_warnings``."""
    pixels, z = project(cameras.centres, cameras.K[0], cameras.world_to_camera[0])
    with np.errstate(invalid="ignore"):
        seen = (z > 0) & ((pixels >= 0) & (pixels < [cameras.width, cameras.height])).all(axis=1)
    x, y = np.where(seen[:, None], pixels, 0).astype(np.int64).T
    surface = np.where(seen, depth[y, x], np.inf)
    before, behind = seen & (z < surface), seen & (z >= surface)
    before[0], surface[0] = True, 0  # the picture's own camera is before everything
    crossed = before[:-1] & behind[1:] & (surface[1:] >= 0.9 * surface[:-1])
    return np.concatenate([[False], crossed])


def _covered(rays: Array, sky: NDArray[np.bool_], pair: Cameras) -> float:
    offset = pair.centres[0] - pair.centres[1]
    rotation = pair.camera_to_world[1].copy()
    rotation[:3, 3] = 0
    points = np.where(sky[..., None], rays, rays + offset)
    pixels, depth = project(points, pair.K[1], rotation.T)
    cells = pixels / np.array([pair.width, pair.height]) * 16
    inside = (depth > 0) & (cells >= 0).all(axis=-1) & (cells < 16).all(axis=-1)
    x, y = cells[inside].astype(np.int64).T
    return float(len(np.unique(y * 16 + x)) / 256)


def _leaves_at_once(depth: NDArray[np.float32], cameras: Cameras) -> str:
    frames = list(range(1, min(AT_ONCE + 1, len(cameras))))
    for i, share in zip(frames, coverage(depth, cameras, frames), strict=True):
        if share < LITTLE:
            return (
                f"The path leaves the picture at once: at frame {cameras.frame[i]} only {share:.0%} of the view is "
                "known from it; start the path at the picture's camera and move more slowly if that is not meant."
            )
    return ""


def _goes_too_far(depth: NDArray[np.float32], cameras: Cameras) -> str:
    way = float(np.linalg.norm(cameras.centres - cameras.centres[0], axis=1).max())
    deepest = float(np.quantile(depth[np.isfinite(depth)], 0.99))
    if way <= deepest:
        return ""
    return (
        f"The path goes {way:.3g} units away from its start, yet the picture shows nothing beyond {deepest:.3g}; "
        "check that depth and cameras are in the same units."
    )


def _passes_through(depth: NDArray[np.float32], cameras: Cameras) -> str:
    crossed = passed_through(depth, cameras)
    if not crossed.any():
        return ""
    return (
        f"At frame {_first(cameras, crossed)} the camera passes through a surface that the picture shows; "
        "what lies behind it is not known and will be invented."
    )


def _check_count(cameras: Cameras) -> None:
    n = len(np.atleast_1d(cameras.K))
    for field, array, shape in (
        ("K", cameras.K, (n, 3, 3)),
        ("camera_to_world", cameras.camera_to_world, (n, 4, 4)),
        ("frame", cameras.frame, (n,)),
    ):
        if array.shape != shape:
            raise InvalidShot(
                f"cameras.{field}", f"has shape {array.shape} where {shape} is expected; give one entry for each frame."
            )
    if n < 2:
        raise InvalidShot("cameras", f"has {n} frame{'s' * (n != 1)}; a path needs at least 2 frames.")
    if n > MAX_FRAMES:
        raise InvalidShot(
            "cameras", f"has {n:,} frames; at most {MAX_FRAMES:,} can be sent at once: shorten the frame range."
        )


def _check_frames(cameras: Cameras) -> None:
    falls = np.diff(cameras.frame) <= 0
    if falls.any():
        i = int(np.argmax(falls)) + 1
        raise InvalidShot(
            "cameras.frame",
            f"{cameras.frame[i]} follows {cameras.frame[i - 1]}; list the cameras once each, by rising frame number.",
        )
    if not 0 < cameras.fps <= 1000:
        raise InvalidShot("cameras.fps", f"is {cameras.fps}; give the timeline's frames per second, such as 24.")


def _check_finite(cameras: Cameras) -> None:
    for field, array in (("K", cameras.K), ("camera_to_world", cameras.camera_to_world)):
        bad = np.asarray(~(np.abs(array) <= LARGEST).all(axis=(1, 2)))  # so that NaN is bad too
        if bad.any():
            raise InvalidShot(
                f"cameras.{field}",
                f"at frame {_first(cameras, bad)} holds a value that is not a number or is beyond {LARGEST:.0e}; "
                "check the camera's animation there.",
            )


def _check_intrinsics(cameras: Cameras) -> None:
    K = cameras.K
    bad = (K[:, 0, 0] <= 1e-6) | (K[:, 1, 1] <= 1e-6)
    if bad.any():
        i = int(np.argmax(bad))
        raise InvalidShot(
            "cameras.K",
            f"at frame {cameras.frame[i]} has focal length {K[i, 0, 0]:g}, {K[i, 1, 1]:g} pixels; "
            "it has to be above zero: set the camera's lens.",
        )
    plain = np.zeros((3, 3), bool)
    plain[[0, 1, 0, 1], [0, 1, 2, 2]] = True
    bad = np.abs(np.where(plain, 0, K - np.diag([0, 0, 1]))).max(axis=(1, 2)) > 1e-9
    if bad.any():
        raise InvalidShot(
            "cameras.K",
            f"at frame {_first(cameras, bad)} has skew or another last row than 0 0 1; "
            "only [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] is supported.",
        )


def _check_rigid(cameras: Cameras) -> None:
    R = cameras.camera_to_world[:, :3, :3]
    stretched = np.abs(R.transpose(0, 2, 1) @ R - np.eye(3)).max(axis=(1, 2)) > RIGID
    mirrored = np.asarray(np.linalg.det(R) < 0)
    bottom = np.abs(cameras.camera_to_world[:, 3] - [0, 0, 0, 1]).max(axis=1) > 1e-9
    for bad, fault in ((stretched, "is scaled or sheared"), (mirrored, "is mirrored"), (bottom, "is not affine")):
        if bad.any():
            raise InvalidShot(
                "cameras.camera_to_world",
                f"at frame {_first(cameras, bad)} {fault}; "
                "give a rotation and a location only (last row 0 0 0 1), without scale.",
            )


def _first(cameras: Cameras, bad: NDArray[np.bool_]) -> int:
    return int(cameras.frame[int(np.argmax(bad))])
