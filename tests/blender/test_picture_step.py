"""The first step: pictures that are dropped, made of words, or examples."""


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
