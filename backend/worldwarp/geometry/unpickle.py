"""Reading the tensors of a torch checkpoint without running what is in it.

A checkpoint is a zip: a pickle that describes objects, and one file per tensor's bytes. A pickle may name any function
and have it called. Here names are never looked up: a handful that stand for tensors are answered by our own functions,
and every other name by ``Inert``, which does nothing whatever is done with it.
"""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from torch import Tensor

from .checkpoint import WeightsError

MAX_PICKLE = 64 << 20
"""Bytes of description: checkpoints of a thousand tensors have less than one MiB."""

DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
}


class Bytes(NamedTuple):
    """The bytes of a tensor, not yet read."""

    dtype: torch.dtype
    key: Any


class Lazy(NamedTuple):
    """A tensor, not yet read. What the pickle says of it is not yet checked either."""

    data: Any
    offset: Any
    shape: Any
    stride: Any


class _InertType(type):
    def __call__(cls, *_: Any, **__: Any) -> Any:
        return cls

    def __setitem__(cls, key: Any, value: Any) -> None:
        pass


class Inert(metaclass=_InertType):
    """Stands for every name that is not needed. Called, instantiated, filled or set, it stays the same."""

    def __new__(cls, *_: Any) -> Any:
        return cls

    @staticmethod
    def __setstate__(_: Any) -> None:
        pass

    @staticmethod
    def append(_: Any) -> None:
        """Nothing."""

    @staticmethod
    def extend(_: Any) -> None:
        """Nothing."""


class Checkpoint:
    """An open checkpoint.

    Raises:
        WeightsError: it is not a checkpoint in torch's zip format.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise WeightsError(f"There is no file {path}.") from None
        except (OSError, zipfile.BadZipFile) as error:
            raise WeightsError(f"{path.name} is not a checkpoint in torch's zip format: {error}.") from None
        self._path = path
        try:
            self.tree = self._read_tree()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def tensor(self, lazy: object, shape: tuple[int, ...]) -> Tensor:
        """Read one tensor, which must have ``shape``.

        Raises:
            WeightsError: it is no tensor, or of another shape; or its bytes are missing, too few or corrupt.
        """
        if not isinstance(lazy, Lazy) or not isinstance(lazy.data, Bytes):
            raise WeightsError("is not a tensor of floats")
        if lazy.shape != shape:
            raise WeightsError(f"has shape {lazy.shape}, not {shape}")
        if lazy.stride != torch.empty(shape, device="meta").stride():
            raise WeightsError("is not stored row by row")
        data, count, size = self._bytes(lazy.data), torch.Size(shape).numel(), lazy.data.dtype.itemsize
        if type(lazy.offset) is not int or lazy.offset < 0 or (lazy.offset + count) * size > len(data):
            raise WeightsError("reaches beyond its bytes")
        return torch.frombuffer(data, dtype=lazy.data.dtype, count=count, offset=lazy.offset * size).view(shape)

    def _bytes(self, data: Bytes) -> bytearray:
        name = f"{self._folder}data/{data.key}"
        try:
            info = self._zip.getinfo(name)
            if info.compress_type != zipfile.ZIP_STORED:
                raise WeightsError("is compressed, which torch never does")
            return bytearray(self._zip.read(info))
        except (KeyError, OSError, RuntimeError, zipfile.BadZipFile) as error:  # RuntimeError: encrypted
            raise WeightsError(f"cannot be read: {error}") from None

    def _read_tree(self) -> Any:
        names = [name for name in self._zip.namelist() if name.endswith("data.pkl")]
        if len(names) != 1:
            raise WeightsError(f"{self._path.name} is not a checkpoint in torch's zip format: it has no data.pkl.")
        self._folder = names[0].removesuffix("data.pkl")
        if self._zip.getinfo(names[0]).file_size > MAX_PICKLE:
            raise WeightsError(f"{self._path.name} describes more than a checkpoint of this network can hold.")
        try:
            with self._zip.open(names[0]) as file:
                return _Unpickler(file).load()
        except Exception as error:  # whatever a malformed pickle makes of the unpickler
            raise WeightsError(f"{self._path.name} cannot be read: {error}") from None


class _Unpickler(pickle.Unpickler):
    """Answers names itself; see the module."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        # bound methods: a pickle cannot change what they do
        self._names: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            ("torch._utils", "_rebuild_parameter"): self._parameter,
        }

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        return self._names.get((module, name), Inert)

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, *_ = pid
        return Bytes(dtype, key) if kind == "storage" and isinstance(dtype, torch.dtype) else Inert

    def _tensor(self, data: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> Lazy:
        return Lazy(data, offset, shape, stride)

    def _parameter(self, data: Any, *_: Any) -> Any:
        return data
