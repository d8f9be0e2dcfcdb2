"""What the user sets for the camera's path, kept with the scene as ``scene.worldwarp.words``."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

EASINGS = [
    ("linear", "Linear", "At one speed"),
    ("ease", "Ease", "Slow at both ends"),
    ("ease_in", "Ease In", "Slow at the start"),
    ("ease_out", "Ease Out", "Slow at the end"),
]


class WorldWarpWords(bpy.types.PropertyGroup):
    text: StringProperty(
        name="Path",
        description="Moves of the camera: + is at the same time, comma and then is one after another",
        default="dolly_in 1m ease",
        maxlen=4000,
    )
    fit: BoolProperty(
        name="Fit Range",
        description="Spread the moves over the range of the walk; otherwise each takes its usual time",
        default=True,
    )
    onto: EnumProperty(
        name="Write On",
        description="The camera that gets the keys",
        items=[
            ("FOLLOWED", "This Camera", "The camera to follow; keys that it has are kept in an action of their own"),
            ("NEW", "New Camera", "A copy of it without parents and constraints, which is followed then"),
        ],
    )
    target: PointerProperty(
        name="Object", description="What @object means: its place at the first frame", type=bpy.types.Object
    )
    curve: PointerProperty(
        name="Curve",
        description="The Bezier or NURBS curve that the camera goes along",
        type=bpy.types.Object,
        poll=lambda self, thing: thing.type == "CURVE",
    )
    look: EnumProperty(
        name="Look",
        description="Where the camera looks on its way along the curve",
        items=[
            ("AHEAD", "Ahead", "Along the curve, level"),
            ("CURSOR", "3D Cursor", "At the 3D cursor, level"),
            ("OBJECT", "Object", "At the object above, level"),
            ("KEEP", "As It Does", "In the direction that it has at the start"),
        ],
    )
    easing: EnumProperty(name="Easing", description="How it starts and stops", items=EASINGS, default="ease")
    at_camera: BoolProperty(
        name="Start at Camera",
        description="Go along the curve's shape from where the camera is; otherwise from where the curve is",
        default=True,
    )
    threshold: IntProperty(
        name="Known",
        description="Frames of which less is known are marked",
        subtype="PERCENTAGE",
        default=70,
        min=1,
        max=100,
    )


def register() -> None:
    bpy.utils.register_class(WorldWarpWords)


def unregister() -> None:
    bpy.utils.unregister_class(WorldWarpWords)
