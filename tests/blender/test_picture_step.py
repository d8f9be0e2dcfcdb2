"""The first step: pictures that are dropped, made of words, or examples."""

import pytest
from test_extension import server  # noqa: F401 - a fixture

from tests.weights.tiny import register, tiny_transformer, tiny_wan_home


def test_an_image_that_is_dropped_becomes_the_picture(in_blender, tmp_path):
    found = in_blender("dropping.py", tmp_path)
    assert found["source"] == "RENDER"
    assert found["images"] == [True] * 4
    assert found["where"] == [True, False]
    assert found["taken"] == ["FILE", str(tmp_path / "photo.png"), ""]
    assert "cannot be read" in found["refused"]
    assert found["kept"] == found["taken"][1]
    assert found["relative"] == "//photo.png"
    assert found["takes"] == 1


@pytest.mark.slow
def test_a_picture_is_made_of_words_by_a_real_server(in_blender, extension, server, tmp_path, monkeypatch):  # noqa: F811
    home = tiny_wan_home(tmp_path / "home")  # which the server and Blender share
    in_pieces = in_blender("words.py", extension, server, tmp_path, timeout=400)
    assert "no words" in in_pieces["no words"]
    assert "worldwarp weights get transformer" in in_pieces["made"]
    assert in_pieces["source"] == "RENDER"

    monkeypatch.setenv("WORLDWARP_HOME", str(home))
    tiny_transformer(seed=7).save_pretrained(home / "weights" / "wan2.1-t2v-1.3b" / "transformer")
    register("transformer")
    found = in_blender("words.py", extension, server, tmp_path, timeout=400)
    assert found["made"] == ""
    assert found["source"] == "FILE"
    assert found["file"].endswith("results/pictures/Hall_001.png")
    assert found["size"] == [256, 144]
    assert found["exact"] == 0
    assert found["again"].endswith("Hall_002.png")
    assert found["another"]
    assert found["undone"].endswith("Hall_001.png")


def test_the_example_goes_through_every_step(in_blender, tmp_path):
    found = in_blender("example.py", tmp_path)
    assert found["size"] == [480, 320]
    assert found["depth"][0] > 1
    assert found["depth"][1] < 20
    assert found["problems"] == []
    assert found["note"] == "" or "colors, 2% of the picture" in found["note"]  # AgX of Blender 4 shows fewer
    assert found["lens"] == pytest.approx(26, abs=0.5)
    assert found["ticks"] == [
        {"picture": False, "geometry": False, "path": False, "generate": False, "result": False},
        {"picture": True, "geometry": False, "path": False, "generate": False, "result": False},
        {"picture": True, "geometry": False, "path": True, "generate": False, "result": False},
        {"picture": True, "geometry": False, "path": True, "generate": False, "result": True},
    ]
