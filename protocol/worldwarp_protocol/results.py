"""The folder that a client keeps of a run. Whatever stops in the middle of it, the next one can go on.

```
shot.json            what was asked for, and what of it has come
cameras.npz          the requested cameras, at the size of the frames
frames/0001.png      file n is position n - 1 of the path
provenance/0001.png  of the same size, numbers in a palette: 0 picture, 1 generated, 2 filled
points/0001.ply      what each chunk adds to the world
points.ply           all of it, once the run is over
exr/0001.exr         all that is known of each frame, where it was asked for
world/points.ply     all points at once, one for each voxel, where it was asked for; and so
world/mesh.ply       a proxy mesh, and the same as mesh.glb
world/gaussians.ply  a Gaussian scene
inputs/              what the run was made of, each file named by the SHA-256 of its content
```

Every file is whole or not there. Their names are numbers, never text that somebody sent.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

from . import files
from .errors import FolderError
from .files import CameraFile
from .messages import Digest, Override, RunState, Settings, Shot

UNFINISHED = "shot.json.part"
"""What is left of a folder whose client was killed as it began."""
INPUTS = "inputs"
"""The folder of what a run was made of."""
WORLD_FILES = {
    "points_ply": "points.ply",
    "mesh_ply": "mesh.ply",
    "mesh_glb": "mesh.glb",
    "gaussians_ply": "gaussians.ply",
    "gaussians_splat": "gaussians.splat",
}
"""Files below ``world`` by the names of the arrays that carry them."""


class ChunkRecord(msgspec.Struct):
    """A chunk that was committed: frames ``first`` to ``first + count - 1`` of the path, from 0."""

    key: Digest
    digest: Digest
    first: int
    count: int
    complete: bool = False
    """Whether its frames and its points are here."""
    meta: dict[str, float | str | None] = {}
    """Numbers by name, as ``messages.ChunkCommitted`` has them; empty where an older version wrote it."""


class Given(msgspec.Struct, kw_only=True):
    """All that a run was made of, as it was given, to make it again; names are those of files in ``inputs/``."""

    settings: Settings
    overrides: list[Override] = []
    pictures: list[str]
    """PNG, of their own size."""
    depth: list[str] = []
    """``.npy`` float32, of the pictures' size; empty where it was estimated."""
    mask: list[str] = []
    """PNG, of the pictures' size: white is left out; empty where all may be baked."""
    sky: list[str] = []
    """PNG, of the pictures' size: white is infinitely far away; empty where nobody said."""
    cameras: str
    """A ``cameras.npz`` at the pictures' size."""
    distortion: list[float] = []
    """Of the lens that took the pictures, which are without it here: k1, k2, p1, p2, k3; empty where it has none."""
    versions: dict[str, str] = {}
    """Of what computed it, by package: others may differ in the last bit."""
    files: dict[str, str] = {}
    """What a client noted of the files that it read pictures, depth, mask and sky from, by these names: another note,
    another file. Empty where it noted nothing."""


class Record(msgspec.Struct, kw_only=True):
    """``shot.json``. The frame numbers of the user's timeline stand in ``cameras.npz``."""

    name: str
    settings: Settings
    fps: float
    colour_space: str
    width: int
    height: int
    frames: int
    """Of the whole path."""
    run: str = ""
    """Its id at the server; "" where there was none."""
    state: RunState = "running"
    text: str = ""
    seq: int = 0
    """The newest item of the run's stream that is here."""
    chunks: list[ChunkRecord] = []
    given: Given | None = None
    """None where only the server had it."""


class ResultFolder:
    """A result folder, there already or yet to be made. Used from one thread at a time.

    Every method raises ``FolderError`` where the folder belongs to another shot or cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.record = self._load()

    def begin(
        self,
        shot: Shot,
        width: int,
        height: int,
        K: NDArray[Any],
        camera_to_world: NDArray[Any],
        frame: NDArray[Any],
        run: str = "",
        given: Given | None = None,
        window: tuple[int, int, int, int] | None = None,
    ) -> None:
        """Write down what is going to be generated; a folder of the same shot, or of a shorter path of it, goes on.

        Args:
            shot: what was asked for.
            width, height: of the frames, in pixels.
            K: (n, 3, 3), pixels of the frames.
            camera_to_world: (n, 4, 4), OpenCV axes in Blender's world.
            frame: (n,), numbers in the user's timeline.
            run: the run's id at the server, "" where there is none.
            given: what it is made of; the caller keeps the files (``keep_input``).
            window: x, y, width, height of what was asked for in the frames; None: all of them.
        """
        cameras = CameraFile.of(K, camera_to_world, frame, width, height, shot.fps, window)
        self._check_same(shot, cameras)
        self.record = Record(
            name=shot.name,
            settings=shot.settings,
            fps=shot.fps,
            colour_space=shot.colour_space,
            width=width,
            height=height,
            frames=len(K),
            run=run,
            chunks=self.record.chunks if self.record else [],
            given=given or (self.record.given if self.record else None),
        )
        self.save()
        self._write_cameras(cameras)

    def keep_input(self, name: str, content: bytes | memoryview) -> None:
        """Keep a file that ``Given`` names."""
        files.write(self.path / INPUTS / name, content)

    def keep_inputs(self, given: Given, inputs: Mapping[str, bytes]) -> None:
        """Keep what the run, which has begun, is made of; it is named once all of it is here."""
        record = self._begun()
        for name, content in inputs.items():
            self.keep_input(name, content)
        record.given = given
        self.save()

    def read_input(self, name: str) -> bytes:
        """A file that ``Given`` names, checked against the digest in its name."""
        content = files.read(self.path / INPUTS / name) if Path(name).name == name else b""
        if hashlib.sha256(content).hexdigest() != name.partition(".")[0]:
            raise FolderError(f"{self.path / INPUTS / name} is damaged: take another copy of the folder.")
        return content

    def keep_world(self, contents: Mapping[str, bytes | memoryview]) -> None:
        """Keep files of the world as it stands, named as the arrays of ``messages.WorldMade``, over older ones."""
        for name, content in contents.items():
            files.write(self.path / "world" / WORLD_FILES[name], content)

    def resume(self, run: str) -> tuple[int, list[str]]:
        """What is here of ``run``: the newest item of its stream, and the digests of chunks that need not come."""
        if self.record is None:
            return 0, []
        lost = [chunk for number, chunk in self._numbered() if chunk.complete and not self._is_there(number, chunk)]
        for chunk in lost:
            chunk.complete = False
        after = self.record.seq if run == self.record.run and not lost else 0
        return after, [chunk.digest for chunk in self.record.chunks if chunk.complete]

    def commit_chunk(
        self, chunk: int, key: str, digest: str, first: int, count: int, meta: Mapping[str, float | str] | None = None
    ) -> bool:
        """Note that chunk ``chunk`` is final, with its numbers; False where its frames and points are here already.

        What was here of another content under this number, and all that followed from it, is deleted.
        """
        record = self._begun()
        self._check_position(first + count - 1)
        new = ChunkRecord(key, digest, first, count, meta=dict(meta or {}))
        if chunk < len(record.chunks):
            old = record.chunks[chunk]
            if (old.digest, old.first, old.count) == (digest, first, count):
                old.meta = new.meta
                return not (old.complete and self._is_there(chunk, old))
            self._drop_from(chunk)
        if chunk != len(record.chunks):
            raise FolderError(
                f"Chunk {chunk + 1} came before chunk {len(record.chunks) + 1}: fetch into an empty folder."
            )
        if first:
            files.delete(self._file("exr", first - 1, "exr"))  # its motion is that to the frame after it
        record.chunks.append(new)
        self.save()
        return True

    def add_solved(self, first: int, solved: NDArray[Any], residuals: NDArray[Any]) -> None:
        """Keep where the frames from position ``first`` on were taken from, beside the requested cameras.

        Args:
            first: position in the path of the first of m frames.
            solved: (m, 4, 4), camera to world, OpenCV axes.
            residuals: (m, 3), see ``files.add_solved``.
        """
        self._check_position(first + len(solved) - 1)
        files.add_solved(self.path / "cameras.npz", first, solved, residuals)

    def add_frame(self, index: int, frame: bytes | memoryview, provenance: bytes | memoryview) -> None:
        """Keep the frame at position ``index`` of the path and its provenance, the bytes of a PNG each."""
        self._check_position(index)
        for kind, content in (("frames", frame), ("provenance", provenance)):
            files.write(self._file(kind, index, "png"), content)

    def add_points(self, chunk: int, xyz: NDArray[Any], rgb: NDArray[Any], provenance: NDArray[Any]) -> None:
        """Keep what ``chunk`` adds to the world; that ends the chunk.

        Args:
            chunk: its number, from 0; it was committed before.
            xyz: (p, 3) in Blender's world.
            rgb: (p, 3) uint8.
            provenance: (p,) uint8.
        """
        if chunk >= len(self._begun().chunks):
            raise FolderError(f"Points of chunk {chunk + 1} came before it was committed: fetch into an empty folder.")
        files.write(self._file("points", chunk, "ply"), files.encode_ply(files.make_vertices(xyz, rgb, provenance)))
        record = self._begun().chunks[chunk]
        record.complete = self._is_there(chunk, record)
        if not record.complete:
            self._start_over(f"Frames of chunk {chunk + 1} are missing from {self.path}")
        self.save()

    @property
    def frames_there(self) -> int:
        """How many frames the chunks hold that were committed."""
        return sum(chunk.count for chunk in self._begun().chunks)

    def without_passes(self) -> list[int]:
        """Positions in the path of frames that ``add_passes`` was not called for."""
        return [index for index in range(self.frames_there) if not self._file("exr", index, "exr").is_file()]

    def add_passes(self, index: int, content: bytes | memoryview) -> None:
        """Keep all that is known of the frame at position ``index`` of the path, the bytes of an OpenEXR file."""
        self._check_position(index)
        files.write(self._file("exr", index, "exr"), content)

    def received(self, seq: int) -> None:
        """Note that every item of the run's stream up to ``seq`` is here; it stands on the disk after ``save``."""
        self._begun().seq = seq

    def finish(self, state: RunState = "done", text: str = "") -> None:
        """Write ``points.ply`` from the chunks that are here, and note how the run ended."""
        record = self._begun()
        whole = [number for number, chunk in self._numbered() if chunk.complete]
        if state == "done" and sum(record.chunks[number].count for number in whole) != record.frames:
            self._start_over(f"The run is done but frames are missing from {self.path}")
        clouds = [files.read_ply(self._file("points", number, "ply")) for number in whole]
        files.write(self.path / "points.ply", files.encode_ply(np.concatenate([np.empty(0, files.VERTEX), *clouds])))
        record.state, record.text = state, text
        self.save()

    def save(self) -> None:
        """Write ``shot.json``."""
        files.write(self.path / "shot.json", msgspec.json.format(msgspec.json.encode(self._begun()), indent=1))

    def frame_path(self, index: int) -> Path:
        """Where the frame at position ``index`` of the path lies, or will lie."""
        return self._file("frames", index, "png")

    def _file(self, kind: str, index: int, suffix: str) -> Path:
        return self.path / kind / f"{int(index) + 1:04d}.{suffix}"

    def _files(self, number: int, chunk: ChunkRecord) -> list[Path]:
        indices = range(chunk.first, chunk.first + chunk.count)
        images = [self._file(kind, index, "png") for kind in ("frames", "provenance") for index in indices]
        return [*images, self._file("points", number, "ply")]

    def _is_there(self, number: int, chunk: ChunkRecord) -> bool:
        return all(path.is_file() for path in self._files(number, chunk))

    def _numbered(self) -> list[tuple[int, ChunkRecord]]:
        return list(enumerate(self._begun().chunks))

    def _drop_from(self, number: int) -> None:
        """Forget chunk ``number`` and all later ones, in the record first."""
        record = self._begun()
        first = record.chunks[number].first
        gone = [path for i, chunk in self._numbered()[number:] for path in self._files(i, chunk)]
        gone += [self._file("exr", index, "exr") for index in range(first, self.frames_there)]
        del record.chunks[number:]
        self.save()
        for path in [*gone, self.path / "points.ply"]:
            files.delete(path)
        files.forget_solved(self.path / "cameras.npz", first)

    def _start_over(self, problem: str) -> NoReturn:
        """What is missing comes the next time."""
        self._begun().seq = 0
        self.save()
        raise FolderError(f"{problem}: fetch the result again.")

    def _begun(self) -> Record:
        if self.record is None:
            raise FolderError(f"Nothing is known of the shot in {self.path} yet.")
        return self.record

    def _check_position(self, index: int) -> None:
        frames = self._begun().frames
        if not 0 <= index < frames:
            raise FolderError(f"Frame {index + 1} came for a path of {frames} frames: update the server or the client.")

    def _check_same(self, shot: Shot, cameras: CameraFile) -> None:
        record = self.record
        if record is None:
            if others := [name for name in files.strange(self.path) if name != UNFINISHED]:
                raise FolderError(f"{self.path} holds other files ({_some(others)}): choose an empty folder.")
            return
        same = (record.name, record.colour_space) == (shot.name, shot.colour_space)
        known = self.path / "cameras.npz"
        if not same or (known.exists() and not cameras.begins_with(files.read_cameras(known))):
            raise FolderError(
                f"{self.path} holds another shot ({record.name!r}): choose an empty folder, or delete it."
            )
        fields = Settings.__struct_fields__
        if changed := [name for name in fields if getattr(record.settings, name) != getattr(shot.settings, name)]:
            raise FolderError(
                f"{self.path} holds this shot with other settings ({', '.join(changed)}): choose another folder."
            )

    def _write_cameras(self, cameras: CameraFile) -> None:
        """Write the path; a file of the same one stays, with all that was found out about it since."""
        path = self.path / "cameras.npz"
        known = files.read_cameras(path) if path.exists() else None
        if known is None or not (len(known.K) == len(cameras.K) and cameras.begins_with(known)):
            files.write(path, cameras.encode())

    def _load(self) -> Record | None:
        path = self.path / "shot.json"
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(files.read(path), type=Record)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise FolderError(f"{path} is damaged ({error}): choose an empty folder.") from error


def _some(names: list[str]) -> str:
    return ", ".join([*names[:3], "..."] if len(names) > 3 else names)
