"""The run in Blender's status bar, and Esc, which cancels it wherever the mouse is."""

import time

import bpy
from bpy.app.handlers import persistent
from bpy.app.translations import pgettext_iface as iface_

from .ranges_panel import duration
from .state import Run

WIDTH = 22
"""Of its progress bar, in buttons' heights: a text is cut where it is longer."""


SAME_KEY_SECONDS = 0.5
"""Longest time in which one press of Esc reaches playback and then us."""


class _Now:
    text: str = ""
    fraction: float = 0.0
    keys: list = []
    stopped: float = -1.0
    """When playback ended."""


def line(run: Run | None) -> str:
    """Where ``run`` stands, in a few words; "" where there is none or it is over."""
    if run is None or run.over:
        return ""
    if run.cancelling:
        return f"WorldWarp: {iface_('Cancelling ...')}"
    done = iface_("{done} of {frames} frames").format(done=run.frames_done, frames=run.frames)
    stage = iface_(run.stage)
    if run.progress:
        stage = stage.format(step=run.progress.step, steps=run.progress.steps)
    seconds = run.seconds_left(time.monotonic())
    left = "" if seconds is None else iface_("{} left").format(duration(seconds))
    return f"WorldWarp: {', '.join(part for part in (done, stage, left) if part)}"


def follow(run: Run | None) -> bool:
    """Show where ``run`` stands; says whether that has changed."""
    text = line(run)
    if text == _Now.text:
        return False
    _Now.text, _Now.fraction = text, run.fraction if text else 0.0
    for window in bpy.context.window_manager.windows:
        if not len(window.modal_operators) and window.workspace:  # those tell their keys there
            with bpy.context.temp_override(window=window):  # Blender crashes without one, as after File > Open
                window.workspace.status_text_set_internal(None)  # how it is told to draw its status bar anew
    return True


def draw(header, context) -> None:
    if _Now.text:
        row = header.layout.row(align=True)
        bar = row.row()
        bar.ui_units_x = WIDTH
        bar.progress(factor=_Now.fraction, text=_Now.text)
        row.operator("worldwarp.cancel", text="", icon="X").what = "run"


@persistent
def _playback_ended(*_) -> None:
    _Now.stopped = time.monotonic()


def ends_playback() -> bool:
    """Whether the Esc that is heard now has just ended playback: Blender hands it on to us."""
    return time.monotonic() - _Now.stopped < SAME_KEY_SECONDS


def register() -> None:
    bpy.app.handlers.animation_playback_post.append(_playback_ended)
    bpy.types.STATUSBAR_HT_header.append(draw)
    keyconfig = bpy.context.window_manager.keyconfigs.addon
    if keyconfig is None:  # in the background there are no keys
        return
    keymap = keyconfig.keymaps.new("Window")  # what is asked last: tools and fields have had the key before
    item = keymap.keymap_items.new("worldwarp.cancel", "ESC", "PRESS")
    item.properties.by_key = True
    _Now.keys = [(keymap, item)]


def unregister() -> None:
    for keymap, item in _Now.keys:
        keymap.keymap_items.remove(item)
    _Now.keys = []
    bpy.types.STATUSBAR_HT_header.remove(draw)
    bpy.app.handlers.animation_playback_post.remove(_playback_ended)
