"""Where networks compute."""

import torch


def for_networks() -> torch.device:
    """The GPU where there is one, which is told once for all networks that float32 means float32.

    By default cuDNN's convolutions would round float32 to TF32's 10 bits of mantissa.
    """
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
