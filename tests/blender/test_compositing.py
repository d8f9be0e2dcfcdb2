"""CG in front of and behind what was generated, in renders of real Blenders."""

import numpy as np
from worldwarp.outputs.exr import Passes, write_passes
from worldwarp.outputs.pictures import encode_provenance
from worldwarp.world.mesh import Mesh, encode_ply
from worldwarp_protocol import files

from tests.cache import scene

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


def passes(folder) -> None:
    """Provenance in three columns; and, not there yet, EXR with the wall's depth."""
    provenance = np.repeat(np.array([[0, 1, 2]], np.uint8), WIDTH // 3, axis=1).repeat(HEIGHT, axis=0)
    cameras = scene.path(3, WIDTH, HEIGHT)
    known = Passes(
        np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.full((HEIGHT, WIDTH), 4.0, np.float32), provenance, provenance > 0
    )
    (folder / "later").mkdir(parents=True, exist_ok=True)
    for index in range(3):
        files.write(folder / "provenance" / f"{index + 1:04d}.png", encode_provenance(provenance))
        write_passes(folder / "later" / f"{index + 1:04d}.exr", known, cameras, index, "sRGB")


def test_generated_surfaces_hide_cg_and_catch_its_shadow(in_blender, tmp_path):
    files.write(tmp_path / "result" / "world" / "mesh.ply", world_mesh())
    passes(tmp_path / "result")
    found = in_blender("compositing.py", tmp_path / "result")
    settings, overrides, prompts, seed = found["remembered"]
    assert settings == {"seed": 7, "profile": "draft"}
    assert overrides == [{"chunk": 1, "seed": 5}]
    assert prompts == [{"first": 13, "last": 13, "prompt": "a hall"}]
    assert seed == "7"
    assert found["came"] == "LEFT_OUT"
    assert found["texture"] <= 2  # of 255: the wall shows the first frame where it is, upright
    assert (
        np.abs(np.subtract(found["floor"], [0, 0, 255])).max() <= 1
    )  # vertices' colours: the picture does not show it
    assert found["untouched"] is True  # the compositor, before it was asked for
    for part in ("SHADOWS", "HOLDOUT"):
        assert found[part]["sky"] <= 3  # noise of 16 samples
        assert found[part]["front"] == [255, 0, 0]
        assert found[part]["behind"] <= 3  # the frame, not the cube
        assert found[part]["lit floor"] <= 3
    assert found["SHADOWS"]["shadow"] > 20
    assert found["HOLDOUT"]["shadow"] <= 1
    assert "Fetch Depth (EXR)" in found["no depth"]
    assert found["depth"][0] == [255, 0, 0]
    assert max(found["depth"][1:]) <= 1
    assert found["masks"] == [[0, 0, 0], [255, 255, 255], [0, 0, 0]]  # the picture, generated, filled
    assert found["swapped"] == [1, "Walk.001 Frames"]
    assert found["out"] == [True, False, True]
    assert found["alone"] == [True, True]
    assert found["clip"] == [11, 3, [WIDTH, HEIGHT], "sRGB"]
    assert found["strip"] == [11, 3, 3, 1]
    assert found["sequencer"] == [True, False]
    assert found["images"] == ["SEQUENCE", "SEQUENCE"]
    assert found["markers"] == [["WW range 11\u201312", 11], ["WW range 13\u201313", 13]]
    assert found["handle"][0] < 1e-6
    assert np.allclose(found["handle"][1:], [[3, 0, 0], [3, 8, 0]])  # the camera stood at the origin
    assert "Cycles" in found["other engine"]
    assert "Points catch no shadows" in found["points"]
    assert "gone" in found["gone"]
    said = ["'Second' has the same compositor", "is linked from another file"]
    assert all(words in sentence for words, sentence in zip(said, found["foreign"], strict=False))
    assert len(found["foreign"]) in (0, 2)  # before Blender 5.0 each scene has its own
    assert found["hidden False"] == [False, False, False]
    assert found["hidden True"] == [True, False, True]
    assert found["undone"] == {name: [True, True] for name in ("behind", "part", "clip")}
