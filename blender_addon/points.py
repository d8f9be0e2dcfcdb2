"""The coloured point cloud: from ``points.ply`` to a mesh of vertices that geometry nodes draw as points."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from . import point_nodes
from .parts import PICTURE
from .problems import Problem

PLY_TYPES = {"float": "<f4", "float32": "<f4", "double": "<f8", "uchar": "u1", "uint8": "u1", "int": "<i4"}

OVERLAP = 0.6
"""A point's radius in pixels of the first frame: half a pixel and a little more, so that surfaces close."""

BLOCK = 1 << 14
"""Colours that are converted at once."""


@dataclass(frozen=True)
class Cloud:
    """xyz (p, 3) float32 in Blender's world; rgb (p, 3) uint8 as in the frames; provenance (p,) uint8."""

    xyz: np.ndarray
    rgb: np.ndarray
    provenance: np.ndarray


def read_ply(path: Path) -> Cloud:
    """Read a binary little-endian PLY of vertices; raises ``Problem`` where it is none or is cut short."""
    vertices, _, _ = _read_vertices(path)

    def columns(*names):
        return np.column_stack([vertices[name] for name in names])

    known = "provenance" in vertices.dtype.names
    provenance = np.array(vertices["provenance"]) if known else np.zeros(len(vertices), np.uint8)
    return Cloud(columns("x", "y", "z").astype(np.float32), columns("red", "green", "blue"), provenance)


@dataclass(frozen=True)
class Surface:
    """Vertices, triangles (m, 3) and, where they are known, ``uv`` (p, 2) in the picture, v up, -1 outside of it."""

    vertices: Cloud
    faces: np.ndarray
    uv: np.ndarray | None


def read_mesh(path: Path) -> Surface:
    """Read a binary little-endian PLY of triangles; raises ``Problem`` as ``read_ply``."""
    vertices, lines, rest = _read_vertices(path)
    count = next((int(line[2]) for line in lines if line[:2] == ["element", "face"]), 0)
    row = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
    if len(rest) != count * row.itemsize:
        raise Problem(f"{path} is cut short or holds more than triangles: make it again")
    known = {"s", "t"} <= set(vertices.dtype.names)
    uv = np.column_stack([vertices["s"], vertices["t"]]) if known else None
    return Surface(read_ply(path), np.frombuffer(rest, row, count)["corners"], uv)


def _read_vertices(path: Path) -> tuple[np.ndarray, list[list[str]], bytes]:
    """The vertices, the words of the header and what follows them."""
    content = path.read_bytes()
    header, end, body = content.partition(b"end_header\n")
    lines = [line.split() for line in header.decode("ascii", "replace").splitlines()]
    if not end or lines[:1] != [["ply"]] or ["format", "binary_little_endian", "1.0"] not in lines:
        raise Problem(f"{path} is no binary PLY file: import a folder that WorldWarp wrote")
    count = next(int(line[2]) for line in lines if line[:2] == ["element", "vertex"])
    fields = [line for line in lines if line[:1] == ["property"] and line[1] in PLY_TYPES]
    row = np.dtype([(name, PLY_TYPES[kind]) for _, kind, name in fields])
    if len(body) < count * row.itemsize:
        raise Problem(f"{path} is cut short: fetch the result again")
    return np.frombuffer(body, row, count), lines, body[count * row.itemsize :]


def cloud_object(name: str, xyz, colours, radii, provenance=None, rgb=None) -> bpy.types.Object:
    """A mesh of vertices that geometry nodes draw as points, with what they choose by; left out of renders.

    Args:
        xyz: (p, 3) float32; colours: (p, 3) linear; radii: (p,); provenance: (p,); rgb: (p, 3) uint8, as in the frames.
    """
    mesh = _coloured(name, xyz, colours)
    values = np.zeros(len(xyz), np.int32) if provenance is None else provenance.astype(np.int32)
    mesh.attributes.new(point_nodes.PROVENANCE, "INT", "POINT").data.foreach_set("value", values)
    for key, values in ((point_nodes.RADIUS, radii), (point_nodes.RANK, point_nodes.ranks(len(xyz)))):
        mesh.attributes.new(key, "FLOAT", "POINT").data.foreach_set("value", np.asarray(values, np.float32))
    if rgb is not None:
        keep_bytes(mesh, PICTURE, rgb)
    mesh.update()
    cloud_object = bpy.data.objects.new(name, mesh)
    cloud_object.hide_render = True
    group = point_nodes.group(name, mesh.materials[0], point_nodes.share_of(len(xyz)))
    cloud_object.modifiers.new(point_nodes.NAME, "NODES").node_group = group
    return cloud_object


def surface_object(name: str, xyz, colours, faces) -> bpy.types.Object:
    """A mesh of triangles (m, 3) with the colours of its vertices."""
    mesh = _coloured(name, xyz, colours)
    mesh.loops.add(3 * len(faces))
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(faces, np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * len(faces), 3, dtype=np.int32))
    mesh.update(calc_edges=True)
    return bpy.data.objects.new(name, mesh)


def keep_bytes(mesh, name: str, rgb: np.ndarray) -> None:
    """Keep colours (p, 3) uint8 as they are, packed into an attribute of the vertices."""
    packed = np.zeros((len(rgb), 4), np.uint8)
    packed[:, :3] = rgb
    mesh.attributes.new(name, "INT", "POINT").data.foreach_set("value", packed.view(np.int32).ravel())


def _coloured(name: str, xyz, colours) -> bpy.types.Mesh:
    """A mesh of vertices with a colour attribute, and the material that shows it."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(xyz))
    positions = mesh.attributes["position"].data  # a hundred times as fast as by way of the vertices
    positions.foreach_set("vector", np.ascontiguousarray(xyz, np.float32).ravel())
    rgba = np.ones((len(xyz), 4), np.float32)
    rgba[:, :3] = colours
    mesh.attributes.new("Col", "FLOAT_COLOR", "POINT").data.foreach_set("color", rgba.ravel())
    mesh.color_attributes.active_color_name = "Col"  # what Solid shading shows where it shows attributes
    mesh.materials.append(_material(name))
    return mesh


def radii(xyz: np.ndarray, centre: np.ndarray, focal: float) -> np.ndarray:
    """Radii (p,) with which points seen from ``centre`` close a surface; ``focal`` in pixels."""
    away = xyz - np.asarray(centre, np.float32)
    return OVERLAP / focal * np.sqrt(np.einsum("pi,pi->p", away, away))  # ten times as fast as linalg.norm


def scene_linear(rgb: np.ndarray, colour_space: str) -> np.ndarray:
    """Linear colours (p, 3) float32 of bytes (p, 3) in one of Blender's colour spaces, converted by Blender."""
    linear = np.empty((len(rgb), 3), np.float32)
    for _ in linear_blocks(rgb, colour_space, linear):
        pass
    return linear


def linear_blocks(rgb: np.ndarray, colour_space: str, linear: np.ndarray) -> Iterator[None]:
    """The same into ``linear``, a block for each ``next``, so that nobody waits long for one of them."""
    with tempfile.TemporaryDirectory(prefix="worldwarp-") as folder:
        for start in range(0, len(rgb), BLOCK):
            linear[start : start + BLOCK] = _scene_linear(rgb[start : start + BLOCK], colour_space, Path(folder))
            yield


def _scene_linear(rgb: np.ndarray, colour_space: str, folder: Path) -> np.ndarray:
    """Blender converts only when it writes scene-linear files, so the colours take a turn through one."""
    from .importer import set_colour_space
    from .picture import read_pixels

    width = min(len(rgb), 256)
    height = -(-len(rgb) // width)
    pixels = np.ones((width * height, 4), np.float32)
    pixels[: len(rgb), :3] = rgb / np.float32(255)
    image = bpy.data.images.new("WorldWarp Temporary", width, height)
    scene = bpy.data.scenes.new("WorldWarp Temporary")
    try:
        set_colour_space(image, colour_space)  # before the pixels: it clears them
        image.pixels.foreach_set(pixels.ravel())
        settings = scene.render.image_settings
        if hasattr(settings, "media_type"):  # Blender 5.0
            settings.media_type = "IMAGE"
        settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGB"
        settings.exr_codec = "NONE"  # packing takes longer than all the rest
        path = folder / "colours.exr"
        image.save_render(str(path), scene=scene)
        linear = read_pixels(path)[::-1].reshape(-1, 4)
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.images.remove(image)
    return linear[: len(rgb), :3]


def _material(name: str) -> bpy.types.Material:
    """The colour attribute as light, so that the points look as in the frames whatever lights the scene."""
    material = bpy.data.materials.new(name)
    if not material.node_tree:  # Blender 5.0 materials have nodes always
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    colour = tree.nodes.new("ShaderNodeAttribute")
    colour.attribute_name = "Col"
    emission, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(colour.outputs["Color"], emission.inputs["Color"])
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    for position, node in enumerate((colour, emission, output)):
        node.location = (220 * position, 0)
    return material
