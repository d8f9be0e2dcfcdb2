"""The Geometry step in real Blenders: against ray casts, through the same camera."""

import pytest


def test_geometry_lines_up_and_scales_about_the_camera(in_blender):
    found = in_blender("place.py")
    assert found["worst"]["surface"] < 1e-4
    assert found["worst"]["points"] < 1e-4
    assert found["off"] < 1e-3  # pixels
    assert found["rendered"] < 1e-3
    assert found["same_user"]
    assert found["no_anchor"]
    assert found["hidden"]
    assert found["same_picture"]
    assert found["one"]
    assert set(found["scaled"]) == {
        "as estimated", "moved", "scaled", "root scaled", "set", "focus", "anew", "another lens"
    }  # fmt: skip
    for case, measured in found["scaled"].items():
        for role in ("surface", "points"):
            assert measured[f"{role}_pixels"] < 5e-3, case
            assert measured[f"{role}_factor"] < 1e-5, case
        if case == "scaled":
            continue
        assert measured["anchor"] < 1e-4, case
        assert measured["pixel"] < 1e-5, case
        assert measured["distance"] < 1e-5, case
        assert max(measured["said"]) < 1e-5, case
    assert found["leftover"] == {}
    assert found["kept"]
    assert found["sent_right"]
    assert found["difference"] == pytest.approx(1 - 0.7 * 32 / 50, abs=1e-4)
    assert found["gone"]
    assert found["colour"] == "Col"


def test_match_camera_changes_what_was_asked_for(in_blender, tmp_path):
    found = in_blender("match.py", tmp_path)
    assert "own render" in found["own render"]
    assert "press Estimate" in found["nothing known"]
    assert "press Estimate" in found["no floor yet"]
    assert found["lens changes"] == ["lens"]
    assert found["lens"] == pytest.approx(24)
    assert found["undone"] == []
    assert found["level changes"] == ["pose"]
    assert found["scale kept"] == [2, 2, 2]
    assert abs(found["heading"]) < 1e-5
    assert found["place"] == pytest.approx([3, -4, 1.7], abs=1e-4)
    assert found["sensor changes"] == ["lens", "sensor"]
    assert abs(found["angle"]) < 1e-6
    assert found["all lens"] == pytest.approx(24)
    assert found["turned about z"] < 1e-5
    assert found["floor"] < 1e-4
    assert found["matched already"] == ["INFO"]
    assert [kind for kind, _ in found["said"]] == ["INFO", "WARNING"]
    assert "52%" in found["said"][1][1]
    assert "TTT3R would" in found["no lens"]
    assert "before it is keyed" in found["keyed place"]
    assert "lens is animated" in found["keyed lens"]
    assert "before it is keyed" in found["constrained"]
    assert "No floor" in found["no floor"]
    assert found["refusals change"] == []
    assert found["worst"] < 1e-6
    assert found["down"] == pytest.approx([-0.644218, 0.764842], abs=1e-5)  # the picture's upper edge


def test_clips_are_read_and_become_cameras(in_blender, tmp_path):
    found = in_blender("clips.py", tmp_path)
    for case, count, fps in (("sequence", 12, 24), ("sequence by 3", 4, 24), ("movie", 12, 30), ("movie by 5", 3, 30)):
        read = found[case]
        assert (read["count"], read["fps"]) == (count, fps), case
        assert read["shape"] == [count, 282, 512, 3], case
        assert read["off"] < (0.6 if "sequence" in case else 4), case  # movies keep colours in 4:2:0 of limited range
    assert found["from the middle"] == 8
    assert found["same"]
    words = {"nowhere": "does not exist", "text": "cannot be read", "single": "at least 2", "too rare": "at least 2"}
    for case, word in {**words, "long": "Every Nth"}.items():
        assert word in found["refused"][case], case
    assert found["frames"] == [101, 109, 117, 125]
    assert found["user"]
    assert found["K"] < 1e-4
    assert found["pose"] < 1e-5
    assert found["rescaled"] < 1e-5
