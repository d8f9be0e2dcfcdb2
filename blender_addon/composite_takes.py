"""Another take in the compositor than the one that is shown: which it is, and how the shown one comes in its place."""

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty

from . import catcher, compositing, passes, takes
from .actions import Action
from .parts import WORLD, part
from .problems import Problem
from .takes_operators import TAKE, chosen


def behind(scene) -> str:
    """Name of the take whose frames are in the compositor of ``scene``, "" where none are."""
    node = compositing.node_of(scene)
    return node.node_tree.get(compositing.OF, "") if node is not None and node.node_tree is not None else ""


def mesh_of(take):
    """The proxy mesh of ``take``, or None."""
    homes = [child for child in take.children if WORLD in child] if take is not None else []
    return next((mesh for home in homes if (mesh := part(home, "mesh")) is not None), None)


def swap(scene, take) -> list[str]:
    """Put the frames of ``take`` in the place of those in the compositor; its mesh is what the other's was in renders.

    Returns:
        What ``take`` lacks to look as the other did, in sentences.

    Raises:
        Problem: no frames are there to change places with, or ``connect`` does.
    """
    node, old = compositing.node_of(scene), mesh_of(takes.of_name(scene, behind(scene)))
    if node is None:
        raise Problem("No frames are in this scene's compositor: press Frames behind Renders")
    wanted, there = bool(node.inputs[compositing.DEPTH].links), passes.is_there(take, passes.EXR)
    compositing.connect(scene, take, by_depth=wanted and there)
    lacks = []
    if wanted and not there:
        lacks.append(rpt_("{} has no depth yet: Fetch Depth (EXR), then Over and under by Depth").format(take.name))
    lacks.append(_carry(scene, catcher.part_of(old) if old else "LEFT_OUT", take))
    return [sentence for sentence in lacks if sentence]


def _carry(scene, role: str, take) -> str:
    """Let the mesh of ``take`` play ``role``; says why it does not."""
    mesh = mesh_of(take)
    if role == "LEFT_OUT":
        return ""
    if mesh is None:
        title = next(text for name, text, _ in catcher.PARTS if name == role)
        return rpt_("{} has no mesh yet: make its Proxy Mesh (World), and let it be {}").format(take.name, rpt_(title))
    try:
        catcher.play(scene, mesh, role)
    except Problem as problem:
        return str(problem)
    return ""


class WORLDWARP_OT_use_take(Action):
    """Let the compositor show this take's frames; its mesh catches shadows or hides CG as the other take's did"""

    bl_idname = "worldwarp.use_take"
    bl_label = "Use This Take"
    bl_options = {"REGISTER", "UNDO"}

    take: StringProperty(**TAKE)

    def execute(self, context) -> set[str]:
        try:
            lacks = swap(context.scene, chosen(context.scene, self.take))
        except Problem as problem:
            return self.refuse(problem)
        for sentence in lacks:
            self.report({"WARNING"}, sentence)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((WORLDWARP_OT_use_take,))
