"""From the scene to a shot that can be sent: what stands in the way, what to know before, and the shot itself."""

from pathlib import Path

import bpy
import numpy as np

from . import anchor, compositing, diffusion, file_notes, geometry, masks, motion, overrides, preferences, wheels
from .camera import Raster, check_type, intrinsics, lens_at, sample, scene_raster
from .colour import check_space, colour_space, lost_note
from .parts import MARK, recall
from .picture import Picture, load_picture
from .problems import Problem
from .rendering import check_renderable, render_picture
from .state import STATE
from .takes import fresh_folder

MOST_FRAMES = 10_000
"""The server takes no longer path."""

DEFAULT_FOLDER = "//worldwarp"
"""Where results go when nobody says otherwise: never the extension's own folder, which goes with the extension."""

STILL = "The camera does not move"

PROPORTIONS = 0.01
"""Relative difference between picture and render proportions that is worth a warning."""


def camera_of(scene):
    """The camera to follow, or None."""
    return scene.worldwarp.camera or scene.camera


def frames_of(scene) -> range:
    """The frames of the walk."""
    shot = scene.worldwarp
    if shot.use_scene_range:
        return range(scene.frame_start, scene.frame_end + 1)
    return range(shot.frame_start, shot.frame_end + 1)


def generated_size(raster: Raster, longest: int) -> tuple[int, int]:
    """Width and height of the frames: the raster's proportions, as near as multiples of 16 allow."""
    scale = longest / max(raster.width, raster.height)
    return tuple(max(16, round(side * scale / 16) * 16) for side in (raster.width, raster.height))


def problems(scene) -> list[str]:
    """What has to be put right before anything can run, one sentence each; quick enough for drawing a panel."""
    found = [sentence for sentence in (wheels.missing(), _name(scene), _camera(scene), _range(scene)) if sentence]
    return found + _said(scene, _picture, _masks, _output, _profile, _source, overrides_of)


def path_problems(scene) -> list[str]:
    """The same for knowing the path."""
    return [sentence for sentence in (_camera(scene), _range(scene)) if sentence]


def geometry_problems(scene) -> list[str]:
    """The same for the picture's geometry alone."""
    found = [sentence for sentence in (wheels.missing(), _name(scene), _camera(scene)) if sentence]
    return found + _said(scene, _picture, _source)


def folder_problems(scene) -> list[str]:
    """The same for the folder of results."""
    return _said(scene, _output)


def picture_problems(scene) -> list[str]:
    """The same for the picture alone."""
    return _said(scene, _picture, _masks)


def clip_problems(scene) -> list[str]:
    """The same for the path of a clip's camera."""
    found = [sentence for sentence in (wheels.missing(),) if sentence]
    return found + _said(scene, _clip, lambda _: check_source("ttt3r"))


def _said(scene, *checks) -> list[str]:
    found = []
    for check in checks:
        try:
            check(scene)
        except Problem as problem:
            found.append(str(problem))
    return found


def depth_source(shot) -> str:
    """Where the picture's depth comes from: a render always brings its own."""
    return "given" if shot.source == "RENDER" else shot.depth_source


def check_source(name: str) -> None:
    """Raise ``Problem`` where the server cannot estimate by that source."""
    if sentence := STATE.sources.get(name):
        raise Problem(sentence)


def _source(scene) -> None:
    check_source(depth_source(scene.worldwarp))


def _clip(scene) -> None:
    _file(scene.worldwarp.clip_file, "clip")


def _name(scene) -> str:
    return "" if scene.worldwarp.name.strip() else "The shot has no name: give it one"


def _camera(scene) -> str:
    camera = camera_of(scene)
    if camera is None:
        return "There is no camera: choose one here, or add one to the scene"
    if camera.name not in scene.objects:
        return f"Camera {camera.name!r} is not in this scene: choose one that is"
    try:
        check_type(camera)
    except Problem as problem:
        return str(problem)
    return ""


def _range(scene) -> str:
    count = len(frames_of(scene))
    if count < 2:
        return f"The range has {count} frames: a walk needs at least 2"
    if count > MOST_FRAMES:
        return f"The range has {count} frames: a walk has at most {MOST_FRAMES}"
    return ""


def _picture(scene) -> None:
    shot = scene.worldwarp
    if shot.source == "RENDER":
        if camera_of(scene):
            check_renderable(scene, camera_of(scene))
        return
    colour_space(scene)
    check_space(shot.picture_space)
    _file(shot.picture_file, "picture")
    if shot.depth_source == "given":
        _file(shot.depth_file, "depth file")


def _masks(scene) -> None:
    for path in masks.files(scene.worldwarp).values():
        _file(str(path), "mask")


def _file(path: str, what: str) -> None:
    if not path:
        raise Problem(f"There is no {what}: choose one")
    if not Path(bpy.path.abspath(path)).is_file():
        raise Problem(f"The {what} {path} does not exist: choose another")


def _output(scene) -> None:
    if output_setting(scene).startswith("//") and not bpy.data.filepath:
        raise Problem("Save the file first, or choose a results folder (Advanced): results go beside the .blend file")


def _profile(scene) -> None:
    profile = scene.worldwarp.profile
    if sentence := STATE.profiles.get(profile):
        raise Problem(f"Quality {profile!r} cannot run on this server: {sentence}")


def notes(scene) -> list[str]:
    """What will not be as the user might expect, one sentence each."""
    found = []
    if scene.worldwarp.source == "RENDER":
        if scene.render.use_motion_blur:
            found.append("The picture is rendered without motion blur")
        if scene.render.use_compositing and _compositor(scene):
            found.append("The picture is rendered without the compositor")
        if sum(layer.use for layer in scene.view_layers) > 1:
            found.append("The picture is rendered from the first view layer")
    if scene.worldwarp.use_scene_range and scene.frame_step != 1:
        found.append("The scene's frame step is not used: the walk has every frame of its range")
    if motion.is_still(camera_of(scene), frames_of(scene)):
        found.append(STILL)
    return found + lens_notes(scene)


def detail_note(scene) -> str:
    """What the frames' size does to the picture; "" where the picture is no larger, or of a size not known yet."""
    raster, shot = scene_raster(scene), scene.worldwarp
    collection = geometry.of_scene(scene)
    if shot.source == "RENDER":
        size = raster.width, raster.height
    elif collection is not None:
        size = tuple(collection["worldwarp_size"])
    else:
        return "Finer detail of a larger picture is lost: a larger Size keeps more"
    width, height = generated_size(raster, shot.longest_side)
    if max(size) <= max(width, height):
        return ""
    return f"The picture's {size[0]} x {size[1]} pixels become {width} x {height}: a larger Size keeps finer detail"


def lens_notes(scene) -> list[str]:
    """Whether the camera's lens is far from what the picture's file or its geometry says."""
    collection, camera = geometry.of_scene(scene), camera_of(scene)
    if collection is None or camera is None or scene.worldwarp.source == "RENDER":
        return []
    raster = Raster(*collection["worldwarp_size"], scene.render.pixel_aspect_x, scene.render.pixel_aspect_y)
    lens = lens_at(camera.data)
    K = intrinsics(lens, raster)
    if geometry.lens_difference(collection, K) <= geometry.LENS_DIFFERENCE:
        return []
    found = lens.lens * recall(collection, "K_found")[0, 0] / K[0, 0]
    return [f"The picture looks like {found:.0f} mm, the camera has {lens.lens:.0f} mm: Match Camera takes it over"]


def _compositor(scene) -> bool:
    """Whether it does more than to lay our frames behind what is rendered."""
    if not hasattr(scene, "compositing_node_group") and not scene.use_nodes:  # Blender 4
        return False
    return compositing.has_others(scene)


def output_setting(scene) -> str:
    """The folder for results as the user wrote it, or the one beside the .blend file."""
    return scene.worldwarp.output_folder or preferences.get().output_folder or DEFAULT_FOLDER


def output_base(scene) -> Path:
    """The folder for results."""
    return Path(bpy.path.abspath(output_setting(scene)))


def prepare(context, picture: Picture | None = None):
    """The shot as it is sent, the folder of its result, and what the user should know.

    Args:
        picture: the camera's render, where it was made already; otherwise it is made, which blocks, or read here.

    Raises:
        Problem: something stands in the way; nothing was rendered or written.
    """
    from . import picture_again, ranges_forecast
    from .questions import Order

    scene = context.scene
    if found := problems(scene):
        raise Problem(found[0])
    frames, warnings = frames_of(scene), notes(scene)
    if picture is None:
        take = picture_again.begins(scene, context.evaluated_depsgraph_get())
        picture = picture_again.read(take) if take else take_picture(scene, frames[0], warnings)
    if note := lost_note(picture.rgb, scene):
        warnings.append(note)
    render = scene.render
    height, width = picture.rgb.shape[:2]
    raster = Raster(width, height, render.pixel_aspect_x, render.pixel_aspect_y)
    path = sample(scene, camera_of(scene), frames, context.evaluated_depsgraph_get(), raster)
    path = ranges_forecast.settled(scene, path)
    if STILL not in warnings and not (np.ptp(path.K, 0).any() or np.ptp(path.camera_to_world, 0).any()):
        warnings.append(STILL)
    arrays = {"picture": picture.rgb[None], "K": path.K, "camera_to_world": path.camera_to_world, "frame": path.frame}
    if picture.depth is not None:
        arrays["depth"] = picture.depth[None]
    arrays |= masks.arrays(scene, height, width)
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    shot = scene.worldwarp
    name, space, changes = shot.name.strip(), picture.colour_space, overrides_of(scene)
    order = Order(name, settings(scene, raster), path.fps, space, arrays, changes, file_notes.of(scene))
    return order, fresh_folder(output_base(scene), order.name), warnings


def take_picture(scene, frame: int, warnings: list[str]) -> Picture:
    """Render or read the picture; a file of other proportions than the render adds a warning."""
    shot = scene.worldwarp
    if shot.source == "RENDER":
        return render_picture(scene, camera_of(scene), frame)
    depth = Path(bpy.path.abspath(shot.depth_file)) if shot.depth_source == "given" else None
    picture = load_picture(Path(bpy.path.abspath(shot.picture_file)), depth, scene, shot.picture_space)
    height, width = picture.rgb.shape[:2]
    raster = scene_raster(scene)
    if abs(width / height * raster.height / raster.width - 1) > PROPORTIONS:
        warnings.append(
            f"The picture is {width} x {height} and renders are {raster.width} x {raster.height}: the camera's lens is "
            "taken for the picture's own proportions"
        )
    return picture


def settings(scene, raster: Raster) -> dict:
    """``messages.Settings`` by name."""
    shot = scene.worldwarp
    width, height = generated_size(raster, shot.longest_side)
    words = {"diffusion": shot.diffusion.sent()} if diffusion.wanted(shot) else {}
    return {
        "profile": shot.profile,
        "seed": shot.seed,
        "width": width,
        "height": height,
        "far": shot.far,
        "cache": shot.cache,
        "cache_steps": shot.cache_steps,
        "memory_frames": shot.memory_frames,
        "every": int(shot.every),
        "ease_frames": shot.ease_frames,
        "overscan": round(shot.overscan, 4),  # of Blender's float32: a hair more would be a token more
        "geometry": depth_source(shot),
        "anchor": anchor_of(scene),
        **words,
    }


def overrides_of(scene) -> list[dict]:
    """``messages.Override`` by name."""
    return overrides.sent(scene.worldwarp, frames_of(scene))


def anchor_of(scene) -> tuple[float, float, float] | None:
    """Pixel and distance of the anchor, where the depth of the shot will be estimated as its geometry was."""
    collection = geometry.of_scene(scene)
    if collection is None or collection[MARK] != depth_source(scene.worldwarp):
        return None
    return anchor.anchored(collection)
