"""The draft in the camera's view, in real Blenders."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_draft_covers_the_camera_while_it_is_wanted_and_leaves_no_trace(in_blender, tmp_path):
    found = in_blender("backdrop.py", tmp_path, PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT / "protocol")]))
    assert found["panel only"] == [True, True]
    assert found["on"] == [True, False, True]
    assert found["seen"] == [True, ["WorldWarp Draft"], 3]
    assert not found["asks to be saved"]
    assert found["colours"] == [[200, 40, 20], [20, 60, 220]]
    assert found["not rendered"] == 0
    assert found["dragged"] == [True, True, True]
    assert found["other"] == [True, 2, False]
    assert "Mine" in found["in the file"]
    assert "WorldWarp Draft" not in found["in the file"]
    assert found["shown again"] == [False, True, True]
    for case in ("off", "undone", "on again", "switched off"):
        assert found[case], case
