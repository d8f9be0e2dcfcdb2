"""What ranges that are computed will take, by what such ranges took here before. Needs the protocol, not Blender."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from worldwarp_protocol.messages import Settings
from worldwarp_protocol.results import ChunkRecord

from .plan import Take
from .ranges import Range

BESIDE = "seconds_caption"
"""Goes on while geometry is read: it takes no time of its own."""


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
