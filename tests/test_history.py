"""History is the previous chunk, in the order of trust."""

from worldwarp.history import select_history
from worldwarp.nouns import Chunk


def test_the_first_chunk_sees_the_picture() -> None:
    assert select_history(None) == [0]
    assert select_history(None, pictures=5) == [0, 1, 2, 3, 4]


def test_the_second_sees_the_picture_first_then_the_most_recent() -> None:
    chosen = select_history(Chunk(0, 0, 49, 1))
    assert chosen[:6] == [0, 48, 47, 46, 45, 44]
    assert chosen[1:] == sorted(chosen[1:], reverse=True)
    assert len(chosen) == len(set(chosen)) == 14  # the last keyframe is one of the last five


def test_a_later_one_sees_nothing_older_than_the_previous_chunk() -> None:
    chosen = select_history(Chunk(2, 88, 137, 5))
    assert min(chosen) == 88
    assert max(chosen) == 136
