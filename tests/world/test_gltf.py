"""Binary glTF, parsed here by the specification, and imported by Blender."""

import json
import struct
import subprocess

import numpy as np
import pytest
from worldwarp.outputs.pictures import decode_png, encode_png
from worldwarp.world.gltf import encode_glb
from worldwarp.world.mesh import Mesh

from tests.blender.conftest import blender_pythons

XYZ = np.array([[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 2, 0], [0, 2, 3]], np.float32)
RGB = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128], [255, 255, 255]], np.uint8)
FACES = np.array([[0, 1, 2], [0, 2, 3], [3, 2, 4]], np.int32)
UV = np.array([[0, 1], [1, 1], [1, 0], [0, 0], [np.nan, np.nan]], np.float32)
PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
MESH = Mesh(XYZ, RGB, FACES)


def parse(data):
    """The JSON and the binary chunk of a glb."""
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    assert size % 4 == 0
    about, rest = json.loads(data[20 : 20 + size]), data[20 + size :]
    if not rest:
        return about, b""
    binary, kind = struct.unpack_from("<I4s", rest)
    assert kind == b"BIN\0"
    assert binary == len(rest) - 8 == about["buffers"][0]["byteLength"]
    return about, rest[8:]


def array(about, data, number):
    accessor = about["accessors"][number]
    view = about["bufferViews"][accessor["bufferView"]]
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[accessor["type"]]
    dtype = {5126: "<f4", 5123: "<u2", 5125: "<u4"}[accessor["componentType"]]
    assert view["byteOffset"] % 4 == 0
    return np.frombuffer(data, dtype, accessor["count"] * width, view["byteOffset"]).reshape(-1, width)


def test_an_independent_reader_finds_the_triangles_y_up():
    about, data = parse(encode_glb(MESH))
    (primitive,) = about["meshes"][0]["primitives"]
    position = array(about, data, primitive["attributes"]["POSITION"])
    assert np.array_equal(position, np.stack([XYZ[:, 0], XYZ[:, 2], -XYZ[:, 1]], 1))
    assert np.array_equal(array(about, data, primitive["indices"]).reshape(-1, 3), FACES)
    accessor = about["accessors"][primitive["attributes"]["POSITION"]]
    assert accessor["min"] == position.min(0).tolist()
    assert accessor["max"] == position.max(0).tolist()


def test_colours_are_linear_light():
    about, data = parse(encode_glb(MESH))
    colour = array(about, data, about["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]) / 65535
    assert np.allclose(colour[3], [0.21586, 0.21586, 0.21586, 1], atol=2e-5)  # sRGB 128
    assert np.array_equal(colour[0], [1, 0, 0, 1])


def test_only_what_the_picture_shows_whole_wears_it():
    about, data = parse(encode_glb(MESH, UV, encode_png(PICTURE)))
    plain, textured = about["meshes"][0]["primitives"]
    assert array(about, data, plain["indices"]).size == 3
    assert array(about, data, textured["indices"]).size == 6
    assert np.array_equal(array(about, data, textured["attributes"]["TEXCOORD_0"]), UV[:4])
    view = about["bufferViews"][about["images"][0]["bufferView"]]
    png = data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    assert np.array_equal(decode_png(png), PICTURE)


def test_nothing_is_a_scene_without_anything():
    about, data = parse(encode_glb(Mesh(XYZ[:0], RGB[:0], FACES[:0])))
    assert data == b""
    assert about["scenes"] == [{"nodes": []}]


SCRIPT = """
import bpy, json, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=sys.argv[1])
mesh = next(o for o in bpy.data.objects if o.type == "MESH")
v = [list(mesh.matrix_world @ x.co) for x in mesh.data.vertices]
print("FOUND " + json.dumps([v, len(mesh.data.polygons), [i.size[:] for i in bpy.data.images if i.size[0]]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("python", blender_pythons(), ids=lambda python: python.parents[1].name)
def test_blender_imports_it_where_it_was(python, tmp_path):
    (tmp_path / "mesh.glb").write_bytes(encode_glb(MESH, UV, encode_png(PICTURE)))
    command = [str(python), "-c", SCRIPT, str(tmp_path / "mesh.glb")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert "FOUND " in done.stdout, done.stdout + done.stderr
    xyz, faces, sizes = json.loads(done.stdout.split("FOUND ")[1].splitlines()[0])
    assert np.allclose(np.unique(np.round(xyz, 4), axis=0), np.unique(XYZ, axis=0))
    assert faces == 3
    assert sizes == [[6, 4]]
