"""Which objects belong to a geometry collection, and what it remembers, as custom properties."""

import numpy as np

MARK = "worldwarp_geometry"
"""Of the collection: the name of the source of its depth."""

WORLD = "worldwarp_world"
"""Of a collection that holds the world of a run: the run's number."""

ROLE = "worldwarp_role"
"""Of its objects: root, anchor, surface or points; of a world's: points or mesh."""

CAMERA = "camera"
"""Role of a result's camera."""

STREAMED = "streamed"
"""Role of a result's points that came with its frames."""

PICTURE = "worldwarp_picture"
"""Attribute of its surface's vertices: their colours as bytes in the picture, red lowest."""

LENS_SOURCES = ("ttt3r", "mini")
"""Sources that estimate the picture's lens beside its depth."""


def part(collection, role: str):
    """The object of ``collection`` with that role, or None."""
    return next((thing for thing in collection.objects if thing.get(ROLE) == role), None)


def remember(collection, key: str, matrix) -> None:
    """Keep a matrix with ``collection``."""
    collection[f"worldwarp_{key}"] = np.asarray(matrix, float).ravel().tolist()


def recall(collection, key: str, side: int = 3) -> np.ndarray:
    """A square matrix that ``collection`` keeps: K, K_found (3) or level (4)."""
    return np.array(collection[f"worldwarp_{key}"]).reshape(side, side)
