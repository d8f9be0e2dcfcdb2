"""What stands on the surface of the sidebar, and what under Advanced."""


def test_quality_and_freedom_are_on_the_surface_and_all_else_is_under_advanced(in_blender, extension):
    found = in_blender("surface.py", extension)
    draft, wan = found["draft"], found["wan"]
    assert draft["generate"] == ["profile", "speed", "generate", "generate_next"]
    assert [name for name in wan["generate"] if name not in draft["generate"]] == ["sigma"]
    assert wan["picture"][-2:] == ["prompt", "style"]
    assert not {"prompt", "style"} & set(draft["picture"])
    for name in ("name", "longest_side", "seed", "cache", "every", "overscan"):
        assert name in draft["generate/advanced"]
    assert {"steps", "solver", "guidance", "memory"} <= set(wan["generate/advanced/diffusion"])
    assert draft["generate/ranges"] == ["part_add", "regenerate", "roll_back"]
    assert all(len(text) <= 30 for text in draft["labels"] + wan["labels"] if " " in text)  # as many fit 260 pixels
    assert found["half typed"]
