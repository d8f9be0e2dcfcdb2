"""Fetching, with huggingface_hub itself, from a server on this machine that answers as the hub does."""

import hashlib
from dataclasses import replace

import huggingface_hub.constants
import pytest
import torch
from huggingface_hub import file_download
from worldwarp.cli import main
from worldwarp.diffusion import transformer
from worldwarp.geometry.checkpoint import WeightsError
from worldwarp.weights import fetch, needs, registry
from worldwarp.weights.parts import ST_DIFF, TTT3R, VAE, File

from .hub import COMMIT, serving
from .tiny import TRANSFORMER, tiny_transformer, tiny_vae

REMOTE = f"{VAE.repository}/{VAE.remote}"
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The server, with a tiny VAE on it; the home is empty."""
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1 << 12)
    tiny_vae().save_pretrained(tmp_path / "vae")
    with serving() as hub:
        for module in (huggingface_hub.constants, file_download):
            for name, value in (
                ("ENDPOINT", ""),
                ("HUGGINGFACE_CO_URL_TEMPLATE", "/{repo_id}/resolve/{revision}/{filename}"),
            ):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, hub.url + value)
        for name in ("config.json", WEIGHTS):
            hub.contents[REMOTE + name] = (tmp_path / "vae" / name).read_bytes()
        yield hub


def vae(hub, **change):
    """The part as the server has it; ``change`` of its digests by ``config`` or ``weights``."""
    files = [
        File(
            name, len(hub.contents[REMOTE + name]), change.get(name.split(".")[0], sha256(hub.contents[REMOTE + name]))
        )
        for name in ("config.json", WEIGHTS)
    ]
    return replace(VAE, files=tuple(files))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_part_is_fetched_checked_and_registered_with_the_commit_it_came_from(hub):
    assert needs.absent(VAE)
    fetch.get([vae(hub)])
    assert needs.is_here(VAE)
    record = registry.records()["vae"]
    assert record.revision == COMMIT
    assert record.files[WEIGHTS].sha256 == sha256(hub.contents[REMOTE + WEIGHTS])
    assert (needs.folder("vae") / WEIGHTS).read_bytes() == hub.contents[REMOTE + WEIGHTS]
    assert {path.name for path in needs.folder("vae").iterdir()} == {"config.json", WEIGHTS}


def test_the_revision_that_is_asked_for_is_the_known_one_and_then_what_it_resolved_to(hub):
    fetch.get([vae(hub)])
    heads = [revision for kind, _, revision, _ in hub.asked if kind == "HEAD"]
    assert heads == [VAE.revision, COMMIT]


def test_an_interrupted_download_goes_on_where_it_ended(hub):
    size = len(hub.contents[REMOTE + WEIGHTS])
    part = replace(vae(hub), files=vae(hub).files[1:])
    hub.cut = size // 2
    with pytest.raises(WeightsError, match="run the command again"):
        fetch.get([part])
    assert hub.sent == size // 2
    assert not (needs.folder("vae") / WEIGHTS).exists()
    hub.broken = False
    fetch.get([vae(hub)])
    assert needs.is_here(VAE)
    ranges = [asked for kind, name, _, asked in hub.asked if kind == "GET" and name == REMOTE + WEIGHTS and asked]
    assert ranges[-1] != "bytes=0-"
    begun = int(ranges[-1][6:-1])
    assert 0 < begun <= size // 2
    assert hub.sent == size // 2 + (size - begun) + len(hub.contents[REMOTE + "config.json"])


@pytest.mark.parametrize(("status", "sentence"), [(401, "gated, private"), (403, "gated, private"), (404, "removed")])
def test_a_refusal_becomes_one_clear_sentence(hub, status, sentence):
    part = vae(hub)
    hub.refusals[REMOTE + "config.json"] = status
    with pytest.raises(WeightsError, match=sentence) as caught:
        fetch.get([part])
    assert VAE.repository in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_said_to_be_unreachable(hub, monkeypatch):
    part = vae(hub)
    monkeypatch.setattr(
        huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{revision}/{filename}"
    )
    monkeypatch.setattr(
        file_download,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/{revision}/{filename}",
        raising=False,
    )
    with pytest.raises(WeightsError, match="cannot be reached"):
        fetch.get([part])


def test_another_file_than_the_known_one_is_refused_before_it_is_fetched(hub):
    with pytest.raises(WeightsError, match="another diffusion_pytorch_model"):
        fetch.get([vae(hub, diffusion_pytorch_model="0" * 64)])
    assert not (needs.folder("vae") / WEIGHTS).exists()


@pytest.mark.parametrize("file", ["config.json", WEIGHTS])
def test_a_file_with_a_wrong_digest_is_refused_and_not_kept(hub, file):
    part = vae(hub)
    if file == WEIGHTS:
        hub.announced[REMOTE + WEIGHTS] = part.files[1].sha256
    hub.contents[REMOTE + file] = b"{" + hub.contents[REMOTE + file][1:-1] + b"?"
    with pytest.raises(WeightsError, match="digest is another"):
        fetch.get([part])
    assert not (needs.folder("vae") / file).exists()
    assert not list(needs.folder("vae").glob(f"{file}*"))


def test_nothing_is_fetched_where_the_disk_has_no_room(hub):
    part = replace(VAE, files=(File("config.json", 10**18),))
    with pytest.raises(WeightsError, match="make room"):
        fetch.get([part])
    assert not hub.asked


def test_a_checkpoint_is_fetched_converted_and_removed(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(transformer, "WAN_1_3B", TRANSFORMER)
    torch.save({"state_dict": tiny_transformer().state_dict()}, tmp_path / "x.ckpt")
    hub.contents[f"{ST_DIFF.repository}/worldwarp_latest.ckpt"] = (tmp_path / "x.ckpt").read_bytes()
    monkeypatch.setattr(
        "worldwarp.weights.command.part", lambda _: replace(ST_DIFF, files=(File("worldwarp_latest.ckpt", 1000),))
    )
    assert main(["weights", "get", "st-diff"]) == 1
    shown = capsys.readouterr()
    assert "none stated" in shown.out
    assert "--accept-licence" in shown.err
    assert not hub.asked
    assert main(["weights", "get", "st-diff", "--accept-licence"]) == 0
    assert needs.is_here(ST_DIFF)
    assert {path.name for path in needs.folder("st-diff").iterdir()} == {"config.json", WEIGHTS}
    assert COMMIT in registry.records()["st-diff"].revision


def test_what_has_to_be_downloaded_by_hand_is_said():
    with pytest.raises(WeightsError, match="worldwarp weights convert"):
        fetch.get([TTT3R])


def test_the_token_goes_to_the_hub_and_not_to_where_it_sends_us_on(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with serving() as other:
        other.contents = dict(hub.contents)
        hub.elsewhere = other.url
        fetch.get([vae(hub)])
        assert needs.is_here(VAE)
        assert set(hub.tokens) == {"Bearer hf_secret"}
        assert other.asked
        assert set(other.tokens) == {None}
