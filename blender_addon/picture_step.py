"""The first step of the sidebar: the picture, its depth and its masks."""

from pathlib import Path

from bpy.app.translations import pgettext_iface as iface_

from . import drawing, masks


def draw(layout, context, shot) -> None:
    layout.row().prop(shot, "source", expand=True)
    if shot.source == "RENDER":
        return
    layout.prop(shot, "picture_file")
    layout.prop(shot, "picture_space", placeholder=iface_("By the file"))
    layout.prop(shot, "depth_source")
    if shot.depth_source == "given":
        layout.prop(shot, "depth_file")
    else:
        drawing.missing(layout, context, shot, shot.depth_source)


def line(context, shot) -> str:
    if shot.source == "RENDER":
        return iface_("Render")
    return Path(shot.picture_file.removeprefix("//")).name


def draw_masks(layout, context, shot) -> None:
    layout.prop(shot, "mask_file")
    layout.prop(shot, "sky_file")


def masks_line(context, shot) -> str:
    return ", ".join(path.name for path in masks.files(shot).values())
