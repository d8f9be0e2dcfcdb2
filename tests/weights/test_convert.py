"""ST-Diff's checkpoint: as training may leave it, other networks', malicious ones; the numbers arrive as they are."""

import json
import os
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors import safe_open
from worldwarp.diffusion.transformer import WAN_1_3B
from worldwarp.geometry.checkpoint import WeightsError
from worldwarp.weights.convert import convert_st_diff

from .tiny import TRANSFORMER, tiny_transformer

FILE = "diffusion_pytorch_model.safetensors"


def state(dtype=torch.float32):
    return tiny_transformer().to(dtype).state_dict()


def saved(tmp_path, contents):
    torch.save(contents, tmp_path / "worldwarp_latest.ckpt")
    return tmp_path / "worldwarp_latest.ckpt"


def prefixed(prefix):
    return {prefix + name: tensor for name, tensor in state().items()}


SHAPES = {
    "plain": lambda: dict(state()),
    "ordered": lambda: OrderedDict(state()),
    "state_dict": lambda: {"state_dict": state(), "epoch": 3, "optimizer": {"lr": 1e-4}},
    "model": lambda: {"model": prefixed("module."), "args": Path("data")},
    "prefix": lambda: prefixed("transformer."),
    "two prefixes": lambda: {"state_dict": prefixed("module.transformer.")},
    "parameters": lambda: {name: torch.nn.Parameter(tensor) for name, tensor in state().items()},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_numbers_arrive_as_they_are(tmp_path, shape):
    convert_st_diff(saved(tmp_path, SHAPES[shape]()), tmp_path / "out", TRANSFORMER)
    network = WanTransformer3DModel.from_pretrained(tmp_path / "out")
    assert network.state_dict().keys() == state().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state()[name]), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_type_stays_what_it_was(tmp_path, dtype):
    convert_st_diff(saved(tmp_path, state(dtype)), tmp_path / "out", TRANSFORMER)
    with safe_open(tmp_path / "out" / FILE, "pt") as file:
        for name, tensor in state(dtype).items():
            assert file.get_tensor(name).dtype == dtype
            assert torch.equal(file.get_tensor(name), tensor)


def test_the_file_names_licence_source_and_a_digest_that_tells_weights_apart(tmp_path):
    digests = []
    for i, change in enumerate((0, 0, 1e-3)):
        weights = state()
        weights["proj_out.bias"] = weights["proj_out.bias"] + change
        convert_st_diff(saved(tmp_path, weights), tmp_path / str(i), TRANSFORMER)
        with safe_open(tmp_path / str(i) / FILE, "np") as file:
            about = file.metadata()
        assert about["licence"] == "none stated"
        assert about["source"] == "worldwarp_latest.ckpt"
        digests.append(about["digest"])
    assert digests[0] == digests[1] != digests[2]
    assert set(digests[0]) != {"0"}
    assert (tmp_path / "0" / FILE).read_bytes() == (tmp_path / "1" / FILE).read_bytes()


def test_the_published_network_has_825_tensors_and_1_42_billion_numbers(tmp_path):
    from worldwarp.weights.convert import _shapes

    shapes = _shapes(WAN_1_3B)
    assert len(shapes) == 825
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 1_418_996_800
    convert_st_diff(saved(tmp_path, state()), tmp_path / "out", TRANSFORMER)
    written = json.loads((tmp_path / "out" / "config.json").read_text())
    assert written["_class_name"] == "WanTransformer3DModel"
    assert written["ffn_dim"] == TRANSFORMER["ffn_dim"]


def without(name):
    return {key: value for key, value in state().items() if key != name}


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (lambda: without("proj_out.bias"), r"lacks proj_out\.bias"),
        (lambda: {**state(), "head.bias": torch.zeros(1)}, r"has head\.bias"),
        (lambda: {**state(), "proj_out.bias": torch.zeros(63)}, r"proj_out\.bias has shape \(63,\), not \(64,\)"),
        (lambda: {**state(), "proj_out.bias": torch.zeros(64, dtype=torch.int64)}, "not a tensor of floats"),
        (lambda: {**state(), "proj_out.bias": torch.zeros(128)[::2]}, "row by row"),
        (lambda: {"state_dict": {}}, "no named tensors"),
        (lambda: [1], "no named tensors"),
    ],
)
def test_other_networks_are_refused_and_the_difference_is_named(tmp_path, contents, sentence):
    with pytest.raises(WeightsError, match=sentence):
        convert_st_diff(saved(tmp_path, contents()), tmp_path / "out", TRANSFORMER)
    assert not list((tmp_path / "out").glob("*"))


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "x.ckpt").write_bytes(b"hello")
    with pytest.raises(WeightsError, match="zip format"):
        convert_st_diff(tmp_path / "x.ckpt", tmp_path / "out", TRANSFORMER)


class Runs:
    """A pickle that makes a folder where names are believed."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_malicious_checkpoint_is_not_executed(tmp_path):
    marker = tmp_path / "executed"
    path = saved(tmp_path, {"state_dict": {**state(), "proj_out.bias": Runs(marker)}, "args": Runs(marker)})
    with pytest.raises(WeightsError, match="lacks"):
        convert_st_diff(path, tmp_path / "out", TRANSFORMER)
    path = saved(tmp_path, {"state_dict": state(), "args": Runs(marker)})
    convert_st_diff(path, tmp_path / "out", TRANSFORMER)
    assert not marker.exists()
