"""ST-Diff against diffusers' own Wan transformer, bit for bit."""

import pytest
import torch
from diffusers import WanTransformer3DModel
from worldwarp.diffusion.sampler import SOLVERS, guidance, start
from worldwarp.diffusion.transformer import WAN_1_3B, STDiff, STDiffBlock, choose_attention, velocity

TINY = WAN_1_3B | {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "text_dim": 16,
    "freq_dim": 32,
    "ffn_dim": 48,
    "num_layers": 2,
}
GRID = (3, 4, 4)
TOKENS = 48
WAYS = ["float32", "bfloat16", "bfloat16 but what must stay float32"]


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stock model with random weights, saved as it is published; zeros and ones among them would hide mistakes."""
    stock = WanTransformer3DModel.from_config(TINY)
    for i, parameter in enumerate(stock.parameters()):
        parameter.data += 0.1 * drawn(*parameter.shape, seed=i)
    path = tmp_path_factory.mktemp("stock")
    stock.save_pretrained(path)
    return path


def load(model, folder, way="float32"):
    if way.endswith("float32") and way != "float32":
        return model.from_pretrained(folder, torch_dtype=torch.bfloat16)
    return model.from_pretrained(folder).to(getattr(torch, way))


def inputs(model, levels, seed=1):
    """Latents, fractional timesteps with that many distinct values, text: a batch of two."""
    values = 1000 * torch.rand(levels, generator=torch.Generator().manual_seed(seed))
    which = torch.arange(2 * TOKENS) % levels
    timestep = values[which[torch.randperm(2 * TOKENS, generator=torch.Generator().manual_seed(seed))]].view(2, TOKENS)
    return drawn(2, 16, 3, 8, 8).to(model.dtype), timestep, drawn(2, 7, 16, seed=2).to(model.dtype)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("levels", [1, 2, 3, 9, 2 * TOKENS])
@torch.no_grad()
def test_the_same_bits_as_diffusers_own_for_any_number_of_levels(folder, way, levels):
    stock, ours = load(WanTransformer3DModel, folder, way), load(STDiff, folder, way)
    given = inputs(ours, levels)
    assert given[1].unique().numel() == levels
    expected = stock(*given).sample
    assert expected.isfinite().all()
    assert torch.equal(ours(*given).sample, expected)
    assert torch.equal(ours(*given, return_dict=False)[0], expected)


def test_the_levels_of_tokens_matter_in_their_own_order(folder):
    ours = load(STDiff, folder)
    latents, timestep, text = inputs(ours, 9)
    with torch.no_grad():
        assert not torch.equal(ours(latents, timestep, text).sample, ours(latents, timestep.flip(1), text).sample)


def test_the_same_gradients_as_diffusers_own_with_and_without_checkpointing(folder):
    gradients = []
    for model, checkpointing in ((WanTransformer3DModel, False), (STDiff, False), (STDiff, True)):
        network = load(model, folder).train()
        if checkpointing:
            network.enable_gradient_checkpointing()
        network(*inputs(network, 9)).sample.square().mean().backward()
        gradients.append({name: parameter.grad for name, parameter in network.named_parameters()})
    stock, ours, checkpointed = gradients
    for name, gradient in stock.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-6)
        assert torch.equal(checkpointed[name], ours[name]), name


@torch.no_grad()
def test_compiled_blocks_group_offload_and_layerwise_casting_keep_the_result(folder):
    ours = load(STDiff, folder)
    given = inputs(ours, 3)
    expected = ours(*given).sample

    compiled = load(STDiff, folder)
    compiled.compile_repeated_blocks(fullgraph=True, backend="eager")
    assert torch.equal(compiled(*given).sample, expected)

    for kind, size in (("block_level", 1), ("leaf_level", None)):
        offloaded = load(STDiff, folder)
        offloaded.enable_group_offload(torch.device("cpu"), offload_type=kind, num_blocks_per_group=size)
        assert torch.equal(offloaded(*given).sample, expected), kind

    cast = [load(model, folder, WAYS[2]) for model in (WanTransformer3DModel, STDiff)]
    for network in cast:
        network.enable_layerwise_casting(torch.float8_e4m3fn, torch.bfloat16)
    given = inputs(cast[1], 3)
    assert cast[1].blocks[0].ffn.net[2].weight.dtype == torch.float8_e4m3fn
    assert torch.equal(cast[1](*given).sample, cast[0](*given).sample)


def test_blocks_see_one_shape_whatever_the_number_of_levels(folder):
    ours, seen = load(STDiff, folder), []
    ours.blocks[0].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[2][0].shape))
    with torch.no_grad():
        for levels in (1, 2, 3, 9, 64):
            ours(*inputs(ours, levels))
    assert set(seen) == {(64, 6, 24)}


def test_the_published_model_has_its_tensors_and_parameters_and_loads_strictly():
    with torch.device("meta"):
        stock, ours = WanTransformer3DModel.from_config(WAN_1_3B), STDiff.from_config(WAN_1_3B)
    state = stock.state_dict()
    assert len(state) == len(ours.state_dict()) == 825
    assert sum(parameter.numel() for parameter in ours.parameters()) == 1_418_996_800
    ours.load_state_dict(state, strict=True, assign=True)
    assert all(type(block) is STDiffBlock for block in ours.blocks)
    assert {key: ours.config[key] for key in WAN_1_3B} == WAN_1_3B


def test_a_model_comes_back_from_its_own_folder(folder, tmp_path):
    ours = load(STDiff, folder)
    ours.save_pretrained(tmp_path)
    again = STDiff.from_pretrained(tmp_path)
    assert again.config["_class_name"] == "STDiff"
    with torch.no_grad():
        assert torch.equal(again(*inputs(again, 3)).sample, ours(*inputs(ours, 3)).sample)


@pytest.mark.parametrize(
    ("latents", "timesteps", "sentence"),
    [
        ((1, 16, 3, 8, 8), (1, 36), r"\(1, 36\).*one per token.*48 tokens \(3 x 4 x 4\)"),
        ((2, 16, 3, 8, 8), (1, 48), r"\(1, 48\).*batch of 2"),
        ((1, 16, 3, 8, 8), (1,), r"\(1,\).*48 tokens"),
        ((1, 16, 3, 7, 8), (1, 48), r"\(1, 16, 3, 7, 8\) do not divide into tokens"),
        ((16, 3, 8, 8), (1, 48), r"\(16, 3, 8, 8\) do not divide into tokens"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_counts(folder, latents, timesteps, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(STDiff, folder)(torch.zeros(latents), torch.zeros(timesteps), torch.zeros(1, 7, 16))


@torch.no_grad()
def test_as_the_samplers_model_it_is_the_network_at_a_thousand_times_sigma(folder):
    ours, x, text = load(STDiff, folder, WAYS[2]), drawn(16, 3, 8, 8), drawn(2, 7, 16, seed=3)
    levels = torch.rand(GRID, generator=torch.Generator().manual_seed(4))
    v = velocity(ours, text)(x, levels)
    half = torch.bfloat16
    direct = ours(torch.stack([x, x]).to(half), (1000 * levels).reshape(1, -1).repeat(2, 1), text.to(half)).sample
    assert v.dtype == torch.float32
    assert torch.equal(v, direct.float())


@torch.no_grad()
def test_guided_in_one_batch_of_two_or_in_two_forwards(folder):
    ours, x, texts = load(STDiff, folder), drawn(16, 3, 8, 8), drawn(2, 7, 16, seed=3)
    levels = torch.rand(GRID, generator=torch.Generator().manual_seed(4))
    scale = torch.where(levels > 0.5, 5.0, 2.0)
    once, twice = (guidance(lambda text: velocity(ours, text), texts, scale, both)(x, levels) for both in (True, False))
    torch.testing.assert_close(once, twice, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SOLVERS)
def test_the_solvers_run_it_from_end_to_end_and_twice_with_the_same_bits(folder, name):
    ours, texts = load(STDiff, folder), drawn(2, 7, 16, seed=3)
    tokens = torch.ones(GRID)
    tokens[0], tokens[1] = 0, 0.8
    levels = torch.minimum(torch.linspace(1, 0, 5)[:, None, None, None], tokens)
    clean = drawn(16, 3, 8, 8)
    x = start(clean, drawn(16, 3, 8, 8, seed=1), tokens)
    model = guidance(lambda text: velocity(ours, text), texts, 5.0)
    end = SOLVERS[name](model, x, levels)
    assert end.isfinite().all()
    assert not end.requires_grad
    assert torch.equal(end[:, 0], clean[:, 0])
    assert torch.equal(end, SOLVERS[name](model, x, levels))


def test_on_a_cpu_attention_is_torchs_own(folder):
    ours = load(STDiff, folder)
    assert choose_attention(ours, torch.device("cpu")) == "native"
    # nothing is set: diffusers' own choice, unset, is native
    assert ours.blocks[0].attn1.processor._attention_backend is None
