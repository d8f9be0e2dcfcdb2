"""The network's sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

PATCH = 16
"""A token covers 16 x 16 pixels."""

MLP_RATIO = 4
NORM_EPS = 1e-6


@dataclass(frozen=True)
class TTT3RConfig:
    """Sizes of the network; the defaults are those of ``cut3r_512_dpt_4_64.pth``."""

    state_size: int = 768
    """Tokens of the recurrent state."""
    local_mem_size: int = 256
    """Slots of the pose memory."""
    state_dec_num_heads: int = 16
    """Attention heads of the state's decoder; the image's has ``dec_num_heads``."""
    ray_enc_depth: int = 2
    """Blocks of the ray map's encoder."""
    img_size: Sequence[int] = (512, 512)
    """Height and width that no picture exceeds: its long edge is scaled to the larger of them."""
    enc_embed_dim: int = 1024
    enc_depth: int = 24
    enc_num_heads: int = 16
    dec_embed_dim: int = 768
    dec_depth: int = 12
    dec_num_heads: int = 12
    dpt_feature_dim: int = 256
    """Channels of the dense heads' maps."""
    dpt_layer_dims: Sequence[int] = (96, 192, 384, 768)
    """Channels that each of the four levels is brought to first."""
    dpt_last_dim: int = 128
    """Channels before the last convolution."""

    @property
    def taps(self) -> tuple[int, int]:
        """After how many decoder blocks the dense heads look at the tokens in between."""
        return self.dec_depth * 2 // 4, self.dec_depth * 3 // 4
