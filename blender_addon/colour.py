"""Which colour space makes returned frames show as they were sent.

Frames are display-referred: what the artist saw. Loaded with the colour space that undoes the scene's own view
transform, they come out of that view unchanged.
"""

from .problems import Problem

COLOUR_SPACES = {"AgX": "AgX Base sRGB", "Filmic": "Filmic sRGB", "Standard": "sRGB"}
"""Blender's colour space that each view transform maps back to itself, on an sRGB display."""


def colour_space(scene) -> str:
    """Blender's name of the colour space of what ``scene`` shows.

    Raises:
        Problem: the view cannot be undone by a colour space; names the setting to change.
    """
    view, display = scene.view_settings, scene.display_settings.display_device
    where = "in Render properties, Color Management"
    if display != "sRGB":
        raise Problem(f"The display device is {display!r}: set it to sRGB {where}")
    if view.view_transform not in COLOUR_SPACES:
        known = ", ".join(COLOUR_SPACES)
        raise Problem(f"The view transform {view.view_transform!r} cannot be undone: set it to one of {known} {where}")
    if view.look != "None":
        raise Problem(f"The look {view.look!r} cannot be undone: set Look to None {where}")
    if view.exposure != 0 or view.gamma != 1:
        raise Problem(f"Exposure and gamma of the view cannot be undone: set them to 0 and 1 {where}")
    if view.use_curve_mapping or getattr(view, "use_white_balance", False):
        raise Problem(f"View curves and white balance cannot be undone: switch them off {where}")
    return COLOUR_SPACES[view.view_transform]
