"""Without a window: the extension's zip into this Blender, and the preferences of somebody who uses it."""

import os
import sys

import bpy

archive, address = sys.argv[-2:]
assert bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
preferences = bpy.context.preferences
preferences.addons["bl_ext.user_default.worldwarp"].preferences.address = address
preferences.addons["bl_ext.user_default.worldwarp"].preferences.output_folder = os.environ["WORLDWARP_GUI"] + "/results"
preferences.view.show_splash = False
preferences.use_preferences_save = False
assert bpy.ops.wm.save_userpref() == {"FINISHED"}
