"""What a finished shot is held against: true cameras, frames and depth, as far as there are any."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from worldwarp_protocol.errors import InvalidShot

from ..cache.loss import ssim
from ..cameras import Cameras
from ..cameras.foreign import in_order
from ..cameras.formats import read_cameras
from ..nouns import Bytes, Floats
from ..outputs.pictures import read_depth, read_picture

PICTURES, DEPTHS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"), (".exr", ".npy")


@dataclass(frozen=True)
class Truth:
    """Files of the truth, in the order of the path."""

    cameras: Cameras | None = None
    frames: tuple[Path, ...] = ()
    depths: tuple[Path, ...] = ()

    def frame(self, i: int) -> Bytes:
        """The true frame (H, W, 3) at position ``i``."""
        return read_picture(self.frames[i])

    def depth(self, i: int) -> Floats | None:
        """Its planar depth (H, W), None where it is not known."""
        return read_depth(self.depths[i]) if i < len(self.depths) else None


def read_truth(path: Path) -> Truth:
    """A ``cameras.npz``, or a folder with any of ``cameras.npz``, ``frames/`` (or frames in it) and ``depth/``.

    Raises:
        InvalidShot: nothing of that is there, or the cameras cannot be read.
    """
    if not path.is_dir():
        return Truth(read_cameras(path))
    cameras = read_cameras(path / "cameras.npz") if (path / "cameras.npz").is_file() else None
    frames = _files(path / "frames", PICTURES) or _files(path, PICTURES)
    if cameras is None and not frames:
        raise InvalidShot("truth", f"{path} holds neither cameras.npz nor frames; give a folder with one of them.")
    return Truth(cameras, frames, _files(path / "depth", DEPTHS))


def psnr(frame: Bytes, truth: Bytes) -> float:
    """In dB, over all pixels of frames (H, W, 3); 100 where they are equal."""
    difference = float(np.square((frame.astype(np.float64) - truth) / 255).mean())
    return float(-10 * np.log10(max(difference, 1e-10)))


def likeness(frame: Bytes, truth: Bytes) -> float:
    """SSIM (Wang et al. 2004) of frames (H, W, 3), the mean over pixels and channels."""
    x, y = (torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1) for image in (frame, truth))
    return float(ssim(x, y).mean())


def _files(folder: Path, kinds: tuple[str, ...]) -> tuple[Path, ...]:
    found = [file for file in folder.glob("*") if file.suffix.lower() in kinds]
    return tuple(found[i] for i in in_order([file.name for file in found])[0])
