"""What the panel shows. Lives on the main thread, beside Blender's data, and so survives File > Open."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import news

STAGES = {
    "history": (0.0, 0.0, "Looking back"),
    "caption": (0.01, 0.01, "Describing the picture"),
    "geometry": (0.02, 0.02, "Reading the geometry"),
    "cache": (0.05, 0.04, "Building the 3D cache"),
    "priors": (0.75, 0.12, "Rendering what is known"),
    "fill": (0.85, 0.15, "Filling what is not"),
    "encode": (0.97, 0.16, "Preparing"),
    "denoise": (0.97, 0.18, "Denoising, step {step} of {steps}"),
    "decode": (0.97, 0.92, "Decoding"),
    "save": (0.97, 0.97, "Saving"),
}
"""Where in a chunk each stage begins, of draft and of what denoises, and its name for the user."""


ENOUGH = 0.1
"""Of a chunk's work, to tell from it how long the rest takes."""

SAID_BEFORE = "finer detail of the picture is lost"
"""In a warning of the server's that the panel says before Generate, as a plain note."""


@dataclass
class Run:
    """A run as far as it is known here."""

    folder: Path
    scene: int
    """``session_uid`` of the scene that it was started from: names change, references die."""
    id: str = ""
    chunks: int = 0
    frames: int = 0
    frames_done: int = 0
    chunks_done: int = 0
    kept: int = 0
    """Of the chunks: they were there before."""
    only_next: bool = False
    """Whether it is to stop after the first chunk that was not there before."""
    anew: bool = False
    """Whether its picture was rendered because the user asked for that."""
    stop_after: int | None = None
    """The chunk that the user wants to be the last."""
    begun: float | None = None
    """When the work on it began, as far as it is known here: on the clock that ``time.monotonic`` reads."""
    denoises: bool = False
    """Whether it is of a profile that does."""
    progress: news.Progress | None = None
    reached: float = 0.0
    """Of the chunk in work: stages overlap and come again, what is shown never goes back."""
    preview: news.Preview | None = None
    state: str = "connecting"
    text: str = ""
    lost: str = ""
    cancelling: bool = False
    """Whether the server was asked to end it and has not answered yet."""
    warnings: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    imported: str = ""
    """Name of the collection it became."""

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "cancelled", "stopped")

    @property
    def fraction(self) -> float:
        """Of the whole run, 0 to 1."""
        if self.state == "done":
            return 1.0
        return min((self.chunks_done + self.reached) / max(self.chunks, 1), 1.0)

    def seconds_left(self, now: float) -> float | None:
        """About how long it still takes, by how long the work took so far; None where that is too early to say.

        Args:
            now: on the clock of ``begun``.
        """
        chunks = max(self.chunks, 1)
        end = 1.0 if self.stop_after is None else min((self.stop_after + 1) / chunks, 1.0)
        worked = self.fraction - self.kept / chunks
        if self.begun is None or self.state != "running" or worked * chunks < ENOUGH:
            return None
        return max(0.0, (now - self.begun) * (end - self.fraction) / worked)

    def advance(self, progress: news.Progress) -> None:
        """Take in where the work on a chunk stands."""
        if self.begun is None:
            self.begun = time.monotonic()
        if progress.chunk != (self.progress.chunk if self.progress else self.chunks_done):
            self.reached = 0.0
        self.progress = progress
        if progress.chunk == self.chunks_done:
            starts = [stage[self.denoises] for stage in STAGES.values()] + [1.0]
            place = list(STAGES).index(progress.stage)
            share = min(progress.step / max(progress.steps, 1), 1.0)
            self.reached = max(self.reached, starts[place] + (starts[place + 1] - starts[place]) * share)

    @property
    def stage(self) -> str:
        """What is being done, in words that may hold a step's number; "" where nothing is known yet."""
        return STAGES[self.progress.stage][2] if self.progress else ""


@dataclass
class Inquiry:
    """What is asked for: a picture's geometry, a clip's path or a draft of the whole path."""

    what: str
    scene: int
    """``session_uid`` of the scene that it was asked from."""
    context: Any
    """What its answer will be placed by: ``estimating.View``, ``estimating.Filmed`` or ``draft.Path``."""
    state: str = "reading"
    """reading, asking, answered, done, failed, cancelled"""
    text: str = ""
    step: int = 0
    steps: int = 0
    warnings: list[str] = field(default_factory=list)
    arrays: dict = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


@dataclass
class Making:
    """Files of a run's world that are asked for."""

    run: str
    folder: Path
    scene: int
    """``session_uid`` of the scene that it was asked from."""
    products: tuple[str, ...]
    state: str = "asking"
    """asking, answered, done, failed, cancelled"""
    text: str = ""
    step: int = 0
    steps: int = 0
    chunks: int = 0
    """Parts of the walk that it was made of."""
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    def hear(self, item: news.News) -> None:
        """Take in one piece of news."""
        match item:
            case news.Failed() if not self.over:
                self.state, self.text = "failed", item.text
            case news.Estimating():
                self.step, self.steps = item.step, item.steps
            case news.WorldMade() if not self.over:
                self.state, self.chunks, self.meta = "answered", item.chunks, item.meta


@dataclass
class State:
    """The server as it was last seen; the run, the inquiry and the world in hand."""

    connected: bool | None = None
    """None: not tried yet."""
    connection: str = ""
    """The server's name and address, or why there is none."""
    machine: str = ""
    """What it computes on, "" where it does not say."""
    versions: str = ""
    """Its version and the extension's."""
    profiles: dict[str, str] = field(default_factory=dict)
    """Name -> why it cannot run there, "" where it can."""
    sources: dict[str, str] = field(default_factory=dict)
    """The same of sources of geometry."""
    pictures: dict[str, str] = field(default_factory=dict)
    """The same of sources of first pictures."""
    fault: str = ""
    """What went wrong in the extension itself, one sentence."""
    run: Run | None = None
    inquiry: Inquiry | None = None
    making: Making | None = None

    def hear(self, item: news.News, of: str = "") -> None:
        """Take in one piece of news; ``of`` the run, of the inquiry, or of whatever is under way."""
        match item:
            case news.Connected():
                self.connected, self.connection = True, item.server
                self.profiles, self.sources = dict(item.profiles), dict(item.sources)
                self.machine, self.versions = item.machine, item.versions
                self.pictures = dict(item.pictures)
            case news.Failed():
                self._fail(item.text, of)
            case news.Estimating() if self.inquiry:
                self.inquiry.step, self.inquiry.steps = item.step, item.steps
            case news.Estimated() if self.inquiry and not self.inquiry.over:
                self.inquiry.arrays, self.inquiry.state = item.arrays, "answered"
                self.inquiry.warnings.extend(item.warnings)
            case _ if self.run:
                hear_of_run(self.run, item)

    def forget_server(self) -> None:
        """Another one was chosen: nothing is known of it yet."""
        self.connected, self.connection, self.machine, self.versions = None, "", "", ""
        self.profiles, self.sources = {}, {}

    def _fail(self, text: str, of: str) -> None:
        named = {"run": [self.run], "inquiry": [self.inquiry]}.get(of, [self.run, self.inquiry])
        tasks = [task for task in named if task and not task.over]
        for task in tasks:
            task.state, task.text = "failed", text
        if self.connected is not True or not tasks:
            self.connected, self.connection = False, text


def hear_of_run(run: Run, item: news.News) -> None:
    """Take in one piece of news about ``run``."""
    if not isinstance(item, news.Lost):
        run.lost = ""
    match item:
        case news.Accepted():
            run.id, run.chunks, run.frames, run.state = item.run, item.chunks, item.frames, "running"
            run.chunks_done = run.kept = item.kept
            run.stop_after = item.kept if run.only_next else run.stop_after
            run.warnings.extend(text for text in item.warnings if SAID_BEFORE not in text)
        case news.Progress():
            run.advance(item)
        case news.Preview():
            run.preview = item
        case news.Arrived():
            run.frames_done = max(run.frames_done, item.frames)
        case news.Committed():
            if item.chunks > run.chunks_done:
                run.chunks_done, run.reached = item.chunks, 0.0
            run.preview = None  # what is final takes its place
            if item.warning and item.warning not in run.warnings:
                run.warnings.append(item.warning)
        case news.Lost():
            run.lost = item.text
        case news.Ended():
            run.state, run.text = item.state, item.text


STATE = State()
