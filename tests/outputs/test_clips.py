"""Videos are read as their player shows them."""

import struct

import numpy as np
import pytest
from worldwarp.outputs import clips
from worldwarp.outputs.clips import read_clip
from worldwarp.outputs.video import write_video
from worldwarp_protocol.errors import InvalidShot


def halves(width, height, count=7):
    """Frames whose left half brightens and whose upper right quarter is red."""
    frames = np.zeros((count, height, width, 3), np.uint8)
    for i, frame in enumerate(frames):
        frame[:, : width // 2] = 20 + 30 * i
        frame[: height // 2, width // 2 :, 0] = 220
    return frames


@pytest.fixture
def video(tmp_path):
    write_video(tmp_path / "clip.mp4", halves(96, 64), 24000 / 1001)
    return tmp_path / "clip.mp4"


def test_frames_come_in_order_at_their_size(video):
    clip = read_clip(video)
    assert clip.frames.shape == (7, 64, 96, 3)
    assert clip.size == (96, 64)
    assert clip.fps == pytest.approx(24000 / 1001)
    assert np.abs(clip.frames.astype(int) - halves(96, 64)).mean() < 6


def test_every_so_many_frames_and_smaller(video):
    clip = read_clip(video, every=3, long_side=48)
    assert clip.frames.shape == (3, 32, 48, 3)
    assert clip.size == (96, 64)
    assert np.abs(clip.frames[:, 16, 12, 0].astype(int) - [20, 110, 200]).max() < 8


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_phone_s_clip_is_turned_upright(video, angle):
    """The matrix in the track's header says how a player turns it (ISO 14496-12, 8.3.2), here clockwise."""
    a, b = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[angle]
    content = bytearray(video.read_bytes())
    place = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    struct.pack_into(">9i", content, place, a * one, b * one, 0, -b * one, a * one, 0, 0, 0, 1 << 30)
    video.write_bytes(content)
    clip = read_clip(video)
    wanted = np.rot90(halves(96, 64), -angle // 90, axes=(1, 2))
    assert clip.frames.shape == wanted.shape
    assert clip.size == wanted.shape[2:0:-1]
    assert np.abs(clip.frames.astype(int) - wanted).mean() < 6


def test_what_is_no_clip_is_refused(tmp_path, video, monkeypatch):
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "cut.mp4").write_bytes(video.read_bytes()[:200])
    for name in ("absent.mp4", "text.mp4", "cut.mp4"):
        with pytest.raises(InvalidShot, match=name):
            read_clip(tmp_path / name)
    with pytest.raises(InvalidShot, match="every"):
        read_clip(video, every=0)
    monkeypatch.setattr(clips, "MAX_FRAMES", 3)
    with pytest.raises(InvalidShot, match="--every 2"):
        read_clip(video)
    assert len(read_clip(video, every=3).frames) == 3
