"""The demo scene's materials: procedural colours on matte (Lambert) surfaces, in metres."""

from collections.abc import Callable

import bpy


def make_materials():
    """Every material of the scene by name."""
    return {name: material(name, paint) for name, paint in PAINTS.items()}


def material(name, paint):
    """A matte material whose colour is the socket that ``paint(painter)`` returns."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    tree = made.node_tree
    tree.nodes.clear()
    surface = tree.nodes.new("ShaderNodeBsdfDiffuse")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(surface.outputs[0], output.inputs["Surface"])
    tree.links.new(paint(Painter(tree)), surface.inputs["Color"])
    return made


class Painter:
    """Colour sockets of procedural textures in a node tree: at ``uv`` on boxes, ``solid`` in the object's own space."""

    def __init__(self, tree):
        self.tree = tree
        coordinates = tree.nodes.new("ShaderNodeTexCoord")
        self.uv, self.solid = coordinates.outputs["UV"], coordinates.outputs["Object"]

    def stretch(self, vector, scale):
        """``vector`` scaled by ``scale`` (x, y, z)."""
        node = self.tree.nodes.new("ShaderNodeMapping")
        node.inputs["Scale"].default_value = scale
        self.tree.links.new(vector, node.inputs["Vector"])
        return node.outputs["Vector"]

    def texture(self, kind, vector, **inputs):
        """The first output of texture ``kind`` at ``vector``; its inputs by name, spaces as underscores."""
        node = self.tree.nodes.new(f"ShaderNodeTex{kind}")
        self.tree.links.new(vector, node.inputs["Vector"])
        for name, value in inputs.items():
            node.inputs[name.replace("_", " ")].default_value = value
        return node.outputs[0]

    def bricks(self, vector, colours, size, offset=0.5, gap=0.012):
        """A bond of bricks, tiles or planks: ``colours`` are two and the joint's, ``size`` is (width, height)."""
        bond = {"Scale": 1.0, "Brick_Width": size[0], "Row_Height": size[1], "Mortar_Size": gap, "Mortar_Smooth": 0.3}
        first, second, joint = map(rgba, colours)
        socket = self.texture("Brick", vector, Bias=0.0, Color1=first, Color2=second, Mortar=joint, **bond)
        socket.node.offset = offset
        return socket

    def ramp(self, factor, *stops):
        """Colours over a factor: ``stops`` are (position, colour)."""
        node = self.tree.nodes.new("ShaderNodeValToRGB")
        elements = node.color_ramp.elements
        for _ in stops[2:]:
            elements.new(0.5)
        for element, (position, colour) in zip(elements, stops, strict=True):
            element.position, element.color = position, rgba(colour)
        self.tree.links.new(factor, node.inputs["Fac"])
        return node.outputs["Color"]

    def blend(self, mode, amount, first, second):
        """Two colours by a blend mode (MIX, MULTIPLY); ``amount`` is a number or a socket."""
        node = self.tree.nodes.new("ShaderNodeMix")
        node.data_type, node.blend_type = "RGBA", mode
        factor, a, b = (next(s for s in node.inputs if s.identifier == name) for name in MIX_INPUTS)
        if isinstance(amount, float):
            factor.default_value = amount
        else:
            self.tree.links.new(amount, factor)
        self.tree.links.new(first, a)
        self.tree.links.new(second, b)
        return next(s for s in node.outputs if s.identifier == "Result_Color")

    def mottled(self, colour, vector, scale, depth=0.35, detail=4.0):
        """``colour`` darkened by up to ``depth`` in blotches of about ``1 / scale`` metres."""
        noise = self.texture("Noise", vector, Scale=scale, Detail=detail, Roughness=0.6)
        return self.blend("MULTIPLY", 1.0, colour, self.ramp(noise, (0.3, grey(1 - depth)), (0.7, grey(1))))

    def plain(self, colour):
        """One colour everywhere."""
        node = self.tree.nodes.new("ShaderNodeRGB")
        node.outputs[0].default_value = rgba(colour)
        return node.outputs[0]


MIX_INPUTS = ("Factor_Float", "A_Color", "B_Color")
"""Identifiers of the Mix node's inputs for colours: their names are shared with those for numbers."""


def rgba(colour):
    """(r, g, b) linear as Blender's four values."""
    return (*colour, 1.0)


def grey(value):
    """A shade of grey (r, g, b)."""
    return (value, value, value)


# Paints: each returns a colour socket


def tiles(p):
    """A chequered tile floor with joints."""
    cream, clay = rgba((0.62, 0.53, 0.42)), rgba((0.30, 0.13, 0.08))
    slabs = p.texture("Checker", p.uv, Scale=1 / 0.42, Color1=cream, Color2=clay)
    joints = p.bricks(p.uv, [grey(1), grey(0.84), (0.35, 0.31, 0.28)], (0.42, 0.42), offset=0.0)
    return p.mottled(p.blend("MULTIPLY", 1.0, slabs, joints), p.uv, 7.0, 0.4)


def planks(p):
    """Floorboards with streaks along them."""
    colours = [(0.36, 0.20, 0.10), (0.22, 0.11, 0.05), (0.06, 0.03, 0.02)]
    boards = p.bricks(p.uv, colours, (1.3, 0.16), gap=0.008)
    streaks = p.texture("Noise", p.stretch(p.uv, (1.5, 22, 1)), Scale=2.0, Detail=4.0, Roughness=0.6)
    return p.blend("MULTIPLY", 0.8, boards, p.ramp(streaks, (0.3, grey(0.55)), (0.7, grey(1.15))))


def brick(p):
    """A brick wall."""
    colours = [(0.42, 0.15, 0.085), (0.27, 0.09, 0.055), (0.48, 0.41, 0.34)]
    return p.mottled(p.bricks(p.uv, colours, (0.34, 0.13), gap=0.016), p.uv, 9.0, 0.35)


def wallpaper(p):
    """Vertical stripes of petrol."""
    waves = p.texture("Wave", p.stretch(p.uv, (1, 0, 0)), Scale=2.2)
    return p.mottled(p.ramp(waves, (0.42, (0.035, 0.15, 0.17)), (0.58, (0.075, 0.24, 0.25))), p.uv, 4.0, 0.3)


def rug(p):
    """A woven rug."""
    navy, ochre = rgba((0.045, 0.075, 0.19)), rgba((0.56, 0.30, 0.075))
    cells = p.texture("Checker", p.uv, Scale=5.0, Color1=navy, Color2=ochre)
    rings = p.texture("Wave", p.uv, Scale=2.6, Distortion=2.5, Detail=1.0)
    woven = p.blend("MIX", 0.55, cells, p.ramp(rings, (0.35, (0.42, 0.085, 0.06)), (0.65, (0.62, 0.50, 0.34))))
    return p.mottled(woven, p.uv, 24.0, 0.35, 2.0)


def marble(p):
    """Stone with veins."""
    veins = p.texture("Wave", p.solid, Scale=1.1, Distortion=9.0, Detail=4.0, Detail_Scale=1.6)
    return p.ramp(veins, (0.15, (0.30, 0.29, 0.29)), (0.55, (0.66, 0.63, 0.58)))


def leaves(p):
    """Clipped foliage."""
    cells = p.texture("Voronoi", p.solid, Scale=16.0)
    return p.ramp(cells, (0.05, (0.12, 0.30, 0.05)), (0.6, (0.015, 0.055, 0.012)))


def meadow(p):
    """Grass seen from afar."""
    patches = p.texture("Noise", p.uv, Scale=0.8, Detail=6.0)
    return p.ramp(patches, (0.35, (0.05, 0.12, 0.03)), (0.65, (0.20, 0.26, 0.07)))


# Families of paints: each returns a paint


def uv_mottled(colour, scale, depth, detail=8.0):
    """One colour with blotches along the surface: plaster, stone."""
    return lambda p: p.mottled(p.plain(colour), p.uv, scale, depth, detail)


def solid_mottled(colour, scale, depth):
    """One colour with blotches through the body: paint on wood, the skin of fruit."""
    return lambda p: p.mottled(p.plain(colour), p.solid, scale, depth)


def wood(light, dark, along=(1.2, 14, 14)):
    """Grain that runs along the axis where ``along`` is small."""

    def paint(p):
        grain = p.texture("Noise", p.stretch(p.solid, along), Scale=2.0, Detail=5.0, Roughness=0.65, Distortion=0.6)
        return p.ramp(grain, (0.32, dark), (0.68, light))

    return paint


def fabric(colour, accent):
    """A weave with vertical stripes."""

    def paint(p):
        weave = p.texture("Noise", p.uv, Scale=34.0, Detail=2.0)
        stripes = p.ramp(p.texture("Wave", p.stretch(p.uv, (1, 0, 0)), Scale=1.9), (0.62, colour), (0.68, accent))
        return p.blend("MULTIPLY", 0.8, stripes, p.ramp(weave, (0.35, grey(0.55)), (0.65, grey(1.1))))

    return paint


def painting(*colours):
    """A picture on a wall: marbled bands of ``colours``."""

    def paint(p):
        field = p.texture("Noise", p.stretch(p.uv, (1.2, 3.0, 1)), Scale=1.6, Detail=3.0, Distortion=1.4)
        return p.ramp(field, *((0.32 + 0.36 * i / (len(colours) - 1), colour) for i, colour in enumerate(colours)))

    return paint


def banded(first, second, scale):
    """Horizontal bands: glazed pots, book spines."""

    def paint(p):
        bands = p.texture("Wave", p.stretch(p.solid, (0, 0, 1)), Scale=scale, Distortion=1.2)
        return p.ramp(bands, (0.4, first), (0.6, second))

    return paint


SPINES = [
    (0.42, 0.06, 0.05),
    (0.06, 0.16, 0.34),
    (0.52, 0.40, 0.13),
    (0.08, 0.22, 0.12),
    (0.55, 0.50, 0.42),
    (0.30, 0.11, 0.22),
    (0.60, 0.24, 0.07),
    (0.05, 0.07, 0.10),
]

PAINTS: dict[str, Callable] = {
    "Tiles": tiles,
    "Planks": planks,
    "Brick": brick,
    "Plaster": uv_mottled((0.62, 0.55, 0.45), 3.0, 0.16),
    "Ceiling": uv_mottled((0.70, 0.67, 0.62), 3.0, 0.1),
    "Stone": uv_mottled((0.50, 0.46, 0.40), 3.0, 0.45),
    "Wallpaper": wallpaper,
    "Oak": wood((0.46, 0.27, 0.13), (0.24, 0.12, 0.05)),
    "Walnut": wood((0.20, 0.10, 0.05), (0.07, 0.033, 0.017)),
    "Beam": wood((0.25, 0.14, 0.07), (0.10, 0.05, 0.025)),
    "White Wood": solid_mottled((0.72, 0.70, 0.66), 8.0, 0.12),
    "Rug": rug,
    "Mustard": fabric((0.52, 0.27, 0.035), (0.44, 0.21, 0.03)),
    "Petrol": fabric((0.05, 0.17, 0.20), (0.38, 0.34, 0.26)),
    "Marble": marble,
    "Vase": banded((0.05, 0.14, 0.32), (0.62, 0.58, 0.50), 3.2),
    "Pot": banded((0.42, 0.16, 0.075), (0.30, 0.10, 0.05), 5.0),
    "Shade": banded((0.60, 0.54, 0.42), (0.70, 0.65, 0.55), 8.0),
    "Orange": solid_mottled((0.75, 0.24, 0.02), 40.0, 0.25),
    "Leaves": leaves,
    "Meadow": meadow,
    "Sunset": painting((0.05, 0.05, 0.16), (0.55, 0.13, 0.10), (0.85, 0.48, 0.12), (0.85, 0.75, 0.50)),
    "Sea": painting((0.02, 0.08, 0.16), (0.06, 0.30, 0.36), (0.70, 0.70, 0.60)),
    "Grove": painting((0.03, 0.08, 0.03), (0.22, 0.34, 0.08), (0.75, 0.62, 0.20)),
    **{f"Book {i}": banded(c, tuple(0.5 * v + 0.25 for v in c), 2.2) for i, c in enumerate(SPINES)},
}
