"""What a person does at a real Blender, for the scripts beside this one: look, move the mouse, click, press keys.

A script is a generator that ``play`` runs in Blender's own timer: ``yield seconds`` lets Blender draw and answer, and
``yield from until(...)`` waits for what must become true. Mouse and keys are real events of the window system.
"""

import os
import subprocess
import sys
import traceback
from pathlib import Path

import bpy

PASSED = "WORLDWARP-GUI passed"
SHARED = Path(os.environ["WORLDWARP_GUI"])
"""Folder that the scripts share: scenes and results."""

PICTURES = SHARED / "pictures"

ROW = 18
"""A little less than from one button to the next, in pixels."""

STEPS = ("picture", "geometry", "path", "generate", "result")

LOOK_SECONDS = 0.15
"""In which Blender notices where the mouse is."""


class Wrong(Exception):
    """What a person would complain about, in one sentence."""


def play(script) -> None:
    """Run ``script()`` once the window is there; at the end, or when something is wrong, Blender ends."""
    steps = script()

    def step() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            leave(PASSED, 0)
        except Wrong as wrong:
            leave(f"WRONG: {wrong}", 1)
        except Exception:
            leave(traceback.format_exc(), 1)

    bpy.app.timers.register(step, first_interval=2, persistent=True)


def leave(text: str, code: int) -> None:
    """Say how it went and end at once: an orderly end is what ``quitting.py`` tests."""
    if code:
        subprocess.run(["scrot", "--overwrite", PICTURES / f"{Path(sys.argv[-1]).stem}_wrong.png"], timeout=20)
    print(text, flush=True)
    os._exit(code)


def check(true, sentence: str) -> None:
    if not true:
        raise Wrong(sentence)


def until(true, sentence: str, seconds: float = 60, every: float = 0.1):
    """Wait until ``true()``; what was not true after so many seconds is wrong."""
    for _ in range(int(seconds / every)):
        if true():
            return
        yield every
    raise Wrong(f"{sentence}, after {seconds:g} s")


def window():
    return bpy.context.window_manager.windows[0]


def view():
    """The largest 3D view."""
    areas = [area for area in window().screen.areas if area.type == "VIEW_3D"]
    return max(areas, key=lambda area: area.width * area.height)


def region(kind: str):
    """``UI`` is the sidebar, ``WINDOW`` the view itself."""
    return next(region for region in view().regions if region.type == kind)


def over(kind: str = "WINDOW"):
    """A context as of somebody whose mouse is there."""
    return bpy.context.temp_override(window=window(), area=view(), region=region(kind))


def xdotool(*words: object) -> None:
    subprocess.run(["xdotool", *map(str, words)], check=True, timeout=20)


def point(x: float, y: float) -> None:
    """Move the mouse to Blender's pixel (x, y), counted from the window's lower left corner."""
    xdotool("mousemove", int(x), int(window().height - 1 - y))


def click(x: float, y: float):
    point(x, y)
    yield 0.3
    xdotool("click", 1)
    yield 0.4


def press(keys: str, still: bool = False):
    """Press ``keys``, with the mouse over the 3D view, left of its middle, or ``still`` where it is."""
    place = region("WINDOW")
    if not still:
        point(place.x + place.width * 0.4, place.y + place.height / 2)
        yield 0.3
    xdotool("key", keys)
    yield 0.4


def picture(name: str, still: bool = False):
    """Keep what the screen shows as ``name``, the mouse out of the way unless it is to be kept ``still``."""
    if not still:  # else a tooltip covers the panel
        point(region("WINDOW").x + 150, region("WINDOW").y + 150)
    yield 0.7  # what was changed last is drawn
    file = PICTURES / f"{name}.png"
    taking = subprocess.Popen(["scrot", "--overwrite", file])
    yield from until(lambda: taking.poll() is not None, "No picture of the screen could be taken", 20)
    image = bpy.data.images.load(str(file), check_existing=False)
    shades = len(set(image.pixels[0 : 4 * image.size[0] * 200 : 4]))
    bpy.data.images.remove(image)
    check(shades > 10, f"The screen is blank in {file.name}")


def open_sidebar():
    """Press N over the view and click our tab, the lowest at the sidebar's edge."""
    if not window().screen.show_fullscreen:
        with over():
            bpy.ops.screen.screen_full_area(use_hide_panels=False)
        yield 1
    if region("UI").width < 2:
        yield from press("n")
    yield from until(lambda: region("UI").width > 100, "N opened no sidebar", 10)
    bar = region("UI")
    for y in range(bar.y + bar.height - 30, bar.y, -40):
        if bar.active_panel_category == "WorldWarp":
            break
        yield from click(bar.x + bar.width - 8, y)
    check(bar.active_panel_category == "WorldWarp", "The sidebar has no tab WorldWarp that can be clicked")
    yield 0.5


def open_steps(*names: str):
    """Open these steps of the panel and close the others, and the server's box."""
    bpy.context.window_manager.worldwarp_live.server = False
    for name in STEPS:
        setattr(bpy.context.window_manager.worldwarp, name, name in names)
    yield from drawn()


def drawn():
    """Wait until the sidebar shows what a script, rather than a click, has changed."""
    region("UI").tag_redraw()
    yield 0.5


def find(what: str, copy: str = "python_command", across: float = 0.5):
    """Where the button is whose command (or ``data_path``) holds ``what``, as Blender's own Copy tells it.

    Args:
        across: how far from the sidebar's left edge to look for it.
    """
    bar = region("UI")
    x = bar.x + bar.width * across
    tell = getattr(bpy.ops.ui, f"copy_{copy}_button")
    point(x, bar.y + bar.height - 2)
    yield from drawn()
    for y in range(bar.y + bar.height - 2, bar.y, -ROW // 2):
        point(x, y)
        yield LOOK_SECONDS
        with over("UI"):
            if tell.poll() and tell() == {"FINISHED"} and what in bpy.context.window_manager.clipboard:
                return x, y
    raise Wrong(f"The sidebar shows no button of {what}")


def click_button(operator: str, across: float = 0.5):
    """Click the button of ``worldwarp.<operator>``."""
    yield from click(*(yield from find(f"worldwarp.{operator}(", across=across)))
