"""The picture's geometry as ``sight`` takes it: its points where they are in the scene, and the sky around them."""

import numpy as np

from .camera import camera_to_world
from .parts import PICTURE, part, recall
from .sight import Scenery, cells, projection, raster_of

MOST_POINTS = 16_000
"""Enough to count by; more only take longer."""

SKY_CELLS = 96
"""Most columns of the raster in which the picture's sky is found: cells that no point is in."""

SKY_POINTS = 4
"""Directions in each cell of sky, along each side, of which some are taken."""

SKY = (150, 180, 215)
"""Colour of the sky in previews: the geometry knows none."""

GREY = (160, 160, 160)
"""Of points whose colours in the picture were not kept."""


def scenery(collection, most: int = MOST_POINTS) -> Scenery | None:
    """What ``collection``, a picture's geometry, knows; thinned to about ``most`` points. None: there is none."""
    if collection is None:
        return None
    thing = part(collection, "surface")
    pose = camera_to_world(np.array(part(collection, "root").matrix_world))
    local, rgb = _vertices(thing.data)
    matrix = np.array(thing.matrix_world)
    away = local @ matrix[:3, :3].T + (matrix[:3, 3] - pose[:3, 3])
    points = np.column_stack([away, np.ones(len(away))]).astype(np.float32)
    sky, share = _sky(collection, points, pose)
    solid, empty = _some(len(points), round(most * (1 - share))), _some(len(sky), round(most * share))
    colours = np.vstack([rgb[solid], np.tile(np.array(SKY, np.uint8), (len(empty), 1))])
    mixed = _some(len(colours), most)
    return Scenery(np.vstack([points[solid], sky[empty]])[mixed], colours[mixed], pose[:3, 3])


def _some(count: int, most: int) -> np.ndarray:
    """Indices of at most ``most`` of ``count``, in mixed order, always the same."""
    return np.random.default_rng(0).permutation(count)[:most]


def _vertices(mesh) -> tuple[np.ndarray, np.ndarray]:
    """Places (p, 3) and colours in the picture (p, 3) uint8."""
    count = len(mesh.vertices)
    local = np.empty(3 * count, np.float32)
    mesh.vertices.foreach_get("co", local)
    picture = mesh.attributes.get(PICTURE)
    if picture is None:
        return local.reshape(-1, 3), np.tile(np.array(GREY, np.uint8), (count, 1))
    packed = np.empty(count, np.int32)
    picture.data.foreach_get("value", packed)
    return local.reshape(-1, 3), packed.view(np.uint8).reshape(-1, 4)[:, :3]


def _sky(collection, points: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, float]:
    """Directions (s, 4) in which the picture shows no point, and the share of it that they are."""
    width, height = (int(side) for side in collection["worldwarp_size"])
    size = raster_of(len(points), (width, height), SKY_CELLS)
    K = np.diag([size[0] / width, size[1] / height, 1]) @ recall(collection, "K")
    empty = np.ones(size[0] * size[1], bool)
    empty[cells(points, projection(K, pose, pose[:3, 3], np.ones(2)), size)[1]] = False
    row, column = np.divmod(np.flatnonzero(empty), size[0])
    inside = (np.arange(SKY_POINTS) + 0.5) / SKY_POINTS
    u = (column[:, None, None] + inside[:, None] + 0 * inside).ravel()
    v = (row[:, None, None] + inside + 0 * inside[:, None]).ravel()
    rays = np.stack([u, v, np.ones_like(u)], 1) @ np.linalg.inv(K).T @ pose[:3, :3].T
    return np.column_stack([rays, np.zeros(len(rays))]).astype(np.float32), float(empty.mean())
