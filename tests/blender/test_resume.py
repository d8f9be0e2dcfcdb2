"""Runs outlive files being closed, opened, undone and saved."""


def test_runs_are_followed_and_picked_up(in_blender, extension, tmp_path):
    found = in_blender("resumed.py", extension, tmp_path)
    assert found["noted"] == ["Walk_v001", "//worldwarp/Walk_v001", True]
    assert found["opened anew"] == [["Walk_v001"], "Walk_v001", True]
    assert found["other file"][0] == []
    assert "closed" in found["other file"][1]
    assert found["missed"] == [True, True]
    assert found["caught up"] == [["Walk_v002"], False]
    assert found["undone"] == "Walk_v003"
    assert found["saved"] == ["Walk_v003", True]
    assert found["order"] == ["Scene", "Other"]
    assert "No server" in found["said"]
    assert found["run goes on"] == [False, True]
    assert found["again"]
    assert found["other server"]
    assert found["its server"]
