"""The Picture step as operators: from words, and the example."""

import bpy

from . import dropping, examples, imagining
from .actions import Action, reachable
from .geometry_operators import Inquiring
from .problems import Problem


class WORLDWARP_OT_imagine(Inquiring):
    """Let the server make a picture of the words, for the walk to start from"""

    bl_idname = "worldwarp.imagine"
    bl_label = "Make Picture"
    problems = staticmethod(imagining.problems)

    def start(self, context) -> None:
        imagining.ask(context, reachable())


class WORLDWARP_OT_example(Action):
    """Start from a picture that comes with the extension, whose depth is known: every step can be tried at once"""

    bl_idname = "worldwarp.example"
    bl_label = "Example"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context) -> set[str]:
        try:
            said = examples.take(context)
        except Problem as problem:
            return self.refuse(problem)
        for sentence in said:
            self.report({"INFO"}, sentence)
        return {"FINISHED"}


CLASSES = (WORLDWARP_OT_imagine, WORLDWARP_OT_example)


def register() -> None:
    dropping.register()
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
    dropping.unregister()
