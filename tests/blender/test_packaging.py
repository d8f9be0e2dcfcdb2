"""The zips and their listing, against Blender's own builder: the command line of the bpy wheels, or a real Blender."""

import json
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import build_extension
import extension_index

OTHER = """schema_version = "1.0.0"
id = "other"
version = "1.2.0"
name = "Other"
tagline = "Somebody else's"
maintainer = "Somebody"
type = "add-on"
license = ["SPDX:GPL-3.0-or-later"]
copyright = ["2020 Somebody"]
website = "https://example.org"
blender_version_min = "4.2.0"
blender_version_max = "6.0.0"
platforms = ["linux-x64", "windows-x64"]
wheels = ["./wheels/some-1.0-py2.py3-none-any.whl", "./wheels/more-1.0-cp312-abi3-win_amd64.whl"]
"""


@pytest.fixture
def builder(blender_python, tmp_path) -> str:
    """A program that takes ``--command extension ...`` as Blender does; what it runs is Blender's."""
    found = blender_python.parents[1].glob("[lL]ib/**/bl_pkg/cli/blender_ext.py")
    program = tmp_path / "blender"
    program.write_text(f'#!/bin/sh\nshift 2\nexec "{blender_python}" "{next(found)}" "$@"\n')
    program.chmod(0o755)
    return str(program)


def by_hand(folder: Path, manifest: str, blender: str) -> None:
    """An extension of somebody else's, built for each of its platforms by Blender."""
    (folder / "wheels").mkdir(parents=True)
    (folder / "blender_manifest.toml").write_text(manifest)
    (folder / "__init__.py").write_text("")
    for wheel in tomllib.loads(manifest)["wheels"]:
        (folder / wheel).write_bytes(b"")
    build_extension.command(
        blender, "build", "--source-dir", folder, "--output-dir", folder.parent / "site", "--split-platforms"
    )


def listed(folder: Path) -> dict:
    """The listing of ``folder``; Blender's has no order."""
    listing = json.loads((folder / "index.json").read_text())
    listing["data"].sort(key=lambda entry: entry["archive_url"])
    return listing


def test_the_listing_is_what_blender_writes(builder, extension, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(extension, site)
    by_hand(tmp_path / "other", OTHER, builder)
    extension_index.write(site)
    ours = listed(site)
    build_extension.publish(site, [site / extension.name], builder)
    assert ours == listed(site)
    assert [list(entry) for entry in ours["data"]] == [list(entry) for entry in listed(site)["data"]]
    assert [entry.get("python_versions") for entry in ours["data"]] == [["3"], ["3"], ["3.11", "3.13", "3.14"]]


@pytest.mark.slow
def test_blenders_builder_makes_the_same_zip(builder, extension, tmp_path):
    manifest = (ROOT / "blender_manifest.toml").read_text()
    platforms = [build_extension.this_platform()]
    (built,) = build_extension.build(manifest, platforms, ROOT / "build" / "wheels", tmp_path / "dist", builder)
    assert built.name == extension.name
    with zipfile.ZipFile(built) as theirs, zipfile.ZipFile(extension) as ours:
        names = set(ours.namelist())
        assert set(theirs.namelist()) == names
        for name in names - {name for name in names if "worldwarp_protocol" in name}:  # built anew, with other times
            assert theirs.read(name) == ours.read(name), name


def test_what_blender_refuses_ends_the_build(builder, tmp_path):
    (tmp_path / "blender_manifest.toml").write_text('id = "worldwarp"\nversion = "1"\nplatforms = []\n')
    with pytest.raises(SystemExit, match="schema_version"):
        build_extension.pack(tmp_path, "linux-x64", tmp_path, builder)


def test_a_wheel_of_ours_that_the_source_no_longer_builds_is_not_taken_from_the_cache(monkeypatch, tmp_path):
    name = f"{build_extension.OWN}-0.0.1-py3-none-any.whl"
    (tmp_path / name).write_bytes(b"of an earlier version")
    monkeypatch.setattr(build_extension, "pip", lambda *_: None)
    with pytest.raises(SystemExit, match="is not what protocol/ builds"):
        build_extension.fetch([name], tmp_path)


def test_a_listing_keeps_one_version_of_the_extension(extension, tmp_path, capsys):
    site = tmp_path / "site"
    site.mkdir()
    for name in ("worldwarp-0.0.1-linux_x64.zip", extension.name, "another-1.0.0.zip"):
        shutil.copy(extension, site / name)
    build_extension.publish(site, [site / extension.name], None)
    urls = [entry["archive_url"] for entry in listed(site)["data"]]
    assert urls == ["./another-1.0.0.zip", f"./{extension.name}"]
    assert "worldwarp-0.0.1-linux_x64.zip is of another version: removed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wheels", "versions"),
    [
        (["a-1-py3-none-any.whl"], ["3"]),
        (["a-1-py2.py3-none-any.whl", "b-1-cp39-cp39-win_amd64.whl", "b-1-cp311-cp311-win_amd64.whl"], ["3.9", "3.11"]),
        (["a-1-cp312-abi3-win_amd64.whl"], ["3"]),
        (["a-1-py2-none-any.whl"], []),
    ],
)
def test_pythons_are_told_from_the_tags_of_wheels(wheels, versions):
    assert extension_index.python_versions(wheels) == versions


@pytest.mark.slow
def test_users_subscribe_and_install_from_it(in_blender, extension, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(extension, site)
    build_extension.publish(site, [site / extension.name], None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = in_blender("subscribed.py", f"http://127.0.0.1:{server.server_port}/index.json")
    finally:
        server.shutdown()
        server.server_close()
    assert found["enabled"]
    assert found["packages"] == ""


@pytest.mark.skipif(shutil.which("blender") is None, reason="no Blender on the PATH")
def test_the_blender_of_this_machine_takes_zip_and_listing(extension, tmp_path):
    shutil.copy(extension, tmp_path)
    done = subprocess.run(["blender", "--command", "extension", "validate", extension], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    extension_index.write(tmp_path)
    ours = listed(tmp_path)
    build_extension.publish(tmp_path, [tmp_path / extension.name], "blender")
    assert ours == listed(tmp_path)
