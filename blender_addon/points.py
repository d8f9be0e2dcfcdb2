"""The coloured point cloud: from ``points.ply`` to a mesh of vertices that geometry nodes draw as points."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from . import point_nodes
from .parts import PICTURE
from .pieces import Pieces, blocks, to_the_end, whole_or_nothing
from .problems import Problem

PLY_TYPES = {"float": "<f4", "float32": "<f4", "double": "<f8", "uchar": "u1", "uint8": "u1", "int": "<i4"}

OVERLAP = 0.6
"""A point's radius in pixels of the first frame: half a pixel and a little more, so that surfaces close."""

BLOCK = 1 << 14
"""Colours that are converted at once."""

ROWS = 1 << 16
"""Vertices or triangles that are read, or worked on, at once."""

MOST_LINES = 1024
"""Of a header, and letters in each."""


@dataclass(frozen=True)
class Cloud:
    """xyz (p, 3) float32 in Blender's world; rgb (p, 3) uint8 as in the frames; provenance (p,) uint8."""

    xyz: np.ndarray
    rgb: np.ndarray
    provenance: np.ndarray


def reading_ply(path: Path) -> Pieces[Cloud]:
    """Read a binary little-endian PLY of vertices; raises ``Problem`` where it is none or is cut short."""
    with path.open("rb") as file:
        return (yield from _vertices(file, _header(file, path)))[0]


def read_ply(path: Path) -> Cloud:
    """The same at once."""
    return to_the_end(reading_ply(path))


@dataclass(frozen=True)
class Surface:
    """Vertices, triangles (m, 3) and, where they are known, ``uv`` (p, 2) in the picture, v up, -1 outside of it."""

    vertices: Cloud
    faces: np.ndarray
    uv: np.ndarray | None


def reading_mesh(path: Path) -> Pieces[Surface]:
    """Read a binary little-endian PLY of triangles; raises ``Problem`` as ``reading_ply``."""
    row = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
    with path.open("rb") as file:
        header = _header(file, path)
        cloud, uv = yield from _vertices(file, header)
        if header.rest != header.faces * row.itemsize:
            raise Problem(f"{path} is cut short or holds more than triangles: make it again")
        faces = np.empty((header.faces, 3), np.int32)
        for block in blocks(header.faces, ROWS):
            faces[block] = np.fromfile(file, row, block.stop - block.start)["corners"]
            if faces[block].min() < 0 or faces[block].max() >= header.count:  # Blender crashes on those
                raise Problem(f"{path} is damaged, its triangles have corners that are no vertices: make it again")
            yield
    return Surface(cloud, faces, uv)


def read_mesh(path: Path) -> Surface:
    """The same at once."""
    return to_the_end(reading_mesh(path))


@dataclass(frozen=True)
class _Header:
    """What a PLY file says of itself: ``rest`` is how many bytes follow its vertices."""

    row: np.dtype
    count: int
    faces: int
    rest: int


def _header(file, path: Path) -> _Header:
    lines: list[list[str]] = []
    while len(lines) < MOST_LINES and lines[-1:] != [["end_header"]]:
        lines.append(file.readline(MOST_LINES).decode("ascii", "replace").split())
    if lines[0] != ["ply"] or lines[-1] != ["end_header"] or ["format", "binary_little_endian", "1.0"] not in lines:
        raise Problem(f"{path} is no binary PLY file: import a folder that WorldWarp wrote")
    counts = {line[1]: int(line[2]) for line in lines if line[:1] == ["element"]}
    fields = [line for line in lines if line[:1] == ["property"] and line[1] in PLY_TYPES]
    row = np.dtype([(name, PLY_TYPES[kind]) for _, kind, name in fields])
    rest = path.stat().st_size - file.tell() - counts["vertex"] * row.itemsize
    if rest < 0:
        raise Problem(f"{path} is cut short: fetch the result again")
    return _Header(row, counts["vertex"], counts.get("face", 0), rest)


def _vertices(file, header: _Header) -> Pieces[tuple[Cloud, np.ndarray | None]]:
    """The vertices, and their places in the picture where the file tells them."""
    count, names = header.count, header.row.names
    cloud = Cloud(np.empty((count, 3), np.float32), np.empty((count, 3), np.uint8), np.zeros(count, np.uint8))
    uv = np.empty((count, 2), np.float32) if {"s", "t"} <= set(names) else None
    for block in blocks(count, ROWS):
        rows = np.fromfile(file, header.row, block.stop - block.start)
        _spread(rows, ("x", "y", "z"), cloud.xyz[block])
        _spread(rows, ("red", "green", "blue"), cloud.rgb[block])
        if "provenance" in names:
            cloud.provenance[block] = rows["provenance"]
        if uv is not None:
            _spread(rows, ("s", "t"), uv[block])
        yield
    return cloud, uv


def _spread(rows: np.ndarray, names: tuple[str, ...], columns: np.ndarray) -> None:
    for column, name in enumerate(names):
        columns[:, column] = rows[name]


def cloud_object(name: str, xyz, colours, radii, provenance=None, rgb=None) -> bpy.types.Object:
    """``building_cloud`` at once."""
    with whole_or_nothing() as made:
        return to_the_end(building_cloud(made, name, xyz, colours, radii, provenance, rgb))


def building_cloud(made: list, name: str, xyz, colours, radii, provenance=None, rgb=None) -> Pieces[bpy.types.Object]:
    """A mesh of vertices that geometry nodes draw as points, with what they choose by; left out of renders.

    Args:
        made: takes in the datablocks, as ``whole_or_nothing`` gives it.
        xyz: (p, 3) float32; colours: (p, 3) linear; radii: (p,); provenance: (p,); rgb: (p, 3) uint8, as in the frames.
    """
    mesh = yield from _coloured(made, name, xyz, colours)
    values = np.zeros(len(xyz), np.int32) if provenance is None else provenance.astype(np.int32)
    mesh.attributes.new(point_nodes.PROVENANCE, "INT", "POINT").data.foreach_set("value", values)
    yield
    mesh.attributes.new(point_nodes.RADIUS, "FLOAT", "POINT").data.foreach_set("value", np.asarray(radii, np.float32))
    yield
    ranks = point_nodes.ranks(len(xyz))
    mesh.attributes.new(point_nodes.RANK, "FLOAT", "POINT").data.foreach_set("value", ranks)
    yield
    if rgb is not None:
        keep_bytes(mesh, PICTURE, rgb)
        yield
    group = yield from point_nodes.building(made, name, mesh.materials[0], point_nodes.share_of(len(xyz)))
    mesh.update()
    cloud_object = bpy.data.objects.new(name, mesh)
    made.append(cloud_object)
    cloud_object.hide_render = True
    cloud_object.modifiers.new(point_nodes.NAME, "NODES").node_group = group
    yield
    return cloud_object


def surface_object(name: str, xyz, colours, faces) -> bpy.types.Object:
    """``building_surface`` at once."""
    with whole_or_nothing() as made:
        return to_the_end(building_surface(made, name, xyz, colours, faces))


def building_surface(made: list, name: str, xyz, colours, faces) -> Pieces[bpy.types.Object]:
    """A mesh of triangles (m, 3) with the colours of its vertices; ``made`` as of ``building_cloud``."""
    mesh = yield from _coloured(made, name, xyz, colours)
    mesh.loops.add(3 * len(faces))
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(faces, np.int32).ravel())
    yield
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * len(faces), 3, dtype=np.int32))
    yield
    mesh.update(calc_edges=True)
    made.append(bpy.data.objects.new(name, mesh))
    yield
    return made[-1]


def keep_bytes(mesh, name: str, rgb: np.ndarray) -> None:
    """Keep colours (p, 3) uint8 as they are, packed into an attribute of the vertices."""
    packed = np.zeros((len(rgb), 4), np.uint8)
    packed[:, :3] = rgb
    mesh.attributes.new(name, "INT", "POINT").data.foreach_set("value", packed.view(np.int32).ravel())


def _coloured(made: list, name: str, xyz, colours) -> Pieces[bpy.types.Mesh]:
    """A mesh of vertices with a colour attribute, and the material that shows it."""
    mesh = bpy.data.meshes.new(name)
    made.append(mesh)
    mesh.vertices.add(len(xyz))
    positions = mesh.attributes["position"].data  # a hundred times as fast as by way of the vertices
    positions.foreach_set("vector", np.ascontiguousarray(xyz, np.float32).ravel())
    yield
    rgba = np.empty((len(xyz), 4), np.float32)
    for block in blocks(len(xyz), ROWS):
        rgba[block, :3], rgba[block, 3] = colours[block], 1
        yield
    mesh.attributes.new("Col", "FLOAT_COLOR", "POINT").data.foreach_set("color", rgba.ravel())
    mesh.color_attributes.active_color_name = "Col"  # what Solid shading shows where it shows attributes
    yield
    mesh.materials.append(_material(made, name))
    yield
    return mesh


def measuring_radii(xyz: np.ndarray, cameras: list[tuple[np.ndarray, float]]) -> Pieces[np.ndarray]:
    """``radii`` by the nearest of ``cameras``: centres and focals."""
    found = np.full(len(xyz), np.inf, np.float32)
    for block in blocks(len(xyz), max(BLOCK, ROWS // len(cameras))):
        for centre, focal in cameras:
            np.minimum(found[block], radii(xyz[block], centre, focal), out=found[block])
        yield
    return found


def radii(xyz: np.ndarray, centre: np.ndarray, focal: float) -> np.ndarray:
    """Radii (p,) with which points seen from ``centre`` close a surface; ``focal`` in pixels."""
    away = xyz - np.asarray(centre, np.float32)
    return OVERLAP / focal * np.sqrt(np.einsum("pi,pi->p", away, away))  # ten times as fast as linalg.norm


def scene_linear(rgb: np.ndarray, colour_space: str) -> np.ndarray:
    """``converting`` at once."""
    return to_the_end(converting(rgb, colour_space))


def converting(rgb: np.ndarray, colour_space: str) -> Pieces[np.ndarray]:
    """Linear colours (p, 3) float32 of bytes (p, 3) in one of Blender's colour spaces, converted by Blender."""
    linear = np.empty((len(rgb), 3), np.float32)
    with tempfile.TemporaryDirectory(prefix="worldwarp-") as folder:
        for block in blocks(len(rgb), BLOCK):
            linear[block] = _scene_linear(rgb[block], colour_space, Path(folder))
            yield
    return linear


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


def _material(made: list, name: str) -> bpy.types.Material:
    """The colour attribute as light, so that the points look as in the frames whatever lights the scene."""
    material = bpy.data.materials.new(name)
    made.append(material)
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
