"""A cloud's settings: which points the nodes show, against the same chosen without them."""

import bpy
import numpy as np
from mathutils import Matrix
from shots import leave

from blender_addon import point_nodes, points, solid_points
from blender_addon.parts import WORLD

rng = np.random.default_rng(5)
xyz = rng.uniform(-2, 2, (3000, 3)).astype(np.float32)
rgb = rng.integers(0, 256, (3000, 3), np.uint8)
cloud = points.cloud_object("Cloud", xyz, rgb / 255, np.full(3000, 0.25), np.arange(3000) % 3, rgb)
bpy.context.scene.collection.objects.link(cloud)
cloud.location, cloud.rotation_euler = (1, 0, 0), (0, 0, 0.3)
box = bpy.data.objects.new("Box", None)
bpy.context.scene.collection.objects.link(box)
box.location, box.scale, box.rotation_euler = (1, 0.5, 0), (1, 2, 1.5), (0.2, 0, 0)


def put(name: str, value) -> None:
    """As a user sets it."""
    modifier = cloud.modifiers[point_nodes.NAME]
    identifier = modifier.node_group.interface.items_tree[name].identifier
    if hasattr(modifier, "properties"):
        getattr(modifier.properties.inputs, identifier).value = value
    else:
        modifier[identifier] = value
    cloud.update_tag()


def drawn() -> tuple[np.ndarray, float]:
    """Places that the nodes give, sorted, and the first one's radius."""
    graph = bpy.context.evaluated_depsgraph_get()
    graph.update()
    for instance in graph.object_instances:
        data = instance.object.data
        if isinstance(data, bpy.types.PointCloud):
            places = np.empty(3 * len(data.points), np.float32)
            data.attributes["position"].data.foreach_get("vector", places)
            return places.reshape(-1, 3), data.attributes["radius"].data[0].value if len(data.points) else 0.0
    return np.empty((0, 3), np.float32), 0.0


found = {"left out": cloud.hide_render, "cases": {}}
cases = {
    "all": {},
    "size": {"Size": 2.0},
    "share": {"Size": 1.0, "Share": 0.25},
    "generated": {"Share": 1.0, "Generated": False},
    "filled": {"Generated": True, "Filled": False},
    "no box": {"Filled": True, "Crop": True},
    "box": {"Box": box},
    "together": {"Share": 0.5, "Generated": False},
}
for case, settings in cases.items():
    for name, value in settings.items():
        put(name, value)
    bpy.context.view_layer.update()
    places, radius = drawn()
    expected = xyz[point_nodes.shown(cloud)]
    found["cases"][case] = [len(places), len(expected), bool(np.array_equal(places, expected)), round(radius, 4)]
# What is drawn in Solid shading: clouds of our collections, and anew where their points have moved
home, seen = bpy.data.collections.new("World"), []
home[WORLD] = "x"
for step in ("not ours", "ours, elsewhere", "here", "hidden"):
    if step == "ours, elsewhere":
        home.objects.link(cloud)
        bpy.context.scene.collection.objects.unlink(cloud)
    if step == "here":
        bpy.context.scene.collection.children.link(home)
    cloud.hide_viewport = step == "hidden"
    bpy.context.view_layer.update()
    seen.append(solid_points.clouds(bpy.context) == [cloud])
found["seen"] = seen
before = solid_points.made_of(cloud)
cloud.data.transform(Matrix.Scale(2, 4))
found["moved"] = [solid_points.made_of(cloud) != before, solid_points.made_of(cloud) == solid_points.made_of(cloud)]
# Too many at once: a share of them, all of them kept
point_nodes.MOST = 1000
crowd = points.cloud_object("Crowd", xyz, rgb / 255, np.full(3000, 0.25), None, rgb)
found["crowd"] = [
    round(point_nodes.setting(crowd, "Share"), 4),
    int(point_nodes.shown(crowd).sum()),
    len(crowd.data.vertices),
]
leave(**found)
