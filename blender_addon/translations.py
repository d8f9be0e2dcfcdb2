"""Texts in other languages; what is missing here shows in English."""

import bpy

GERMAN = {
    ("*", "Camera & Range"): "Kamera & Bereich",
    ("*", "Rendering the picture"): "Das Bild wird gerendert",
    ("*", "Scene Range"): "Szenenbereich",
    ("*", "Quality"): "Qualität",
    ("*", "Result"): "Ergebnis",
    ("*", "Server not tried yet"): "Server noch nicht angesprochen",
    ("*", "Waiting for the server"): "Warten auf den Server",
    ("*", "{frames} frames, {width} x {height} pixels"): "{frames} Bilder, {width} x {height} Pixel",
    ("*", "{done} of {frames} frames"): "{done} von {frames} Bildern",
    ("Operator", "Generate"): "Erzeugen",
    ("Operator", "Stop After This Part"): "Nach diesem Teil anhalten",
    ("Operator", "Import Result"): "Ergebnis importieren",
    ("Operator", "Test Connection"): "Verbindung testen",
}


def register() -> None:
    bpy.app.translations.register(__package__, {"de_DE": GERMAN, "de": GERMAN})


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
