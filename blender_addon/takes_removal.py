"""A take leaves the scene: what the import made goes, what the user put beside it stays where it is."""

import bpy

from . import solved, takes
from .parts import ROLE, WORLD


def remove(scene, take) -> None:
    """Remove ``take``, its objects and what only they use. Who looked through its camera has the shot's again."""
    collections = [take, *(found for found in take.children_recursive if WORLD in found)]
    things = {thing for collection in collections for thing in collection.objects}
    ours = [thing for thing in things if ROLE in thing or thing == takes.camera_of(take)]
    _keep(scene, collections, things.difference(ours))
    if scene.camera in ours:
        shot = scene.worldwarp
        scene.camera = shot.camera if shot.camera not in ours else None
    used = _used_by(ours)
    for child in (child for thing in ours for child in thing.children if child not in ours):
        _free(child)
    bpy.data.batch_remove([*ours, *collections])
    for blocks in used:  # what is used by others comes before it
        bpy.data.batch_remove([block for block in blocks if block.users == 0])


def _keep(scene, collections, things) -> None:
    """The user's ``things`` and collections, that lie in ours alone, lie in the scene's now."""
    for thing in things:
        if all(collection in collections for collection in thing.users_collection):
            scene.collection.objects.link(thing)
    for child in [child for collection in collections for child in collection.children if child not in collections]:
        if child.name not in scene.collection.children:
            scene.collection.children.link(child)


def _free(child) -> None:
    """Without its parent, in the same place."""
    place = child.matrix_world.copy()
    child.parent = None
    child.matrix_world = place


def _used_by(things) -> list[set]:
    """What ``things`` are made of, each set of it used by those before it."""
    data = {thing.data for thing in things if thing.data}
    actions = {found.animation_data.action for found in [*things, *data] if found.animation_data}
    actions |= {thing.get(name) for thing in things for name in (solved.REQUESTED, solved.SOLVED)}
    images = {
        found.image for camera in data if hasattr(camera, "background_images") for found in camera.background_images
    }
    return [data, actions - {None}, images - {None}]
