"""Every operator in the background, in a scene as Blender starts with: called, and heard."""

import io
import sys
import traceback
from contextlib import redirect_stderr

import bpy
from shots import leave

zip_file = sys.argv[1]
assert bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)

FAULTS: list[str] = []
sys.excepthook = lambda *raised: FAULTS.append("".join(traceback.format_exception(*raised)))


def called(name: str) -> list[str]:
    """What became of calling it, and what it wrote: its result, or the sentence by which it was refused."""
    bpy.ops.wm.read_homefile(app_template="", use_factory_startup=False)
    words = io.StringIO()
    with redirect_stderr(words):
        try:
            became = " ".join(getattr(bpy.ops.worldwarp, name)())
        except RuntimeError as error:
            became = str(error)
    return [became, words.getvalue()]


names = [name for name in dir(bpy.ops.worldwarp) if not name.startswith("_")]
found = {name: called(name) for name in names}
leave(found=found, faults=FAULTS)
