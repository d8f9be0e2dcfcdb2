"""A question in, an answer out, whatever is asked. Torch-free until one is answered."""

from worldwarp_protocol.messages import CheckPath, EstimateGeometry, Imagine, MakeWorld

from ..nouns import Report
from . import estimate, first_picture, path_check, worlds
from .questions import Answer, Question


def check(question: Question) -> None:
    """Refuse what the shapes of the arrays do not show.

    Raises:
        InvalidShot: a value of an array makes no sense.
    """
    match question.task:
        case EstimateGeometry():
            estimate.check(question.task, question.arrays)
        case CheckPath():
            path_check.check(question.task, question.arrays)


def key(question: Question, numerics: str) -> str:
    """64 hex digits that are the same exactly where the answer is."""
    match question.task:
        case EstimateGeometry():
            return estimate.key(question.task, numerics)
        case CheckPath():
            return path_check.key(question.task, numerics)
        case Imagine():
            return first_picture.key(question.task, numerics)
        case MakeWorld():
            assert question.past
            return worlds.key(question.task, question.past)
    raise AssertionError("a frame's passes are no work for the worker")


def answer(question: Question, report: Report) -> Answer:
    """Do the work.

    Raises:
        InvalidShot: what was asked for cannot be had; names the field.
        WorldWarpError: it failed for another reason that is not ours.
        Cancelled: ``report`` raised it.
    """
    match question.task:
        case EstimateGeometry():
            return estimate.estimate(question.task, question.arrays, report)
        case CheckPath():
            return path_check.walk(question.task, question.arrays, report)
        case Imagine():
            return first_picture.make(question.task, report)
        case MakeWorld():
            assert question.past
            return worlds.make(question.task, question.past, report)
    raise AssertionError("a frame's passes are no work for the worker")
