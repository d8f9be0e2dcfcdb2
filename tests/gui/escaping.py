"""Esc over the 3D view ends the run, at the server, too, and the panel offers what has come."""

import bpy
import shot
from bl_ext.user_default.worldwarp import link, pump
from bl_ext.user_default.worldwarp.actions import reachable
from bl_ext.user_default.worldwarp.state import STATE
from driving import check, click_button, find, open_sidebar, open_steps, picture, play, press, until


def state_at_server(run: str):
    """What the server itself says of ``run``."""
    said = []
    pump.start(link.Link(reachable(), lambda _, client: said.append(client.status(run).state)))
    yield from until(lambda: said and not pump.busy(), "The server did not answer", 20)
    return said[0]


def script():
    bpy.context.scene.worldwarp.seed += 1  # else all is kept
    yield from open_sidebar()
    yield from open_steps("generate")
    yield from click_button("generate")
    yield from shot.in_the_middle()
    check(not shot.over(), f"The run was over before Esc: {STATE.run.text}")
    yield from press("Escape")
    yield from until(shot.over, "Esc did not end the run", 30)
    check(STATE.run.state == "cancelled", f"After Esc the run is {STATE.run.state}: {STATE.run.text}")
    yield from until(lambda: not pump.busy(), "The connection was not let go of", 20)
    state = yield from state_at_server(STATE.run.id)
    check(state == "cancelled", f"After Esc the server says that the run is {state}")
    yield from open_steps("result")
    yield from find("worldwarp.import_result(")
    yield from picture("cancelled")


play(script)
