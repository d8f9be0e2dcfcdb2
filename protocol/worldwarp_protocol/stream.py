"""The stream of one run: how much of it may be sent, and in which order it must come."""

from dataclasses import dataclass, replace

from . import limits
from .messages import ChunkCommitted, Frame, Points, RunEnded, RunStarted, StreamItem, Subscribe


class IllegalMove(Exception):
    """The rules do not allow this. Whose fault it is, ``Session`` knows; it never leaves this package."""


@dataclass(frozen=True)
class Stream:
    """What was granted and what came of one subscription: the server counts what it sends, the client what comes."""

    credit: int
    """Items that may still be sent."""
    seq: int
    """Number of the newest item."""
    have: frozenset[str]
    """Content digests of chunks whose frames and points are left out."""
    chunk: int = -1
    """The newest chunk."""
    frames: range | None = range(0)
    """Positions in the path that are still due of that chunk; None where the stream began inside it."""
    points: bool = False
    """Whether that chunk's points are still due."""

    @classmethod
    def asked_for(cls, question: Subscribe) -> "Stream":
        """The stream that answers ``question``; after item 0 there may be anything, even the middle of a chunk."""
        stream = cls(question.credit, question.after, frozenset(question.have))
        return replace(stream, frames=None, points=True) if question.after else stream

    def grant(self, more: int) -> "Stream":
        """With more credit."""
        if self.credit + more > limits.MAX_CREDIT:
            raise IllegalMove(f"{self.credit} + {more} items of credit, at most {limits.MAX_CREDIT} are possible")
        return replace(self, credit=self.credit + more)

    def follow(self, item: StreamItem) -> "Stream":
        """With ``item`` sent."""
        if not self.credit:
            raise IllegalMove("there is no credit left")
        if item.seq <= self.seq:
            raise IllegalMove(f"item {item.seq} does not come after item {self.seq}")
        if isinstance(item, RunStarted) != (self.seq == 0):
            raise IllegalMove("the first item starts the run, and no other does")
        match item:
            case RunStarted():
                after = self
            case ChunkCommitted():
                after = self._commit(item)
            case Frame():
                after = self._frame(item)
            case Points():
                after = self._points(item)
            case RunEnded():
                after = self._end()
        return replace(after, credit=self.credit - 1, seq=item.seq)

    def _commit(self, item: ChunkCommitted) -> "Stream":
        self._check_complete()
        if item.chunk <= self.chunk:
            raise IllegalMove(f"chunk {item.chunk} does not come after chunk {self.chunk}")
        known = item.digest in self.have
        frames = range(0) if known else range(item.first, item.first + item.count)
        return replace(self, chunk=item.chunk, frames=frames, points=not known)

    def _frame(self, item: Frame) -> "Stream":
        self._check_chunk(item.chunk)
        if self.frames is None:
            return replace(self, chunk=item.chunk)
        if not self.frames or item.index != self.frames[0]:
            raise IllegalMove(f"frame {item.index} of chunk {item.chunk} is not due")
        return replace(self, frames=self.frames[1:])

    def _points(self, item: Points) -> "Stream":
        self._check_chunk(item.chunk)
        if self.frames or not self.points:
            raise IllegalMove(f"the points of chunk {item.chunk} are not due")
        return replace(self, chunk=item.chunk, frames=range(0), points=False)

    def _end(self) -> "Stream":
        self._check_complete()
        return self

    def _check_chunk(self, chunk: int) -> None:
        inside = self.frames is None and self.chunk == -1
        if not inside and chunk != self.chunk:
            raise IllegalMove(f"chunk {chunk} is not the one that was committed last")

    def _check_complete(self) -> None:
        if self.frames or (self.points and self.frames is not None):
            raise IllegalMove(f"chunk {self.chunk} is not complete")
