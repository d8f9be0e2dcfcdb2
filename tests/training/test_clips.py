"""Clips and pools of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from worldwarp.training.clips import HELD_OUT, clip, pool
from worldwarp.training.scenes import scene
from worldwarp_protocol.errors import InvalidShot

SIZE = 3, 16, 24


def test_a_pool_goes_on_where_it_was_cut_off_and_holds_the_clips(tmp_path: Path) -> None:
    class Cut(Exception):
        pass

    def cut(done: int, _: int) -> None:
        if done == 2:
            raise Cut

    with pytest.raises(Cut):
        pool(tmp_path / "pool", 7, 3, *SIZE, report=cut)
    made = []
    kept = pool(tmp_path / "pool", 7, 3, *SIZE, report=lambda done, _: made.append(done))
    assert made == [3]
    assert len(kept) == 3
    for i in range(3):
        direct, read = clip(7 + i, *SIZE), kept[i]
        assert torch.equal(read.rgb, direct.rgb)
        assert torch.equal(read.K, direct.K)
        assert torch.equal(read.camera_to_world, direct.camera_to_world)
        assert torch.equal(read.depth.isinf(), direct.depth.isinf())
        torch.testing.assert_close(read.depth, direct.depth, rtol=2**-11, atol=0)


def test_a_folder_of_other_clips_is_refused(tmp_path: Path) -> None:
    pool(tmp_path, 0, 1, *SIZE)
    with pytest.raises(InvalidShot, match="other clips"):
        pool(tmp_path, 1, 1, *SIZE)


def test_a_pool_ends_where_the_held_out_seeds_begin(tmp_path: Path) -> None:
    with pytest.raises(InvalidShot, match="held out"):
        pool(tmp_path, HELD_OUT - 1, 2, *SIZE)


def test_places_of_held_out_seeds_are_none_of_those_trained_on() -> None:
    trained, held_out = ({scene(first + i).things for i in range(30)} for first in (0, HELD_OUT))
    assert len(trained) == len(held_out) == 30
    assert not trained & held_out


def test_a_clip_has_one_lens_and_the_stated_shapes() -> None:
    made = clip(1, *SIZE)
    assert made.rgb.shape == (3, 16, 24, 3)
    assert made.rgb.dtype == torch.uint8
    assert made.depth.shape == (3, 16, 24)
    assert made.depth.dtype == torch.float32
    assert (made.depth > 0).all()
    assert np.ptp(made.K.numpy(), axis=0).max() == 0
    assert made.camera_to_world.shape == (3, 4, 4)


def test_every_kind_of_place_is_made() -> None:
    assert {scene(seed).kind for seed in range(40)} == {"room", "suite", "corridor", "courtyard"}
