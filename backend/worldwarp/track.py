"""``worldwarp cameras from-video``: the path of the camera that filmed a clip."""

import argparse
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from worldwarp_protocol import files

from .cameras import Cameras
from .geometry import sources, video
from .nouns import Bytes, Floats
from .outputs.clips import read_clip
from .outputs.pictures import check_ending
from .store import default_root


def command(arguments: Sequence[str]) -> int:
    """Estimate a path, write it to a file and say what it is."""
    options = _parser().parse_args(arguments)
    check_ending("out", options.out, ".npz")
    clip = read_clip(options.clip, options.every, video.LONG_SIDE)
    sources.check("ttt3r")
    speed = options.speed / options.every
    video.check_retiming(len(clip.frames), speed, options.scale)
    cameras, confidence = kept_path(clip.frames, clip.fps, "ttt3r", options.store or default_root())
    cameras, confidence = video.retimed(video.at_size(cameras, clip.size), confidence, speed, options.scale)
    write(options.out, cameras, confidence)
    focal, length = cameras.K[0, 0, 0], np.linalg.norm(np.diff(cameras.centres, axis=0), axis=1).sum()
    print(
        f"{len(cameras)} cameras in {options.out}: focal length {focal:.0f} px, {length:.3g} units long, "
        f"confidence {confidence.min():.2f} to {confidence.max():.2f}."
    )
    return 0


def kept_path(frames: Bytes, fps: float, name: str, store: Path) -> tuple[Cameras, Floats]:
    """``estimate_path`` by the source ``name``, from the disk where the same frames were looked at before."""
    size = frames.shape[2], frames.shape[1]
    from .engines.compute import numerics  # torch

    path = store / "derived" / path_key(frames, name, numerics()) / "path.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            K, poses, confidence = (found[part] for part in ("K", "camera_to_world", "confidence"))
        return Cameras(K, poses, *size, np.arange(1, len(K) + 1), fps), confidence
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, BadZipFile):
        print(f"Note: {path} is damaged; the path is estimated again.", file=sys.stderr)
    print(f"Looking at {len(frames)} frames.", file=sys.stderr)
    cameras, confidence = video.estimate_path(frames, sources.load(name), fps)
    buffer = io.BytesIO()
    np.savez(buffer, K=cameras.K, camera_to_world=cameras.camera_to_world, confidence=confidence)
    files.write(path, buffer.getvalue())
    return cameras, confidence


def path_key(frames: Bytes, name: str, numerics: str) -> str:
    """Digest of all that changes a path: frames (n, H, W, 3), the source's code and weights, ours, what computes."""
    about = json.dumps([video.VERSION, sources.recipe(name), numerics, frames.shape])
    digest = hashlib.sha256(about.encode())
    digest.update(np.ascontiguousarray(frames).data)
    return digest.hexdigest()


def write(path: Path, cameras: Cameras, confidence: Floats) -> None:
    """Write a ``cameras.npz`` that holds the ``confidence`` (n,) of each camera too."""
    c = cameras
    file = files.CameraFile.of(c.K, c.camera_to_world, c.frame, c.width, c.height, c.fps)
    buffer = io.BytesIO()
    np.savez(buffer, **file.arrays, confidence=confidence)
    files.write(path, buffer.getvalue())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp cameras", description="Paths from elsewhere.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    clip = kinds.add_parser("from-video", help="the path of the camera that filmed a clip (by TTT3R)")
    clip.add_argument("clip", type=Path, help="video file; one shot, without cuts")
    clip.add_argument("--out", type=Path, default=Path("cameras.npz"), help="(cameras.npz)")
    clip.add_argument("--every", type=int, default=1, help="look at every so many frames only (1)")
    clip.add_argument("--speed", type=float, default=1.0, help="2 is twice as fast, in half as many frames (1)")
    clip.add_argument("--scale", type=float, default=1.0, help="that distances are multiplied by (1)")
    clip.add_argument("--store", type=Path, help="where estimated paths are kept; none is estimated twice")
    return parser
