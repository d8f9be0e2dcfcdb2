"""Weights: a checkpoint as it is published, malicious ones, and files that are something else."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from worldwarp.geometry.checkpoint import LICENCE, WeightsError, about
from worldwarp.geometry.ttt3r import estimate
from worldwarp.geometry.unpickle import Checkpoint, Inert
from worldwarp.geometry.weights import convert, load, verify

from .goldens import error, tiny_config, tiny_network, tiny_weights
from .goldens import load as golden


class Settings:
    """Stands for the configuration object of a foreign class that checkpoints carry."""

    def __init__(self):
        self.model = "ARCroco3DStereo(...)"
        self.nested = [Path("data"), defaultdict(list, a=[1]), {1, 2}]


class Bag(dict):
    """A foreign class that is filled item by item."""


class Row(list):
    """A foreign class that is filled by appending."""


def published(weights, prefix=""):
    """A checkpoint as training leaves it: with optimiser, settings, and tied duplicates."""
    model = OrderedDict((prefix + name, torch.nn.Parameter(value)) for name, value in weights.items())
    for name in list(model):
        for level in range(4):
            if f".scratch.layer{level + 1}_rn." in name:
                model[name.replace(f"layer{level + 1}_rn", f"layer_rn.{level}")] = model[name]
    optimiser = {"state": defaultdict(dict, {0: {"step": torch.tensor(3), "exp_avg": torch.zeros(4)}}), "lr": 1e-4}
    extras = {
        "args": Settings(),
        "bag": Bag(a=1, b=2),
        "row": Row([1, 2, 3]),
        "epoch": 40,
        "scaler": {"scale": 65536.0},
    }
    return {"model": model, "optimizer": optimiser, **extras}


@pytest.fixture
def checkpoint(tmp_path):
    def write(contents, name="cut3r_512_dpt_4_64.pth"):
        torch.save(contents, tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_is_converted_and_loaded(checkpoint, tmp_path, prefix):
    path = checkpoint(published(tiny_weights(), prefix))
    target = tmp_path / "weights" / "tiny.safetensors"
    convert(path, target, acknowledged=True, config=tiny_config())
    network = load(target, tiny_config())
    expected = tiny_network().state_dict()
    assert network.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
    frames = torch.from_numpy(golden("ttt3r_golden")["frames_normalised"])[:2]
    assert error(estimate(network, frames).points, estimate(tiny_network(), frames).points) < 1e-6
    assert not network.training
    assert about(target)["licence"] == LICENCE
    assert sorted(p.name for p in target.parent.iterdir()) == ["tiny.safetensors"]


def test_a_digest_tells_weights_apart(checkpoint, tmp_path):
    digests = []
    for i, change in enumerate((0.0, 0.0, 1e-3)):
        weights = tiny_weights()
        weights["enc_norm.bias"] = weights["enc_norm.bias"] + change
        convert(checkpoint(published(weights)), tmp_path / f"{i}.safetensors", True, tiny_config())
        digests.append(about(tmp_path / f"{i}.safetensors")["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_the_licence_has_to_be_acknowledged(checkpoint, tmp_path):
    path, target = checkpoint(published(tiny_weights())), tmp_path / "tiny.safetensors"
    with pytest.raises(WeightsError, match="NON-COMMERCIAL"):
        convert(path, target, acknowledged=False, config=tiny_config())
    assert not target.exists()


class Runs:
    """A pickle that runs ``function(*arguments)`` where names are believed."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attacks(marker):
    yield Runs(os.system, f"echo executed > {marker}")
    yield Runs(eval, f"__import__('pathlib').Path({str(marker)!r}).touch()")
    yield Runs(Path.touch, marker)
    yield Runs(getattr(os, "mkdir"), str(marker))  # noqa: B009 - the name is what is stored


@pytest.mark.parametrize("where", ["args", "model"])
@pytest.mark.parametrize("attack", range(4))
def test_a_malicious_checkpoint_is_not_executed(checkpoint, tmp_path, where, attack):
    marker = tmp_path / "executed"
    malice = list(attacks(marker))[attack]
    contents = published(tiny_weights())
    if where == "args":
        contents["args"] = malice
    else:
        contents["model"]["enc_norm.bias"] = malice
    path = checkpoint(contents)
    with zipfile.ZipFile(path) as file:  # the attack is a real one
        tree = next(name for name in file.namelist() if name.endswith("data.pkl"))
        assert any(word in file.read(tree) for word in (b"system", b"eval", b"touch", b"mkdir"))
    if where == "args":
        convert(path, tmp_path / "tiny.safetensors", True, tiny_config())
    else:
        with pytest.raises(WeightsError, match=r"enc_norm\.bias is not a tensor"):
            convert(path, tmp_path / "tiny.safetensors", True, tiny_config())
    assert not marker.exists()


def test_the_attacks_would_work(tmp_path):
    """Against the reader that is not used here: so the test above can fail."""
    for i, malice in enumerate(attacks(tmp_path / "executed")):
        marker = tmp_path / "executed"
        pickle.loads(pickle.dumps(malice))
        assert marker.exists(), i
        marker.rmdir() if marker.is_dir() else marker.unlink()


def test_whatever_is_done_to_an_unknown_name_does_nothing(tmp_path):
    """Called, made without a call, filled by item, appended to, given a state; by hand, in opcodes."""
    stack = b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00lstR"  # os.system('ls')
    stack += b"(K\x01K\x02u(K\x01K\x02e}b"  # [1] = 2; extend([1, 2]); __setstate__({})
    stack += b")\x81)R."  # __new__(); and called again
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as file:
        file.writestr("x/data.pkl", stack)
    with Checkpoint(tmp_path / "x.pth") as opened:
        assert opened.tree is Inert
    assert not vars(Inert).keys() & {"1", 1}


STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
"""The persistent id of four floats."""


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (STORAGE + b"K\x00(K\x04t(K\x01t", None),
        (STORAGE + b"K\x01(K\x04t(K\x01t", "beyond its bytes"),
        (STORAGE + b"J\xff\xff\xff\xff(K\x04t(K\x01t", "beyond its bytes"),
        (STORAGE + b"}(K\x04t(K\x01t", "beyond its bytes"),
        (STORAGE + b"K\x00K\x04(K\x01t", "shape"),
        (STORAGE + b"K\x00cos\nsystem\n(K\x01t", "shape"),
        (STORAGE + b"K\x00(K\x04t(K\x00t", "row by row"),
        (STORAGE + b"K\x00(K\x04tN", "row by row"),
        (b"}K\x00(K\x04t(K\x01t", "not a tensor"),
    ],
)
def test_what_a_pickle_says_of_a_tensor_is_not_believed(tmp_path, said, sentence):
    """A tensor's storage, offset, shape and stride, by hand."""
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as file:
        file.writestr("x/data.pkl", b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + said + b"\x89NtR.")
        file.writestr("x/data/0", torch.arange(4.0).numpy().tobytes())
    with Checkpoint(tmp_path / "x.pth") as opened:
        if sentence is None:
            assert opened.tensor(opened.tree, (4,)).tolist() == [0, 1, 2, 3]
        else:
            with pytest.raises(WeightsError, match=sentence):
                opened.tensor(opened.tree, (4,))


def without(weights, name):
    return {key: value for key, value in weights.items() if key != name}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: without(w, "enc_norm.bias"), "lacks enc_norm.bias"),
        (lambda w: {**w, "head.bias": torch.zeros(1)}, "has head.bias"),
        (lambda w: {**w, "enc_norm.bias": torch.zeros(63)}, "shape"),
        (lambda w: {**w, "enc_norm.bias": torch.zeros(64, dtype=torch.int64)}, "not a tensor of floats"),
        (lambda w: {**w, "enc_norm.bias": torch.zeros(128)[::2]}, "row by row"),
    ],
)
def test_other_names_and_shapes_are_refused(checkpoint, tmp_path, change, sentence):
    contents = published({})
    contents["model"] = change(tiny_weights())
    with pytest.raises(WeightsError, match=sentence):
        convert(checkpoint(contents), tmp_path / "tiny.safetensors", True, tiny_config())
    assert not (tmp_path / "tiny.safetensors").exists()


def damaged(path, change):
    """The same zip with the bytes of its members changed."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    method = change(members) or zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def largest(members):
    return max(members, key=lambda name: len(members[name]) if "/data/" in name else 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m.pop(largest(m)) and None, "cannot be read"),
        (lambda m: m.update({largest(m): m[largest(m)][:-4]}), "beyond its bytes"),
        (lambda _: zipfile.ZIP_DEFLATED, "compressed"),
        (lambda m: m.update({n: d[:2000] for n, d in m.items() if n.endswith("data.pkl")}), "cannot be read"),
        (lambda m: m.pop(next(n for n in m if n.endswith("data.pkl"))) and None, "no data.pkl"),
    ],
)
def test_damaged_checkpoints_are_refused(checkpoint, tmp_path, change, sentence):
    path = damaged(checkpoint(published(tiny_weights())), change)
    with pytest.raises(WeightsError, match=sentence):
        convert(path, tmp_path / "tiny.safetensors", True, tiny_config())


@pytest.mark.parametrize("contents", [{"state_dict": {}}, [1], {"model": [1]}, {"model": {1: 2}}])
def test_a_checkpoint_without_a_model_is_refused(checkpoint, tmp_path, contents):
    with pytest.raises(WeightsError, match="no 'model'"):
        convert(checkpoint(contents), tmp_path / "tiny.safetensors", True, tiny_config())


def test_what_is_no_checkpoint_is_refused(tmp_path):
    for name, data in {"text.pth": b"hello", "old.pth": old_format()}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(WeightsError, match="zip format"):
            convert(tmp_path / name, tmp_path / "tiny.safetensors", True, tiny_config())
    with pytest.raises(WeightsError, match="There is no file"):
        convert(tmp_path / "absent.pth", tmp_path / "tiny.safetensors", True, tiny_config())


def old_format():
    file = io.BytesIO()
    torch.save({"model": {}}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def test_files_that_are_not_converted_ones_are_not_loaded(tmp_path):
    path = tmp_path / "tiny.safetensors"
    with pytest.raises(WeightsError, match="worldwarp weights convert"):
        load(path, tiny_config())
    path.write_bytes(b"hello, this is not one")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load(path, tiny_config())
    save_file(tiny_weights(), path)
    with pytest.raises(WeightsError, match="names no licence"):
        load(path, tiny_config())
    save_file({"a": torch.zeros(1)}, path, {"licence": "MIT", "source": "us", "digest": "0"})
    with pytest.raises(WeightsError, match="does not hold this network"):
        load(path, tiny_config())


def test_a_file_whose_numbers_changed_is_found(tmp_path, checkpoint):
    path = tmp_path / "tiny.safetensors"
    convert(checkpoint(published(tiny_weights())), path, True, tiny_config())
    verify(path, tiny_config())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged"):
        verify(path, tiny_config())


@pytest.mark.parametrize("name", [b"items", b"get", b"keys"])
def test_attributes_that_a_pickle_gives_a_container_do_not_count(tmp_path, name):
    """``OrderedDict`` keeps attributes: one that hides a method is not called instead of it."""
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as file:
        hidden = b"}X" + len(name).to_bytes(4, "little") + name + b"cfoo\nbar\nsb"
        file.writestr("x/data.pkl", b"\x80\x02}X\x05\x00\x00\x00modelccollections\nOrderedDict\n)R" + hidden + b"s.")
    with pytest.raises(WeightsError, match="it lacks"):
        convert(tmp_path / "x.pth", tmp_path / "x.safetensors", True, tiny_config())
