"""A profile is a pair of functions, so that all models run through the same loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from . import draft
from .cameras import Cameras
from .nouns import Filled, Geometry, Priors, Report, View


@dataclass(frozen=True)
class Profile:
    """What differs between draft, mini and wan."""

    geometry: Callable[[Sequence[View], Cameras, Settings], Geometry]
    """``geometry(history, cameras, settings)``: depth of the history at the scale of the requested cameras."""
    fill: Callable[[Priors, Sequence[View], int, Report], Filled]
    """``fill(priors, context, seed, report)``: revise what was warped, invent what is blank."""


ABSENT = {
    "mini": "Its small models are not part of this version; use the draft profile.",
    "wan": "Its diffusion stage is not part of this version; use the draft profile.",
}


def status() -> list[tuple[str, bool, str]]:
    """Name, whether it can run here, and otherwise one sentence that says what is missing."""
    return [("draft", True, ""), *((name, False, text) for name, text in ABSENT.items())]


def check(name: str) -> None:
    """Refuse a profile that cannot run here.

    Raises:
        InvalidShot: unknown, or its models are absent; the sentence says which and what to do.
    """
    if name in ABSENT:
        raise InvalidShot("settings.profile", f"The profile '{name}' cannot run here. {ABSENT[name]}")
    if name != "draft":
        raise InvalidShot("settings.profile", f"There is no profile '{name}'; choose one of draft, mini, wan.")


def load(name: str) -> Profile:
    """The profile's functions, ready to be called."""
    check(name)
    return Profile(geometry=draft.geometry, fill=draft.fill)
