"""The world of a run, made from all its frames: points and a proxy mesh become objects in a collection of their own."""

from pathlib import Path

import bpy
import numpy as np

from . import aligning, importer, points, projection
from .parts import ROLE, STREAMED, WORLD, part
from .problems import Problem
from .state import Making

FILES = {"points": "points.ply", "mesh": "mesh.ply", "gaussians": "gaussians.ply"}
"""Below ``world`` in the result folder, by product."""

NAMES = {"points": "World Points", "mesh": "World Mesh", "gaussians": "Gaussian scene"}

MOST_CAMERAS = 16
"""Of the path, from the nearest of which a point's size is taken."""


def wanted(making: Making | None) -> bool:
    """Whether a world is there that is not in the scene yet."""
    return making is not None and making.state == "answered"


def collection_of(scene, run: str):
    """The collection that holds the world of ``run``, or None."""
    return next((found for found in scene.collection.children_recursive if found.get(WORLD) == run), None)


def take_of(scene, run: str):
    """The collection of the imported result of ``run``, or None."""
    takes = [found for found in scene.collection.children_recursive if found.get("worldwarp_run") == run]
    return takes[-1] if takes else None


def bring_in(scene, making: Making) -> None:
    """Place what was made, over what was there of it; the objects of before stay, with their new points.

    Raises:
        Problem: a file cannot be read.
    """
    read = {name: _read(making.folder, name) for name in making.products if name != "gaussians"}
    if not read:
        return
    cameras = importer.read_cameras(making.folder / "cameras.npz")
    described = importer.read_shot(making.folder)
    home = collection_of(scene, making.run) or _new_home(scene, making.run, described.get("name", making.folder.name))
    first = "points" in read and part(home, "points") is None
    for name, mesh in read.items():
        colour_space = described.get("colour_space", "sRGB")
        fresh = _object(f"{home.name} {name.title()}", mesh, cameras, colour_space)
        if name == "mesh" and mesh.uv is not None:
            picture = making.folder / "frames" / "0001.png"
            projection.project(fresh.data, mesh.faces, mesh.uv, picture, colour_space)
        fresh[ROLE], fresh.hide_render = name, True
        _put(home, name, fresh)
    adopt(scene, making.run)
    if take := take_of(scene, making.run):
        aligning.hang(take)
    if first:
        _hide_streamed(take_of(scene, making.run))


def adopt(scene, run: str) -> None:
    """Let the world of ``run`` lie in the collection of its result, once that is there."""
    home, take = collection_of(scene, run), take_of(scene, run)
    if home is None or take is None or home.name in take.children:
        return
    for parent in (scene.collection, *scene.collection.children_recursive):
        if home.name in parent.children:
            parent.children.unlink(home)
    take.children.link(home)
    aligning.hang(take)
    if part(home, "points") is not None:
        _hide_streamed(take)


def _hide_streamed(take) -> None:
    """Hide the points that came with the frames: the world's show the same places."""
    cloud = take and part(take, STREAMED)
    if cloud:
        cloud.hide_viewport = cloud.hide_render = True


def _new_home(scene, run: str, name: str):
    home = bpy.data.collections.new(f"{name} World")
    home[WORLD] = run
    (take_of(scene, run) or scene.collection).children.link(home)
    return home


def _put(home, name: str, fresh) -> None:
    """``fresh`` as it is, or as the new data of the object that was there."""
    there = part(home, name)
    if there is None:
        home.objects.link(fresh)
        return
    old, there.data = there.data, fresh.data
    bpy.data.objects.remove(fresh)
    if old.users == 0:
        bpy.data.meshes.remove(old)


def _read(folder: Path, name: str):
    path = folder / "world" / FILES[name]
    try:
        return points.read_mesh(path) if name == "mesh" else points.read_ply(path)
    except OSError as error:
        raise Problem(f"{path} cannot be read ({error.strerror}): make it again") from None


def _object(title: str, made: points.Cloud | points.Surface, cameras, colour_space: str):
    """Points or a mesh as an object."""
    faces = made.faces if isinstance(made, points.Surface) else None
    cloud = made if faces is None else made.vertices
    if len(cloud.xyz) == 0:
        raise Problem(f"The {title} is empty: the frames show only sky, or all of it was left out")
    colours = points.scene_linear(cloud.rgb, colour_space)
    if faces is not None:
        return points.surface_object(title, cloud.xyz, colours, faces)
    return points.cloud_object(title, cloud.xyz, colours, _radii(cloud.xyz, cameras), cloud.provenance, cloud.rgb)


def _radii(xyz: np.ndarray, cameras) -> np.ndarray:
    """Radii (p,) with which the points close surfaces, seen from the nearest camera."""
    some = np.unique(np.linspace(0, len(cameras.K) - 1, MOST_CAMERAS).astype(int))
    sizes = [points.radii(xyz, cameras.camera_to_world[i, :3, 3], cameras.K[i, 0, 0]) for i in some]
    return np.minimum.reduce(sizes)
