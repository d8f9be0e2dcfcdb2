"""The README's clip, its part in a Blender with a window: pictures of it while the camera goes through the picture.

    blender --window-geometry 0 0 960 640 --python clip_window.py -- EXTENSION.zip FOLDER ADDRESS

Needs X, its screen no larger than the window, and ImageMagick's ``import``. Opens the scene.blend in FOLDER and leaves
window/0001.png and so on there, one for every eighth frame.
"""

import math
import subprocess
import sys
from pathlib import Path

import bpy
from mathutils import Euler, Vector

MODULE = "bl_ext.user_default.worldwarp"
EVERY = 8
PATIENCE = 60
"""Times that it is asked, four times a second, whether the server has answered."""


def steps(extension, folder, address):
    """Everything, one thing after another; yields the seconds that Blender needs to catch up."""
    bpy.ops.extensions.package_install_files(filepath=extension, repo="user_default", enable_on_install=True)
    bpy.context.preferences.view.show_splash = False
    bpy.ops.wm.open_mainfile(filepath=str(folder / "scene.blend"))
    bpy.context.preferences.addons[MODULE].preferences.address = address
    yield 2
    scene, area = bpy.context.scene, next(one for one in window().screen.areas if one.type == "VIEW_3D")
    set_scene(scene)
    open_panel()
    with context_of(area):
        bpy.ops.worldwarp.test_connection("INVOKE_DEFAULT")
        set_view(area)
        bpy.ops.screen.screen_full_area(use_hide_panels=False)
    yield 1
    area = next(one for one in window().screen.areas if one.type == "VIEW_3D")
    area.spaces.active.show_region_toolbar = area.spaces.active.show_gizmo = False
    choose_tab(area)
    yield 1
    choose_tab(area)
    yield 3
    (folder / "window").mkdir(exist_ok=True)
    for frame in range(scene.frame_start, scene.frame_end + 1, EVERY):
        scene.frame_set(frame)
        for shown in window().screen.areas:
            shown.tag_redraw()
        yield 0.4
        place = folder / "window" / f"{frame:04}.png"
        subprocess.run(["import", "-window", "root", place], check=True, timeout=20)
        yield 0.1


def window():
    return bpy.context.window_manager.windows[0]


def context_of(area):
    """What operators need that act on an area."""
    region = next(one for one in area.regions if one.type == "WINDOW")
    return bpy.context.temp_override(window=window(), area=area, region=region)


def set_scene(scene):
    """Only the picture's surface, the camera and its path are to be seen."""
    surface = next(one for one in bpy.data.objects if one.get("worldwarp_role") == "surface")
    for thing in scene.objects:
        thing.hide_set(thing not in (surface, scene.camera))
    surface.hide_set(False)
    for thing in scene.objects:
        thing.select_set(thing == scene.camera)
    bpy.context.view_layer.objects.active = scene.camera


def open_panel():
    """Of the sidebar's steps only Path and Generate."""
    opened = bpy.context.window_manager.worldwarp
    for name in ("picture", "geometry", "words", "curve", "video", "health", "advanced", "ranges", "result"):
        setattr(opened, name, False)
    opened.path = opened.generate = True
    bpy.context.window_manager.worldwarp_live.server = False


def set_view(area):
    """From above and behind, in the surface's own colours, the camera's path drawn."""
    space = area.spaces.active
    space.show_region_ui, space.show_region_toolbar = True, False
    space.shading.type, space.shading.color_type, space.shading.light = "SOLID", "VERTEX", "FLAT"
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.overlay.show_cursor = False
    view = space.region_3d
    view.view_perspective = "PERSP"
    view.view_location, view.view_distance = Vector((0.68, -1.1, 1.6)), 8.7
    view.view_rotation = Euler((math.radians(56), 0, math.radians(-30))).to_quaternion()
    bpy.ops.object.paths_calculate(display_type="RANGE", range="SCENE")


def choose_tab(area):
    next(one for one in area.regions if one.type == "UI").active_panel_category = "WorldWarp"


def main(extension, folder, address):
    """Begin as soon as Blender is there; quit at the end, or tell what went wrong."""
    going = steps(extension, Path(folder), address)

    def step():
        try:
            return next(going)
        except StopIteration:
            pass
        except Exception as error:  # a timer's own would be printed and forgotten
            (Path(folder) / "window.txt").write_text(repr(error))
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(step, first_interval=2, persistent=True)


if __name__ == "__main__":
    main(*sys.argv[sys.argv.index("--") + 1 :])
