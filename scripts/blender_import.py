"""Bring a result folder into Blender, with or without the extension.

From a terminal:        blender scene.blend --python scripts/blender_import.py -- output/demo
From the Scripting tab: open this file, set FOLDER below, run it.

It uses the importer of the repository that this file lies in, or that of the installed extension.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

import bpy

FOLDER = ""
"""The result folder: it holds cameras.npz, frames/ and points.ply."""


def main() -> None:
    chosen = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    folder = chosen[0] if chosen else FOLDER
    if not folder:
        refuse("Which result? Set FOLDER at the top of this script, or name the folder behind --")
        return
    importer = load_importer()
    if importer is None:
        refuse("Neither the repository nor the extension is here: install the extension, or use its repository")
        return
    try:
        imported = importer.import_result(bpy.context.scene, Path(bpy.path.abspath(folder)).resolve())
    except importer.Problem as problem:
        refuse(str(problem))
        return
    for warning in imported.warnings:
        print(f"Note: {warning}")
    print(f"Imported {imported.collection.name!r}: {', '.join(thing.name for thing in imported.collection.objects)}")
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message="Import WorldWarp Result")


def refuse(sentence: str) -> None:
    """Say it where the user looks. Leaving by an exit would close a Blender that has a window."""
    if bpy.app.background:
        sys.exit(sentence)
    print(sentence, file=sys.stderr)
    if bpy.context.window:
        bpy.context.window_manager.popup_menu(
            lambda menu, _: menu.layout.label(text=sentence), title="WorldWarp", icon="ERROR"
        )


def load_importer():
    """The module ``importer`` of the add-on, which needs nothing but Blender; None where there is none."""
    here = Path(bpy.path.abspath(__file__)).resolve().parent.parent / "blender_addon"
    if (here / "importer.py").is_file():
        spec = importlib.util.spec_from_file_location(
            "worldwarp_repository", here / "__init__.py", submodule_search_locations=[str(here)]
        )
        sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        return importlib.import_module(spec.name + ".importer")
    for name in bpy.context.preferences.addons.keys():  # noqa: SIM118 (it is no dict)
        if name.startswith("bl_ext.") and name.endswith(".worldwarp"):
            return importlib.import_module(name + ".importer")
    return None


if __name__ == "__main__":
    main()
