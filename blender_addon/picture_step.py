"""The first step of the sidebar: the picture, its depth and its masks; where it may come from, if there is none."""

from pathlib import Path

from bpy.app.translations import pgettext_iface as iface_

from . import diffusion, drawing, geometry, imagining, masks, ranges_forecast
from .state import STATE


def draw(layout, context, shot) -> None:
    layout.row().prop(shot, "source", expand=True)
    if shot.source == "RENDER":
        draw_again(layout, context, shot)
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
        return again_line(context) or iface_("Render")
    return Path(shot.picture_file.removeprefix("//")).name


def draw_again(layout, context, shot) -> None:
    """Whose picture is used, where one was rendered from the same camera before, and the way to another."""
    ranges_forecast.ask(context.scene)
    if ranges_forecast.of(context.scene).picture:
        drawing.sentences(layout, context, [line for line in [again_line(context)] if line], "IMAGE_DATA")
        layout.prop(shot, "render_anew")


def again_line(context) -> str:
    """Whose picture Generate uses; "" where it makes one."""
    name = ranges_forecast.of(context.scene).picture
    return iface_("Picture of {}").format(name) if name and not context.scene.worldwarp.render_anew else ""


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
