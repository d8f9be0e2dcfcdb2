"""What a profile lacks: cheap, torch-free, true to the files."""

import os
import subprocess
import sys

import pytest
from worldwarp import imagine
from worldwarp.weights import needs, registry
from worldwarp.weights.parts import PARTS

from .tiny import tiny_wan_home


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path))
    return tiny_wan_home(tmp_path)


def test_an_empty_home_lacks_what_wan_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path))
    sentence = needs.missing("wan")
    for text in ("st-diff", "none stated", "vae", "text-encoder", "tokenizer", "26.1 GB", "worldwarp weights get wan"):
        assert text in sentence
    for text in ("captioner", "transformer"):
        assert text not in sentence
    assert needs.digests("wan") == []
    assert needs.missing("draft") == ""


@pytest.mark.usefixtures("home")
def test_a_tiny_home_lacks_nothing():
    assert needs.missing("wan") == ""
    assert len(needs.digests("wan")) == sum(len(record.files) for record in registry.records().values())


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("what", ["touched", "longer", "gone"])
def test_a_file_that_changed_counts_as_unregistered(what):
    path, before = needs.folder("vae") / "config.json", needs.digests("wan")
    if what == "touched":
        os.utime(path, ns=(1, 1))
    elif what == "longer":
        path.write_bytes(path.read_bytes() + b" ")
    else:
        path.unlink()
    assert "worldwarp weights check" in needs.missing("wan")
    assert "vae" in needs.missing("wan")
    assert len(needs.digests("wan")) == len(before) - 2


@pytest.mark.usefixtures("home")
def test_other_weights_have_other_digests():
    before = needs.digests("wan")
    path = needs.folder("vae") / "config.json"
    path.write_bytes(path.read_bytes() + b" ")
    registry.register("vae", needs.folder("vae"), registry.records()["vae"].files, "changed")
    assert needs.missing("wan") == ""
    assert needs.digests("wan") != before


def test_the_captioner_can_be_done_without_but_its_digests_count(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path))
    tiny_wan_home(tmp_path)
    without = needs.digests("wan")
    tiny_wan_home(tmp_path, captioner=True)
    assert len(needs.digests("wan")) > len(without)
    assert needs.missing("wan") == ""


@pytest.mark.usefixtures("home")
def test_a_damaged_register_is_said_and_not_believed():
    (registry.root() / "registered.json").write_bytes(b'{"vae": 1}')
    for sentence in (needs.missing("wan"), imagine.missing()):  # both are asked at every hello
        assert "registered.json is damaged" in sentence


def test_sizes_and_digests_of_the_table_are_whole():
    """The folders that are fetched of Wan's repository are all of it but two small files at its top."""
    sizes = sum(part.size for part in PARTS if part.repository.startswith("Wan-AI"))
    assert sizes == 28_928_886_708
    for part in PARTS:
        for file in part.files:
            assert len(file.sha256) == 64 or part.converted


def test_it_is_asked_without_torch():
    asked = "needs.missing('wan'), needs.digests('wan')"
    code = f"import sys; from worldwarp.weights import needs; {asked}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"torch", "transformers", "diffusers", "huggingface_hub"}
