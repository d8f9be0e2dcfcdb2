"""Train the small networks one after the other, in pieces that resume: VAE, ST-Diff on its latents, geometry.

    python scripts/train_mini.py OUT --config mini --minutes 9    # on a CUDA GPU; again until it says "Done"
    python scripts/train_mini.py OUT --config smoke --minutes 240 # on a CPU

The best weights are kept in bf16, ready to be carried away, in OUT/ship/.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from worldwarp.cli import main as worldwarp
from worldwarp.training import geometry
from worldwarp.training.command import PLANS
from worldwarp_protocol import files

NETWORKS = ("vae", "st-diff", "geometry")
LARGEST = 16 * 2**20
"""Bytes of a file that is shipped."""
LEAST = 0.2
"""Minutes that are worth beginning for."""


def main() -> int:
    asked = _parser().parse_args()
    end = time.monotonic() + 60 * asked.minutes
    for network in [name for name in NETWORKS if name in PLANS]:
        left = (end - time.monotonic()) / 60
        if left < LEAST:
            print(f"The time is over before {network}; run it again to go on.")
            return 0
        if failed := worldwarp(words(network, asked.out, asked.config, left)):
            return failed
        if (asked.out / network / "best").is_dir():
            ship(asked.out / network / "best", asked.out / "ship" / ("" if network == "geometry" else network))
        if not done(network, asked.out, asked.config):
            print(f"{network} is not done; run it again to go on.")
            return 0
    print(f"Done: the weights are in {asked.out / 'ship'}.")
    return 0


def words(network: str, out: Path, config: str, minutes: float) -> list[str]:
    """The arguments of ``worldwarp`` for one piece of one training."""
    folder = out / network
    given = ["train", network, "--config", config, "--out", str(folder), "--data", str(out / "clips")]
    given += ["--minutes", f"{minutes:.2f}"]
    given += ["--vae", str(out / "vae" / "best")] if network == "st-diff" else []
    return given + (["--resume"] if (folder / "checkpoints").exists() else [])


def done(network: str, out: Path, config: str) -> bool:
    """Whether the last step's checkpoint is there."""
    last = PLANS[network][config].options.steps
    return (out / network / "checkpoints" / f"{last:08d}.safetensors").exists()


def ship(best: Path, folder: Path) -> None:
    """Copy weights in bf16, with their configuration; the geometry network's are in float16 already."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in best.iterdir():
        if path.suffix != ".safetensors" or path.name == geometry.FILE:
            files.write(folder / path.name, path.read_bytes())
        else:
            small = {name: value.to(torch.bfloat16) for name, value in load_file(path).items()}
            save_file(small, folder / path.name, {"format": "pt"})
        if (size := (folder / path.name).stat().st_size) > LARGEST:
            print(
                f"{folder / path.name} has {size / 2**20:.1f} MiB, more than the 16 a file may have.", file=sys.stderr
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", default="mini", choices=("smoke", "mini"))
    parser.add_argument("--minutes", type=float, default=9.0, help="of this piece")
    return parser


if __name__ == "__main__":
    sys.exit(main())
