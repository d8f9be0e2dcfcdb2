"""SSIM and its gradient against plain torch in float64."""

import torch
from worldwarp.cache.loss import WINDOW, blur, ssim


def convolved(images: torch.Tensor) -> torch.Tensor:
    """The window as one two-dimensional convolution."""
    taps = torch.as_tensor(WINDOW)
    kernel = torch.outer(taps, taps)[None, None]
    flat = images.reshape(-1, 1, *images.shape[-2:])
    return torch.nn.functional.conv2d(flat, kernel, padding=5).reshape(images.shape)


def images(seed: int) -> torch.Tensor:
    return torch.rand(3, 21, 34, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_blur_is_a_convolution_and_so_is_its_gradient():
    ours, twin = images(0).requires_grad_(), images(0).requires_grad_()
    weights = images(1)
    assert torch.allclose(blur(ours), convolved(twin), atol=1e-14)
    (blur(ours) * weights).sum().backward()
    (convolved(twin) * weights).sum().backward()
    assert torch.allclose(ours.grad, twin.grad, atol=1e-14)


def test_ssim_is_one_for_equal_images_only():
    x = images(0)
    assert torch.allclose(ssim(x, x), torch.ones_like(x), atol=1e-9)
    assert float(ssim(x, images(1)).mean()) < 0.2


def test_ssim_in_the_open():
    # Constant images away from the border: only the means' term is left (Wang et al. 2004, eq. 6).
    x, y = (torch.full((1, 31, 31), value, dtype=torch.float64) for value in (0.2, 0.6))
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert abs(float(ssim(x, y)[0, 15, 15]) - expected) < 1e-9
