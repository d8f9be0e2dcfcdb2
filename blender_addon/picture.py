"""The picture the walk starts from: this camera's render with its exact depth, or a file, in any colour space.

Rendering happens in a temporary copy of the scene, with a compositor of its own; the user's scene and
compositor are left alone.
"""

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from . import exif
from .camera import check_type, frame_kept
from .colour import TEMPORARY, check_space, colour_space, through_view
from .parts import MARK, WORLD
from .problems import Problem

PLANAR_DEPTH_ENGINES = ("CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")
"""Engines whose depth pass was compared with known geometry: planar Z in world units."""

OURS = ("worldwarp_run", MARK, WORLD)
"""Custom properties of the collections that we made."""

SKY_DEPTH = 1e9
"""Cycles and Workbench write 1e10 where the camera sees nothing."""

LINEAR_FILES = (".exr", ".hdr")

LONGEST_SIDE = 4096
"""The server takes nothing larger."""


@dataclass(frozen=True)
class Picture:
    """A first frame.

    Args:
        rgb: (H, W, 3) uint8, display-referred in ``colour_space``.
        depth: (H, W) float32, planar Z in world units, inf is sky; None where it is unknown.
        colour_space: the name under which Blender shows ``rgb`` as it is.
    """

    rgb: np.ndarray
    depth: np.ndarray | None
    colour_space: str


def render_picture(scene, camera, frame: int) -> Picture:
    """What ``camera`` sees in ``scene`` at ``frame``, through the scene's view transform, and its depth. Blocks.

    Motion blur, render borders, the compositor and the sequencer are left out: depth would not match them.

    Raises:
        Problem: camera, engine or colour management cannot be used, or the render gave nothing.
    """
    space = check_renderable(scene, camera)
    with tempfile.TemporaryDirectory(prefix="worldwarp-") as folder, render_copy(scene, camera, frame, folder) as copy:
        # Not render(scene=copy.name): that renders the copy at the current frame of the user's scene.
        with bpy.context.temp_override(scene=copy, view_layer=copy.view_layers[0]), frame_kept(scene):
            bpy.ops.render.render(write_still=True)
        return read_render(folder, sky_depth(scene, camera.data), space)


def check_renderable(scene, camera) -> str:
    """The colour space of the render to come; raises ``Problem`` where it would be useless."""
    check_type(camera)
    if scene.render.engine not in PLANAR_DEPTH_ENGINES:
        raise Problem(
            f"The depth of render engine {scene.render.engine!r} is not known to be planar: choose Cycles, EEVEE or "
            "Workbench, or take the picture and its depth from files"
        )
    return colour_space(scene)


class JobRender:
    """A render as Blender's own job: the interface stays alive, Esc or the status bar's cross cancels it.

    Keeps names and session ids only: undo and File > Open may take the data away while it runs, and end the job.
    """

    def __init__(self, scene, camera, frame: int) -> None:
        self._space = check_renderable(scene, camera)
        self._sky = sky_depth(scene, camera.data)
        self._scene = scene.session_uid
        self._clean = ExitStack()
        self._folder = self._clean.enter_context(tempfile.TemporaryDirectory(prefix="worldwarp-"))
        copy = self._clean.enter_context(render_copy(scene, camera, frame, self._folder))
        view = bpy.context.preferences.view
        display, view.render_display_type = view.render_display_type, "NONE"
        try:
            with bpy.context.temp_override(scene=copy, view_layer=copy.view_layers[0]):
                bpy.ops.render.render("INVOKE_DEFAULT", write_still=True)
        except BaseException:
            self._clean.close()
            raise
        finally:
            view.render_display_type = display

    @property
    def running(self) -> bool:
        return bpy.app.is_job_running("RENDER")

    def picture(self) -> Picture:
        """What came of it, once it runs no more; raises ``Problem`` where it was cancelled. To be called once."""
        with self._clean:
            for scene in bpy.data.scenes:
                if scene.session_uid == self._scene:  # the render left its objects at the frame of the picture
                    scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)
            return read_render(self._folder, self._sky, self._space)


@contextmanager
def render_copy(scene, camera, frame: int, folder: str):
    """A temporary copy of ``scene`` that renders picture and depth into ``folder``; removed with all it brought."""
    copy = scene.copy()
    copy.name = TEMPORARY
    name = copy.name
    try:
        _configure(copy, camera, Path(folder))
        layer = next((layer for layer in copy.view_layers if layer.use), copy.view_layers[0])
        for other in copy.view_layers:
            other.use = other == layer
        layer.use_pass_z = True
        _exclude_results(layer.layer_collection)
        _compose(copy, layer, folder)
        copy.timeline_markers.clear()  # they would switch the camera
        copy.frame_current, copy.frame_subframe = frame, 0.0
        yield copy
    finally:
        if name in bpy.data.scenes:
            bpy.data.scenes.remove(bpy.data.scenes[name])
        for group in [group for group in bpy.data.node_groups if group.name.startswith(TEMPORARY)]:
            bpy.data.node_groups.remove(group)
        for image in [image for image in bpy.data.images if image.name.startswith(TEMPORARY)]:
            bpy.data.images.remove(image)


def _exclude_results(parent) -> None:
    """Leave earlier results and geometry out of the picture: they lie in front of what they show."""
    for child in parent.children:
        if any(mark in child.collection for mark in OURS):
            child.exclude = True
        else:
            _exclude_results(child)


def _configure(scene, camera, folder: Path) -> None:
    scene.camera = camera
    render, settings = scene.render, scene.render.image_settings
    render.use_border = render.use_motion_blur = render.use_multiview = False
    render.use_sequencer, render.use_compositing = False, True
    render.use_file_extension, render.use_overwrite, render.use_placeholder = True, True, False
    render.filepath = str(folder / "picture")
    longest = max(render.resolution_x, render.resolution_y)
    render.resolution_percentage = min(render.resolution_percentage, LONGEST_SIDE * 100 // longest)
    if hasattr(settings, "media_type"):  # Blender 5.0
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
    settings.color_management = "FOLLOW_SCENE"
    render.dither_intensity = 0.0


def _compose(scene, layer, folder: str) -> None:
    """A compositor that passes the image through and writes its depth as 32-bit EXR."""
    space = colour_space(scene)
    if hasattr(scene, "compositing_node_group"):  # Blender 5.0
        tree = scene.compositing_node_group = bpy.data.node_groups.new(TEMPORARY, "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        result = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        result = tree.nodes.new("CompositorNodeComposite")
    render = tree.nodes.new("CompositorNodeRLayers")
    render.scene, render.layer = scene, layer.name
    tree.links.new(render.outputs["Image"], result.inputs[0])
    tree.links.new(render.outputs["Depth"], _written(tree, folder, "depth", "FLOAT"))
    tree.links.new(_way_back(tree, space), _written(tree, folder, "back", "RGBA"))


def _written(tree, folder: str, name: str, kind: str):
    """The input of a node that writes what it gets into files of that name."""
    output = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(output, "file_output_items"):  # Blender 5.0
        output.format.media_type = "IMAGE"
        output.directory, output.file_name = folder, name
        output.file_output_items.new(kind, name.title())
    else:
        output.base_path = folder
        output.file_slots[0].path = name
    output.format.file_format, output.format.color_depth = "OPEN_EXR", "32"
    output.format.exr_codec = "ZIP"
    return output.inputs[0]


def _way_back(tree, space: str):
    """A pixel in the colour space that the result comes back in.

    Blender's first conversion from there takes up to a second (AgX since 5.0), once: so it is the render's thread, and
    not the interface, that waits for it.
    """
    image = bpy.data.images.new(TEMPORARY, 1, 1)
    image.colorspace_settings.name = space
    node = tree.nodes.new("CompositorNodeImage")
    node.image = image
    return node.outputs["Image"]


def sky_depth(scene, data) -> float:
    """Depth from which on the camera sees nothing: EEVEE writes the far clip there, to its depth buffer's precision."""
    if scene.render.engine == "CYCLES":
        return SKY_DEPTH
    return data.clip_end * (1 - min(0.01, data.clip_end / data.clip_start * 2**-23))


def read_render(folder: str, sky: float, space: str) -> Picture:
    """What ``render_copy`` left in ``folder``."""
    pictures, depths = sorted(Path(folder).glob("picture*.png")), sorted(Path(folder).glob("depth*.exr"))
    if not pictures or not depths:
        raise Problem("The render was cancelled or wrote nothing: render the camera once by F12 to see why")
    depth = read_pixels(depths[0])[..., 0]
    depth = np.where(depth >= sky, np.float32(np.inf), depth)
    return Picture(to_bytes(read_pixels(pictures[0])[..., :3]), depth, space)


def load_picture(path: Path, depth: Path | None, scene, space: str = "") -> Picture:
    """A picture file as ``scene`` would show it, and its depth file (OpenEXR) of the same size.

    Light (OpenEXR and HDR files, and whatever is in ``space``) goes through the scene's view; other files are taken as
    they are. The camera's orientation (EXIF) is applied, transparency is laid over black, greyscale becomes RGB, 16
    bits become 8, sides beyond 4096 pixels are scaled down.

    Args:
        space: the file's colour space by Blender's name; "": linear files are in that which Blender reads in them.

    Raises:
        Problem: a file cannot be read, the sizes differ, or the scene's view cannot be undone.
    """
    shown_as = colour_space(scene)
    check_space(space)
    size, turn = read_size(path), exif.orientation(path)
    z = None if depth is None else read_pixels(depth)[..., 0]
    if z is not None and z.shape != size[::-1]:
        sizes = f"{z.shape[1]} x {z.shape[0]}, the picture {size[0]} x {size[1]}"
        raise Problem(f"The depth file is {sizes} pixels: choose the depth of this picture")
    small = None
    if max(size) > LONGEST_SIDE:
        width, height = small = tuple(round(side * LONGEST_SIDE / max(size)) for side in size)
        z = None if z is None else picked(z, height, width)
        small = small if turn <= 4 else small[::-1]  # of the file's own rows and columns
    if space or path.suffix.lower() in LINEAR_FILES:
        rgb = _seen(path, scene, space, small)
    else:
        rgb = to_bytes(over_black(read_pixels(path, small)))
    rgb = np.ascontiguousarray(exif.turned(rgb, turn))
    return Picture(rgb, None if z is None else np.where(z >= SKY_DEPTH, np.float32(np.inf), z), shown_as)


def _seen(path: Path, scene, space: str, size: tuple[int, int] | None) -> np.ndarray:
    """What a file of light shows through the scene's view, (H, W, 3) uint8, over black."""
    with _image(path) as image:
        if space:
            image.colorspace_settings.name = space
        image.alpha_mode = "NONE" if path.suffix.lower() in LINEAR_FILES else "STRAIGHT"
        if size:
            image.scale(*size)
        return through_view(image, scene)


def scaled(picture: Picture, most_pixels: int) -> Picture:
    """``picture``, scaled down where it has more pixels than that."""
    height, width = picture.rgb.shape[:2]
    scale = (most_pixels / (height * width)) ** 0.5
    if scale >= 1:
        return picture
    size = int(width * scale), int(height * scale)
    image = bpy.data.images.new(TEMPORARY, width, height)
    try:
        image.colorspace_settings.name = "Non-Color"
        pixels = np.ones((height, width, 4), np.float32)
        pixels[..., :3] = picture.rgb[::-1] / np.float32(255)
        image.pixels.foreach_set(pixels.ravel())
        image.scale(*size)
        small = np.empty(size[0] * size[1] * 4, np.float32)
        image.pixels.foreach_get(small)
    finally:
        bpy.data.images.remove(image)
    rgb = to_bytes(small.reshape(size[1], size[0], 4)[::-1, :, :3])
    depth = None if picture.depth is None else picked(picture.depth, size[1], size[0])
    return Picture(rgb, depth, picture.colour_space)


def picked(depth: np.ndarray, height: int, width: int) -> np.ndarray:
    """Depth or a mask at another size: the nearest pixels', never a mean across edges."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip((height, width), depth.shape, strict=True)
    )
    return depth[np.ix_(rows, columns)]


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of an image file as it is to be seen; raises ``Problem`` where it cannot be read."""
    with _image(path) as image:
        width, height = image.size
    return (width, height) if exif.orientation(path) <= 4 else (height, width)


def read_pixels(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """The numbers in an image file, (H, W, 4) float32 from the top, without any colour conversion, unturned.

    Args:
        size: width and height to scale to.
    """
    with _image(path) as image:
        image.colorspace_settings.name = "Non-Color"
        image.alpha_mode = "CHANNEL_PACKED"
        if size:
            image.scale(*size)
        width, height = image.size
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, 4)[::-1]


@contextmanager
def _image(path: Path):
    """The image of a file, for as long as it is needed; raises ``Problem`` where it cannot be read."""
    try:
        image = bpy.data.images.load(str(path), check_existing=False)
    except RuntimeError:
        raise Problem(f"{path} cannot be read as an image") from None
    try:
        if image.type == "MULTILAYER":
            raise Problem(f"{path.name} holds several layers: save its image alone, as an OpenEXR file of one layer")
        if 0 in image.size:
            raise Problem(f"{path} cannot be read as an image")
        yield image
    finally:
        bpy.data.images.remove(image)


def over_black(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) of pixels (H, W, 4) whose alpha was not multiplied in."""
    return pixels[..., :3] * pixels[..., 3:]


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Display-referred floats in [0, 1] as bytes."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
