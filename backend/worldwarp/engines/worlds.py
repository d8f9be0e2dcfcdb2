"""Files of the world of a run as it stands: what ``worldwarp world`` makes, as an answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from worldwarp_protocol import limits
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import MakeWorld, WorldMade
from worldwarp_protocol.results import WORLD_FILES

from ..nouns import Report
from ..store import Store
from ..world import products
from ..world.products import silent
from .questions import NOBODY, Answer, Past, digest


def key(task: MakeWorld, past: Past) -> str:
    """64 hex digits that are the same exactly where the answer is."""
    world = _world(task, past, silent)
    return digest("world", [products.folder(world, name).name for name in sorted(task.products)])


def find(task: MakeWorld, past: Past) -> Answer | None:
    """The answer where all of it was made before.

    Raises:
        InvalidShot: it is more than a message can carry.
    """
    world = _world(task, past, silent)
    made = [(name, products.find(world, name)) for name in sorted(task.products)]
    whole: dict[str, products.Product] = {name: product for name, product in made if product}
    return _answer(whole, past) if len(whole) == len(made) else None


def make(task: MakeWorld, past: Past, report: Report) -> Answer:
    """Answer a question; what was made before is not made again.

    Raises:
        InvalidShot: it is more than a message can carry.
        WorldWarpError: a chunk cannot be read.
        Cancelled: ``report`` raised it.
    """
    world = _world(task, past, report)
    quickest = [name for name in products.PRODUCTS if name in task.products]  # kept, if the rest gives way
    return _answer({name: products.make(world, name) for name in quickest}, past)


def _world(task: MakeWorld, past: Past, report: Report) -> products.World:
    choices = products.Choices(steps=task.steps)
    return products.World(Store(Path(past.root)), past.chunks, past.seed, choices, report)


def _answer(made: Mapping[str, products.Product], past: Past) -> Answer:
    files = WORLD_FILES.values()
    contents = {file: product.files[file] for product in made.values() for file in product.files if file in files}
    _check_sizes({file: len(content) for file, content in contents.items()})
    arrays = {name: np.frombuffer(contents[file], np.uint8) for name, file in WORLD_FILES.items() if file in contents}
    meta: dict[str, float | str]
    meta = {f"{name}.{key}": value for name, product in made.items() for key, value in _plain(product.numbers).items()}
    frames = sum(chunk.count for chunk in past.chunks)
    return Answer(WorldMade(request=NOBODY, chunks=len(past.chunks), frames=frames, meta=meta), dict(arrays))


def _check_sizes(sizes: Mapping[str, int]) -> None:
    way = "make it on the server with `worldwarp world`, or ask for one product at a time."
    for file, size in sizes.items():
        if size > limits.MAX_ARRAY_BYTES:
            most = limits.MAX_ARRAY_BYTES >> 20
            raise InvalidShot("products", f"{file} has {size >> 20} MiB, a file may have {most} MiB to be sent; {way}")
    if (total := sum(sizes.values())) > limits.MAX_MESSAGE_BYTES:
        most = limits.MAX_MESSAGE_BYTES >> 20
        raise InvalidShot("products", f"have {total >> 20} MiB together, a message carries {most} MiB; {way}")


def _plain(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Those that a message carries: single and finite."""
    return {name: n for name, n in numbers.items() if isinstance(n, int | float) and np.isfinite(n)}
