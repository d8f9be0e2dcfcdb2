"""What a server can be asked for, as data: a shot, a picture's geometry, a draft of a path, a picture of words."""

from dataclasses import dataclass, field

import numpy as np
from worldwarp_protocol import messages


@dataclass(frozen=True)
class Order:
    """A shot, ready to be sent; settings, arrays and overrides as ``messages.Shot`` names them."""

    name: str
    settings: dict
    fps: float
    colour_space: str
    arrays: dict[str, np.ndarray]
    overrides: list[dict] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    """Notes of the files that the arrays were read from, as ``results.Given`` has them."""

    def shot(self) -> messages.Shot:
        diffusion = messages.Diffusion(**self.settings.get("diffusion", {}))
        return messages.Shot(
            name=self.name,
            settings=messages.Settings(**{**self.settings, "diffusion": diffusion}),
            fps=self.fps,
            colour_space=self.colour_space,
            overrides=[messages.Override(**override) for override in self.overrides],
        )


@dataclass(frozen=True)
class Question:
    """What is asked of a picture or a clip; the arrays as ``messages.EstimateGeometry`` names them."""

    what: str
    source: str
    picture: np.ndarray
    depth: np.ndarray | None = None
    K: np.ndarray | None = None
    fps: float = 24.0


@dataclass(frozen=True)
class PathQuestion:
    """What is asked of a path; the arrays as ``messages.CheckPath`` names them.

    Args:
        width: of the pictures drawn.
        anchor: of the shot's settings; estimated depth is scaled by it.
    """

    source: str
    far: float
    width: int
    arrays: dict[str, np.ndarray]
    anchor: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Words:
    """A picture that is asked for in words; ``diffusion``: ``messages.Diffusion`` by name."""

    diffusion: dict
    width: int
    height: int
    seed: int
