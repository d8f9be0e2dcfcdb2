"""Takes in another time, in real Blenders."""


def test_frames_camera_and_solved_camera_go_together_at_any_speed(in_blender, tmp_path):
    found = in_blender("retiming.py", tmp_path / "result")
    shown = {case: [row[0] for row in found[case][0]] for case in ("came", "fast", "slow", "solved", "back")}
    assert shown["came"] == shown["solved"] == shown["back"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert shown["fast"] == [1, 3, 5, 7, 9]
    assert shown["slow"] == [number for number in range(1, 10) for _ in range(2)]
    rows = [row for case in shown for row in found[case][0]]
    assert all(row[0] == row[1] for row in rows)  # the wipe shows the same
    assert max(row[2] for row in rows) < 1e-4  # and the camera stands where that frame was taken from
    assert found["came"][1] == 100  # of 255, of the fifth file
    assert found["fast"][1:] == [100, [11, 14]]
    assert found["slow"][1:] == [[20, 40, 180], [101, 111]]
    assert found["solved"][1:] == [True, 100]
    assert ["without the retiming" in said for said in found["untouched"]] == [True, True, False]
    assert found["back"][1] <= 1  # the group's own; no key is left behind
    assert found["kept"] == ["Walk Frames", 1]
    assert found["shared"] == [True, True]
    assert found["faked"]
    assert [row[0] for row in found["undone"]] == shown["came"]
    assert "no take 'Nowhere'" in found["no take"]
    assert "choose a higher speed" in found["too long"]
