"""The health of the path as a coloured strip below the frame numbers of timelines and dope sheets."""

import bpy
import numpy as np

from . import health

PIXELS = 6
"""Height of the strip, at interface scale 1."""

COLOURS = np.array([[0.75, 0.15, 0.1], [0.85, 0.65, 0.1], [0.2, 0.6, 0.25]])
"""Of nothing, half and all known."""


NUMBERS = 23
"""Height of the frame numbers above it, at interface scale 1."""


class _Drawn:
    handler = None


def colours(known: np.ndarray) -> np.ndarray:
    """(n, 4) for shares (n,): red, yellow, green, and between them."""
    rgb = [np.interp(known, [0, 0.5, 1], channel) for channel in COLOURS.T]
    return np.column_stack([*rgb, np.ones_like(known)])


def triangles(found: health.Health, bottom: float, top: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners (6 n, 2), each frame's from half a frame before it to where the next one's begins, and colours."""
    edges = np.append(found.frame - 0.5, found.frame[-1] + 0.5)
    left, right = edges[:-1], edges[1:]
    low, high = np.full_like(left, bottom), np.full_like(left, top)
    corners = [(left, low), (right, low), (right, high), (left, low), (right, high), (left, high)]
    places = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1).reshape(-1, 2)
    return places, np.repeat(colours(found.known), 6, axis=0)


def _draw() -> None:
    context = bpy.context
    found = health.last(context.scene)
    if found is None or not context.window_manager.worldwarp.strip:
        return
    import gpu
    from gpu_extras.batch import batch_for_shader

    view, scale = context.region.view2d, context.preferences.system.ui_scale
    top = context.region.height - NUMBERS * scale
    places, rgba = triangles(found, top - PIXELS * scale, top)
    zero, one = (view.view_to_region(frame, 0, clip=False)[0] for frame in (0, 1000))
    places[:, 0] = zero + places[:, 0] * (one - zero) / 1000
    shader = gpu.shader.from_builtin("FLAT_COLOR")
    pos = np.column_stack([places, np.zeros(len(places))]).astype(np.float32)
    batch_for_shader(shader, "TRIS", {"pos": pos, "color": rgba.astype(np.float32)}).draw(shader)


def redraw() -> None:
    """Draw timelines and dope sheets anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "DOPESHEET_EDITOR":
                area.tag_redraw()


def register() -> None:
    if not bpy.app.background:
        _Drawn.handler = bpy.types.SpaceDopeSheetEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def unregister() -> None:
    if _Drawn.handler is not None:
        bpy.types.SpaceDopeSheetEditor.draw_handler_remove(_Drawn.handler, "WINDOW")
        _Drawn.handler = None
    health.forget()
