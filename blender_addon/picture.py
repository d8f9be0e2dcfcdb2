"""The picture the walk starts from, as it is read from a file in any colour space; ``rendering`` makes one."""

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from . import exif, layers
from .colour import TEMPORARY, check_space, colour_space, through_view
from .problems import Problem

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
    z = None if depth is None else read_depth(depth)
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


def read_depth(path: Path) -> np.ndarray:
    """The numbers in a depth file, (H, W) float32 from the top; of several layers that which is the depth."""
    with _loaded(path) as image, tempfile.TemporaryDirectory(prefix="worldwarp-") as folder:
        alone = layers.extract_depth(image, Path(folder)) if image.type == "MULTILAYER" else path
        return read_pixels(alone)[..., 0]


@contextmanager
def _image(path: Path):
    """The image of a file, for as long as it is needed; raises ``Problem`` where it cannot be read."""
    with _loaded(path) as image:
        if image.type == "MULTILAYER":
            raise Problem(f"{path.name} holds several layers: save its image alone, as an OpenEXR file of one layer")
        yield image


@contextmanager
def _loaded(path: Path):
    """The same, of one layer or of several, which have no size."""
    try:
        image = bpy.data.images.load(str(path), check_existing=False)
    except RuntimeError:
        raise Problem(f"{path} cannot be read as an image") from None
    try:
        if 0 in image.size and image.type != "MULTILAYER":  # in this order: the size is read first, then the type
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
