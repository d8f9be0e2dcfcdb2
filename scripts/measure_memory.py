"""Does a camera that comes back find the place as it left it? ``python scripts/measure_memory.py``

Prints the tables of docs/measurements/README.md: a path out and back with memory and without, and a long path's working
set. The scene is ray-cast (tests/cache/scene.py), what is invented a stand-in (tests/out_and_back.py).
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "backend"), str(ROOT / "protocol")]

from worldwarp.engines import jobs  # noqa: E402
from worldwarp.engines.compute import peak_bytes  # noqa: E402
from worldwarp.store import Manifest, Store  # noqa: E402
from worldwarp_protocol.messages import Settings  # noqa: E402

from tests import out_and_back as walks  # noqa: E402

DEGREES = 110.0
"""Of the pan, with a lens of 58 degrees: the picture and the turn have nothing in common."""


def main() -> int:
    """Measure; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--frames", type=int, default=201, help="of the path out and back, odd (201)")
    parser.add_argument("--long", type=int, default=1000, help="frames of the long path (1000)")
    parser.add_argument("--only", choices=("back", "long"), help="one of the two tables")
    options = parser.parse_args()
    if options.only != "long":
        out_and_back(options.frames)
    if options.only != "back":
        long(options.long)
    return 0


def out_and_back(frames: int) -> None:
    """PSNR of frame i against frame N - i, over what was seen only on the way."""
    cameras = walks.there_and_back(frames, DEGREES, 96, 64)
    print("| fill | memory | median | worst tenth | frames | history | CPU |\n" + "|---" * 7 + "|")
    for name, fill in walks.fills(cameras).items():
        for most in (0, 12):
            settings = Settings(chunk_frames=25, cache_steps=20, memory_frames=most)
            began = time.process_time()
            with tempfile.TemporaryDirectory() as folder:
                made, histories = walks.walk(walks.shot(cameras, settings), Store(Path(folder)), fill)
            found = list(walks.repeated(cameras, made, 4).values())
            middle, low = np.quantile(found, [0.5, 0.1])
            row = name, most, f"{middle:.1f} dB", f"{low:.1f} dB", len(found), max(map(len, histories))
            print(*["", *row, f"{time.process_time() - began:.0f}", ""], sep=" | ", flush=True)


def long(frames: int) -> None:
    """What a chunk costs at the beginning and at the end of a long path, which pans to and fro."""
    cameras = walks.there_and_back(frames // 5 | 1, DEGREES, 96, 64)
    cameras = replace(cameras[np.resize(np.arange(len(cameras)), frames)], frame=np.arange(frames))
    settings = Settings(chunk_frames=25, cache_steps=2)
    asked, done = walks.shot(cameras, settings), list[Manifest]()
    print("| frames | on disk | history | prepare | compute | now | peak |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        began = time.process_time()
        while job := jobs.make_job(asked, store, done, "walk"):
            prepared = time.process_time() - began
            done.append(jobs.commit(store, job, walks.compute(job, walks.draft.fill)))
            if len(done) in (2, 10, 25, 40) or job.chunk.stop == frames:
                size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
                disk, now, peak = (f"{n / 2**20:.0f} MiB" for n in (size, _resident(), peak_bytes()))
                spent = f"{prepared:.2f} s", f"{time.process_time() - began - prepared:.2f} s"
                print(*["", job.chunk.stop, disk, len(job.history), *spent, now, peak, ""], sep=" | ", flush=True)
            began = time.process_time()


def _resident() -> int:
    """Bytes of memory in use; Linux only, elsewhere the peak."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 if status.exists() else peak_bytes()


if __name__ == "__main__":
    sys.exit(main())
