"""``worldwarp evaluate``: how far a finished shot's cameras, and its frames, are from the truth or from what was asked.

The cameras of the frames are found again from features and depth alone (``estimate``). Where true frames are given,
theirs are found first, by the same means: what is left there is the estimator's own error, its floor.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import FolderError, InvalidShot
from worldwarp_protocol.results import ResultFolder

from .. import terminal
from ..cameras import Cameras
from ..cameras.cameras import Array, inverse
from ..cameras.formats import read_cameras
from ..nouns import Bytes, Floats
from ..outputs.pictures import read_depth, read_picture
from ..store import Store, default_root
from ..world.frames import Frames, committed
from ..world.solved import read_solved
from .estimate import Estimated, estimate
from .poses import compare
from .truth import Truth, likeness, psnr, read_truth

FILE = "evaluation.json"
SUITES = ("procedural",)
COLUMNS = ("R_dist_mean", "R_dist_last", "T_dist_mean", "T_dist_last", "lost")


@dataclass(frozen=True)
class Shot:
    """A finished shot and what it is held against, n frames of each."""

    frames: Frames
    requested: Cameras
    solved: Cameras | None
    truth: Truth

    @property
    def against(self) -> Cameras:
        """The true cameras, or the requested ones where no others are given."""
        return self.truth.cameras or self.requested

    def depth(self, i: int) -> Floats:
        """Of the picture the true one where there is one, else the committed one."""
        true = self.truth.depth(0) if i == 0 else None
        return true if true is not None else self.frames.solid(i)[1]


def command(arguments: Sequence[str]) -> int:
    """Evaluate a result folder; writes ``evaluation.json`` into it and prints a table. Or run a suite."""
    if any(argument.partition("=")[0] == "--suite" for argument in arguments):
        from .suite import command as suite  # it runs the whole loop

        return suite.command(arguments)
    options = _parser().parse_args(arguments)
    shot = read_shot(options.folder, Store(options.store or default_root()), options.truth)
    found = evaluate(shot)
    files.write(options.folder / FILE, json.dumps(found, indent=1, allow_nan=False).encode())
    print(json.dumps(found, indent=1) if options.json else table(found))
    return 0


def read_shot(folder: Path, store: Store, truth: Path | None) -> Shot:
    """A result folder, with as many of the truth's frames as it has.

    Raises:
        FolderError: it is no result folder.
        InvalidShot: the truth does not fit it.
    """
    record = ResultFolder(folder).record
    if record is None:
        raise FolderError(f"{folder} holds no shot: name a folder that was generated into.")
    frames = committed(store, record.chunks)
    n, path = len(frames), folder / "cameras.npz"
    known, solved = read_truth(truth) if truth else Truth(), read_solved(path)
    cameras = _fitting(known.cameras, n) if known.cameras else None
    shot = Shot(frames, read_cameras(path)[:n], solved and solved[:n], Truth(cameras, known.frames[:n], known.depths))
    _check_sizes(shot)
    return shot


def evaluate(shot: Shot) -> dict[str, Any]:
    """Everything that is measured, ready for JSON: numbers over all frames, then frame by frame."""
    generated = _estimated(shot, lambda i: shot.frames.view(i).rgb, shot.depth, len(shot.frames))
    distances = compare(generated.camera_to_world, shot.against.camera_to_world)
    per_frame = {"R_dist": distances.R_dist.tolist(), "T_dist": distances.T_dist.tolist()}
    per_frame |= _residuals(shot, generated) | _quality(shot)
    return {
        "frames": len(shot.frames),
        "against": "true cameras" if shot.truth.cameras else "requested cameras",
        "estimator": "features and PnP",
        "generated": _plain(distances.summary()),
        "floor": _floor(shot),
        "mean": {name: _mean(values) for name, values in per_frame.items()},
        "per_frame": {name: [_plain(value) for value in values] for name, values in per_frame.items()},
    }


def table(found: dict[str, Any]) -> str:
    """What people read."""
    lines = [f"{found['frames']} frames against {found['against']}; R in radians, T in parts of the furthest frame"]
    lines.append(f"{'':12}" + "".join(f"{name:>13}" for name in COLUMNS))
    for name in ("generated", "floor"):
        if row := found[name]:
            lines.append(f"{name:12}" + "".join(f"{_shown(row[column]):>13}" for column in COLUMNS))
    names = {"residual_requested": "px off, requested cameras", "residual_solved": "px off, solved cameras"}
    names |= {"psnr": "dB PSNR", "ssim": "SSIM"}
    lines += [f"{_shown(found['mean'][name])} {text}" for name, text in names.items() if name in found["mean"]]
    return "\n".join(lines)


def _estimated(shot: Shot, frame: Callable[[int], Bytes], depth: Callable[[int], Floats | None], n: int) -> Estimated:
    found = estimate(frame, depth, shot.requested.K[:n], shot.against.camera_to_world[0], terminal.show)
    terminal.wipe()
    return found


def _floor(shot: Shot) -> dict[str, Any] | None:
    """How far the estimator is off on true frames, None where there are none."""
    truth, n = shot.truth, len(shot.truth.frames)
    if n < 2:
        return None
    found = _estimated(shot, truth.frame, lambda i: shot.depth(0) if i == 0 else truth.depth(i), n)
    return dict(_plain(compare(found.camera_to_world, shot.against.camera_to_world[:n]).summary()))


def _residuals(shot: Shot, generated: Estimated) -> dict[str, list[float]]:
    """Median pixels between what the frames show and where cameras see it."""

    def of(cameras: Cameras) -> list[float]:
        start = cameras.camera_to_world[0]
        poses: Array = shot.against.camera_to_world[0] @ inverse(start) @ cameras.camera_to_world
        return [one.residual(K, pose) for one, K, pose in zip(generated.evidence, cameras.K, poses, strict=True)]

    found = {"residual_requested": of(shot.requested)}
    return {**found, "residual_solved": of(shot.solved)} if shot.solved else found


def _quality(shot: Shot) -> dict[str, list[float]]:
    if not shot.truth.frames:
        return {}
    pairs = [(shot.frames.view(i).rgb, shot.truth.frame(i)) for i in range(len(shot.truth.frames))]
    return {"psnr": [psnr(*pair) for pair in pairs], "ssim": [likeness(*pair) for pair in pairs]}


def _fitting(cameras: Cameras, count: int) -> Cameras:
    if len(cameras) < count:
        raise InvalidShot("truth", f"has {len(cameras)} cameras for {count} frames; give one for each frame.")
    return cameras[:count]


def _check_sizes(shot: Shot) -> None:
    wanted = shot.requested.height, shot.requested.width
    for read, paths in ((read_picture, shot.truth.frames), (read_depth, shot.truth.depths[: len(shot.frames)])):
        for path in paths:
            (height, width), (h, w) = wanted, read(path).shape[:2]
            if (h, w) != wanted:
                text = f"{path} is {w} x {h} and the frames are {width} x {height}; render it at their size."
                raise InvalidShot("truth", text)


def _mean(values: Sequence[float]) -> float | None:
    known = np.asarray(values)[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _plain(value: Any) -> Any:
    """The same for JSON, which knows no NaN."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="worldwarp evaluate",
        description="Measure a finished shot, or with --suite procedural the method: see --suite procedural --help.",
    )
    parser.add_argument("folder", type=Path, help="a result folder")
    parser.add_argument(
        "--truth",
        type=Path,
        help="true cameras (.npz), or a folder with any of cameras.npz, frames/ and depth/",
    )
    parser.add_argument("--store", type=Path, help="where its chunks are kept")
    parser.add_argument("--json", action="store_true", help="print evaluation.json instead of a table")
    return parser
