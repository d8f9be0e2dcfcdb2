"""A take's frames behind what is rendered: a compositor group, put into the scene's tree where that is asked for.

Blender up to 4.5 keeps one tree in the scene, which ends in a Composite node; 5.0 uses a node group, which ends in
its output.
"""

import bpy
import numpy as np

from . import takes
from .keyed import keyframe
from .passes import is_there, sequence
from .problems import Problem

MARK = "worldwarp_composite"
"""Custom property of our node in the scene's tree: whether the film was transparent before."""

OF = "worldwarp_of"
"""Custom property of our group: the name of its take."""

CG, DEPTH, IMAGE, FRAMES = "CG", "Depth", "Image", "Frames"
"""Sockets of the group: what is rendered, and how far away; that over the frames; the frames, as large as the render.

Without a depth all that is rendered lies in front of the frames.
"""

SCALE = "Depth Scale"
"""What the frames' depth is multiplied by: how large the take is now, on its empty."""

NEARLY = 1.025
"""What lies up to so many times as far away as a surface of the frames is in front of it.

The proxy mesh lies on these surfaces but for its own error, and what it shows, shadows, would else come and go with it.
"""

MASKS = ("Generated", "Filled")
"""Sockets where provenance is known: 1 where the frame was generated; where a hole was filled smoothly."""

GENERATED, FILLED = 0.33, 0.63
"""Of the colours in ``provenance/``: red less green, and green, are more than that there and nowhere else."""


def frames_of(take) -> bpy.types.CameraBackgroundImage:
    """The background of the take's camera that shows its frames.

    Raises:
        Problem: the camera or its background is gone.
    """
    found = takes.background_of(take)
    if found is None:
        raise Problem(f"The frames of {take.name} are gone from its camera: import the result again")
    return found[1]


def group_of(take) -> bpy.types.NodeTree:
    """A new compositor group that lays what it is given over the frames of ``take``, or under them by their depth."""
    shown = frames_of(take)
    tree = bpy.data.node_groups.new(f"{take.name} Frames", "CompositorNodeTree")
    tree.interface.new_socket(CG, in_out="INPUT", socket_type="NodeSocketColor")
    tree.interface.new_socket(DEPTH, in_out="INPUT", socket_type="NodeSocketFloat")
    tree.interface.new_socket(SCALE, in_out="INPUT", socket_type="NodeSocketFloat").default_value = 1.0
    for name in (IMAGE, FRAMES):
        tree.interface.new_socket(name, in_out="OUTPUT", socket_type="NodeSocketColor")
    given, result = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    frames = _image(tree, shown.image, shown, "Image", 0)
    over = tree.nodes.new("CompositorNodeAlphaOver")
    below, above = [socket for socket in over.inputs if socket.type == "RGBA"]
    tree.links.new(frames, below)
    tree.links.new(given.outputs[CG], above)
    tree.links.new(over.outputs["Image"], result.inputs[IMAGE])
    tree.links.new(frames, result.inputs[FRAMES])
    if passes := sequence(take, "exr"):
        depth = _image(tree, passes, shown, "Depth", -300)
        factor = next(socket for socket in over.inputs if socket.type == "VALUE")
        depth = _math(tree, "MULTIPLY", depth, given.outputs[SCALE])
        depth = _math(tree, "MULTIPLY", depth, NEARLY)
        tree.links.new(_math(tree, "LESS_THAN", given.outputs[DEPTH], depth), factor)
    if origin := sequence(take, "provenance"):
        _masks(tree, _image(tree, origin, shown, "Image", -600), result)
    given.location, over.location, result.location = (0, 200), (660, 100), (1100, 0)
    tree[OF] = take.name
    _retime(tree, take, shown.image_user.frame_start)
    return tree


def _retime(tree, take, first: int) -> None:
    """Let the images of ``tree`` follow the time of ``take``, where that was changed."""
    if takes.OFFSETS not in take:
        return
    offsets = np.array(take[takes.OFFSETS])[:, None]
    images = [node for node in tree.nodes if node.bl_idname == "CompositorNodeImage"]
    paths = [f'nodes["{node.name}"].frame_offset' for node in images]
    keyframe(tree, first + np.arange(len(offsets)), dict.fromkeys(paths, offsets))


def refresh(scene, take) -> None:
    """Make our group in the compositor of ``scene`` anew where it shows ``take``, which has changed."""
    node = node_of(scene)
    ours = node is not None and node.id_data.library is None
    if ours and node.node_tree is not None and node.node_tree.get(OF) == take.name:
        _connect(scene, take, by_depth=bool(node.inputs[DEPTH].links))


def _image(tree, image, shown, output: str, y: float):
    """An output of the image sequence, at the size of the render."""
    node, fitted = tree.nodes.new("CompositorNodeImage"), tree.nodes.new("CompositorNodeScale")
    node.image = image
    play(node, shown.image_user)
    _fit(fitted, shown.frame_method)
    tree.links.new(node.outputs[output], fitted.inputs["Image"])
    node.location, fitted.location = (0, y), (220, y)
    return fitted.outputs["Image"]


def _masks(tree, origin, result) -> None:
    """Outputs for what was generated and what was filled, by the colours of the provenance."""
    parts = tree.nodes.new("CompositorNodeSeparateColor")
    parts.location = (440, -600)
    tree.links.new(origin, parts.inputs[0])
    for name in MASKS:
        tree.interface.new_socket(name, in_out="OUTPUT", socket_type="NodeSocketFloat")
    red, green = parts.outputs["Red"], parts.outputs["Green"]
    generated = _math(tree, "GREATER_THAN", _math(tree, "SUBTRACT", red, green), GENERATED)
    tree.links.new(generated, result.inputs["Generated"])
    tree.links.new(_math(tree, "GREATER_THAN", green, FILLED), result.inputs["Filled"])


def _math(tree, operation: str, first, second):
    """What a math node makes of a socket and another one, or a number."""
    node = tree.nodes.new("CompositorNodeMath" if hasattr(bpy.types, "CompositorNodeMath") else "ShaderNodeMath")
    node.operation = operation
    node.location = (440 + 220 * bool(first.node.bl_idname.endswith("Math")), -200 * len(tree.nodes) + 900)
    tree.links.new(first, node.inputs[0])
    if isinstance(second, float):
        node.inputs[1].default_value = second
    else:
        tree.links.new(second, node.inputs[1])
    return node.outputs[0]


def play(node, user) -> None:
    """Let an image node show a sequence as ``user`` of the camera's background does."""
    for field in ("frame_duration", "frame_start", "frame_offset"):
        setattr(node, field, getattr(user, field))
    node.use_cyclic, node.use_auto_refresh = False, True


def _fit(node, method: str) -> None:
    """Scale to the render's size as the camera's background is: all of it (FIT), or to cover the view (CROP)."""
    if hasattr(node, "space"):  # Blender 4
        node.space, node.frame_method = "RENDER_SIZE", method
    else:
        node.inputs["Type"].default_value = "Render Size"
        node.inputs["Frame Type"].default_value = method.title()


def connect(scene, take, by_depth: bool = False) -> None:
    """Put the frames of ``take`` behind what ``scene`` renders, in place of another take's; the film is transparent.

    Args:
        by_depth: what of the render lies behind the frames' surfaces is hidden; its depth pass is switched on.

    Raises:
        Problem: the frames are gone, or their depth is not there, or the compositor is not this scene's alone.
    """
    if sentence := foreign(scene):
        raise Problem(sentence)
    _connect(scene, take, by_depth)


def foreign(scene) -> str:
    """Why the compositor's tree of ``scene`` is not ours to change, "" where it is; since Blender 5.0 it is a group."""
    tree = _there(scene)
    if tree is None:
        return ""
    if tree.library is not None:
        return f"The compositor {tree.name!r} is linked from another file: make it local, or choose another one"
    others = [repr(other.name) for other in bpy.data.scenes if other != scene and _there(other) == tree]
    if others:
        return f"{', '.join(others)} has the same compositor {tree.name!r}: give this scene one of its own"
    return ""


def _connect(scene, take, by_depth: bool) -> None:
    if by_depth and not is_there(take, "exr"):
        raise Problem(f"{take.name} has no depth here: press Fetch Depth (EXR), or let its Proxy Mesh be a Holdout")
    group, node = group_of(take), node_of(scene) or _insert(scene)
    tree, old = node.id_data, node.node_tree
    node.node_tree = group
    _drop(old)
    group.name = f"{take.name} Frames"  # what was dropped may have had it
    node.label = group.name
    if not node.inputs[CG].links:
        end = _end(scene, tree)
        tree.links.new(_source(tree, end), node.inputs[CG])
        tree.links.new(node.outputs[IMAGE], end.inputs[0])
    if by_depth:
        layers = _layers(tree)
        _pass(scene, layers)
        tree.links.new(layers.outputs["Depth"], node.inputs[DEPTH])
        node.inputs[SCALE].default_value = max(takes.camera_of(take).matrix_world.to_scale())
    else:
        for link in node.inputs[DEPTH].links:
            tree.links.remove(link)
    scene.render.film_transparent = scene.render.use_compositing = True


def _insert(scene):
    """Our node in the compositor's tree of ``scene``, not linked yet."""
    tree = _tree(scene)
    end = _end(scene, tree)
    node = tree.nodes.new("CompositorNodeGroup")
    node[MARK] = scene.render.film_transparent
    node.location = (end.location.x - 220, end.location.y - 160)
    return node


def _pass(scene, layers) -> None:
    """Let the view layer that ``layers`` shows render its depth."""
    layer = scene.view_layers.get(layers.layer) or scene.view_layers[0]
    layer.use_pass_z = True


def disconnect(scene) -> None:
    """Take the frames out of what ``scene`` renders; nothing where they are not in it."""
    node = node_of(scene)
    if node is None:
        return
    tree, group = node.id_data, node.node_tree
    fed = [link.to_socket for link in tree.links if link.from_node == node]  # a new link makes those at hand invalid
    for socket in fed if node.inputs[CG].links else ():
        tree.links.new(node.inputs[CG].links[0].from_socket, socket)
    scene.render.film_transparent = bool(node[MARK])
    tree.nodes.remove(node)
    _drop(group)


def _drop(group) -> None:
    """Remove a group that nobody uses, and its keys."""
    if group is None or group.users:
        return
    action = group.animation_data and group.animation_data.action
    bpy.data.node_groups.remove(group)
    if action and action.users == 0:
        bpy.data.actions.remove(action)


def node_of(scene):
    """Our node in the tree of ``scene``, or None."""
    tree = _there(scene)
    return next((node for node in tree.nodes if MARK in node), None) if tree else None


PLAIN = ("CompositorNodeRLayers", "CompositorNodeComposite", "CompositorNodeViewer", "NodeGroupOutput", "NodeReroute")
"""Nodes that change nothing."""


def has_others(scene) -> bool:
    """Whether the tree of ``scene`` changes what is rendered by more than our node."""
    tree = _there(scene)
    return tree is not None and any(MARK not in node and node.bl_idname not in PLAIN for node in tree.nodes)


def _there(scene):
    """The compositor's tree of ``scene``, or None."""
    return scene.compositing_node_group if hasattr(scene, "compositing_node_group") else scene.node_tree


def _tree(scene):
    """The compositor's tree of ``scene``, made and used if it was not."""
    if not hasattr(scene, "compositing_node_group"):  # Blender 4
        scene.use_nodes = True  # brings Render Layers and Composite
    elif scene.compositing_node_group is None:
        tree = bpy.data.node_groups.new(f"{scene.name} Compositing", "CompositorNodeTree")
        tree.interface.new_socket(IMAGE, in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
    return _there(scene)


def _end(scene, tree):
    """The node whose first input is what is rendered in the end."""
    kind = "NodeGroupOutput" if hasattr(scene, "compositing_node_group") else "CompositorNodeComposite"
    ends = [node for node in tree.nodes if node.bl_idname == kind]
    if not ends:
        ends = [tree.nodes.new(kind)]
        ends[0].location = (660, 0)
    return next((node for node in ends if getattr(node, "is_active_output", True)), ends[0])


def _source(tree, end):
    """What ends in ``end`` now, or else what the scene's camera renders."""
    if end.inputs[0].links:
        return end.inputs[0].links[0].from_socket
    return _layers(tree).outputs["Image"]


def _layers(tree):
    """A node that brings what is rendered."""
    layers = next((node for node in tree.nodes if node.bl_idname == "CompositorNodeRLayers"), None)
    return layers or tree.nodes.new("CompositorNodeRLayers")
