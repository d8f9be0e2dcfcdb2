"""``memory = full | balanced | low``: which network is where, and the most memory that a chunk will need.

A chunk needs its networks one after the other. ``full`` keeps all but the text encoder on the GPU; ``balanced`` keeps
what runs for most of the time, the transformer and the VAE, and brings the others for their stage, one at a time;
``low`` keeps nothing, stores the transformer and the captioner in 8 bits, decodes in tiles and brings the text encoder
layer by layer. ``full`` and ``balanced`` differ in nothing but the last bits, from the batch of two.

Expected at 720 x 480 x 49 with the published networks (``peaks.expected``): 35.3, 21.0 and 10.5 GB.

On a CPU all compute in float32, and the mode changes only what is kept between stages: all of it, or all but the two
networks of words. Torch-free until models are touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    import torch
    from torch import nn

Mode = Literal["full", "balanced", "low"]


class Place(StrEnum):
    """Where a network is while it does not compute."""

    RESIDENT = "stays"
    STAGED = "comes for its stage"
    """Moved to the GPU and back; on a CPU whoever loaded it drops it after its stage and reads it again."""
    OFFLOADED = "comes layer by layer"


RESIDENT, STAGED, OFFLOADED = Place


@dataclass(frozen=True)
class Plan:
    """What a mode means on a device."""

    transformer: Place = RESIDENT
    vae: Place = RESIDENT
    text_encoder: Place = STAGED
    captioner: Place = STAGED
    geometry: Place = RESIDENT
    eight_bits: tuple[str, ...] = ()
    """Networks whose weights are stored as float8_e4m3fn; they compute in bfloat16."""
    tiled: bool = False
    """Whether the VAE works in tiles of 256 x 256 pixels; their seams are blended."""
    together: bool = False
    """Whether both halves of the guidance go through the transformer in one batch."""
    one_at_a_time: bool = True
    """Whether words and geometry wait for each other, by a lock of whoever calls both; otherwise they overlap."""
    cpu: bool = False


PLANS: dict[Mode, Plan] = {
    "full": Plan(captioner=RESIDENT, together=True, one_at_a_time=False),
    "balanced": Plan(geometry=STAGED),
    "low": Plan(STAGED, STAGED, OFFLOADED, STAGED, STAGED, ("transformer", "captioner"), tiled=True),
}
ON_CPU: dict[Mode, Plan] = {
    "full": Plan(text_encoder=RESIDENT, captioner=RESIDENT, one_at_a_time=False, cpu=True),
    "balanced": Plan(cpu=True),
    "low": Plan(cpu=True),
}


def plan(memory: Mode, device: str) -> Plan:
    """What ``memory`` means on ``device`` (``cuda``, ``cuda:1``, ``cpu``)."""
    return (ON_CPU if device == "cpu" else PLANS)[memory]


def summary(memory: Mode, plan: Plan, peak: int) -> str:
    """One line for the user, before the run: what is where, and the most that will be needed."""
    names = [field.name for field in fields(plan) if isinstance(getattr(plan, field.name), Place)]
    by_place = {place: [name.replace("_", " ") for name in names if getattr(plan, name) == place] for place in Place}
    parts = [f"{', '.join(found)}: {place}" for place, found in by_place.items() if found]
    parts += [f"{', '.join(plan.eight_bits)}: 8 bits"] * bool(plan.eight_bits) + ["VAE in tiles"] * plan.tiled
    return f"Memory '{memory}': {'; '.join(parts)}; about {peak / 1e9:.1f} GB at most."


def apply(
    plan: Plan, device: torch.device, models: Mapping[str, nn.Module]
) -> Callable[[nn.Module], AbstractContextManager[None]]:
    """Put networks, by the plan's names, where they wait. ``with used(network):`` one is where it computes."""
    for name, model in models.items():
        if name in plan.eight_bits:
            _store_in_eight_bits(model)
        if getattr(plan, name) == RESIDENT:
            model.to(device)
        if getattr(plan, name) == OFFLOADED:
            offload(model, device)
        if plan.tiled and name == "vae":
            cast(Any, model).enable_tiling()
    staged = {model for name, model in models.items() if getattr(plan, name) == STAGED}

    def used(model: nn.Module) -> AbstractContextManager[None]:
        return stage(model, device) if model in staged else nullcontext()

    return used


def _store_in_eight_bits(model: nn.Module) -> None:
    import torch
    from diffusers import ModelMixin
    from diffusers.hooks.layerwise_casting import apply_layerwise_casting

    if isinstance(model, ModelMixin):  # it knows which of its layers do not bear it
        cast(Any, model).enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16)
    else:
        apply_layerwise_casting(model, torch.float8_e4m3fn, torch.bfloat16)


def offload(model: nn.Module, device: torch.device) -> None:
    """Keep ``model`` in the machine's memory; each of its layers comes to ``device`` when it computes."""
    from diffusers.hooks.group_offloading import apply_group_offloading

    # without a stream of its own: that needs all weights pinned, and each layer to run in every pass
    apply_group_offloading(model, onload_device=device, offload_type="leaf_level")


@contextmanager
def stage(model: nn.Module, device: torch.device) -> Iterator[None]:
    """``model`` on ``device`` inside, in the machine's memory before and after. Weights are never copied back."""
    import torch

    waiting = [
        (part, name, tensor, tensor.data)
        for part in model.modules()
        for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False))
    ]
    model.to(device)
    try:
        yield
    finally:
        for part, name, tensor, data in waiting:  # moved in place, or replaced: torch decides it device by device
            tensor.data = data
            setattr(part, name, tensor)
        if device.type == "cuda":
            torch.cuda.empty_cache()
