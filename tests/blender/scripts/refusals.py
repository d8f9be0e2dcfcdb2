"""Views that no colour space undoes, one after another."""

import bpy
from shots import report

from blender_addon.colour import colour_space
from blender_addon.problems import Problem

scene = bpy.context.scene
view, display = scene.view_settings, scene.display_settings


def sentence() -> str:
    try:
        colour_space(scene)
    except Problem as problem:
        return str(problem)
    return ""


found = {"fine": sentence()}
for case, owner, field, value in (
    ("look", view, "look", "AgX - Punchy"),
    ("exposure", view, "exposure", 0.5),
    ("gamma", view, "gamma", 2.0),
    ("curves", view, "use_curve_mapping", True),
    ("transform", view, "view_transform", "Raw"),
    ("display", display, "display_device", "Display P3"),
):
    before = getattr(owner, field)
    setattr(owner, field, value)
    found[case] = sentence()
    setattr(owner, field, before)
    assert sentence() == "", case
report(**found)
