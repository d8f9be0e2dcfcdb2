"""What a small VAE loses is put back where the picture is known, and nowhere else."""

import numpy as np
import pytest
import torch
from worldwarp.diffusion.st_diff import detail
from worldwarp.diffusion.vae import decode, encode
from worldwarp.nouns import NoiseMap

from ..weights.tiny import tiny_vae


@pytest.mark.usefixtures("one_thread")
def test_what_is_known_comes_back_as_it_was_and_what_is_blank_is_left_alone() -> None:
    vae = tiny_vae().eval()
    shown = np.random.default_rng(0).random((5, 64, 96, 3), np.float32)
    valid = np.ones((2, 4, 6), bool)
    valid[1, :, 4:] = False
    with torch.no_grad():
        clean = encode(vae, shown)
        seen = np.concatenate(list(decode(vae, clean)))
        added = detail(vae, shown, clean, NoiseMap(np.where(valid, 0, 1).astype(np.float32), valid))
    np.testing.assert_allclose((seen + added)[0], shown[0], atol=1e-5)
    np.testing.assert_allclose((seen + added)[1:, :, :56], shown[1:, :, :56], atol=1e-5)
    assert not added[1:, :, 64:].any()
    faded = added[1:, :, 56:64] / (shown - seen)[1:, :, 56:64]
    assert (np.diff(faded[0, 32, :, 0]) < 0).all()
