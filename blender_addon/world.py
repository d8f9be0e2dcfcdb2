"""The world of a run, made from all its frames: points and a proxy mesh become objects in a collection of their own."""

from pathlib import Path

import bpy
import numpy as np

from . import aligning, importing, points, projection, reading
from .parts import ROLE, STREAMED, WORLD, part
from .pieces import READY, Pieces, whole_or_nothing
from .problems import Problem
from .state import Making

FILES = {"points": "points.ply", "mesh": "mesh.ply", "gaussians": "gaussians.ply"}
"""Below ``world`` in the result folder, by product."""

OBJECTS = ("points", "mesh")
"""Products that come into the scene; the others are files."""

NAMES = {"points": "World Points", "mesh": "Proxy Mesh", "gaussians": "Gaussian scene", "exr": "Depth (EXR)"}

KIND = "world"
"""Of the work, for ``importing``."""

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
    """What is left of ``placing``, or all of it."""
    importing.finish(KIND, id(making), lambda: placing(scene, making))


def ready(scene, making: Making) -> bool:
    """Make a bounded piece more of the objects; True once they need only be linked to ``scene``."""
    return importing.ready(KIND, id(making), lambda: placing(scene, making))


def placing(scene, making: Making) -> Pieces[None]:
    """Place what was made, over what was there of it; the objects of before stay, with their new points.

    Raises:
        Problem: a file cannot be read.
    """
    wanted = [name for name in making.products if name in OBJECTS]
    if not wanted:
        return
    cameras, described = reading.read_cameras(making.folder / "cameras.npz"), reading.read_shot(making.folder)
    shot = described.get("name", making.folder.name)
    title, take = f"{shot} World", take_of(scene, making.run)
    called = {"points": f"{title} Points", "mesh": f"{take.name if take else shot} Proxy Mesh"}
    fresh = {}
    with whole_or_nothing() as made:
        for name in wanted:
            colour_space = described.get("colour_space", "sRGB")
            fresh[name] = yield from _building(made, called[name], making.folder, name, cameras, colour_space)
            fresh[name][ROLE], fresh[name].hide_render = name, True
        yield READY
    home = collection_of(scene, making.run) or _new_home(scene, making.run, title)
    first = "points" in fresh and part(home, "points") is None
    for name, thing in fresh.items():
        _put(home, name, thing)
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


def _new_home(scene, run: str, title: str):
    home = bpy.data.collections.new(title)
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


def _reading(folder: Path, name: str) -> Pieces[points.Cloud | points.Surface]:
    path = folder / "world" / FILES[name]
    with reading.readable(path):
        return (yield from points.reading_mesh(path) if name == "mesh" else points.reading_ply(path))


def _building(made: list, title: str, folder: Path, name: str, cameras, colour_space: str) -> Pieces[bpy.types.Object]:
    """Points or a mesh as an object, the mesh with the picture on it."""
    read = yield from _reading(folder, name)
    cloud = read.vertices if name == "mesh" else read
    if len(cloud.xyz) == 0:
        raise Problem(f"The {title} is empty: the frames show only sky, or all of it was left out")
    colours = yield from points.converting(cloud.rgb, colour_space)
    if name == "points":
        radii = yield from points.measuring_radii(cloud.xyz, _nearest(cameras))
        return (yield from points.building_cloud(made, title, cloud.xyz, colours, radii, cloud.provenance, cloud.rgb))
    thing = yield from points.building_surface(made, title, cloud.xyz, colours, read.faces)
    if read.uv is not None:
        picture = folder / "frames" / "0001.png"
        yield from projection.projecting(made, thing.data, read.faces, read.uv, picture, colour_space)
    return thing


def _nearest(cameras) -> list[tuple[np.ndarray, float]]:
    """Centres and focals of some cameras, from the nearest of which a point's radius is taken."""
    some = np.unique(np.linspace(0, len(cameras.K) - 1, MOST_CAMERAS).astype(int))
    return [(cameras.camera_to_world[i, :3, 3], cameras.K[i, 0, 0]) for i in some]
