"""What the sidebar draws, written down instead of drawn: which settings stand where, at 260 pixels."""

import sys
from types import SimpleNamespace

import bpy
from shots import leave

zip_file = sys.argv[1]
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import panel, preferences, ranges_forecast  # noqa: E402  (exists from here on)


class Written:
    """A layout that notes what it is asked for, by the step that it stands in."""

    def __init__(self, notes: dict, step: str = "") -> None:
        self.__dict__.update(notes=notes, step=step)

    def panel_prop(self, data, name):
        step = f"{self.step}/{name}" if self.step else name
        return Written(self.notes, step), Written(self.notes, step) if getattr(data, name) else None

    def prop(self, _data, name, **_) -> None:
        self.notes.setdefault(self.step, []).append(name)

    def operator(self, name, **_):
        assert hasattr(bpy.ops.worldwarp, name.removeprefix("worldwarp.")) or name.startswith("wm."), name
        self.notes.setdefault(self.step, []).append(name.removeprefix("worldwarp."))
        return SimpleNamespace()

    def label(self, text="", **_) -> None:
        self.notes.setdefault("labels", []).append(text)

    def progress(self, text="", **_) -> None:
        self.label(text)

    def __getattr__(self, _name):
        return lambda *_, **__: Written(self.notes, self.step)


def drawn() -> dict:
    notes: dict = {}
    context = SimpleNamespace(
        scene=bpy.context.scene,
        window_manager=bpy.context.window_manager,
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1), addons=bpy.context.preferences.addons),
        region=SimpleNamespace(width=260),
        space_data=None,
        screen=None,
        object=bpy.context.object,
        active_object=bpy.context.object,
    )
    panel.WORLDWARP_PT_main.draw(SimpleNamespace(layout=Written(notes)), context)
    return notes


scene, opened = bpy.context.scene, bpy.context.window_manager.worldwarp
shot = scene.worldwarp
for name, kind in opened.bl_rna.properties.items():
    if kind.type == "BOOLEAN" and name != "look_in_camera":
        setattr(opened, name, True)
shot.output_folder = bpy.app.tempdir or "/tmp"
scene.frame_start, scene.frame_end = 1, 137
ranges_forecast.tell(scene)
found = {"draft": drawn()}
shot.profile, shot.source = "wan", "FILE"
shot.picture_file = "/nowhere/picture.png"
ranges_forecast.tell(scene)
found["wan"] = drawn()
preferences.get().address = "tcp://farm:port"  # half typed
found["half typed"] = "farm:port" in drawn()["labels"]
leave(**found)
