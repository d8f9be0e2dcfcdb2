"""Takes whose folders were moved are found again, by what their files say of themselves."""

import os
from collections.abc import Generator
from itertools import islice
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from . import order, result_files, takes
from .paths_of_blend import RELATIVE
from .piecework import Piecework

MOST_FOLDERS = 20_000
"""That are looked into."""

Results = list[tuple[Path, str]]
"""Result folders and the runs that they are of."""


class WORLDWARP_OT_relink_takes(Piecework):
    """Find the folders of takes that were moved, by what their files say of themselves"""

    bl_idname = "worldwarp.relink_takes"
    bl_label = "Relink Takes"
    bl_options = {"REGISTER", "UNDO"}
    doing = "Looking in {}  (Esc: cancel)"

    directory: StringProperty(
        name="Folder",
        description="Where to look, and in all folders below. Empty for the results' and the .blend file's folder",
        subtype="DIR_PATH",
        options={"SKIP_SAVE", *RELATIVE},
    )
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})
    ask: BoolProperty(description="Let the user choose the folder", options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event) -> set[str]:
        if self.ask:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return super().invoke(context, event)

    def execute(self, context) -> set[str]:
        if self.ask and not bpy.app.background:  # the file browser calls this, and would wait for all of it
            bpy.ops.worldwarp.relink_takes("INVOKE_DEFAULT", directory=self.directory)
            return {"CANCELLED"}
        return super().execute(context)

    def work(self, context) -> Generator[str, None, tuple[Results, bool]]:
        return finding(self._where(context.scene) if _lost(context.scene) else [])

    def done(self, context, found: tuple[Results, bool]) -> set[str]:
        results, whole = found
        lost = _lost(context.scene)
        left = [take for take in lost if not _relink(take, results)]
        success = {"FINISHED"} if len(left) < len(lost) or not lost else {"CANCELLED"}
        if left and self.options.is_invoke and not self.directory:
            bpy.ops.worldwarp.relink_takes("INVOKE_DEFAULT", ask=True)
        elif left:
            self.report({"WARNING" if "FINISHED" in success else "ERROR"}, self._sentence(context.scene, left, whole))
        return success

    def _sentence(self, scene, left: list, whole: bool) -> str:
        names = ", ".join(take.name for take in left)
        looked = " and ".join(map(str, self._where(scene)))
        looked += "" if whole else f", of which {MOST_FOLDERS:,} folders were seen"
        return f"{names} cannot be found in {looked}: choose the folder they are in"

    def _where(self, scene) -> list[Path]:
        return [Path(bpy.path.abspath(self.directory))] if self.directory else _usual(scene)


def _lost(scene) -> list:
    return [take for take in takes.all_of(scene) if not takes.is_result(takes.folder_of(take))]


def _usual(scene) -> list[Path]:
    """Where results are usually: where they go, and beside the .blend file."""
    beside = [Path(bpy.data.filepath).parent] if bpy.data.filepath else []
    base = order.output_base(scene)
    return [base, *beside] if base.is_absolute() else beside


def _relink(take, results: Results) -> bool:
    """Let ``take`` show that of ``results`` that is of its run; says whether there is one."""
    last = takes.folder_of(take).name
    same = [folder for folder, run in results if run == take[takes.RUN] and (run or folder.name == last)]
    if same:
        takes.move(take, min(same, key=lambda folder: (folder.name != last, len(folder.parts))))
    return bool(same)


def finding(where: list[Path]) -> Generator[str, None, tuple[Results, bool]]:
    """Look into a folder below ``where`` for each ``next``, which says into which.

    Returns:
        the results there, and whether all of ``where`` was looked into.
    """
    found, places = [], ((Path(place), below) for base in where for place, below, _ in os.walk(base))
    for path, below in islice(places, MOST_FOLDERS):
        if takes.is_result(path) and (run := result_files.run_of(path)) is not None:
            found.append((path, run))
            below.clear()
        yield str(path)
    return found, next(places, None) is None
