"""How two pictures are drawn over a camera's view, each on its side of a line: as they are stored and displayed."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from . import takes
from .picture import read_pixels
from .problems import Problem

MOST_PIXELS = 1920
"""Longest side of a picture that is drawn; larger ones are scaled."""

LINE = 2
"""Width of the line, at interface scale 1."""


@dataclass
class Side:
    """The picture on one side."""

    key: tuple = ()
    """What was read, and when it was written."""
    pixels: np.ndarray | None = None
    """(h, w, 4) float32 as stored, first row at the bottom."""
    texture: object = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw: the file is not there, or cannot be read."""
        return self.pixels is None

    def read(self, take, frame: int) -> bool:
        """Read what ``take`` shows at ``frame`` where that changed; says whether it has."""
        path = takes.frame_file(take, frame)
        there = path is not None and path.is_file()
        key = (path, path.stat().st_mtime_ns) if there else ()
        if key == self.key:
            return False
        self.key, self.texture, self.pixels = key, None, None
        if there:
            with suppress(Problem):  # half written, or damaged: nothing is drawn on its side
                self.pixels = np.ascontiguousarray(read_pixels(path, _smaller(takes.frames_of(take).size))[::-1])
        return True


def _smaller(size) -> tuple[int, int] | None:
    """The size that a picture of ``size`` is drawn from; None: its own."""
    width, height = size
    longest = max(width, height)
    if longest <= MOST_PIXELS:
        return None
    return tuple(max(1, round(side * MOST_PIXELS / longest)) for side in (width, height))


def halves(box: tuple[float, float, float, float], at: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two triangles for each side of the line at the share ``at`` of ``box`` (left, bottom, right, top).

    Returns:
        for left and right: places (6, 2) in pixels, and in the picture (6, 2) from 0 to 1, (0, 0) lower left.
    """
    left, bottom, right, top = box
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 0), (1, 1), (0, 1)], float)
    spans = [(0, at), (at, 1)]
    pictures = [np.column_stack([a + corners[:, 0] * (b - a), corners[:, 1]]) for a, b in spans]
    return [((left, bottom) + uv * (right - left, top - bottom), uv) for uv in pictures]


def box_of(frame: tuple[float, float, float, float], size, aspect) -> tuple[float, float, float, float]:
    """Where a picture of ``size`` pixels lies that is as wide as the camera's ``frame`` (left, bottom, right, top)."""
    left, bottom, right, top = frame
    height = (right - left) * size[1] * aspect[1] / (size[0] * aspect[0])
    middle = (bottom + top) / 2
    return left, middle - height / 2, right, middle + height / 2


def _frame_in(context) -> tuple[float, float, float, float] | None:
    """The camera's frame in the region, in pixels; None where one looks through no camera."""
    from bpy_extras.view3d_utils import location_3d_to_region_2d

    space, region = context.space_data, context.region
    camera = space.camera if space.use_local_camera else context.scene.camera
    if camera is None or camera.type != "CAMERA" or space.region_3d.view_perspective != "CAMERA":
        return None
    place = camera.matrix_world.normalized()
    corners = camera.data.view_frame(scene=context.scene)
    found = [location_3d_to_region_2d(region, space.region_3d, place @ corner) for corner in corners]
    if None in found:
        return None
    places = np.array(found)
    return *places.min(axis=0), *places.max(axis=0)


def draw(context, sides, compared, at: float) -> None:
    """Both takes on their side of the line at the share ``at`` of the camera's frame; no frame, nothing."""
    frame = _frame_in(context)
    if frame is None:
        return
    for number, (side, take) in enumerate(zip(sides, compared, strict=True)):
        image = takes.frames_of(take)
        if side.pixels is not None and image is not None:
            height, width = side.pixels.shape[:2]
            _draw_side(side, *halves(box_of(frame, (width, height), image.display_aspect), at)[number])
    _draw_line(frame, at, LINE * context.preferences.system.ui_scale)


def _draw_side(side: Side, places: np.ndarray, uv: np.ndarray) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    if side.texture is None:
        height, width = side.pixels.shape[:2]
        buffer = gpu.types.Buffer("FLOAT", side.pixels.size, side.pixels.ravel())
        side.texture = gpu.types.GPUTexture((width, height), format="RGBA16F", data=buffer)
    half = 0.5 / np.array(side.pixels.shape[1::-1])
    uv = np.clip(uv, half, 1 - half)  # nothing of the opposite edge
    shader = gpu.shader.from_builtin("IMAGE")
    batch = batch_for_shader(shader, "TRIS", {"pos": places.astype(np.float32), "texCoord": uv.astype(np.float32)})
    shader.bind()
    shader.uniform_sampler("image", side.texture)
    batch.draw(shader)


def _draw_line(frame, at: float, width: float) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    left, bottom, right, top = frame
    middle = left + at * (right - left)
    places, _ = halves((middle - width / 2, bottom, middle + width / 2, top), 1)[0]
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", (1, 1, 1, 1))
    batch_for_shader(shader, "TRIS", {"pos": places.astype(np.float32)}).draw(shader)
