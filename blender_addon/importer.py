"""A result folder becomes Blender objects: camera, background sequence, point cloud, in one new collection.

Needs ``bpy`` and numpy only, so that ``scripts/blender_import.py`` works where the extension is not installed.
Nothing of the user's scene changes but that the collection is linked to it.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import bpy
import numpy as np

from . import point_nodes, points, solved, takes
from .camera import Lens, Raster, lens_of, matrix_world
from .parts import CAMERA, ROLE, STREAMED
from .paths_of_blend import kept
from .problems import Problem

T = TypeVar("T")

LINEAR = 1
"""``Keyframe.interpolation`` as a number, for ``foreach_set``."""


@dataclass(frozen=True)
class Result:
    """A result folder, read and checked.

    Args:
        K: (n, 3, 3) pixels of the frames; camera_to_world: (n, 4, 4) OpenCV axes, Blender's world.
        frame: (n,) frame numbers of the timeline, consecutive.
        solved: where the frames were really taken from, where that was found.
        cloud: points, colours and provenance, or None where the folder holds no ``points.ply``.
        colours: (p, 3) of the cloud, scene-linear.
    """

    folder: Path
    shot: dict
    K: np.ndarray
    camera_to_world: np.ndarray
    frame: np.ndarray
    width: int
    height: int
    fps: float
    solved: solved.Solved | None
    cloud: points.Cloud | None
    colours: np.ndarray | None

    @property
    def name(self) -> str:
        return takes.name_of(self.folder, self.shot.get("name", ""))

    @property
    def frames_there(self) -> list[int]:
        """Which of the frames have come, counted from 1 as their files are."""
        files = {path.name for path in (self.folder / "frames").glob("*.png")}
        return [number for number in range(1, len(self.frame) + 1) if f"{number:04d}.png" in files]


@dataclass(frozen=True)
class Imported:
    """What an import added, and what the user should know."""

    collection: bpy.types.Collection
    camera: bpy.types.Object
    cloud: bpy.types.Object | None
    warnings: list[str]


def read_result(folder: Path) -> Result:
    """Read ``folder``; raises ``Problem`` naming what is missing from it."""
    return to_the_end(reading(folder))


def reading(folder: Path) -> Generator[None, None, Result]:
    """The same, a bounded piece of it for each ``next``; touches nothing of Blender's that outlives a piece."""
    cameras = folder / "cameras.npz"
    if not cameras.is_file():
        raise Problem(f"{folder} holds no cameras.npz: choose a folder that WorldWarp wrote")
    found, shot = _read(cameras, _read_cameras), read_shot(folder)
    yield
    path, cloud, colours = folder / "points.ply", None, None
    if path.is_file():
        cloud = _read(path, points.read_ply)
        yield
        colours = np.empty(cloud.rgb.shape, np.float32)
        yield from points.linear_blocks(cloud.rgb, shot.get("colour_space", "sRGB"), colours)
    return Result(folder, shot, *vars(found).values(), cloud, colours)


def to_the_end(work: Generator[None, None, T]) -> T:
    """All pieces of ``work`` at once: what it returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def _read(path: Path, read):
    """What ``read`` makes of ``path``; ``Problem`` where that is nothing."""
    try:
        return read(path)
    except Problem:
        raise
    except Exception as error:  # a damaged file breaks zip, zlib, JSON and numpy in many ways, and all mean the same
        raise Problem(f"{path} cannot be read ({error}): choose a folder that WorldWarp wrote") from None


def read_shot(folder: Path) -> dict:
    """What ``shot.json`` says of the shot, {} where there is none; raises ``Problem`` where it is damaged."""
    described = folder / "shot.json"
    return _read(described, _read_shot) if described.is_file() else {}


def _read_shot(path: Path) -> dict:
    shot = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(shot, dict):
        raise ValueError("it describes no shot")
    return shot


@dataclass(frozen=True)
class Cameras:
    """What ``cameras.npz`` holds, as ``Result`` names it."""

    K: np.ndarray
    camera_to_world: np.ndarray
    frame: np.ndarray
    width: int
    height: int
    fps: float
    solved: solved.Solved | None


def read_cameras(path: Path) -> Cameras:
    """Read a ``cameras.npz``; raises ``Problem`` where it is none."""
    return _read(path, _read_cameras)


def _read_cameras(path: Path) -> Cameras:
    with np.load(path, allow_pickle=False) as data:
        R, t, K = (data[name].astype(np.float64) for name in ("R", "t", "K"))
        frame, width, height = data["frame"].astype(np.int64), int(data["width"]), int(data["height"])
        fps, found = float(data["fps"]), solved.read(data, len(frame))
    n, t = len(frame), t.reshape(-1, 3)
    if n == 0 or not R.shape == K.shape == (n, 3, 3) or len(t) != n:
        raise ValueError("its cameras do not belong together")
    if not all(np.isfinite(values).all() for values in (R, t, K)) or min(width, height, fps, K[:, 0, 0].min()) <= 0:
        raise ValueError("its numbers are no cameras'")
    return Cameras(K, solved.poses_of(R, t), frame, width, height, fps, found)


def import_result(scene, folder: Path) -> Imported:
    """Bring the result in ``folder`` into ``scene`` as one new collection.

    Raises:
        Problem: the folder is no result, or holds no frame yet.
    """
    return place(scene, read_result(Path(folder)))


def place(scene, result: Result) -> Imported:
    """Bring a result that was read into ``scene`` as one new collection.

    Raises:
        Problem: it holds no frame yet, or frames of a colour space that this Blender does not know.
    """
    if not result.frames_there:
        raise Problem(f"{result.folder} holds no frames yet: import it when the first ones have come")
    warnings, frames = _warnings(scene, result), _frames(result)
    collection = bpy.data.collections.new(result.name)
    scene.collection.children.link(collection)
    camera = _camera(scene, collection, result, frames)
    cloud = None
    if result.cloud is not None and len(result.cloud.xyz):
        cloud = _cloud(result)
        collection.objects.link(cloud)
    _remember(collection, result)
    return Imported(collection, camera, cloud, warnings)


def _cloud(result: Result) -> bpy.types.Object:
    cloud, centre = result.cloud, result.camera_to_world[0, :3, 3]
    radii = points.radii(cloud.xyz, centre, result.K[0, 0, 0])
    thing = points.cloud_object(result.name + " Points", cloud.xyz, result.colours, radii, cloud.provenance, cloud.rgb)
    thing[ROLE] = STREAMED
    return thing


def _warnings(scene, result: Result) -> list[str]:
    """What will not look as the user might expect."""
    warnings = []
    fps = scene.render.fps / scene.render.fps_base
    if abs(fps - result.fps) > 1e-3:
        warnings.append(f"The shot was made at {result.fps:g} fps, the scene runs at {fps:g} fps")
    ratio = result.K[0, 0, 0] / result.K[0, 1, 1]
    if abs(ratio - scene.render.pixel_aspect_y / scene.render.pixel_aspect_x) > 1e-4:
        warnings.append(f"The shot's pixels are {ratio:g} times as high as wide: set the scene's pixel aspect to match")
    if len(result.frames_there) < len(result.frame):
        warnings.append(f"Only {len(result.frames_there)} of {len(result.frame)} frames are there")
    count = 0 if result.cloud is None else len(result.cloud.xyz)
    if (share := point_nodes.share_of(count)) < 1:
        warnings.append(f"Of {count:,} points {share:.0%} are shown: set Share under In Your Renders to show more")
    if np.any(np.diff(result.frame) != 1):
        warnings.append("The frame numbers are not consecutive: the background is shown one frame after another")
    return warnings


def _camera(scene, collection, result: Result, frames: bpy.types.Image) -> bpy.types.Object:
    data = bpy.data.cameras.new(result.name + " Camera")
    camera = bpy.data.objects.new(result.name + " Camera", data)
    camera[ROLE] = CAMERA
    collection.objects.link(camera)
    ratio = result.K[0, 0, 0] / result.K[0, 1, 1]
    raster = Raster(result.width, result.height, 1.0, ratio)
    lenses = [lens_of(K, raster) for K in result.K]
    apply_lens(data, lenses[0])
    camera.rotation_mode = "QUATERNION"
    _walk(camera, result)
    optics = {field: np.array([[getattr(lens, field)] for lens in lenses]) for field in ("lens", "shift_x", "shift_y")}
    keyframe(data, result.frame, optics)
    if result.cloud is not None and len(result.cloud.xyz):
        farthest = np.abs(result.cloud.xyz).max() + np.abs(result.camera_to_world[:, :3, 3]).max()
        data.clip_end = max(data.clip_end, 2 * float(farthest))
    _background(scene, data, result, frames, ratio)
    return camera


def _walk(camera, result: Result) -> None:
    """Key the poses; the requested ones last, so that the camera follows those."""
    if result.solved is not None:
        _key_poses(camera, result.frame, result.solved.camera_to_world)
        solved.keep(camera, solved.SOLVED)
        camera[solved.PIXELS] = result.solved.pixels
    _key_poses(camera, result.frame, result.camera_to_world)
    if result.solved is not None:
        solved.keep(camera, solved.REQUESTED)


def _key_poses(camera, frame: np.ndarray, poses: np.ndarray) -> None:
    matrices = matrix_world(poses)
    keys = {"location": matrices[:, :3, 3], "rotation_quaternion": quaternions(matrices[:, :3, :3])}
    keyframe(camera, frame, keys)


def apply_lens(data, lens: Lens) -> None:
    for field in ("sensor_width", "sensor_height", "sensor_fit", "lens", "shift_x", "shift_y"):
        setattr(data, field, getattr(lens, field))


def quaternions(rotations: np.ndarray) -> np.ndarray:
    """Unit quaternions wxyz (n, 4) of rotations (n, 3, 3), each on its predecessor's side (no long way round)."""
    from mathutils import Matrix

    found = np.array([Matrix(rotation.tolist()).to_quaternion() for rotation in rotations])
    turns = np.cumprod(np.where(np.sum(found[1:] * found[:-1], axis=1) < 0, -1.0, 1.0))
    return found * np.concatenate([[1.0], turns])[:, None]


def keyframe(datablock, frame: np.ndarray, channels: dict[str, np.ndarray]) -> None:
    """Key properties of ``datablock`` at every frame, linear in between: name -> values (n, components)."""
    action = bpy.data.actions.new(datablock.name)
    datablock.animation_data_create().action = action
    for path, values in channels.items():
        for index in range(values.shape[1]):
            curve = new_curve(action, datablock, path, index)
            curve.keyframe_points.add(len(frame))
            points = np.column_stack([frame, values[:, index]]).astype(np.float32)
            curve.keyframe_points.foreach_set("co", points.ravel())
            curve.keyframe_points.foreach_set("interpolation", np.full(len(frame), LINEAR, np.int32))
            curve.update()


def new_curve(action, datablock, path: str, index: int):
    """An empty curve of ``action``, which ``datablock`` uses, for one component of a property."""
    if hasattr(action, "fcurve_ensure_for_datablock"):  # Blender 4.5
        return action.fcurve_ensure_for_datablock(datablock, path, index=index)
    return action.fcurves.new(path, index=index)


def _frames(result: Result) -> bpy.types.Image:
    """The frames as an image sequence; raises ``Problem`` where this Blender does not know their colour space."""
    first = result.folder / "frames" / f"{result.frames_there[0]:04d}.png"
    image = bpy.data.images.load(str(first), check_existing=False)
    image.name, image.filepath = result.name, kept(first)
    image.source = "SEQUENCE"
    try:
        set_colour_space(image, result.shot.get("colour_space", "sRGB"))
    except Problem:
        bpy.data.images.remove(image)
        raise
    return image


def _background(scene, data, result: Result, image: bpy.types.Image, pixel_ratio: float) -> None:
    """The frames behind everything that this camera sees, as wide as its view."""
    image.display_aspect = (1.0, pixel_ratio)
    background = data.background_images.new()
    background.image, background.alpha, background.display_depth = image, 1.0, "BACK"
    user = background.image_user
    user.frame_duration, user.frame_start, user.frame_offset = result.frames_there[-1], int(result.frame[0]), 0
    user.use_cyclic, user.use_auto_refresh = False, True
    # The lens spans the frame's width: the picture has to be as wide as the view, whatever the render's proportions.
    render = scene.render
    view = render.resolution_x * render.pixel_aspect_x / (render.resolution_y * render.pixel_aspect_y)
    background.frame_method = "FIT" if result.width / (result.height * pixel_ratio) >= view else "CROP"
    data.show_background_images = True


def set_colour_space(image, name: str) -> None:
    """Let ``image`` be read in colour space ``name``; raises ``Problem`` where this Blender does not know it."""
    try:
        image.colorspace_settings.name = name
    except TypeError:
        raise Problem(
            f"The frames' colour space {name!r} is unknown here: use Blender's own colour management"
        ) from None


def _remember(collection, result: Result) -> None:
    """How the result was made, as custom properties of its collection."""
    settings = result.shot.get("settings", {})
    collection[takes.RUN] = result.shot.get("run", "")
    collection[takes.FOLDER] = kept(result.folder)
    collection["worldwarp_seed"] = str(settings.get("seed", ""))
    collection["worldwarp_settings"] = json.dumps(settings)
    collection["worldwarp_overrides"] = json.dumps((result.shot.get("given") or {}).get("overrides", []))
