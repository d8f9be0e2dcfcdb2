"""From the network thread to the main thread: a timer that never does more than a little at a time."""

import atexit
import queue
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from . import answers, importing, news, preview, results, status_bar, streaming, world, world_steps
from .state import STATE

TICK_SECONDS = 0.1
"""Pause between two ticks while an errand is under way."""

BUDGET_SECONDS = 0.004
"""Most time that one tick spends on news."""

PIECE_SECONDS = 0.01
"""Pause between two pieces of what becomes objects: Blender draws, and answers the user, in between."""

MOST_NEWS = 64
"""Most pieces of news that one tick takes in."""


RUN, INQUIRY = "run", "inquiry"
"""Errands: there is one of each kind at a time. Whatever is asked while a run goes on, the server does in its turn."""


@dataclass
class _Errand:
    """The link in hand, or what comes before it."""

    link: Any = None
    before: Callable[[], bool] | None = None


_errands = {RUN: _Errand(), INQUIRY: _Errand()}


class _World:
    beside = None
    """A link that makes a world, whatever else is under way."""


def busy(kind: str = "") -> bool:
    """Whether an errand, of that kind or of any, is under way or its news are not all heard."""
    return any(
        errand.link is not None or errand.before is not None for name, errand in _errands.items() if kind in ("", name)
    )


def start(link, kind: str = RUN) -> None:
    """Follow ``link`` until its errand is over. In the background nothing fires timers: call ``to_the_end`` there."""
    _errands[kind].link = link
    _register()


def start_after(step: Callable[[], bool], kind: str = RUN) -> None:
    """Call ``step`` at each tick until it says True; it may start a link."""
    _errands[kind].before = step
    _register()


def start_beside(link) -> None:
    """Follow ``link``, which makes a world, beside the errand; in the background call ``made`` then."""
    _World.beside = link
    _register()


def making() -> bool:
    """Whether a world is being made."""
    return _World.beside is not None


def made() -> None:
    """Blocks until the world is made and all its news are heard."""
    while making():
        _World.beside.wait(0.05)
        pump_beside()


def _register() -> None:
    STATE.fault = ""
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=TICK_SECONDS, persistent=True)


def ask(wish: str, kind: str = RUN) -> None:
    """Pass a wish on to the errand under way."""
    if _errands[kind].link is not None:
        _errands[kind].link.ask(wish)


def stop_after(chunk: int) -> None:
    """Let the run under way stop after that chunk."""
    if _errands[RUN].link is not None:
        _errands[RUN].link.last = chunk


def ask_beside(wish: str) -> None:
    """Pass a wish on to the link that makes a world."""
    if _World.beside is not None:
        _World.beside.ask(wish)


def pump_beside() -> bool:
    """Take in what the link that makes a world has told; says whether there was anything."""
    link = _World.beside
    if link is None:
        return False
    ended, heard = not link.alive, False
    while not link.inbox.empty():
        item, heard = link.inbox.get_nowait(), True
        if isinstance(item, news.Connected):
            STATE.hear(item)
        STATE.making.hear(item)
    if ended:
        _World.beside = None
    return heard or ended


def pump(budget: float = BUDGET_SECONDS, most: int = MOST_NEWS) -> int:
    """Take in what the links have told: for ``budget`` seconds at most, ``most`` pieces at most; says how many."""
    heard, deadline = 0, time.perf_counter() + budget
    for kind in _errands:
        heard += _pump(kind, most - heard, deadline)
    return heard


def _pump(kind: str, most: int, deadline: float) -> int:
    link, heard = _errands[kind].link, 0
    if link is None:
        return 0
    ended = not link.alive  # before looking: what it told last is in the inbox then
    while heard < most and time.perf_counter() < deadline:
        try:
            item = link.inbox.get_nowait()
            STATE.hear(item, kind)
            if isinstance(item, news.Accepted | news.Ended):
                results.remember(STATE.run)
        except queue.Empty:
            if ended:
                _errands[kind].link = None
            break
        heard += 1
    return heard


def tick() -> float | None:
    """The timer: a bounded piece of all that is under way; the seconds until the next, None where all is done."""
    pauses = [pause for pause in map(_guarded, STEPS) if pause is not None]
    return min(pauses, default=None)


def _guarded(step: Callable[[], float | None]) -> float | None:
    """What ``step`` says. Blender drops a timer that raises, without a word: a fault of ours is said in the panel, and
    what is under way goes on."""
    try:
        return step()
    except Exception as error:
        traceback.print_exc()
        STATE.fault = f"WorldWarp has a fault ({type(error).__name__}: {error}); frames stay in the result folder"
        redraw()
        return TICK_SECONDS if busy() or making() else None


def _prepare() -> float | None:
    """What comes before an errand."""
    for errand in _errands.values():
        if errand.before is not None:
            step, errand.before = errand.before, None  # one that raises is not called again
            if step():
                redraw()
            else:
                errand.before = step
    return TICK_SECONDS if any(errand.before for errand in _errands.values()) else None


def _hear() -> float | None:
    """The news, and what is shown of them."""
    if any([pump(), pump_beside(), preview.follow(STATE.run), streaming.follow(STATE.run)]):  # all of them
        redraw()
    status_bar.follow(STATE.run if busy(RUN) else None)
    return TICK_SECONDS if busy() or making() else None


def _grow_world() -> float | None:
    """A world that was made, into the scene; the next one, where it is wanted."""
    if world.wanted(STATE.making):
        if not world_steps.ready(STATE.making):
            return PIECE_SECONDS
        if results.user_is_free():
            world_steps.bring_in()
            redraw()
    if not making():
        world_steps.refresh()
    return TICK_SECONDS if making() or world.wanted(STATE.making) else None


def _bring_in_run() -> float | None:
    """What has come of a run becomes objects, once it is over and the user's hands are off."""
    if busy(RUN) or not results.wanted(STATE.run):
        return TICK_SECONDS if busy(RUN) else None
    if not results.ready(STATE.run):
        return PIECE_SECONDS
    if not results.user_is_free():
        return TICK_SECONDS
    streaming.remove()
    results.bring_in(STATE.run)
    redraw()
    return None


def _bring_in_answer() -> float | None:
    """The same of what was asked for."""
    if busy(INQUIRY) or not answers.wanted(STATE.inquiry):
        return TICK_SECONDS if busy(INQUIRY) else None
    if not answers.ready(STATE.inquiry):
        return PIECE_SECONDS
    if not results.user_is_free():
        return TICK_SECONDS
    answers.bring_in(STATE.inquiry)
    redraw()
    return None


STEPS = (_prepare, _hear, _grow_world, _bring_in_run, _bring_in_answer)


def to_the_end(kind: str = RUN) -> None:
    """Blocks until the link of that kind is over and all its news are heard; nothing else is waited for."""
    errand = _errands[kind]
    while errand.link is not None:
        errand.link.wait(0.05)
        pump(budget=1.0)


def redraw() -> None:
    """Draw the sidebars of all 3D views anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def stop() -> None:
    """Let go of timer and server; a run goes on there. Blender crashes or hangs where it exits with a timer."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    importing.forget()
    preview.remove()
    status_bar.follow(None)
    if _World.beside is not None:
        _World.beside.leave()
        _World.beside = None
    for errand in _errands.values():
        if errand.link is not None:
            errand.link.leave()
        errand.link = errand.before = None


def register() -> None:
    atexit.register(stop)
    importing.register()


def unregister() -> None:
    atexit.unregister(stop)
    stop()
    importing.unregister()
