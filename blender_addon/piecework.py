"""Operators whose work is done a bounded piece at a time from the panel, and in one go in scripts."""

import time
from collections.abc import Generator
from typing import Any

from bpy.app.translations import pgettext_iface as iface_

from .actions import Action
from .problems import Problem

TICK_SECONDS = 0.01
"""Between two rounds: Blender draws, and answers the user, in between."""

BUDGET_SECONDS = 0.02
"""Of a round; a piece that has begun is brought to its end."""


class Piecework(Action):
    """``work`` is done piece by piece; each says for the status bar what it is. ``done`` gets what it returns."""

    doing = ""
    """The status bar's words, with {} for what a piece says."""

    def work(self, context) -> Generator[str, None, Any]:
        raise NotImplementedError

    def done(self, context, value) -> set[str]:
        raise NotImplementedError

    def invoke(self, context, event) -> set[str]:
        self.pieces = self.work(context)
        self.timer = context.window_manager.event_timer_add(TICK_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event) -> set[str]:
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"RUNNING_MODAL"}  # takes must stay meanwhile
        deadline = time.perf_counter() + BUDGET_SECONDS
        try:
            while time.perf_counter() < deadline:
                said = next(self.pieces)
        except StopIteration as end:
            self.cancel(context)
            return self.done(context, end.value)
        except Problem as problem:
            self.cancel(context)
            return self.refuse(problem)
        context.workspace.status_text_set(iface_(self.doing).format(said))
        return {"RUNNING_MODAL"}

    def cancel(self, context) -> None:
        context.window_manager.event_timer_remove(self.timer)
        context.workspace.status_text_set(None)
        self.pieces.close()

    def execute(self, context) -> set[str]:
        pieces = self.work(context)
        try:
            while True:
                next(pieces)
        except StopIteration as end:
            return self.done(context, end.value)
        except Problem as problem:
            return self.refuse(problem)
