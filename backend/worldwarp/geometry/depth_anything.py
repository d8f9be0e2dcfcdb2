"""Depth Anything V2 Small: disparity of single pictures, free for commercial use (Apache-2.0), without cameras.

The network is the one in transformers, an optional package; its weights are looked for on this machine only. Torch-free
until ``load``.
"""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..cameras.sizes import Size
from ..nouns import Bytes, Estimate, Floats, Source
from ..store import default_root
from .sizing import Crop, read_at_picture

REPOSITORY = "depth-anything/Depth-Anything-V2-Small-hf"
FILES = ("config.json", "model.safetensors")

SHORT_SIDE, PATCH = 518, 14
"""What the network was trained with."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
"""Of the pictures it was trained with, by channel."""

SKY = 0.01
"""Disparity below this part of the picture's median is sky."""


def folder() -> Path | None:
    """Where its two files are: beside the store, or in the cache of Hugging Face's tools. None where they are not."""
    own = default_root().parent / "weights" / REPOSITORY.split("/")[1]
    if all((own / name).is_file() for name in FILES):
        return own
    if importlib.util.find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(REPOSITORY, name) for name in FILES]
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths[0].parent if len(paths) == len(FILES) else None


def missing() -> str:
    """One sentence, empty where nothing is missing."""
    if importlib.util.find_spec("transformers") is None:
        return "The package transformers is missing; install it with: pip install 'worldwarp[depth]'."
    if folder() is None:
        return (
            f"Its weights {REPOSITORY} (model.safetensors, 0.1 GB, Apache-2.0) are not here; "
            f"get them with `worldwarp weights get depth-anything`, or put {' and '.join(FILES)} into "
            f"{default_root().parent / 'weights' / REPOSITORY.split('/')[1]}."
        )
    return ""


def digest() -> str:
    """SHA-256 over its files; call it only where nothing is ``missing``."""
    place = folder()
    assert place is not None
    stamps = tuple((place / name).stat().st_mtime_ns for name in FILES)
    return _digest(place, stamps)


@cache
def _digest(place: Path, stamps: tuple[int, ...]) -> str:  # noqa: ARG001 - read again only where a file has changed
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(hashlib.sha256((place / name).read_bytes()).digest())
    return digest.hexdigest()


def load() -> Source:
    """The source with the weights that are here; call it only where nothing is ``missing``."""
    import torch
    from transformers import DepthAnythingForDepthEstimation

    place = folder()
    assert place is not None
    pretrained = DepthAnythingForDepthEstimation.from_pretrained
    network: Any = pretrained(place, local_files_only=True, use_safetensors=True)
    return source(network.to("cuda" if torch.cuda.is_available() else "cpu"))


def source(network: Any, short_side: int = SHORT_SIDE) -> Source:
    """``network`` (a ``DepthAnythingForDepthEstimation``) asked picture by picture."""
    import torch

    network = network.eval().requires_grad_(False)

    def estimate(frames: Bytes, K: NDArray[np.float64] | None) -> Estimate:  # noqa: ARG001 - a source's signature
        depths = []
        for frame in frames:
            pixels = torch.from_numpy(network_input(frame, short_side))[None].to(network.device)
            with torch.no_grad():
                disparity = network(pixel_values=pixels).predicted_depth[0].float().cpu().numpy()
            depths.append(depth_of(disparity, (frame.shape[1], frame.shape[0])))
        depth = np.stack(depths)
        return Estimate(depth, np.ones_like(depth), affine=True)

    return estimate


def network_input(picture: Bytes, short_side: int = SHORT_SIDE) -> Floats:
    """What the network is given of a picture (H, W, 3): (3, h, w), at ``input_size``, normalised as in training."""
    size = input_size((picture.shape[1], picture.shape[0]), short_side)
    resized = Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.BICUBIC)
    pixels = np.asarray((np.asarray(resized) / 255 - MEAN) / DEVIATION, np.float32)
    return np.moveaxis(pixels, -1, 0).copy()


def input_size(picture: Size, short_side: int = SHORT_SIDE) -> Size:
    """The size nearest to the picture's own at which one side is ``short_side``, in whole patches, as in training.

    Rounding to patches stretches a picture by up to 1.4 % on one side; each pixel keeps its place in the picture.
    """
    scale = min((short_side / side for side in picture), key=lambda factor: abs(1 - factor))
    width, height = (max(round(scale * side / PATCH), 1) * PATCH for side in picture)
    return width, height


def depth_of(disparity: Floats, picture: Size) -> Floats:
    """Depth (H, W) at the picture's size of the network's disparity (h, w); its median is 1, inf is sky.

    The disparity has no unit of its own, and a shift that is taken for none.
    """
    height, width = disparity.shape
    solid = disparity > SKY * max(float(np.median(disparity)), 1e-6)
    depth = np.where(solid, 1 / np.where(solid, disparity, 1), np.nan).astype(np.float32)
    depth /= np.float32(np.nanmedian(depth) if solid.any() else 1)
    at_picture = read_at_picture(depth, Crop(picture, (width, height), 0, 0, width, height))
    return np.where(np.isnan(at_picture), np.float32(np.inf), at_picture)
