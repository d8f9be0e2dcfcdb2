"""A mesh as binary glTF 2.0 (``.glb``), with the picture projected onto what it shows."""

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..nouns import Bytes, Floats
from .mesh import Mesh, used

FLOAT, USHORT, UINT = 5126, 5123, 5125
"""glTF's numbers of types of components."""

ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
"""glTF's numbers of what a part of the buffer is for."""


@dataclass
class _Buffer:
    """The binary part as it grows, and what the JSON part says of it."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def view(self, content: bytes, **more: int) -> int:
        """The number of a new view; each begins at a multiple of four bytes."""
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content), **more})
        self.data += content + bytes(-len(content) % 4)
        return len(self.views) - 1

    def accessor(self, array: NDArray[Any], component: int, kind: str, target: int, **more: Any) -> int:
        """The number of a new accessor of ``array`` (n, ...)."""
        view = self.view(np.ascontiguousarray(array).tobytes(), target=target)
        about = {"bufferView": view, "componentType": component, "count": len(array), "type": kind, **more}
        self.accessors.append(about)
        return len(self.accessors) - 1


def encode_glb(mesh: Mesh, uv: Floats | None = None, picture: bytes | None = None) -> bytes:
    """A ``.glb`` file (Khronos, glTF 2.0 specification), Y up, as importers expect: (x, z, -y) of Blender's world.

    Triangles that the picture shows whole have it as their texture, the others the colours of their vertices. An empty
    mesh is a scene without anything in it.

    Args:
        uv: (p, 2) in the picture, from 0 to 1, v down; NaN where it does not show the vertex.
        picture: the bytes of a PNG, embedded; given with ``uv``.
    """
    buffer = _Buffer()
    shown = np.zeros(len(mesh.faces), bool) if uv is None else np.isfinite(uv[mesh.faces]).all(axis=(1, 2))
    primitives = []
    for material, chosen in ((0, ~shown), (1, shown)):
        if chosen.any():
            part, kept = used(Mesh(mesh.xyz, mesh.rgb, mesh.faces[chosen]))
            primitives.append(_primitive(buffer, part, uv[kept] if uv is not None and material else None, material))
    about: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "WorldWarp"},
        "scene": 0,
        "scenes": [{"nodes": [0] if primitives else []}],
    }
    if primitives:
        about |= {
            "nodes": [{"mesh": 0, "name": "World"}],
            "meshes": [{"name": "World", "primitives": primitives}],
            "accessors": buffer.accessors,
            "materials": [_material("Colours"), _material("Picture")] if shown.any() else [_material("Colours")],
        }
    if shown.any() and picture is not None:
        about["images"] = [{"bufferView": buffer.view(picture), "mimeType": "image/png", "name": "Picture"}]
        about["samplers"] = [{"wrapS": 33071, "wrapT": 33071}]  # clamped at the picture's edge
        about["textures"] = [{"source": 0, "sampler": 0}]
        about["materials"][1]["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
    if primitives:
        about |= {"bufferViews": buffer.views, "buffers": [{"byteLength": len(buffer.data)}]}
    return _glb(about, bytes(buffer.data))


def _primitive(buffer: _Buffer, mesh: Mesh, uv: Floats | None, material: int) -> dict[str, Any]:
    xyz = np.stack([mesh.xyz[:, 0], mesh.xyz[:, 2], -mesh.xyz[:, 1]], axis=1).astype("<f4")
    bounds = {"min": xyz.min(axis=0).tolist(), "max": xyz.max(axis=0).tolist()}
    attributes = {"POSITION": buffer.accessor(xyz, FLOAT, "VEC3", ARRAY_BUFFER, **bounds)}
    if uv is None:
        colours = _linear(mesh.rgb)
        attributes["COLOR_0"] = buffer.accessor(colours, USHORT, "VEC4", ARRAY_BUFFER, normalized=True)
    else:
        attributes["TEXCOORD_0"] = buffer.accessor(uv.astype("<f4"), FLOAT, "VEC2", ARRAY_BUFFER)
    indices = buffer.accessor(mesh.faces.astype("<u4").ravel(), UINT, "SCALAR", ELEMENT_ARRAY_BUFFER)
    return {"attributes": attributes, "indices": indices, "material": material}


def _linear(rgb: Bytes) -> NDArray[np.uint16]:
    """(p, 4): glTF's colours of vertices are linear light, ours are sRGB (IEC 61966-2-1)."""
    c = rgb / 255.0
    light = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    opaque = np.pad(light, [(0, 0), (0, 1)], constant_values=1)
    return np.asarray(np.rint(opaque * 65535).astype("<u2"))


def _material(name: str) -> dict[str, Any]:
    """Matt, and seen from behind as well: an open surface has no inside."""
    surface = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    return {"name": name, "doubleSided": True, "pbrMetallicRoughness": surface}


def _glb(about: dict[str, Any], data: bytes) -> bytes:
    """The container: a header and two chunks, each padded to four bytes."""
    text = json.dumps(about, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if data:
        chunks += struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
