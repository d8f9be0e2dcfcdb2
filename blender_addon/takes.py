"""The takes of a scene: collections of results, named as their folders are. One of them is shown at a time.

Needs ``bpy`` only, as ``importer`` does.
"""

import re
from pathlib import Path

import bpy

from .parts import CAMERA, ROLE
from .paths_of_blend import kept, meant

RUN = "worldwarp_run"
"""Custom property of a take: the run's id at the server, "" where there was none."""

COUNT = "worldwarp_frames"
"""Custom property of a take: how many frames had come when it was imported."""

OFFSETS = "worldwarp_offsets"
"""Custom property of a take that was retimed: the offset of its file at each frame of the timeline, from its first."""

FOLDER = "worldwarp_folder"
"""Custom property of a take: its result folder, as ``paths_of_blend`` keeps it."""


def safe(name: str) -> str:
    """``name`` as that of a folder."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:60] or "shot"


def name_of(folder: Path, shot: str) -> str:
    """What the take in ``folder`` is called: as the folder where that is a version of ``shot``, else as the shot."""
    return folder.name if not shot or _version(shot).fullmatch(folder.name) else shot


def fresh_folder(base: Path, shot: str) -> Path:
    """The next ``shot_v001`` in ``base``, after all that are there; not made yet."""
    found = [_version(shot).fullmatch(path.name) for path in base.iterdir()] if base.is_dir() else []
    newest = max((int(version[1]) for version in found if version), default=0)
    return base / f"{safe(shot)}_v{newest + 1:03d}"


def _version(shot: str) -> re.Pattern[str]:
    return re.compile(re.escape(safe(shot)) + r"_v(\d{3,})")


def all_of(scene) -> list:
    """The takes in ``scene``, as they were imported."""
    return [found for found in scene.collection.children_recursive if RUN in found]


def of_name(scene, name: str):
    """The take of that name, or None."""
    return next((take for take in all_of(scene) if take.name == name), None)


def camera_of(take):
    """Its camera, or None where that is gone."""
    cameras = [thing for thing in take.objects if thing.type == "CAMERA"]
    return min(cameras, key=lambda thing: thing.get(ROLE) != CAMERA, default=None)  # the user's own may lie there, too


def frames_of(take):
    """The image sequence of its frames, or None where that is gone."""
    found = background_of(take)
    return found and found[1].image


def background_of(take) -> tuple[int, bpy.types.CameraBackgroundImage] | None:
    """Which of its camera's background images shows its frames, or None where that is gone."""
    camera = camera_of(take)
    shown = enumerate(camera.data.background_images if camera else ())
    return next((found for found in shown if found[1].image and found[1].image.source == "SEQUENCE"), None)


def user_of(take) -> bpy.types.ImageUser | None:
    """How its frames are played, or None where they are gone."""
    found = background_of(take)
    return found and found[1].image_user


def offset_path(take) -> str:
    """Of the offset of its frames, in its camera's data."""
    return f"background_images[{background_of(take)[0]}].image_user.frame_offset"


def number_at(take, frame: int) -> int:
    """The number of the file that ``take`` shows at ``frame`` of the timeline; it holds its first and last."""
    user, offsets = user_of(take), take.get(OFFSETS)
    place = min(max(frame - user.frame_start, 0), user.frame_duration - 1)
    return place + 1 + (offsets[place] if offsets else user.frame_offset)


def frame_count(take) -> int:
    """How many frames the result of ``take`` has."""
    return int(take.get(COUNT, 1))


def folder_of(take) -> Path:
    """Its result folder: where its frames are, which Blender itself keeps track of, or where it was imported from.

    The latter where no result is in either.
    """
    shown, noted = _folders_of(take)
    return shown if is_result(shown) else noted


def _folders_of(take) -> tuple[Path, Path]:
    image, noted = frames_of(take), meant(take.get(FOLDER, ""), take.library)
    return meant(image.filepath, image.library).parent.parent if image else noted, noted


def is_result(folder: Path) -> bool:
    """Whether WorldWarp wrote ``folder``, as far as names tell."""
    return (folder / "cameras.npz").is_file() and (folder / "frames").is_dir()


def move(take, folder: Path) -> None:
    """Let ``take``, and clips and strips of its frames, show what lies in ``folder``, where its result is now."""
    before = _folders_of(take)
    take[FOLDER] = kept(folder)
    for found in [*bpy.data.images, *bpy.data.movieclips]:
        path = _moved(found.filepath, before, folder)
        if found.library is None and path != found.filepath:  # setting it reads the file anew
            found.filepath = path
    for strip in _image_strips():
        strip.directory = _moved(strip.directory, before, folder)


def _moved(text: str, before: tuple[Path, Path], folder: Path) -> str:
    """``text`` in ``folder`` where it was in one of the folders ``before``; else as it is."""
    path = meant(text) if text else Path()
    old = next((old for old in before if path.is_relative_to(old)), None)
    return text if old is None else kept(folder / path.relative_to(old))


def _image_strips() -> list:
    editors = [scene.sequence_editor for scene in bpy.data.scenes if scene.sequence_editor and scene.library is None]
    return [strip for editor in editors for strip in _strips(editor) if strip.type == "IMAGE"]


def _strips(editor):
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all  # Blender 4.4


def show(scene, take) -> None:
    """Show ``take`` alone of the scene's takes; who looks through another's camera looks through this one's then."""
    others = [other for other in all_of(scene) if other != take]
    for other in others:
        other.hide_viewport = other.hide_render = True
    take.hide_viewport = take.hide_render = False
    if scene.camera is not None and scene.camera in map(camera_of, others):
        scene.camera = camera_of(take) or scene.camera
    scene.worldwarp_takes.active = take


def frame_file(take, frame: int) -> Path | None:
    """The file that ``take`` shows at ``frame`` of the timeline, which holds its first and last; None: it has none."""
    image = frames_of(take)
    if image is None:
        return None
    return meant(image.filepath, image.library).with_name(f"{number_at(take, frame):04d}.png")
