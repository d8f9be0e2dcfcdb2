"""A result with overscan in real Blenders: the returned camera has the larger frame's lens and shift."""

import json

import numpy as np
from worldwarp import generate, shots
from worldwarp.cameras.cameras import project
from worldwarp.outputs.pictures import encode_png
from worldwarp_protocol.messages import Settings
from worldwarp_protocol.results import ResultFolder

from tests.shots_for_tests import seen_from, straight_path


def test_a_cube_falls_on_the_right_pixel_of_the_larger_frame(in_blender, tmp_path):
    cameras = straight_path(3, 107, 73, step=0.2)  # cut to 96 x 64: the window is not in the picture's middle
    cameras.K[:, :2, 2] += [9.0, -6.0]  # nor is the lens
    rgb, depth = seen_from(cameras, 0)
    settings = Settings(chunk_frames=5, context_frames=1, overscan=0.1)
    shot, _ = shots.prepare("over", rgb[None], depth[None], cameras, settings)
    assert (shot.cameras.width, shot.cameras.height) == (128, 96)
    folder = ResultFolder(tmp_path / "over")
    generate.begin(folder, shot)
    made = encode_png(np.zeros((96, 128, 3), np.uint8))
    for i in range(3):
        folder.add_frame(i, made, encode_png(np.zeros((96, 128), np.uint8)))
    points = [(1, [0.3, 4.0, -0.2]), (2, [-1.9, 4.4, 1.2]), (3, [1.6, 4.2, -1.3])]  # the latter two in the margin
    found = in_blender("overscan.py", folder.path, json.dumps(points))
    x, y, w, h = shot.window
    for (frame, point), pixel, (cx, cy, count) in zip(points, found["found"], found["rendered"], strict=True):
        K, pose = shot.cameras.K[frame - 1], shot.cameras.world_to_camera[frame - 1]
        (wanted,), _ = project(np.array([point]), K, pose)
        np.testing.assert_allclose(pixel, wanted, atol=2e-3)
        assert count > 4
        np.testing.assert_allclose([cx, cy], wanted, atol=0.7)
        inside = x <= wanted[0] < x + w and y <= wanted[1] < y + h
        assert inside == (frame == 1)
