"""The anchor of an estimated geometry: an empty whose distance says how far away, and so how large, everything is.

It sits on the point nearest to the picture's centre. Its own axes run along that point's ray, and it is locked to it.
Its scale counts too; setting distance or scale by number puts it back on its point, with a scale of 1.
"""

import bpy
import numpy as np
from mathutils import Vector

from .parts import MARK, ROLE, part

EXPRESSION = "-z * (a + b + c) / 3 / {}"
"""Distance and scale of the anchor to the factor; plain arithmetic, so drivers run in files that are not trusted."""


def put(collection, local: np.ndarray, K: np.ndarray, factor: float) -> None:
    """Set the anchor, made where there is none, and the drivers by which it scales; given depth loses its own.

    Args:
        local: (p, 3) the points in Blender's camera axes, as they were estimated.
        factor: see ``factor``.
    """
    anchor, things = part(collection, "anchor"), [part(collection, role) for role in ("surface", "points")]
    for thing in things:
        thing.driver_remove("scale")
        thing.scale = (1, 1, 1)
    if collection[MARK] == "given":
        if anchor is not None:
            bpy.data.objects.remove(anchor)
        return
    point = _point(collection, local, K)
    if anchor is None:
        anchor = bpy.data.objects.new(f"{collection['worldwarp_name']} Anchor", None)
        anchor[ROLE] = "anchor"
        anchor.empty_display_type, anchor.show_in_front = "SPHERE", True
        anchor.lock_location, anchor.lock_rotation = (True, True, False), (True, True, True)
        anchor.parent = part(collection, "root")
        collection.objects.link(anchor)
    anchor.empty_display_size = 0.03 * point.length
    anchor.matrix_parent_inverse = Vector((0, 0, -1)).rotation_difference(point).to_matrix().to_4x4()
    anchor.location, anchor.scale = (0, 0, -point.length), (1, 1, 1)
    for thing in things:
        for axis in range(3):
            _drive(thing, axis, anchor, EXPRESSION.format(repr(point.length)))
    set_factor(collection, factor)


def _point(collection, local: np.ndarray, K: np.ndarray) -> Vector:
    """The point that is seen nearest to the picture's centre; its pixel and distance are remembered."""
    width, height = collection["worldwarp_size"]
    planar = -local[:, 2].astype(np.float64)
    u = K[0, 0] * local[:, 0] / planar + K[0, 2]
    v = -K[1, 1] * local[:, 1] / planar + K[1, 2]
    nearest = int(np.argmin((u - width / 2) ** 2 + (v - height / 2) ** 2))
    collection["worldwarp_anchor"] = [float(u[nearest] / width), float(v[nearest] / height), float(planar[nearest])]
    point = Vector(local[nearest].tolist())
    collection["worldwarp_anchor_length"] = point.length
    return point


def _drive(thing, axis: int, anchor, expression: str) -> None:
    """A driver of the scale, from the anchor's distance ``z`` and scales ``a``, ``b``, ``c``."""
    driver = thing.driver_add("scale", axis).driver
    for name, source in (("z", "location[2]"), ("a", "scale[0]"), ("b", "scale[1]"), ("c", "scale[2]")):
        variable = driver.variables.new()
        variable.name = name
        variable.targets[0].id, variable.targets[0].data_path = anchor, source
    driver.expression = expression


def factor(collection) -> float:
    """How many times as large as it was estimated the geometry is now."""
    anchor, root = part(collection, "anchor"), part(collection, "root")
    size = sum(root.scale) / 3
    if anchor is None:
        return size
    return -anchor.location.z * sum(anchor.scale) / 3 * size / collection["worldwarp_anchor_length"]


def set_factor(collection, value: float) -> None:
    """Move the anchor to where ``factor`` is ``value``; nothing for given depth."""
    anchor = part(collection, "anchor")
    if anchor is not None:
        anchor.scale = (1, 1, 1)
        anchor.location.z *= value / factor(collection)


def anchored(collection) -> tuple[float, float, float] | None:
    """The anchor's pixel, u and v in [0, 1] of the picture, and its planar distance; None for given depth."""
    if part(collection, "anchor") is None:
        return None
    u, v, distance = collection["worldwarp_anchor"]
    return u, v, distance * factor(collection)


def set_distance(collection, value: float) -> None:
    """Move the anchor to that planar distance."""
    if anchored(collection):
        set_factor(collection, value / collection["worldwarp_anchor"][2])
