"""The Flamenco job type, compiled as the Manager does: by a JavaScript engine where there is one, and read as text."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
JOB_TYPE = SCRIPTS / "flamenco_worldwarp.js"

MANAGER = """
const author = {
    Task: (name, type) => ({ name, type, commands: [], addCommand(command) { this.commands.push(command); } }),
    Command: (name, parameters) => ({ name, parameters }),
};
const path = {
    join: (...parts) => parts.join("/"),
    stem: (name) => name.split("/").pop().replace(/[.][^.]*$/, ""),
};
"""
"""What the Manager gives to a job compiler script, as its documentation and its own scripts have it."""

SETTINGS = {
    "frames": "101-240",
    "result_folder": "/farm/takes",
    "profile": "wan",
    "minutes": 90,
    "script": "/farm/render_unattended.py",
    "server": "tcp://10.0.0.5:7654",
    "blendfile": "/farm/jobs/shot.flamenco.blend",
}


@pytest.fixture(scope="module")
def compiled() -> dict:
    """The job type, and the tasks of a job with ``SETTINGS``."""
    if shutil.which("node") is None:
        pytest.skip("no node on the PATH")
    script = (
        MANAGER
        + JOB_TYPE.read_text()
        + (
            f"const settings = {json.dumps(SETTINGS)}, tasks = [];"
            "compileJob({ settings, addTask: (task) => tasks.push(task) });"
            "console.log(JSON.stringify({ type: JOB_TYPE, tasks }));"
        )
    )
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_shot_is_one_task_of_blenders(compiled):
    (task,) = compiled["tasks"]
    assert (task["name"], task["type"]) == ("worldwarp-101-240", "blender")
    (command,) = task["commands"]
    assert command["name"] == "blender-render"
    assert set(command["parameters"]) == {"exe", "exeArgs", "argsBefore", "blendfile", "args"}
    assert command["parameters"]["blendfile"] == SETTINGS["blendfile"]


def test_the_script_understands_what_it_is_told(compiled):
    """Blender's arguments before the dashes, in the order that they need; the script's own after them."""
    arguments = compiled["tasks"][0]["commands"][0]["parameters"]["args"]
    dashes = arguments.index("--")
    assert arguments[:dashes] == ["--python-exit-code", "1", "--python", SETTINGS["script"]]
    told = dict(zip(arguments[dashes + 1 :: 2], arguments[dashes + 2 :: 2], strict=True))
    assert told["--timeout"] == "5400"
    assert told["--save"] == "/farm/takes/shot.worldwarp.blend"
    known = re.findall(r'add_argument\(\s*"(--\w+)"', (SCRIPTS / "render_unattended.py").read_text())
    assert set(told) <= set(known)


def test_settings_are_of_the_kinds_that_flamenco_knows(compiled):
    settings = compiled["type"]["settings"]
    assert {setting["key"] for setting in settings} == set(SETTINGS)
    for setting in settings:
        assert setting["type"] in ("string", "int32", "float", "bool")
        assert setting.get("subtype", "file_path") in ("file_path", "dir_path", "hashed_file_path")
        assert setting.get("visible", "web") in ("visible", "hidden", "submission", "web")
        assert set(setting) <= {
            *("key", "type", "subtype", "required", "default", "eval", "evalInfo", "visible", "description"),
        }


def test_the_job_type_can_be_read_without_an_engine():
    """Where there is no JavaScript: what the Manager looks for is there, and its brackets close."""
    text = re.sub(r"//[^\n]*", "", re.sub(r'"[^"\n]*"|`[^`]*`', '""', JOB_TYPE.read_text()))
    assert re.search(r"^const JOB_TYPE = \{", text, re.M)
    assert re.search(r"^function compileJob\(job\) \{", text, re.M)
    for opening, closing in ("()", "[]", "{}"):
        assert text.count(opening) == text.count(closing)
