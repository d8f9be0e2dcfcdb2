"""Frames at the picture's size are nearer to the truth than an upscaler's where the picture is seen."""

import dataclasses

import numpy as np
import pytest
from worldwarp.cameras.sizes import frame_cameras, frame_picture, resample_depth, resample_picture
from worldwarp.nouns import Provenance
from worldwarp.outputs import plate
from worldwarp.outputs.exr import Passes
from worldwarp.outputs.sampling import cubic

from tests.cache import scene

WIDTH, HEIGHT = 480, 320
MARGIN = 2.5
"""dB above Lanczos in what the picture saw."""


def bytes_of(rgb):
    return np.rint(rgb * 255).astype(np.uint8)


def setting(wanted, reach=0.5):
    """The truth at the picture's size, and what a perfect model would have generated."""
    cameras = scene.path(5, WIDTH, HEIGHT, reach)
    first, last = (scene.picture(cameras, i, detail=30) for i in (0, 4))
    framing = frame_picture((WIDTH, HEIGHT), wanted, "crop")
    depth = [resample_depth(one.depth.astype(np.float32), framing) for one in (first, last)]
    source = plate.Source(bytes_of(first.rgb), depth[0], cameras, frame_cameras(cameras, framing), framing)
    small = resample_picture(bytes_of(last.rgb), framing)
    frame = Passes(small, depth[1], np.full(depth[1].shape, Provenance.PICTURE, np.uint8), depth[1] < 0)
    return source, frame, bytes_of(last.rgb) / 255.0


def upscaled(frame, source):
    """The frame by Lanczos alone: nothing of it comes from the picture."""
    invented = np.full(frame.provenance.shape, Provenance.GENERATED, np.uint8)
    return plate.full_size(dataclasses.replace(frame, provenance=invented), 4, source)


@pytest.mark.parametrize("wanted", [(240, 160), (224, 144)])  # as it is, and with its sides cut
def test_the_pictures_detail_comes_back_where_it_is_seen(wanted):
    source, frame, truth = setting(wanted)
    found, plain = plate.full_size(frame, 4, source) / 255.0, upscaled(frame, source) / 255.0
    changed = (found != plain).any(-1)
    assert changed.mean() > 0.6
    assert scene.psnr(found, truth, changed) > scene.psnr(plain, truth, changed) + MARGIN
    assert scene.psnr(found, truth, ~changed) == scene.psnr(plain, truth, ~changed)


def test_detail_is_not_laid_over_what_the_picture_did_not_see():
    source, frame, truth = setting((240, 160), reach=1.0)
    found, plain = plate.full_size(frame, 4, source) / 255.0, upscaled(frame, source) / 255.0
    hidden = ~plate._seen(
        scene.picture(source.cameras, 4, detail=30).depth.astype(np.float32), frame.provenance, 4, source
    )
    assert 0.1 < hidden.mean() < 0.5
    assert scene.psnr(found, truth, hidden) > scene.psnr(plain, truth, hidden) - 0.3


def test_a_camera_that_did_not_move_gives_the_picture_back():
    source, _, _ = setting((240, 160))
    still = dataclasses.replace(
        source.cameras,
        K=np.repeat(source.cameras.K[:1], 5, 0),
        camera_to_world=np.repeat(source.cameras.camera_to_world[:1], 5, 0),
    )
    source = dataclasses.replace(source, cameras=still, framed=frame_cameras(still, source.framing))
    small = resample_picture(source.rgb, source.framing)
    frame = Passes(small, source.depth, np.zeros(source.depth.shape, np.uint8), source.depth < 0)
    found = plate.full_size(frame, 4, source)
    np.testing.assert_array_equal(found, source.rgb)


def test_cubic_samples_are_exact_for_quadratics_and_at_centres():
    y, x = np.mgrid[0:12, 0:16] + 0.5
    image = np.stack([x * x, x * y, 3 + y], -1).astype(np.float32)
    at = np.random.default_rng(0).uniform(3, 9, (50, 2))
    u, v = at.T
    np.testing.assert_allclose(cubic(image, at), np.stack([u * u, u * v, 3 + v], -1), atol=2e-4)
    np.testing.assert_array_equal(cubic(image, np.stack([x, y], -1)), image)


def test_what_was_left_out_is_sharp_in_its_own_frame_and_in_no_sky():
    source, frame, _ = setting((240, 160))
    person = np.zeros(source.depth.shape, bool)
    person[:60, 80:140] = True  # before the sky, among other things
    source = dataclasses.replace(source, depth=np.where(person, np.float32(np.nan), source.depth))
    provenance = np.full(person.shape, Provenance.PICTURE, np.uint8)
    first = Passes(resample_picture(source.rgb, source.framing), source.depth, provenance, person)
    whole = dataclasses.replace(first, depth=np.where(person, np.float32(5), source.depth))
    known = dataclasses.replace(source, depth=whole.depth)
    np.testing.assert_array_equal(plate.full_size(first, 0, source), plate.full_size(whole, 0, known))
    sky = np.full((HEIGHT, WIDTH), np.inf, np.float32)
    seen = plate._seen(sky, frame.provenance, 4, source)
    here, there = source.cameras[4:5], source.framed[:1]
    at, z = plate.landing(sky, here.K[0], here.camera_to_world[0], there.K[0], there.camera_to_world[0])
    inside = (z > 0) & (at[..., 0] > 82) & (at[..., 0] < 138) & (at[..., 1] > 2) & (at[..., 1] < 58)
    assert inside.any()
    assert not seen[inside].any()
