"""Train the small networks one after the other, in pieces that resume: VAE, ST-Diff on its latents, geometry.

    python scripts/train_mini.py OUT --config mini --minutes 9    # on a CUDA GPU; again until it says "Done"
    python scripts/train_mini.py OUT --config smoke --minutes 240 # on a CPU

The best weights are kept in float16, ready to be carried away, in OUT/ship/: what the package has in weights/mini/.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from safetensors.torch import load_file, save_file
from worldwarp.cli import main as worldwarp
from worldwarp.training import geometry
from worldwarp.training.command import PLANS
from worldwarp_protocol import files

STAGES = {
    "smoke": (("vae", "smoke"), ("st-diff", "smoke"), ("st-diff", "smoke-wide"), ("geometry", "smoke")),
    "mini": (("vae", "mini"), ("st-diff", "mini"), ("geometry", "mini")),
}
"""What is trained with which config, one after the other; a second ST-Diff begins with the first one's weights."""
LARGEST = 16_000_000
"""Bytes of a file that is shipped."""
LEAST = 0.2
"""Minutes that are worth beginning for."""


def main() -> int:
    asked = _parser().parse_args()
    end = time.monotonic() + 60 * asked.minutes
    before: dict[str, Path] = {}
    for network, config in STAGES[asked.config]:
        folder, left = asked.out / f"{network}-{config}", (end - time.monotonic()) / 60
        if left < LEAST:
            print(f"The time is over before {folder.name}; run it again to go on.")
            return 0
        if failed := worldwarp(words(network, config, folder, before, left)):
            return failed
        best = before[network] = folder / "best"
        if best.is_dir():
            ship(best, asked.out / "ship" / ("" if network == "geometry" else network))
        if not (folder / "checkpoints" / f"{PLANS[network][config].options.steps:08d}.safetensors").exists():
            print(f"{folder.name} is not done; run it again to go on.")
            return 0
    describe(asked.config, asked.sigma, asked.label, asked.out / "ship")
    print(f"Done: the weights are in {asked.out / 'ship'}.")
    return 0


def words(network: str, config: str, folder: Path, before: dict[str, Path], minutes: float) -> list[str]:
    """The arguments of ``worldwarp`` for one piece of one training; ``before``: the best weights so far, by network."""
    clips = folder.parent / f"clips-{config}" if config.endswith("wide") else folder.parent / "clips"
    given = ["train", network, "--config", config, "--out", str(folder), "--data", str(clips)]
    given += ["--minutes", f"{minutes:.2f}"]
    given += ["--vae", str(before["vae"])] if network == "st-diff" else []
    if (folder / "checkpoints").exists():
        return [*given, "--resume"]
    return given + (["--start", str(before[network])] if network in before else [])


def ship(best: Path, folder: Path) -> None:
    """Copy weights in float16, with their configuration; the geometry network's are so already."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in best.iterdir():
        if path.name == "config.json":
            known = {key: value for key, value in json.loads(path.read_text("utf-8")).items() if key != "_name_or_path"}
            files.write(folder / path.name, (json.dumps(known, indent=2) + "\n").encode())
        elif path.suffix != ".safetensors" or path.name == geometry.FILE:
            files.write(folder / path.name, path.read_bytes())
        else:
            small = {name: value.half() for name, value in load_file(path).items()}
            save_file(small, folder / path.name, {"format": "pt"})
        if (size := (folder / path.name).stat().st_size) > LARGEST:
            print(f"{folder / path.name} has {size / 1e6:.1f} MB, more than the 16 a file may have.", file=sys.stderr)


def describe(config: str, sigma: float, label: str, folder: Path) -> None:
    """Write down what the networks were trained on, for the profile to choose sizes by and to say."""
    network, last = [stage for stage in STAGES[config] if stage[0] == "st-diff"][-1]
    footage = PLANS[network][last].footage
    known = {"frames": footage.frames, "width": footage.width, "height": footage.height, "gaps": footage.gaps}
    known |= {"sigma": sigma, "label": label}
    files.write(folder / "trained.json", (json.dumps(known, indent=1) + "\n").encode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", default="mini", choices=("smoke", "mini"))
    parser.add_argument("--sigma", type=float, default=0.25, help="noise level they revise best from")
    parser.add_argument("--label", default="small networks", help="their quality, in a few words for users")
    parser.add_argument("--minutes", type=float, default=9.0, help="of this piece")
    return parser


if __name__ == "__main__":
    sys.exit(main())
