"""What the Result step of the sidebar holds for the user's own renders of a take."""

from bpy.app.translations import pgettext_iface as iface_

from . import catcher, composite_takes, compositing, drawing, passes, point_nodes, pump, takes
from .parts import WORLD
from .state import STATE
from .world_panel import draw_progress

ICONS = {"LEFT_OUT": "RESTRICT_RENDER_ON", "SEEN": "RESTRICT_RENDER_OFF", "SHADOWS": "GHOST_ENABLED"}


CROP = ("Crop", "Box")


def draw_renders(layout, context, shot) -> None:
    take = _take(context.scene)
    if take is None:
        drawing.sentences(layout, context, [iface_("No result yet")], "INFO")
        return
    node = compositing.node_of(context.scene)
    row = layout.row(align=True)
    row.operator("worldwarp.frames_behind", icon="NODE_COMPOSITING").collection = take.name
    if node is not None:
        row.operator("worldwarp.frames_out", text="", icon="X")
    _draw_other(layout, take, composite_takes.behind(context.scene))
    layout.operator("worldwarp.hide_others", icon="HIDE_ON")
    _draw_depth(layout, take)
    for thing in things_of(take):
        _draw_thing(layout, thing)
    row = layout.row()
    row.use_property_split = False
    row.prop(context.window_manager.worldwarp, "solid_points")
    layout.operator_menu_enum("worldwarp.frames_as", "kind").collection = take.name
    row = layout.row(align=True)
    row.operator("worldwarp.handle", icon="EMPTY_AXIS").collection = take.name
    row.operator("worldwarp.retime_take", icon="TIME").take = take.name


def _draw_other(layout, take, behind: str) -> None:
    """Whose frames are in the compositor, where they are another take's."""
    if behind and behind != take.name:
        column = layout.column(align=True)
        column.label(text=iface_("Behind: {}").format(behind), icon="ERROR", translate=False)
        column.operator("worldwarp.use_take", icon="FILE_REFRESH").take = take.name


def _draw_depth(layout, take) -> None:
    """Over and under by the frames' depth; or else how it comes."""
    if passes.is_there(take, passes.EXR):
        button = layout.operator("worldwarp.frames_behind", text="Over and under by Depth", icon="MOD_BOOLEAN")
        button.collection, button.by_depth = take.name, True
    elif pump.making():
        draw_progress(layout, STATE.making)
    else:
        button = layout.operator("worldwarp.make_world", text="Fetch Depth (EXR)", icon="IMPORT")
        button.collection, button.product = take.name, passes.EXR


def things_of(take) -> list:
    """The take's points and those of its world, and its mesh."""
    homes = [take, *(child for child in take.children if WORLD in child)]
    return [thing for home in homes for thing in home.objects if thing.type == "MESH"]


def _draw_thing(layout, thing) -> None:
    """What ``thing`` is in renders, and what of its points is shown."""
    part = catcher.part_of(thing)
    title = next(text for name, text, _ in catcher.PARTS if name == part)
    split = layout.split(factor=0.55)
    split.label(text=thing.name, icon="OUTLINER_OB_MESH", translate=False)
    menu = split.operator_menu_enum("worldwarp.in_renders", "part", text=title, icon=ICONS.get(part, "HOLDOUT_ON"))
    menu.thing = thing.name
    if point_nodes.is_cloud(thing) and thing.visible_get():
        for names in (
            ("Size", "Share"),
            ("Generated", "Filled"),
            CROP if point_nodes.setting(thing, "Crop") else CROP[:1],
        ):
            row = layout.row(align=True)
            row.use_property_split = False
            for name in names:
                point_nodes.draw_setting(row, thing, name)


def _take(scene):
    """The take that is shown, or else the newest."""
    here = takes.all_of(scene)
    shown = scene.worldwarp_takes.active
    return shown if shown in here else here[-1] if here else None
