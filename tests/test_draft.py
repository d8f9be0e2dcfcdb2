"""The draft profile: context stays, the rest is filled and marked."""

import numpy as np
from worldwarp.draft import fill
from worldwarp.nouns import Priors, Prompt, Provenance, View
from worldwarp_protocol.messages import Settings


def test_context_frames_stay_the_true_ones_and_holes_are_marked() -> None:
    n, h, w = 3, 16, 32
    rng = np.random.default_rng(2)
    valid = np.ones((n, h, w), bool)
    valid[1:, :, :8] = False
    depth, provenance = np.full((n, h, w), 3, np.float32), np.zeros((n, h, w), np.uint8)
    priors = Priors(rng.random((n, h, w, 3), np.float32), valid, depth, provenance, valid.astype(np.float32))
    given = rng.integers(0, 255, (h, w, 3), np.uint8)
    context = [View(0, given, np.full((h, w), 2, np.float32), np.full((h, w), Provenance.PICTURE, np.uint8))]
    filled = fill(priors, context, Prompt(), Settings(), lambda *_, **__: None)
    np.testing.assert_array_equal(filled.frames[0], given)
    assert filled.depth is not None
    np.testing.assert_array_equal(filled.depth[0], 2)
    assert (filled.provenance[1:, :, :8] == Provenance.FILLED).all()
    assert (filled.provenance[1:, :, 8:] == Provenance.PICTURE).all()
