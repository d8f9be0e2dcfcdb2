"""Presets of how a walk is generated, as Blender keeps them for its own settings."""

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

from . import bounds

SUBDIR = "worldwarp"

SHOT = ("profile", "longest_side", "cache", "cache_steps", "memory_frames", "every", "ease_frames", "overscan")

OF_THE_PLACE = ("prompt",)
"""Of the diffusion's settings: they are of one picture, and in no preset."""


def values() -> list[str]:
    """What a preset holds, in Blender's own words."""
    diffusion = [name for name in bounds.names("Diffusion") if name not in OF_THE_PLACE] if bounds.messages else []
    return [f"shot.{name}" for name in SHOT] + [f"shot.diffusion.{name}" for name in [*diffusion, "use_guidance_valid"]]


class WORLDWARP_PT_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Presets"
    bl_space_type = "VIEW_3D"
    preset_subdir = SUBDIR
    preset_operator = "script.execute_preset"
    preset_add_operator = "worldwarp.preset_add"


class WORLDWARP_OT_preset_add(AddPresetBase, bpy.types.Operator):
    """Keep how walks are generated as a preset, or remove one"""

    bl_idname = "worldwarp.preset_add"
    bl_label = "Add Preset"
    preset_menu = "WORLDWARP_PT_presets"
    preset_subdir = SUBDIR
    preset_defines = ("shot = bpy.context.scene.worldwarp",)

    @property
    def preset_values(self) -> list[str]:
        return values()


CLASSES = (WORLDWARP_PT_presets, WORLDWARP_OT_preset_add)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
