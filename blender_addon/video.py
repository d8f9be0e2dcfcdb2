"""A clip's frames, read by Blender, and the camera that filmed it as an animated camera of Blender's."""

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from .camera import Raster, lens_of, matrix_world
from .keyed import apply_lens, keyframe, quaternions
from .picture import TEMPORARY, read_pixels, to_bytes
from .problems import Problem

LONGEST_SIDE = 512
"""Of the frames that are sent: what the network looks at."""

MOST_FRAMES = 500
"""Of one clip: about 200 MB."""

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".tga")


@dataclass(frozen=True)
class Clip:
    """A movie file or the first picture of a sequence: ``files`` in order, only one for a movie."""

    files: tuple[Path, ...]
    frames: int
    fps: float
    width: int
    height: int

    @property
    def is_movie(self) -> bool:
        return self.files[0].suffix.lower() not in IMAGES

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames that are sent."""
        scale = min(1.0, LONGEST_SIDE / max(self.width, self.height))
        return tuple(max(16, round(side * scale)) for side in (self.width, self.height))


def open_clip(path: Path, fps: float, step: int) -> Clip:
    """Look at a movie, or at the picture sequence that ``path`` belongs to.

    Args:
        fps: of a sequence, which does not say it itself.
        step: every how many frames one is taken.

    Raises:
        Problem: it cannot be read, or has too few or too many frames.
    """
    if not path.is_file():
        raise Problem(f"The clip {path} does not exist: choose another")
    try:
        clip = bpy.data.movieclips.load(str(path), check_existing=False)
    except RuntimeError:
        raise Problem(f"{path} cannot be read as a movie or picture") from None
    try:
        (width, height), frames, rate = clip.size, clip.frame_duration, clip.fps
    finally:
        bpy.data.movieclips.remove(clip)
    if width == 0 or height == 0 or frames == 0:
        raise Problem(f"{path} cannot be read as a movie or picture")
    files = (path,)
    if path.suffix.lower() in IMAGES:
        files, rate = tuple(sequence(path)[::step]), fps
        frames = len(files) * step
    count = -(-frames // step)
    if count < 2:
        raise Problem(f"{path.name} gives {count} frame: a path needs at least 2")
    if count > MOST_FRAMES:
        raise Problem(f"{path.name} has {count} frames to read: set Every Nth so that at most {MOST_FRAMES} are left")
    return Clip(files, count, rate, width, height)


def sequence(path: Path) -> list[Path]:
    """The files of the numbered sequence that ``path`` belongs to, from its number on, up to the first gap."""
    digits = len(path.stem) - len(path.stem.rstrip("0123456789"))
    if not digits:
        return [path]
    head, number, found = path.stem[:-digits], int(path.stem[-digits:]), []
    while (file := path.with_name(f"{head}{number:0{digits}d}{path.suffix}")).is_file():
        found.append(file)
        number += 1
    return found


class ClipReader:
    """Reads a clip at the size that is sent; a movie in a render of Blender's sequencer, as a job where it can be one.

    The user's scene is left alone: a scene of its own plays the movie and writes its frames to a temporary folder.
    """

    def __init__(self, clip: Clip, step: int, *, job: bool) -> None:
        self._clip, self._clean, self._read = clip, ExitStack(), []
        self._folder = Path(self._clean.enter_context(tempfile.TemporaryDirectory(prefix="worldwarp-")))
        if not clip.is_movie:
            return
        with self._clean.pop_all() as clean:
            scene = clean.enter_context(_player(clip, step, self._folder))
            view = bpy.context.preferences.view
            display, view.render_display_type = view.render_display_type, "NONE"
            try:
                with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
                    bpy.ops.render.render("INVOKE_DEFAULT" if job else "EXEC_DEFAULT", animation=True)
            finally:
                view.render_display_type = display
            self._clean = clean.pop_all()

    @property
    def running(self) -> bool:
        """Also reads the next picture of a sequence."""
        if self._clip.is_movie:
            return bpy.app.is_job_running("RENDER")
        self._read_next()
        return len(self._read) < len(self._clip.files)

    def _read_next(self) -> None:
        file = self._clip.files[len(self._read)]
        self._read.append(to_bytes(read_pixels(file, self._clip.size)[..., :3]))

    def frames(self) -> np.ndarray:
        """The frames (n, H, W, 3) uint8, once it runs no more; raises ``Problem`` where it was cancelled."""
        with self._clean:
            if not self._clip.is_movie:
                while len(self._read) < len(self._clip.files):
                    self._read_next()
                return np.stack(self._read)
            written = sorted(self._folder.glob("*.png"))
            if len(written) != self._clip.frames:
                raise Problem("Reading the clip was cancelled, or Blender cannot play it: try a picture sequence")
            return np.stack([to_bytes(read_pixels(file)[..., :3]) for file in written])


@contextmanager
def _player(clip: Clip, step: int, folder: Path):
    """A temporary scene whose sequencer plays ``clip``."""
    scene = bpy.data.scenes.new(TEMPORARY)
    name = scene.name
    try:
        render, settings = scene.render, scene.render.image_settings
        render.resolution_x, render.resolution_y = clip.size
        render.resolution_percentage, render.dither_intensity = 100, 0.0
        render.fps, render.fps_base = max(1, round(clip.fps)), max(1, round(clip.fps)) / clip.fps
        scene.view_settings.view_transform = "Standard"
        if hasattr(settings, "media_type"):  # Blender 5.0
            settings.media_type = "IMAGE"
        settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
        render.filepath = str(folder / "frame_")
        editor = scene.sequence_editor_create()
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # up to Blender 4.3
        strips.new_movie("Clip", str(clip.files[0]), 1, 1, fit_method="STRETCH")
        scene.frame_start, scene.frame_step = 1, step
        scene.frame_end = 1 + (clip.frames - 1) * step
        yield scene
    finally:
        if name in bpy.data.scenes:
            bpy.data.scenes.remove(bpy.data.scenes[name])


# What comes back


def filmed_frames(scene, count: int, fps: float, step: int, start: int, speed: float) -> np.ndarray:
    """Frame numbers (n,) of the scene's timeline at which a clip's cameras stand; fractions where they fall between."""
    rate = scene.render.fps / scene.render.fps_base
    return start + np.arange(count) * step * rate / (fps * speed)


def path_camera(scene, name: str, K, camera_to_world, raster: Raster, frame, start, scale: float):
    """An animated camera in ``scene``, below an empty that scales its path about the first camera.

    Args:
        K: (n, 3, 3) pixels of ``raster``; camera_to_world: (n, 4, 4) OpenCV axes, in a world of the clip's own.
        frame: (n,) numbers of the timeline.
        start: (4, 4) pose of the first camera in Blender's world, OpenCV axes.
        scale: how many of Blender's units one unit of the clip's world is.

    Returns:
        The camera; its keys are linear, one for each frame that was looked at.
    """
    collection = bpy.data.collections.new(f"{name} Path")
    scene.collection.children.link(collection)
    root = bpy.data.objects.new(f"{name} Path", None)
    data = bpy.data.cameras.new(f"{name} Path Camera")
    camera = bpy.data.objects.new(f"{name} Path Camera", data)
    for thing in (root, camera):
        collection.objects.link(thing)
    from mathutils import Matrix

    root.rotation_mode = camera.rotation_mode = "QUATERNION"
    place = Matrix(matrix_world(start).tolist())
    root.location, root.rotation_quaternion, root.scale = place.translation, place.to_quaternion(), [scale] * 3
    root.empty_display_size = 0.5 / scale
    camera.parent = root
    local = np.linalg.inv(matrix_world(camera_to_world[0])) @ matrix_world(camera_to_world)
    keyframe(camera, frame, {"location": local[:, :3, 3], "rotation_quaternion": quaternions(local[:, :3, :3])})
    lenses = [lens_of(one, raster) for one in K]
    apply_lens(data, lenses[0])
    if np.ptp(np.asarray(K)[:, 0, 0]) > 0:
        keyframe(data, frame, {"lens": np.array([[lens.lens] for lens in lenses])})
    return camera
