"""The first step of the sidebar: the picture, its depth and its masks; where it may come from, if there is none."""

from pathlib import Path

from bpy.app.translations import pgettext_iface as iface_

from . import diffusion, drawing, geometry, imagining, masks
from .state import STATE


def draw(layout, context, shot) -> None:
    layout.row().prop(shot, "source", expand=True)
    if shot.source == "RENDER":
        return
    layout.prop(shot, "picture_file")
    if not shot.picture_file:
        layout.operator("worldwarp.example", icon="IMAGE_DATA")
        return
    layout.prop(shot, "picture_space", placeholder=iface_("By the file"))
    layout.prop(shot, "depth_source")
    if shot.depth_source == "given":
        layout.prop(shot, "depth_file")
    else:
        drawing.missing(layout, context, shot, shot.depth_source)
    match = layout.operator("worldwarp.match_camera", icon="CAMERA_DATA")
    match.level = geometry.of_scene(context.scene) is not None


def line(context, shot) -> str:
    if shot.source == "RENDER":
        return iface_("Render")
    return Path(shot.picture_file.removeprefix("//")).name


def draw_imagining(layout, context, shot) -> None:
    if not diffusion.wanted(shot):  # else they stand with the picture
        layout.prop(shot.diffusion, "prompt")
        layout.prop(shot.diffusion, "style")
    layout.prop(shot, "imagined_side")
    layout.prop(shot, "imagined_seed")
    if not drawing.inquiry(layout, context, "words"):
        layout.operator("worldwarp.imagine", icon="IMAGE_DATA")
        if sentence := STATE.pictures.get(imagining.SOURCE):
            drawing.lacking(layout, context, iface_("Picture from Words"), sentence)


def draw_masks(layout, context, shot) -> None:
    layout.prop(shot, "mask_file")
    layout.prop(shot, "sky_file")


def masks_line(context, shot) -> str:
    return ", ".join(path.name for path in masks.files(shot).values())
