"""The rules of a conversation, without sockets, threads or clocks: ``now`` is passed in, in seconds.

Rule 1, the connection: a client says hello and the server welcomes it; from then on the client asks and grants, the
server answers and streams. After an error that ends the session nothing may be said. Its moves: ``CONNECTION``.

Rule 2, a subscription, one for each run: its stream begins with the answer to ``Subscribe`` and ends with ``RunEnded``
or ``Unsubscribe``. Its moves: ``SUBSCRIPTION``.

An illegal move falls out of the tables; what they cannot say (who speaks, which question an answer belongs to, credit
and order of a stream) stands beside them. Our own illegal move is a ``LocalProtocolError``, the peer's is a
``RemoteProtocolError``; they are told apart in ``Session.send`` and ``Session.receive`` only.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import get_args

from . import limits
from .errors import LocalProtocolError, RemoteProtocolError
from .messages import (
    Cancel,
    CheckPath,
    ChunkCommitted,
    ClientMessage,
    Credit,
    Error,
    Estimated,
    EstimateGeometry,
    Estimating,
    Frame,
    Hello,
    Imagine,
    Imagined,
    List,
    Machine,
    MakePasses,
    MakeWorld,
    Message,
    PassesMade,
    PathChecked,
    Ping,
    Points,
    Preview,
    ProfileStatus,
    Progress,
    RunEnded,
    Runs,
    RunStarted,
    RunStatus,
    ServerMessage,
    SourceStatus,
    Status,
    StopAfterChunk,
    StreamItem,
    Submit,
    Submitted,
    Subscribe,
    Unsubscribe,
    Welcome,
    WorldMade,
)
from .stream import IllegalMove, Stream


class Connection(Enum):
    """Where a connection stands."""

    NEW = auto()
    """Nothing was said."""
    GREETED = auto()
    """The client said hello."""
    READY = auto()
    """The server welcomed it."""
    CLOSED = auto()
    """Over."""


class Subscription(Enum):
    """Where the subscription to one run stands."""

    NONE = auto()
    """The client does not listen."""
    ASKED = auto()
    """It asked, the answer is due."""
    OPEN = auto()
    """Items flow while there is credit."""
    ENDED = auto()
    """The last item was sent; credit for it may be on its way still."""
    LEFT = auto()
    """The client listens no more; items may be on their way still."""
    REJOINING = auto()
    """It left and asked again; the answer is due, and items of before may be on their way still."""


class Signal(Enum):
    """Moves that the kind of a message alone does not tell."""

    FATAL = auto()
    """An error that ends the session."""
    ACCEPTED = auto()
    """The answer to ``Subscribe`` is a ``RunStatus``."""
    REFUSED = auto()
    """The answer to ``Subscribe`` is an ``Error``."""


LIVENESS_SECONDS = limits.HEARTBEAT_SECONDS * limits.LIVENESS_BEATS
FATAL_CODES = ("unsupported_version", "protocol")

PREVIEWS_SINCE = 2
"""Minor version that has previews, and stages that older ones do not know."""

MINI_SINCE = 3
"""Minor version that knows the source ``mini`` of geometry."""

Task = EstimateGeometry | CheckPath | MakeWorld | MakePasses | Imagine
"""Questions that somebody works on: ``Estimating`` comes before their answer, and ``Cancel`` ends them."""
Question = Submit | Task | Subscribe | Status | Cancel | StopAfterChunk | List
Answer = Submitted | Estimated | PathChecked | WorldMade | PassesMade | Imagined | RunStatus | Runs | Error
TASKS = get_args(Task)
QUESTIONS = get_args(Question)
ITEMS = get_args(StreamItem)
ANSWERS: Mapping[type, tuple[type, ...]] = {
    Submitted: (Submit,),
    Estimated: (EstimateGeometry,),
    PathChecked: (CheckPath,),
    WorldMade: (MakeWorld,),
    PassesMade: (MakePasses,),
    Imagined: (Imagine,),
    RunStatus: (Subscribe, Status, Cancel, StopAfterChunk),
    Runs: (List,),
    Error: QUESTIONS,
}
"""Which questions a message can be the answer to."""

CONNECTION: Mapping[Connection, Mapping[type | Signal, Connection]] = {
    Connection.NEW: {Hello: Connection.GREETED, Signal.FATAL: Connection.CLOSED},
    Connection.GREETED: {Welcome: Connection.READY, Signal.FATAL: Connection.CLOSED},
    Connection.READY: {
        **dict.fromkeys((Ping, *QUESTIONS, Credit, Unsubscribe), Connection.READY),
        **dict.fromkeys((*ANSWERS, Progress, Preview, Estimating, *ITEMS), Connection.READY),
        Signal.FATAL: Connection.CLOSED,
    },
    Connection.CLOSED: {},
}

SUBSCRIPTION: Mapping[Subscription, Mapping[type | Signal, Subscription]] = {
    Subscription.NONE: {Subscribe: Subscription.ASKED},
    Subscription.ASKED: {Signal.ACCEPTED: Subscription.OPEN, Signal.REFUSED: Subscription.NONE},
    Subscription.OPEN: {
        **dict.fromkeys((Credit, Progress, Preview, *ITEMS), Subscription.OPEN),
        RunEnded: Subscription.ENDED,
        Unsubscribe: Subscription.LEFT,
    },
    Subscription.ENDED: {
        Credit: Subscription.ENDED,
        Unsubscribe: Subscription.ENDED,
        Subscribe: Subscription.ASKED,
    },
    Subscription.LEFT: {Subscribe: Subscription.REJOINING},
    Subscription.REJOINING: {Signal.ACCEPTED: Subscription.OPEN, Signal.REFUSED: Subscription.NONE},
}

FLOWING = (Subscription.ASKED, Subscription.OPEN, Subscription.REJOINING)
"""Where a stream flows or is about to."""

ON_THE_WAY = (Subscription.LEFT, Subscription.REJOINING)
"""Where a client may still receive what the server sent before it knew; such items are to be dropped."""


def greet(
    hello: Hello,
    server: str,
    profiles: Sequence[ProfileStatus],
    sources: Sequence[SourceStatus] = (),
    version: str = "",
    machine: Machine | None = None,
    pictures: Sequence[SourceStatus] = (),
) -> Welcome | Error:
    """The answer to ``hello``: another major version is refused, any minor one is welcome."""
    major, minor = limits.PROTOCOL_VERSION
    if hello.major == major:
        return Welcome(major, minor, server, list(profiles), list(sources), version, machine, list(pictures))
    older = "client" if hello.major < major else "server"
    text = f"The server speaks protocol {major}.{minor}, the client {hello.major}.{hello.minor}: update the {older}."
    return Error("unsupported_version", text)


class Session:
    """What each end keeps of one connection. ``now``: seconds on any clock that only goes forward."""

    says: tuple[type, ...]
    hears: tuple[type, ...]

    def __init__(self, now: float) -> None:
        self.state = Connection.NEW
        self._said = now
        self._heard = now
        self._major: int | None = None
        self.minor = 0
        """The newest minor version that both sides know."""
        self._unanswered: dict[str, list[type]] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._streams: dict[str, Stream] = {}

    def send(self, message: Message, now: float) -> None:
        """Note that ``message`` goes out now.

        Raises:
            LocalProtocolError: the rules do not allow it; nothing has changed.
        """
        try:
            self._move(message, self.says)
        except IllegalMove as error:
            raise LocalProtocolError(f"{type(message).__name__}: {error}") from None
        self._said = now

    def receive(self, message: Message, now: float) -> bool:
        """Note that ``message`` came in; False if it is to be dropped.

        Raises:
            RemoteProtocolError: the rules do not allow it; the session is over.
        """
        self._heard = now
        try:
            self._move(message, self.hears)
        except IllegalMove as error:
            self.state = Connection.CLOSED
            raise RemoteProtocolError(f"{type(message).__name__}: {error}") from None
        return True

    def ping_due(self, now: float) -> bool:
        """Whether we have been silent for so long that a ping must go out."""
        return self.state is Connection.READY and now - self._said >= limits.HEARTBEAT_SECONDS

    def dead(self, now: float) -> bool:
        """Whether the connection is to be forgotten: it is over, or the peer has been silent too long."""
        return self.state is Connection.CLOSED or now - self._heard > self._patience()

    def subscription(self, run: str) -> Subscription:
        """Where the subscription to this run stands."""
        return self._subscriptions.get(run, Subscription.NONE)

    def credit(self, run: str) -> int:
        """How many items of this run may still be sent (at the server) or come (at the client)."""
        return self._streams[run].credit if self.subscription(run) is Subscription.OPEN else 0

    def estimating(self, request: str | None = None) -> bool:
        """Whether this task, or any, waits for its answer."""
        ids = self._unanswered if request is None else (request,)
        return any(kind in TASKS for about in ids for kind in self._unanswered.get(about, ()))

    def _patience(self) -> float:
        return LIVENESS_SECONDS if self.state is Connection.READY else limits.HELLO_SECONDS

    def _move(self, message: Message, may_say: tuple[type, ...]) -> None:
        """Make the move, or raise ``IllegalMove`` and change nothing."""
        if type(message) not in may_say:
            raise IllegalMove("it is for the other side to say this")
        fatal = isinstance(message, Error) and message.code in FATAL_CODES
        state = CONNECTION[self.state].get(Signal.FATAL if fatal else type(message))
        if state is None:
            raise IllegalMove(f"not when the connection is {self.state.name}")
        match message:
            case Hello():
                self._major, self.minor = message.major, min(message.minor, limits.PROTOCOL_VERSION[1])
            case Welcome() if message.major != self._major:
                raise IllegalMove(f"version {message.major} is no answer to version {self._major}")
            case Welcome():
                self.minor = min(message.minor, self.minor)
            case Preview() if self.minor < PREVIEWS_SINCE:
                raise IllegalMove(f"there are no previews before version {self._major}.{PREVIEWS_SINCE}")
            case (
                Submit()
                | EstimateGeometry()
                | CheckPath()
                | MakeWorld()
                | MakePasses()
                | Imagine()
                | Subscribe()
                | Status()
                | Cancel()
                | StopAfterChunk()
                | List()
            ):
                self._ask(message)
            case (
                Submitted()
                | Estimated()
                | PathChecked()
                | WorldMade()
                | PassesMade()
                | Imagined()
                | RunStatus()
                | Runs()
                | Error()
            ) if not fatal:
                self._answer(message)
            case Estimating() if not self.estimating(message.request):
                raise IllegalMove("no such task waits")
            case (
                Credit()
                | Unsubscribe()
                | Progress()
                | Preview()
                | RunStarted()
                | ChunkCommitted()
                | Frame()
                | Points()
                | RunEnded()
            ):
                self._go_on(message)
        self.state = state

    def _ask(self, question: Question) -> None:
        if sum(map(len, self._unanswered.values())) >= limits.MAX_QUESTIONS:
            raise IllegalMove(f"{limits.MAX_QUESTIONS} questions wait for their answer already")
        waiting = self._unanswered.get(_about(question), [])
        if waiting and not _may_follow(waiting[0], type(question)):
            raise IllegalMove("its id is that of another question, which waits for its answer")
        if isinstance(question, Subscribe):
            if len(self._streams) >= limits.MAX_SUBSCRIPTIONS:
                raise IllegalMove(f"{limits.MAX_SUBSCRIPTIONS} subscriptions are open already")
            self._note(question.run, self._next(question.run, Subscribe), Stream.asked_for(question))
        self._unanswered.setdefault(_about(question), []).append(type(question))

    def _answer(self, answer: Answer) -> None:
        about = _about(answer)
        waiting = self._unanswered.get(about, [])
        if not waiting or waiting[0] not in ANSWERS[type(answer)]:
            raise IllegalMove("it answers no question")
        if waiting[0] is Subscribe:
            signal = Signal.REFUSED if isinstance(answer, Error) else Signal.ACCEPTED
            self._note(about, self._next(about, signal), self._streams[about])
        del waiting[0]
        if not waiting:
            del self._unanswered[about]

    def _go_on(self, message: Credit | Unsubscribe | Progress | Preview | StreamItem) -> None:
        run = message.run
        state, stream = self._next(run, type(message)), self._streams.get(run)
        if stream and isinstance(message, StreamItem):
            stream = stream.follow(message)
        elif stream and isinstance(message, Credit):
            stream = stream.grant(message.more)
        self._note(run, state, stream)

    def _note(self, run: str, state: Subscription, stream: Stream | None) -> None:
        """Remember no more than there is: streams only while they flow, and nothing of what was refused."""
        self._subscriptions[run] = state
        if stream and state in FLOWING:
            self._streams[run] = stream
        else:
            self._streams.pop(run, None)
        if state is Subscription.NONE:
            del self._subscriptions[run]

    def _next(self, run: str, move: type | Signal) -> Subscription:
        now = self.subscription(run)
        after = SUBSCRIPTION[now].get(move)
        if after is None:
            raise IllegalMove(f"not when the subscription is {now.name}")
        return after


class ServerSession(Session):
    """What a server keeps of one client."""

    says = get_args(ServerMessage)
    hears = get_args(ClientMessage)

    def _patience(self) -> float:
        if self.state is Connection.READY and not self._streams and not self.estimating():
            return limits.IDLE_SECONDS
        return super()._patience()


class ClientSession(Session):
    """What a client keeps of its connection."""

    says = get_args(ClientMessage)
    hears = get_args(ServerMessage)

    def dead(self, now: float) -> bool:
        """As ``Session.dead``; also when we were silent so long that the server must have forgotten us."""
        forgotten = (bool(self._streams) or self.estimating()) and now - self._said > LIVENESS_SECONDS
        return forgotten or super().dead(now)

    def receive(self, message: Message, now: float) -> bool:
        """As ``Session.receive``; what was on its way when we left a subscription is dropped."""
        if self.state is Connection.READY and self._on_the_way(message):
            self._heard = now
            return False
        return super().receive(message, now)

    def _on_the_way(self, message: Message) -> bool:
        return isinstance(message, Progress | Preview | StreamItem) and self.subscription(message.run) in ON_THE_WAY


def _may_follow(first: type, question: type) -> bool:
    """Whether a question may be asked about an id while ``first`` waits there: its answers come in order."""
    of_requests = (Submit, *TASKS)
    if first in TASKS and question is Cancel:
        return True
    return first is question if first in of_requests else question not in of_requests


def _about(message: Question | Answer) -> str:
    """The id that tells which question an answer belongs to."""
    match message:
        case Submit() | Submitted() | EstimateGeometry() | Estimated():
            return message.request
        case CheckPath() | PathChecked() | MakeWorld() | WorldMade() | Imagine() | Imagined():
            return message.request
        case MakePasses() | PassesMade():
            return message.request
        case RunStatus():
            return message.info.run
        case Error():
            return message.about
        case List() | Runs():
            return ""
    return message.run
