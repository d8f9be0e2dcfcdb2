"""What Generate will keep of the takes that are there, and what the rest will take. Needs the protocol, not Blender.

A forecast: a render is taken to give the same picture, and the server to have kept what it made. What it says when the
shot is submitted counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.messages import Override, Settings
from worldwarp_protocol.results import INPUTS, ChunkRecord, Record, ResultFolder

from .ranges import Range, cut

CLOSE = 1e-5
"""By how much cameras that are the same may differ, of their distance from the origin: Blender computes in 32 bits."""

BESIDE = "seconds_caption"
"""Goes on while geometry is read: it takes no time of its own."""

WORDS = {"profile": "quality", "sigma": "freedom", "width": "size", "height": "size", "far": "where sky begins"}
"""What the panel calls settings whose names here are others."""

FILES = {"picture": "another picture", "depth": "another depth file", "mask": "other masks", "sky": "other masks"}
"""What the panel calls it where a file that a shot is made of is another one."""


@dataclass(frozen=True)
class Wish:
    """A shot as Generate would send it; the cameras at the size of the picture, ``masks`` by the names of arrays.

    ``files``: notes of the files that it is made of, as ``Given`` has them; {} where it is rendered.
    """

    settings: Settings
    overrides: tuple[Override, ...]
    cameras: files.CameraFile
    masks: frozenset[str]
    files: dict[str, str] = field(default_factory=dict)

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
    return Take(folder, record, given, (given or files.read_cameras(folder / "cameras.npz")).frame)


# What is kept


def kept(take: Take, wish: Wish) -> tuple[int, str]:
    """How many ranges of ``wish`` are those of ``take``, and what differs in the one after them ("": it ends there)."""
    if take.cameras is None or take.record.given is None:
        return 0, ""
    moved = _moved(wish.cameras, take.cameras)
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


def _moved(mine: files.CameraFile, theirs: files.CameraFile) -> np.ndarray:
    """Which cameras are elsewhere, or have another lens: (n,) bool, of the positions that both have."""
    count = min(len(mine.frame), len(theirs.frame))
    new, old = mine.camera_to_world[:count], theirs.camera_to_world[:count]
    close = CLOSE * np.maximum(1.0, np.abs(old).max(axis=(1, 2)))
    lens = np.isclose(mine.K[:count], theirs.K[:count], rtol=CLOSE).all(axis=(1, 2))
    return (np.abs(new - old).max(axis=(1, 2)) > close) | ~lens


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
    """Whether the files of ``wish`` are known to be those of ``take``, which was not told apart from it otherwise."""
    given = take.record.given if take else None
    return given is not None and "picture" in wish.files and wish.files.keys() <= given.files.keys()


def best(takes: Sequence[Take], wish: Wish) -> tuple[Take | None, int, str]:
    """The take that most is kept of, how many ranges, and what differs after them.

    Of equals the longest, and of those the newest.

    Args:
        takes: the newest first.
    """
    found = [(take, *kept(take, wish)) for take in takes]
    return max(found, key=lambda one: (one[1], len(one[0].made)), default=(None, 0, ""))


# What the rest takes


def seconds(takes: Sequence[Take], settings: Settings, pixels: int, new: Sequence[Range]) -> float | None:
    """About how long the ranges ``new`` will take, by what the same profile took; None where it never ran.

    Args:
        pixels: of one frame, as generated.
    """
    units: dict[str, list[float]] = {}
    for take in takes:
        if take.record.settings.profile == settings.profile:
            for chunk, done in zip(take.made, take.ranges, strict=False):
                for stage, spent in _stages(chunk).items():
                    work = _work(stage, take.record.settings, take.pixels, done)
                    units.setdefault(stage, []).append(spent / work)
    if not units:
        return None
    return sum(median(unit) * _work(stage, settings, pixels, one) for stage, unit in units.items() for one in new)


def _stages(chunk: ChunkRecord) -> dict[str, float]:
    numbers = {name: value for name, value in chunk.meta.items() if name.startswith("seconds_") and name != BESIDE}
    return {name: value for name, value in numbers.items() if isinstance(value, float)}


def _work(stage: str, settings: Settings, pixels: int, one: Range) -> float:
    """How much a stage has to do, in no unit: time goes with it."""
    if stage == "seconds_between":
        return pixels * one.count
    passes = settings.diffusion.steps * (1 + (settings.diffusion.guidance != 1))
    heavy = stage == "seconds_fill" and settings.profile != "draft"
    return pixels * len(one.seen) / settings.every * (passes if heavy else 1)


@dataclass(frozen=True)
class Memory:
    """The most memory that was used: bytes, of the GPU or of the machine, at a size in pixels."""

    bytes: float
    gpu: bool
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


def memory(takes: Sequence[Take], profile: str, width: int, height: int) -> Memory | None:
    """The most that ``profile`` will use at that size; None where it never ran.

    What it used there, else what goes with the pixels by the two sizes that are nearest; where only one is known, as it
    was there.
    """
    most: dict[tuple[int, int], Memory] = {}
    for take in takes:
        record = take.record
        for chunk in take.made if record.settings.profile == profile else ():
            gpu = "peak_gpu_bytes" in chunk.meta
            used = chunk.meta.get("peak_gpu_bytes" if gpu else "peak_bytes")
            size = record.width, record.height
            if isinstance(used, float) and (size not in most or used > most[size].bytes):
                most[size] = Memory(used, gpu, *size)
    near = sorted(most.values(), key=lambda one: abs(one.pixels - width * height))[:2]
    if len(near) < 2 or near[0].pixels in (width * height, near[1].pixels) or near[0].gpu != near[1].gpu:
        return near[0] if near else None
    slope = (near[1].bytes - near[0].bytes) / (near[1].pixels - near[0].pixels)
    used = near[0].bytes + max(0.0, slope) * (width * height - near[0].pixels)
    return Memory(used, near[0].gpu, width, height)


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
