"""A camera that comes back finds the place as it left it: through the real store, jobs, cache and selection."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worldwarp.engines import jobs
from worldwarp.geometry.overlap import overlap_scale
from worldwarp.nouns import Estimate, Provenance
from worldwarp.store import Store
from worldwarp_protocol.messages import Settings

from . import out_and_back as walks
from .geometry.estimates import dolly, known

PATH = walks.there_and_back(69, 110, 64, 48)


def settings(memory_frames: int) -> Settings:
    return Settings(chunk_frames=13, cache_steps=10, memory_frames=memory_frames)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least", "gain"), [("oracle", 23, 4), ("draft", 38, 8)])
def test_a_place_seen_only_on_the_way_out_is_found_again(tmp_path: Path, name: str, least: float, gain: float) -> None:
    psnr = {}
    for most in (0, 12):
        asked, store = walks.shot(PATH, settings(most)), Store(tmp_path / str(most))
        frames, histories = walks.walk(asked, store, walks.fills(PATH)[name])
        found = walks.repeated(PATH, frames, 2)
        assert len(found) > 12
        psnr[most] = float(np.median(list(found.values())))
        assert any(0 < i < len(PATH) // 2 for history in histories[-2:] for i in history) == bool(most)
        assert (histories[-1][0] == 0) == bool(most)
        assert max(map(len, histories)) <= 13 + most
    assert psnr[12] > max(least, psnr[0] + gain), psnr


@pytest.mark.slow
def test_a_resumed_walk_remembers_the_same(tmp_path: Path) -> None:
    asked, fill = walks.shot(PATH, settings(12)), walks.fills(PATH)["draft"]
    whole, histories = walks.walk(asked, Store(tmp_path), fill)
    done = jobs.committed(asked, Store(tmp_path), "walk")
    jobs._thumbnail.cache_clear()
    for count in (3, len(histories) - 1):  # another process has read nothing yet
        job = jobs.make_job(asked, Store(tmp_path), done[:count], "walk")
        assert job
        assert [view.index for view in job.history] == histories[count]
        assert job.key == done[count].key
    assert len(whole) == len(PATH)


def test_old_memory_holds_the_scale_that_recent_frames_have_lost() -> None:
    """Recent depth is 4 % too large; an estimate of all of it follows the older frames."""
    cameras = dolly(27, 0.01, width=48, height=32)
    views = known(cameras, provenance=Provenance.GENERATED)
    estimate = Estimate(np.stack([view.depth for view in views]), np.ones((27, 32, 48), np.float32))
    recent = [replace(view, index=200 + view.index, depth=view.depth * np.float32(1.04)) for view in views[12:]]
    alone, _ = overlap_scale(Estimate(estimate.depth[12:], estimate.confidence[12:]), recent)
    both, _ = overlap_scale(estimate, [*views[:12], *recent])
    picture = [replace(view, provenance=np.full_like(view.provenance, Provenance.PICTURE)) for view in views[:1]]
    best, _ = overlap_scale(estimate, [*picture, *views[1:12], *recent])
    assert alone
    assert both
    assert best
    assert np.exp(alone.value) == pytest.approx(1.04, abs=1e-3)
    assert np.exp(both.value) == pytest.approx(1, abs=0.01)
    assert np.exp(best.value) == pytest.approx(1, abs=0.005)
    assert best.variance < both.variance < alone.variance
