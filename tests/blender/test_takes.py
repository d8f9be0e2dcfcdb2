"""Takes in real Blenders: they last, and what is not theirs is left alone."""

import pytest


def test_takes_are_shown_moved_relinked_collected_and_deleted(in_blender, extension, tmp_path):
    found = in_blender("takes.py", extension, tmp_path)
    both = ["Walk_v001", "Walk_v002"]
    assert found["next"] == "Walk_v005"  # after all that are there
    assert found["earlier"] == [["Walk_v001", False], ["Walk_v002", False]]
    assert found["imported"] == [both, ["Walk_v002"], "Walk_v002"]
    assert found["undone"] == []
    assert found["redone"] == both
    assert found["none left"] == []
    assert found["history"] == [["Walk_v001", "", both[0]], ["Walk_v002", "", both[1]], ["other", "failed", ""]]
    assert found["oldest"] == ["other", "2/5, draft, 1 min"]
    assert all("shot.json cannot be read" in sentence for sentence in found["damaged descriptions"])
    assert "chunks is damaged" in found["damaged descriptions"][2]
    assert found["shown"] == [["Walk_v001"], True]
    assert found["asked"] == "Delete Walk_v001 (2 frames, 0 MB of files)?"
    assert found["looked"] == ["Walk_v002 Camera", "Walk_v001 Camera", ["Walk_v001"]]
    assert "other than" in found["not itself"]
    assert found["wipe"] == [[pytest.approx(50, abs=0.1), "0002.png"], [pytest.approx(100, abs=0.1), "0002.png"]]
    assert found["at once"] == ["0001.png", "0001.png"]
    assert found["none missing"] == found["there again"] == []
    assert found["missing"] == found["damaged"] == ["Walk_v002 has no picture of frame 99"]
    assert found["itself"] is None
    assert found["wiped"] is None
    assert found["halves"] == [[[10, 20], [35, 70], 0.25], [[35, 20], [110, 70], 0.75]]
    assert found["letterbox"] == [10, 32.5, 110, 57.5]
    assert found["paths"] == ["//worldwarp/Walk_v001", "//worldwarp/Walk_v001/frames/0001.png"]
    here = [[50, "worldwarp/Walk_v001"], [100, "worldwarp/Walk_v002"]]
    assert found["moved"] == found["elsewhere"] == here
    assert found["note"] == "too fast"
    assert found["lost"] == [False, False]
    assert "cannot be found" in found["nowhere"]
    assert found["relinked"] == [[50, "second try"], [100, "Walk_v002"]]
    assert found["clips"] == [True, True]
    assert found["relink undone"] == [False, False]
    assert found["pieces"] == [".", "2026", "2026/Walk_v002", "2026/second try"]
    assert "of which 1 folders were seen" in found["capped"]
    assert found["interrupted"] == [True, True, True, 0]
    assert found["copied"] == [1, True]
    copied = ["second try", "Walk_v002"]
    shown = [[f"//worldwarp/{name}/frames/0001.png", f"//worldwarp/{name}"] for name in copied]
    assert found["collected"] == [[50, *shown[0]], [100, *shown[1]]]
    assert found["kept there"] == sorted(copied)
    assert found["once"] == sorted(copied)

    assert found["without a run"] == [[150, "Other"], [200, "Other_v001"]]

    # Deleted
    assert "pinned" in found["pinned"]
    assert "'Other Lights', too" in found["in two scenes"]
    assert "still coming" in found["world coming"]
    gone = {"objects": 2, "cameras": 1, "actions": 2, "images": 1, "meshes": 1}
    assert found["deleted"] == [["Walk_v002"], gone, True, True]
    assert found["mine stays"] < 1e-5
    assert found["camera"]
    assert found["delete undone"] == [["Walk_v001", "Walk_v002"], 50]
    assert found["again"] == "Walk"  # its folder has another name by now
    assert "same files" in found["shared"]
    assert found["left"] == ["frames", "frames/0003.png", "frames/notes.txt", "provenance"]
    assert found["outside"] == [True, True]
    assert "is a link" in found["link"][0]
    assert found["link"][1]
    assert found["gone"] == [False, [], True]
    assert "No take" in found["no take"]


def test_what_was_imported_before_the_first_save_moves_with_the_project(in_blender, extension, tmp_path):
    found = in_blender("first_save.py", extension, tmp_path)
    assert found["unsaved"]
    assert found["saved"] == ["//worldwarp/Walk_v001/frames/0001.png", True]
    assert found["moved"] == [True, "moved/worldwarp/Walk_v001"]
    assert found["frame"]
