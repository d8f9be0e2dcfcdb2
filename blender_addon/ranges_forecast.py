"""What Generate would do to each range of a scene's walk, told a moment after the panel asked for it.

Nothing is evaluated or rendered for it: the path is told from the camera's curves, or was looked at before.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from . import file_notes, local_keys, masks, order, overrides, picture_again, pump, takes, wheels
from .camera import Path as CameraPath
from .camera import Raster, sample, scene_raster
from .problems import Problem
from .ranges_path import MOST_FRAMES, joined, told
from .results import scene_of
from .state import STATE, Run

if TYPE_CHECKING:  # it needs the protocol's package, which may be missing
    from . import costs, plan

MOST_TAKES = 16
"""Result folders that are looked at, the newest ones."""

PAUSE_SECONDS = 0.2
"""Between the panel's question and the answer: what the user drags is not followed at every step."""

PIECE_FRAMES = 64
"""Whose cameras are told between two drawings of Blender's."""

PIECE_SECONDS = 0.01
"""Pause between two such pieces."""


@dataclass(frozen=True)
class Forecast:
    """What Generate would do.

    Args:
        rows: the ranges, as the list shows them.
        kept, new: frames.
        differs: what is not as in the take that they are kept of, "" where nothing is.
        seconds: that the new ones will take, None where nobody knows.
        memory: the most that was used, None where nobody knows.
        locked: why Generate is not possible, "" where it is.
        seen: whether the path is as it is now; where curves do not tell it, it is as it was last looked at, if ever.
        sure: whether the picture is known to be the same as that of the take; a render that is not made yet is not.
        picture: the take whose picture is used again unless the user has it rendered anew; "" where there is none.
        nudged: whether cameras of what is kept are a little off, by less than anybody sees.
        reached: whether the first new range has moved with keys that are not beside it, by automatic handles.
    """

    rows: tuple["plan.Row", ...] = ()
    kept: int = 0
    new: int = 0
    differs: str = ""
    seconds: float | None = None
    memory: "costs.Memory | None" = None
    locked: str = ""
    seen: bool = True
    sure: bool = False
    picture: str = ""
    nudged: bool = False
    reached: bool = False


class _Now:
    asked: list[int] = []
    """``session_uid`` of the scenes that panels asked about since they were told; windows may show several."""
    telling: int = 0
    """Of the scene whose path is being told."""
    found: dict[int, Forecast] = {}
    paths: dict[int, CameraPath] = {}
    """Paths as they were last evaluated, by scene."""
    told: list[CameraPath] = []
    """The pieces of the path that is being told."""


def of(scene) -> Forecast:
    """The newest one of ``scene``."""
    return _Now.found.get(scene.session_uid, Forecast())


def ask(scene) -> None:
    """Tell it anew in a moment; called when the panel is drawn."""
    if scene.session_uid not in _Now.asked:
        _Now.asked.append(scene.session_uid)
    if not bpy.app.background and not bpy.app.timers.is_registered(_answer):
        bpy.app.timers.register(_answer, first_interval=PAUSE_SECONDS)


def _answer() -> float | None:
    """The timer: a bounded piece of the answer; nothing of Blender's is held from one to the next."""
    if not _Now.told and _Now.asked:
        _Now.telling = _Now.asked.pop(0)
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == _Now.telling), None)
    if scene is not None and not _tell_more(scene):
        return PIECE_SECONDS
    path, _Now.told = joined(_Now.told), []
    if scene is not None and tell(scene, path):
        pump.redraw()
    return PAUSE_SECONDS if _Now.asked else None


def _tell_more(scene) -> bool:
    """Tell a piece more of the path of ``scene``; says whether it is whole, or curves do not tell it."""
    if wheels.missing() or order.path_problems(scene) or len(order.frames_of(scene)) > MOST_FRAMES:
        _Now.told = []
        return True
    frames, done = order.frames_of(scene), sum(len(path.frame) for path in _Now.told)
    if done >= len(frames):  # they are fewer now
        return True
    raster = _Now.told[0].raster if _Now.told else _raster(scene, takes_of(scene))
    piece = told(scene, order.camera_of(scene), frames[done : done + PIECE_FRAMES], raster)
    if piece is None:
        _Now.told = []
        return True
    _Now.told.append(piece)
    return done + PIECE_FRAMES >= len(frames)


def tell(scene, path: CameraPath | None = None) -> bool:
    """Tell it now; says whether anything has changed.

    Args:
        path: as curves tell it, where that was found out already.
    """
    before = _Now.found.get(scene.session_uid)
    if path is not None and (path.frame.tolist() != list(order.frames_of(scene)) or order.path_problems(scene)):
        path = None  # the user went on meanwhile
    now = _running(scene, STATE.run) or forecast(scene, path)
    _Now.found[scene.session_uid] = now
    return _fill() or now != before


def _fill() -> bool:
    """As many items for the lists as any scene has rows; says whether there were others."""
    shown, rows = bpy.context.window_manager.worldwarp_ranges.shown, max(len(now.rows) for now in _Now.found.values())
    if len(shown) == rows:
        return False
    shown.clear()
    for _ in range(rows):
        shown.add()
    return True


def look(scene, depsgraph) -> None:
    """Evaluate the path, frame by frame; the scene's frame is put back.

    Raises:
        Problem: there is no path.
    """
    if found := order.path_problems(scene):
        raise Problem(found[0])
    path = sample(scene, order.camera_of(scene), order.frames_of(scene), depsgraph, scene_raster(scene))
    remember(scene, path)


def remember(scene, path: CameraPath) -> None:
    """Keep a path that was evaluated, maybe for another purpose."""
    _Now.paths[scene.session_uid] = path


def settled(scene, path: CameraPath) -> CameraPath:
    """``path`` as it is sent: its kept ranges have the cameras that they were made with, to the last bit.

    Raises ``Problem`` where a locked range would change.
    """
    from . import plan

    remember(scene, path)
    if sentence := forecast(scene, path).locked:
        raise Problem(sentence)
    wish = _wish(scene, path, picture_again.take_of(scene, path))
    take, count, _ = plan.best(takes_of(scene), wish)
    cameras = plan.settled(take, wish, count)
    return replace(path, K=cameras.K, camera_to_world=cameras.camera_to_world)


def forget() -> None:
    """Know nothing, and answer no more. Blender crashes or hangs where it exits with a timer."""
    if bpy.app.timers.is_registered(_answer):
        bpy.app.timers.unregister(_answer)
    _Now.found.clear()
    _Now.paths.clear()
    _Now.asked, _Now.told = [], []


# A run


def _running(scene, run: Run | None) -> Forecast | None:
    """The ranges of a run of ``scene`` that is under way and has begun; its folder tells."""
    if run is None or run.over or not run.id or not pump.busy(pump.RUN) or scene_of(run) != scene:
        return None
    from . import plan

    take = plan.read(run.folder)
    if take is None:
        return None
    working = run.progress.chunk if run.progress and run.progress.chunk >= run.chunks_done else None
    return Forecast(tuple(plan.running(take, run.chunks_done, working)))


# What would be


def forecast(scene, path: CameraPath | None = None) -> Forecast:
    """What Generate would do now.

    Args:
        path: as it is sent, where it is known; else it is told from curves or as it was last looked at.
    """
    if wheels.missing() or order.path_problems(scene):
        return Forecast()
    from . import costs, plan

    found = takes_of(scene)
    path = path or told(scene, order.camera_of(scene), order.frames_of(scene), _raster(scene, found))
    seen, path = path is not None, path or _last(scene)
    if path is None:
        return Forecast(seen=False)
    again = picture_again.take_of(scene, path)
    wish = _wish(scene, path, again)
    take, count, differs = plan.best(found, wish)
    width, height = wish.settings.width, wish.settings.height
    new = wish.ranges[count:]
    rows = plan.planned(wish, take, count)
    return Forecast(
        tuple(rows),
        sum(one.count for one in wish.ranges[:count]),
        sum(one.count for one in new),
        differs,
        costs.seconds(found, wish.settings, width * height, new),
        costs.memory(found, wish.settings.profile, width, height),
        _locked(scene, rows, differs),
        seen,
        plan.same_picture(take, wish),
        again.folder.name if again else "",
        plan.nudged(take, wish, count),
        differs.startswith("camera")
        and local_keys.reached(order.camera_of(scene), rows[count], plan.still(take, wish)),
    )


def takes_of(scene) -> list["plan.Take"]:
    """The takes that a scene may keep ranges of, the newest first: its own, and those beside them."""
    from . import plan

    folders = {takes.folder_of(take) for take in takes.all_of(scene)}
    folders |= {path.parent for path in order.output_base(scene).glob("*/shot.json")}
    found = sorted(((_changed(folder), folder) for folder in folders), reverse=True)[:MOST_TAKES]
    return [take for _, folder in found if (take := plan.read(folder)) is not None]


def _changed(folder: Path) -> float:
    try:
        return (folder / "shot.json").stat().st_mtime
    except OSError:
        return 0.0


def _raster(scene, found: list["plan.Take"]) -> Raster:
    """Of the picture: that of a file is taken to be of the newest take's size."""
    raster = scene_raster(scene)
    sizes = [(take.cameras.width, take.cameras.height) for take in found if take.cameras is not None]
    if scene.worldwarp.source == "FILE" and sizes:
        return replace(raster, width=sizes[0][0], height=sizes[0][1])
    return raster


def _last(scene) -> CameraPath | None:
    """The path as it was last looked at, where that was over the same frames."""
    path = _Now.paths.get(scene.session_uid)
    return path if path is not None and path.frame.tolist() == list(order.frames_of(scene)) else None


def _wish(scene, path: CameraPath, again: "plan.Take | None" = None) -> "plan.Wish":
    """What would be sent; ``again``: the take whose picture is used, unless the user has it rendered anew."""
    from worldwarp_protocol.files import CameraFile

    from . import plan
    from .questions import Order

    settings, changes = order.settings(scene, path.raster), order.overrides_of(scene)
    shot = Order(scene.worldwarp.name, settings, path.fps, "", {}, changes).shot()
    raster = path.raster
    cameras = CameraFile.of(path.K, path.camera_to_world, path.frame, raster.width, raster.height, path.fps)
    masked, noted = frozenset(masks.files(scene.worldwarp)), file_notes.of(scene)
    picture = () if scene.worldwarp.render_anew else plan.picture_of(again)
    return plan.Wish(shot.settings, tuple(shot.overrides), cameras, masked, noted, picture)


def _locked(scene, rows: list["plan.Row"], differs: str) -> str:
    """Why a locked range must not be computed anew."""
    for index in overrides.locked(scene.worldwarp, order.frames_of(scene)):
        row = rows[index]
        if row.state == "again":
            why = f" ({differs})" if differs else ""
            return f"Frames {row.first} to {row.last} are locked and would change{why}: unlock them, or undo it"
    return ""
