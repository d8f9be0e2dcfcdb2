"""WorldWarp: walk a keyframed camera into a single picture.

``camera``, ``colour``, ``points``, ``importer``, ``picture``, ``geometry``, ``match`` and ``video`` need no more than
Blender; ``link`` talks to the server on a thread of its own through ``worldwarp_protocol``; ``pump`` brings what it
says to the main thread.
"""


def register() -> None:
    # Imported here, so that the camera's maths can be imported without Blender.
    from . import (
        geometry_operators,
        operators,
        panel,
        path_operators,
        preferences,
        properties,
        pump,
        resume,
        translations,
        world_operators,
    )

    translations.register()
    properties.register()
    preferences.register()
    operators.register()
    geometry_operators.register()
    path_operators.register()
    world_operators.register()
    panel.register()
    pump.register()
    resume.register()


def unregister() -> None:
    from . import (
        geometry_operators,
        operators,
        panel,
        path_operators,
        preferences,
        properties,
        pump,
        resume,
        translations,
        world_operators,
    )

    resume.unregister()
    pump.unregister()
    panel.unregister()
    world_operators.unregister()
    path_operators.unregister()
    geometry_operators.unregister()
    operators.unregister()
    preferences.unregister()
    properties.unregister()
    translations.unregister()
