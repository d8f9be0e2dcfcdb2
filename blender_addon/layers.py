"""Depth in OpenEXR files of several layers, whose pixels Blender gives to its compositor only."""

import re
from pathlib import Path

import bpy

from .colour import TEMPORARY
from .problems import Problem

DEPTHS = ("Depth", "Z")
"""What the pass is called in files of many; else it is the only one of single numbers."""


def extract_depth(image, folder: Path) -> Path:
    """The depth that is in one of the layers of ``image``, written into ``folder`` as an OpenEXR file of its own.

    Raises:
        Problem: there is none, or there are several.
    """
    scene = bpy.data.scenes.new(TEMPORARY)
    try:
        tree = new_tree(scene)
        node = tree.nodes.new("CompositorNodeImage")
        node.image = image
        tree.links.new(_depth_of(node), written(tree, str(folder), "depth", "FLOAT"))
        scene.render.filepath = str(folder / "nothing")
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            bpy.ops.render.render()
        return next(iter(folder.glob("depth*.exr")))
    finally:
        group = getattr(scene, "compositing_node_group", None)
        bpy.data.scenes.remove(scene)
        if group:
            bpy.data.node_groups.remove(group)


def _depth_of(node):
    """The output of an image node that is depth; its layer is chosen."""
    found = {}
    for layer in layers_of(node) or [""]:
        if layer:
            node.layer = layer
        passes = [socket.name for socket in node.outputs if socket.type == "VALUE" and socket.name != "Alpha"]
        for name in [name for name in passes if name in DEPTHS] or passes:
            found[layer, name] = name in DEPTHS
    usable = [key for key, surely in found.items() if surely] or list(found)
    if len(usable) != 1:
        raise Problem(_not_one(Path(node.image.filepath).name, usable))
    layer, name = usable[0]
    if layer:
        node.layer = layer
    return node.outputs[name]


def _not_one(file: str, usable: list[tuple[str, str]]) -> str:
    if not usable:
        return f"{file} holds several layers, and none is a depth: render it with the pass Depth (Z) on"
    names = ", ".join(".".join(part for part in names if part) for names in usable)
    return f"{file} holds several layers that may be the depth ({names}): save one alone, as an OpenEXR file"


def layers_of(node) -> list[str]:
    """The layers of an image node's file, [] where it has no names. Blender lists them only as it refuses another."""
    try:
        node.layer = "\n"
    except TypeError as error:
        return re.findall(r"'([^']+)'", str(error).partition("not found in")[2])
    return []


def new_tree(scene):
    """A compositor for ``scene`` with its end only."""
    if not hasattr(scene, "compositing_node_group"):
        scene.use_nodes = True
        scene.node_tree.nodes.clear()
        scene.node_tree.nodes.new("CompositorNodeComposite")
        return scene.node_tree
    tree = scene.compositing_node_group = bpy.data.node_groups.new(TEMPORARY, "CompositorNodeTree")  # Blender 5.0
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    tree.nodes.new("NodeGroupOutput")
    return tree


def written(tree, folder: str, name: str, kind: str):
    """The input of a node that writes what it gets into files of that name."""
    output = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(output, "file_output_items"):  # Blender 5.0
        output.format.media_type = "IMAGE"
        output.directory, output.file_name = folder, name
        output.file_output_items.new(kind, name.title())
    else:
        output.base_path = folder
        output.file_slots[0].path = name
    output.format.file_format, output.format.color_depth = "OPEN_EXR", "32"
    output.format.exr_codec = "ZIP"
    return output.inputs[0]
