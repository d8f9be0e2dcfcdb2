"""CG in front of and behind what was generated, in renders of real Blenders."""

import numpy as np
from worldwarp.world.mesh import Mesh, encode_ply
from worldwarp_protocol import files

WIDTH, HEIGHT, FOCAL = 96, 64, 64.0

WALL = [[-3, 4, -1], [3, 4, -1], [3, 4, 2], [-3, 4, 2]]
FLOOR = [[-3, 1, -1], [3, 1, -1]]


def world_mesh() -> bytes:
    """A wall 4 in front of a camera at the origin that looks along Y, and a floor; the floor's near edge has no uv."""
    xyz = np.array([*WALL, *FLOOR], np.float64)
    u, v = (xyz[:, 0] / xyz[:, 1] * FOCAL + WIDTH / 2) / WIDTH, (HEIGHT / 2 - xyz[:, 2] / xyz[:, 1] * FOCAL) / HEIGHT
    uv = np.stack([u, v], axis=1)
    uv[4:] = np.nan
    rgb = np.tile(np.array([[0, 0, 255]], np.uint8), (len(xyz), 1))
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 1], [4, 1, 0]], np.int32)
    return encode_ply(Mesh(xyz.astype(np.float32), rgb, faces), uv)


def test_generated_surfaces_hide_cg_and_catch_its_shadow(in_blender, tmp_path):
    files.write(tmp_path / "result" / "world" / "mesh.ply", world_mesh())
    found = in_blender("compositing.py", tmp_path / "result")
    assert found["came"] == "LEFT_OUT"
    assert found["texture"] <= 2  # of 255: the wall shows the first frame where it is, upright
    assert (
        np.abs(np.subtract(found["floor"], [0, 0, 255])).max() <= 1
    )  # vertices' colours: the picture does not show it
    assert found["untouched"] is True  # the compositor, before it was asked for
    for part in ("SHADOWS", "HOLDOUT"):
        assert found[part]["sky"] <= 2
        assert found[part]["front"] == [255, 0, 0]
        assert found[part]["behind"] <= 2  # the frame, not the cube
        assert found[part]["lit floor"] <= 3
    assert found["SHADOWS"]["shadow"] > 20
    assert found["HOLDOUT"]["shadow"] <= 1
    assert found["swapped"] == [1, "Walk.001 Frames"]
    assert found["out"] == [True, False, True]
    assert found["alone"] == [True, True]
    assert "Cycles" in found["other engine"]
    assert "Points catch no shadows" in found["points"]
    assert "gone" in found["gone"]
