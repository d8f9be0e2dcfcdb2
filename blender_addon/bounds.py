"""Bounds and defaults of the protocol's fields, as Blender's properties take them: a number stands in one place."""

from functools import cache

try:
    import msgspec
    from worldwarp_protocol import messages
except ImportError:  # said in the panel by ``wheels.missing``; the properties are registered all the same
    messages = None

LEAST = 1e-3
"""Above a bound that a field may not reach itself."""

MOST = 2**31 - 1
"""Blender's integers end here."""


def of(struct: str, field: str) -> dict:
    """``default``, ``min``, ``max`` and ``maxlen`` of a field of a message, as far as it has them.

    Nothing where the protocol's package is missing.
    """
    if messages is None:
        return {}
    found = _fields(struct)[field]
    kinds = getattr(found.type, "types", (found.type,))  # of a field that may be None as well: the others'
    kind = next(kind for kind in kinds if not isinstance(kind, msgspec.inspect.NoneType))
    bounds = {"default": found.default, "min": _least(kind), "max": _most(kind)}
    bounds["maxlen"] = getattr(kind, "max_length", None)
    return {name: value for name, value in bounds.items() if value not in (None, msgspec.NODEFAULT)}


def names(struct: str) -> list[str]:
    """The fields of a message."""
    return list(_fields(struct))


def default(struct: str, field: str):
    """What a field of a message is where nothing is said."""
    return _fields(struct)[field].default


def choices(struct: str, field: str) -> set[str]:
    """The words that a field of a message may be."""
    return set(_fields(struct)[field].type.values)


@cache
def _fields(struct: str) -> dict:
    return {field.name: field for field in msgspec.inspect.type_info(getattr(messages, struct)).fields}


def _least(kind):
    above = getattr(kind, "gt", None)
    return getattr(kind, "ge", None) if above is None else above + LEAST


def _most(kind):
    most = getattr(kind, "le", None)
    return min(most, MOST) if isinstance(kind, msgspec.inspect.IntType) and most is not None else most
