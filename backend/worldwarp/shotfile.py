"""What a run was made of, kept in its result folder so that ``worldwarp generate --from`` makes it again.

``shot.json`` names the files; each is named by its content's SHA-256 below ``inputs/``, so that a folder can be moved.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from worldwarp_protocol import inputs
from worldwarp_protocol.archives import read_array
from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.limits import MAX_SIDE
from worldwarp_protocol.messages import Override, Settings, Shot
from worldwarp_protocol.results import INPUTS, Given, Record, ResultFolder

from .cameras import Cameras
from .cameras.formats import read_cameras
from .cameras.sizes import Pixel
from .masks import SET
from .nouns import Bytes, Floats
from .outputs.lens import Distortion

PACKAGES = ("worldwarp", "numpy", "numba", "pillow", "torch")
"""Whose versions may change bits."""
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)
"""What Pillow and NumPy raise over files that others made."""


@dataclass(frozen=True)
class Request:
    """A shot as it was asked for, before it is checked: the arguments of ``shots.prepare``."""

    name: str
    pictures: Bytes
    """(f, H, W, 3), display-referred, of their own size."""
    depth: Floats | None
    """(f, H, W), planar, world units, as it was given."""
    cameras: Cameras
    """Of the pictures' size."""
    settings: Settings
    colour_space: str = "sRGB"
    overrides: tuple[Override, ...] = ()
    mask: NDArray[np.bool_] | None = None
    """(f, H, W), of the pictures' size."""
    sky: NDArray[np.bool_] | None = None
    """(f, H, W), of the pictures' size."""


def pack(request: Request, lens: Distortion | None = None) -> tuple[Given, dict[str, bytes]]:
    """What ``shot.json`` says of a request, and the files it names: lossless, the same bytes for the same request.

    ``lens`` is what the request's pictures were straightened of.
    """
    cameras = request.cameras
    arrays: dict[str, NDArray[Any] | None]
    arrays = {"picture": request.pictures, "depth": request.depth, "mask": request.mask, "sky": request.sky}
    arrays |= {"K": cameras.K, "camera_to_world": cameras.camera_to_world, "frame": cameras.frame}
    shot = Shot(name=request.name, settings=request.settings, fps=cameras.fps, overrides=list(request.overrides))
    there = {name: _white(array) for name, array in arrays.items() if array is not None}
    given, files = inputs.pack(shot, there)
    given.distortion, given.versions = list(astuple(lens)) if lens else [], versions()
    return given, files


def _white(array: NDArray[Any]) -> NDArray[Any]:
    """What a mask sets as white; other arrays as they are."""
    return array * np.uint8(255) if array.dtype == np.bool_ else array


def versions() -> dict[str, str]:
    """Of the packages that compute here."""
    return {name: version(name) for name in PACKAGES}


def unpack(path: Path) -> Request:
    """The request that the folder of ``path`` (the folder, or the ``shot.json`` in it) was made from, bit for bit.

    Raises:
        FolderError: there is no such folder, it does not hold its inputs, or they are damaged.
    """
    folder, record, given = _open(path)
    folder.read_input(given.cameras)  # its digest is checked
    return Request(
        name=record.name,
        pictures=_stacked(folder, given.pictures, _picture),
        depth=_stacked(folder, given.depth, _depth) if given.depth else None,
        cameras=read_cameras(folder.path / INPUTS / given.cameras),
        settings=given.settings,
        colour_space=record.colour_space,
        overrides=tuple(given.overrides),
        mask=_stacked(folder, given.mask, _mask) > SET if given.mask else None,
        sky=_stacked(folder, given.sky, _mask) > SET if given.sky else None,
    )


def distortion_of(path: Path) -> Distortion | None:
    """The lens whose distortion the folder's pictures are without; None where they had none.

    Raises:
        FolderError: as ``unpack``, or there are other coefficients than a lens has.
    """
    folder, _, given = _open(path)
    if len(given.distortion) not in (0, len(fields(Distortion))):
        raise FolderError(f"{folder.path / 'shot.json'} has a distortion of other coefficients: take another copy.")
    return Distortion(*given.distortion) if given.distortion else None


def other_versions(path: Path) -> list[str]:
    """The packages that were of another version when the folder was made, each with both versions."""
    _, _, given = _open(path)
    here = versions()
    return [f"{name} {was} (here {here[name]})" for name, was in given.versions.items() if here.get(name, was) != was]


def _open(path: Path) -> tuple[ResultFolder, Record, Given]:
    folder = ResultFolder(path.parent if path.name == "shot.json" else path)
    if folder.record is None:
        raise FolderError(f"{folder.path} holds no shot.json: name a folder that WorldWarp wrote.")
    if folder.record.given is None or not folder.record.given.pictures:
        raise FolderError(f"{folder.path} does not hold what its shot was made of: submit it again.")
    return folder, folder.record, folder.record.given


def _stacked(folder: ResultFolder, names: Sequence[str], decode: Callable[[bytes], NDArray[Pixel]]) -> NDArray[Pixel]:
    """The arrays of inputs as one.

    Raises:
        FolderError: naming the one that is none, or of another size than the first.
    """
    found: list[NDArray[Pixel]] = []
    for name in names:
        content = folder.read_input(name)
        try:
            found.append(decode(content))
        except UNREADABLE as error:
            raise FolderError(f"{folder.path / INPUTS / name} cannot be read ({error}): take another copy.") from None
        if found[-1].shape != found[0].shape:
            raise FolderError(f"{folder.path / INPUTS / name} is of another size than the first: take another copy.")
    return np.stack(found)


def _picture(content: bytes) -> Bytes:
    return _png(content, "RGB")


def _mask(content: bytes) -> Bytes:
    return _png(content, "L")


def _png(content: bytes, mode: str) -> Bytes:
    """Pixels, whose number is checked before they are unpacked."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.mode != mode or max(image.size) > MAX_SIDE:
                raise ValueError(f"it is {image.mode}, {image.size[0]} x {image.size[1]}")
            return np.array(image)


def _depth(content: bytes) -> Floats:
    depth = read_array(content)
    if depth.ndim != 2 or depth.dtype != np.float32:
        raise ValueError(f"it is {depth.dtype} of shape {depth.shape}")
    return depth
