"""Whether a camera moves, told without evaluating the scene: quick enough for drawing a panel."""

import numpy as np

LOOKS = 32
"""Most frames at which a curve is looked at."""


def is_still(camera, frames: range) -> bool:
    """Whether nothing that is seen here moves ``camera`` or its lens; what cannot be told counts as moving."""
    if camera is None or not frames:
        return False
    at = np.unique(np.linspace(frames[0], frames[-1], LOOKS).round())
    return not any(_moves(thing, at) for thing in (*_chain(camera), camera.data))


def _chain(thing):
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
    return any(len({curve.evaluate(frame) for frame in at}) > 1 for curve in _curves(animation))


def _curves(animation) -> list:
    """The curves of its action that belong to this datablock."""
    action = animation.action
    if action is None:
        return []
    if not hasattr(action, "layers") or not hasattr(animation, "action_slot"):  # before Blender 4.4
        return list(action.fcurves)
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags if bag.slot == animation.action_slot for curve in bag.fcurves]
