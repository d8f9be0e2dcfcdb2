"""What is lost, and saved, where every 2nd or 4th frame is generated? ``python scripts/measure_between.py``

Prints the tables of docs/measurements/README.md. The scene is ray-cast (tests/cache/scene.py), so every frame has its
truth; the loop is the real one, with draft.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "backend"), str(ROOT / "protocol")]

from worldwarp.between import Source, between  # noqa: E402
from worldwarp.cameras import Cameras  # noqa: E402
from worldwarp.cameras.parallax import parallax  # noqa: E402
from worldwarp.cameras.sampling import NEAREST  # noqa: E402
from worldwarp.nouns import Bytes, View  # noqa: E402
from worldwarp.store import Store  # noqa: E402
from worldwarp_protocol.messages import Settings  # noqa: E402

from tests import out_and_back as walks  # noqa: E402
from tests.cache import scene  # noqa: E402

FRAMES = 25


def main() -> int:
    """Measure; returns the exit code."""
    argparse.ArgumentParser(description=__doc__.split("\n\n")[0]).parse_args()
    print("| path | `every` | parallax | rendered | worst | linear | filled | CPU |\n" + "|---" * 8 + "|")
    for reach in (0.25, 0.5, 1.0):
        cameras = scene.path(FRAMES, 240, 160, reach)
        views = [scene.view(cameras, i) for i in range(FRAMES)]
        for every in (2, 4):
            one_by_one(cameras, views, reach, every)
    print("\n| `every` | generated | all frames | those between | worst | CPU |\n" + "|---" * 6 + "|")
    cameras = scene.path(17, 112, 80, 0.35)
    truth = [scene.view(cameras, i).rgb for i in range(17)]
    walk(cameras[:5], 1)  # the kernels are compiled
    for every in (1, 2, 4):
        loop(cameras, truth, every)
    return 0


def one_by_one(cameras: Cameras, views: list[View], reach: float, every: int) -> None:
    """Between true frames: against the truth, beside the mix of the neighbours."""
    moved = every * float(parallax(views[0].depth, cameras, [NEAREST]).max())
    rendered, mixed, filled, spent = [], [], [], 0.0
    for i, before, after in _between(every, FRAMES):
        share = (i - before) / every
        a, b = (Source(views[at], cameras[[at]]) for at in (before, after))
        began = time.process_time()
        rgb, _, _, empty = between(a, b, cameras[[i]], share)
        spent += time.process_time() - began
        rendered.append(_psnr(rgb, views[i].rgb))
        mixed.append(_psnr((1 - share) * a.view.rgb + share * b.view.rgb, views[i].rgb))
        filled.append(empty.mean())
    row = f"{reach:g}", every, f"{moved:.1f} px", f"{np.median(rendered):.1f} dB", f"{min(rendered):.1f} dB"
    rest = f"{np.median(mixed):.1f} dB", f"{np.mean(filled):.2%}", f"{spent / len(filled):.2f} s"
    print(*["", *row, *rest, ""], sep=" | ", flush=True)


def loop(cameras: Cameras, truth: list[Bytes], every: int) -> None:
    """The draft loop with fewer frames generated."""
    began = time.process_time()
    frames = walk(cameras, every)
    spent = time.process_time() - began
    found = [_psnr(frame, true) for frame, true in zip(frames, truth, strict=True)]
    middle = [found[i] for i, *_ in _between(4, len(truth))]  # the same frames in every row
    row = every, len(range(0, len(truth), every)), f"{np.median(found[1:]):.1f} dB", f"{np.median(middle):.1f} dB"
    print(*["", *row, f"{min(middle):.1f} dB", f"{spent:.1f} s", ""], sep=" | ", flush=True)


def walk(cameras: Cameras, every: int) -> list[Bytes]:
    """All frames of a draft run."""
    settings = Settings(chunk_frames=13, context_frames=5, cache_steps=20, every=every)
    with tempfile.TemporaryDirectory() as folder:
        return walks.walk(walks.shot(cameras, settings), Store(Path(folder)), walks.draft.fill)[0]


def _between(every: int, frames: int) -> Iterator[tuple[int, int, int]]:
    for before in range(0, frames - every, every):
        yield from ((before + i, before, before + every) for i in range(1, every))


def _psnr(pixels: np.ndarray, truth: Bytes) -> float:
    return scene.psnr(np.rint(pixels) / 255, truth / 255, np.ones(truth.shape[:2], bool))


if __name__ == "__main__":
    sys.exit(main())
