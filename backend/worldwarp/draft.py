"""The draft profile: the path and its holes in seconds, without any model.

Depth is given for the picture or estimated, and the cache's own later; the scene's is never looked at. Holes are
filled smoothly, in colour and in disparity, and stay marked as filled.
"""

from collections.abc import Sequence

import numpy as np
from worldwarp_protocol.messages import Settings

from .holes import fill_frame
from .nouns import Filled, Floats, Priors, Prompt, Provenance, Report, View

VERSION = "3"


def caption(history: Sequence[View], settings: Settings, report: Report) -> Prompt:  # noqa: ARG001 - a profile's
    """No words: nothing here reads them."""
    return Prompt()


def fill(
    priors: Priors,
    context: Sequence[View],
    prompt: Prompt,  # noqa: ARG001 - a profile's
    settings: Settings,  # noqa: ARG001
    report: Report,
) -> Filled:
    """Fill the holes of the priors frame by frame; the context frames stay as they are."""
    n, height, width = priors.valid.shape
    frames = np.empty((n, height, width, 3), np.uint8)
    depth = np.empty((n, height, width), np.float32)
    provenance = np.where(priors.valid, priors.provenance, np.uint8(Provenance.FILLED))
    for i in range(n):
        report("fill", i, n)
        if i >= len(context) or context[i].known is not None:
            rgb, depth[i] = fill_frame(priors.rgb[i], priors.depth[i], priors.valid[i])
            frames[i] = np.rint(np.clip(rgb, 0, 1) * 255)
        if i < len(context):
            known = np.s_[:] if context[i].known is None else context[i].known
            frames[i][known], provenance[i][known] = context[i].rgb[known], context[i].provenance[known]
            depth[i][known] = _given(context[i])[known]
    return Filled(frames, provenance, depth)


def _given(view: View) -> Floats:
    assert view.depth is not None  # given, the cache's own, or estimated before anything is filled
    return view.depth
