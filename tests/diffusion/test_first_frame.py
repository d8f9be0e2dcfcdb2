"""The first frame: exact for a velocity in closed form; a tiny real transformer for the rest."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from torch import Tensor, nn
from worldwarp.diffusion.first_frame import first_frame
from worldwarp.diffusion.vae import decode
from worldwarp.nouns import Cancelled
from worldwarp_protocol.errors import InvalidShot

WIDTH, HEIGHT, STEPS, SHIFT = 48, 32, 4, 5.0
WANTED, UNWANTED = torch.full((6, 8), 2.0), torch.full((6, 8), 1.0)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def vae() -> AutoencoderKLWan:
    torch.manual_seed(0)
    return AutoencoderKLWan(
        base_dim=8,
        dim_mult=[1, 2, 2],
        num_res_blocks=1,
        patch_size=2,
        in_channels=12,
        out_channels=12,
        temperal_downsample=[True, True],
    ).eval()


@pytest.fixture(scope="module")
def wan() -> WanTransformer3DModel:
    torch.manual_seed(0)
    return WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, text_dim=8, freq_dim=16, ffn_dim=32, num_layers=2
    ).eval()


class Exact(nn.Module):
    """v = (x - z) / sigma, which Euler's steps turn into z; z is ``target`` times the text's first number."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, target: Tensor) -> None:
        super().__init__()
        self.target = target
        self.timesteps: list[float] = []
        self.batches: list[int] = []

    def forward(self, x: Tensor, timestep: Tensor, text: Tensor, return_dict: bool) -> tuple[Tensor]:
        assert timestep.shape == (len(x),)
        assert not return_dict
        self.timesteps.append(float(timestep[0]))
        self.batches.append(len(x))
        z = self.target * text[:, :1, :1, None, None]
        return ((x - z) / (timestep / 1000).view(-1, 1, 1, 1, 1),)


def silent(stage: str, step: int, steps: int, preview: Any = None) -> None:
    pass


def picture(transformer: Any, vae: AutoencoderKLWan, **changed: Any) -> Any:
    asked = {"guidance": 1.0, "seed": 7, "report": silent, "width": WIDTH, "height": HEIGHT, **changed}
    return first_frame(transformer, vae, WANTED, UNWANTED, steps=STEPS, shift=SHIFT, **asked)


@pytest.fixture
def target() -> Tensor:
    return torch.randn(16, 1, HEIGHT // 8, WIDTH // 8, generator=torch.Generator().manual_seed(3))


def decoded(vae: AutoencoderKLWan, latents: Tensor) -> Any:
    return np.rint(next(iter(decode(vae, latents)))[0] * 255)


def test_exact_velocity_ends_at_the_decoded_target(vae: AutoencoderKLWan, target: Tensor) -> None:
    model = Exact(target)
    found = picture(model, vae)
    assert found.dtype == np.uint8
    assert found.shape == (HEIGHT, WIDTH, 3)
    assert found.std() > 0
    np.testing.assert_array_equal(found, decoded(vae, 2 * target))
    assert model.batches == [1] * STEPS  # without guidance the negative text is not read


def test_guidance_goes_beyond_what_is_wanted(vae: AutoencoderKLWan, target: Tensor) -> None:
    # z = z_u + 3 (z_c - z_u) = target + 3 (2 target - target)
    np.testing.assert_array_equal(picture(Exact(target), vae, guidance=3.0), decoded(vae, 4 * target))


def test_timesteps_are_those_of_the_stock_scheduler(vae: AutoencoderKLWan, target: Tensor) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
    scheduler.set_timesteps(STEPS)
    model = Exact(target)
    picture(model, vae)
    np.testing.assert_allclose(model.timesteps, scheduler.timesteps, rtol=1e-5)


def test_the_seed_decides_and_nothing_else(vae: AutoencoderKLWan, wan: WanTransformer3DModel) -> None:
    first = picture(wan, vae, guidance=3.0)
    torch.manual_seed(99)
    np.testing.assert_array_equal(first, picture(wan, vae, guidance=3.0))
    assert (first != picture(wan, vae, guidance=3.0, seed=8)).any()


def test_the_work_can_be_cancelled_between_two_steps(vae: AutoencoderKLWan, target: Tensor) -> None:
    seen = []

    def cancel(stage: str, step: int, steps: int) -> None:
        seen.append((stage, step, steps))
        if step == 2:
            raise Cancelled

    model = Exact(target)
    with pytest.raises(Cancelled):
        picture(model, vae, report=cancel)
    assert seen == [("first frame", step, STEPS) for step in range(3)]
    assert len(model.timesteps) == 2


def test_a_size_that_does_not_divide_into_tokens_is_refused(vae: AutoencoderKLWan, wan: WanTransformer3DModel) -> None:
    with pytest.raises(InvalidShot, match=r"settings\.height: 40 is no multiple of 16; 32 is one"):
        picture(wan, vae, height=40)
