"""The VAE against diffusers' own encode and decode, in both forms it comes in; previews against known maps."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan
from worldwarp.diffusion import vae as ours
from worldwarp_protocol.errors import InvalidShot

WAN = {"base_dim": 4, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1}
MINI = {
    "base_dim": 8,
    "dim_mult": [1, 2, 2],
    "num_res_blocks": 1,
    "patch_size": 2,
    "in_channels": 12,
    "out_channels": 12,
    "temperal_downsample": [True, True],
}
RESIDUAL = {**MINI, "is_residual": True}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(params=[WAN, MINI, RESIDUAL], ids=["wan", "mini", "residual"], scope="module")
def vae(request: pytest.FixtureRequest) -> AutoencoderKLWan:
    torch.manual_seed(0)
    return AutoencoderKLWan(**request.param).eval()


def clip(n: int = 9, height: int = 16, width: int = 32) -> Any:
    return np.random.default_rng(0).random((n, height, width, 3), np.float32)


def some_latents(T: int = 3, h: int = 2, w: int = 4) -> torch.Tensor:
    return torch.randn(16, T, h, w, generator=torch.Generator().manual_seed(1))


def stock_decode(vae: AutoencoderKLWan, latents: torch.Tensor) -> Any:
    """Diffusers' own decode of normalised latents, at once."""
    mean, std = (torch.tensor(a).view(1, 16, 1, 1, 1) for a in (vae.config.latents_mean, vae.config.latents_std))
    with torch.no_grad():
        return vae.decode(latents[None] * std + mean).sample[0].permute(1, 2, 3, 0).numpy() / 2 + 0.5


def test_encode_is_the_normalised_mode_of_the_posterior(vae: AutoencoderKLWan) -> None:
    frames = clip()
    video = torch.from_numpy(frames.transpose(3, 0, 1, 2))[None] * 2 - 1
    with torch.no_grad():
        moments = vae._encode(video)[0]
    latents = ours.encode(vae, frames)
    assert latents.shape == (16, 3, 2, 4)
    assert latents.dtype == torch.float32
    for c in range(16):
        expected = (moments[c] - vae.config.latents_mean[c]) / vae.config.latents_std[c]
        torch.testing.assert_close(latents[c], expected, rtol=1e-5, atol=1e-5)


def test_frames_that_the_vae_would_drop_are_refused(vae: AutoencoderKLWan) -> None:
    with pytest.raises(InvalidShot, match="8 of them; the VAE takes 4k"):
        ours.encode(vae, clip(8))


def test_streamed_frames_equal_those_decoded_at_once_to_the_bit(vae: AutoencoderKLWan) -> None:
    parts = list(ours.decode(vae, some_latents()))
    assert [len(part) for part in parts] == [1, 4, 4]
    streamed = np.concatenate(parts)
    assert streamed.dtype == np.float32
    assert streamed.min() >= 0
    assert streamed.max() <= 1
    np.testing.assert_array_equal(streamed, stock_decode(vae, some_latents()))


def test_two_decodes_of_one_vae_do_not_disturb_each_other(vae: AutoencoderKLWan) -> None:
    other = some_latents().flip(1)
    pairs = list(zip(ours.decode(vae, some_latents()), ours.decode(vae, other), strict=True))
    np.testing.assert_array_equal(np.concatenate([a for a, _ in pairs]), stock_decode(vae, some_latents()))
    np.testing.assert_array_equal(np.concatenate([b for _, b in pairs]), stock_decode(vae, other))


@pytest.fixture
def caches(vae: AutoencoderKLWan) -> Any:
    """The feature caches that the decoder is handed."""
    seen: list[list[Any]] = []
    hook = vae.decoder.register_forward_pre_hook(
        lambda _module, _args, kwargs: seen.append(kwargs["feat_cache"]), with_kwargs=True
    )
    yield seen
    hook.remove()


def test_a_consumer_that_stops_early_gets_the_features_memory_back(vae: AutoencoderKLWan, caches: Any) -> None:
    frames = ours.decode(vae, some_latents())
    next(frames)
    assert any(torch.is_tensor(feature) for feature in caches[0])
    frames.close()  # type: ignore[attr-defined]
    assert caches[0] == []


def test_a_consumer_that_raises_gets_the_features_memory_back(vae: AutoencoderKLWan, caches: Any) -> None:
    frames = ours.decode(vae, some_latents())
    next(frames)
    with pytest.raises(ZeroDivisionError):
        frames.throw(ZeroDivisionError)  # type: ignore[attr-defined]
    assert caches[0] == []
    np.testing.assert_array_equal(
        np.concatenate(list(ours.decode(vae, some_latents()))), stock_decode(vae, some_latents())
    )


def test_with_tiling_the_whole_comes_at_once_as_diffusers_tiles_it(vae: AutoencoderKLWan) -> None:
    latents = some_latents(2, 6, 6)
    vae.enable_tiling(32, 32, 16, 16)
    try:
        (whole,) = ours.decode(vae, latents)
        np.testing.assert_array_equal(whole, stock_decode(vae, latents))
    finally:
        vae.disable_tiling()
    assert whole.shape == (5, 48, 48, 3)
    assert np.abs(whole - stock_decode(vae, latents)).max() > 0


def test_half_precision_weights_give_float32_frames_and_latents() -> None:
    torch.manual_seed(0)
    vae = AutoencoderKLWan(**MINI).to(torch.bfloat16)
    assert ours.encode(vae, clip(1)).dtype == torch.float32
    assert next(iter(ours.decode(vae, some_latents(1)))).dtype == np.float32


def test_preview_finds_the_linear_map_where_there_is_one() -> None:
    rng = np.random.default_rng(2)
    blocks = rng.random((3, 4, 5, 3))
    frames = rng.random((9, 32, 40, 3), np.float32)  # what is between every fourth frame does not count
    frames[::4] = blocks.repeat(8, axis=1).repeat(8, axis=2)
    # 16 channels that depend linearly on the three colours and on 13 more numbers
    mixing = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    hidden = np.concatenate([blocks, rng.normal(size=(3, 4, 5, 13))], axis=-1)
    latents = torch.from_numpy((hidden @ mixing + 0.7).transpose(3, 0, 1, 2)).float()
    mapping = ours.preview_map(latents, frames)
    assert mapping.shape == (17, 3)
    shown = ours.preview(latents, mapping)
    assert shown.shape == (3, 4, 5, 3)
    np.testing.assert_array_equal(shown, np.rint(frames[::4, ::8, ::8] * 255))


def test_preview_of_latents_that_do_not_vary_is_the_mean_colour() -> None:
    frames = np.full((5, 16, 16, 3), [0.2, 0.4, 0.8], np.float32)
    mapping = ours.preview_map(torch.ones(16, 2, 2, 2), frames)
    assert (ours.preview(torch.ones(16, 2, 2, 2), mapping) == [51, 102, 204]).all()


def test_a_preview_at_full_size_is_an_eighth_of_it() -> None:
    latents, frames = torch.randn(16, 13, 60, 90), np.zeros((49, 480, 720, 3), np.float32)
    assert ours.preview(latents, ours.preview_map(latents, frames)).shape == (13, 60, 90, 3)
