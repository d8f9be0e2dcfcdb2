"""Add Move: the moves of the language of paths as a menu, each with amount, easing, time and target."""

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty, FloatProperty, IntProperty

from . import words
from .actions import Action
from .path_properties import EASINGS

JOINS = [("THEN", "Then", "After the moves before"), ("WITH", "At the Same Time", "Together with the last moves")]
TARGETS = [
    ("NONE", "None", "Look where it looks"),
    ("CURSOR", "3D Cursor", "Keep the 3D cursor where it is in the picture, or orbit it"),
    ("OBJECT", "Object", "The same with the object that is chosen below"),
    ("AHEAD", "Ahead", "A point at that distance on the camera's axis"),
]

_items = []  # Blender keeps no reference to what a callback returns


def _move_items(self, context) -> list:
    if not _items:
        _items.extend((name, title(name), preset.text) for name, preset in words.moves().items())
    return _items


def title(name: str) -> str:
    """A preset's name for people."""
    return name.replace("_", " ").title().replace("Cw", "Clockwise").replace("Cclockwise", "Counter-Clockwise")


class WORLDWARP_OT_add_move(Action):
    """Add a move to the path's words"""

    bl_idname = "worldwarp.add_move"
    bl_label = "Add Move"
    bl_options = {"REGISTER", "UNDO"}

    move: EnumProperty(name="Move", description="What the camera does", items=_move_items)
    amount: FloatProperty(name="Amount", description="In meters, degrees, or times, as the move has it", default=1)
    frames: IntProperty(name="Frames", description="That it takes; 0 leaves it open", default=0, min=0)
    pace: EnumProperty(
        name="Pace",
        items=[
            ("usual", "Usual", "As long as it takes, or as many frames"),
            ("slow", "Slow", "Takes twice as long"),
            ("fast", "Fast", "Takes half as long"),
        ],
    )
    easing: EnumProperty(name="Easing", description="How it starts and stops", items=EASINGS, default="ease")
    target: EnumProperty(name="Target", description="What it looks at or goes around", items=TARGETS)
    distance: FloatProperty(name="Distance", description="Of a target ahead", default=3, min=1e-3, subtype="DISTANCE")
    join: EnumProperty(name="When", description="Beside the words that are there", items=JOINS)

    def invoke(self, context, event) -> set[str]:
        self.amount = words.USUAL[words.moves()[self.move].unit]
        self.target = "AHEAD" if self.move.startswith("orbit") else "NONE"
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "move")
        preset = words.moves()[self.move]
        lengths = rpt_("Units") if context.scene.unit_settings.system == "NONE" else rpt_("Meters")
        unit = {"m": lengths, "deg": rpt_("Degrees"), "x": rpt_("Times")}[preset.unit]
        layout.prop(self, "amount", text=unit, translate=False)
        for name in ("easing", "pace", *(("frames",) if self.pace == "usual" else ())):
            layout.prop(self, name)
        if preset.travels or self.move.startswith("orbit"):
            layout.prop(self, "target")
            if self.target == "AHEAD":
                layout.prop(self, "distance")
        if context.scene.worldwarp.words.text.strip():
            layout.prop(self, "join", expand=True)

    def execute(self, context) -> set[str]:
        settings = context.scene.worldwarp.words
        preset = words.moves()[self.move]
        aims = preset.travels or self.move.startswith("orbit")
        ahead = self.distance * words.metres(context.scene)  # which the field shows in the scene's own units
        target = {"CURSOR": "@cursor", "OBJECT": "@object", "AHEAD": f"@target {ahead:.6g}m"}.get(self.target)
        pace, frames = ("", self.frames) if self.pace == "usual" else (self.pace, 0)
        added = words.move_text(self.move, self.amount, frames, self.easing, pace, target if aims else "")
        before = settings.text.strip()
        settings.text = f"{before}{', then ' if self.join == 'THEN' else ' + '}{added}" if before else added
        return {"FINISHED"}


class WORLDWARP_MT_moves(bpy.types.Menu):
    bl_label = "Add Move"

    def draw(self, context) -> None:
        self.layout.operator_context = "INVOKE_DEFAULT"
        for name in words.moves():
            self.layout.operator("worldwarp.add_move", text=title(name)).move = name


def register() -> None:
    bpy.utils.register_class(WORLDWARP_OT_add_move)
    bpy.utils.register_class(WORLDWARP_MT_moves)


def unregister() -> None:
    bpy.utils.unregister_class(WORLDWARP_MT_moves)
    bpy.utils.unregister_class(WORLDWARP_OT_add_move)
