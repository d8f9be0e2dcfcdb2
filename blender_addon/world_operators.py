"""The world as operators: ask the server for it, place what it made."""

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty, StringProperty

from . import pump, takes, wheels, world
from .actions import Action, reachable
from .passes import EXR
from .problems import Problem
from .state import STATE, Making
from .takes_operators import result_of

PRODUCTS = [
    (
        "points",
        "Point Cloud of All Frames",
        "What all frames show, one point for each small cube; the points that came with the frames are hidden",
    ),
    ("mesh", "Proxy Mesh", "A mesh with the frames' colors, to catch shadows, to hide behind, to collide with"),
    ("gaussians", "Gaussian Scene (File)", "A scene of 3D Gaussians, fitted to all frames, as a .ply for its viewers"),
    (
        EXR,
        "Depth of All Frames (EXR)",
        "Multilayer EXR of each frame: depth, to hide CG behind what was generated; colors, motion, provenance, holes",
    ),
]


def free(cls) -> bool:
    """For ``poll``: whether a world can be asked for; a run that goes on is no hindrance."""
    if sentence := wheels.missing():
        cls.poll_message_set(sentence)
        return False
    if pump.making():
        cls.poll_message_set(rpt_("The server is making files of a world: wait for it, or cancel it"))
        return False
    return True


def ask(scene, run: str, folder: Path, products: tuple[str, ...]) -> None:
    """Ask the server for ``products`` of ``run``, beside whatever else is under way.

    Raises:
        Problem: there is no server, or no such result.
    """
    from . import link

    if not run:
        raise Problem("No server made this result: use `worldwarp world` or `worldwarp export --exr` where it was made")
    if not folder.is_dir():
        raise Problem(f"The folder of this result is gone ({folder}): import the result from where it is now")
    server = reachable()
    STATE.making = Making(run, folder, scene.session_uid, products)
    errand = link.fetch_passes(run, folder) if EXR in products else link.make_world(run, products, folder)
    pump.start_beside(link.Link(server, errand))


class WORLDWARP_OT_make_world(Action):
    """Make files of the world from all frames of this result, in its folder, and bring them into the scene"""

    bl_idname = "worldwarp.make_world"
    bl_label = "Make World"
    bl_options: set[str] = set()  # as of ``Errand``

    collection: StringProperty(name="Collection", description="Of the result", options={"SKIP_SAVE"})
    product: EnumProperty(name="Product", items=PRODUCTS)

    @classmethod
    def poll(cls, context) -> bool:
        return free(cls)

    @classmethod
    def description(cls, context, properties) -> str:
        return rpt_(cls.bl_rna.properties["product"].enum_items[properties.product].description)

    def invoke(self, context, event) -> set[str]:
        try:
            ask(context.scene, *self._of(context.scene), (self.product,))
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def execute(self, context) -> set[str]:
        try:
            ask(context.scene, *self._of(context.scene), (self.product,))
            pump.made()
            if world.wanted(STATE.making):
                bpy.ops.worldwarp.place_world()
            if STATE.making.state != "done":
                raise Problem(STATE.making.text or rpt_("Cancelled"))
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def _of(self, scene) -> tuple[str, Path]:
        """Run and folder of the collection, or of the run that is under way."""
        if not self.collection and STATE.run is not None:
            return STATE.run.id, STATE.run.folder
        take = result_of(scene, self.collection)
        if takes.RUN not in take:
            raise Problem(f"{take.name!r} is no result: choose a take")
        return take[takes.RUN], takes.folder_of(take)


class WORLDWARP_OT_place_world(Action):
    """Bring the world that the server made into the scene"""

    bl_idname = "worldwarp.place_world"
    bl_label = "Place World"
    bl_options = {"UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context) -> bool:
        if not world.wanted(STATE.making):
            cls.poll_message_set(rpt_("No world was made that is not in the scene"))
            return False
        return True

    def execute(self, context) -> set[str]:
        making = STATE.making
        try:
            world.bring_in(context.scene, making)
        except Problem as problem:
            making.state, making.text = "failed", str(problem)
            return self.refuse(problem)
        making.state = "done"
        return {"FINISHED"}


class WORLDWARP_OT_cancel_world(Action):
    """Make no files of the world; the run goes on"""

    bl_idname = "worldwarp.cancel_world"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context) -> bool:
        if not pump.making():
            cls.poll_message_set(rpt_("No world is being made"))
            return False
        return True

    def execute(self, context) -> set[str]:
        if STATE.making is not None:
            STATE.making.state = "cancelled"
        pump.ask_beside("cancel")
        return {"FINISHED"}


CLASSES = (WORLDWARP_OT_make_world, WORLDWARP_OT_place_world, WORLDWARP_OT_cancel_world)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
