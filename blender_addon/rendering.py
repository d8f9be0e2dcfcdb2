"""The picture as this camera's render, with its exact depth.

Rendering happens in a temporary copy of the scene, with a compositor of its own; the user's scene and
compositor are left alone.
"""

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bpy
import numpy as np

from .camera import check_type, frame_kept
from .colour import TEMPORARY, colour_space
from .layers import new_tree, written
from .parts import MARK, WORLD
from .picture import LONGEST_SIDE, SKY_DEPTH, Picture, read_pixels, to_bytes
from .problems import Problem

PLANAR_DEPTH_ENGINES = ("CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")
"""Engines whose depth pass was compared with known geometry: planar Z in world units."""

OURS = ("worldwarp_run", MARK, WORLD)
"""Custom properties of the collections that we made."""


def render_picture(scene, camera, frame: int) -> Picture:
    """What ``camera`` sees in ``scene`` at ``frame``, through the scene's view transform, and its depth. Blocks.

    Motion blur, render borders, the compositor and the sequencer are left out: depth would not match them. So are a
    transparent film, since a picture has no alpha, and text that is burned into renders.

    Raises:
        Problem: camera, engine or colour management cannot be used, or the render gave nothing.
    """
    space = check_renderable(scene, camera)
    with tempfile.TemporaryDirectory(prefix="worldwarp-") as folder, render_copy(scene, camera, frame, folder) as copy:
        # Not render(scene=copy.name): that renders the copy at the current frame of the user's scene.
        with bpy.context.temp_override(scene=copy, view_layer=copy.view_layers[0]), frame_kept(scene):
            bpy.ops.render.render(write_still=True)
        return read_render(folder, sky_depth(scene, camera.data), space)


def check_renderable(scene, camera) -> str:
    """The colour space of the render to come; raises ``Problem`` where it would be useless."""
    check_type(camera)
    if scene.render.engine not in PLANAR_DEPTH_ENGINES:
        raise Problem(
            f"The depth of render engine {scene.render.engine!r} is not known to be planar: choose Cycles, EEVEE or "
            "Workbench, or take the picture and its depth from files"
        )
    return colour_space(scene)


class JobRender:
    """A render as Blender's own job: the interface stays alive, Esc or the status bar's cross cancels it.

    Keeps names and session ids only: undo and File > Open may take the data away while it runs, and end the job.
    """

    def __init__(self, scene, camera, frame: int) -> None:
        self._space = check_renderable(scene, camera)
        self._sky = sky_depth(scene, camera.data)
        self._scene = scene.session_uid
        self._clean = ExitStack()
        self._folder = self._clean.enter_context(tempfile.TemporaryDirectory(prefix="worldwarp-"))
        copy = self._clean.enter_context(render_copy(scene, camera, frame, self._folder))
        view = bpy.context.preferences.view
        display, view.render_display_type = view.render_display_type, "NONE"
        try:
            with bpy.context.temp_override(scene=copy, view_layer=copy.view_layers[0]):
                bpy.ops.render.render("INVOKE_DEFAULT", write_still=True)
        except BaseException:
            self._clean.close()
            raise
        finally:
            view.render_display_type = display

    @property
    def running(self) -> bool:
        return bpy.app.is_job_running("RENDER")

    def picture(self) -> Picture:
        """What came of it, once it runs no more; raises ``Problem`` where it was cancelled. To be called once."""
        with self._clean:
            for scene in bpy.data.scenes:
                if scene.session_uid == self._scene:  # the render left its objects at the frame of the picture
                    scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)
            return read_render(self._folder, self._sky, self._space)


@contextmanager
def render_copy(scene, camera, frame: int, folder: str):
    """A temporary copy of ``scene`` that renders picture and depth into ``folder``; removed with all it brought."""
    copy = scene.copy()
    copy.name = TEMPORARY
    name = copy.name
    try:
        _configure(copy, camera, Path(folder))
        layer = next((layer for layer in copy.view_layers if layer.use), copy.view_layers[0])
        for other in copy.view_layers:
            other.use = other == layer
        layer.use_pass_z = True
        _exclude_results(layer.layer_collection)
        _compose(copy, layer, folder)
        copy.timeline_markers.clear()  # they would switch the camera
        copy.frame_current, copy.frame_subframe = frame, 0.0
        yield copy
    finally:
        if name in bpy.data.scenes:
            bpy.data.scenes.remove(bpy.data.scenes[name])
        for group in [group for group in bpy.data.node_groups if group.name.startswith(TEMPORARY)]:
            bpy.data.node_groups.remove(group)
        for image in [image for image in bpy.data.images if image.name.startswith(TEMPORARY)]:
            bpy.data.images.remove(image)


def _exclude_results(parent) -> None:
    """Leave earlier results and geometry out of the picture: they lie in front of what they show."""
    for child in parent.children:
        if any(mark in child.collection for mark in OURS):
            child.exclude = True
        else:
            _exclude_results(child)


def _configure(scene, camera, folder: Path) -> None:
    scene.camera = camera
    render, settings = scene.render, scene.render.image_settings
    render.use_border = render.use_motion_blur = render.use_multiview = False
    render.use_stamp = render.film_transparent = False  # no text in it, and the world behind it
    render.use_sequencer, render.use_compositing = False, True
    render.use_file_extension, render.use_overwrite, render.use_placeholder = True, True, False
    render.filepath = str(folder / "picture")
    longest = max(render.resolution_x, render.resolution_y)
    render.resolution_percentage = min(render.resolution_percentage, LONGEST_SIDE * 100 // longest)
    if hasattr(settings, "media_type"):  # Blender 5.0
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
    settings.color_management = "FOLLOW_SCENE"
    render.dither_intensity = 0.0


def _compose(scene, layer, folder: str) -> None:
    """A compositor that passes the image through and writes its depth as 32-bit EXR."""
    space = colour_space(scene)
    tree = new_tree(scene)
    result = tree.nodes[0]
    with bpy.context.temp_override(scene=scene):  # else it counts for good as a user of the scene that is shown
        render = tree.nodes.new("CompositorNodeRLayers")
    render.scene, render.layer = scene, layer.name
    tree.links.new(render.outputs["Image"], result.inputs[0])
    tree.links.new(render.outputs["Depth"], written(tree, folder, "depth", "FLOAT"))
    tree.links.new(_way_back(tree, space), written(tree, folder, "back", "RGBA"))


def _way_back(tree, space: str):
    """A pixel in the colour space that the result comes back in.

    Blender's first conversion from there takes up to a second (AgX since 5.0), once: so it is the render's thread, and
    not the interface, that waits for it.
    """
    image = bpy.data.images.new(TEMPORARY, 1, 1)
    image.colorspace_settings.name = space
    node = tree.nodes.new("CompositorNodeImage")
    node.image = image
    return node.outputs["Image"]


def sky_depth(scene, data) -> float:
    """Depth from which on the camera sees nothing: EEVEE writes the far clip there, to its depth buffer's precision."""
    if scene.render.engine == "CYCLES":
        return SKY_DEPTH
    return data.clip_end * (1 - min(0.01, data.clip_end / data.clip_start * 2**-23))


def read_render(folder: str, sky: float, space: str) -> Picture:
    """What ``render_copy`` left in ``folder``."""
    pictures, depths = sorted(Path(folder).glob("picture*.png")), sorted(Path(folder).glob("depth*.exr"))
    if not pictures or not depths:
        raise Problem("The render was cancelled or wrote nothing: render the camera once by F12 to see why")
    depth = read_pixels(depths[0])[..., 0]
    depth = np.where(depth >= sky, np.float32(np.inf), depth)
    return Picture(to_bytes(read_pixels(pictures[0])[..., :3]), depth, space)
