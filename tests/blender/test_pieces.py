"""What Blender's main thread does at once is bounded, by counting; what is given up leaves nothing."""

MOST = {"converted": 1 << 14, "read": 3 << 16, "measured": 16 << 14, "nodes": 16, "attributes": 2, "images": 1}
"""In one piece. A block is read in three or four groups of columns; a measured block has up to 16 cameras."""


def test_results_worlds_and_estimates_are_made_in_bounded_pieces(in_blender, tmp_path):
    found = in_blender("pieces.py", tmp_path)
    for work in ("result", "world", "estimate"):
        most, pieces, left = found[work]
        assert most["converted"] == MOST["converted"], work  # it is counted, and it is many
        for name, limit in MOST.items():
            assert most[name] <= limit, (work, name)
        assert most["objects"] <= 1
        assert pieces > 15
        assert left == []
    assert found["result"][0]["read"] > 0
    assert found["begun"] == [True, True, True]
    assert found["saved"] == [True, True]
    assert found["undone"] == [True, True]
    assert found["placed"] == [True, 2, True]
