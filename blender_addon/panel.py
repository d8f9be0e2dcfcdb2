"""The sidebar tab: the connection, then the steps of the way, each usable alone."""

import bpy

from . import (
    backend_panel,
    composite_panel,
    diffusion_panel,
    drawing,
    generate_step,
    geometry_step,
    path_panel,
    path_step,
    picture_step,
    ranges_panel,
    result_step,
    ticks,
    wheels,
    world_panel,
)
from .diffusion import wanted


class WORLDWARP_PT_main(bpy.types.Panel):
    bl_label = "WorldWarp"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "WorldWarp"

    def draw(self, context) -> None:
        layout = self.layout
        if sentence := wheels.missing():
            drawing.sentences(layout, context, [sentence], "ERROR")
            return
        backend_panel.draw_connection(layout, context)
        backend_panel.draw(layout, context)
        layout.use_property_split = True
        layout.use_property_decorate = False
        body = step(layout, context, "picture", picture_step.draw, picture_step.line)
        if body:
            diffusion_panel.draw_words(body, context.scene.worldwarp)
            step(body, context, "imagining", picture_step.draw_imagining)
            step(body, context, "masks", picture_step.draw_masks, picture_step.masks_line)
        step(layout, context, "geometry", geometry_step.draw, geometry_step.line)
        body = step(layout, context, "path", path_step.draw, path_step.line)
        if body:
            step(body, context, "words", path_panel.draw_words)
            step(body, context, "curve", path_panel.draw_curve)
            step(body, context, "video", path_step.draw_video)
            step(body, context, "health", path_panel.draw_health)
        body = step(layout, context, "generate", generate_step.draw, ticks.generated_line)
        if body:
            step(body, context, "ranges", ranges_panel.draw)
            body = step(body, context, "advanced", generate_step.draw_advanced)
        if body and wanted(context.scene.worldwarp):
            step(body, context, "diffusion", diffusion_panel.draw_diffusion)
        body = step(layout, context, "result", result_step.draw, ticks.result_line)
        if body:
            step(body, context, "world", world_panel.draw_world)
            step(body, context, "renders", composite_panel.draw_renders)


def step(layout, context, name: str, draw, line=None):
    """A step that can be closed, by the user or, once it is finished, by us; ``line`` says it in a few words then.

    What is finished has a tick, open or closed.
    """
    opened, shot = context.window_manager.worldwarp, context.scene.worldwarp
    header, body = layout.panel_prop(opened, name)
    finished = name in ticks.STEPS and ticks.STEPS[name](context.scene)
    header.label(text=opened.bl_rna.properties[name].name, icon="CHECKMARK" if finished else "NONE")
    if body:
        draw(body, context, shot)
    elif line:
        row = header.row()
        row.active, row.alignment = False, "RIGHT"
        row.label(text=line(context, shot), translate=False)
    return body


def register() -> None:
    bpy.utils.register_class(WORLDWARP_PT_main)


def unregister() -> None:
    bpy.utils.unregister_class(WORLDWARP_PT_main)
