"""The world of a run, as the backend writes its files, in real Blenders."""

import json

import numpy as np
from PIL import Image
from worldwarp.cameras.formats import write_cameras
from worldwarp.world.mesh import Mesh, encode_ply
from worldwarp_protocol import files
from worldwarp_protocol.results import WORLD_FILES

from tests.cache import scene

XYZ = np.array([[0, 4, 0], [1, 4, 0], [0, 4, 1], [1.5, 5, 1]], np.float32)
RGB = np.array([[200, 40, 20], [20, 60, 220], [90, 90, 90], [255, 11, 128]], np.uint8)


def result(folder, faces) -> None:
    """A result folder whose world is made."""
    (folder / "frames").mkdir(parents=True)
    Image.new("RGB", (96, 64)).save(folder / "frames" / "0001.png")
    files.write(folder / "points.ply", files.encode_ply(files.make_vertices(XYZ, RGB, np.zeros(4, np.uint8))))
    write_cameras(folder / "cameras.npz", scene.path(3, 96, 64))
    (folder / "shot.json").write_text(json.dumps({"name": "Walk", "run": "0" * 32, "colour_space": "sRGB"}))
    count = len(np.unique(faces))
    made = {
        "points_ply": files.encode_ply(files.make_vertices(XYZ, RGB, np.array([0, 1, 2, 0], np.uint8))),
        "mesh_ply": encode_ply(Mesh(XYZ[:count], RGB[:count], np.array(faces, np.int32))),
    }
    for name, content in made.items():
        files.write(folder / "world" / WORLD_FILES[name], content)


def test_the_world_is_placed_grows_and_is_undone(in_blender, extension, tmp_path):
    result(tmp_path / "first", [[0, 1, 2], [1, 3, 2]])
    result(tmp_path / "second", [[0, 1, 2]])
    cloud = tmp_path / "second" / "world" / "points.ply"
    cloud.write_bytes(cloud.read_bytes()[:-5])
    np.savez(tmp_path / "expected.npz", xyz=XYZ, rgb=RGB)
    found = in_blender("world.py", extension, tmp_path)
    assert found["answered"] == ["answered", 1, 2]
    assert found["alone"] == [["Collection", "Walk World"], ["Walk Proxy Mesh", "Walk World Points"]]
    assert found["places"] == [True, True]
    assert found["faces"] == [[0, 1, 2], [1, 3, 2]]
    assert found["colours"] < 1e-3
    assert found["provenance"] == [0, 1, 2, 0]
    assert found["undone"] == [True, False, False]
    assert found["adopted"] == [["Walk World"], False]
    assert found["streamed"] == [[False, True], [True, True], [False, False]]  # once; the user may show them again
    assert found["grown"] == [3, True, 3, 0, 1]
    assert "cut short" in found["damaged"]
    assert found["refused"] == ["failed", 2]
    assert "'Nowhere' is gone" in found["no run"]
    assert "is gone" in found["gone"]


def test_a_meshs_picture_goes_with_the_project_and_damaged_files_are_refused(in_blender, tmp_path):
    folder = tmp_path / "worldwarp" / "Walk"
    result(folder, [[0, 1, 2], [1, 3, 2]])
    mesh = Mesh(XYZ, RGB, np.array([[0, 1, 2], [1, 3, 2]], np.int32))
    files.write(folder / "world" / "mesh.ply", encode_ply(mesh, np.full((4, 2), 0.5)))
    found = in_blender("world_files.py", tmp_path)
    assert found["picture"] == ["//worldwarp/Walk/frames/0001.png"]
    assert all("mesh.ply" in sentence for sentence in found["refused"].values()), found["refused"]
    assert "corners" in found["refused"]["corner"]  # Blender would crash on it
    assert "corners" in found["refused"]["negative"]
    assert found["left"] == 0
    assert found["catchers"] == 1
    assert "material" in found["no material"]


def test_what_is_set_of_a_cloud_chooses_its_points(in_blender):
    found = in_blender("cloud.py")
    assert found["left out"] is True
    counts = {case: values[0] for case, values in found["cases"].items()}
    assert all(values[2] for values in found["cases"].values()), found  # nodes and ``shown`` agree, point by point
    assert counts["all"] == 3000
    assert 600 < counts["share"] < 900
    assert counts["generated"] == counts["filled"] == 2000
    assert 200 < counts["box"] < 1500
    assert 50 < counts["together"] < counts["box"] / 2
    assert [found["cases"][case][3] for case in ("all", "size", "share")] == [0.25, 0.5, 0.25]
    share, shown, kept = found["crowd"]
    assert share == 0.3333
    assert 900 < shown < 1100
    assert kept == 3000
    assert found["seen"] == [False, False, True, False]
    assert found["moved"] == [True, True]
