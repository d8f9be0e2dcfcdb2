"""Videos hold what was written: as many frames, at the exact rate, in the same colours."""

from fractions import Fraction

import av
import numpy as np
import pytest
from worldwarp.outputs.video import FORMS, frame_rate, has_encoder, write_video
from worldwarp_protocol.errors import WorldWarpError

PATCHES = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128], [200, 120, 60], [30, 90, 160]],
    np.uint8,
)


def picture(i, height=96, width=160):
    """Patches of flat colour above a smooth ramp that moves with ``i``."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2] = PATCHES[np.arange(width) * len(PATCHES) // width]
    ramp = 40 + 180 * np.arange(width) / width + i
    image[height // 2 :] = ramp[None, :, None]
    return image


def read(path):
    with av.open(path) as file:
        stream = file.streams.video[0]
        context = stream.codec_context
        tags = (context.color_primaries, context.color_trc, context.colorspace, int(context.color_range))
        images = [frame.reformat(format="rgb24", src_colorspace="itu709").to_ndarray() for frame in file.decode(stream)]
        return images, stream.average_rate, context.pix_fmt, tags


@pytest.mark.parametrize("name", ["shot.mp4", "shot.mov", "shot.mkv"])
def test_frames_come_back_in_the_same_colours(tmp_path, name):
    frames = [picture(i) for i in range(12)]
    write_video(tmp_path / name, frames, 24)
    images, rate, pixels, tags = read(tmp_path / name)
    assert len(images) == 12
    assert rate == 24
    assert pixels == "yuv420p"
    assert tags == (1, 1, 1, 1)
    errors = np.stack(images).astype(float) - np.stack(frames)
    assert np.abs(errors).mean() < 2
    centres = (np.arange(len(PATCHES)) * 2 + 1) * 160 // (2 * len(PATCHES))
    assert np.abs(errors[:, 24, centres]).max() <= 3  # flat colour, away from the edges that 4:2:0 softens
    assert np.abs(errors[:, 64:].mean(axis=(0, 1, 2))).max() < 0.7


def test_the_exact_rate_is_written(tmp_path):
    write_video(tmp_path / "shot.mp4", (picture(i) for i in range(8)), 23.976)
    assert read(tmp_path / "shot.mp4")[1] == Fraction(24000, 1001)
    assert frame_rate(29.97) == Fraction(30000, 1001)
    assert frame_rate(59.94) == Fraction(60000, 1001)
    assert frame_rate(25) == 25
    assert frame_rate(12.5) == Fraction(25, 2)


def test_odd_sizes_keep_their_picture(tmp_path):
    frames = [picture(i, 95, 161) for i in range(3)]
    write_video(tmp_path / "shot.mp4", frames, 24)
    images = np.stack(read(tmp_path / "shot.mp4")[0])
    assert images.shape == (3, 96, 162, 3)
    assert np.abs(images[:, :95, :161].astype(float) - np.stack(frames)).mean() < 3


def test_a_video_that_breaks_off_leaves_the_old_one(tmp_path):
    path = tmp_path / "shot.mp4"
    write_video(path, [picture(0)], 24)
    before = path.read_bytes()

    def breaks():
        yield picture(1)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_video(path, breaks(), 24)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_may_be_read_by_whom_the_frames_may(tmp_path):
    write_video(tmp_path / "shot.mp4", [picture(0)], 24)
    (tmp_path / "frame.png").write_bytes(b"")
    assert (tmp_path / "shot.mp4").stat().st_mode == (tmp_path / "frame.png").stat().st_mode


def test_no_frames_is_said(tmp_path):
    assert has_encoder()
    with pytest.raises(WorldWarpError, match=r"no frame"):
        write_video(tmp_path / "shot.mp4", [], 24)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("form", "tag", "pixels", "error"),
    [("prores", "apch", "yuv422p10le", 1.5), ("prores4444", "ap4h", "yuv444p12le", 1.0)],
)
def test_prores_is_what_editors_expect(tmp_path, form, tag, pixels, error):
    frames = [picture(i) for i in range(5)]
    path = tmp_path / f"shot{FORMS[form].container}"
    write_video(path, frames, 23.976, form)
    images, rate, found, tags = read(path)
    assert (len(images), rate, found) == (5, Fraction(24000, 1001), pixels)  # 4444 is decoded at 12 bits
    assert tags == (1, 1, 1, 1)
    with av.open(path) as file:
        assert file.streams.video[0].codec_context.codec_tag == tag
    assert np.abs(np.stack(images).astype(float) - np.stack(frames)).mean() < error


def test_ffv1_keeps_every_bit(tmp_path):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (95, 161, 3), dtype=np.uint8) for _ in range(4)]
    write_video(tmp_path / "shot.mkv", frames, 29.97, "ffv1")
    with av.open(tmp_path / "shot.mkv") as file:
        stream = file.streams.video[0]
        context = stream.codec_context
        assert stream.average_rate == Fraction(30000, 1001)
        found = [(frame.to_ndarray(format="rgb24"), frame.key_frame) for frame in file.decode(stream)]
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 13, 0, 2)
    assert all(key for _, key in found)
    np.testing.assert_array_equal([image for image, _ in found], frames)
