"""What an object of a take is in renders: left out, seen, a catcher of shadows, or a hole that hides CG behind it."""

import bpy

from .problems import Problem

PARTS = [
    ("LEFT_OUT", "Left Out", "Not in renders; this is how it came"),
    ("SEEN", "Seen", "Rendered as it looks, with the frames' colors"),
    (
        "SHADOWS",
        "Shadow Catcher",
        "Shows nothing but the shadows of CG, hides CG behind it, and is mirrored in CG (Cycles)",
    ),
    ("HOLDOUT", "Holdout", "Hides CG behind it, and shows nothing itself"),
]

WHITE = (0.8, 0.8, 0.8, 1)
"""Of the surface that shadows fall on: how much darker they make it is all that counts."""


def part_of(thing) -> str:
    """Which of ``PARTS`` an object plays."""
    if thing.hide_render:
        return "LEFT_OUT"
    return "SHADOWS" if thing.is_shadow_catcher else "HOLDOUT" if thing.is_holdout else "SEEN"


def play(scene, thing, part: str) -> None:
    """Let ``thing`` play ``part`` in renders.

    Raises:
        Problem: shadows are to be caught by another renderer than Cycles, on points, or without a material.
    """
    if part == "SHADOWS" and scene.render.engine != "CYCLES":
        raise Problem("Only Cycles catches shadows: set Render Engine to Cycles, or take Holdout")
    if part == "SHADOWS" and not thing.data.polygons:
        raise Problem("Points catch no shadows: make the Proxy Mesh and take that")
    if part == "SHADOWS" and not any(list(thing.data.materials)[:1]):
        raise Problem(f"The material of {thing.name!r} is gone: make the Proxy Mesh again")
    thing.hide_render = part == "LEFT_OUT"
    thing.is_shadow_catcher, thing.is_holdout = part == "SHADOWS", part == "HOLDOUT"
    for slot in thing.material_slots:
        if slot.link == "OBJECT":
            _drop(slot)
        if part == "SHADOWS":
            slot.link, slot.material = "OBJECT", _matte(thing.data.materials[0])


def _matte(seen) -> bpy.types.Material:
    """White where the camera sees it, so that shadows show; to all else it shines as ``seen`` does."""
    material = seen.copy()
    material.name = f"{seen.name} Catcher"
    material.cycles.emission_sampling = "NONE"  # mirrored, but no lamp of so many triangles: renders take half as long
    tree = material.node_tree
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    shine = output.inputs["Surface"].links[0].from_socket
    white, mix = tree.nodes.new("ShaderNodeBsdfDiffuse"), tree.nodes.new("ShaderNodeMixShader")
    rays = tree.nodes.new("ShaderNodeLightPath")
    white.inputs["Color"].default_value = WHITE
    tree.links.new(rays.outputs["Is Camera Ray"], mix.inputs[0])
    tree.links.new(shine, mix.inputs[1])
    tree.links.new(white.outputs["BSDF"], mix.inputs[2])
    tree.links.new(mix.outputs["Shader"], output.inputs["Surface"])
    for node, x, y in ((rays, 440, 320), (white, 440, -160), (mix, 660, 0), (output, 880, 0)):
        node.location = (x, y)
    return material


def _drop(slot) -> None:
    """Back to the material of the mesh."""
    material, slot.material = slot.material, None  # the object would keep it, unseen
    slot.link = "DATA"
    if material is not None and material.users == 0:
        bpy.data.materials.remove(material)
