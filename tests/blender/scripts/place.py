"""A picture's depth becomes geometry: it lines up with the scene, scales about the camera, and stays out of the way."""

import sys

import bpy
import numpy as np
from mathutils import Vector
from shots import counts, grid_faces, leave

from blender_addon import anchor, camera, geometry, match, order, properties, rendering
from blender_addon.parts import MARK, part

properties.register()
scene, cam = bpy.context.scene, bpy.context.scene.camera
scene.render.engine, scene.cycles.samples = "CYCLES", 4
scene.render.resolution_x, scene.render.resolution_y = 160, 96
scene.render.pixel_aspect_y = 1.25
cam.data.shift_x, cam.data.lens = 0.1, 32
cam.scale = (2, 2, 2)
bpy.ops.mesh.primitive_plane_add(size=9, location=(0, 0, -1))
bpy.ops.mesh.primitive_uv_sphere_add(location=(-2, 1, 0.5))
cube = bpy.data.objects["Cube"]
bpy.ops.object.select_all(action="DESELECT")
cube.select_set(True)
bpy.context.view_layer.objects.active = cube
scene.frame_set(3)
ours = ("Room Geometry", "Room Anchor", "Room Surface", "Room Points")


def user() -> list:
    selected = [thing.name for thing in bpy.context.selected_objects]
    return [scene.camera.name, scene.frame_current, bpy.context.view_layer.objects.active.name, selected]


def world(role: str) -> np.ndarray:
    """The vertices (p, 3) of surface or points, as Blender evaluates them."""
    bpy.context.view_layer.update()
    thing = part(collection, role)
    co = np.empty(len(thing.data.vertices) * 3, np.float32)
    thing.data.vertices.foreach_get("co", co)
    matrix = np.array(thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world)
    return co.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def pixels(xyz: np.ndarray, K) -> np.ndarray:
    seen = (xyz - pose[:3, 3]) @ pose[:3, :3] @ K.T
    return seen[:, :2] / seen[:, 2:]


def cast(xyz: np.ndarray) -> np.ndarray:
    """Relative distance of points from where their own ray first meets the scene."""
    off = []
    depsgraph = bpy.context.evaluated_depsgraph_get()
    for point in xyz:
        direction = point - pose[:3, 3]
        far = np.linalg.norm(direction)
        hit, where, *_ = scene.ray_cast(depsgraph, Vector(pose[:3, 3]), Vector(direction / far))
        off.append(np.linalg.norm(np.array(where) - point) / far if hit else np.inf)
    return np.array(off)


# The picture with depth at its pixels' very centres, by ray casts; the render's own depth beside it
path = camera.sample(scene, cam, [3], bpy.context.evaluated_depsgraph_get())
K, pose = path.K[0], path.camera_to_world[0]
taken = rendering.render_picture(scene, cam, 3)
height, width = taken.depth.shape
v, u = np.mgrid[:height, :width] + 0.5
rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(K).T
depsgraph = bpy.context.evaluated_depsgraph_get()
exact = np.full((height, width), np.inf)
for y, x in np.ndindex(height, width):
    ray = pose[:3, :3] @ rays[y, x]
    hit, where, *_ = scene.ray_cast(depsgraph, Vector(pose[:3, 3]), Vector(ray / np.linalg.norm(ray)))
    if hit:
        exact[y, x] = (np.array(where) - pose[:3, 3]) @ pose[:3, 2]


def estimate(source: str, depth: np.ndarray, K) -> geometry.Estimate:
    known = np.isfinite(depth)
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(K).T
    xyz = (rays * np.where(known, depth, 0)[..., None])[known].astype(np.float32)
    level = np.eye(4)
    return geometry.Estimate(source, K, width, height, xyz, taken.rgb[known], grid_faces(known), level)


before, blocks = user(), counts()
collection = geometry.place(scene, "Room", estimate("given", exact, K), K, pose, taken.colour_space)
hidden = part(collection, "points").hide_viewport
placed = {role: world(role)[::7] for role in ("surface", "points")}
collection.hide_viewport = True  # rays shall meet the scene, not its picture
bpy.context.view_layer.update()
worst = {role: float(cast(xyz).max()) for role, xyz in placed.items()}
collection.hide_viewport = False
exact_pixels = np.stack([u, v], -1)[np.isfinite(exact)]
off = float(np.abs(pixels(world("surface"), K) - exact_pixels).max())
both = np.isfinite(taken.depth) & np.isfinite(exact)
rendered = float(np.median(np.abs(taken.depth[both] / exact[both] - 1)))
same_user = before == user()
no_anchor = part(collection, "anchor") is None

# It is left out of the next picture
again = rendering.render_picture(scene, cam, 3)
same_picture = bool((again.rgb == taken.rgb).all() and (again.depth == taken.depth).all())

# Estimated with another lens and at another scale: every point stays on its pixel, at its planar depth
K_found = K @ np.diag([1.0, 1.0, 1.0])
K_found[:2, :2] *= 0.7
K_found[:2, 2] = width / 2, height / 2
shot = scene.worldwarp
collection = geometry.place(scene, "Room", estimate("ttt3r", exact / 3, K_found), K, pose, taken.colour_space)
one = [thing.name for thing in collection.objects] == sorted(ours, key=[o.name for o in collection.objects].index)
scaled = {}


def check(case: str, factor: float) -> None:
    """Pixels stay, distances are ``factor`` times as large, and the anchor is on its point unless it is scaled."""
    found = {}
    for role in ("surface", "points"):
        xyz = world(role)
        found[f"{role}_pixels"] = float(np.abs(pixels(xyz, K) - exact_pixels).max())
        planar = (xyz - pose[:3, 3]) @ pose[:3, 2]
        found[f"{role}_factor"] = float(np.abs(planar / exact[np.isfinite(exact)] * 3 / factor - 1).max())
    if tuple(empty.scale) != (1, 1, 1):
        scaled[case] = found
        return
    place = np.array(part(collection, "anchor").matrix_world.translation)
    found["anchor"] = float(np.linalg.norm(world("surface") - place, axis=1).min())
    said = anchor.anchored(collection)
    seen = pixels(place[None], K)[0] / (width, height)
    found["pixel"] = float(np.abs(seen - said[:2]).max())
    found["distance"] = float(abs((place - pose[:3, 3]) @ pose[:3, 2] / said[2] - 1))
    found["said"] = [abs(shot.geometry_scale / factor - 1), abs(shot.anchor_distance / said[2] - 1)]
    scaled[case] = found


empty, root = part(collection, "anchor"), part(collection, "root")
check("as estimated", 1)
empty.location.z *= 1.5
check("moved", 1.5)
root.scale = (2, 2, 2)
check("root scaled", 3)
empty.scale = (0.5, 0.5, 0.5)
check("scaled", 1.5)
shot.geometry_scale = 3
check("set", 3)
cam.data.dof.focus_distance = distance = shot.anchor_distance * 2
shot.anchor_distance = match.focus_distance(cam)
check("focus", 6)

# What Generate sends: the anchor, where depth will be estimated by the same source
shot.source, shot.depth_source = "FILE", "ttt3r"
sent = [order.settings(scene, camera.Raster(width, height))[key] for key in ("geometry", "anchor")]
shot.depth_source = "given"
not_sent = order.settings(scene, camera.Raster(width, height))["anchor"]
sent_right = sent == ["ttt3r", anchor.anchored(collection)] and not_sent is None

# Estimated anew: same objects, same scale, nothing left over
root.scale = (1, 1, 1)
shot.geometry_scale = 2
child = bpy.data.objects.new("CG", None)
child.parent = empty
scene.collection.objects.link(child)
settled = counts()
geometry.place(scene, "Room", estimate("ttt3r", exact / 3, K_found), K, pose, taken.colour_space)
leftover = {kind: (settled[kind], n) for kind, n in counts().items() if n != settled[kind] and kind != "scenes"}
check("anew", 2)
kept = child.parent == part(collection, "anchor")

# Another lens on the camera: still at the same pixels
cam.data.lens = 50
K = camera.sample(scene, cam, [3], bpy.context.evaluated_depsgraph_get()).K[0]
difference = geometry.lens_difference(collection, K)
geometry.see_through(collection, K)
check("another lens", 2)

# The user deletes it: the next one is made anew
colour = part(collection, "surface").data.color_attributes.active_color_name
bpy.data.objects.remove(part(collection, "root"))
gone = geometry.of_scene(scene) is None and shot.geometry_scale == 0
fresh = geometry.place(scene, "Room", estimate("given", exact, K), K, pose, taken.colour_space)
leave(
    worst=worst,
    off=off,
    rendered=rendered,
    same_user=same_user and before == user(),
    no_anchor=no_anchor,
    hidden=hidden,
    same_picture=same_picture,
    one=one,
    scaled=scaled,
    leftover=leftover,
    kept=kept,
    sent_right=sent_right,
    difference=difference,
    gone=gone and fresh != collection and fresh[MARK] == "given",
    colour=colour,
    version=sys.version,
)
