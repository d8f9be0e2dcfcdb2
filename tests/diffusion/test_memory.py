"""Memory modes: networks that wait elsewhere, or in fewer bits, still say the same."""

import pytest
import torch
from diffusers import AutoencoderKLWan
from transformers import UMT5Config, UMT5EncoderModel
from worldwarp.diffusion import memory
from worldwarp.diffusion.memory import OFFLOADED, RESIDENT, STAGED, Plan
from worldwarp.diffusion.transformer import WAN_1_3B, STDiff

CPU = torch.device("cpu")
TINY = {
    "num_attention_heads": 2,
    "attention_head_dim": 24,
    "text_dim": 16,
    "freq_dim": 16,
    "ffn_dim": 64,
    "num_layers": 2,
}


def transformer(dtype=torch.float32, cls=STDiff):
    torch.manual_seed(0)
    return cls(**{**WAN_1_3B, **TINY}).eval().requires_grad_(False).to(dtype)


@pytest.fixture(autouse=True)
def _quiet_and_repeatable():
    with torch.random.fork_rng(), torch.no_grad():
        yield


def text_encoder():
    torch.manual_seed(0)
    config = UMT5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    return UMT5EncoderModel(config).eval().requires_grad_(False)


def vae():
    torch.manual_seed(0)
    return AutoencoderKLWan(base_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1).eval().requires_grad_(False)


def velocity(model, dtype=torch.float32, batch=1):
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(1, 16, 2, 4, 6, generator=generator).expand(batch, -1, -1, -1, -1).to(dtype)
    text = torch.randn(2, 5, 16, generator=generator)[:batch].to(dtype)
    levels = torch.tensor([0.0, 500.0, 951.5] * 4).expand(batch, -1)
    return model(latents, levels, text, return_dict=False)[0]


def bits(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def differences(before, after):
    return [name for name, value in before.items() if not torch.equal(value, after[name])]


def relative(a, b):
    return float((a.float() - b.float()).norm() / b.float().norm())


def placed(**places):
    networks = ("transformer", "vae", "text_encoder", "captioner", "geometry")
    return Plan(**dict.fromkeys(networks, RESIDENT) | places)


def test_a_network_is_on_the_device_for_its_stage_and_back_to_the_bit() -> None:
    model = transformer()
    before, there = bits(model), torch.device("meta")  # a device that every machine has
    with memory.stage(model, there):
        assert {parameter.device for parameter in (*model.parameters(), *model.buffers())} <= {there}
    assert not differences(before, bits(model))
    assert model.rope.freqs_cos.device == CPU


def test_what_moves_in_place_as_on_a_gpu_comes_back_too() -> None:
    model = text_encoder()
    before = bits(model)
    with memory.stage(model, CPU):
        for parameter in model.parameters():
            parameter.data = parameter.data.double()
    assert not differences(before, bits(model))
    assert model.encoder.embed_tokens.weight is model.shared.weight


def test_weights_are_not_copied_on_the_way_back() -> None:
    model = transformer()
    before = [parameter.data_ptr() for parameter in model.parameters()]
    with memory.stage(model, torch.device("meta")):
        assert model.proj_out.weight.is_meta
    assert [parameter.data_ptr() for parameter in model.parameters()] == before


def test_a_stage_that_fails_gives_the_device_back_too() -> None:
    model = text_encoder()
    with pytest.raises(RuntimeError, match="in the middle"), memory.stage(model, torch.device("meta")):
        raise RuntimeError("in the middle")
    assert {parameter.device for parameter in model.parameters()} == {CPU}


def test_what_stays_and_what_comes_is_where_the_plan_says() -> None:
    models = {"transformer": transformer(), "text_encoder": text_encoder()}
    there = torch.device("meta")
    used = memory.apply(placed(text_encoder=STAGED), there, models)
    assert models["transformer"].proj_out.weight.device == there
    assert models["text_encoder"].shared.weight.device == CPU
    with used(models["text_encoder"]):
        assert models["text_encoder"].shared.weight.device == there
    assert models["text_encoder"].shared.weight.device == CPU


def test_layer_by_layer_is_exact() -> None:
    model, words = transformer(), text_encoder()
    ids = torch.arange(12)[None]
    expected = velocity(model), words(ids).last_hidden_state
    for each in (model, words):
        memory.offload(each, CPU)
    assert torch.equal(velocity(model), expected[0])
    assert torch.equal(words(ids).last_hidden_state, expected[1])


def test_eight_bits_store_the_layers_and_stay_close() -> None:
    expected = velocity(transformer())
    model = transformer(torch.bfloat16)
    memory.apply(placed(eight_bits=("transformer",)), CPU, {"transformer": model})
    found = velocity(model, torch.bfloat16)
    narrow = torch.float8_e4m3fn
    assert {model.blocks[0].ffn.net[2].weight.dtype, model.blocks[1].attn1.to_q.weight.dtype} == {narrow}
    assert narrow not in {model.blocks[0].attn1.norm_q.weight.dtype, model.patch_embedding.weight.dtype}
    assert model.dtype == torch.bfloat16
    rounding = relative(velocity(transformer(torch.bfloat16), torch.bfloat16), expected)
    assert rounding < relative(found, expected) < 0.1


def test_eight_bits_and_a_stage_go_together() -> None:
    model = transformer(torch.bfloat16)
    used = memory.apply(placed(transformer=STAGED, eight_bits=("transformer",)), CPU, {"transformer": model})
    before = bits(model)
    with used(model):
        velocity(model, torch.bfloat16)
    assert not differences(before, bits(model))


def test_tiles_stay_close_to_the_whole() -> None:
    """Tiles see less around them, so a random VAE differs at their edges; the trained one's reach is shorter."""
    latents = torch.randn(1, 16, 1, 4, 40, generator=torch.Generator().manual_seed(2))
    model = vae()
    whole = model.decode(latents).sample
    memory.apply(placed(tiled=True), CPU, {"vae": model})
    tiled = model.decode(latents).sample
    assert tiled.shape == whole.shape == (1, 3, 1, 32, 320)
    assert not torch.equal(tiled, whole)
    assert 10 * torch.log10(4 / (tiled - whole).square().mean()) > 40


def test_balanced_equals_full_on_a_cpu() -> None:
    found = []
    for mode in ("full", "balanced", "low"):
        models = {"transformer": transformer(), "text_encoder": text_encoder(), "vae": vae()}
        plan = memory.plan(mode, "cpu")
        used, parts = memory.apply(plan, CPU, models), []
        with used(models["text_encoder"]):
            parts.append(models["text_encoder"](torch.arange(5)[None]).last_hidden_state)
        with used(models["transformer"]):
            parts.append(velocity(models["transformer"], batch=1 + plan.together))
        with used(models["vae"]):
            parts.append(models["vae"].decode(parts[1]).sample)
        found.append(parts)
    for others in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], others, strict=True))


def test_one_batch_is_two_forwards() -> None:
    model = transformer()
    torch.testing.assert_close(velocity(model, batch=2)[:1], velocity(model), atol=1e-5, rtol=1e-5)


def test_the_modes_are_what_the_user_is_told() -> None:
    full, balanced, low = (memory.plan(mode, "cuda") for mode in ("full", "balanced", "low"))
    assert full.together
    assert balanced == Plan(geometry=STAGED)
    assert (low.text_encoder, low.tiled, low.eight_bits) == (OFFLOADED, True, ("transformer", "captioner"))
    assert memory.plan("low", "cpu") == memory.plan("balanced", "cpu")
    assert memory.summary("low", low, 10_490_000_000) == (
        "Memory 'low': transformer, vae, captioner, geometry: comes for its stage; text encoder: comes layer by layer; "
        "transformer, captioner: 8 bits; VAE in tiles; about 10.5 GB at most."
    )
