"""A blocking client: ask for an answer, or for a shot and receive it into a folder whatever happens on the way."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from . import keys as keyfiles
from . import limits, tasks
from .arrays import CAMERAS, BadArray, check_arrays
from .codec import Arrays
from .connection import Connection, Context
from .errors import InvalidShot, KeyRefused, Refused, ServerUnreachable, SessionEnded
from .inputs import Inputs
from .messages import (
    Anchor,
    Cancel,
    CheckPath,
    Diffusion,
    Error,
    Estimated,
    EstimateGeometry,
    Estimation,
    GeometrySource,
    Imagine,
    Imagined,
    List,
    MakePasses,
    MakeWorld,
    PassesMade,
    PathChecked,
    Product,
    RunEnded,
    RunInfo,
    Runs,
    RunStatus,
    Settings,
    Shot,
    Status,
    StopAfterChunk,
    Submit,
    Submitted,
    Welcome,
    WorldMade,
)
from .reception import OnEvent, Reception, ShouldStop
from .results import ResultFolder
from .session import MINI_SINCE, Question, Task
from .words import in_words

ADDRESS = "tcp://127.0.0.1:7654"
"""Where ``worldwarp serve`` listens if nothing else is said."""

A = TypeVar("A", Submitted, RunStatus, Runs)
T = TypeVar("T")
W = TypeVar("W", Estimated, PathChecked, WorldMade, PassesMade, Imagined)

TASKS_SINCE: dict[type[Task], tuple[int, str]] = {
    EstimateGeometry: (1, "estimate geometry"),
    CheckPath: (3, "check a path"),
    MakeWorld: (3, "make files of a world"),
    MakePasses: (4, "send depth"),
    Imagine: (4, "make a picture of words"),
}
"""The minor version of a server that can, and what it can then."""

SETTINGS_SINCE = {"diffusion": 2, "cache": 2, "overscan": 3, "every": 3, "ease_frames": 3}
SHOT_SINCE = {"overrides": 2, "mask": 3, "sky": 3}
"""The minor version of a server that knows them; an older one would pass over settings without a word."""


def ignore(*_: object) -> None:
    """Do nothing, wish nothing."""


class Client:
    """A client of one server. Used from one thread at a time; nothing is sent before the first request.

    Args:
        address: ``tcp://HOST:PORT``.
        keys: our pair; this user's own if left out.
        server_public: the server's public key (``keys.public_key`` checks text); that of this machine's if left out.
        name: of the program, for the server's log.
        timeout: seconds that connecting may take.

    Raises:
        ServerUnreachable, KeyRefused, Refused, RemoteProtocolError: from every request; see ``errors``.
    """

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        keys: keyfiles.KeyPair | None = None,
        server_public: bytes | None = None,
        name: str = "worldwarp",
        timeout: float = 5.0,
    ) -> None:
        self.address = address
        self._keys = keys or keyfiles.client_keys(keyfiles.home())
        self._server_public = server_public or keyfiles.server_keys(keyfiles.home()).public
        self._name = name
        self._timeout = timeout
        self._context: Context = zmq.Context()
        self._connection: Connection | None = None

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect(self) -> Welcome:
        """Connect anew; the answer says what the server can do."""
        self.disconnect()
        connection = Connection(self._context, self.address, self._keys, self._server_public, self._timeout)
        try:
            welcome = connection.welcome(self._name)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return welcome

    def disconnect(self) -> None:
        """Let go of the server; runs go on, and the next request connects again."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def close(self) -> None:
        """Disconnect for good."""
        self.disconnect()
        self._context.term()

    def submit(self, shot: Shot, arrays: Mapping[str, NDArray[Any]], request: str | None = None) -> Submitted:
        """Ask for a shot; ``messages.Shot`` names the arrays.

        Args:
            request: 32 hex digits. Asking again with the same ones gets the first answer, not a second run.

        Raises:
            InvalidShot: a field or an array is not as it must be; nothing was sent.
            Refused: by the server; or it is too old for the shot, and nothing was sent.
        """
        check_shot(shot, arrays)
        question = Submit(request or secrets.token_hex(16), shot)

        def ask(connection: Connection) -> Submitted:
            check_known(shot, arrays, connection.session.minor)
            connection.send(question, arrays)
            return self._answer(connection, Submitted, limits.IDLE_SECONDS)

        return self._twice(ask)

    def estimate(
        self,
        what: Estimation,
        source: GeometrySource,
        picture: NDArray[np.uint8],
        depth: NDArray[np.float32] | None = None,
        K: NDArray[np.float64] | None = None,
        fps: float = 24.0,
        request: str | None = None,
        on_progress: tasks.OnProgress = ignore,
        should_stop: Callable[[], object] = ignore,
    ) -> tuple[Estimated, Arrays]:
        """The geometry of a picture, or the path of a clip's camera; ``messages.Estimated`` names the arrays.

        Waits as long as it takes; both calls are made on this thread.

        Args:
            picture: (n, H, W, 3), display-referred; one frame for a picture.
            depth: (n, H, W), planar, for the source ``given``; infinite is sky.
            K: (n, 3, 3) of the camera where it is known, in pixels of the picture.
            on_progress: called with (step, steps); 0 of 0 while others are before us.
            should_stop: asked several times a second; what is true ends the work and raises ``Refused``.

        Raises:
            InvalidShot: an argument is not as it must be; nothing was sent.
            Refused: by the server; its ``code`` is ``cancelled`` after ``should_stop``.
        """
        task = EstimateGeometry(request=request or secrets.token_hex(16), what=what, source=source, fps=fps)
        given = {"picture": picture, "depth": depth, "K": K}
        arrays = {name: array for name, array in given.items() if array is not None}
        return self._do(task, arrays, Estimated, on_progress, should_stop)

    def check_path(
        self,
        arrays: Mapping[str, NDArray[Any]],
        source: GeometrySource = "given",
        far: float = 1e6,
        preview: int = 0,
        depth_scale: float = 1.0,
        anchor: Anchor | None = None,
        request: str | None = None,
        on_progress: tasks.OnProgress = ignore,
        should_stop: Callable[[], object] = ignore,
    ) -> tuple[PathChecked, Arrays]:
        """What the picture shows along a path; ``messages.CheckPath`` and ``PathChecked`` name the arrays.

        Waits, and raises, as ``estimate`` does.

        Args:
            source: where the depth comes from that is not among the arrays.
            far: depth beyond it, in world units, is sky.
            preview: width of the pictures that are drawn of it, in pixels, at most 256; 0: none.
            depth_scale, anchor: of the shot's settings; they scale depth that is estimated.
        """
        task = CheckPath(
            request=request or secrets.token_hex(16),
            source=source,
            far=far,
            depth_scale=depth_scale,
            anchor=anchor,
            preview=preview,
        )
        return self._do(task, arrays, PathChecked, on_progress, should_stop)

    def make_world(
        self,
        run: str,
        products: Sequence[Product],
        folder: ResultFolder | None = None,
        steps: int = 600,
        request: str | None = None,
        on_progress: tasks.OnProgress = ignore,
        should_stop: Callable[[], object] = ignore,
    ) -> tuple[WorldMade, Arrays]:
        """Files of the world that a run of ours has made so far; ``messages.WorldMade`` names the arrays.

        Waits, and raises, as ``estimate`` does.

        Args:
            products: ``points``, ``mesh`` and ``gaussians``, or some of them.
            folder: a result folder to keep the files in, below ``world/``.
            steps: of the fit of the Gaussian scene.

        Raises:
            Refused: ``busy`` where no chunk is committed yet.
            FolderError: the files cannot be written.
        """
        task = MakeWorld(request=request or secrets.token_hex(16), run=run, products=list(products), steps=steps)
        message, arrays = self._do(task, {}, WorldMade, on_progress, should_stop)
        if folder:
            folder.keep_world({name: array.data for name, array in arrays.items()})
        return message, arrays

    def fetch_passes(
        self,
        run: str,
        folder: ResultFolder,
        on_progress: tasks.OnProgress = ignore,
        should_stop: Callable[[], object] = ignore,
    ) -> int:
        """Keep all that is known of each frame as ``exr/0001.exr`` in ``folder``, a result of ours; says how many came.

        One frame is asked for at a time, and those that are there are not asked for: call it again to go on.
        Waits, and raises, as ``estimate`` does.

        Args:
            on_progress: called with (frame, frames).

        Raises:
            Refused: ``busy`` while the run goes on.
            FolderError: a file cannot be written.
        """
        missing, frames = folder.without_passes(), folder.frames_there
        for index in missing:
            on_progress(index, frames)
            task = MakePasses(request=secrets.token_hex(16), run=run, index=index)
            _, arrays = self._do(task, {}, PassesMade, ignore, should_stop)
            folder.add_passes(index, arrays["exr"].data)
        return len(missing)

    def imagine(
        self,
        diffusion: Diffusion,
        width: int,
        height: int,
        seed: int = 0,
        request: str | None = None,
        on_progress: tasks.OnProgress = ignore,
        should_stop: Callable[[], object] = ignore,
    ) -> tuple[Imagined, Arrays]:
        """A first picture from the words in ``diffusion``; ``messages.Imagine`` says what else of it counts.

        Waits, and raises, as ``estimate`` does.

        Args:
            width, height: of the picture, multiples of 16.
        """
        task = Imagine(
            request=request or secrets.token_hex(16), diffusion=diffusion, width=width, height=height, seed=seed
        )
        return self._do(task, {}, Imagined, on_progress, should_stop)

    def status(self, run: str) -> RunInfo:
        """How a run stands."""
        return self._ask(Status(run), RunStatus).info

    def cancel(self, run: str) -> RunInfo:
        """End a run now; committed chunks stay."""
        return self._ask(Cancel(run), RunStatus).info

    def stop_after_chunk(self, run: str) -> RunInfo:
        """End a run when the chunk in work is committed."""
        return self._ask(StopAfterChunk(run), RunStatus).info

    def runs(self) -> list[RunInfo]:
        """Our runs, newest first."""
        return self._ask(List(), Runs).runs

    def receive(
        self,
        run: str,
        folder: ResultFolder,
        on_event: OnEvent = ignore,
        should_stop: ShouldStop = ignore,
        on_lost: Callable[[str], None] = ignore,
        made_of: Inputs | None = None,
    ) -> RunEnded | None:
        """Receive what ``folder`` lacks of a run, until the run is over; connects again for as long as it takes.

        All three are called on this thread.

        Args:
            on_event: called with every message of the run and its arrays, once they are in the folder.
            should_stop: asked several times a second: ``"cancel"`` or ``"stop_after_chunk"`` ends the run (its last
                items still come), ``"leave"`` returns None at once and lets it go on.
            on_lost: called with a sentence each time the connection is lost.
            made_of: what we submitted (``inputs.pack``), for the folder: `worldwarp generate --from` makes it again.

        Raises:
            FolderError: the folder belongs to another shot or cannot be written.
        """
        reception = Reception(run, folder, on_event, should_stop, made_of)
        self._connected()
        shortest, longest = limits.RECONNECT_SECONDS
        pause, ended = shortest, False
        while True:
            items = reception.items
            try:
                return reception.listen(self._connected())
            except ServerUnreachable as error:
                self.disconnect()
                if isinstance(error, KeyRefused) or (ended and isinstance(error, SessionEnded)):
                    raise
                moved = reception.items > items
                ended = isinstance(error, SessionEnded) and not moved
                pause = shortest if moved else pause
                on_lost(f"{error} Trying again in {pause:.0f} s.")
                if reception.leaves_within(pause):
                    return None
                pause = min(2 * pause, longest)
            except BaseException:
                self.disconnect()
                raise

    def _connected(self) -> Connection:
        if self._connection and not self._connection.usable():
            self.disconnect()
        if not self._connection:
            self.connect()
        assert self._connection
        return self._connection

    def _ask(self, question: Question, kind: type[A]) -> A:
        def ask(connection: Connection) -> A:
            connection.send(question)
            return self._answer(connection, kind, limits.ANSWER_SECONDS)

        return self._twice(ask)

    def _twice(self, ask: Callable[[Connection], T]) -> T:
        """What ``ask`` returns; it is asked once more where the connection breaks before."""
        for last in (False, True):
            connection = self._connected()
            try:
                return ask(connection)
            except ServerUnreachable:
                self.disconnect()
                if last:
                    raise
        raise AssertionError

    def _do(
        self,
        task: Task,
        arrays: Mapping[str, NDArray[Any]],
        kind: type[W],
        on_progress: tasks.OnProgress,
        should_stop: Callable[[], object],
    ) -> tuple[W, Arrays]:
        tasks.check_task(task, arrays)
        return self._twice(lambda connection: self._ask_task(connection, task, arrays, kind, on_progress, should_stop))

    def _ask_task(
        self,
        connection: Connection,
        task: Task,
        arrays: Mapping[str, NDArray[Any]],
        kind: type[W],
        on_progress: tasks.OnProgress,
        should_stop: Callable[[], object],
    ) -> tuple[W, Arrays]:
        since, able = TASKS_SINCE[type(task)]
        if connection.session.minor < since:
            raise Refused("unsupported_version", f"The server is too old to {able}: update it.")
        if getattr(task, "source", "") == "mini" and connection.session.minor < MINI_SINCE:
            raise Refused("unsupported_version", UNKNOWN, "source")
        try:
            return tasks.ask(connection, task, arrays, kind, on_progress, should_stop)
        except (InvalidShot, Refused, ServerUnreachable):
            raise
        except BaseException:
            self.disconnect()
            raise

    def _answer(self, connection: Connection, kind: type[A], patience: float) -> A:
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            message, _ = connection.receive(left) or (None, {})
            if isinstance(message, Error):
                raise Refused(message.code, message.text, message.field)
            if isinstance(message, kind):
                return message
        raise ServerUnreachable(f"The server at {self.address} does not answer: try again.")


def check_shot(shot: Shot, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise ``InvalidShot`` where ``shot`` or its arrays are not as a server takes them."""
    try:
        msgspec.convert(msgspec.to_builtins(shot), Shot)
        check_arrays(Submit, arrays)
    except BadArray as error:
        raise InvalidShot("cameras" if error.field in CAMERAS else error.field, error.text) from None
    except msgspec.ValidationError as error:
        field, text = in_words(error)
        raise InvalidShot(field or "shot", f"{text}.") from None
    check_length(shot)


def check_length(shot: Shot) -> None:
    """Raise ``InvalidShot`` where ``shot`` is longer than a message can carry it there and back."""
    if len(msgspec.msgpack.encode(shot)) > limits.MAX_SHOT_BYTES:
        raise InvalidShot("overrides", "hold more text than one message can carry; shorten the prompts of the chunks.")


def check_known(shot: Shot, arrays: Mapping[str, NDArray[Any]], minor: int) -> None:
    """Raise ``Refused`` where a server of this minor version does not know what ``shot`` or its arrays wish."""
    chosen, plain = shot.settings, Settings()
    wishes = {f"settings.{name}": getattr(chosen, name) != getattr(plain, name) for name in SETTINGS_SINCE}
    wishes |= {"overrides": bool(shot.overrides), "mask": "mask" in arrays, "sky": "sky" in arrays}
    for field, wished in wishes.items():
        if wished and minor < (SETTINGS_SINCE | SHOT_SINCE)[field.removeprefix("settings.")]:
            raise Refused("unsupported_version", UNKNOWN, field)
    if chosen.geometry == "mini" and minor < MINI_SINCE:
        raise Refused("unsupported_version", UNKNOWN, "settings.geometry")


UNKNOWN = "is unknown to this server, which is too old for it: update the server, or leave it as it was."
