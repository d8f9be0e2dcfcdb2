"""A text as words, and errors that point at one of them."""

import re
from collections.abc import Collection
from difflib import get_close_matches

from ..errors import InvalidShot

LARGEST = {"m": 1e6, "deg": 3600.0, "x": 100.0, "frame": 10_000, "frames": 10_000, "s": 3600.0}
"""Numbers beyond these are mistakes."""

PARTS = {"cm": 100, "mm": 1000}
"""Of these make a metre, which is a world unit."""

WORD = re.compile(r"@[^\s,+]+,[^\s,+]+|[^\s,+]+|[,+]")
NUMBER = re.compile(r"(-?(?:\d+\.?\d*|\.\d+))([a-z]*)", re.IGNORECASE)


class Words:
    """The words of a text, taken one by one."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        self.found = list(WORD.finditer(self.text))
        self.position = 0

    @property
    def next(self) -> str:
        """The word to come in small letters, or ""."""
        return self.found[self.position][0].lower() if self.position < len(self.found) else ""

    @property
    def before(self) -> str:
        """The word that was taken last, in small letters."""
        return self.found[self.position - 1][0].lower()

    def take(self, *wanted: str) -> str:
        """The word to come if it is one of these (any, where none are given); else "", and it stays."""
        word = self.next
        if wanted and word not in wanted:
            return ""
        self.position += 1
        return word

    def fault(self, why: str, back: int = 0) -> InvalidShot:
        """An error about the word to come, or the one ``back`` words before it."""
        place = self.position - back
        sentence = why if why.endswith("?") else f"{why}."
        if place >= len(self.found):
            mark = " " * (len(self.text) + 1) + "^"
            return InvalidShot("path", f"ends too early: {sentence}\n  {self.text}\n  {mark}")
        match = self.found[place]
        number = len(self.text[: match.start() + 1].split())
        mark = " " * match.start() + "^" * len(match[0])
        return InvalidShot("path", f"{match[0]!r} (word {number}): {sentence}\n  {self.text}\n  {mark}")

    def quantity(self, units: tuple[str, ...], remedy: str) -> tuple[float, str]:
        """A number and its unit, glued to it or the next word; parts of a metre become metres."""
        match = NUMBER.fullmatch(self.next)
        if not match:
            raise self.fault(remedy)
        self.take()
        unit = match[2] or self.take(*units, *(PARTS if "m" in units else ()))
        value = float(match[1])
        if "m" in units and unit in PARTS:
            value, unit = value / PARTS[unit], "m"
        if unit not in units:
            raise self.fault(remedy, back=1)
        if abs(value) > LARGEST[unit]:
            raise self.fault("this number is too large to be meant", back=1)
        return value, unit


def hint(word: str, known: Collection[str]) -> str:
    """A question about the word of ``known`` that is nearest, or ""."""
    near = get_close_matches(word.lower(), list(known), 1)
    return f"did you mean {near[0]}?" if near else ""
