"""The first step: pictures that are dropped, made of words, or examples."""

import numpy as np
import OpenEXR
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
    assert found["paths"] == 10
    assert set(found["absolute"]) <= {"backend_command"}
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


def test_depth_is_found_in_one_of_several_layers(in_blender, tmp_path):
    depth = np.linspace(0.5, 40, 24 * 32, dtype=np.float32).reshape(24, 32)
    depth[0, :5] = 1e10  # sky, as Cycles writes it
    colour = {f"Combined.{letter}": depth * 2 for letter in "RGBA"}
    files = {
        "passes": {f"View.{name}": pixels for name, pixels in colour.items()} | {"View.Depth.Z": depth},
        "layers": {f"Composite.{name}": pixels for name, pixels in colour.items()}
        | {"A View.Depth.Z": depth, "A View.Mist.Z": depth * 3},
        "one": {"Distance.V": depth},
        "plain": dict.fromkeys("RGB", depth),
        "two": {"Left.Depth.Z": depth, "Right.Depth.Z": depth},
        "none": {f"View.{name}": pixels for name, pixels in colour.items()},
    }
    for name, channels in files.items():
        header = {"compression": OpenEXR.PIZ_COMPRESSION, "type": OpenEXR.scanlineimage}
        with OpenEXR.File(header, channels) as file:
            file.write(str(tmp_path / f"{name}.exr"))
    (tmp_path / "words.exr").write_text("no image")

    told = in_blender("layers.py", tmp_path)
    for name in ("passes", "layers", "one", "plain"):
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), depth)
    with OpenEXR.File(str(tmp_path / "blender.exr"), separate_channels=True) as file:
        channels = {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}
    np.testing.assert_array_equal(np.load(tmp_path / "blender.npy"), channels["ViewLayer.Depth.Z"])
    assert "Left.Depth, Right.Depth" in told["found"]["two"]
    assert "none is a depth" in told["found"]["none"]
    assert "cannot be read as an image" in told["found"]["words"]
    assert "save its image alone" in told["found"]["picture"]
    assert not told["changed"]
