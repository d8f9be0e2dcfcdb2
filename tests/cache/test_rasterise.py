"""The rasteriser against its float64 twin, gsplat's own projection, and itself on other thread counts."""

import numpy as np
import pytest
import torch
from numba import config, set_num_threads
from worldwarp.cache import torch_twin
from worldwarp.cache.project import project
from worldwarp.cache.rasterise import Rendering, rasterise

WIDTH, HEIGHT = 64, 48
K = np.array([[60.0, 0, 33], [0, 62, 25], [0, 0, 1]])


def pose() -> np.ndarray:
    """World to camera, turned about all axes."""
    out = np.eye(4)
    quat = torch.tensor([[0.98, 0.1, -0.12, 0.07]], dtype=torch.float64)
    out[:3, :3] = torch_twin.rotations(quat)[0].numpy()
    out[:3, 3] = 0.1, -0.2, 0.3
    return out


def gaussians(count: int, dtype: torch.dtype, seed: int = 0) -> list[torch.Tensor]:
    """Means, quats, scales, opacities, features: some behind the camera, some beside the view, all shapes."""
    draw = np.random.default_rng(seed)
    means = draw.normal(size=(count, 3)) * [1.5, 1.0, 1.5] + [0, 0, 3.5]
    scales = np.exp(0.6 * draw.normal(size=(count, 3)) - 3)
    opacities = draw.uniform(0.003, 1, count)
    opacities[::7] = 1.0  # where the cap of alpha acts
    arrays = means, draw.normal(size=(count, 4)), scales, opacities, draw.uniform(size=(count, 3))
    return [torch.tensor(a, dtype=dtype).requires_grad_() for a in arrays]


def objective(seen: Rendering) -> torch.Tensor:
    """A scalar that depends on every output, differently in every pixel."""
    draw = torch.Generator().manual_seed(1)
    weights = [
        torch.rand(x.shape, generator=draw, dtype=torch.float64) for x in (seen.features, seen.depth, seen.alpha)
    ]
    depth = torch.where(seen.alpha > 0.3, seen.depth, 0)
    return (seen.features * weights[0]).sum() + (depth * weights[1]).sum() + (seen.alpha * weights[2]).sum()


def differences(dtype: torch.dtype, count: int = 400) -> dict[str, float]:
    """Largest difference to the twin in float64 of each value, and of each gradient relative to its largest."""
    ours = gaussians(count, dtype)
    twins = [p.detach().double().requires_grad_() for p in ours]
    seen = rasterise(*ours, K, pose(), WIDTH, HEIGHT)
    truth = torch_twin.rasterise(*twins, K, pose(), WIDTH, HEIGHT)
    objective(seen).backward()
    objective(truth).backward()
    out = {
        n: float((getattr(seen, n) - getattr(truth, n)).detach().abs().max()) for n in ("features", "depth", "alpha")
    }
    for name, a, b in zip(("means", "quats", "scales", "opacities", "v_features"), ours, twins, strict=True):
        assert b.grad.abs().max() > 0
        out[name] = float((a.grad - b.grad).abs().max() / b.grad.abs().max())
    return out


def test_values_and_gradients_are_the_twins():
    assert max(differences(torch.float64).values()) < 1e-10


def test_float32_is_as_good_as_float32():
    found = differences(torch.float32)
    # an expected depth is divided by alpha, which may be as small as 1/255
    assert found.pop("depth") < 1e-3
    assert max(found.values()) < 1e-5


def test_crowded_pixels_stop_and_agree():
    ours = gaussians(3000, torch.float64, seed=3)
    with torch.no_grad():
        ours[2] *= 4
        seen = rasterise(*ours, K, pose(), WIDTH, HEIGHT)
        truth = torch_twin.rasterise(*ours, K, pose(), WIDTH, HEIGHT)
    assert float(seen.alpha.max()) > 0.999
    assert float((seen.features - truth.features).abs().max()) < 1e-10


@pytest.mark.parametrize("channels", [1, 3, 4, 9])
def test_any_number_of_features(channels: int):
    *shape, _ = gaussians(50, torch.float64)
    features = torch.rand(
        50, channels, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    seen = rasterise(*shape, features, K, pose(), WIDTH, HEIGHT)
    truth = torch_twin.rasterise(*shape, features, K, pose(), WIDTH, HEIGHT)
    assert seen.features.shape == (HEIGHT, WIDTH, channels)
    grads = [torch.autograd.grad(r.features.square().sum(), features)[0] for r in (seen, truth)]
    assert float((grads[0] - grads[1]).abs().max()) < 1e-10


def test_projection_is_gsplats():
    from gsplat.cuda._torch_impl import _fully_fused_projection, _quat_scale_to_covar_preci

    means, quats, scales, opacities, _ = (t.detach() for t in gaussians(500, torch.float64))
    covariances, _ = _quat_scale_to_covar_preci(quats, scales, True, False)
    _, mean2d, depth, conic, _ = _fully_fused_projection(
        means, covariances, torch.tensor(pose())[None], torch.tensor(K)[None], WIDTH, HEIGHT
    )
    ellipse, z, box = np.zeros((500, 6)), np.zeros(500), np.zeros((500, 4), np.int32)
    lens = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]])
    arrays = [t.numpy() for t in (means, quats, scales, opacities)]
    project(*arrays, lens, pose()[:3], 0.01, WIDTH, HEIGHT, ellipse, z, box)
    seen = box[:, 1] >= box[:, 0]
    assert 200 < seen.sum() < 500
    np.testing.assert_allclose(z, depth[0], rtol=1e-12)
    np.testing.assert_allclose(ellipse[seen, :2], mean2d[0].numpy()[seen], rtol=1e-9)
    np.testing.assert_allclose(ellipse[seen, 2:5], conic[0].numpy()[seen], rtol=1e-9)


def test_a_point_lands_at_its_pixels_centre():
    means = torch.tensor([[0.0, 0.0, 2.0]])
    lens = np.array([[50.0, 0, 20.5], [0, 50, 10.5], [0, 0, 1]])
    seen = rasterise(
        means, torch.tensor([[1.0, 0, 0, 0]]), torch.full((1, 3), 0.01), torch.tensor([0.9]), torch.ones(1, 1),
        lens, np.eye(4), 40, 20,
    )  # fmt: skip
    assert np.unravel_index(int(seen.alpha.argmax()), (20, 40)) == (10, 20)
    assert float(seen.alpha[10, 20]) == pytest.approx(0.9, abs=1e-6)
    assert float(seen.depth[10, 20]) == pytest.approx(2.0, abs=1e-6)
    # symmetric about it
    assert torch.equal(seen.alpha[10, 19], seen.alpha[10, 21])


def test_nothing_in_view_is_black_and_has_no_gradient():
    shape = gaussians(10, torch.float32)
    behind = np.diag([1.0, -1.0, -1.0, 1.0])
    with torch.no_grad():
        shape[0][:, 2] = shape[0][:, 2].abs() + 1
    seen = rasterise(*shape, K, behind, WIDTH, HEIGHT)
    assert float(seen.alpha.detach().max()) == 0
    seen.features.sum().backward()
    assert all(float(p.grad.abs().max()) == 0 for p in shape)


def test_same_bits_for_any_number_of_threads():
    results = []
    try:
        for threads in (1, config.NUMBA_NUM_THREADS):
            set_num_threads(threads)
            parameters = gaussians(2000, torch.float32)
            seen = rasterise(*parameters, K, pose(), WIDTH, HEIGHT)
            objective(seen).backward()
            results.append([seen.features, seen.depth, seen.alpha, *(p.grad for p in parameters)])
    finally:
        set_num_threads(config.NUMBA_NUM_THREADS)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu():
    cpu = gaussians(2000, torch.float32)
    cuda = [p.detach().cuda().requires_grad_() for p in cpu]
    seen, there = (rasterise(*p, K, pose(), WIDTH, HEIGHT) for p in (cpu, cuda))
    assert float((seen.features - there.features.cpu()).abs().max()) < 1e-4
    seen.features.square().sum().backward()
    there.features.square().sum().backward()
    for a, b in zip(cpu, cuda, strict=True):
        assert float((a.grad - b.grad.cpu()).abs().max() / a.grad.abs().max()) < 1e-3
