"""Connection, Generate and what follows it, as operators."""

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, EnumProperty, StringProperty

from . import earlier, order, pump, results, shooting, solved, status_bar, takes, world
from .actions import Action, Errand, idle, reachable
from .paths_of_blend import RELATIVE
from .problems import Problem
from .properties import finished
from .state import STATE
from .takes_operators import RESULT, result_of


class WORLDWARP_OT_test_connection(Errand):
    """Ask the server whether it is there and what it can do"""

    bl_idname = "worldwarp.test_connection"
    bl_label = "Test Connection"
    errand = pump.INQUIRY

    @classmethod
    def poll(cls, context) -> bool:
        return idle(cls, pump.INQUIRY)

    def start(self, context) -> None:
        from . import link

        pump.start(link.Link(reachable(), link.say_hello), pump.INQUIRY)

    def end(self) -> None:
        if not STATE.connected:
            raise Problem(STATE.connection)
        self.report({"INFO"}, STATE.connection)


class RunErrand(Errand):
    """An errand that leaves a run in ``STATE``."""

    def end(self) -> None:
        run = STATE.run
        for warning in run.warnings:
            self.report({"WARNING"}, warning)
        if run.state not in ("done", "stopped"):
            raise Problem(run.text or f"The run ended as {run.state}")
        if results.wanted(run):
            results.bring_in(run)
        self.report({"INFO"}, f"{run.frames_done} frames in {run.folder}")


class WORLDWARP_OT_generate(RunErrand):
    """Send picture and camera to the server and bring the walk back as a camera, its frames and points"""

    bl_idname = "worldwarp.generate"
    bl_label = "Generate"

    @classmethod
    def poll(cls, context) -> bool:
        if not idle(cls, pump.RUN):
            return False
        if found := order.problems(context.scene):
            cls.poll_message_set(found[0])
            return False
        return True

    def invoke(self, context, event) -> set[str]:
        if context.scene.worldwarp.source != "RENDER":
            return super().invoke(context, event)
        try:
            shooting.begin(context, reachable())
            finished("picture", "geometry", "path")
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def start(self, context) -> None:
        shooting.send(context, reachable())
        finished("picture", "geometry", "path")


class WORLDWARP_OT_attach(RunErrand):
    """Pick up the newest run of this scene where it stands: fetch what is missing of it"""

    bl_idname = "worldwarp.attach"
    bl_label = "Pick Up Run"

    run: StringProperty(name="Run", description="Id of the run; empty for the scene's newest", options={"SKIP_SAVE"})
    directory: StringProperty(name="Folder", description="Where its result goes", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context) -> bool:
        return idle(cls, pump.RUN)

    def start(self, context) -> None:
        shooting.fetch(context.scene, reachable(), self.run, self.directory)


def _running(cls) -> bool:
    if not pump.busy(pump.RUN) or STATE.run is None or STATE.run.over:
        cls.poll_message_set(rpt_("Nothing is being generated"))
        return False
    return True


class WORLDWARP_OT_cancel(Action):
    """End the work now; the frames that are finished stay in their folder"""

    bl_idname = "worldwarp.cancel"
    bl_label = "Cancel"

    by_key: BoolProperty(description="Esc was pressed", options={"SKIP_SAVE", "HIDDEN"})
    what: StringProperty(description="run or inquiry; empty for both", options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def poll(cls, context) -> bool:
        if pump.busy(pump.INQUIRY) and STATE.inquiry is not None and not STATE.inquiry.over:
            return True
        return _running(cls)

    def invoke(self, context, event) -> set[str]:
        playing = context.screen is not None and context.screen.is_animation_playing
        if self.by_key and (playing or status_bar.ends_playback()):  # that is what Esc ends then
            return {"PASS_THROUGH"}
        return self.execute(context)

    def execute(self, context) -> set[str]:
        if self.what != pump.INQUIRY:
            if STATE.run is not None and STATE.run.state == "rendering":
                STATE.run.state = "cancelled"
            if STATE.run is not None:
                STATE.run.cancelling = True
            pump.ask("cancel", pump.RUN)
        if self.what != pump.RUN:
            if STATE.inquiry is not None and not STATE.inquiry.over:
                STATE.inquiry.state = "cancelled"
            pump.ask("cancel", pump.INQUIRY)
        pump.redraw()
        return {"FINISHED"}


class WORLDWARP_OT_stop_after_chunk(Action):
    """Finish the frames that are being worked on, then stop and import what is there"""

    bl_idname = "worldwarp.stop_after_chunk"
    bl_label = "Stop after This Range"

    @classmethod
    def poll(cls, context) -> bool:
        if not _running(cls):
            return False
        if STATE.run.state != "running":
            cls.poll_message_set(rpt_("Nothing has been finished yet"))
            return False
        return True

    def execute(self, context) -> set[str]:
        pump.ask("stop_after_chunk")
        return {"FINISHED"}


class WORLDWARP_OT_import_result(Action):
    """Bring a result folder into this scene: camera, its frames as background, point cloud"""

    bl_idname = "worldwarp.import_result"
    bl_label = "Import Result"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(
        name="Folder",
        description="A folder that holds cameras.npz and frames; or one of such folders, to import all that are not "
        "here yet",
        subtype="DIR_PATH",
        options={"SKIP_SAVE", *RELATIVE},
    )
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context, event) -> set[str]:
        if self.directory:
            return self.execute(context)
        self.directory = str(order.output_base(context.scene))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context) -> set[str]:
        chosen = Path(bpy.path.abspath(self.directory))
        try:
            for folder in earlier.below(context.scene, chosen) or [chosen]:
                self.bring_in(context.scene, folder)
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def bring_in(self, scene, folder: Path) -> None:
        imported = results.place(scene, folder)
        for warning in imported.warnings:
            self.report({"WARNING"}, warning)
        run = STATE.run
        if run is not None and run.folder == folder:
            run.imported = imported.collection.name
            finished("generate")
            run.warnings.extend(imported.warnings)
        world.adopt(scene, imported.collection[takes.RUN])
        takes.show(scene, imported.collection)
        self.report({"INFO"}, f"Imported {imported.collection.name!r} from {folder}")


class WORLDWARP_OT_look_through(Action):
    """Make the camera that came back the active one and look through it; its points, which cover it, are hidden"""

    bl_idname = "worldwarp.look_through"
    bl_label = "Look Through"
    bl_options = {"REGISTER", "UNDO"}

    collection: StringProperty(**RESULT)

    def execute(self, context) -> set[str]:
        try:
            collection = result_of(context.scene, self.collection)
            camera = takes.camera_of(collection)
            if camera is None:
                raise Problem(f"The camera of {collection.name} is gone: import the result again")
        except Problem as problem:
            return self.refuse(problem)
        shot = context.scene.worldwarp
        if shot.camera is None:  # the shot goes on following the user's camera, not what came back of it
            shot.camera = context.scene.camera
        context.scene.camera = camera
        if collection in takes.all_of(context.scene):
            takes.show(context.scene, collection)
        for thing in collection.objects:
            if thing.type == "MESH":
                thing.hide_viewport = True
        view = context.space_data
        if view is not None and view.type == "VIEW_3D":
            if view.use_local_camera:
                view.camera = camera
            view.region_3d.view_perspective = "CAMERA"
        return {"FINISHED"}


class WORLDWARP_OT_switch_camera(Action):
    """Let the camera that came back go where it was asked to, or where its frames were found to be taken from"""

    bl_idname = "worldwarp.switch_camera"
    bl_label = "Switch Camera"
    bl_options = {"REGISTER", "UNDO"}

    collection: StringProperty(**RESULT)
    to: EnumProperty(
        name="Camera",
        items=[
            (solved.REQUESTED, "Requested", "As it was asked for"),
            (solved.SOLVED, "Solved", "Found from the frames: what is put into the scene sticks to them"),
        ],
    )

    @classmethod
    def description(cls, context, properties) -> str:
        return rpt_(cls.bl_rna.properties["to"].enum_items[properties.to].description)

    def execute(self, context) -> set[str]:
        try:
            camera = solved.camera_of(result_of(context.scene, self.collection))
            if camera is None:
                raise Problem("This result has no solved camera: solve it by `worldwarp world`, then import it again")
            solved.switch(camera, self.to)
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}


CLASSES = (
    WORLDWARP_OT_test_connection,
    WORLDWARP_OT_generate,
    WORLDWARP_OT_attach,
    WORLDWARP_OT_cancel,
    WORLDWARP_OT_stop_after_chunk,
    WORLDWARP_OT_import_result,
    WORLDWARP_OT_look_through,
    WORLDWARP_OT_switch_camera,
)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
