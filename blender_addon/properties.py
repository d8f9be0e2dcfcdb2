"""What the user sets for a shot, kept with the scene."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty


class WorldWarpShot(bpy.types.PropertyGroup):
    name: StringProperty(name="Name", description="Of the result's folder and collection", default="Walk", maxlen=120)
    source: EnumProperty(
        name="Picture",
        description="The picture that the walk starts from",
        items=[
            ("RENDER", "Render", "This scene's render at the first frame, with its exact depth"),
            ("FILE", "File", "An image file, with a depth file of the same size"),
        ],
    )
    picture_file: StringProperty(
        name="Image", description="8-bit picture that the camera sees at the first frame", subtype="FILE_PATH"
    )
    depth_file: StringProperty(
        name="Depth",
        description="OpenEXR file of distances along the viewing direction, as in Cycles' Depth pass",
        subtype="FILE_PATH",
    )
    camera: PointerProperty(
        name="Camera",
        description="The keyframed camera to follow. Empty for the scene's camera",
        type=bpy.types.Object,
        poll=lambda self, thing: thing.type == "CAMERA",
    )
    use_scene_range: BoolProperty(
        name="Scene Range", description="Walk through the frame range of the scene", default=True
    )
    frame_start: IntProperty(name="Start", description="First frame of the walk", default=1)
    frame_end: IntProperty(name="End", description="Last frame of the walk", default=93)
    profile: EnumProperty(
        name="Quality",
        description="What fills the parts that the picture does not show",
        items=[
            ("draft", "Draft", "Seconds on any machine: holes are filled smoothly, to judge the path"),
            ("mini", "Mini", "Small models for any machine; they know only simple scenes"),
            ("wan", "Full", "The full models; the server needs a CUDA GPU"),
        ],
    )
    longest_side: IntProperty(
        name="Size",
        description="Longest side of the frames in pixels; both sides become multiples of 16",
        default=240,
        min=64,
        max=4096,
        step=16,
        subtype="PIXEL",
    )
    seed: IntProperty(name="Seed", description="Another one, another walk; the same one, the same", min=0)
    cache_steps: IntProperty(
        name="Cache Steps",
        description="Most optimisation steps of the 3D cache for each part of the walk; it stops earlier when done",
        default=100,
        min=0,
        max=30_000,
    )
    far: FloatProperty(
        name="Sky Beyond",
        description="Whatever is farther away is sky: it never comes closer and is left out of the points",
        default=1e6,
        min=1e-3,
        max=1e10,
        subtype="DISTANCE",
        unit="LENGTH",
    )
    output_folder: StringProperty(
        name="Results",
        description="Folder for this scene's results; // is the folder of the .blend file. Empty for the preferences'",
        subtype="DIR_PATH",
    )
    run: StringProperty(name="Run", description="The newest run of this scene", options={"HIDDEN"})
    run_folder: StringProperty(name="Run Folder", description="Where its result goes", options={"HIDDEN"})


def register() -> None:
    bpy.utils.register_class(WorldWarpShot)
    bpy.types.Scene.worldwarp = PointerProperty(type=WorldWarpShot)


def unregister() -> None:
    del bpy.types.Scene.worldwarp
    bpy.utils.unregister_class(WorldWarpShot)
