"""What the user sets for a shot, kept with the scene."""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import anchor, bounds, colour, diffusion, overrides, path_properties, speed
from .geometry import of_scene
from .paths_of_blend import RELATIVE


def _of_geometry(shot, ask) -> float:
    """What ``ask`` says of the geometry of the shot's scene; 0 where there is none."""
    found = of_scene(shot.id_data)
    return ask(found) if found else 0.0


def _set(shot, change, value: float) -> None:
    if found := of_scene(shot.id_data):
        change(found, value)


class WorldWarpShot(bpy.types.PropertyGroup):
    name: StringProperty(name="Name", description="Of the result's folder and collection", default="Walk", maxlen=120)
    source: EnumProperty(
        name="Picture",
        description="The picture that the walk starts from",
        items=[
            ("RENDER", "Render", "This scene's render at the first frame, with its exact depth"),
            ("FILE", "File", "An image file, whose depth is estimated or given by a file"),
        ],
    )
    render_anew: BoolProperty(
        name="Render Anew",
        description="Render the picture again, once, in place of using that of a take: all ranges are computed anew "
        "where it is another",
        default=False,
    )
    picture_file: StringProperty(
        name="Image",
        description="Picture that the camera sees at the first frame",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    picture_space: StringProperty(
        name="Color Space",
        description="Of the image file. Empty: OpenEXR and HDR files are light, seen through the scene's view, and "
        "others are taken as they are",
        search=lambda self, context, text: colour.spaces(),
        search_options={"SORT"},
    )
    imagined_side: IntProperty(
        name="Size",
        description="Longest side of a picture that is made of words; the models know 832 pixels best",
        default=832,
        min=256,
        max=2048,
        step=16,
        subtype="PIXEL",
    )
    imagined_seed: IntProperty(
        name="Seed", description="Another one, another picture of the same words", **bounds.of("Settings", "seed")
    )
    depth_source: EnumProperty(
        name="Depth",
        description="Where the picture's depth comes from",
        items=[
            ("given", "File", "An OpenEXR file of the picture's size; exact"),
            ("ttt3r", "TTT3R", "Estimated by TTT3R, with the lens; its weights are for non-commercial use only"),
            ("depth-anything", "Depth Anything", "Estimated by Depth Anything V2 Small; also for commercial use"),
            ("mini", "Mini", "Estimated by a small network that knows simple made-up places only, with the lens"),
        ],
    )
    depth_file: StringProperty(
        name="Depth File",
        description="OpenEXR file of distances along the viewing direction, as in Cycles' Depth pass",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    mask_file: StringProperty(
        name="Leave Out",
        description="Image of the picture's size: what is white must not become part of the world, such as people and "
        "passing things",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    sky_file: StringProperty(
        name="Sky",
        description="Image of the picture's size: what is white is sky, whatever depth says, and never comes closer",
        subtype="FILE_PATH",
        options=RELATIVE,
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
    words: PointerProperty(type=path_properties.WorldWarpWords)
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
    speed: EnumProperty(**speed.PROPERTY)
    longest_side: IntProperty(
        name="Size",
        description="Longest side of the frames in pixels; both sides become multiples of 16",
        default=240,
        min=64,
        max=4096,
        step=16,
        subtype="PIXEL",
    )
    seed: IntProperty(
        name="Seed",
        description="Another one, another walk; the same one, the same",
        **bounds.of("Settings", "seed"),
    )
    cache: EnumProperty(
        name="3D Cache",
        description="What carries the known into new views",
        items=[
            ("3dgs", "Gaussians", "The paper's: 3D Gaussians, fitted to what is known"),
            ("points", "Points", "Its points as they are: faster, with cracks"),
            ("none", "None", "Nothing: only the frames that overlap; for comparison"),
        ],
        **bounds.of("Settings", "cache"),
    )
    cache_steps: IntProperty(
        name="Cache Steps",
        description="Most optimisation steps of the 3D cache for each part of the walk; it stops earlier when done",
        **bounds.of("Settings", "cache_steps"),
    )
    memory_frames: IntProperty(
        name="Remembered Places",
        description="Most older frames that a part of the walk is built from, too, where the camera comes back to "
        "places that it has left. 0 forgets whatever leaves the view",
        **bounds.of("Settings", "memory_frames"),
    )
    every: EnumProperty(
        name="Generate",
        description="Which frames are generated; the others are rendered from those beside them, as if nothing in the "
        "scene moved",
        items=[
            ("1", "Every Frame", "All frames are generated"),
            ("2", "Every 2nd Frame", "Half the time; for slow walks through scenes that stand still"),
            ("4", "Every 4th Frame", "A quarter of the time; for very slow walks"),
        ],
    )
    ease_frames: IntProperty(
        name="Ease Back",
        description="Where the frames of a part have drifted from the path, the next part is back on it after so many "
        "frames. 0: cameras of frames are not looked for, and nothing is eased",
        **bounds.of("Settings", "ease_frames"),
    )
    overscan: FloatProperty(
        name="Overscan",
        description="Share by which frames show more around what the camera sees, to be reframed later. The camera "
        "that comes back sees all of it",
        subtype="FACTOR",
        precision=3,
        **bounds.of("Settings", "overscan"),
    )
    far: FloatProperty(
        name="Sky Beyond",
        description="Whatever is farther away is sky: it never comes closer and is left out of the points",
        subtype="DISTANCE",
        unit="LENGTH",
        **bounds.of("Settings", "far"),
    )
    diffusion: PointerProperty(type=diffusion.WorldWarpDiffusion)
    parts: CollectionProperty(type=overrides.WorldWarpPart)
    output_folder: StringProperty(
        name="Results",
        description="Folder for this scene's results; // is the folder of the .blend file. Empty for the preferences', "
        "or worldwarp beside the .blend file",
        subtype="DIR_PATH",
        options=RELATIVE,
    )
    geometry: PointerProperty(
        name="Geometry", description="The picture's geometry", type=bpy.types.Collection, options={"HIDDEN"}
    )
    anchor_distance: FloatProperty(
        name="Anchor Distance",
        description="How far the anchor is from the camera, along its viewing direction; everything scales with it",
        min=1e-6,
        soft_max=1e3,
        subtype="DISTANCE",
        unit="LENGTH",
        get=lambda self: _of_geometry(self, lambda found: (anchor.anchored(found) or (0, 0, 0))[2]),
        set=lambda self, value: _set(self, anchor.set_distance, value),
    )
    geometry_scale: FloatProperty(
        name="Scale",
        description="How many times as large as it was estimated the geometry is",
        min=1e-6,
        soft_max=100,
        precision=3,
        get=lambda self: _of_geometry(self, anchor.factor),
        set=lambda self, value: _set(self, anchor.set_factor, value),
    )
    clip_file: StringProperty(
        name="Clip",
        description="A movie, or the first picture of a numbered sequence",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    clip_step: IntProperty(name="Every Nth", description="Every how many frames one is looked at", default=1, min=1)
    clip_speed: FloatProperty(name="Speed", description="2 is twice as fast as filmed", default=1, min=0.01, max=100)
    clip_scale: FloatProperty(
        name="Scale", description="Of the path's distances, about its first camera", default=1, min=1e-4, max=1e4
    )
    run: StringProperty(name="Run", description="The newest run of this scene", options={"HIDDEN"})
    run_folder: StringProperty(name="Run Folder", description="Where its result goes", options={"HIDDEN"})
    run_server: StringProperty(name="Run Server", description="Address of its server", options={"HIDDEN"})
    run_over: BoolProperty(name="Run Over", description="The newest run has ended", options={"HIDDEN"})


class WorldWarpSteps(bpy.types.PropertyGroup):
    """Which steps of the panel are open; a finished one is closed once and can be opened again."""

    picture: BoolProperty(name="Picture", default=True)
    masks: BoolProperty(name="Masks", default=False)
    imagining: BoolProperty(name="Picture from Words", default=False)
    geometry: BoolProperty(name="Geometry", default=True)
    path: BoolProperty(name="Path", default=True)
    words: BoolProperty(name="Path from Words", default=True)
    curve: BoolProperty(name="Path from Curve", default=False)
    health: BoolProperty(name="What It Would Know", default=False)
    look: BoolProperty(
        name="Draft of This Frame",
        description="Show what of the picture the camera sees at the current frame, and holes where it is unknown",
        default=False,
        update=lambda self, context: _look(self.look),
    )
    look_in_camera: BoolProperty(
        name="Show in Camera",
        description="Lay the draft over what the camera sees, while it is on; neither saved nor rendered",
        default=False,
    )
    strip: BoolProperty(
        name="Show over Timeline", description="Draw how much is known as a strip in timelines", default=True
    )
    video: BoolProperty(name="Camera from Video", default=False)
    generate: BoolProperty(name="Generate", default=True)
    advanced: BoolProperty(name="Advanced", default=False)
    diffusion: BoolProperty(name="Diffusion", default=False)
    ranges: BoolProperty(name="Frame Ranges", default=True)
    result: BoolProperty(name="Result", default=True)
    world: BoolProperty(name="World", default=False)
    renders: BoolProperty(name="In Your Renders", default=False)
    solid_points: BoolProperty(
        name="Colored Points in Solid",
        description="Draw points in their colors where Solid shading shows them grey",
        default=True,
    )
    world_refresh: BoolProperty(
        name="Refresh after Each Range",
        description="While a run goes on, bring the world as far as it is made into the scene whenever a part is done",
        default=False,
    )


def _look(wanted: bool) -> None:
    from . import look

    look.start() if wanted else look.stop()


def finished(*steps: str) -> None:
    """Close these steps: what comes after them is what the user looks at now."""
    for step in steps:
        setattr(bpy.context.window_manager.worldwarp, step, False)


def register() -> None:
    diffusion.register()
    overrides.register()
    path_properties.register()
    bpy.utils.register_class(WorldWarpShot)
    bpy.utils.register_class(WorldWarpSteps)
    bpy.types.Scene.worldwarp = PointerProperty(type=WorldWarpShot)
    bpy.types.WindowManager.worldwarp = PointerProperty(type=WorldWarpSteps, options={"SKIP_SAVE"})


def unregister() -> None:
    del bpy.types.WindowManager.worldwarp
    del bpy.types.Scene.worldwarp
    bpy.utils.unregister_class(WorldWarpSteps)
    bpy.utils.unregister_class(WorldWarpShot)
    path_properties.unregister()
    overrides.unregister()
    diffusion.unregister()
