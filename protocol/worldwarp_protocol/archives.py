"""NumPy arrays in files that anybody may have written: of plain numbers only, and no larger than their file says."""

import io
import math
import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

from numpy import frombuffer
from numpy.lib import format as npy
from numpy.typing import NDArray

MAX_BYTES = 64 << 20
"""Of one entry of an archive: the poses of 10,000 cameras are 1.3 MB."""


def read_archive(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` by name: those of ``names`` that are there, or all.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, no archive, or an entry is too large or no array of plain numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
            warnings.simplefilter("error")
            there = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            return {name: _entry(archive, f"{name}.npy") for name in there if names is None or name in names}
    except (OSError, ValueError):
        raise
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds over a damaged archive
        raise ValueError(str(error) or type(error).__name__) from None


def read_array(data: bytes) -> NDArray[Any]:
    """The array of an ``.npy`` file's bytes; raises ValueError where they are none of plain numbers."""
    try:
        return _array(io.BytesIO(data), "it", len(data))
    except ValueError:
        raise
    except Exception as error:  # numpy parses the header as Python
        raise ValueError(str(error) or type(error).__name__) from None


def _entry(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as file:
        return _array(file, name, min(archive.getinfo(name).file_size, MAX_BYTES))


def _array(file: IO[bytes], name: str, most: int) -> NDArray[Any]:
    """An array, whose shape is held against the length of its file before there is memory for it."""
    version = npy.read_magic(file)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, columns_first, dtype = header(file)
    count = math.prod(shape)
    plain = dtype.kind in "iuf" and dtype.itemsize <= 8
    if not plain or min(shape, default=0) < 0 or count * dtype.itemsize > most:
        raise ValueError(f"{name} is {dtype} of shape {shape}")
    data = file.read(count * dtype.itemsize)
    return frombuffer(data, dtype, count).reshape(shape, order="F" if columns_first else "C")
