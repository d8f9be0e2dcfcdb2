"""The VAE's first weights: the algebra against numpy, and a code that keeps colours before anything is trained."""

import numpy as np
import torch
from torch import Generator, Tensor, nn
from worldwarp.training import configs, linear, losses, vae

SIZES = {**configs.QUICK_VAE, "base_dim": 16}


def tiles(clips: int, generator: Generator) -> Tensor:
    """Still clips (clips, 3, 9, 48, 48) of tiles of one colour, each as large as a latent's place."""
    colours = torch.rand(clips, 3, 1, 6, 6, generator=generator)
    return colours.repeat_interleave(8, 3).repeat_interleave(8, 4).expand(-1, -1, 9, -1, -1)


def started(video: Tensor) -> vae.Vae:
    network = vae.make(SIZES, 0, torch.device("cpu"))
    linear.begin(network, video, Generator().manual_seed(0))
    return network


@torch.no_grad()
def test_what_a_line_can_carry_is_kept_from_the_first_step() -> None:
    draws = Generator().manual_seed(1)
    network, unseen = started(tiles(16, draws)), tiles(4, draws)
    seen = vae.decode(network, vae.encode(network, unseen)[0])
    assert losses.psnr(seen, unseen).min() > 18
    chroma, wanted = (one - one.mean(1, keepdim=True) for one in (seen, unseen))
    assert (chroma - wanted).square().mean() < 0.25 * wanted.square().mean()
    untrained = vae.make(SIZES, 0, torch.device("cpu"))
    assert losses.psnr(vae.decode(untrained, vae.encode(untrained, unseen)[0]), unseen).max() < 12


@torch.no_grad()
def test_the_posterior_begins_as_narrow_as_before() -> None:
    video = tiles(8, Generator().manual_seed(1))
    _, logvar = vae.encode(started(video), video)
    torch.testing.assert_close(logvar, torch.full_like(logvar, vae.FIRST_LOGVAR))


def test_the_same_seed_makes_the_same_weights() -> None:
    video = tiles(8, Generator().manual_seed(1))
    one, same = started(video).state_dict(), started(video).state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)


@torch.no_grad()
def test_a_layer_that_grows_is_fitted_as_numpy_would() -> None:
    draws = Generator().manual_seed(2)
    layer, seen, wanted = nn.Conv2d(3, 5, 3), torch.randn(2, 3, 12, 12, generator=draws), torch.randn(2, 5, 10, 10)
    linear.least_squares(layer, [seen], [wanted], draws)
    x = torch.nn.functional.unfold(seen, 3).transpose(1, 2).reshape(-1, 27).double().numpy()
    y = wanted.movedim(1, -1).reshape(-1, 5).double().numpy()
    best = np.linalg.lstsq(np.concatenate([x, np.ones((len(x), 1))], 1), y, rcond=None)[0]
    np.testing.assert_allclose(layer.weight.reshape(5, 27).numpy().T, best[:-1], atol=2e-4)
    np.testing.assert_allclose(layer.bias.numpy(), best[-1], atol=2e-4)


@torch.no_grad()
def test_a_layer_that_shrinks_keeps_as_much_as_numpys_main_components() -> None:
    draws = Generator().manual_seed(3)
    mixed = torch.randn(6, 3, generator=draws) @ torch.diag(torch.tensor([3.0, 2.0, 1.0]))
    seen = torch.einsum("cd,bdhw->bchw", mixed, torch.randn(2, 3, 20, 20, generator=draws))
    layer = nn.Conv2d(6, 6, 3, stride=2)
    linear.halve_space(layer, [nn.functional.pad(seen, (0, 1, 0, 1))], draws)
    made = layer(nn.functional.pad(seen, (0, 1, 0, 1)))[:, :5].movedim(1, -1).reshape(-1, 5).double().numpy()
    blocks = seen.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 1, 4, 5).reshape(-1, 24).double().numpy()
    blocks -= blocks.mean(0)
    lost = blocks - made @ np.linalg.lstsq(made, blocks, rcond=None)[0]
    best = (np.linalg.svd(blocks, compute_uv=False)[5:] ** 2).sum()
    np.testing.assert_allclose((lost**2).sum(), best, rtol=1e-3)


@torch.no_grad()
def test_the_larger_sizes_can_begin_so_too() -> None:
    network, video = vae.make({**configs.SMALL_VAE, "base_dim": 16}, 0, torch.device("cpu")), tiles(12, Generator())
    linear.begin(network, video, Generator().manual_seed(0))
    assert losses.psnr(vae.decode(network, vae.encode(network, video)[0]), video).mean() > 16
