"""The Path step: its numbers without Blender, and its operators in real ones."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from blender_addon.fitting import spans
from blender_addon.sight import Scenery, first_depth, known, parallax, turns, view

ROOT = Path(__file__).parents[2]
PROTOCOL = os.pathsep.join([str(ROOT), str(ROOT / "protocol")])


def drawn(keys, handles) -> np.ndarray:
    """The curves' values at every row, by de Casteljau."""
    values = [keys[0][1]]
    for ((start, first), (end, last)), (left, right) in zip(pairwise(keys), handles, strict=True):
        for row in range(start + 1, end + 1):
            points = [first, left, right, last]
            s = (row - start) / (end - start)
            while len(points) > 1:
                points = [(1 - s) * a + s * b for a, b in pairwise(points)]
            values.append(points[0])
    return np.array(values)


@pytest.mark.parametrize(
    ("curve", "most"),
    [
        (lambda t: 3 * t**2 - 2 * t**3, 2),
        (lambda t: np.abs(t - 0.375), 3),
        (lambda t: np.sin(7 * t), 12),
        (lambda t: 0 * t, 2),
        (lambda t: np.random.default_rng(0).normal(size=len(t)), 97),
    ],
)
def test_curves_through_every_frame_have_few_keys(curve, most):
    values = np.column_stack([curve(np.linspace(0, 1, 97)), np.linspace(0, 5, 97)])
    rows, handles = spans(values, np.array([1e-4, 1e-6]))
    assert len(rows) <= most
    keys = [(row, values[row]) for row in rows]
    assert (np.abs(drawn(keys, handles) - values) <= [1.001e-4, 1.001e-6]).all()


K = np.array([[100.0, 0, 50], [0, 100, 30], [0, 0, 1]])
SIZE = (100, 60)


def wall(depth: float, w: float = 1.0) -> Scenery:
    """Every half pixel of a picture, at one planar depth, red on its left and blue on its right."""
    v, u = np.mgrid[0.25:60:0.5, 0.25:100:0.5]
    rays = np.stack([u, v, np.ones_like(u)], -1).reshape(-1, 3) @ np.linalg.inv(K).T
    points = np.column_stack([depth * rays, np.full(len(rays), w)]).astype(np.float32)
    colours = np.where(u.reshape(-1, 1) < 50, [200, 0, 0], [0, 0, 200]).astype(np.uint8)
    return Scenery(points, colours, np.zeros(3))


def at(x: float = 0.0, turn: float = 0.0) -> np.ndarray:
    """A camera ``x`` to the right, turned right by ``turn``."""
    pose = np.eye(4)
    c, s = np.cos(turn), np.sin(turn)
    pose[:3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    pose[0, 3] = x
    return pose


def test_what_leaves_the_picture_on_one_side_is_unknown_on_the_other():
    poses = np.array([at(0), at(0.5), at(-1), at(2)])  # 25 pixels a unit at depth 4
    shares = known(wall(4), np.repeat(K[None], 4, 0), poses, SIZE)
    np.testing.assert_allclose(shares, [1, 0.875, 0.75, 0.5], atol=1 / 48)


def test_the_sky_is_known_wherever_the_camera_goes():
    shares = known(wall(1, w=0), np.repeat(K[None], 2, 0), np.array([at(100), at(0, np.arctan(0.5))]), SIZE)
    assert shares[0] == 1
    assert shares[1] == pytest.approx(0.49, abs=0.01)  # half, and corners less


def test_turn_and_parallax_are_those_of_the_hand():
    poses = np.array([at(0), at(0.2), at(0.2, 0.1)])
    np.testing.assert_allclose(turns(poses), [0, 0.1], atol=1e-12)
    np.testing.assert_allclose(parallax(wall(4), np.repeat(K[None], 3, 0), poses, SIZE), [5, 0], atol=1e-3)


def test_a_draft_shows_the_nearest_and_its_holes():
    near, far = wall(4), wall(8)
    both = Scenery(
        np.vstack([far.points * [-1, 1, 1, 1], near.points]).astype(np.float32),
        np.vstack([far.rgb, near.rgb]),
        np.zeros(3),
    )
    rgb, seen = view(both, K, at(0), SIZE, (50, 30))
    assert seen.all()
    assert (rgb[:, :25] == [200, 0, 0]).all()
    assert (rgb[:, 25:] == [0, 0, 200]).all()
    _, seen = view(near, K, at(2), SIZE, (50, 30))
    assert seen[:, :25].all()
    assert not seen[:, 25:].any()


def test_cracks_are_no_holes_but_gaps_are():
    wide = wall(4)
    x = wide.points[:, 0]
    cracked = Scenery(wide.points[~((x > 0.4) & (x < 0.48))], wide.rgb[~((x > 0.4) & (x < 0.48))], np.zeros(3))
    assert view(cracked, K, at(0), SIZE, (50, 30))[1].all()  # one pixel is 0.08 wide
    holed = Scenery(wide.points[~((x > 0.4) & (x < 0.8))], wide.rgb[~((x > 0.4) & (x < 0.8))], np.zeros(3))
    assert view(holed, K, at(0), SIZE, (50, 30))[1].mean() == pytest.approx(0.9)


def test_the_depth_of_a_pixel_is_that_of_its_point():
    depth = first_depth(wall(4), K, at(0), SIZE)
    assert depth(0.3, 0.7) == pytest.approx(4)
    assert depth(1.5, 0.5) == np.inf
    assert first_depth(wall(4, w=0), K, at(0), SIZE)(0.5, 0.5) == np.inf


def test_paths_become_keys_where_they_are(in_blender, tmp_path):
    found = in_blender("paths.py", tmp_path, PYTHONPATH=PROTOCOL)
    for mode in ("XYZ", "ZYX", "QUATERNION", "AXIS_ANGLE"):
        *off, keys, frames, first, fps = found[mode]
        assert max(off) < 1e-4, mode
        assert keys < frames / 4, mode
        assert (frames, first) == (97, 1001)
        assert fps == pytest.approx(24 / 1.001)
        assert found[f"{mode} start"] < 1e-6, mode
    assert found["dolly keys"] == [[1001, 1097], True]
    assert found["anew"] == 0
    assert found["kept"] == [True, 1, True, 1]
    assert found["other curves"] == ["hide_render", "location", "rotation_euler"]
    assert max(found["rewritten"]) < 1e-4
    assert found["undone"] == ["Mine", 0]
    assert found["undone actions"] == 0
    assert found["slower"][0] < 1e-4
    assert found["slower"][1] == 1193
    assert max(found["in frames"][:2]) < 1e-2  # focal lengths of 1,000 pixels
    assert found["in frames"][2] == 1049
    assert found["smooth"][0] < 1e-4
    assert found["smooth"][1] > 0.02
    assert found["rough again"] == 0
    assert "odd number" in found["even"]
    assert "fewer than the 99" in found["too long"]
    assert "no keys" in found["no keys"]
    assert found["text"] == (
        "dolly_in 1.5m ease over 48 frames + pan_left 20deg linear, then slow orbit 45deg @target 3m ease"
    )
    assert found["length"] == 49
    assert max(found["centimetres"]) < 1e-5
    assert found["shown"].startswith("orbit 45deg @target 3m")
    assert found["metre"] == pytest.approx([100, 100, 1])
    refusals(found)
    curves(found)
    knows(found)


def refusals(found) -> None:
    for sentence in found["fault"]:
        assert "'dolly_inn' (word 1): there is no such move; did you mean dolly_in?" in sentence
    for sentence in found["no object"]:
        assert "@object is not chosen" in sentence
    assert "need exactly 49" in found["does not fit"]
    assert "has a parent" in found["parent"]
    assert "cannot be read" in found["no run"]
    assert "worldwarp path convert" in found["foreign"]
    assert "press Estimate first" in found["no geometry"]
    assert "shows sky" in found["sky"]


def curves(found) -> None:
    assert found["new"][:3] == ["Camera Path", "Camera", True]
    assert max(found["new"][3:]) < 1e-4
    assert found["clean"]
    off, uneven, ends, ahead, tilted, keys = found["curve"]
    assert off < 1e-3
    assert uneven < 1e-2
    assert ends < 1e-4
    assert ahead > 0.998
    assert tilted < 1e-5
    assert keys < 60
    assert max(found["looked at"]) < 1e-4
    assert found["imported"][0] == "run"
    assert found["imported"][1] < 1e-4
    assert found["imported"][2] < 1e-2


def knows(found) -> None:
    assert found["known"] == pytest.approx([1, 15 / 16, 7 / 8], abs=0.02)
    assert found["parallax"] == pytest.approx([0.625, 0.625, 0], abs=1e-3)  # 60 pixels in 96 steps
    assert [name.split()[0] for name, _ in found["markers"]] == ["Mine", "WW"]
    assert found["markers"][1][1] == pytest.approx(1039, abs=6)  # 5 of 12.5 percent are gone at 40 percent of the way
    assert "less than 95% is known" in found["sentences"][2]
    corners, last, frames, first_colour, last_colour = found["strip"]
    assert corners == [[1000.5, 0], [1001.5, 0], [1001.5, 6]]
    assert last == [1096.5, 6]
    assert frames == 97
    assert first_colour == pytest.approx([0.2, 0.6, 0.25, 1], abs=0.01)
    share = 2 * found["known"][2] - 1
    assert last_colour[0] == pytest.approx(0.85 + share * (0.2 - 0.85))
    assert found["markers again"] == 2
    assert found["cleared"] == ["Mine"]
    assert found["draft"][2:] == [1.0, [200, 40, 20], [20, 60, 220], [150, 180, 215]]
    assert found["moved"][0] == pytest.approx(7 / 8, abs=0.02)
    assert found["moved"][1:] == [[200, 40, 20], [220, 40, 150], [150, 180, 215]]
    assert found["dragged"][:3] == [True, False, True]
    assert found["dragged"][4] < found["dragged"][3] - 0.01  # a quarter of a unit is 1/32 of the lower half's width
    assert found["stopped"] is None
    assert found["pixel"] < 1e-5
    print("250 frames and one draft:", found["seconds"], found["draft seconds"])
