"""Takes whose folders were moved are found again, by what their files say of themselves."""

import os
from itertools import islice
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from . import order, result_files, takes
from .actions import Action
from .paths_of_blend import RELATIVE

MOST_FOLDERS = 20_000
"""That are looked into."""


class WORLDWARP_OT_relink_takes(Action):
    """Find the folders of takes that were moved, by what their files say of themselves"""

    bl_idname = "worldwarp.relink_takes"
    bl_label = "Relink Takes"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(
        name="Folder",
        description="Where to look, and in all folders below. Empty for the results' and the .blend file's folder",
        subtype="DIR_PATH",
        options={"SKIP_SAVE", *RELATIVE},
    )
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context, event) -> set[str]:
        lost = self._lost(context.scene)
        if lost and _relink(lost, _usual(context.scene))[0] == len(lost):
            return {"FINISHED"}
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context) -> set[str]:
        lost = self._lost(context.scene)
        where = [Path(bpy.path.abspath(self.directory))] if self.directory else _usual(context.scene)
        found, whole = _relink(lost, where)
        if found < len(lost):
            left = [take.name for take in lost if not takes.is_result(takes.folder_of(take))]
            looked = " and ".join(map(str, where)) + ("" if whole else f", of which {MOST_FOLDERS:,} folders were seen")
            said = f"{', '.join(left)} cannot be found in {looked}: choose the folder they are in"
            self.report({"WARNING" if found else "ERROR"}, said)
        return {"FINISHED"} if found or not lost else {"CANCELLED"}

    def _lost(self, scene) -> list:
        return [take for take in takes.all_of(scene) if not takes.is_result(takes.folder_of(take))]


def _usual(scene) -> list[Path]:
    """Where results are usually: where they go, and beside the .blend file."""
    beside = [Path(bpy.data.filepath).parent] if bpy.data.filepath else []
    base = order.output_base(scene)
    return [base, *beside] if base.is_absolute() else beside


def _relink(lost: list, where: list[Path]) -> tuple[int, bool]:
    """Let ``lost`` takes show the results of their runs that lie below ``where``.

    Returns:
        how many were found, and whether all of ``where`` was looked into.
    """
    if not lost:
        return 0, True
    (results, whole), count = _results(where), 0
    for take in lost:
        last = takes.folder_of(take).name
        same = [folder for folder, run in results if run == take[takes.RUN] and (run or folder.name == last)]
        if same:
            takes.move(take, min(same, key=lambda folder: (folder.name != last, len(folder.parts))))
            count += 1
    return count, whole


def _results(where: list[Path]) -> tuple[list[tuple[Path, str]], bool]:
    """The result folders below ``where`` and the runs that they are of; whether all of it was looked into."""
    found, places = [], ((Path(place), below) for base in where for place, below, _ in os.walk(base))
    for path, below in islice(places, MOST_FOLDERS):
        if takes.is_result(path) and (run := result_files.run_of(path)) is not None:
            found.append((path, run))
            below.clear()
    return found, next(places, None) is None
