"""Whether a camera moves, told without evaluating the scene: quick enough for drawing a panel."""

import numpy as np

LOOKS = 32
"""Most frames at which a curve is looked at."""


def is_still(camera, frames: range) -> bool:
    """Whether nothing that is seen here moves ``camera`` or its lens; what cannot be told counts as moving."""
    if camera is None or not frames:
        return False
    at = np.unique(np.linspace(frames[0], frames[-1], LOOKS).round())
    return not any(_moves(thing, at) for thing in (*chain(camera), camera.data))


def chain(thing):
    """``thing`` and its parents."""
    while thing is not None:
        yield thing
        thing = thing.parent


def _moves(thing, at: np.ndarray) -> bool:
    if any(not constraint.mute for constraint in getattr(thing, "constraints", ())):
        return True
    if getattr(thing, "parent", None) is not None and thing.parent_type != "OBJECT":
        return True
    if getattr(thing, "rigid_body", None) is not None:
        return True
    animation = thing.animation_data
    if animation is None:
        return False
    if len(animation.drivers) or len(animation.nla_tracks):
        return True
    return any(len({curve.evaluate(frame) for frame in at}) > 1 for curve in curves(animation))


def curves(animation) -> list:
    """The curves of its action that belong to this datablock."""
    return [curve for holder in _holders(animation) for curve in holder.fcurves]


def take_off(animation, paths: tuple[str, ...]) -> None:
    """Remove the curves of properties among ``paths`` from its action."""
    for holder in _holders(animation):
        for curve in [curve for curve in holder.fcurves if curve.data_path in paths]:
            holder.fcurves.remove(curve)


def keyed(datablock, *paths: str) -> bool:
    """Whether an action or a driver moves a property whose path begins with one of ``paths``."""
    animation = datablock.animation_data
    if animation is None:
        return False
    return driven(animation, *paths) or any(curve.data_path.startswith(paths) for curve in curves(animation))


def driven(animation, *paths: str) -> bool:
    """Whether a driver moves a property whose path begins with one of ``paths``."""
    return any(driver.data_path.startswith(paths) for driver in animation.drivers)


def _holders(animation) -> list:
    """What holds the curves of this datablock: its action, or in newer Blenders a bag in it."""
    action = animation.action
    if action is None:
        return []
    if not hasattr(action, "layers") or not hasattr(animation, "action_slot"):  # before Blender 4.4
        return [action]
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [bag for bag in bags if bag.slot == animation.action_slot]
