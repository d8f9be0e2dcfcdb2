"""``gaussians.splat``: a Gaussian scene in the 32 bytes a Gaussian of web viewers (antimatter15/splat).

Position and scale, three 32-bit floats each (world units, not logarithms); colour and opacity, four bytes;
the quaternion wxyz, four bytes, 128 is 0. The largest and most opaque come first: viewers draw while they load.
"""

import numpy as np

from .gaussians import PROPERTIES, SH_C0

SPLAT = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])


def encode_splat(ply: bytes) -> bytes:
    """The scene of a ``gaussians.ply`` (``encode_gaussians``) as a ``.splat``."""
    body = np.frombuffer(ply.partition(b"end_header\n")[2], "<f4").reshape(-1, len(PROPERTIES)).astype(np.float64)
    means, _, harmonic, logit, logarithm, turned = np.split(body, np.cumsum([3, 3, 3, 1, 3]), axis=1)
    opacity, scale = 1 / (1 + np.exp(-logit)), np.exp(logarithm)
    table = np.empty(len(body), SPLAT)
    table["position"], table["scale"] = means, scale
    rgba = np.concatenate([0.5 + SH_C0 * harmonic, opacity], axis=1) * 255
    unit = turned / np.linalg.norm(turned, axis=1, keepdims=True)
    for name, values in (("rgba", rgba), ("rotation", unit * 128 + 128)):
        table[name] = np.rint(np.clip(values, 0, 255))
    order = np.argsort(-scale.prod(1) * opacity[:, 0], kind="stable")
    return table[order].tobytes()
