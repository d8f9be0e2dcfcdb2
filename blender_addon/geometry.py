"""A picture's geometry in front of the camera that sees it: coloured surface, points, and the anchor that scales them.

    <name> Geometry        empty at the camera, in its axes; scaling it scales everything about the camera
        <name> Anchor      empty on the ray through the picture's centre: move it along the ray, or scale it
        <name> Surface     proxy mesh, torn at depth jumps, with the picture's colours
        <name> Points      the same as a point cloud; hidden at first, because Solid shading draws it grey

Everything scales about the camera, so every point stays on its pixel's ray. ``anchor.py`` holds the anchor.
"""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from . import anchor, points
from .camera import matrix_world
from .parts import MARK, PICTURE, ROLE, part, recall, remember
from .pieces import READY, Pieces, blocks, to_the_end, whole_or_nothing

LENS_DIFFERENCE = 0.15
"""Relative difference of two lenses that is worth a warning."""

FLIP = np.array([1.0, -1.0, -1.0])
"""OpenCV's camera axes to Blender's, and back."""


@dataclass(frozen=True)
class Estimate:
    """A picture's geometry as it was estimated or given.

    Args:
        source: given, ttt3r, depth-anything or mini.
        K: (3, 3) pixels of the picture; ``xyz`` was unprojected by it.
        width, height: of the picture.
        xyz: (p, 3) float32, OpenCV axes of the picture's camera; rgb: (p, 3) uint8; faces: (m, 3) into ``xyz``.
        level: (4, 4) from those axes to a levelled world in Blender's axes, the floor at Z = 0; without a translation
            where no floor was found.
    """

    source: str
    K: np.ndarray
    width: int
    height: int
    xyz: np.ndarray
    rgb: np.ndarray
    faces: np.ndarray
    level: np.ndarray


def place(scene, name: str, estimate: Estimate, K, camera_to_world, colour_space: str):
    """``placing`` at once."""
    return to_the_end(placing(scene, name, estimate, K, camera_to_world, colour_space))


def placing(scene, name: str, estimate: Estimate, K, camera_to_world, colour_space: str) -> Pieces:
    """Put ``estimate`` in front of a camera, as one collection linked to ``scene``.

    What an earlier call placed there is replaced; its objects stay (and what hangs on them), and so does the scale of
    what the same source had estimated.

    Args:
        K: (3, 3) of the camera that shall see it, pixels of the picture. A point keeps pixel and planar depth.
        camera_to_world: (4, 4) rigid, OpenCV axes.

    Returns:
        The collection.
    """
    with whole_or_nothing() as made:
        local = np.empty(estimate.xyz.shape, np.float32)
        for block in blocks(len(local), points.ROWS):
            local[block] = _seen(estimate.xyz[block], estimate.K, K)
            yield
        colours = yield from points.converting(estimate.rgb, colour_space)
        surface = yield from points.building_surface(made, f"{name} Surface", local, colours, estimate.faces)
        points.keep_bytes(surface.data, PICTURE, estimate.rgb)
        yield
        radii = yield from points.measuring_radii(local, [(np.zeros(3), K[0, 0])])
        cloud = yield from points.building_cloud(made, f"{name} Points", local, colours, radii, rgb=estimate.rgb)
        yield READY
    collection = _home(scene, name, estimate)
    kept = anchor.factor(collection) if collection[MARK] == estimate.source else 1.0
    collection[MARK] = estimate.source
    remember(collection, "K", K)
    _root(collection, name, float(np.median(-local[:, 2])))
    move(collection, camera_to_world)
    _dress(collection, "surface", surface)
    _dress(collection, "points", cloud)
    anchor.put(collection, local, K, kept)
    return collection


def _home(scene, name: str, estimate: Estimate):
    """The collection of the scene's geometry, made where there is none, and what it remembers of ``estimate``."""
    collection = of_scene(scene)
    if collection is None:
        collection = bpy.data.collections.new(f"{name} Geometry")
        collection[MARK] = ""
        scene.collection.children.link(collection)
        scene.worldwarp.geometry = collection
    collection["worldwarp_name"] = name
    collection["worldwarp_size"] = [estimate.width, estimate.height]
    remember(collection, "level", estimate.level)
    remember(collection, "K_found", estimate.K)
    return collection


def of_scene(scene):
    """The collection of ``scene``'s geometry, or None."""
    collection = scene.worldwarp.geometry
    if collection is None or any(part(collection, role) is None for role in ("root", "surface", "points")):
        return None
    return collection if collection in scene.collection.children_recursive else None


def move(collection, camera_to_world) -> None:
    """Put the geometry in front of a camera at that pose; its scale stays."""
    root, matrix = part(collection, "root"), matrix_world(camera_to_world)
    root.location = matrix[:3, 3]
    root.rotation_quaternion = Matrix(matrix[:3, :3].tolist()).to_quaternion()


def lens_difference(collection, K: np.ndarray) -> float:
    """How much shorter or longer a camera's lens is than the picture's, relative to the longer of the two."""
    found, other = recall(collection, "K_found")[0, 0], K[0, 0]
    return float(abs(found - other) / max(found, other))


def see_through(collection, K: np.ndarray) -> None:
    """Move the points to where a camera of another lens sees them at the same pixels."""
    before, kept = recall(collection, "K"), anchor.factor(collection)
    for role in ("surface", "points"):
        mesh = part(collection, role).data
        local = np.empty(len(mesh.vertices) * 3, np.float32)
        mesh.vertices.foreach_get("co", local)
        local = _seen(local.reshape(-1, 3) * FLIP, before, K)
        mesh.vertices.foreach_set("co", local.ravel())
        mesh.update()
    remember(collection, "K", K)
    anchor.put(collection, local, K, kept)


def _seen(xyz, K_from: np.ndarray, K_to: np.ndarray) -> np.ndarray:
    """Points (p, 3) float32 in Blender's camera axes at the pixels and planar depths that ``xyz`` has by ``K_from``."""
    rays = np.asarray(xyz, np.float64) @ (np.linalg.inv(K_to) @ K_from).T
    return (rays * FLIP).astype(np.float32)


def _root(collection, name: str, distance: float) -> None:
    root = part(collection, "root")
    if root is None:
        root = bpy.data.objects.new(f"{name} Geometry", None)
        root[ROLE] = "root"
        root.rotation_mode = "QUATERNION"
        root.lock_location = root.lock_rotation = (True, True, True)  # it would leave the camera's rays
        root.lock_rotation_w = True
        collection.objects.link(root)
    root.empty_display_size = 0.05 * distance


def _dress(collection, role: str, made) -> None:
    """Add ``made`` below the root; where the role is taken already, that object stays and gets its mesh."""
    there = part(collection, role)
    if there is None:
        made[ROLE] = role
        made.parent = part(collection, "root")
        made.hide_viewport, made.hide_render = role == "points", True
        made.lock_location = made.lock_rotation = made.lock_scale = (True, True, True)
        collection.objects.link(made)
        return
    old, there.data = there.data, made.data
    for before, after in zip(there.modifiers, made.modifiers, strict=False):
        group, before.node_group = before.node_group, after.node_group
        bpy.data.node_groups.remove(group)
    for material in list(old.materials):
        bpy.data.materials.remove(material)
    bpy.data.objects.remove(made)
    bpy.data.meshes.remove(old)
