"""The extension where its packages cannot be imported: it installs, says so, and does nothing else."""

import sys

import bpy
from shots import report

bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
try:
    bpy.ops.worldwarp.generate()
    said = ""
except RuntimeError as error:
    said = str(error)
report(said=said)
