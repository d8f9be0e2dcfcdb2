"""The panel: its steps are drawn and open by a click; a picture, a camera and a path are set up as a person does."""

import bpy
import shot
from bl_ext.user_default.worldwarp import geometry
from driving import (
    ROW,
    STEPS,
    check,
    click,
    click_button,
    drawn,
    open_sidebar,
    open_steps,
    picture,
    play,
    press,
    region,
    until,
    view,
)


def closed_steps():
    """Click down a sidebar of closed steps: each must open by a click on its header, and close by another."""
    steps, live = bpy.context.window_manager.worldwarp, bpy.context.window_manager.worldwarp_live
    bar, found = region("UI"), []
    yield from open_steps()
    yield from picture("panel_closed")
    for y in range(bar.y + bar.height - 40, bar.y + bar.height - 260, -ROW):  # below our tab's own header
        yield from click(bar.x + 25, y)
        if live.server:  # else the next click would choose another server
            yield from click(bar.x + 25, y)
            check(not live.server, "A second click did not close the server's box")
        opened = [name for name in STEPS if getattr(steps, name)]
        check(len(opened) < 2, f"One click opened {opened}")
        if opened:
            found += opened
            yield from click(bar.x + 25, y)
            check(not getattr(steps, opened[0]), f"A second click did not close {opened[0]}")
    check(tuple(dict.fromkeys(found)) == STEPS, f"Of the steps, only {found} could be opened by a click")


def geometry_step():
    """The picture's geometry is estimated, which here means read, and shown in its colours."""
    yield from open_steps("geometry")
    yield from click_button("estimate")
    yield from until(lambda: geometry.of_scene(bpy.context.scene), "The click on Estimate brought no geometry", 60)
    view().spaces.active.shading.color_type = "VERTEX"  # as Show Its Colors does
    yield from press("Home")
    yield from picture("geometry_step")


def script():
    yield from open_sidebar()
    yield from picture("panel_first")
    yield from closed_steps()
    yield from open_steps("picture")
    bpy.context.scene.worldwarp.source = "FILE"
    yield from click_button("example")
    yield from until(lambda: bpy.context.scene.worldwarp.picture_file, "The click on Example took no picture", 5)
    yield from drawn()
    yield from picture("picture_step")
    yield from click_button("match_camera")
    yield from picture("match_camera", still=True)
    yield from press("Return", still=True)
    yield from until(lambda: bpy.context.scene.camera.data.lens != 50, "The click on Match Camera changed no lens", 5)
    shot.move_camera()
    yield from geometry_step()
    yield from open_steps("path")
    yield from picture("path_step")
    yield from open_steps("generate")
    yield from picture("before_generate")
    shot.save("scene")


play(script)
