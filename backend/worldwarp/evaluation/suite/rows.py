"""The rows of the tables: variants of the method, each differing in one thing from the one that it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import structs
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Diffusion, Settings

from ... import mini

RUN_ONLY = "run so, not trained so"


@dataclass(frozen=True)
class Row:
    """One variant."""

    name: str
    settings: Settings
    fill: Literal["profile", "holes", "all", "forgetful"] = "profile"
    """``holes``: what was warped is kept and the truth is painted into the rest; ``all``: every frame is the truth;
    ``forgetful``: as ``holes``, with waves on it that are drawn anew in each chunk."""
    geometry: Literal["profile", "true", "aligned", "unaligned"] = "profile"
    """``true``: exact depth of whatever was generated; the other two: a source whose cameras are turned by 3 degrees
    and whose lengths are 0.7 of the true ones, brought to the requested cameras' scale or taken at its word."""
    back: bool = False
    """Whether the walk goes out until its middle, and exactly back."""
    against: str = ""
    """The row that it is held against."""
    note: str = ""


CHOICE = Diffusion(guidance=1) if mini.missing() else Diffusion(guidance=1, sigma=mini.trained()["sigma"])
"""As the profile has it where nothing is chosen."""

DRAFT, MINI = Settings(profile="draft"), Settings(profile="mini", diffusion=CHOICE)


def _mini(name: str, note: str = "", **changes: object) -> Row:
    fields = {key: value for key, value in changes.items() if key in structs.asdict(MINI)}
    diffusion = {key: value for key, value in changes.items() if key not in fields}
    chosen = structs.replace(MINI, **fields, diffusion=structs.replace(CHOICE, **diffusion))
    return Row(name, chosen, against="mini", note=note)


def _oracle(name: str, against: str = "oracle", note: str = "", **switches: object) -> Row:
    chosen = {"fill": "holes", "geometry": "true", **switches}
    return Row(name, DRAFT, against=against, note=note, **chosen)  # type: ignore[arg-type]


REFERENCE = Row("mini", MINI, note="3D Gaussians, spatio-temporal noise: trained so")
FLOOR = Row("draft", DRAFT, against="mini", note="holes filled smoothly: the floor")
CEILING = _oracle("oracle", "mini", "the warped is kept, the truth is painted into the rest")

TABLE_3 = [
    _mini("cache none", cache="none"),
    _mini("cache points", "warps of points: trained so", cache="points"),
    _mini("noise full", RUN_ONLY, noise="full"),
    _mini("noise temporal", RUN_ONLY, noise="temporal"),
    _mini("noise spatial", RUN_ONLY, noise="spatial"),
]

SWEEPS = [
    *(_mini(f"sigma {sigma:g}", sigma=sigma) for sigma in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)),
    *(_mini(f"cache steps {steps}", cache_steps=steps) for steps in (20, 50, 200, 500)),
    _mini("tokens sampled", "the release's rule", tokens="sampled"),
    Row("mini, true geometry", MINI, geometry="true", against="mini"),
]

ALIGNMENT = [
    _oracle("oracle, wrong geometry aligned", geometry="aligned", note="3 degrees, 0.7 x"),
    _oracle("oracle, wrong geometry unaligned", geometry="unaligned", note="3 degrees, 0.7 x, taken at its word"),
]

FORGETS = structs.replace(DRAFT, memory_frames=0)
RETURNS = [
    Row("return, oracle", DRAFT, fill="forgetful", geometry="true", back=True, against="return, oracle, no memory"),
    Row("return, oracle, no memory", FORGETS, fill="forgetful", geometry="true", back=True),
]
RETURNS_OF_MINI = [
    Row("return, mini", MINI, back=True, against="return, mini, no memory"),
    Row("return, mini, no memory", structs.replace(MINI, memory_frames=0), back=True),
]

EXACT = Row("truth", DRAFT, fill="all", geometry="true", note="true frames: the floor of the estimators")

CONTROLS = [FLOOR, CEILING, EXACT, *ALIGNMENT, *RETURNS]
GROUPS = {
    "controls": CONTROLS,
    "table-3": [*CONTROLS, REFERENCE, *TABLE_3],
    "all": [*CONTROLS, REFERENCE, *TABLE_3, *SWEEPS, *RETURNS_OF_MINI],
}
"""``controls`` need no trained network."""

ROWS = {row.name: row for row in GROUPS["all"]}

PAPER = [
    ("cache none", "cache points"),
    ("cache points", "mini"),
    ("noise full", "noise temporal"),
    ("noise temporal", "noise spatial"),
    ("noise spatial", "mini"),
]
"""Neighbours in the order of the paper's table 3 (PSNR at both frames), the lower one first."""


def chosen(names: Sequence[str]) -> list[Row]:
    """The rows of groups and single names, each once, in the order of the tables.

    Raises:
        InvalidShot: there is none of a name.
    """
    wanted = set()
    for name in names:
        if name not in GROUPS and name not in ROWS:
            known = ", ".join([*GROUPS, *(f"'{row}'" for row in ROWS)])
            raise InvalidShot("rows", f"has no '{name}'; choose of {known}.")
        wanted |= {row.name for row in GROUPS.get(name, [])} or {name}
    return [row for row in ROWS.values() if row.name in wanted]
