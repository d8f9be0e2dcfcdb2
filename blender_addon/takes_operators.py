"""What is done with takes: shown, deleted, found again, collected beside the file."""

import os
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, IntProperty, PointerProperty, StringProperty

from . import order, result_files, takes, takes_panel, takes_removal, wipe
from .actions import Action
from .problems import Problem
from .state import STATE

MOST_FOLDERS = 20_000
"""Folders that are looked into for a take that was moved."""

TAKE = {
    "name": "Take",
    "description": "Name of its collection; empty for the one that is shown",
    "options": {"SKIP_SAVE"},
}


class WorldWarpTake(bpy.types.PropertyGroup):
    """What the user says of a take; kept with its collection."""

    note: StringProperty(name="Note", description="Anything to tell this take from others by")
    pinned: BoolProperty(name="Pinned", description="Keep this take: it cannot be deleted from here")


def _index(shown) -> int:
    return next((i for i, found in enumerate(bpy.data.collections) if found == shown.active), -1)


def _choose(shown, index: int) -> None:
    take = bpy.data.collections[index]
    if take in takes.all_of(shown.id_data):
        takes.show(shown.id_data, take)


class WorldWarpTakes(bpy.types.PropertyGroup):
    """Which of a scene's takes is shown."""

    active: PointerProperty(name="Take", description="The take that is shown", type=bpy.types.Collection)
    index: IntProperty(name="Take", description="The take that is shown", get=_index, set=_choose)


def chosen(scene, name: str = ""):
    """The take of that name, by default the one that is shown.

    Raises:
        Problem: there is none.
    """
    take = takes.of_name(scene, name) if name else scene.worldwarp_takes.active
    if take is None or take not in takes.all_of(scene):
        raise Problem(
            f"There is no take {name!r} in this scene: choose one" if name else "No take is chosen: choose one"
        )
    return take


class TakeAction(Action):
    """An action on one take, as one undo step."""

    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context) -> set[str]:
        try:
            self.act(context, chosen(context.scene, self.take))
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}


class WORLDWARP_OT_show_take(TakeAction):
    """Show this take instead of the others; a view through their cameras goes to its camera"""

    bl_idname = "worldwarp.show_take"
    bl_label = "Show Take"

    take: StringProperty(**TAKE)

    def act(self, context, take) -> None:
        takes.show(context.scene, take)


class WORLDWARP_OT_delete_take(TakeAction):
    """Remove this take from the scene; its files stay unless asked otherwise"""

    bl_idname = "worldwarp.delete_take"
    bl_label = "Delete Take"

    take: StringProperty(**TAKE)
    files: BoolProperty(
        name="Delete Files",
        description="Delete what WorldWarp wrote in its result folder, too. Undo does not bring files back",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context, event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context) -> None:
        self.layout.prop(self, "files")
        if self.files:
            self.layout.label(text="Undo does not bring files back", icon="ERROR")

    def act(self, context, take) -> None:
        name, folder = take.name, takes.folder_of(take)
        if take.worldwarp_take.pinned:
            raise Problem(f"{name!r} is pinned: take its pin away first")
        if take.library is not None:
            raise Problem(f"{name!r} is linked from {take.library.filepath}: delete it there")
        if self.files:
            check_deletable(take, folder)
        takes_removal.remove(context.scene, take)
        if not self.files:
            return
        left = result_files.delete(folder)
        said = rpt_("Deleted {name} and its files").format(name=name)
        if left:
            said += ". " + rpt_("{count} files that are not WorldWarp's stay in {folder}").format(
                count=left, folder=folder
            )
        self.report({"INFO"}, said)


def check_deletable(take, folder: Path) -> None:
    """Raise ``Problem`` where files in ``folder`` are not this take's alone."""
    run, sharing = STATE.run, [other for other in bpy.data.collections if takes.RUN in other and other != take]
    if found := next((other for other in sharing if takes.folder_of(other).resolve() == folder.resolve()), None):
        raise Problem(f"{found.name!r} shows the same files: delete that one first, or keep the files")
    if run is not None and not run.over and run.folder.resolve() == folder.resolve():
        raise Problem(f"Frames are still coming into {folder}: cancel the run first")
    if folder.is_dir() and result_files.run_of(folder) != take[takes.RUN]:
        raise Problem(f"{folder} holds another result by now: delete the take without its files")
    if folder.is_dir() and not result_files.ours(folder):
        raise Problem(f"{folder} is a link: delete the take without its files, and the files where they are")


class WORLDWARP_OT_relink_takes(Action):
    """Find the folders of takes that were moved, by what their files say of themselves"""

    bl_idname = "worldwarp.relink_takes"
    bl_label = "Relink Takes"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(
        name="Folder",
        description="Where to look, and in all folders below. Empty for the results' and the .blend file's folder",
        subtype="DIR_PATH",
        options={"SKIP_SAVE"},
    )
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context, event) -> set[str]:
        lost = self._lost(context.scene)
        if _relink(lost, _usual(context.scene)) == len(lost) > 0:
            return {"FINISHED"}
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context) -> set[str]:
        lost = self._lost(context.scene)
        where = [Path(bpy.path.abspath(self.directory))] if self.directory else _usual(context.scene)
        found = _relink(lost, where)
        if found < len(lost):
            left = [take.name for take in lost if not takes.is_result(takes.folder_of(take))]
            said = (
                f"{', '.join(left)} cannot be found in {' and '.join(map(str, where))}: choose the folder they are in"
            )
            self.report({"WARNING" if found else "ERROR"}, said)
        return {"FINISHED"} if found or not lost else {"CANCELLED"}

    def _lost(self, scene) -> list:
        return [take for take in takes.all_of(scene) if not takes.is_result(takes.folder_of(take))]


def _usual(scene) -> list[Path]:
    """Where results are usually: where they go, and beside the .blend file."""
    beside = [Path(bpy.data.filepath).parent] if bpy.data.filepath else []
    base = order.output_base(scene)
    return [base, *beside] if base.is_absolute() else beside


def _relink(lost: list, where: list[Path]) -> int:
    """Let ``lost`` takes show the results of their runs that lie below ``where``; says how many were found."""
    found, count = _results(where) if lost else [], 0
    for take in lost:
        last = takes.folder_of(take).name
        same = [folder for folder, run in found if run == take[takes.RUN] and (run or folder.name == last)]
        if same:
            takes.move(take, min(same, key=lambda folder: (folder.name != last, len(folder.parts))))
            count += 1
    return count


def _results(where: list[Path]) -> list[tuple[Path, str]]:
    """The result folders below ``where``, and the runs that they are of."""
    found, looked = {}, 0
    for base in where:
        for place, folders, _ in os.walk(base):
            path, looked = Path(place), looked + 1
            if looked > MOST_FOLDERS:
                return list(found.items())
            if takes.is_result(path) and (run := result_files.run_of(path)) is not None:
                found[path] = run
                folders.clear()
    return list(found.items())


class WORLDWARP_OT_collect_takes(Action):
    """Copy the results of takes that lie elsewhere into this file's project, and show them from there"""

    bl_idname = "worldwarp.collect_takes"
    bl_label = "Collect into Project"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context) -> bool:
        if not bpy.data.filepath:
            cls.poll_message_set(rpt_("Save the file first: its folder is the project"))
            return False
        return True

    def execute(self, context) -> set[str]:
        project = Path(bpy.data.filepath).parent
        own = [take for take in takes.all_of(context.scene) if take.library is None]
        try:
            collected = [take.name for take in own if _collect(take, project)]
        except Problem as problem:
            return self.refuse(problem)
        self.report({"INFO"}, rpt_("{count} takes copied into the project").format(count=len(collected)))
        return {"FINISHED"}


def _collect(take, project: Path) -> bool:
    """Copy the result of ``take`` below ``project`` where it lies elsewhere; says whether it did.

    Raises:
        Problem: its folder is gone, or cannot be copied.
    """
    folder = takes.folder_of(take)
    inside = folder.resolve().is_relative_to(project.resolve())
    if not inside:
        if not takes.is_result(folder):
            raise Problem(f"The folder of {take.name!r} is gone ({folder}): relink it first")
        target = project / "worldwarp" / folder.name
        if result_files.run_of(target) != take[takes.RUN] or not takes.is_result(target):
            target = target if not target.exists() else takes.fresh_folder(target.parent, folder.name)
            result_files.copy(folder, target)
        folder = target
    takes.move(take, folder)  # from // on, too, where it was imported before the file was saved
    return not inside


CLASSES = (
    WorldWarpTake,
    WorldWarpTakes,
    WORLDWARP_OT_show_take,
    WORLDWARP_OT_delete_take,
    WORLDWARP_OT_relink_takes,
    WORLDWARP_OT_collect_takes,
)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.Collection.worldwarp_take = PointerProperty(type=WorldWarpTake)
    bpy.types.Scene.worldwarp_takes = PointerProperty(type=WorldWarpTakes)
    wipe.register()
    takes_panel.register()


def unregister() -> None:
    takes_panel.unregister()
    wipe.unregister()
    del bpy.types.Scene.worldwarp_takes
    del bpy.types.Collection.worldwarp_take
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
