"""Shadows by the frames' depth, a take in another's place in the compositor, and a blockout out of the way."""

from test_compositing import passes, world_mesh
from worldwarp_protocol import files


def test_a_new_take_takes_over_and_a_blockout_goes(in_blender, tmp_path):
    one = tmp_path / "results" / "One"
    files.write(one / "world" / "mesh.ply", world_mesh())
    (tmp_path / "results" / "Two" / "world").mkdir(parents=True)
    passes(one)
    (one / "later").rename(one / "exr")
    found = in_blender("compositing_takes.py", tmp_path / "results")
    assert found["name"] == "One Proxy Mesh"
    # A mesh that is a little off the frames' surfaces: its shadow is whole, and nothing else is seen of it
    assert found["lit"] <= 3
    assert max(found["shadow"]) < 60
    assert found["behind"] <= 1
    # Another take
    assert found["other"] == ["One", "One Frames"]
    assert "Two has no depth yet" in found["lacks"]
    assert "Two has no mesh yet" in found["lacks"]
    assert "Shadow Catcher" in found["lacks"]
    assert found["now"] == ["Two", "Two Frames"]
    assert "Two has no" not in found["whole"]
    assert found["carried"] == ["Two", "Two Frames", "SHADOWS", True]
    # The blockout
    assert found["hidden"] == ["Floor", "Sign"]
    assert found["gone"] == [[False, False]] * 2
    assert found["takes stay"]
    assert found["undone"]
    assert "2 objects are hidden" in found["said"]
