"""Two takes in one camera's view: the one that is shown left of a line, another one right of it.

It is drawn over the view and is no data of the file: the frames as they are stored, which is as they are displayed.
"""

import atexit

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import FloatProperty, PointerProperty, StringProperty

from . import drawing, takes, wipe_drawing

TICK_SECONDS = 0.04
"""Least time between two frames."""


class _Drawn:
    handler = None
    sides = (wipe_drawing.Side(), wipe_drawing.Side())


class WorldWarpWipe(bpy.types.PropertyGroup):
    """Lives with the window manager: not saved, and no undo step."""

    at: FloatProperty(
        name="Wipe",
        description="Left of it is the take that is shown, right of it the other one",
        default=0.5,
        min=0,
        max=1,
        subtype="FACTOR",
        update=lambda self, context: redraw(),
    )
    other: StringProperty(name="Other Take", description="Name of the take on the right; empty where none is compared")


def pair(context):
    """The takes that are compared, or None where none are, or one is gone."""
    shown, name = context.scene.worldwarp_takes.active, context.window_manager.worldwarp_wipe.other
    other = takes.of_name(context.scene, name)
    here = takes.all_of(context.scene)
    return (shown, other) if shown in here and other is not None and other != shown else None


class WORLDWARP_OT_wipe(bpy.types.Operator):
    """Compare the take that is shown with another one: look through a camera, and move the line"""

    bl_idname = "worldwarp.wipe"
    bl_label = "Compare"
    bl_options = {"REGISTER"}

    take: StringProperty(name="Take", description="The other one; empty to compare no more", options={"SKIP_SAVE"})

    def execute(self, context) -> set[str]:
        wipe = context.window_manager.worldwarp_wipe
        wipe.other = self.take
        if not self.take:
            stop()
            return {"FINISHED"}
        if pair(context) is None:
            wipe.other = ""
            self.report({"ERROR"}, f"{self.take!r} cannot be compared: choose a take other than the one that is shown")
            return {"CANCELLED"}
        follow(context)  # both pictures are there when it is first drawn
        start()
        return {"FINISHED"}


class WORLDWARP_MT_wipe(bpy.types.Menu):
    """Compare the take that is shown with another one"""

    bl_idname = "WORLDWARP_MT_wipe"
    bl_label = "Compare with"

    def draw(self, context) -> None:
        for take in takes.all_of(context.scene):
            if take != context.scene.worldwarp_takes.active:
                self.layout.operator("worldwarp.wipe", text=take.name, translate=False).take = take.name


def draw_panel(layout, context) -> None:
    """The line's place while takes are compared, else what they can be compared with."""
    if pair(context) is not None:
        row = layout.row(align=True)
        row.use_property_split = False
        row.prop(context.window_manager.worldwarp_wipe, "at", text=context.window_manager.worldwarp_wipe.other)
        row.operator("worldwarp.wipe", text="", icon="X").take = ""
        drawing.sentences(layout, context, missing(context), "ERROR")
    elif len(takes.all_of(context.scene)) > 1:
        layout.menu("WORLDWARP_MT_wipe", icon="SPLIT_HORIZONTAL")


def follow(context) -> bool:
    """Read the pictures of the current frame where they changed; says whether they have."""
    compared = pair(context)
    if compared is None:
        return False
    frame = context.scene.frame_current
    changed = [side.read(take, frame) for side, take in zip(_Drawn.sides, compared, strict=True)]
    return any(changed)


def missing(context) -> list[str]:
    """Which of the takes that are compared has no picture to show at the current frame, one sentence each."""
    frame, sides = context.scene.frame_current, zip(_Drawn.sides, pair(context), strict=True)
    return [iface_("{} has no picture of frame {}").format(take.name, frame) for side, take in sides if side.empty]


def _draw() -> None:
    compared = pair(bpy.context)
    if compared is not None:
        wipe_drawing.draw(bpy.context, _Drawn.sides, compared, bpy.context.window_manager.worldwarp_wipe.at)


def redraw() -> None:
    """Draw all 3D views anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def tick() -> float | None:
    """The timer, while takes are compared in any window: Blender gives it the first one, whose scene may be another."""
    for window in bpy.context.window_manager.windows:
        with bpy.context.temp_override(window=window):
            if pair(bpy.context) is None:
                continue
            if not bpy.app.is_job_running("RENDER") and follow(bpy.context):
                redraw()
            return TICK_SECONDS
    stop()
    return None


def start() -> None:
    if bpy.app.background:
        return
    if _Drawn.handler is None:
        _Drawn.handler = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)
    redraw()


def stop() -> None:
    """Compare no more."""
    if _Drawn.handler is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_Drawn.handler, "WINDOW")
    _Drawn.handler, _Drawn.sides = None, (wipe_drawing.Side(), wipe_drawing.Side())
    redraw()


def _end() -> None:
    """Blender crashes or hangs where it exits with a timer."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)


CLASSES = (WorldWarpWipe, WORLDWARP_OT_wipe, WORLDWARP_MT_wipe)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.WindowManager.worldwarp_wipe = PointerProperty(type=WorldWarpWipe, options={"SKIP_SAVE"})
    atexit.register(_end)


def unregister() -> None:
    atexit.unregister(_end)
    _end()
    stop()
    del bpy.types.WindowManager.worldwarp_wipe
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
