"""What msgspec finds wrong, in a user's words."""

import re

BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def in_words(error: Exception) -> tuple[str, str]:
    """The field that a ``msgspec.ValidationError`` is about ("" for the whole), and what it has to be."""
    expected, _, place = str(error).partition(" - at `$")
    field = place.strip(".`")
    if found := re.fullmatch(r"Expected `\w+`( of length)? (>=|<=|>|<) (\S+)", expected):
        length, sign, bound = found.groups()
        what = "has to be of length" if length else "has to be"
        return field, f"{what} {BOUNDS[sign]} {bound.removesuffix('.0')}"
    if found := re.fullmatch(r"Invalid enum value (.+)", expected):
        return field, f"cannot be {found.group(1)}"
    return field, f"cannot be taken ({expected[0].lower()}{expected[1:].replace('`', '')})"
