"""The checkpoint of TTT3R's network: where from, under which licence, where its converted form is kept.

None is distributed with this project. Torch-free, so that the front door can say what is missing.
"""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from worldwarp_protocol.errors import WorldWarpError

from ..store import default_root

FILE = "cut3r_512_dpt_4_64.pth"
LICENCE = "CC BY-NC-SA 4.0"
COMMAND = f"worldwarp weights convert {FILE}"
TERMS = f"""\
{FILE}: geometry (depth and cameras) by CUT3R, with the update rule of TTT3R
  size      793 million numbers, 3.2 GB once converted (the file itself is larger where it
            holds training state)
  from      the CUT3R project (arXiv 2501.12387), whose page links it; this project does not
            distribute it
  licence   {LICENCE}: attribution, NON-COMMERCIAL use only, share alike. The data it was
            trained on and the models it began with (DUSt3R, CroCo) have terms of their own,
            non-commercial too.
  to use it commercially is not allowed: use given depth, or depth-anything, instead."""


class WeightsError(WorldWarpError):
    """A file of weights is missing, malformed or not the one that is needed; or its licence is not acknowledged."""


def default_path() -> Path:
    """Where converted weights are kept: beside the store."""
    return default_root().parent / "weights" / FILE.replace(".pth", ".safetensors")


def about(path: Path) -> dict[str, str]:
    """``licence``, ``source`` and ``digest`` (SHA-256 over names, shapes and numbers) of a converted file.

    Raises:
        WeightsError: there is no such file, or it does not name these.
    """
    if not path.is_file():
        raise WeightsError(f"There are no weights at {path}; `{COMMAND}` makes them.\n{TERMS}")
    try:
        with safe_open(path, "np") as file:
            found: dict[str, str] = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}") from None
    if not {"licence", "source", "digest"} <= found.keys():
        raise WeightsError(f"{path} names no licence; convert the checkpoint with `{COMMAND}`.")
    return found
