"""Every label that the sidebar draws has its German: read from the source, without Blender."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ADDON = Path(__file__).parents[2] / "blender_addon"
TRANSLATED = ("iface_", "rpt_")
"""What the modules call Blender's translation by."""


def tables() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for path in ADDON.glob("german*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign):
                context = {"TEXTS": "*", "BUTTONS": "Operator"}[node.targets[0].id]
                found |= {(context, text): german for text, german in ast.literal_eval(node.value).items()}
    return found


def labels(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Context and text of labels, as Blender looks them up."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            context = "Operator" if "_OT_" in node.name else "*"
            for line in node.body:
                if isinstance(line, ast.Assign) and line.targets[0].id == "bl_label":
                    yield context, line.value
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            if name in TRANSLATED:
                yield "*", node.args[0]
            elif name.endswith("Property") and "name" in named:
                yield "*", named["name"]
            elif "text" in named:
                yield "Operator" if name == "operator" else "*", named["text"]


def written(path: Path) -> set[tuple[str, str]]:
    found = labels(ast.parse(path.read_text("utf-8")))
    constants = {(context, value.value) for context, value in found if isinstance(value, ast.Constant)}
    return {(context, text) for context, text in constants if any(letter.isalpha() for letter in text)}


@pytest.mark.parametrize("path", sorted(ADDON.glob("*.py")), ids=lambda path: path.stem)
def test_every_label_has_its_german(path):
    missing = written(path) - tables().keys()
    assert not missing, f"add them to german.py: {sorted(missing)}"


def test_what_a_text_leaves_open_its_german_leaves_open_too():
    for (_, text), german in tables().items():
        assert sorted(text.count(mark) for mark in "{}") == sorted(german.count(mark) for mark in "{}"), text
