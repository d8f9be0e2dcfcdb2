"""Texts in other languages; what is missing here shows in English."""

import bpy

GERMAN = {
    ("*", "A run of this scene is on the server"): "Ein Lauf dieser Szene ist auf dem Server",
    ("*", "Anchor"): "Anker",
    ("*", "Camera from Video"): "Kamera aus Video",
    ("*", "Denoising, step {step} of {steps}"): "Entrauschen, Schritt {step} von {steps}",
    ("*", "Estimating"): "Wird geschätzt",
    ("*", "Freedom"): "Freiheit",
    ("*", "From the picture"): "Aus dem Bild",
    ("*", "Path"): "Weg",
    ("*", "Path from Curve"): "Weg aus Kurve",
    ("*", "Path from Words"): "Weg aus Worten",
    ("*", "Draft of This Frame"): "Entwurf dieses Bildes",
    ("*", "Fit Range"): "In den Bereich einpassen",
    ("*", "Gaussian scene"): "Gauß-Szene",
    ("*", "Leave Out"): "Weglassen",
    ("*", "Making the world"): "Die Welt entsteht",
    ("*", "Masks"): "Masken",
    ("*", "Refresh after Each Part"): "Nach jedem Teil auffrischen",
    ("*", "Requested"): "Gewünscht",
    ("*", "Show in Camera"): "In der Kamera zeigen",
    ("*", "Sky"): "Himmel",
    ("*", "Solved"): "Bestimmt",
    ("*", "World Mesh"): "Netz der Welt",
    ("*", "World Points"): "Punkte der Welt",
    ("*", "What It Would Know"): "Was bekannt wäre",
    ("*", "Frame {frame}: {known} known"): "Bild {frame}: {known} bekannt",
    ("*", "Part {part}: {first}\u2013{last}"): "Teil {part}: {first}\u2013{last}",
    ("*", "Parts"): "Teile",
    ("*", "Preview of frame {}"): "Vorschau von Bild {}",
    ("*", "Reading the clip"): "Der Clip wird gelesen",
    ("*", "Rendering the picture"): "Das Bild wird gerendert",
    ("*", "Scene Range"): "Szenenbereich",
    ("*", "Quality"): "Qualität",
    ("*", "Result"): "Ergebnis",
    ("*", "Server not tried yet"): "Server noch nicht angesprochen",
    ("*", "Waiting for the server"): "Warten auf den Server",
    ("*", "{frames} frames, {width} x {height} pixels"): "{frames} Bilder, {width} x {height} Pixel",
    ("*", "{done} of {frames} frames"): "{done} von {frames} Bildern",
    ("*", "{count} points"): "{count} Punkte",
    ("Operator", "Check Path"): "Weg prüfen",
    ("Operator", "Draft of Whole Path"): "Entwurf des ganzen Weges",
    ("Operator", "Gaussian Scene (File)"): "Gauß-Szene (Datei)",
    ("Operator", "Point Cloud of All Frames"): "Punktwolke aller Bilder",
    ("Operator", "Proxy Mesh"): "Stellvertreter-Netz",
    ("Operator", "Retime Keys"): "Keys zeitlich strecken",
    ("Operator", "Smooth Path"): "Weg glätten",
    ("Operator", "Write Keyframes"): "Keyframes schreiben",
    ("Operator", "Estimate"): "Schätzen",
    ("Operator", "Generate"): "Erzeugen",
    ("Operator", "Look Through"): "Hindurchsehen",
    ("Operator", "Match Camera"): "Kamera angleichen",
    ("Operator", "Stop After This Part"): "Nach diesem Teil anhalten",
    ("Operator", "Import Result"): "Ergebnis importieren",
    ("Operator", "Test Connection"): "Verbindung testen",
}


def register() -> None:
    bpy.app.translations.register(__package__, {"de_DE": GERMAN, "de": GERMAN})


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
