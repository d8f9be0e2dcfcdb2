"""The list of the walk's ranges, and what is known of the one that is chosen."""

from pathlib import Path

import bpy
import bpy.utils.previews
from bpy.app.translations import pgettext_iface as iface_

from . import drawing, order, overrides, ranges_forecast
from .diffusion import wanted
from .diffusion_panel import WRITTEN, draw_switched
from .ranges import spans
from .state import STATE

STATES = {
    "kept": ("CHECKMARK", "Kept"),
    "again": ("FILE_REFRESH", "Anew"),
    "new": ("ADD", "New"),
    "done": ("CHECKMARK", "Done"),
    "working": ("PLAY", "In work"),
    "waiting": ("SORTTIME", "Waiting"),
}
"""Icon and word of ``plan.Row.state``."""

MOST_PICTURES = 256
"""That are kept; then they are read again."""

SCALE = 4.0
"""Side of the chosen range's picture, in rows."""


class _Now:
    pictures: bpy.utils.previews.ImagePreviewCollection | None = None


def icon(picture: Path | None) -> int:
    """The number of a frame's thumbnail, which Blender reads beside its other work; 0 where there is none."""
    if picture is None or _Now.pictures is None or not picture.is_file():
        return 0
    if len(_Now.pictures) > MOST_PICTURES:
        _Now.pictures.clear()
    name = f"{picture} {picture.stat().st_mtime_ns}"
    found = _Now.pictures.get(name) or _Now.pictures.load(name, str(picture), "IMAGE")
    return found.icon_id


class WORLDWARP_UL_ranges(bpy.types.UIList):
    """Ranges of the walk, which are made one after another"""

    def filter_items(self, context, data, name) -> tuple[list[int], list[int]]:
        """The rows of the window's scene whose frames the user searches for; others may have more of them."""
        rows, items = ranges_forecast.of(context.scene).rows, len(getattr(data, name))
        there = [self.bitflag_filter_item if self.filter_name in frames_of(row) else 0 for row in rows[:items]]
        return there + [0] * (items - len(there)), []

    def draw_item(self, context, layout, data, item, icon_value, active_data, active_property, index=0, flag=0) -> None:
        scene, rows = context.scene, ranges_forecast.of(context.scene).rows
        if index >= len(rows):
            return
        row, line = rows[index], layout.row(align=True)
        line.use_property_split = False
        picture = icon(row.picture)
        kind, word = STATES[row.state]
        line.label(text=frames_of(row), icon_value=picture, translate=False) if picture else line.label(
            text=frames_of(row), icon="IMAGE_DATA", translate=False
        )
        grey = line.row(align=True)
        grey.active, grey.alignment = row.state == "working", "RIGHT"
        share = known(row) if kind == "CHECKMARK" else ""
        grey.label(text=share or iface_(word), icon=kind, translate=False)  # both at once leave no room for the frames
        walk = order.frames_of(scene)
        entry = entry_of(scene.worldwarp, walk, row.first)
        line.label(text="", icon="OPTIONS" if entry and entry.changes() else "BLANK1")
        lock = "LOCKED" if entry and entry.locked else "UNLOCKED"
        line.operator("worldwarp.lock_range", text="", icon=lock, emboss=False).frame = row.first


def frames_of(row) -> str:
    return f"{row.first}\u2013{row.last}"


def entry_of(shot, walk: range, frame: int):
    """The entry of the range that adds ``frame``, or None; a run may have other frames than the walk has now."""
    return overrides.entry_at(shot, walk, overrides.range_at(shot, walk, frame)) if frame in walk else None


def known(row) -> str:
    """Which share of its frames was known before they were made."""
    return f"{row.meta['coverage']:.0%}" if "coverage" in row.meta else ""


def draw(layout, context, shot) -> None:
    scene, ranges = context.scene, context.window_manager.worldwarp_ranges
    rows = ranges_forecast.of(scene).rows
    layout.template_list("WORLDWARP_UL_ranges", "", ranges, "shown", ranges, "active", rows=3)
    if not 0 <= ranges.active < len(rows):
        return
    row = rows[ranges.active]
    draw_row(layout, context, shot, row)
    walk = order.frames_of(scene)
    if row.state in ("done", "working", "waiting"):
        stop = layout.operator(
            "worldwarp.stop_after_range", icon="PAUSE", depress=STATE.run.stop_after == ranges.active
        )
        stop.frame = row.last
        return
    draw_entry(layout, shot, entry_of(shot, walk, row.first), row.first)
    column = layout.column(align=True)
    column.enabled = row.state != "new"
    column.operator("worldwarp.regenerate", icon="FILE_REFRESH").frame = row.first
    column.operator("worldwarp.roll_back", icon="LOOP_BACK").frame = row.first


def draw_row(layout, context, shot, row) -> None:
    """The range's picture and what is known of it."""
    if picture := icon(row.picture):
        layout.template_icon(icon_value=picture, scale=SCALE)
    drawing.sentences(
        layout, context, [text for text in (made_with(row), came_out(row), made_from(row)) if text], "BLANK1"
    )
    if prompt := row.meta.get("prompt"):
        drawing.sentences(layout, context, [f"\u201c{prompt}\u201d"], "WORDWRAP_ON")
        layout.operator("worldwarp.use_caption", icon="GREASEPENCIL").frame = row.first


def made_with(row) -> str:
    """Seed, freedom and prompt of a range."""
    chosen = row.chosen
    parts = [iface_("Seed {}").format(chosen["seed"])]
    if "sigma" in chosen:
        parts.append(iface_("freedom {:.2f}").format(chosen["sigma"]))
        words = " ".join(str(chosen[name]) for name in ("style", "prompt") if chosen[name])
        parts.append(f"\u201c{words}\u201d" if words else "")
    return ", ".join(part for part in parts if part)


def came_out(row) -> str:
    """How much of a range was known, how far its frames are off, and how long it took."""
    meta, parts = row.meta, []
    if "coverage" in meta:
        parts.append(iface_("{:.0%} known").format(meta["coverage"]))
    if "residual_requested" in meta:
        parts.append(iface_("{:.2g} px off the path").format(meta["residual_requested"]))
    took = sum(value for name, value in meta.items() if name.startswith("seconds_"))
    return ", ".join([*parts, *([iface_("took {}").format(duration(took))] if took else [])])


def made_from(row) -> str:
    """The frames that a range was made from: those before it, and those that were remembered."""
    frames = [int(frame) for frame in str(row.meta.get("history", "")).split()]
    if len(frames) == 1:
        return iface_("From frame {}").format(*frames)
    return iface_("From frames {}").format(spans(frames)) if frames else ""


def duration(seconds: float) -> str:
    """In words that a glance takes in: 40 s, 3 min, 1.5 h."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"


def draw_entry(layout, shot, entry, frame: int) -> None:
    """What a range has of its own."""
    if entry is None:
        layout.operator("worldwarp.part_add", icon="OPTIONS").frame = frame
        return
    column = layout.column(align=True)
    draw_switched(column, entry, "seed")
    if wanted(shot):
        draw_switched(column, entry, "sigma", slider=True)
        draw_switched(column, entry, "prompt", placeholder=iface_(WRITTEN))
        draw_switched(column, entry, "style")
        draw_switched(column, entry, "negative_prompt")
    column.operator("worldwarp.part_remove", icon="X").frame = frame


def register() -> None:
    _Now.pictures = bpy.utils.previews.new()
    bpy.utils.register_class(WORLDWARP_UL_ranges)


def unregister() -> None:
    bpy.utils.unregister_class(WORLDWARP_UL_ranges)
    bpy.utils.previews.remove(_Now.pictures)
    _Now.pictures = None
