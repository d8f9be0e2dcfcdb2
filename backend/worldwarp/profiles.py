"""A profile is three functions, so that all models run through the same loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from . import draft, mini, wan
from .cameras import Cameras
from .cameras.sizes import Size
from .geometry import views
from .nouns import Filled, Geometry, Priors, Prompt, Report, View


@dataclass(frozen=True)
class Profile:
    """What differs between draft, mini and wan."""

    caption: Callable[[Sequence[View], Settings, Report], Prompt]
    """``caption(history, settings, report)``: what the chunk should look like, in words."""
    geometry: Callable[[Sequence[View], Cameras, Settings], Geometry]
    """``geometry(views, cameras, settings)``: depth of views at the scale of the requested cameras.

    Called with the history, and with the new frames where ``fill`` left their depth open.
    """
    fill: Callable[[Priors, Sequence[View], Prompt, Settings, Report], Filled]
    """``fill(priors, context, prompt, settings, report)``: revise what was warped, invent what is blank."""


NAMES = ("draft", "mini", "wan")


def status() -> list[tuple[str, bool, str]]:
    """Name, whether it can run here, and otherwise one sentence that says what is missing."""
    return [(name, not missing(name), missing(name)) for name in NAMES]


def missing(name: str) -> str:
    """One sentence that says what a profile lacks here; empty where it can run."""
    if name == "mini":
        return mini.missing()
    return wan.missing() if name == "wan" else ""


def check(name: str) -> None:
    """Refuse a profile that cannot run here.

    Raises:
        InvalidShot: unknown, or its models are absent; the sentence says which and what to do.
    """
    if name not in NAMES:
        raise InvalidShot("settings.profile", f"There is no profile '{name}'; choose one of {', '.join(NAMES)}.")
    if sentence := missing(name):
        raise InvalidShot("settings.profile", f"The profile '{name}' cannot run here. {sentence}")


def eases(settings: Settings) -> bool:
    """Whether frames may drift from the path and are eased back: those of a model may.

    Draft's are exact by construction; and frames between those that are generated hold to the path themselves.
    """
    return settings.profile != "draft" and settings.ease_frames > 0 and settings.every == 1


def recipe(settings: Settings) -> list[Any]:
    """What of a profile changes pixels: its code's version and its weights' digests."""
    if settings.profile == "mini":
        return mini.recipe()
    return wan.recipe(settings) if settings.profile == "wan" else [draft.VERSION]


def adapted(settings: Settings, size: Size) -> tuple[Settings, list[str]]:
    """The settings as the profile needs them for a picture of ``size``, and what the user should know of it."""
    return mini.adapted(settings, size) if settings.profile == "mini" else (settings, [])


def load(settings: Settings) -> Profile:
    """The profile's functions, ready to be called."""
    check(settings.profile)
    if settings.profile == "wan":
        return Profile(*wan.load(settings))
    return Profile(draft.caption, views.geometry, mini.filler() if settings.profile == "mini" else draft.fill)
