"""The user's blockout out of the way of a take's frames: all that draws something, but what is selected."""

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from . import takes
from .actions import Action
from .parts import WORLD

DRAWING = {
    "MESH",
    "CURVE",
    "SURFACE",
    "META",
    "FONT",
    "CURVES",
    "POINTCLOUD",
    "VOLUME",
    "GPENCIL",  # Blender 4.2
    "GREASEPENCIL",
}
"""Types of objects that show something in renders; lamps and cameras do not."""


def others(scene, layer) -> list:
    """The objects that draw something and are neither selected, nor below what is, nor a take's; hidden ones not."""
    homes = takes.all_of(scene) + [home for home in scene.collection.children_recursive if WORLD in home]
    kept = {thing for home in homes for thing in home.all_objects}
    for thing in layer.objects:
        if thing.select_get(view_layer=layer):
            kept |= {thing, *thing.children_recursive}
    found = [thing for thing in scene.objects if thing not in kept and _draws(thing)]
    return [thing for thing in found if not thing.hide_render or thing.visible_get(view_layer=layer)]


def _draws(thing) -> bool:
    """Whether it shows something in renders; an empty does where it stands for a collection."""
    return thing.type in DRAWING or (thing.type == "EMPTY" and thing.instance_type == "COLLECTION")


class WORLDWARP_OT_hide_others(Action):
    """Hide, in viewport and renders, all that draws something but what is selected; takes, lamps and cameras stay"""

    bl_idname = "worldwarp.hide_others"
    bl_label = "Hide All but Selected"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context) -> set[str]:
        layer = context.view_layer
        found = others(context.scene, layer)
        for thing in found:
            thing.hide_render = True
            if thing.name in layer.objects:
                thing.hide_set(True, view_layer=layer)
        self.report({"INFO"}, rpt_("{} objects are hidden in viewport and renders").format(len(found)))
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((WORLDWARP_OT_hide_others,))
