"""A result folder becomes Blender objects: camera, background sequence, point cloud, in one new collection.

Needs ``bpy`` and numpy only, so that ``scripts/blender_import.py`` works where the extension is not installed.
Nothing of the user's scene changes but that the collection is linked to it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from . import point_nodes, points, solved, takes
from .camera import Raster, lens_of
from .keyed import apply_lens, key_poses, keying
from .parts import CAMERA, ROLE, STREAMED
from .paths_of_blend import kept
from .pieces import READY, Pieces, to_the_end, whole_or_nothing
from .problems import Problem
from .reading import Result, reading


@dataclass(frozen=True)
class Imported:
    """What an import added, and what the user should know."""

    collection: bpy.types.Collection
    camera: bpy.types.Object
    cloud: bpy.types.Object | None
    warnings: list[str]


def import_result(scene, folder: Path) -> Imported:
    """Bring the result in ``folder`` into ``scene`` as one new collection.

    Raises:
        Problem: the folder is no result, holds no frame yet, or frames of a colour space that is unknown here.
    """
    return to_the_end(placing(scene, Path(folder)))


def placing(scene, folder: Path) -> Pieces[Imported]:
    """The same in pieces; the last links what was made to the scene."""
    result = yield from reading(folder)
    if not result.frames_there:
        raise Problem(f"{result.folder} holds no frames yet: import it when the first ones have come")
    with whole_or_nothing() as made:
        camera = yield from _camera(made, scene, result)
        cloud = None
        if result.cloud is not None and len(result.cloud.xyz):
            cloud = yield from _cloud(made, result)
        warnings = _warnings(scene, result)
        yield READY
        collection = bpy.data.collections.new(result.name)
        made.append(collection)
        for thing in (camera, cloud):
            if thing is not None:
                collection.objects.link(thing)
        _remember(collection, result)
        scene.collection.children.link(collection)
    return Imported(collection, camera, cloud, warnings)


def _cloud(made: list, result: Result) -> Pieces[bpy.types.Object]:
    name, cloud = result.name + " Points", result.cloud
    thing = yield from points.building_cloud(
        made, name, cloud.xyz, result.colours, result.radii, cloud.provenance, cloud.rgb
    )
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


def _camera(made: list, scene, result: Result) -> Pieces[bpy.types.Object]:
    """The camera, keyed at every frame, with the frames behind what it sees."""
    frames = _frames(made, result)
    yield
    data = bpy.data.cameras.new(result.name + " Camera")
    camera = bpy.data.objects.new(result.name + " Camera", data)
    made.extend([data, camera])
    camera[ROLE] = CAMERA
    camera.rotation_mode = "QUATERNION"
    ratio = result.K[0, 0, 0] / result.K[0, 1, 1]
    yield from _key_lens(made, data, result, Raster(result.width, result.height, 1.0, ratio))
    yield from _walk(made, camera, result)
    if result.cloud is not None and len(result.cloud.xyz):
        farthest = max(result.cloud.xyz.max(), -result.cloud.xyz.min()) + np.abs(result.camera_to_world[:, :3, 3]).max()
        data.clip_end = max(data.clip_end, 2 * float(farthest))
    _background(scene, data, result, frames, ratio)
    yield
    return camera


def _key_lens(made: list, data, result: Result, raster: Raster) -> Pieces[None]:
    lenses = lens_of(result.K.transpose(1, 2, 0), raster)  # of all frames at once
    apply_lens(data, lens_of(result.K[0], raster))
    optics = {field: getattr(lenses, field)[:, None] for field in ("lens", "shift_x", "shift_y")}
    made.append((yield from keying(data, result.frame, optics)))


def _walk(made: list, camera, result: Result) -> Pieces[None]:
    """Key the poses; the requested ones last, so that the camera follows those."""
    if result.solved is not None:
        made.append((yield from key_poses(camera, result.frame, result.solved.camera_to_world)))
        solved.keep(camera, solved.SOLVED)
        camera[solved.PIXELS] = result.solved.pixels
    made.append((yield from key_poses(camera, result.frame, result.camera_to_world)))
    if result.solved is not None:
        solved.keep(camera, solved.REQUESTED)


def _frames(made: list, result: Result) -> bpy.types.Image:
    """The frames as an image sequence; raises ``Problem`` where this Blender does not know their colour space."""
    first = result.folder / "frames" / f"{result.frames_there[0]:04d}.png"
    image = bpy.data.images.load(str(first), check_existing=False)
    made.append(image)
    image.name, image.filepath = result.name, kept(first)
    image.source = "SEQUENCE"
    set_colour_space(image, result.shot.get("colour_space", "sRGB"))
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
    collection[takes.COUNT] = len(result.frames_there)
    collection["worldwarp_seed"] = str(settings.get("seed", ""))
    collection["worldwarp_settings"] = json.dumps(settings)
    collection["worldwarp_overrides"] = json.dumps((result.shot.get("given") or {}).get("overrides", []))
    collection["worldwarp_prompts"] = json.dumps(_prompts(result))


def _prompts(result: Result) -> list[dict]:
    """The words that each range was made with, and its frames; nothing of those made without."""
    ranges = [chunk for chunk in result.shot.get("chunks", []) if (chunk.get("meta") or {}).get("prompt")]
    ends = [(chunk["first"], chunk["first"] + chunk["count"] - 1) for chunk in ranges]
    frames = [{"first": int(result.frame[first]), "last": int(result.frame[last])} for first, last in ends]
    return [{**place, "prompt": chunk["meta"]["prompt"]} for place, chunk in zip(frames, ranges, strict=True)]
