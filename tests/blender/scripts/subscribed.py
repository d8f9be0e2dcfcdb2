"""Subscribe to a repository of extensions and install from it, as the preferences do."""

import importlib
import sys

import bpy
from shots import leave

preferences = bpy.context.preferences
preferences.system.use_online_access = True
added = bpy.ops.preferences.extension_repo_add(
    name="Studio", type="REMOTE", remote_url=sys.argv[1], use_sync_on_startup=False
)
assert added == {"FINISHED"}
repositories = list(preferences.extensions.repos)
place = next(index for index, found in enumerate(repositories) if found.remote_url == sys.argv[1])
assert bpy.ops.extensions.repo_sync(repo_index=place) == {"FINISHED"}
bpy.ops.extensions.package_install(repo_index=place, pkg_id="worldwarp", enable_on_install=True)
module = f"bl_ext.{repositories[place].module}.worldwarp"
leave(
    enabled=module in preferences.addons and hasattr(bpy.types.Scene, "worldwarp"),
    packages=importlib.import_module(f"{module}.wheels").missing(),
)
