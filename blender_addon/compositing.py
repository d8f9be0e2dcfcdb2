"""A take's frames behind what is rendered: a compositor group, put into the scene's tree where that is asked for.

Blender up to 4.5 keeps one tree in the scene, which ends in a Composite node; 5.0 uses a node group, which ends in
its output.
"""

import bpy

from . import backdrop
from .problems import Problem

MARK = "worldwarp_composite"
"""Custom property of our node in the scene's tree: whether the film was transparent before."""

CG, IMAGE, FRAMES = "CG", "Image", "Frames"
"""Sockets of the group: what is rendered; that over the frames; the frames alone, as large as the render."""


def frames_of(take) -> bpy.types.CameraBackgroundImage:
    """The background of the take's camera that shows its frames.

    Raises:
        Problem: the camera or its background is gone.
    """
    cameras = [thing.data for thing in take.objects if thing.type == "CAMERA"]
    for background in (found for data in cameras for found in data.background_images):
        if background.image is not None and backdrop.MARK not in background.image:
            return background
    raise Problem(f"The frames of {take.name} are gone from its camera: import the result again")


def group_of(take) -> bpy.types.NodeTree:
    """A new compositor group that lays what it is given over the frames of ``take``."""
    shown = frames_of(take)
    group = bpy.data.node_groups.new(f"{take.name} Frames", "CompositorNodeTree")
    group.interface.new_socket(CG, in_out="INPUT", socket_type="NodeSocketColor")
    for name in (IMAGE, FRAMES):
        group.interface.new_socket(name, in_out="OUTPUT", socket_type="NodeSocketColor")
    kinds = ("NodeGroupInput", "CompositorNodeImage", "CompositorNodeScale", "CompositorNodeAlphaOver")
    given, frames, fitted, over = (group.nodes.new(kind) for kind in kinds)
    result = group.nodes.new("NodeGroupOutput")
    play(frames, shown)
    _fit(fitted, shown.frame_method)
    below, above = [socket for socket in over.inputs if socket.type == "RGBA"]
    group.links.new(frames.outputs["Image"], fitted.inputs["Image"])
    group.links.new(fitted.outputs["Image"], below)
    group.links.new(given.outputs[CG], above)
    group.links.new(over.outputs["Image"], result.inputs[IMAGE])
    group.links.new(fitted.outputs["Image"], result.inputs[FRAMES])
    for node, x, y in ((given, 0, 160), (frames, 0, 0), (fitted, 220, 0), (over, 440, 80), (result, 660, 80)):
        node.location = (x, y)
    return group


def play(node, shown) -> None:
    """Let an image node show the sequence as the camera's background does."""
    node.image = shown.image
    for field in ("frame_duration", "frame_start", "frame_offset"):
        setattr(node, field, getattr(shown.image_user, field))
    node.use_cyclic, node.use_auto_refresh = False, True


def _fit(node, method: str) -> None:
    """Scale to the render's size as the camera's background is: all of it (FIT), or to cover the view (CROP)."""
    if hasattr(node, "space"):  # Blender 4
        node.space, node.frame_method = "RENDER_SIZE", method
    else:
        node.inputs["Type"].default_value = "Render Size"
        node.inputs["Frame Type"].default_value = method.title()


def connect(scene, take) -> None:
    """Put the frames of ``take`` behind what ``scene`` renders, in place of another take's; the film is transparent.

    Raises:
        Problem: the frames are gone.
    """
    group, node = group_of(take), node_of(scene)
    if node is not None:
        _swap(node, group)
        return
    tree = _tree(scene)
    end = _end(scene, tree)
    node = tree.nodes.new("CompositorNodeGroup")
    node.node_tree, node.label, node[MARK] = group, group.name, scene.render.film_transparent
    node.location = (end.location.x - 220, end.location.y - 160)
    tree.links.new(_source(tree, end), node.inputs[CG])
    tree.links.new(node.outputs[IMAGE], end.inputs[0])
    scene.render.film_transparent = scene.render.use_compositing = True


def disconnect(scene) -> None:
    """Take the frames out of what ``scene`` renders; nothing where they are not in it."""
    node = node_of(scene)
    if node is None:
        return
    tree, group = node.id_data, node.node_tree
    for link in list(tree.links):
        if link.from_node == node and node.inputs[CG].links:
            tree.links.new(node.inputs[CG].links[0].from_socket, link.to_socket)
    scene.render.film_transparent = bool(node[MARK])
    tree.nodes.remove(node)
    if group is not None and group.users == 0:
        bpy.data.node_groups.remove(group)


def node_of(scene):
    """Our node in the tree of ``scene``, or None."""
    tree = _there(scene)
    return next((node for node in tree.nodes if MARK in node), None) if tree else None


def _swap(node, group) -> None:
    old, node.node_tree, node.label = node.node_tree, group, group.name
    if old is not None and old.users == 0:
        bpy.data.node_groups.remove(old)


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
    layers = next((node for node in tree.nodes if node.bl_idname == "CompositorNodeRLayers"), None)
    return (layers or tree.nodes.new("CompositorNodeRLayers")).outputs["Image"]
