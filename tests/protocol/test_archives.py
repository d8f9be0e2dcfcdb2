"""Arrays from files that anybody may have written."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from worldwarp_protocol.archives import read_archive, read_array
from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.files import CameraFile, read_cameras


def header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": kind, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def test_arrays_come_back() -> None:
    buffer = io.BytesIO()
    given = np.asfortranarray(np.arange(6, dtype="<i2").reshape(2, 3))
    np.save(buffer, given)
    np.testing.assert_array_equal(read_array(buffer.getvalue()), given)


@pytest.mark.parametrize("data", [header((1 << 40,)), header((-1, 4)), header((2,)), header((1,), "|O"), b"", b"none"])
def test_what_does_not_hold_what_it_says_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_array(data)


def test_a_small_archive_of_a_huge_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cameras.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("K.npy", header((1 << 40, 3, 3)) + bytes(1 << 20))
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"K.npy is float64 of shape"):
        read_archive(path)
    with pytest.raises(FolderError, match=r"cameras.npz cannot be read as cameras"):
        read_cameras(path)


@pytest.mark.parametrize("field", ["K", "R", "t", "camera_to_world", "frame", "width"])
def test_cameras_of_other_shapes_are_refused(field: str, tmp_path: Path) -> None:
    arrays = vars(CameraFile.of(np.ones((4, 3, 3)), np.tile(np.eye(4), (4, 1, 1)), np.arange(4), 8, 8, 24.0))
    np.savez(tmp_path / "cameras.npz", **{**arrays, field: np.ones(5, np.int64)})
    with pytest.raises(FolderError, match="cannot be read as cameras"):
        read_cameras(tmp_path / "cameras.npz")
