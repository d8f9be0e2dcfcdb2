"""An empty that a whole take hangs on, to scale it and to lay it onto the scene; only where it is asked for."""

import bpy
from mathutils import Matrix

from . import takes
from .parts import ROLE, WORLD, part
from .problems import Problem

HANDLE = "handle"
"""Role of the empty."""

ORIGIN = "worldwarp_origin"
"""Custom property of the empty: where it was made. What joins it later goes along with how it was moved since."""


def handle_of(take) -> bpy.types.Object:
    """The empty of ``take``, made where the camera is now if there was none; nothing moves by it.

    Raises:
        Problem: the camera is gone.
    """
    camera = takes.camera_of(take)
    if camera is None:
        raise Problem(f"The camera of {take.name} is gone: import the result again")
    handle = part(take, HANDLE)
    if handle is None:
        handle = bpy.data.objects.new(f"{take.name} Handle", None)
        handle[ROLE] = HANDLE
        handle.location = handle[ORIGIN] = camera.matrix_world.translation
        handle.empty_display_size = 0.5
        take.objects.link(handle)
    hang(take)
    return handle


def hang(take) -> None:
    """Hang on the take's empty what has no parent yet, the world's objects too; nothing where it has no empty."""
    handle = part(take, HANDLE)
    if handle is None:
        return
    homes = [take, *(child for child in take.children if WORLD in child)]
    for thing in [thing for home in homes for thing in home.objects]:
        if thing.parent is None and thing != handle:
            thing.parent = handle
            thing.matrix_parent_inverse = Matrix.Translation(handle[ORIGIN]).inverted()
