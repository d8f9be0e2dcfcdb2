"""Numbers of stream items, against the list written out one by one."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from worldwarp import shots
from worldwarp.server import streams
from worldwarp.server.journal import Committed, Run
from worldwarp.server.sender import as_ttt3r
from worldwarp.server.streams import Place

from .peers import small_shot
from .test_journal import new_run


def written_out(counts: list[int], ended: bool) -> list[Place]:
    places, first = [Place("started")], 0
    for number, count in enumerate(counts):
        places.append(Place("committed", number))
        places += [Place("frame", number, first + i) for i in range(count)]
        places.append(Place("points", number))
        first += count
    return places + [Place("ended")] * ended


def run_of(counts: list[int], ended: bool) -> Run:
    chunks = [Committed(f"k{i}", f"d{i}", sum(counts[:i]), count) for i, count in enumerate(counts)]
    return replace(new_run(), committed=tuple(chunks), state="failed" if ended else "running")


some_counts = st.lists(st.integers(1, 9), max_size=4)


@given(some_counts, st.booleans())
def test_places(counts: list[int], ended: bool) -> None:
    run, expected = run_of(counts, ended), written_out(counts, ended)
    assert [streams.place(run, seq) for seq in range(1, len(expected) + 1)] == expected
    assert streams.place(run, len(expected) + 1) is None
    assert run.seq == len(expected)


@given(some_counts, st.integers(1, 9))
def test_numbers_never_change_when_more_is_committed(counts: list[int], more: int) -> None:
    before, after = run_of(counts, ended=False), run_of([*counts, more], ended=False)
    assert all(streams.place(before, seq) == streams.place(after, seq) for seq in range(1, before.seq + 1))


@given(some_counts, st.booleans(), st.sets(st.integers(0, 3)), st.integers(0, 20))
def test_what_is_left_out(counts: list[int], ended: bool, have: set[int], after: int) -> None:
    run = run_of(counts, ended)
    places = written_out(counts, ended)
    wanted = [
        seq
        for seq, at in enumerate(places, 1)
        if seq > after and not (at.kind in ("frame", "points") and at.chunk in have)
    ]
    sent, digests = [], {f"d{i}" for i in have}
    seq = streams.next_seq(run, after, digests)
    while seq <= run.seq:
        sent.append(seq)
        seq = streams.next_seq(run, seq, digests)
    assert sent == wanted


def test_a_client_of_before_is_told_ttt3r_for_its_small_copy() -> None:
    shot, _ = shots.from_wire(*small_shot(name="small"))
    chosen = replace(shot, settings=structs.replace(shot.settings, geometry="mini"))
    assert streams.started(new_run(), 1, as_ttt3r(chosen))[0].shot.settings.geometry == "ttt3r"
    assert as_ttt3r(shot) is shot
