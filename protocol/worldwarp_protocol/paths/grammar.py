"""The language of ``--path``: moves of a camera in words.

```
path     = step { ("," ["then"] | "then") step } ;      (* one after another *)
step     = move { "+" move } ;                          (* at the same time *)
move     = ["slow" | "fast"] name amount { option } ;
name     = "dolly_in" | "pan_left" | ... ;              (* presets.PRESETS *)
amount   = number ("m" | "deg" | "x") ;                 (* the one of these that the move is measured in *)
option   = "linear" | "ease" | "ease_in" | "ease_out"
         | "over" number ("frames" | "frame" | "s")
         | target ;
target   = "@target" number "m"                         (* so far ahead on the axis when the step begins *)
         | "@" u "," v                                  (* what the picture shows there, 0 to 1 from the top left *)
         | "@cursor" | "@object" ;                      (* places in Blender's scene *)
```

``orbit`` goes around its target; moves that travel keep theirs on its pixel, and then turn for nothing else. All
targets of a step are one. A length may be in cm or mm, and capitals are as good as small letters. ``walking.walk`` says
how long moves take that do not say it themselves.
"""

from dataclasses import dataclass, replace

from ..errors import InvalidShot
from ..limits import MAX_TEXT
from .presets import EASINGS, PRESETS
from .words import NUMBER, Words, hint

PACES = {"slow": 2.0, "": 1.0, "fast": 0.5}
"""How much longer a move takes."""


@dataclass(frozen=True)
class Ahead:
    """The point so many world units ahead on the camera's axis when its step begins."""

    distance: float


@dataclass(frozen=True)
class Pixel:
    """What the picture shows at (u, v), 0 to 1 from its top left corner."""

    u: float
    v: float


@dataclass(frozen=True)
class Place:
    """A place that who walks the path knows by its name."""

    name: str


PLACES = ("cursor", "object")
"""Names of places: Blender's 3D cursor, and the object that is chosen beside the path."""

Target = Ahead | Pixel | Place


@dataclass(frozen=True)
class Move:
    """One move."""

    name: str
    amount: float
    """In the unit of its preset."""
    pace: str = ""
    easing: str = ""
    """"": none was named, which is ``linear``."""
    frames: int = 0
    """0: not said in frames."""
    seconds: float = 0.0
    """0: not said in seconds."""
    target: Target | None = None


@dataclass(frozen=True)
class Step:
    """Moves at the same time."""

    moves: tuple[Move, ...]

    @property
    def target(self) -> Target | None:
        """The one that its moves share."""
        return next((move.target for move in self.moves if move.target), None)


@dataclass(frozen=True)
class Description:
    """Steps one after another."""

    steps: tuple[Step, ...]


def parse(text: str) -> Description:
    """The path that ``text`` describes.

    Raises:
        InvalidShot: it does not; names the word and points at it.
    """
    if len(text) > MAX_TEXT:
        raise InvalidShot("path", f"has {len(text):,} characters; at most {MAX_TEXT:,} are read: give a cameras.npz.")
    words = Words(text)
    steps = [_step(words)]
    while words.next:
        if not words.take(",", "then"):
            raise words.fault("nothing of a move can stand here; write '+' or ', then' before the next move")
        if words.before == ",":
            words.take("then")
        steps.append(_step(words))
    return Description(tuple(steps))


def _step(words: Words) -> Step:
    step = Step((_move(words, None),))
    while words.take("+"):
        step = Step((*step.moves, _move(words, step.target)))
    return step


def _move(words: Words, shared: Target | None) -> Move:
    """One move, beside others that have the target ``shared``."""
    pace = words.take("slow", "fast")
    name = words.next
    if not name or name in ("+", ",", "then"):
        raise words.fault("a move is missing; write one, such as dolly_in 1.5m")
    if name not in PRESETS:
        raise words.fault(f"there is no such move; {hint(name, PRESETS) or 'the moves are ' + ', '.join(PRESETS)}")
    words.take()
    move = Move(name, _amount(words, name), pace)
    while words.next and words.next not in (",", "+", "then"):
        move = _option(words, move, shared)
    if name.startswith("orbit") and move.target is None:
        raise words.fault(f"{name} needs a target, such as @target 3m or @0.5,0.6")
    return move


def _amount(words: Words, name: str) -> float:
    unit = PRESETS[name].unit
    example = {"m": "1.5m", "deg": "20deg", "x": "2x"}[unit]
    value, _ = words.quantity((unit,), f"{name} needs an amount in {unit}, such as {example}")
    if unit == "x" and value <= 0:
        raise words.fault("a factor is above 0", back=1)
    return value


def _option(words: Words, move: Move, shared: Target | None) -> Move:
    word = words.next
    if word in EASINGS and not move.easing:
        words.take()
        return replace(move, easing=word)
    if word == "over" and not (move.frames or move.seconds):
        return _over(words, move)
    if word.startswith("@") and not move.target:
        return replace(move, target=_target(words, move, shared))
    if word in EASINGS or word == "over" or word.startswith("@"):
        raise words.fault(f"this is said of {move.name} already; leave one of them out")
    near = hint(word, [*EASINGS, "over", "then", "@target"]) or "write '+' or ', then' before the next move"
    raise words.fault(f"this says nothing about {move.name}; {near}")


def _over(words: Words, move: Move) -> Move:
    if move.pace:
        raise words.fault(f"'{move.pace}' says how long it takes, too; leave one of them out")
    words.take()
    value, unit = words.quantity(("frames", "frame", "s"), "'over' needs a time, such as 48 frames or 2s")
    if value <= 0 or (unit != "s" and value % 1):
        raise words.fault("a move takes whole frames, or seconds above 0", back=1)
    return replace(move, seconds=value) if unit == "s" else replace(move, frames=int(value))


def _target(words: Words, move: Move, shared: Target | None) -> Target:
    if not PRESETS[move.name].travels and not move.name.startswith("orbit"):
        raise words.fault(f"{move.name} stays where it is and has no target; leave it out")
    start = words.position
    if words.take(*(f"@{name}" for name in PLACES)):
        target: Target = Place(words.before[1:])
    else:
        target = _ahead(words) if words.take("@target") else _pixel(words)
    if shared not in (None, target):
        remedy = "moves at the same time have one target; repeat that one, or write ', then'"
        raise words.fault(remedy, back=words.position - start)
    return target


def _ahead(words: Words) -> Ahead:
    distance, _ = words.quantity(("m",), "'@target' needs a distance, such as @target 3m")
    if distance <= 0:
        raise words.fault("a target is ahead, at a distance above 0", back=1)
    return Ahead(distance)


def _pixel(words: Words) -> Pixel:
    parts = [NUMBER.fullmatch(part) for part in words.take()[1:].split(",")]
    pixel = [float(part[1]) for part in parts if part and not part[2]]
    if len(pixel) != 2 or len(parts) != 2 or not all(0 <= side <= 1 for side in pixel):
        raise words.fault("a target is @target and a distance, or @u,v, both from 0 to 1, such as @0.4,0.6", back=1)
    return Pixel(*pixel)
