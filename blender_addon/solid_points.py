"""Clouds in their colours where Solid shading draws points grey: discs as large as the points, a little nearer."""

import bpy
import numpy as np

from . import point_nodes
from .parts import PICTURE
from .rendering import OURS

VERTEX = """
void main() {
  vec4 seen = ModelView * vec4(place, 1.0);
  seen.z += 1.05 * paint.w;
  gl_Position = Projection * seen;
  gl_PointSize = max(2.1 * paint.w * Projection[1][1] * height / (2.0 * gl_Position.w), 2.0);
  colour = vec4(paint.rgb, 1.0);
}
"""

FRAGMENT = """
void main() {
  if (length(gl_PointCoord - vec2(0.5)) > 0.5) { discard; }
  result = colour;
}
"""

_SHARES = np.arange(256) / 255
DECODED = np.where(_SHARES <= 0.04045, _SHARES / 12.92, ((_SHARES + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""Linear light of each displayed byte, IEC 61966-2-1."""


class _Drawn:
    handler = None
    shader = None
    batches: dict = {}
    """By object: what it was made of, and the batch."""


def corners(thing) -> tuple[np.ndarray, np.ndarray]:
    """Places (p, 3) of the shown points of a cloud, in its own axes, and paint (p, 4): colour and radius.

    Viewports are drawn into a buffer that encodes sRGB: what is displayed is decoded here.
    """
    mesh, kept = thing.data, point_nodes.shown(thing)
    places, rgba = np.empty((len(kept), 3), np.float32), np.empty(len(kept), np.int32)
    radii = np.empty(len(kept), np.float32)
    mesh.vertices.foreach_get("co", places.ravel())
    mesh.attributes[PICTURE].data.foreach_get("value", rgba)
    mesh.attributes[point_nodes.RADIUS].data.foreach_get("value", radii)
    paint = np.empty((len(kept), 4), np.float32)
    paint[:, :3] = DECODED[rgba.view(np.uint8).reshape(-1, 4)[:, :3]]
    paint[:, 3] = radii * point_nodes.setting(thing, "Size")
    return places[kept], paint[kept]


def clouds(context) -> list:
    """The clouds in our collections that are seen in the viewport of ``context`` and keep their colours.

    Every drawing asks, whatever else the file holds: large scenes have few collections and many objects.
    """
    ours = [found for found in bpy.data.collections if any(mark in found for mark in OURS)]
    things = dict.fromkeys(thing for collection in ours for thing in collection.objects)
    return [thing for thing in things if _is_seen(thing, context)]


def _is_seen(thing, context) -> bool:
    if not point_nodes.is_cloud(thing) or PICTURE not in thing.data.attributes or thing.data.is_editmode:
        return False
    return thing.visible_get(view_layer=context.view_layer, viewport=context.space_data)


def made_of(thing) -> tuple:
    """What the drawing of a cloud depends on; where it changes, it is made anew."""
    settings = [point_nodes.setting(thing, name) for name in point_nodes.INPUTS]
    box = settings.pop()
    where = (*np.ravel(box.matrix_world), *np.ravel(thing.matrix_world)) if box and settings[-1] else ()
    return (thing.data.session_uid, *_some(thing.data.vertices), *settings, *where)


def _some(vertices) -> tuple:
    """How many there are, and where some of them lie: another lens, or scale that is applied, moves them all."""
    count = len(vertices)
    return count, *(tuple(vertices[i].co) for i in ((0, count // 2, count - 1) if count else ()))


def _draw() -> None:
    context = bpy.context
    if context.space_data.shading.type != "SOLID" or not context.window_manager.worldwarp.solid_points:
        return
    found = clouds(context)
    if not found:
        return
    import gpu

    _Drawn.batches = {key: _Drawn.batches[key] for key in _uids(found) if key in _Drawn.batches}
    gpu.state.depth_test_set("LESS_EQUAL")
    gpu.state.depth_mask_set(True)
    gpu.state.program_point_size_set(True)
    for thing in found:
        _draw_cloud(context, thing)
    gpu.state.program_point_size_set(False)
    gpu.state.depth_mask_set(False)
    gpu.state.depth_test_set("NONE")


def _uids(things) -> list[int]:
    return [thing.session_uid for thing in things]


def _draw_cloud(context, thing) -> None:
    import gpu

    shader, batch = _shader(), _batch(thing)
    shader.bind()
    shader.uniform_float("ModelView", gpu.matrix.get_model_view_matrix() @ thing.matrix_world)
    shader.uniform_float("Projection", gpu.matrix.get_projection_matrix())
    shader.uniform_float("height", float(context.region.height))
    batch.draw(shader)


def _batch(thing):
    from gpu_extras.batch import batch_for_shader

    made = made_of(thing)
    before = _Drawn.batches.get(thing.session_uid)
    if before is None or before[0] != made:
        places, paint = corners(thing)
        before = made, batch_for_shader(_shader(), "POINTS", {"place": places, "paint": paint})
        _Drawn.batches[thing.session_uid] = before
    return before[1]


def _shader():
    import gpu

    if _Drawn.shader is None:
        info, between = gpu.types.GPUShaderCreateInfo(), gpu.types.GPUStageInterfaceInfo("worldwarp_points")
        between.smooth("VEC4", "colour")
        info.push_constant("MAT4", "ModelView")
        info.push_constant("MAT4", "Projection")
        info.push_constant("FLOAT", "height")
        info.vertex_in(0, "VEC3", "place")
        info.vertex_in(1, "VEC4", "paint")
        info.vertex_out(between)
        info.fragment_out(0, "VEC4", "result")
        info.vertex_source(VERTEX)
        info.fragment_source(FRAGMENT)
        _Drawn.shader = gpu.shader.create_from_info(info)
    return _Drawn.shader


def register() -> None:
    if not bpy.app.background:
        _Drawn.handler = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    if _Drawn.handler is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_Drawn.handler, "WINDOW")
        _Drawn.handler = None
    _Drawn.batches, _Drawn.shader = {}, None
