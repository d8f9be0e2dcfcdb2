"""Pictures and depth from files, and PNG bytes."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from worldwarp_protocol.archives import read_array
from worldwarp_protocol.errors import InvalidShot, WorldWarpError
from worldwarp_protocol.limits import MAX_SIDE

from ..nouns import Bytes, Floats, Provenance

DEPTH_CHANNELS = ("Z", "V", "Y", "Depth.Z", "Depth.V", "Depth.Y")
"""Names under which depth is found in an EXR, also behind the name of a view layer (``ViewLayer.Depth.Z``)."""

NOTHING: Mapping[str, Any] = MappingProxyType({})

PNG_LEVEL = 4
"""zlib's: within 5 % of the default's size in half its time."""

PNG_HEADER = 33
"""Bytes of the signature and the chunk IHDR."""
SRGB = struct.pack(">I5sI", 1, b"sRGB\0", zlib.crc32(b"sRGB\0"))
"""The whole chunk: length, name, intent, checksum."""

COLOURS = {
    Provenance.PICTURE: (58, 122, 84),
    Provenance.GENERATED: (196, 78, 152),
    Provenance.FILLED: (250, 200, 80),
}
"""Green, magenta and yellow: told apart by brightness as well."""


def read_picture(path: Path) -> Bytes:
    """(H, W, 3) uint8 of a PNG, JPEG, TIFF, WebP or any other picture that Pillow reads, display-referred.

    The camera's orientation (EXIF) is applied. Transparency is laid over black, grey becomes three equal channels,
    CMYK and palettes become RGB, of an animation the first frame is taken. 16-bit pictures become 8-bit: grey ones
    rounded, coloured ones by their high byte (less than 1/255 darker). Embedded colour profiles are left aside, as
    Blender does, so that what comes back shows as what was sent.

    Raises:
        InvalidShot: no such file, not a picture, scene-linear or too large; says what to do.
    """
    check_file("picture", path)
    if path.suffix.lower() in (".exr", ".hdr"):
        raise InvalidShot("picture", f"{path} holds scene-linear light; save it as PNG through the view transform.")
    try:
        with Image.open(path) as image:
            _check_size("picture", path, image.size)
            return _rgb(path, ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidShot("picture", _too_large(path, "far too many pixels")) from None
    except UnidentifiedImageError:
        raise InvalidShot("picture", f"{path} is not a picture; give a PNG, JPEG, TIFF or WebP file.") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno:  # the system's word
            raise InvalidShot("picture", f"{path} cannot be read ({error.strerror}); check the file.") from None
        raise InvalidShot("picture", f"{path} is damaged or incomplete; save or copy it again.") from None


def read_depth(path: Path) -> Floats:
    """(H, W) float32 of an EXR or .npy file: planar depth in world units, as it stands there.

    In an EXR depth is the channel Z, V, Y or Depth.Z, of any view layer, or a grey RGB picture.

    Raises:
        InvalidShot: no such file, another format, no depth in it; says what to do.
    """
    check_file("depth", path)
    suffix = path.suffix.lower()
    if zipfile.is_zipfile(path):
        raise InvalidShot("depth", f"{path} {_archive(path)}; give one array as .npy, or an EXR.")
    if suffix == ".npy":
        return _read_npy(path)
    if suffix == ".exr":
        return _read_exr(path)
    raise InvalidShot(
        "depth",
        f"{path} cannot hold depth in world units (integer pictures have no known scale); "
        "save it as 32-bit float EXR, or as .npy.",
    )


def write_exr(path: Path, values: Floats) -> None:
    """Write (H, W) float32 as EXR, one channel ``V``, which Blender shows as grey; whole or not at all.

    Raises:
        WorldWarpError: it cannot be written.
    """
    write_channels(path, {"V": np.asarray(values, np.float32)})


def write_channels(path: Path, channels: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any] = NOTHING) -> None:
    """Write channels (H, W), float16 or float32, as EXR; whole or not at all.

    Raises:
        WorldWarpError: it cannot be written.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.exr")
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **attributes}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with OpenEXR.File(header, {name: np.ascontiguousarray(pixels) for name, pixels in channels.items()}) as file:
            file.write(str(part))
        part.replace(path)
    except (RuntimeError, OSError) as error:
        raise WorldWarpError(f"{path} cannot be written ({_reason(error)}); choose another folder.") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def check_ending(field: str, path: Path, *endings: str) -> None:
    """Refuse to write a file under an ending that says it is something else.

    Raises:
        InvalidShot: naming those that are written.
    """
    if path.suffix.lower() not in endings:
        raise InvalidShot(field, f"is {path}; it is written as {' or '.join(endings)}: name it so.")


def check_file(field: str, path: Path) -> None:
    """Refuse what is no file.

    Raises:
        InvalidShot: nothing is there, or a folder is.
    """
    if path.is_dir():
        raise InvalidShot(field, f"{path} is a folder; name a file in it.")
    if not path.is_file():
        raise InvalidShot(field, f"there is no file {path}; check the path.")


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """PNG bytes of (H, W, 3) or (H, W) uint8; the same bytes for the same image."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "PNG", compress_level=PNG_LEVEL)
    return file.getvalue()


def tagged(png: bytes, colour_space: str) -> bytes:
    """PNG bytes that say that they are sRGB, if they are: an ``sRGB`` chunk (perceptual) behind the header."""
    return png[:PNG_HEADER] + SRGB + png[PNG_HEADER:] if colour_space == "sRGB" else png


def encode_provenance(provenance: Bytes) -> bytes:
    """PNG bytes of (H, W) of ``Provenance``: those numbers, and a palette that shows each in a colour of its own."""
    image = Image.fromarray(np.ascontiguousarray(provenance))
    image.putpalette([part for kind in Provenance for part in COLOURS[kind]])
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=PNG_LEVEL)
    return file.getvalue()


def decode_png(data: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) or (H, W) uint8 of PNG bytes that ``encode_png`` or ``encode_provenance`` wrote."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return np.array(image)


def _check_size(field: str, path: Path, size: tuple[int, int]) -> None:
    if max(size) > MAX_SIDE:
        raise InvalidShot(field, _too_large(path, f"{size[0]} x {size[1]} pixels"))


def _too_large(path: Path, extent: str) -> str:
    return f"{path} has {extent}; at most {MAX_SIDE} a side are taken: scale picture, depth and cameras down together."


def _rgb(path: Path, image: Image.Image) -> Bytes:
    if image.mode == "F":
        raise InvalidShot("picture", f"{path} holds floats, not display colours; save it as 8-bit or 16-bit PNG.")
    if image.mode.startswith("I"):
        grey = np.rint(np.clip(np.asarray(image, np.float64), 0, 65535) / 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.array(image.convert("RGB"))


def _archive(path: Path) -> str:
    """What an archive is that should have been depth."""
    try:
        with zipfile.ZipFile(path) as archive:
            cameras = {"K.npy", "R.npy", "t.npy"} <= set(archive.namelist())
    except zipfile.BadZipFile:
        return "is a damaged archive"
    return "is an archive of cameras" if cameras else "is an archive (.npz or .zip)"


def _read_npy(path: Path) -> Floats:
    try:
        depth = read_array(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidShot(
            "depth", f"{path} cannot be read ({_reason(error)}); write it by numpy.save from an array of floats."
        ) from None
    if depth.ndim != 2 or depth.dtype.kind != "f":
        raise InvalidShot("depth", f"{path} does not hold an array (height, width) of floats; write it so.")
    _check_size("depth", path, (depth.shape[1], depth.shape[0]))
    return _single(depth)


def _read_exr(path: Path) -> Floats:
    try:
        with OpenEXR.File(str(path), separate_channels=True, header_only=True) as file:
            header = dict(file.header())
        (left, top), (right, bottom) = header["dataWindow"]
        _check_size("depth", path, (int(right - left) + 1, int(bottom - top) + 1))
        if not np.array_equal(header["dataWindow"], header["displayWindow"]):
            raise InvalidShot("depth", f"{path} holds a region of the picture only; render it without a border.")
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}
            if not channels:
                raise ValueError("its pixels are damaged")
            return _single(_depth_channel(path, channels))
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidShot("depth", f"{path} cannot be read as EXR ({_reason(error)}); render it again.") from None


def _depth_channel(path: Path, channels: dict[str, NDArray[Any]]) -> NDArray[Any]:
    for wanted in DEPTH_CHANNELS:
        found = sorted(name for name in channels if name == wanted or name.endswith("." + wanted))
        if found and channels[found[0]].dtype.kind == "f":
            return channels[found[0]]
    if {"R", "G", "B"} <= channels.keys():
        red, green, blue = (channels[name] for name in "RGB")
        if np.array_equal(red, green, equal_nan=True) and np.array_equal(red, blue, equal_nan=True):
            return red
    names = ", ".join(sorted(channels)) or "none"
    raise InvalidShot("depth", f"{path} has no depth channel (it has {names}); turn on the Z or Depth pass.")


def _single(depth: NDArray[Any]) -> Floats:
    with np.errstate(over="ignore"):
        return np.array(depth, np.float32, order="C")


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
