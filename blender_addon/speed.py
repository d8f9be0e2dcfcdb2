"""Speed: one choice for the settings that trade time for quality."""

CHOICES = {
    "FAST": {"every": "2", "cache_steps": 50, "steps": 20, "solver": "dpm++"},
    "BALANCED": {"every": "1", "cache_steps": 100, "steps": 25, "solver": "dpm++"},
    "BEST": {"every": "1", "cache_steps": 100, "steps": 50, "solver": "euler"},
}
"""What each sets; the paper's is the last, and what a new scene has."""

ITEMS = [
    ("FAST", "Fast", "Every 2nd frame is generated, in few steps: for slow walks through scenes that stand still"),
    ("BALANCED", "Balanced", "Every frame, by the second-order solver in half the steps"),
    ("BEST", "Best", "As in the paper"),
    ("CUSTOM", "Custom", "As set under Advanced"),
]


def of(shot) -> str:
    """The choice that ``shot`` is set to; CUSTOM where it is none of them."""
    return next((name for name, chosen in CHOICES.items() if _set_to(shot, chosen)), "CUSTOM")


def _set_to(shot, chosen: dict) -> bool:
    return all(getattr(_owner(shot, name), name) == value for name, value in chosen.items())


def choose(shot, name: str) -> None:
    """Set ``shot`` to a choice; CUSTOM leaves it as it is."""
    for field, value in CHOICES.get(name, {}).items():
        setattr(_owner(shot, field), field, value)


def _owner(shot, field: str):
    return shot if hasattr(shot, field) else shot.diffusion


def _get(shot) -> int:
    return [item[0] for item in ITEMS].index(of(shot))


def _set(shot, value: int) -> None:
    choose(shot, ITEMS[value][0])


PROPERTY = {"name": "Speed", "description": "How much time each frame gets", "items": ITEMS, "get": _get, "set": _set}
