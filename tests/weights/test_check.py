"""``worldwarp weights check`` and ``add``: files told apart, compared with the networks, registered."""

import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLForConditionalGeneration
from worldwarp.cli import main
from worldwarp.diffusion import transformer
from worldwarp.weights import check, needs, registry
from worldwarp.weights.parts import CAPTIONER, PARTS, ST_DIFF, part

from ..test_captions import save_tiny
from .tiny import TRANSFORMER, tiny_transformer, tiny_vae, tiny_wan_home

VAE_FILE = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path / "home"))
    return tiny_wan_home(tmp_path / "home", captioner=True)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path / "home"))
    return tmp_path


def test_all_networks_of_a_home_are_sound(home, capsys):
    assert main(["weights", "check"]) == 0
    shown = capsys.readouterr().out
    for name in ("st-diff", "vae", "text-encoder", "tokenizer", "captioner"):
        assert f"{name}: sound, {home}" in shown
    assert "transformer: not here" in shown


@pytest.mark.usefixtures("home")
def test_names_and_shapes_that_differ_are_named(capsys):
    path = needs.folder("vae") / VAE_FILE
    tensors = load_file(path)
    tensors["extra.weight"] = tensors.pop("quant_conv.bias")
    tensors["post_quant_conv.bias"] = torch.zeros(3)
    save_file(tensors, path)
    assert main(["weights", "check"]) == 1
    shown = capsys.readouterr()
    assert "lacks quant_conv.bias." in shown.err
    assert "unexpected extra.weight." in shown.err
    assert "post_quant_conv.bias has shape (3,), not (16,)" in shown.err
    assert "text-encoder: sound" in shown.out


@pytest.mark.usefixtures("home")
def test_numbers_that_differ_are_found_by_their_digest(capsys):
    path = needs.folder("vae") / VAE_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    stamp = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # not even the time tells it
    assert needs.missing("wan") == ""
    assert main(["weights", "check"]) == 1
    assert f"{VAE_FILE} in {needs.folder('vae')} changed since" in capsys.readouterr().err
    assert main(["weights", "add", str(needs.folder("vae"))]) == 0
    assert main(["weights", "check"]) == 0


@pytest.mark.usefixtures("home")
def test_a_file_that_was_only_touched_is_registered_again():
    path = needs.folder("vae") / VAE_FILE
    os.utime(path, ns=(1, 1))
    assert needs.missing("wan")
    assert main(["weights", "check"]) == 0
    assert needs.missing("wan") == ""


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("name", "file"), [("vae", "config.json"), ("text-encoder", "model.safetensors")])
def test_a_lost_file_is_named(capsys, name, file):
    (needs.folder(name) / file).unlink()
    assert main(["weights", "check"]) == 1
    assert f"lacks {file}" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_a_config_that_describes_nothing_is_named(capsys):
    (needs.folder("vae") / "config.json").write_text("{}")
    (needs.folder("text-encoder") / "config.json").write_text("hello")
    assert main(["weights", "check"]) == 1
    assert "text_encoder/config.json" in capsys.readouterr().err.replace(os.sep, "/")


@pytest.mark.usefixtures("home")
def test_a_file_that_is_cut_short_is_named(capsys):
    path = needs.folder("text-encoder") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    assert main(["weights", "check"]) == 1
    assert "cut short" in capsys.readouterr().err


def test_tied_weights_may_be_stored_under_either_name():
    groups = {"a": (("a", "b"), (2,)), "b": (("a", "b"), (2,)), "c": (("c",), (3,))}
    for found in ({"a": (2,), "c": (3,)}, {"b": (2,), "c": (3,)}, {"a": (2,), "b": (2,), "c": (3,)}):
        assert check.differences(found, groups) == []
    assert check.differences({"c": (3,)}, groups) == ["It lacks a."]


@pytest.mark.usefixtures("empty")
def test_weights_in_shards_are_checked_by_their_index():
    folder = needs.folder("transformer")
    tiny_transformer().save_pretrained(folder, max_shard_size="60KB")
    assert len(list(folder.glob("*-of-*.safetensors"))) > 1
    assert main(["weights", "check"]) == 0
    assert needs.is_here(part("transformer"))
    next(folder.glob("*-00001-of-*.safetensors")).unlink()
    assert main(["weights", "check"]) == 1


def test_the_captioner_is_known_by_its_published_names_and_by_the_class_s_own(empty):
    (empty / "x").mkdir()
    save_tiny(empty / "x")
    published = load_file(empty / "x" / "model.safetensors")
    assert any(name.startswith("visual.") for name in published)
    network = Qwen2_5_VLForConditionalGeneration.from_pretrained(empty / "x")
    own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert published.keys() != own.keys()
    for tensors in (published, own):
        save_file(tensors, empty / "x" / "model.safetensors")
        check.architecture(CAPTIONER, empty / "x")


def test_files_fetched_by_hand_are_told_apart_and_registered(empty, capsys):
    other = tiny_wan_home(empty / "other", captioner=True) / "weights"
    folders = [other / each.place for each in PARTS if each.name in ("vae", "text-encoder", "tokenizer")]
    files = [path for folder in folders for path in sorted(folder.iterdir())]
    assert main(["weights", "add", *map(str, [*folders[:2], *files[-2:-1]])]) == 0
    shown = capsys.readouterr().out
    assert "vae is here" in shown
    assert "not as published" in shown
    assert "text-encoder is here" in shown
    assert "tokenizer is not complete" in shown
    assert main(["weights", "add", str(folders[2])]) == 0
    assert needs.is_here(part("tokenizer"))
    assert all(path.exists() for path in files)


def test_files_are_moved_where_that_is_asked_for(empty):
    tiny_vae().save_pretrained(empty / "vae")
    assert main(["weights", "add", "--move", *map(str, (empty / "vae").iterdir())]) == 0
    assert needs.is_here(part("vae"))
    assert not list((empty / "vae").iterdir())
    assert not list(needs.folder("vae").glob("*.part"))


@pytest.mark.parametrize("name", ["worldwarp_latest.ckpt", "renamed.ckpt"])
@pytest.mark.parametrize("move", [False, True])
def test_the_checkpoint_is_converted_once_its_licence_is_accepted(empty, monkeypatch, capsys, name, move):
    monkeypatch.setattr(transformer, "WAN_1_3B", TRANSFORMER)
    torch.save({"model": tiny_transformer().state_dict()}, empty / name)
    words = ["weights", "add", str(empty / name), *(["--move"] if move else [])]
    assert main(words) == 1
    assert "none stated" in capsys.readouterr().out
    assert not needs.folder("st-diff").exists()
    assert main([*words, "--accept-licence"]) == 0
    assert needs.is_here(ST_DIFF)
    assert (empty / name).exists() is not move
    assert name in registry.records()["st-diff"].revision


def test_what_was_converted_is_known_again(empty, monkeypatch):
    monkeypatch.setattr(transformer, "WAN_1_3B", TRANSFORMER)
    torch.save(tiny_transformer().state_dict(), empty / "worldwarp_latest.ckpt")
    assert main(["weights", "add", str(empty / "worldwarp_latest.ckpt"), "--accept-licence"]) == 0
    shutil.copytree(needs.folder("st-diff"), empty / "copy")
    shutil.rmtree(empty / "home")
    assert main(["weights", "add", str(empty / "copy"), "--accept-licence"]) == 0
    assert needs.is_here(ST_DIFF)


def test_what_belongs_to_nothing_is_refused(empty, capsys):
    (empty / "x.bin").write_bytes(b"hello")
    save_file({"a": torch.zeros(1)}, empty / "x.safetensors")
    for name in ("x.bin", "x.safetensors"):
        assert main(["weights", "add", str(empty / name)]) == 1
        assert "no known network" in capsys.readouterr().err
    assert main(["weights", "add", str(empty / "absent")]) == 1
    assert "There is no file" in capsys.readouterr().err


def test_a_link_is_followed_and_stays(empty):
    tiny_vae().save_pretrained(empty / "blobs")
    (empty / "vae").mkdir()
    for path in (empty / "blobs").iterdir():
        (empty / "vae" / path.name).symlink_to(path)
    assert main(["weights", "add", "--move", str(empty / "vae")]) == 0
    assert needs.is_here(part("vae"))
    assert not any(path.is_symlink() for path in needs.folder("vae").iterdir())
    assert len(list((empty / "blobs").iterdir())) == 2


@pytest.mark.parametrize("text", ["hello", "{}", '{"weight_map": {"a": "../../secret.safetensors"}}'])
def test_an_index_that_is_none_is_named(empty, capsys, text):
    (empty / "model.safetensors.index.json").write_text(text)
    assert main(["weights", "add", str(empty / "model.safetensors.index.json")]) == 1
    assert "model.safetensors.index.json" in capsys.readouterr().err
