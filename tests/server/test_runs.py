"""Submit, stream, cancel, stop: through a real socket, with the draft profile in a real worker."""

import secrets

import numpy as np
import pytest
import zmq
from worldwarp.store import Store
from worldwarp_protocol import codec, messages
from worldwarp_protocol.keys import KeyPair, enrol
from worldwarp_protocol.messages import Cancel, List, Settings, StopAfterChunk, Submit, Subscribe, Unsubscribe

from .peers import Caller, Server, calling, small_shot


def test_a_run_comes_whole_and_in_order(caller: Caller) -> None:
    submitted = caller.submit(small_shot(name="whole"))
    assert submitted.info.state == "queued"
    assert (submitted.info.chunks, submitted.info.frames, submitted.kept) == (3, 17, 0)
    stream = caller.stream(submitted.info.run)
    assert stream.ended.state == "done"
    kinds = [type(message).__name__ for message, _ in stream.items]
    assert kinds == [
        "RunStarted",
        *("ChunkCommitted", *["Frame"] * 9, "Points"),
        *("ChunkCommitted", *["Frame"] * 4, "Points"),
        *("ChunkCommitted", *["Frame"] * 4, "Points"),
        "RunEnded",
    ]
    assert stream.seqs == list(range(1, len(kinds) + 1))
    assert sorted(stream.frames) == list(range(17))
    assert stream.progress
    info = caller.status(submitted.info.run)
    assert (info.state, info.chunks_done, info.frames_done, info.seq) == ("done", 3, 17, stream.seqs[-1])


def test_what_is_sent_is_what_was_committed(server: Server, caller: Caller) -> None:
    stream = caller.stream(caller.submit(small_shot(name="committed", seed=1)).info.run)
    store = Store(server.store)
    for chunk in stream.chunks:
        assert store.manifest(chunk.key).digest == chunk.digest
        for index in range(chunk.first, chunk.first + chunk.count):
            frame, provenance = stream.frames[index]
            assert frame == store.read(chunk.key, f"frames/{index + 1:04d}.png")
            assert provenance == store.read(chunk.key, f"provenance/{index + 1:04d}.png")


def test_the_start_tells_the_cameras_at_the_generated_size(caller: Caller) -> None:
    arrays = small_shot(name="sizes", frames=9)[1]
    half = messages.Shot(name="sizes", settings=Settings(width=32, height=16, chunk_frames=9, cache_steps=5))
    stream = caller.stream(caller.submit((half, arrays)).info.run)
    message, sent = stream.items[0]
    assert (message.width, message.height) == (32, 16)
    np.testing.assert_array_equal(sent["frame"], arrays["frame"])
    np.testing.assert_array_equal(sent["camera_to_world"], arrays["camera_to_world"])
    np.testing.assert_allclose(sent["K"][:, 0, 0], arrays["K"][:, 0, 0] / 2)
    assert message.shot.settings == half.settings


def test_a_returning_client_gets_the_rest(caller: Caller) -> None:
    run = caller.submit(small_shot(name="rest", seed=2)).info.run
    whole = caller.stream(run)
    for after in (1, 5, 12, 13, len(whole.seqs) - 1):
        assert caller.stream(run, after=after).content == whole.content[after:]


def test_what_the_client_has_is_left_out(caller: Caller) -> None:
    run = caller.submit(small_shot(name="have", seed=3)).info.run
    whole = caller.stream(run)
    second = whole.chunks[1].digest
    rest = caller.stream(run, have=(second,))
    left_out = [m.seq for m, _ in whole.items if isinstance(m, messages.Frame | messages.Points) and m.chunk == 1]
    assert rest.content == [item for item in whole.content if item[1] not in left_out]


def test_the_same_request_gets_the_same_answer(caller: Caller) -> None:
    shot, request = small_shot(name="twice", seed=4), secrets.token_hex(16)
    first = caller.submit(shot, request)
    caller.stream(first.info.run)
    assert caller.submit(shot, request) == first
    assert [info.name for info in caller.ask(List(), messages.Runs).runs].count("twice") == 1


def test_a_request_number_is_for_one_shot(caller: Caller) -> None:
    request = secrets.token_hex(16)
    caller.submit(small_shot(name="number", frames=5, seed=5), request)
    answer = caller.submit(small_shot(name="other", frames=5, seed=6), request)
    assert (answer.code, answer.field) == ("invalid_shot", "request")


def test_the_same_shot_again_computes_nothing(caller: Caller) -> None:
    first = caller.stream(caller.submit(small_shot(name="kept", seed=7)).info.run)
    again = caller.submit(small_shot(name="kept", seed=7))
    assert (again.kept, again.info.state) == (3, "done")
    assert caller.stream(again.info.run).content == first.content


def test_two_runs_that_need_the_same_chunk_compute_it_once(caller: Caller) -> None:
    shot = small_shot(name="shared", seed=8, steps=60)
    first, second = caller.submit(shot).info.run, caller.submit(shot).info.run
    streams = [caller.stream(first), caller.stream(second)]
    assert streams[0].content == streams[1].content
    assert not streams[1].progress


def test_a_longer_path_goes_on_from_what_is_there(caller: Caller) -> None:
    caller.stream(caller.submit(small_shot(frames=9, name="short", seed=9)).info.run)
    assert caller.submit(small_shot(frames=17, name="short", seed=9)).kept == 1


def test_cancel_ends_a_run_between_two_steps(caller: Caller) -> None:
    long = caller.submit(small_shot(frames=101, name="long", seed=10, steps=3000)).info.run
    caller.say(Subscribe(run=long, credit=1))
    caller.hear(messages.Progress)
    assert caller.ask(Cancel(long), messages.RunStatus).info.state == "cancelled"
    # the worker is free again: the next run is not kept waiting
    assert caller.stream(caller.submit(small_shot(frames=5, name="next", seed=11)).info.run).ended.state == "done"
    caller.say(Unsubscribe(long))
    rest = caller.stream(long, after=1)
    assert rest.ended.state == "cancelled"
    assert rest.seqs[-1] == caller.status(long).seq


def test_stop_after_the_chunk_in_work(caller: Caller) -> None:
    run = caller.submit(small_shot(frames=101, name="stop", seed=12, steps=60)).info.run
    caller.say(Subscribe(run=run, credit=1))
    progress = caller.hear(messages.Progress)
    caller.ask(StopAfterChunk(run), messages.RunStatus)
    caller.say(Unsubscribe(run))
    stream = caller.stream(run)
    assert stream.ended.state == "stopped"
    assert progress.chunk + 1 <= len(stream.chunks) < 24


def test_clients_take_turns(server: Server, caller: Caller) -> None:
    """The second client's short run is not kept waiting by the first one's long one."""
    keys = KeyPair(*zmq.curve_keypair())
    enrol(server.home, "turns", keys.public.decode())
    long = caller.submit(small_shot(frames=401, name="first", seed=13, steps=20)).info.run
    with calling(server, keys=keys) as other:
        stream = other.stream(other.submit(small_shot(frames=9, name="second", seed=14)).info.run)
        assert stream.ended.state == "done"
    info = caller.ask(Cancel(long), messages.RunStatus).info
    assert info.chunks_done < info.chunks


def test_what_is_wrong_is_said_before_any_work(caller: Caller) -> None:
    shot, arrays = small_shot(name="wrong")
    bad = {**arrays, "depth": arrays["depth"] * np.nan}
    answer = caller.submit((shot, bad))
    assert (answer.code, answer.field) == ("invalid_shot", "depth")
    for profile, code in (("nonsense", "unknown_profile"), ("wan", "missing_weights")):
        answer = caller.submit((messages.Shot(name="wrong", settings=Settings(profile=profile)), arrays))
        assert (answer.code, answer.field) == (code, "settings.profile")
        assert profile in answer.text
    assert "wrong" not in [info.name for info in caller.ask(List(), messages.Runs).runs]


def test_unknown_runs_are_said_to_be(caller: Caller) -> None:
    for question in (messages.Status, Cancel, StopAfterChunk, Subscribe):
        answer = caller.ask(question(run="0" * 32), messages.RunStatus)
        assert (answer.code, answer.about) == ("unknown_run", "0" * 32)


def test_two_questions_at_once(caller: Caller) -> None:
    """While a shot is checked, other questions are answered."""
    shot, arrays = small_shot(name="asides", frames=5, seed=15)
    caller.say(Submit(request=secrets.token_hex(16), shot=shot), arrays)
    caller.say(List())
    assert {type(caller.hear(messages.Submitted, messages.Runs)) for _ in range(2)} == {
        messages.Submitted,
        messages.Runs,
    }


def test_arrays_that_do_not_fit_each_other_are_refused_and_the_session_goes_on(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot, arrays = small_shot(name="odd")
    monkeypatch.setattr(codec, "check_arrays", lambda *_: None)  # a client that checks nothing
    answer = caller.submit((shot, {**arrays, "frame": arrays["frame"][:-1]}))
    assert (answer.code, answer.field) == ("invalid_shot", "cameras")
    assert "make them the same" in answer.text
    assert caller.ask(List(), messages.Runs).runs is not None
