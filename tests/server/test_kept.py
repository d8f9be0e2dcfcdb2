"""Shots on disk: all that was wished comes back, and so does what an older server kept."""

import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from worldwarp import nouns, shots
from worldwarp.server import kept
from worldwarp_protocol import messages
from worldwarp_protocol.messages import Diffusion, Override, Settings

from .peers import Caller, calling, serving, small_shot

OVERRIDES = (Override(chunk=0, seed=7), Override(chunk=2, prompt="A door.", style="", sigma=0.0))


def shot_of(overrides: tuple[Override, ...]) -> nouns.Shot:
    shot, _ = shots.from_wire(*small_shot(name="kept"))
    settings = msgspec.structs.replace(shot.settings, cache="points", diffusion=Diffusion(style="Ink", steps=8))
    return replace(shot, settings=settings, overrides=overrides)


def test_overrides_and_diffusion_settings_come_back(tmp_path: Path) -> None:
    shot = shot_of(OVERRIDES)
    again = kept.read(tmp_path, kept.write(tmp_path, shot))
    assert again.overrides == OVERRIDES
    assert again.settings == shot.settings
    np.testing.assert_array_equal(again.pictures, shot.pictures)


def test_shots_that_differ_in_an_override_are_two(tmp_path: Path) -> None:
    digests = {kept.write(tmp_path, shot_of(OVERRIDES[:count])) for count in range(3)}
    assert len(digests) == 3


def test_a_shot_that_an_older_server_kept_has_no_overrides(tmp_path: Path) -> None:
    digest = kept.write(tmp_path, shot_of(()))
    content = msgspec.msgpack.decode((tmp_path / "shots" / digest).read_bytes())
    del content["overrides"], content["settings"]["diffusion"], content["settings"]["cache"]
    older = msgspec.msgpack.encode(content)
    digest = hashlib.sha256(older).hexdigest()
    (tmp_path / "shots" / digest).write_bytes(older)
    again = kept.read(tmp_path, digest)
    assert again.overrides == ()
    assert again.settings == msgspec.structs.replace(shot_of(()).settings, cache="3dgs", diffusion=Diffusion())


def started(caller: Caller, run: str) -> messages.Shot:
    return caller.stream(run).items[0][0].shot


def test_overrides_outlive_the_server(tmp_path: Path) -> None:
    plain, arrays = small_shot(name="kept", frames=9, seed=90, steps=5)
    wire = messages.Shot(
        name="kept",
        settings=Settings(chunk_frames=9, cache_steps=5, diffusion=Diffusion(prompt="A hall.")),
        overrides=[Override(chunk=0, seed=7)],
    )
    with serving(tmp_path) as server, calling(server) as caller:
        run = caller.submit((wire, arrays)).info.run
        without = caller.submit((plain, arrays)).info.run
        assert started(caller, run) == wire
        first = {item: caller.stream(item).chunks[0].key for item in (run, without)}
    with serving(tmp_path) as server, calling(server) as caller:
        assert started(caller, run) == wire
        assert started(caller, without).overrides == []
        assert {item: caller.stream(item).chunks[0].key for item in (run, without)} == first
    assert first[run] != first[without], "another seed is another recipe"


def test_a_shot_with_more_text_than_a_message_carries_is_refused(caller: Caller) -> None:
    """Its start could not be told."""
    plain, arrays = small_shot(name="long", frames=9)
    wordy = [Override(chunk=chunk, prompt="a" * 4000) for chunk in range(600)]
    answer = caller.submit((msgspec.structs.replace(plain, overrides=wordy), arrays))
    assert (answer.code, answer.field) == ("invalid_shot", "overrides")
