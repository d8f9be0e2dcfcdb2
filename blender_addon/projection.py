"""The picture as texture of a world's mesh: what the first frame shows of it in full, the rest in vertex colours."""

from pathlib import Path

import bpy
import numpy as np

from .importer import set_colour_space
from .paths_of_blend import kept
from .pieces import Pieces, blocks
from .points import ROWS

UV = "Picture"
"""Name of the mesh's UV map."""

SHOWN = "worldwarp_shown"
"""Attribute of its faces: 1 where the picture shows all corners, else 0."""


def projecting(made: list, mesh, faces: np.ndarray, uv: np.ndarray, picture: Path, colour_space: str) -> Pieces[None]:
    """Lay ``picture`` onto ``mesh``, whose only material shows the vertices' colours.

    Args:
        made: takes in the datablocks, as ``whole_or_nothing`` gives it.
        faces: (m, 3), those of ``mesh`` in their order.
        uv: (p, 2) of the vertices in the picture, 0 to 1, v up; negative outside of it.
    """
    shown, corners = np.empty(len(faces), np.float32), np.empty((len(faces), 3, 2), np.float32)
    for block in blocks(len(faces), ROWS):
        places = uv[faces[block]]
        shown[block] = (places >= 0).all(axis=(1, 2))
        corners[block] = np.where(shown[block, None, None], places, 0)
        yield
    mesh.uv_layers.new(name=UV).data.foreach_set("uv", corners.ravel())
    yield
    mesh.attributes.new(SHOWN, "FLOAT", "FACE").data.foreach_set("value", shown)
    yield
    image = bpy.data.images.load(str(picture), check_existing=False)
    made.append(image)
    image.name, image.filepath = f"{mesh.name} Picture", kept(picture)
    set_colour_space(image, colour_space)
    _mix(mesh.materials[0].node_tree, image)
    yield


def _mix(tree, image) -> None:
    """Between the colours of the vertices and where they are shown: the picture, where it shows the face."""
    colour = next(node for node in tree.nodes if node.type == "ATTRIBUTE")
    target = colour.outputs["Color"].links[0].to_socket
    shown, place = tree.nodes.new("ShaderNodeAttribute"), tree.nodes.new("ShaderNodeUVMap")
    texture, mix = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeMix")
    shown.attribute_name, place.uv_map = SHOWN, UV
    texture.image, texture.extension = image, "EXTEND"
    mix.data_type = "RGBA"
    sockets = {socket.identifier: socket for socket in (*mix.inputs, *mix.outputs)}
    tree.links.new(place.outputs["UV"], texture.inputs["Vector"])
    tree.links.new(shown.outputs["Fac"], sockets["Factor_Float"])
    tree.links.new(colour.outputs["Color"], sockets["A_Color"])
    tree.links.new(texture.outputs["Color"], sockets["B_Color"])
    tree.links.new(sockets["Result_Color"], target)
    for node, location in ((place, (-520, -320)), (texture, (-300, -320)), (shown, (-200, 200)), (mix, (0, -200))):
        node.location = location
