"""What is done with takes: chosen, shown, deleted."""

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, IntProperty, PointerProperty, StringProperty

from . import result_files, takes, takes_collect, takes_panel, takes_relink, takes_removal, wipe
from .actions import Action
from .problems import Problem
from .state import STATE

RESULT = {
    "name": "Collection",
    "description": "Of the result; empty for the take that is shown",
    "options": {"SKIP_SAVE"},
}

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


def result_of(scene, name: str = ""):
    """The result in the collection of that name, by default the take that is shown.

    Raises:
        Problem: there is none.
    """
    result = bpy.data.collections.get(name) if name else chosen(scene)
    if result is None:
        raise Problem(f"The result {name!r} is gone: import it again")
    return result


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
        try:
            take = chosen(context.scene, self.take)
        except Problem as problem:
            return self.refuse(problem)
        self.take, self.question = take.name, question(take)
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context) -> None:
        self.layout.label(text=self.question, translate=False)
        self.layout.prop(self, "files")
        if self.files:
            self.layout.label(text="Undo does not bring files back", icon="ERROR")

    def act(self, context, take) -> None:
        name, folder = take.name, takes.folder_of(take)
        if take.worldwarp_take.pinned:
            raise Problem(f"{name!r} is pinned: take its pin away first")
        if take.library is not None:
            raise Problem(f"{name!r} is linked from {take.library.filepath}: delete it there")
        others = [scene for scene in bpy.data.scenes if scene != context.scene and take in takes.all_of(scene)]
        if others:
            raise Problem(f"{name!r} is in scene {others[0].name!r}, too: unlink it there first, in the Outliner")
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


def question(take) -> str:
    """Whether ``take`` is to be deleted, by name and by how much it is."""
    size = result_files.size(takes.folder_of(take)) / 1e6
    text = iface_("Delete {name} ({frames} frames, {size:.0f} MB of files)?")
    return text.format(name=take.name, frames=takes.frame_count(take), size=size)


def check_deletable(take, folder: Path) -> None:
    """Raise ``Problem`` where files in ``folder`` are not this take's alone."""
    sharing = [other for other in bpy.data.collections if takes.RUN in other and other != take]
    if found := next((other for other in sharing if takes.folder_of(other).resolve() == folder.resolve()), None):
        raise Problem(f"{found.name!r} shows the same files: delete that one first, or keep the files")
    for task in (STATE.run, STATE.making):
        if task is not None and not task.over and task.folder.resolve() == folder.resolve():
            raise Problem(f"Files are still coming into {folder}: cancel that first")
    if folder.is_dir() and result_files.run_of(folder) != take[takes.RUN]:
        raise Problem(f"{folder} holds another result by now: delete the take without its files")
    if folder.is_dir() and not result_files.ours(folder):
        raise Problem(f"{folder} is a link: delete the take without its files, and the files where they are")


CLASSES = (
    WorldWarpTake,
    WorldWarpTakes,
    WORLDWARP_OT_show_take,
    WORLDWARP_OT_delete_take,
    takes_relink.WORLDWARP_OT_relink_takes,
    takes_collect.WORLDWARP_OT_collect_takes,
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
