"""The network thread: one server, one errand. Never touches ``bpy``; tells its news through a queue."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from worldwarp_protocol import inputs, keys, limits, messages
from worldwarp_protocol.client import Client
from worldwarp_protocol.errors import Refused, WorldWarpError
from worldwarp_protocol.results import ResultFolder

from . import news
from .questions import Order, PathQuestion, Question, Words

JOIN_SECONDS = 3.0
"""Longest wait for the thread when Blender quits or the extension is switched off; it is a daemon all the same."""


@dataclass(frozen=True)
class Server:
    """Where the server is, its public key ("" is this machine's), and the folder of our own keys."""

    address: str
    public: str
    home: Path

    def client(self) -> Client:
        public = keys.public_key(self.public) if self.public else None
        return Client(self.address, keys=keys.client_keys(self.home), server_public=public, name="blender")


class Link:
    """An errand on its thread.

    Args:
        errand: called with this link on the thread; ``say_hello``, ``generate``, ``fetch``, ``estimate``,
            ``check_path`` or ``make_world``.
    """

    def __init__(self, server: Server, errand: "Errand") -> None:
        self.inbox: queue.SimpleQueue[news.News] = queue.SimpleQueue()
        self._wishes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.last: int | None = None
        """The chunk after which the run is to stop; None: it goes on to its end."""
        self._thread = threading.Thread(target=self._run, args=(server, errand), name="WorldWarp", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def tell(self, item: news.News) -> None:
        """Called on the thread."""
        self.inbox.put(item)

    def ask(self, wish: str) -> None:
        """``cancel``, ``stop_after_chunk`` or ``leave``; heard within a fraction of a second."""
        self._wishes.put(wish)

    def stop_in_time(self, chunk: int) -> None:
        """Called on the thread, with the chunk in work: stop after it where it is the last one that is wished for."""
        if self.last is not None and chunk >= self.last:
            self.last = None
            self.ask("stop_after_chunk")

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def leave(self) -> None:
        """Let go of the server; the run goes on there."""
        self.ask("leave")
        self.wait(JOIN_SECONDS)

    def take_wish(self) -> str | None:
        """Called on the thread: the next wish, each once."""
        try:
            return self._wishes.get_nowait()
        except queue.Empty:
            return None

    def _run(self, server: Server, errand: "Errand") -> None:
        try:
            with server.client() as client:
                welcome = client.connect()
                profiles = tuple((profile.name, profile.missing) for profile in welcome.profiles)
                sources = tuple((source.name, source.missing) for source in welcome.sources)
                pictures = tuple((source.name, source.missing) for source in welcome.pictures)
                where = f"{welcome.server}, {server.address.removeprefix('tcp://')}"
                machine = in_words(welcome.machine)
                self.tell(news.Connected(where, profiles, sources, machine, versions(welcome), pictures))
                errand(self, client)
        except WorldWarpError as error:
            self.tell(news.Failed(str(error)))
        except Exception as error:  # a bug: say it in the panel rather than in a console nobody reads
            self.tell(news.Failed(f"The network thread stopped: {type(error).__name__}: {error}"))


def in_words(machine: messages.Machine | None) -> str:
    """What the server computes on, for the panel; "" where it does not say."""
    if machine is None:
        return ""
    memory = f"{machine.memory / 2**30:.0f} GB of memory" if machine.memory else ""
    if not machine.gpu:
        return ", ".join(part for part in ("No GPU", memory) if part)
    return ", ".join(part for part in (f"{machine.gpu} with {machine.gpu_memory / 2**30:.0f} GB", memory) if part)


def versions(welcome: messages.Welcome) -> str:
    """The version of each side; where they differ, what that means."""
    major, minor = limits.PROTOCOL_VERSION
    theirs = f"{welcome.version or 'of an older version'} (protocol {welcome.major}.{welcome.minor})"
    ours = f"{metadata.version('worldwarp-protocol')} (protocol {major}.{minor})"
    text = f"Server {theirs}, extension {ours}"
    if welcome.minor < minor:
        return f"{text}: what is newer here it cannot do, and says so"
    return text


Errand = Callable[[Link, Client], None]


def say_hello(link: Link, client: Client) -> None:
    """No more than the connection itself."""


def generate(order: Order, folder: Path, only_next: bool = False) -> Errand:
    """Submit ``order`` and receive its run into ``folder``; ``only_next``: stop after the first chunk that is new."""

    def errand(link: Link, client: Client) -> None:
        shot = order.shot()
        submitted = client.submit(shot, order.arrays)
        info = submitted.info
        link.last = submitted.kept if only_next else link.last
        link.tell(news.Accepted(info.run, info.chunks, submitted.kept, info.frames, tuple(submitted.warnings)))
        _receive(link, client, info.run, folder, inputs.pack(shot, order.arrays, order.files))

    return errand


def fetch(run: str, folder: Path) -> Errand:
    """Receive what ``folder`` lacks of a run that was submitted before."""

    def errand(link: Link, client: Client) -> None:
        info = client.status(run)
        link.tell(news.Accepted(run, info.chunks, info.chunks_done, info.frames, ()))
        _receive(link, client, run, folder)

    return errand


@contextmanager
def _as_wished() -> Iterator[None]:
    """The server says that it cancelled: that is what was wished for."""
    try:
        yield
    except Refused as error:
        if error.code != "cancelled":
            raise


def estimate(question: Question) -> Errand:
    """Ask for a picture's geometry or a clip's path."""

    def errand(link: Link, client: Client) -> None:
        with _as_wished():
            answer, arrays = client.estimate(
                question.what,
                question.source,
                question.picture,
                question.depth,
                question.K,
                question.fps,
                on_progress=lambda step, steps: link.tell(news.Estimating(step, steps)),
                should_stop=link.take_wish,
            )
            link.tell(news.Estimated(dict(arrays), tuple(answer.warnings)))

    return errand


def imagine(words: Words) -> Errand:
    """Ask for a first picture."""

    def errand(link: Link, client: Client) -> None:
        with _as_wished():
            _, arrays = client.imagine(
                messages.Diffusion(**words.diffusion),
                words.width,
                words.height,
                words.seed,
                on_progress=lambda step, steps: link.tell(news.Estimating(step, steps)),
                should_stop=link.take_wish,
            )
            link.tell(news.Estimated(dict(arrays), ()))

    return errand


def check_path(question: PathQuestion) -> Errand:
    """Ask for a draft of a path."""

    def errand(link: Link, client: Client) -> None:
        with _as_wished():
            answer, arrays = client.check_path(
                question.arrays,
                question.source,
                question.far,
                question.width,
                anchor=question.anchor,
                on_progress=lambda step, steps: link.tell(news.Estimating(step, steps)),
                should_stop=link.take_wish,
            )
            link.tell(news.Estimated(dict(arrays), tuple(answer.warnings)))

    return errand


def make_world(run: str, products: tuple[str, ...], folder: Path) -> Errand:
    """Ask for files of the world that a run has made so far, into ``folder``."""

    def errand(link: Link, client: Client) -> None:
        with _as_wished():
            made, _ = client.make_world(
                run,
                products,
                ResultFolder(folder),
                on_progress=lambda step, steps: link.tell(news.Estimating(step, steps)),
                should_stop=link.take_wish,
            )
            link.tell(news.WorldMade(made.chunks, dict(made.meta)))

    return errand


def fetch_passes(run: str, folder: Path) -> Errand:
    """Ask for all that is known of each frame, into ``folder``; what is there is not asked for again."""

    def errand(link: Link, client: Client) -> None:
        result = ResultFolder(folder)
        with _as_wished():
            client.fetch_passes(
                run,
                result,
                on_progress=lambda step, steps: link.tell(news.Estimating(step, steps)),
                should_stop=link.take_wish,
            )
            link.tell(news.WorldMade(len(result.record.chunks), {"exr.frames": result.frames_there}))

    return errand


def preview_of(folder: Path, pictures: np.ndarray, first: int, apart: int) -> news.Preview | None:
    """The pictures with the frames of the timeline that they show, ``apart`` from each other in the walk.

    One that would lie beyond its end shows its last frame, further ones are left out. None where there is nothing to
    show, or the walk's cameras have not come yet.
    """
    if not (folder / "cameras.npz").is_file():
        return None
    with np.load(folder / "cameras.npz", allow_pickle=False) as cameras:
        frames = cameras["frame"].tolist()
    last = len(frames) - 1
    if first > last:
        return None
    shown = [frames[min(place, last)] for place in range(first, last + apart, apart)][: len(pictures)]
    return news.Preview(pictures[: len(shown)], tuple(shown))


def _receive(link: Link, client: Client, run: str, folder: Path, made_of: inputs.Inputs | None = None) -> None:
    def on_event(message: messages.Message, arrays: object) -> None:
        match message:
            case messages.Progress():
                link.tell(news.Progress(message.chunk, message.stage, message.step, message.steps))
                link.stop_in_time(message.chunk)
            case messages.Preview():
                if preview := preview_of(folder, arrays["preview"], message.first, message.apart):
                    link.tell(preview)
            case messages.Frame():
                link.tell(news.Arrived(message.index + 1))
            case messages.ChunkCommitted():
                link.tell(news.Committed(message.chunk + 1, str(message.meta.get("geometry_warning", ""))))

    ended = client.receive(
        run,
        ResultFolder(folder),
        on_event=on_event,
        should_stop=link.take_wish,
        on_lost=lambda text: link.tell(news.Lost(text)),
        made_of=made_of,
    )
    if ended is not None:
        there = sum(1 for _ in (folder / "frames").glob("*.png"))  # some may have been here before
        link.tell(news.Arrived(there))
        link.tell(news.Ended(ended.state, ended.text))
