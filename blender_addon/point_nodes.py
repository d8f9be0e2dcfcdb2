"""Geometry nodes that draw a mesh of vertices as points, and what can be set of them: size, how many, which."""

import bpy
import numpy as np

from .pieces import Pieces

NAME = "WorldWarp Points"
"""Of the modifier."""

RANK, RADIUS, PROVENANCE = "rank", "radius", "provenance"
"""Attributes of the vertices. Points of a rank below *Share* are shown: any share is spread evenly."""

INPUTS = {
    "Size": ("NodeSocketFloat", 1.0, "Of the points; at 1 they close the surfaces that the frames show"),
    "Share": ("NodeSocketFloat", 1.0, "How many of all points are shown, evenly chosen"),
    "Generated": ("NodeSocketBool", True, "Show what was generated"),
    "Filled": ("NodeSocketBool", True, "Show holes that were filled smoothly"),
    "Crop": ("NodeSocketBool", False, "Show only what lies in the box"),
    "Box": (
        "NodeSocketObject",
        None,
        "A cube, or an empty drawn as one: from -1 to 1 of its axes, or of the points' own",
    ),
}
"""What can be set: kind, value at first, description."""

MOST = 4_000_000
"""Points that are shown at first: viewports stay fluent. All are kept, and *Share* shows more."""


def share_of(count: int) -> float:
    """How many of ``count`` points are shown at first."""
    return min(1.0, MOST / max(count, 1))


def ranks(count: int) -> np.ndarray:
    """Ranks (count,) float32 in [0, 1) in no order; the same every time."""
    return np.random.default_rng(0).random(count, np.float32)


def is_cloud(thing) -> bool:
    """Whether an object is drawn by these nodes."""
    return thing.type == "MESH" and NAME in thing.modifiers and RANK in thing.data.attributes


def setting(thing, name: str):
    """What an input of ``thing``'s nodes is set to."""
    modifier = thing.modifiers[NAME]
    identifier = modifier.node_group.interface.items_tree[name].identifier
    if hasattr(modifier, "properties"):  # Blender 5.2
        return getattr(modifier.properties.inputs, identifier).value
    return modifier[identifier]


def draw_setting(layout, thing, name: str) -> None:
    """An input of ``thing``'s nodes as a field."""
    modifier = thing.modifiers[NAME]
    identifier = modifier.node_group.interface.items_tree[name].identifier
    if hasattr(modifier, "properties"):
        layout.prop(getattr(modifier.properties.inputs, identifier), "value", text=name)
    else:
        layout.prop(modifier, f'["{identifier}"]', text=name)


def shown(thing) -> np.ndarray:
    """Which vertices (p,) of ``thing`` the nodes show, for who draws them otherwise."""
    mesh = thing.data
    kept = _values(mesh, RANK, np.float32) < setting(thing, "Share")
    if PROVENANCE in mesh.attributes:
        provenance = _values(mesh, PROVENANCE, np.int32)
        for number, name in ((1, "Generated"), (2, "Filled")):
            kept &= (provenance != number) | bool(setting(thing, name))
    if setting(thing, "Crop"):
        box = setting(thing, "Box")
        local = np.array(box.matrix_world.inverted_safe() @ thing.matrix_world if box else np.eye(4), np.float32)
        places = _places(mesh) @ local[:3, :3].T + local[:3, 3]
        kept &= (np.abs(places) <= 1).all(axis=1)
    return kept


def _values(mesh, name: str, kind) -> np.ndarray:
    values = np.empty(len(mesh.vertices), kind)
    mesh.attributes[name].data.foreach_get("value", values)
    return values


def _places(mesh) -> np.ndarray:
    places = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", places)
    return places.reshape(-1, 3)


def building(made: list, name: str, material, share: float) -> Pieces[bpy.types.NodeTree]:
    """Mesh to Points of the chosen vertices, then Set Material; ``share`` of them is shown at first."""
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    made.append(tree)
    _sockets(tree, share)
    yield
    given, result = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    points, dress = tree.nodes.new("GeometryNodeMeshToPoints"), tree.nodes.new("GeometryNodeSetMaterial")
    dress.inputs["Material"].default_value = material
    radius = _math(tree, "MULTIPLY", _named(tree, RADIUS, "FLOAT"), given.outputs["Size"])
    tree.links.new(given.outputs["Geometry"], points.inputs["Mesh"])
    tree.links.new(radius, points.inputs["Radius"])
    tree.links.new(points.outputs["Points"], dress.inputs["Geometry"])
    tree.links.new(dress.outputs["Geometry"], result.inputs["Geometry"])
    yield
    chosen = yield from _chosen(tree, given.outputs)
    tree.links.new(chosen, points.inputs["Selection"])
    yield
    _arrange(tree, result)
    yield
    return tree


def _sockets(tree, share: float) -> None:
    tree.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    for title, (kind, value, description) in INPUTS.items():
        socket = tree.interface.new_socket(title, in_out="INPUT", socket_type=kind)
        socket.description = description
        if value is not None:
            socket.default_value = value
        if kind == "NodeSocketFloat":
            socket.min_value, socket.max_value = 0.0, 1.0 if title == "Share" else 100.0
    tree.interface.items_tree["Share"].default_value = share
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")


def _chosen(tree, given) -> Pieces[bpy.types.NodeSocket]:
    """The socket that says which vertices are shown: what ``shown`` computes."""
    few = _compare(tree, "LESS_THAN", _named(tree, RANK, "FLOAT"), given["Share"])
    provenance = _named(tree, PROVENANCE, "FLOAT")
    yield
    made = _boolean(tree, "NIMPLY", _compare(tree, "EQUAL", provenance, 1.0), given["Generated"])
    filled = _boolean(tree, "NIMPLY", _compare(tree, "EQUAL", provenance, 2.0), given["Filled"])
    hidden = _boolean(tree, "OR", made, filled)
    yield
    outside = _boolean(tree, "AND", _outside(tree, given["Box"]), given["Crop"])
    yield
    return _boolean(tree, "NIMPLY", few, _boolean(tree, "OR", hidden, outside))


def _outside(tree, box):
    """Whether a vertex lies outside of the cube from -1 to 1 of an object."""
    info, place = tree.nodes.new("GeometryNodeObjectInfo"), tree.nodes.new("GeometryNodeInputPosition")
    inverse, move = tree.nodes.new("FunctionNodeInvertMatrix"), tree.nodes.new("FunctionNodeTransformPoint")
    size, parts = tree.nodes.new("ShaderNodeVectorMath"), tree.nodes.new("ShaderNodeSeparateXYZ")
    info.transform_space, size.operation = "RELATIVE", "ABSOLUTE"
    tree.links.new(box, info.inputs["Object"])
    tree.links.new(info.outputs["Transform"], inverse.inputs["Matrix"])
    tree.links.new(place.outputs["Position"], move.inputs["Vector"])
    tree.links.new(inverse.outputs["Matrix"], move.inputs["Transform"])
    tree.links.new(move.outputs["Vector"], size.inputs[0])
    tree.links.new(size.outputs["Vector"], parts.inputs["Vector"])
    furthest = _math(tree, "MAXIMUM", parts.outputs["X"], parts.outputs["Y"])
    return _compare(tree, "GREATER_THAN", _math(tree, "MAXIMUM", furthest, parts.outputs["Z"]), 1.0)


def _named(tree, name: str, kind: str):
    node = tree.nodes.new("GeometryNodeInputNamedAttribute")
    node.data_type = kind
    node.inputs["Name"].default_value = name
    return next(socket for socket in node.outputs if socket.enabled and socket.name == "Attribute")


def _join(tree, node, *values):
    """Give ``node``'s inputs in use, sockets or numbers."""
    used = [socket for socket in node.inputs if socket.enabled and not socket.is_unavailable]
    for socket, value in zip(used, values, strict=False):
        if isinstance(value, float):
            socket.default_value = value
        else:
            tree.links.new(value, socket)
    return node.outputs[0]


def _math(tree, operation: str, *values):
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = operation
    return _join(tree, node, *values)


def _boolean(tree, operation: str, *values):
    node = tree.nodes.new("FunctionNodeBooleanMath")
    node.operation = operation
    return _join(tree, node, *values)


def _compare(tree, operation: str, *values):
    node = tree.nodes.new("FunctionNodeCompare")
    node.data_type, node.operation = "FLOAT", operation
    return _join(tree, node, *values)


def _arrange(tree, result) -> None:
    """Lay what leads to ``result`` out to its left, as many columns away as it is links."""
    rows: dict[int, int] = {}
    column, waiting, placed = 0, [result], set()
    while waiting:
        for node in waiting:
            node.location = (-200 * column, -180 * rows.setdefault(column, 0))
            rows[column] += 1
        placed.update(waiting)
        sources = [link.from_node for link in tree.links if link.to_node in waiting]
        waiting, column = [node for node in dict.fromkeys(sources) if node not in placed], column + 1
