"""What Generate will keep of the takes that are there. Needs the protocol, not Blender.

A forecast: a new render is taken to give the same picture, and the server to have kept what it made. What it says when
the shot is submitted counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import msgspec
import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.messages import Override, Settings
from worldwarp_protocol.results import INPUTS, ChunkRecord, Record, ResultFolder

from . import shifts
from .ranges import Range, cut

WORDS = {"profile": "quality", "sigma": "freedom", "width": "size", "height": "size", "far": "where sky begins"}
"""What the panel calls settings whose names here are others."""

FILES = {"picture": "another picture", "depth": "another depth file", "mask": "other masks", "sky": "other masks"}
"""What the panel calls it where a file that a shot is made of is another one."""


@dataclass(frozen=True)
class Wish:
    """A shot as Generate would send it; the cameras at the size of the picture, ``masks`` by the names of arrays.

    ``files``: notes of the files that it is made of, as ``Given`` has them; {} where it is rendered.
    ``picture``: names of picture and depth in ``inputs/`` where those of a take are used again.
    """

    settings: Settings
    overrides: tuple[Override, ...]
    cameras: files.CameraFile
    masks: frozenset[str]
    files: dict[str, str] = field(default_factory=dict)
    picture: tuple[str, ...] = ()

    @property
    def ranges(self) -> tuple[Range, ...]:
        return ranges_of(self.settings, len(self.cameras.frame))


@dataclass(frozen=True)
class Take:
    """A result folder, as far as it is made. ``cameras``: at the size of the picture, None where nobody kept them."""

    folder: Path
    record: Record
    cameras: files.CameraFile | None
    frame: np.ndarray
    changed: int = 0
    """When its ``shot.json`` was written, in nanoseconds."""

    @property
    def ranges(self) -> tuple[Range, ...]:
        return ranges_of(self.record.settings, len(self.frame))

    @property
    def made(self) -> list[ChunkRecord]:
        """Its finished ranges, from the first."""
        chunks = self.record.chunks
        return chunks[: next((i for i, chunk in enumerate(chunks) if not chunk.complete), len(chunks))]

    @property
    def pixels(self) -> int:
        return self.record.width * self.record.height

    @cached_property
    def near(self) -> np.ndarray:
        """Depth of what each of its cameras has nearest, as far as its points tell; all 0 where they do not."""
        names = [self.folder / "points" / f"{index + 1:04d}.ply" for index in range(len(self.made))]
        return shifts.nearest(self.cameras, shifts.some_points(names), self.record.settings.overscan)


def ranges_of(settings: Settings, frames: int) -> tuple[Range, ...]:
    return cut(frames, settings.chunk_frames, settings.context_frames, settings.every) if frames else ()


def read(folder: Path) -> Take | None:
    """The take in ``folder``, read again when its ``shot.json`` has changed; None where it holds none."""
    try:
        return _read(folder, (folder / "shot.json").stat().st_mtime_ns)
    except (OSError, FolderError):
        return None


@lru_cache(maxsize=64)
def _read(folder: Path, changed: int) -> Take | None:
    record = ResultFolder(folder).record
    if record is None:
        return None
    given = record.given and files.read_cameras(folder / INPUTS / record.given.cameras)
    return Take(folder, record, given, (given or files.read_cameras(folder / "cameras.npz")).frame, changed)


# What is kept


def kept(take: Take, wish: Wish) -> tuple[int, str]:
    """How many ranges of ``wish`` are those of ``take``, and what differs in the one after them ("": it ends there)."""
    if take.cameras is None or take.record.given is None:
        return 0, ""
    moved = _moved(take, wish.cameras)
    pairs = zip(wish.ranges, take.ranges, take.made, strict=False)
    for index, (new, old, _) in enumerate(pairs):
        if differs := _difference(take, wish, index, new, old, moved):
            return index, differs
    return min(len(wish.ranges), len(take.made)), ""


def _difference(take: Take, wish: Wish, index: int, new: Range, old: Range, moved: np.ndarray) -> str:
    given, mine, theirs = take.record.given, wish.cameras, take.cameras
    if (mine.width, mine.height) != (theirs.width, theirs.height):
        return "size of the picture"
    if wish.masks != {name for name in ("mask", "sky") if getattr(given, name)}:
        return "masks"
    if other := [name for name, note in wish.files.items() if given.files.get(name, note) != note]:
        return FILES[other[0]]
    if wish.picture and wish.picture != picture_of(take):
        return FILES["picture"]
    chosen = effective(wish.settings, wish.overrides, index)
    before = effective(given.settings, given.overrides, index)
    if changed := [name for name in chosen if chosen[name] != before.get(name)]:
        return WORDS.get(changed[0], changed[0].replace("_", " "))
    if new.seen[0] != old.seen[0]:
        return "frames"
    both = np.array(sorted(set(new.seen) & set(old.seen)))
    if moved[both].any():
        return f"camera at frame {int(mine.frame[both[moved[both]][0]])}"
    return "" if new == old else "length of the walk"


def _moved(take: Take, cameras: files.CameraFile) -> np.ndarray:
    """Which cameras show another picture than the take's: (n,) bool, of the positions that both have.

    The take's are those that it was made with, so what is kept again and again never drifts.
    """
    same = shifts.close(take.cameras, cameras)
    if same.all():
        return ~same
    record, near = take.record, take.near[: len(same)]
    scale = max(record.width / cameras.width, record.height / cameras.height)
    shift = scale * shifts.bound(take.cameras, cameras, near, record.settings.overscan)
    return np.where(near > 0, shift > shifts.SHIFT, ~same)


def settled(take: Take | None, wish: Wish, count: int) -> files.CameraFile:
    """The cameras of ``wish``, those of the ``count`` ranges that are kept to the last bit as ``take`` has them."""
    mine = wish.cameras
    if take is None or not count:
        return mine
    seen, K, poses = _seen(wish, count), mine.K.copy(), mine.camera_to_world.copy()
    K[seen], poses[seen] = take.cameras.K[seen], take.cameras.camera_to_world[seen]
    return files.CameraFile.of(K, poses, mine.frame, mine.width, mine.height, mine.fps)


def nudged(take: Take | None, wish: Wish, count: int) -> bool:
    """Whether cameras of the ``count`` ranges that are kept are a little off those of ``take``."""
    if take is None or not count:
        return False
    return not shifts.close(take.cameras, wish.cameras)[_seen(wish, count)].all()


def still(take: Take, wish: Wish) -> set[int]:
    """Frames of the timeline at which the camera is where it is in ``take``."""
    same = shifts.close(take.cameras, wish.cameras)
    return {int(frame) for frame in wish.cameras.frame[: len(same)][same]}


def _seen(wish: Wish, count: int) -> list[int]:
    """Positions of the cameras that the first ``count`` ranges are made with."""
    return sorted({position for one in wish.ranges[:count] for position in one.seen})


def effective(settings: Settings, overrides: Iterable[Override], index: int) -> dict[str, object]:
    """What counts for the range at ``index``, by name, its override included; as the server's recipe has it."""
    found = msgspec.structs.asdict(settings)
    diffusion = msgspec.structs.asdict(found.pop("diffusion"))
    found |= {} if settings.profile == "draft" else diffusion
    for override in overrides:
        if override.chunk == index:
            changes = msgspec.structs.asdict(override)
            found |= {name: changes[name] for name in found if changes.get(name) is not None}
    unused = {"memory_frames", "ease_frames"} if index == 0 else set()
    unused |= {"ease_frames"} if settings.profile == "draft" or settings.every != 1 else set()
    return {name: value for name, value in found.items() if name not in unused}


def same_picture(take: Take | None, wish: Wish) -> bool:
    """Whether the picture of ``wish`` is known to be that of ``take``, which was not told apart from it otherwise."""
    given = take.record.given if take else None
    if given is not None and wish.picture:
        return wish.picture == picture_of(take)
    return given is not None and "picture" in wish.files and wish.files.keys() <= given.files.keys()


def pictured(take: Take, camera: files.CameraFile, colour_space: str) -> bool:
    """Whether a client rendered the picture of ``take``, from where ``camera`` is at the first frame, of its size."""
    record, theirs = take.record, take.cameras
    given = record.given
    if given is None or theirs is None or not record.run or "picture" in given.files:
        return False
    if not given.depth or len(given.pictures) != 1 or given.distortion or record.colour_space != colour_space:
        return False
    if (theirs.width, theirs.height, theirs.frame[0]) != (camera.width, camera.height, camera.frame[0]):
        return False
    there = all((take.folder / INPUTS / name).is_file() for name in picture_of(take))
    return there and not _moved(take, camera)[0]


def picture_of(take: Take | None) -> tuple[str, ...]:
    """Names of picture and depth in its ``inputs/``, which are digests of what they hold; () of no take."""
    return (*take.record.given.pictures, *take.record.given.depth) if take else ()


def best(takes: Sequence[Take], wish: Wish) -> tuple[Take | None, int, str]:
    """The take that most is kept of, how many ranges, and what differs after them.

    Of equals the longest, and of those the newest.

    Args:
        takes: the newest first.
    """
    found = [(take, *kept(take, wish)) for take in takes]
    return max(found, key=lambda one: (one[1], len(one[0].made)), default=(None, 0, ""))


# The list


@dataclass(frozen=True)
class Row:
    """A range of the walk, as the list shows it.

    Args:
        first, last: frames of the timeline.
        state: ``kept`` and will be; ``again``: there, but made anew by Generate; ``new``; and of a run: ``done``,
            ``working``, ``waiting``.
        chosen: the settings that it was made with, or will be.
        meta: its numbers, of the last time that it was made.
        picture: its first frame, where there is one.
    """

    first: int
    last: int
    state: str
    chosen: dict[str, object]
    meta: dict[str, object]
    picture: Path | None


def planned(wish: Wish, take: Take | None, count: int) -> list[Row]:
    """The ranges of ``wish``, of which ``count`` are kept of ``take``; what it made of others is shown, too."""
    ranges, found = wish.ranges, []
    for index, one in enumerate(ranges):
        chunk = _chunk(take, index, one, wish.cameras.frame)
        state = "kept" if index < count else "again" if chunk else "new"
        given = take.record.given if chunk and take else None
        source = (given.settings, given.overrides) if given else (wish.settings, wish.overrides)
        found.append(_row(one, wish.cameras.frame, state, effective(*source, index), chunk, take))
    return found


def running(take: Take, done: int, working: int | None) -> list[Row]:
    """The ranges of a run, of which ``done`` are final and one is being worked on."""
    given, found = take.record.given, []
    overrides = given.overrides if given else []
    for index, one in enumerate(take.ranges):
        chunk = _chunk(take, index, one, take.frame)
        state = "done" if index < done else "working" if index == working else "waiting"
        chosen = effective(take.record.settings, overrides, index)
        found.append(_row(one, take.frame, state, chosen, chunk, take))
    return found


def _chunk(take: Take | None, index: int, one: Range, frame: np.ndarray) -> ChunkRecord | None:
    """What ``take`` made of the same frames of the timeline."""
    if take is None or index >= len(take.made):
        return None
    same = take.ranges[index].among(take.frame) == one.among(frame)
    return take.made[index] if same else None


def _row(one: Range, frame: np.ndarray, state: str, chosen: dict, chunk: ChunkRecord | None, take: Take | None) -> Row:
    picture = take.folder / "frames" / f"{one.first + 1:04d}.png" if chunk and take else None
    return Row(*one.among(frame), state, chosen, dict(chunk.meta) if chunk else {}, picture)
