"""Texts in other languages; what is missing here shows in English."""

import bpy

from .german import TEXTS
from .german_buttons import BUTTONS

GERMAN = {("*", text): german for text, german in TEXTS.items()}
GERMAN |= {("Operator", text): german for text, german in BUTTONS.items()}


def register() -> None:
    bpy.app.translations.register(__package__, {"de_DE": GERMAN, "de": GERMAN})


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
