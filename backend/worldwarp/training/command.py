"""``worldwarp train``: the VAE, ST-Diff and the geometry network, from a small machine's size to the full one."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from worldwarp_protocol.errors import InvalidShot, WorldWarpError

from ..devices import for_networks
from . import checkpoints, clips, configs, full, geometry, linear, st_diff_task, vae
from .configs import Footage, Plan
from .loop import Options, Task, begin, train

PLANS = {"vae": configs.VAE, "st-diff": configs.ST_DIFF, "geometry": configs.GEOMETRY}
"""What can be trained, and its sizes."""


def command(arguments: Sequence[str]) -> int:
    """Train a network into a folder; what is there already is taken up with ``--resume`` only."""
    asked = _parser().parse_args(arguments)
    plan = PLANS[asked.network].get(asked.config)
    if plan is None:
        named = ", ".join(PLANS[asked.network])
        raise InvalidShot("config", f"{asked.config} has no plan for {asked.network}; choose one of {named}.")
    _check(asked)
    device = begin(asked.device or for_networks().type)
    plan = replace(plan, options=_options(plan.options, asked))
    if asked.batch:
        plan = replace(plan, objective=replace(plan.objective, batch=asked.batch))
    if asked.target:
        plan = replace(plan, objective=replace(plan.objective, target=asked.target))
    train(_task(plan, asked, device), plan.options, asked.out)
    return 0


def pools(footage: Footage, folder: Path, device: torch.device) -> tuple[clips.Pool, clips.Pool]:
    """The clips to train on and the held-out ones, made in a folder where they are not there yet."""
    size = footage.frames, footage.height, footage.width
    training = clips.pool(folder / "train", 0, footage.train, *size, str(device))
    return training, clips.pool(folder / "held_out", clips.HELD_OUT, footage.held_out, *size, str(device))


def _task(plan: Plan, asked: argparse.Namespace, device: torch.device) -> Task:
    data = asked.data or asked.out / "clips"
    if asked.network == "st-diff":
        made = st_diff_task.footage(asked.footage, plan.footage) if asked.footage else pools(plan.footage, data, device)
        return st_diff_task.task(plan, made, data, asked.vae, asked.history, asked.start, device)
    seed = plan.options.seed
    if asked.network == "geometry":
        made = pools(plan.footage, data, device)
        return geometry.task(geometry.make(plan.network, seed, device), *made, plan.objective)
    made = pools(plan.footage, data, device)
    if not plan.network:
        return vae.task(full.vae().requires_grad_(True).to(device), *made, plan.objective, asked.network)
    network = vae.make(plan.network, seed, device)
    if not asked.resume:
        linear.begin(network, vae.examples(made[0], plan.objective).to(device), torch.Generator().manual_seed(seed))
    return vae.task(network, *made, plan.objective, asked.network)


def _options(options: Options, asked: argparse.Namespace) -> Options:
    """The plan's, with what was asked for in their place."""
    given = {name: getattr(asked, name) for name in ("steps", "lr", "seed", "minutes")}
    options = replace(options, **{name: value for name, value in given.items() if value is not None})
    return replace(options, warmup=min(options.warmup, max(1, options.steps // 10)))


def _check(asked: argparse.Namespace) -> None:
    for name in ("steps", "batch", "lr", "minutes"):
        value = getattr(asked, name)
        if value is not None and value <= 0:
            raise InvalidShot(name, f"is {value:g}; give more than 0.")
    if asked.device == "cuda" and not torch.cuda.is_available():
        raise InvalidShot("device", "is cuda, and there is no CUDA GPU here; leave it out to train on the CPU.")
    if asked.network != "st-diff" and any((asked.vae, asked.history, asked.start, asked.footage, asked.target)):
        raise InvalidShot(
            "options", "--vae, --history, --start, --footage and --target are for st-diff; leave them out."
        )
    if asked.network == "st-diff" and asked.config != "wan" and asked.vae is None:
        raise InvalidShot("vae", "is missing; train one and name its folder 'best' with --vae.")
    if asked.start and asked.resume:
        raise InvalidShot("start", "is where a training begins; leave it out to go on with --resume.")
    if asked.start and not (asked.start / "config.json").is_file():
        raise InvalidShot("start", f"holds no weights: {asked.start}; name the folder 'best' of a training.")
    begun = (asked.out / checkpoints.FOLDER).exists()
    if begun and not asked.resume:
        raise WorldWarpError(f"{asked.out} holds a training that was begun; go on with --resume, or name a new folder.")
    if asked.resume and not begun:
        raise WorldWarpError(f"{asked.out} holds no checkpoint to resume from; leave out --resume to begin.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worldwarp train", description="Train a network on scenes that are made.")
    parser.add_argument("network", choices=PLANS, help="what is trained; ST-Diff needs a VAE first")
    parser.add_argument(
        "--config",
        default="smoke",
        help="smoke (a CPU), mini (one GPU) or wan (full; no geometry); st-diff also smoke-wide",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, checkpoints and curves")
    parser.add_argument("--data", type=Path, help="folder in which clips are made and kept (default: OUT/clips)")
    parser.add_argument("--vae", type=Path, help="st-diff: folder of the trained VAE, such as VAE/best")
    parser.add_argument(
        "--target", choices=("paper", "consistent"), help="st-diff: velocity, equation 8 or (x - z)/sigma"
    )
    parser.add_argument(
        "--history", type=Path, help="st-diff, last part: folder of weights whose own frames are warped"
    )
    parser.add_argument("--start", type=Path, help="st-diff: folder of the weights to begin with")
    parser.add_argument(
        "--footage", type=Path, help="st-diff: folder of RealEstate10K or DL3DV in place of made scenes"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in OUT")
    parser.add_argument("--steps", type=int, help="in place of the config's")
    parser.add_argument("--batch", type=int, help="clips a step and device, in place of the config's")
    parser.add_argument("--lr", type=float, help="learning rate, in place of the config's")
    parser.add_argument("--seed", type=int, help="of the first weights and of all draws")
    parser.add_argument("--minutes", type=float, help="stop after these with a checkpoint")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: the GPU where there is one")
    return parser
