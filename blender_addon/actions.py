"""What the operators share. ``execute`` blocks until the work is done and so serves scripts and ``blender -b``;
``invoke``, from the panel, leaves the work to thread and timer."""

import socket

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from . import backend_process, preferences, pump, wheels
from .problems import Problem
from .state import STATE

PROBE_SECONDS = 0.5
"""Longest wait for a server on this machine to take a connection; a refusal comes at once."""


class Action(bpy.types.Operator):
    """What the operators share: problems become error reports."""

    bl_options = {"REGISTER"}

    def refuse(self, problem: Exception) -> set[str]:
        self.report({"ERROR"}, str(problem))
        pump.redraw()
        return {"CANCELLED"}


class Errand(Action):
    """An action that the network thread carries out: ``start`` it, and ``end`` it where somebody waits for it.

    It is not registered: Repeat Last (Shift R) would ``execute`` it, and Blender would stand still to its end.
    """

    bl_options: set[str] = set()
    errand = pump.RUN
    """Of which kind it is; ``poll`` lets no two of a kind begin."""

    def invoke(self, context, event) -> set[str]:
        try:
            self.start(context)
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def execute(self, context) -> set[str]:
        try:
            self.start(context)
            pump.to_the_end(self.errand)
            self.end()
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}


BUSY = {
    pump.RUN: "The server is busy with a shot: wait for it, or cancel it",
    pump.INQUIRY: "The server is busy with a question: wait for its answer, or cancel it",
}


def idle(cls, kind: str = "") -> bool:
    """For ``poll``: whether an errand can begin where one of that kind, or any, would be in its way."""
    if sentence := wheels.missing():
        cls.poll_message_set(sentence)
        return False
    for name, sentence in BUSY.items():
        if kind in ("", name) and pump.busy(name):
            cls.poll_message_set(rpt_(sentence))
            return False
    return True


def reachable():
    """The server of the preferences.

    Raises:
        Problem: nothing listens at its address on this machine, or the preferences name none.
    """
    try:
        server = preferences.server()
    except Problem as problem:
        STATE.connected, STATE.connection = False, str(problem)
        raise
    if preferences.is_local(server.address):
        try:
            socket.create_connection(backend_process.where(server.address), PROBE_SECONDS).close()
        except OSError:
            STATE.connected = False
            STATE.connection = rpt_("No server: press Start, or run `worldwarp serve` in a terminal")
            raise Problem(
                f"No server runs at {server.address}: press Start (Server), or run `worldwarp serve` in a terminal"
            ) from None
    return server
