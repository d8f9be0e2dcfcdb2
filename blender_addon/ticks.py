"""Which steps of the sidebar are finished, told by the scene itself: what is edited is finished no more."""

import bpy

from . import geometry, motion, order, ranges_forecast, takes


def picture(scene) -> bool:
    """There is a picture that can be taken; to render one is every new file's default, so that file is saved first."""
    settled = scene.worldwarp.source != "RENDER" or bool(bpy.data.filepath)
    return settled and order.camera_of(scene) is not None and not order.picture_problems(scene)


def shape(scene) -> bool:
    """The picture's geometry is here."""
    return geometry.of_scene(scene) is not None


def path(scene) -> bool:
    """A camera moves through the range."""
    return not order.path_problems(scene) and not motion.is_still(order.camera_of(scene), order.frames_of(scene))


def generated(scene) -> bool:
    """Generate would keep all frames as they are."""
    ranges_forecast.ask(scene)
    found = ranges_forecast.of(scene)
    return found.kept > 0 and found.new == 0


def brought(scene) -> bool:
    """A take is in the scene."""
    return bool(takes.all_of(scene))


STEPS = {"picture": picture, "geometry": shape, "path": path, "generate": generated, "result": brought}
"""By the name of the step."""


def generated_line(context, shot) -> str:
    """Generate in a few words."""
    found = ranges_forecast.of(context.scene)
    return f"{found.kept} / {found.kept + found.new}" if found.kept else ""


def result_line(context, shot) -> str:
    """Result in a few words: the newest take."""
    found = takes.all_of(context.scene)
    return found[-1].name if found else ""
