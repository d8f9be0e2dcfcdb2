"""The cache itself, and how it begins: one Gaussian per pixel of known depth."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class GaussianCache:
    """The online 3D cache (paper 4.2): isotropic or anisotropic Gaussians in Blender's world, on one device."""

    means: torch.Tensor
    """(g, 3), world units."""
    quats: torch.Tensor
    """(g, 4), wxyz, not necessarily normalised."""
    scales: torch.Tensor
    """(g, 3), standard deviations in world units, positive."""
    opacities: torch.Tensor
    """(g,), in (0, 1)."""
    colours: torch.Tensor
    """(g, 3), display-referred RGB, nominally in [0, 1]."""
    provenance: torch.Tensor
    """(g,) uint8 of ``Provenance``: what kind of pixel the Gaussian was made from."""
