"""From the network thread to the main thread: a timer that never does more than a little at a time."""

import atexit
import queue
import time
import traceback
from collections.abc import Callable

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


class _Errand:
    """The link in hand, or what comes before it; there is one at a time."""

    link = None
    before = None
    beside = None
    """A link that makes a world, whatever else is under way."""


def busy() -> bool:
    """Whether an errand is under way or its news are not all heard."""
    return _Errand.link is not None or _Errand.before is not None


def start(link) -> None:
    """Follow ``link`` until its errand is over. In the background nothing fires timers: call ``to_the_end`` there."""
    _Errand.link = link
    _register()


def start_after(step: Callable[[], bool]) -> None:
    """Call ``step`` at each tick until it says True; it may start a link."""
    _Errand.before = step
    _register()


def start_beside(link) -> None:
    """Follow ``link``, which makes a world, beside the errand; in the background call ``made`` then."""
    _Errand.beside = link
    _register()


def making() -> bool:
    """Whether a world is being made."""
    return _Errand.beside is not None


def made() -> None:
    """Blocks until the world is made and all its news are heard."""
    while making():
        _Errand.beside.wait(0.05)
        pump_beside()


def _register() -> None:
    STATE.fault = ""
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=TICK_SECONDS, persistent=True)


def ask(wish: str) -> None:
    """Pass a wish on to the errand under way."""
    if _Errand.link is not None:
        _Errand.link.ask(wish)


def stop_after(chunk: int) -> None:
    """Let the run under way stop after that chunk."""
    if _Errand.link is not None:
        _Errand.link.last = chunk


def ask_beside(wish: str) -> None:
    """Pass a wish on to the link that makes a world."""
    if _Errand.beside is not None:
        _Errand.beside.ask(wish)


def pump_beside() -> bool:
    """Take in what the link that makes a world has told; says whether there was anything."""
    link = _Errand.beside
    if link is None:
        return False
    ended, heard = not link.alive, False
    while not link.inbox.empty():
        item, heard = link.inbox.get_nowait(), True
        if isinstance(item, news.Connected):
            STATE.hear(item)
        STATE.making.hear(item)
    if ended:
        _Errand.beside = None
    return heard or ended


def pump(budget: float = BUDGET_SECONDS, most: int = MOST_NEWS) -> int:
    """Take in what the link has told: for ``budget`` seconds at most, ``most`` pieces at most; says how many."""
    link, heard, deadline = _Errand.link, 0, time.perf_counter() + budget
    if link is None:
        return 0
    ended = not link.alive  # before looking: what it told last is in the inbox then
    while heard < most and time.perf_counter() < deadline:
        try:
            item = link.inbox.get_nowait()
            STATE.hear(item)
            if isinstance(item, news.Accepted | news.Ended):
                results.remember(STATE.run)
        except queue.Empty:
            if ended:
                _Errand.link = None
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
    if _Errand.before is None:
        return None
    step, _Errand.before = _Errand.before, None  # one that raises is not called again
    if not step():
        _Errand.before = step
        return TICK_SECONDS
    redraw()
    return None


def _hear() -> float | None:
    """The news, and what is shown of them."""
    if any([pump(), pump_beside(), preview.follow(STATE.run), streaming.follow(STATE.run)]):  # all of them
        redraw()
    status_bar.follow(STATE.run if busy() else None)
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


def _bring_in() -> float | None:
    """What has come becomes objects, once nothing is under way and the user's hands are off."""
    if busy():
        return TICK_SECONDS
    if results.wanted(STATE.run):
        if not results.ready(STATE.run):
            return PIECE_SECONDS
        if not results.user_is_free():
            return TICK_SECONDS
        streaming.remove()
        results.bring_in(STATE.run)
        redraw()
    elif answers.wanted(STATE.inquiry):
        if not answers.ready(STATE.inquiry):
            return PIECE_SECONDS
        if not results.user_is_free():
            return TICK_SECONDS
        answers.bring_in(STATE.inquiry)
        redraw()
    return TICK_SECONDS if results.wanted(STATE.run) or answers.wanted(STATE.inquiry) else None


STEPS = (_prepare, _hear, _grow_world, _bring_in)


def to_the_end() -> None:
    """Blocks until the errand is over and all its news are heard."""
    while busy():
        _Errand.link.wait(0.05)
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
    _Errand.before = None
    importing.forget()
    preview.remove()
    status_bar.follow(None)
    if _Errand.beside is not None:
        _Errand.beside.leave()
        _Errand.beside = None
    if _Errand.link is not None:
        _Errand.link.leave()
        _Errand.link = None


def register() -> None:
    atexit.register(stop)
    importing.register()


def unregister() -> None:
    atexit.unregister(stop)
    stop()
    importing.unregister()
