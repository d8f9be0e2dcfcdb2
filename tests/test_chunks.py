"""Planning covers the path exactly, and a recipe names every input that changes pixels."""

import dataclasses
import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worldwarp import chunks
from worldwarp.cameras import Cameras
from worldwarp.nouns import Shot
from worldwarp_protocol.messages import Diffusion, Override, Settings

from .shots_for_tests import straight_path


@given(frames=st.integers(2, 1000), k=st.integers(2, 20), c=st.integers(0, 5))
def test_a_plan_contributes_every_frame_once_and_overlaps_by_the_context(frames: int, k: int, c: int) -> None:
    settings = Settings(chunk_frames=4 * k + 1, context_frames=4 * min(c, k - 1) + 1)
    plan = chunks.plan(frames, settings)
    assert [i for chunk in plan for i in range(chunk.first_new, chunk.stop)] == list(range(frames))
    for before, chunk in itertools.pairwise(plan):
        assert chunk.start == before.stop - settings.context_frames
        assert chunk.context == settings.context_frames
    assert all(chunk.stop - chunk.start <= settings.chunk_frames for chunk in plan)


def test_the_paper_s_93_frames_are_49_and_44() -> None:
    plan = chunks.plan(93, Settings())
    assert [(c.start, c.stop, c.first_new) for c in plan] == [(0, 49, 0), (44, 93, 49)]


def test_a_short_last_chunk_is_extended_to_4k_plus_1_along_the_path() -> None:
    cameras = straight_path(16)
    whole = chunks.covered(cameras, chunks.plan(16, Settings())[0])
    assert len(whole) == 17
    step = cameras.centres[1] - cameras.centres[0]
    np.testing.assert_allclose(whole.centres[16], cameras.centres[15] + step, atol=1e-12)
    np.testing.assert_array_equal(whole.camera_to_world[:16], cameras.camera_to_world)


def _shot(**changes: object) -> Shot:
    cameras = straight_path(17, width=48, height=32)
    rng = np.random.default_rng(0)
    shot = Shot(
        name="a",
        pictures=rng.integers(0, 255, (1, 32, 48, 3), np.uint8),
        depth=np.full((1, 32, 48), 4, np.float32),
        cameras=cameras,
        settings=Settings(chunk_frames=9, context_frames=1),
    )
    return dataclasses.replace(shot, **changes)  # type: ignore[arg-type]


def test_several_first_frames_are_the_first_chunk_s_context() -> None:
    first, second = chunks.plan(60, Settings(), pictures=9)
    assert (first.context, first.first_new, first.stop) == (9, 0, 49)
    assert (second.context, second.start) == (5, 44)


def test_the_source_of_estimated_depth_is_in_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = msgspec.structs.replace(BASE.settings, geometry="ttt3r")
    keys = {_key(_shot(depth=None, settings=settings)), _key(_shot(settings=settings))}
    monkeypatch.setattr(chunks.sources, "recipe", lambda name: [name, "1", "digest of other weights"])
    keys |= {_key(_shot(depth=None, settings=settings)), _key(_shot(settings=settings))}
    assert len(keys) == 3  # where depth is given, no source is asked


def _key(shot: Shot, index: int = 0, previous: str | None = None, numerics: str = "cpu-float32") -> str:
    chunk = chunks.plan(len(shot.cameras), shot.settings)[index]
    return chunks.key(chunks.recipe(shot, chunk, previous, numerics))


def _moved(cameras: Cameras, frame: int) -> Cameras:
    poses = cameras.camera_to_world.copy()
    poses[frame, 0, 3] += 1e-9
    return dataclasses.replace(cameras, camera_to_world=poses)


def _zoomed(cameras: Cameras, frame: int) -> Cameras:
    K = cameras.K.copy()
    K[frame, 0, 0] += 1e-9
    return dataclasses.replace(cameras, K=K)


BASE = _shot()
SETTING_CHANGES = {
    "profile": "mini",
    "seed": 1,
    "far": 10.0,
    "context_frames": 5,
    "cache": "points",
    "cache_steps": 7,
    "geometry": "ttt3r",
    "depth_scale": 2.0,
    "anchor": (0.5, 0.5, 4.0),
}


def test_the_same_inputs_have_the_same_key() -> None:
    assert _key(_shot()) == _key(_shot(name="another name", colour_space="AgX Base sRGB"))


@pytest.mark.parametrize(
    "changed",
    [
        _shot(pictures=BASE.pictures ^ np.uint8(1)),
        _shot(depth=BASE.depth + np.float32(1e-6) if BASE.depth is not None else None),
        _shot(depth=None),
        _shot(cameras=_moved(BASE.cameras, 4)),
        _shot(cameras=_zoomed(BASE.cameras, 0)),
        *(
            _shot(settings=msgspec.structs.replace(BASE.settings, **{name: value}))
            for name, value in SETTING_CHANGES.items()
            if getattr(BASE.settings, name) != value
        ),
    ],
)
def test_every_input_that_changes_pixels_changes_the_key(changed: Shot) -> None:
    assert _key(changed) != _key(BASE)


def test_memory_changes_later_chunks_only() -> None:
    """The first has nothing to remember: it is not computed again."""
    without = _shot(settings=msgspec.structs.replace(BASE.settings, memory_frames=0))
    assert _key(without) == _key(BASE)
    assert _key(without, 1, "before") != _key(BASE, 1, "before")


def test_easing_changes_later_chunks_of_what_a_model_made_only() -> None:
    """The first is not eased; but whether its frames' cameras are solved is part of what it holds."""
    keys: dict[str, list[tuple[str, str]]] = {}
    for profile, frames in itertools.product(("draft", "wan"), (0, 8, 16)):
        changed = _shot(settings=msgspec.structs.replace(BASE.settings, profile=profile, ease_frames=frames))
        keys.setdefault(profile, []).append((_key(changed), _key(changed, 1, "before")))
    assert len(set(keys["draft"])) == 1
    never, short, long = keys["wan"]
    assert short[0] == long[0] != never[0]
    assert len({never[1], short[1], long[1]}) == 3


def test_every_setting_is_in_the_recipe_or_known_to_act_before() -> None:
    assert set(SETTING_CHANGES) | chunks.NOT_IN_RECIPE | {"diffusion", "memory_frames", "ease_frames"} == {
        f.name for f in msgspec.structs.fields(Settings)
    }


DIFFUSION_CHANGES = {
    "prompt": "a hall",
    "style": "Van Gogh style",
    "negative_prompt": "fog",
    "sigma": 0.5,
    "steps": 4,
    "shift": 3.0,
    "guidance": 1.0,
    "guidance_valid": 2.0,
    "solver": "dpm++",
    "noise": "full",
    "tokens": "sampled",
    "erosion": 3,
    "age_noise": 0.1,
    "confidence_noise": 0.1,
    "colour_correction": True,
    "memory": "low",
}


def test_how_a_model_invents_is_in_its_recipe_and_not_in_that_of_draft() -> None:
    assert set(DIFFUSION_CHANGES) == {f.name for f in msgspec.structs.fields(Diffusion)}
    changes = [Diffusion(), *(Diffusion(**{name: value}) for name, value in DIFFUSION_CHANGES.items())]
    for profile, keys in (("draft", 1), ("wan", len(changes))):
        shots = [
            _shot(settings=msgspec.structs.replace(BASE.settings, profile=profile, diffusion=change))
            for change in changes
        ]
        assert len({_key(shot) for shot in shots}) == keys


def test_what_is_changed_for_one_chunk_changes_that_chunk_only() -> None:
    settings = msgspec.structs.replace(BASE.settings, profile="wan")
    plain, other = _shot(settings=settings), _shot(settings=settings, overrides=(Override(chunk=1, sigma=0.5, seed=9),))
    assert _key(other, 0) == _key(plain, 0)
    assert _key(other, 1, "a" * 64) != _key(plain, 1, "a" * 64)
    chosen = chunks.settings_of(other, chunks.plan(17, settings)[1])
    assert (chosen.seed, chosen.diffusion.sigma, chosen.diffusion.steps) == (9, 0.5, 50)


def test_numerics_the_past_and_stage_versions_change_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {_key(BASE), _key(BASE, numerics="cuda-float32"), _key(BASE, 1, "a" * 64), _key(BASE, 1, "b" * 64)}
    for stage in chunks.STAGES:
        with monkeypatch.context() as patch:
            patch.setitem(chunks.STAGES, stage, "another")
            keys.add(_key(BASE))
    assert len(keys) == 4 + len(chunks.STAGES)


def test_the_past_is_all_chunks_not_the_last_alone() -> None:
    """Two walks that both went black in their second chunk are different walks."""
    assert chunks.past([]) is None
    pasts = {chunks.past(digests) for digests in (["a" * 64], ["a" * 64, "c" * 64], ["b" * 64, "c" * 64])}
    assert len(pasts) == 3


def test_moving_a_late_key_keeps_the_early_chunks() -> None:
    moved = _shot(cameras=_moved(BASE.cameras, 16))
    assert _key(moved, 0) == _key(BASE, 0)
    assert _key(moved, 1, "a" * 64) != _key(BASE, 1, "a" * 64)
