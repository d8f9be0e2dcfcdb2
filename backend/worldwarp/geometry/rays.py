"""Ray maps: cameras as pictures, to ask the network what another view would see."""

import torch
import torch.nn.functional as F
from torch import Tensor


def ray_map(K: Tensor, camera_to_world: Tensor, first: Tensor, height: int, width: int) -> Tensor:
    """(H, W, 6): origin and direction of each pixel's ray in the first camera's axes.

    Args:
        K: (3, 3) in the pixels of a network-sized picture, whose pixels are numbered (0, 0), (1, 0), ...
        camera_to_world: (4, 4) of the camera that is asked about.
        first: (4, 4) camera-to-world of the sequence's first frame.
        height, width: in pixels.
    """
    relative = torch.linalg.inv(first) @ camera_to_world
    R, t = relative[:3, :3], relative[:3, 3]
    v, u = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([u, v, torch.ones_like(u)], -1).to(K)
    directions = pixels @ torch.linalg.inv(K).T @ R.T
    # the network was trained with directions to which the origin had been added: a quirk that must be kept
    return torch.cat([t.expand_as(directions), F.normalize(directions + t, dim=-1)], -1)
