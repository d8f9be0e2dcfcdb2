"""Every operator works in the background or says why not: none raises, whatever is added."""

import re

import pytest
from conftest import ROOT


@pytest.mark.slow
def test_every_operator_in_the_background_works_or_says_why_not(in_blender, extension):
    ran = in_blender("every_operator.py", extension)
    written = "".join(path.read_text() for path in (ROOT / "blender_addon").glob("*.py"))
    assert set(ran["found"]) == set(re.findall(r'bl_idname = "worldwarp\.(\w+)"', written))
    assert ran["faults"] == []
    for name, (became, stderr) in ran["found"].items():
        assert "Traceback" not in became + stderr, (name, became, stderr)
        assert became in ("FINISHED", "CANCELLED") or is_sentence(became), (name, became)
        assert became != "CANCELLED", f"{name} gives up without a word"


def is_sentence(text: str) -> bool:
    """An error report, or Blender's words before why ``poll`` said no: more than that it did."""
    said = re.sub(r"^Error: |^Operator bpy\.ops\.worldwarp\.\w+\.poll\(\) ", "", text).strip()
    return len(said.split()) >= 3 and "context is incorrect" not in said and "\n" not in said
