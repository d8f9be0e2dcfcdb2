"""What the user sets for the models that invent what is blank, kept with the scene; named as in the protocol."""

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from . import bounds

STYLES = (
    "Studio Ghibli style",
    "Van Gogh style",
    "Watercolor painting",
    "Charcoal drawing",
    "Stop-motion clay",
    "Film noir",
)
"""Suggestions; any other words do as well."""

SIGMA = {
    "name": "Freedom",
    "description": "How far frames may leave what is known: 0 keeps the warped picture as it is, 0.95 is the paper's "
    "value, 1 ignores it",
    "subtype": "FACTOR",
    **bounds.of("Diffusion", "sigma"),
}
PROMPT = {
    "name": "Prompt",
    "description": "What the place looks like, in words. Empty: written from the picture",
    **bounds.of("Diffusion", "prompt"),
}
STYLE = {
    "name": "Style",
    "description": "Words that are put before the prompt, such as a painter's style",
    "search": lambda self, context, text: [style for style in STYLES if text.lower() in style.lower()],
    "search_options": {"SUGGESTION"},
    **bounds.of("Diffusion", "style"),
}


class WorldWarpDiffusion(bpy.types.PropertyGroup):
    prompt: StringProperty(**PROMPT)
    style: StringProperty(**STYLE)
    negative_prompt: StringProperty(
        name="Negative Prompt", description="What should not be seen", **bounds.of("Diffusion", "negative_prompt")
    )
    sigma: FloatProperty(**SIGMA)
    steps: IntProperty(
        name="Steps",
        description="Of the denoising; fewer are faster and coarser",
        **bounds.of("Diffusion", "steps"),
    )
    shift: FloatProperty(
        name="Shift",
        description="Larger values spend more of the steps on what is coarse",
        **bounds.of("Diffusion", "shift"),
    )
    guidance: FloatProperty(
        name="Guidance",
        description="How strictly the prompt is followed; 1 is not at all beyond the model's own leaning, and twice "
        "as fast",
        **bounds.of("Diffusion", "guidance"),
    )
    use_guidance_valid: BoolProperty(
        name="Guidance for Known", description="Follow the prompt less strictly where the picture is known"
    )
    guidance_valid: FloatProperty(
        name="Guidance for Known",
        description="How strictly the prompt is followed where the picture is known",
        **{"default": 1.0, **bounds.of("Diffusion", "guidance_valid")},
    )
    solver: EnumProperty(
        name="Solver",
        description="What leads from one noise level to the next",
        items=[
            ("euler", "Euler", "The paper's"),
            ("dpm++", "DPM++", "Second order: good with fewer steps"),
        ],
        **bounds.of("Diffusion", "solver"),
    )
    noise: EnumProperty(
        name="Noise",
        description="Where the noise levels differ",
        items=[
            ("spatio-temporal", "Regions and Frames", "The paper's: less noise where the picture is known"),
            ("spatial", "Regions", "Known and blank differ, frames do not"),
            ("temporal", "Frames", "Frames differ, known and blank do not"),
            ("full", "Nowhere", "The same everywhere: the picture is a hint only"),
        ],
        **bounds.of("Diffusion", "noise"),
    )
    tokens: EnumProperty(
        name="Tokens",
        description="When a token (four frames of 16 x 16 pixels) counts as known",
        items=[
            ("covered", "Covered", "Where all that it covers is known"),
            ("sampled", "Sampled", "As the authors' code does it, which looks at every fourth frame"),
        ],
        **bounds.of("Diffusion", "tokens"),
    )
    erosion: IntProperty(
        name="Erosion",
        description="Pixels by which what is known shrinks first, for soft edges",
        subtype="PIXEL",
        **bounds.of("Diffusion", "erosion"),
    )
    age_noise: FloatProperty(
        name="Age Noise",
        description="More freedom for frames further from those that are fixed",
        subtype="FACTOR",
        **bounds.of("Diffusion", "age_noise"),
    )
    confidence_noise: FloatProperty(
        name="Confidence Noise",
        description="More freedom where the 3D cache is unsure",
        subtype="FACTOR",
        **bounds.of("Diffusion", "confidence_noise"),
    )
    colour_correction: BoolProperty(
        name="Color Correction",
        description="Bring colors back to those of what is known",
        **bounds.of("Diffusion", "colour_correction"),
    )
    memory: EnumProperty(
        name="Memory",
        description="How much of the models stays on the GPU",
        items=[
            ("full", "Full", "Everything: the fastest"),
            ("balanced", "Balanced", "One model at a time: a little slower"),
            ("low", "Low", "As little as possible: slow"),
        ],
        **bounds.of("Diffusion", "memory"),
    )

    def sent(self) -> dict:
        """``messages.Diffusion`` by name."""
        found = {name: exact(getattr(self, name)) for name in bounds.names("Diffusion")}
        if not self.use_guidance_valid:
            found["guidance_valid"] = None
        return found


def exact(value):
    """The number that the user sees in place of its neighbour in 32 bits, so that a default stays one."""
    return float(str(np.float32(value))) if isinstance(value, float) else value


def wanted(shot) -> bool:
    """Whether anything is invented: draft has no use for words and freedom."""
    return shot.profile != "draft"


def register() -> None:
    bpy.utils.register_class(WorldWarpDiffusion)


def unregister() -> None:
    bpy.utils.unregister_class(WorldWarpDiffusion)
