"""Results of takes that lie elsewhere are copied into the project's folder, a bounded piece at a time."""

from collections.abc import Generator
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from . import result_files, takes
from .piecework import Piecework
from .problems import Problem


class WORLDWARP_OT_collect_takes(Piecework):
    """Copy the results of takes that lie elsewhere into this file's project, and show them from there"""

    bl_idname = "worldwarp.collect_takes"
    bl_label = "Collect into Project"
    bl_options = {"REGISTER", "UNDO"}
    doing = "Copying {}  (Esc: cancel)"

    @classmethod
    def poll(cls, context) -> bool:
        if not bpy.data.filepath:
            cls.poll_message_set(rpt_("Save the file first: its folder is the project"))
            return False
        return True

    def work(self, context) -> Generator[str, None, int]:
        return collecting(context.scene)

    def done(self, context, count: int) -> set[str]:
        self.report({"INFO"}, rpt_("{count} takes copied into the project").format(count=count))
        return {"FINISHED"}


def collecting(scene) -> Generator[str, None, int]:
    """Copy what lies outside the project, a bounded piece for each ``next``, which says of what; returns of how many.

    Raises:
        Problem: a take's folder is gone, or cannot be copied; takes before it are there.
    """
    project, count = Path(bpy.data.filepath).parent, 0
    for take in [take for take in takes.all_of(scene) if take.library is None]:
        folder = takes.folder_of(take)
        inside = folder.resolve().is_relative_to(project.resolve())
        target = folder if inside else _target(take, folder, project)
        if not inside and not takes.is_result(target):
            for share in result_files.copying(folder, target):
                yield f"{take.name} {share:.0%}"
        takes.move(take, target)  # from // on, too, where it was imported before the file was saved
        count += not inside
    return count


def _target(take, folder: Path, project: Path) -> Path:
    """Where the result of ``take`` in ``folder`` goes, or is already."""
    if not takes.is_result(folder):
        raise Problem(f"The folder of {take.name!r} is gone ({folder}): relink it first")
    target = project / "worldwarp" / folder.name
    if takes.is_result(target) and result_files.described(target) == result_files.described(folder):
        return target  # of the same chunks: a run's id would not tell how much of it is there
    return takes.fresh_folder(target.parent, folder.name) if target.exists() else target
