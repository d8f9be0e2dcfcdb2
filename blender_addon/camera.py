"""Blender's camera as a pinhole camera in OpenCV axes, and back.

Pixels: the centre of pixel (0, 0) is at (0.5, 0.5), y points down. Camera axes are OpenCV's (x right, y down,
z forward); the world is Blender's, in its units. The maths works on plain numbers in float64 and knows no ``bpy``;
only ``sample`` and what it calls read Blender's data.
"""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from .problems import Problem

BLENDER_TO_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
"""Blender's cameras look along -z with y up."""

SHEAR_LIMIT = 1e-4
"""Largest cosine between a camera's axes that still counts as float32 rounding."""


@dataclass(frozen=True)
class Lens:
    """What Blender keeps on a camera: millimetres, and shifts as fractions of the sensor's fitted side."""

    lens: float
    sensor_width: float = 36.0
    sensor_height: float = 24.0
    sensor_fit: str = "AUTO"
    shift_x: float = 0.0
    shift_y: float = 0.0

    @property
    def sensor(self) -> float:
        """The sensor's size that ``lens`` refers to: AUTO always means the width, also in portrait."""
        return self.sensor_height if self.sensor_fit == "VERTICAL" else self.sensor_width


@dataclass(frozen=True)
class Raster:
    """The image plane in pixels, and how much wider and higher than 1 a pixel is."""

    width: int
    height: int
    aspect_x: float = 1.0
    aspect_y: float = 1.0

    @property
    def pixel_ratio(self) -> float:
        """A pixel's height over its width."""
        return self.aspect_y / self.aspect_x


def fitted_side(sensor_fit: str, raster: Raster) -> float:
    """The side of the image that the sensor spans, measured in pixel widths."""
    wide = raster.width * raster.aspect_x >= raster.height * raster.aspect_y
    if sensor_fit == "HORIZONTAL" or (sensor_fit == "AUTO" and wide):
        return float(raster.width)
    return raster.height * raster.pixel_ratio


def intrinsics(lens: Lens, raster: Raster) -> np.ndarray:
    """K (3, 3) in pixels of ``raster``. Pixels that are not square give fx != fy."""
    side = fitted_side(lens.sensor_fit, raster)
    fx = lens.lens / lens.sensor * side
    cx = raster.width / 2 - lens.shift_x * side
    cy = raster.height / 2 + lens.shift_y * side / raster.pixel_ratio
    return np.array([[fx, 0.0, cx], [0.0, fx / raster.pixel_ratio, cy], [0.0, 0.0, 1.0]])


def lens_of(K: np.ndarray, raster: Raster, sensor_width: float = 36.0, sensor_fit: str = "HORIZONTAL") -> Lens:
    """The inverse of ``intrinsics`` for a sensor whose fitted side is ``sensor_width`` millimetres.

    ``raster``'s pixel aspect has to be that of ``K`` (fx / fy): it belongs to the scene, not to the camera.
    """
    side = fitted_side(sensor_fit, raster)
    return Lens(
        lens=K[0, 0] / side * sensor_width,
        sensor_width=sensor_width,
        sensor_height=sensor_width,
        sensor_fit=sensor_fit,
        shift_x=(raster.width / 2 - K[0, 2]) / side,
        shift_y=(K[1, 2] - raster.height / 2) / side * raster.pixel_ratio,
    )


def without_scale(matrix: np.ndarray) -> np.ndarray:
    """A rigid transform (4, 4) float64 from ``matrix_world``: its axes at unit length, its location.

    The rotation is the one nearest to the normalised axes, so that float32 rounding leaves no trace.

    Raises:
        Problem: the matrix holds NaN, has no volume, mirrors or shears.
    """
    matrix = np.asarray(matrix, np.float64)
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(matrix).all() or lengths.min() <= 0:
        raise Problem("The camera's transform has a zero or undefined scale: set its scale to 1")
    axes = matrix[:3, :3] / lengths
    if np.linalg.det(axes) < 0:
        raise Problem("The camera is mirrored by a negative scale: make the scale of it and its parents positive")
    if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR_LIMIT:
        raise Problem("The camera is sheared by a parent with uneven scale: make that scale even")
    u, _, vt = np.linalg.svd(axes)
    rigid = np.eye(4)
    rigid[:3, :3] = u @ vt
    rigid[:3, 3] = matrix[:3, 3]
    return rigid


def camera_to_world(matrix: np.ndarray) -> np.ndarray:
    """Camera to world (4, 4) in OpenCV axes from Blender's ``matrix_world``."""
    return without_scale(matrix) @ BLENDER_TO_OPENCV


def matrix_world(camera_to_world: np.ndarray) -> np.ndarray:
    """Blender's ``matrix_world`` (..., 4, 4) from camera to world in OpenCV axes."""
    return np.asarray(camera_to_world) @ BLENDER_TO_OPENCV


# Reading Blender's data


@dataclass(frozen=True)
class Path:
    """The sampled camera: one row per frame.

    Args:
        K: (n, 3, 3) float64, pixels of the raster.
        camera_to_world: (n, 4, 4) float64, rigid, OpenCV axes, Blender's world.
        frame: (n,) int32, frame numbers of the timeline.
    """

    K: np.ndarray
    camera_to_world: np.ndarray
    frame: np.ndarray
    raster: Raster
    fps: float


def scene_raster(scene) -> Raster:
    """The size that ``scene`` renders at; Blender cuts the percentage down to whole pixels."""
    render = scene.render
    return Raster(
        render.resolution_x * render.resolution_percentage // 100,
        render.resolution_y * render.resolution_percentage // 100,
        render.pixel_aspect_x,
        render.pixel_aspect_y,
    )


def check_type(camera) -> None:
    """Refuse cameras that are no pinholes."""
    kind = camera.data.type
    if kind != "PERSP":
        names = {"ORTHO": "orthographic", "PANO": "panoramic"}
        raise Problem(
            f"Camera {camera.name!r} is {names.get(kind, kind.lower())}: set its lens type to Perspective "
            "(Camera properties, Lens)"
        )


def check_evaluated(camera, evaluated) -> None:
    """Refuse a camera that Blender leaves out of its evaluation: it would seem to stand still."""
    if not evaluated.is_evaluated:
        raise Problem(
            f"Camera {camera.name!r} is switched off, so Blender does not move it: switch it and its collections on in "
            "the Outliner (monitor icon, check box)"
        )


def lens_at(data) -> Lens:
    """The lens of (evaluated) camera data."""
    fields = ("lens", "sensor_width", "sensor_height", "sensor_fit", "shift_x", "shift_y")
    return Lens(**{field: getattr(data, field) for field in fields})


@contextmanager
def frame_kept(scene):
    """Put the scene's frame, and the active camera that markers may switch, back at the end."""
    frame, subframe, active = scene.frame_current, scene.frame_subframe, scene.camera
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
        if scene.camera != active:
            scene.camera = active


def sample(scene, camera, frames, depsgraph, raster: Raster | None = None) -> Path:
    """The camera at every frame of ``frames``, as constraints, parents, drivers and lens animation leave it.

    ``scene`` is the depsgraph's scene; its current frame is put back.

    Raises:
        Problem: the camera is no pinhole at one of the frames, its transform is not rigid, or Blender does not
            evaluate it.
    """
    raster = raster or scene_raster(scene)
    Ks, poses = [], []
    with frame_kept(scene):
        for number in frames:
            scene.frame_set(int(number))
            evaluated = camera.evaluated_get(depsgraph)
            check_evaluated(camera, evaluated)
            check_type(evaluated)
            Ks.append(intrinsics(lens_at(evaluated.data), raster))
            poses.append(camera_to_world(np.array(evaluated.matrix_world)))
    fps = scene.render.fps / scene.render.fps_base
    return Path(np.array(Ks), np.array(poses), np.array(list(frames), np.int32), raster, fps)
