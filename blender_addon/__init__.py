"""WorldWarp: walk a keyframed camera into a single picture.

``camera``, ``colour``, ``points``, ``importer``, ``picture``, ``geometry``, ``match`` and ``video`` need no more than
Blender; ``link`` talks to the server on a thread of its own through ``worldwarp_protocol``; ``pump`` brings what it
says to the main thread.
"""


def register() -> None:
    # Imported here, so that the camera's maths can be imported without Blender.
    from . import (
        backend_operators,
        backend_panel,
        composite_operators,
        composite_takes,
        geometry_operators,
        hiding,
        operators,
        panel,
        path_operators,
        picture_operators,
        preferences,
        presets,
        properties,
        pump,
        ranges_operators,
        ranges_panel,
        resume,
        solid_points,
        status_bar,
        takes_operators,
        translations,
        world_operators,
    )

    translations.register()
    properties.register()
    preferences.register()
    operators.register()
    backend_operators.register()
    backend_panel.register()
    geometry_operators.register()
    path_operators.register()
    picture_operators.register()
    world_operators.register()
    composite_operators.register()
    composite_takes.register()
    hiding.register()
    solid_points.register()
    takes_operators.register()
    ranges_operators.register()
    ranges_panel.register()
    presets.register()
    panel.register()
    status_bar.register()
    pump.register()
    resume.register()


def unregister() -> None:
    from . import (
        backend_operators,
        backend_panel,
        composite_operators,
        composite_takes,
        geometry_operators,
        hiding,
        operators,
        panel,
        path_operators,
        picture_operators,
        preferences,
        presets,
        properties,
        pump,
        ranges_operators,
        ranges_panel,
        resume,
        solid_points,
        status_bar,
        takes_operators,
        translations,
        world_operators,
    )

    resume.unregister()
    pump.unregister()
    status_bar.unregister()
    panel.unregister()
    presets.unregister()
    ranges_panel.unregister()
    ranges_operators.unregister()
    takes_operators.unregister()
    solid_points.unregister()
    hiding.unregister()
    composite_takes.unregister()
    composite_operators.unregister()
    world_operators.unregister()
    picture_operators.unregister()
    path_operators.unregister()
    geometry_operators.unregister()
    backend_panel.unregister()
    backend_operators.unregister()
    operators.unregister()
    preferences.unregister()
    properties.unregister()
    translations.unregister()
