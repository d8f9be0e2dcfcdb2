"""The oracle loop: a ray-cast truth stands in for ST-Diff, clean or spoilt, with true or wrong geometry.

Every fault of the loop shows as a number here, without any weights: what the cache carries from chunk to chunk is
compared with the ray cast, and what each chunk says of itself with what was done to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from msgspec import structs
from worldwarp import chunks, draft
from worldwarp.cameras import Cameras
from worldwarp.diffusion import drift
from worldwarp.geometry import views
from worldwarp.geometry.alignment import align
from worldwarp.history import select_history
from worldwarp.nouns import ChunkResult, Estimate, Filled, Floats, Geometry, Priors, Prompt, Provenance, Report, View
from worldwarp.pipeline import generate_chunk
from worldwarp.profiles import Profile
from worldwarp_protocol.messages import Settings

from .cache import scene
from .geometry.estimates import depth_at, turned

pytestmark = pytest.mark.slow

SETTINGS = Settings(chunk_frames=9, context_frames=5, cache_steps=20)
CAMERAS = scene.path(21, width=80, height=64)
CHUNKS = 4

Spoil = Callable[[Floats, int], Floats]
"""``spoil(frames (n, H, W, 3), first)``: what a model makes of the truth, frames ``first`` and on."""

TRUTH = [scene.picture(CAMERAS, i) for i in range(len(CAMERAS))]


def clean(frames: Floats, _first: int) -> Floats:
    return frames


def blurred(frames: Floats, _first: int) -> Floats:
    padded = np.pad(frames, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    rows = sum(padded[:, i : i + frames.shape[1]] for i in range(3)) / 3
    return sum(rows[:, :, i : i + frames.shape[2]] for i in range(3)) / 3


def tinted(frames: Floats, _first: int) -> Floats:
    return np.clip(frames * np.float32([1.06, 1, 1]) + np.float32([0.01, 0, 0]), 0, 1)


def noised(frames: Floats, first: int) -> Floats:
    noise = np.random.default_rng(first).standard_normal(frames.shape)
    return np.clip(frames + 0.05 * noise, 0, 1).astype(np.float32)


def oracle(spoil: Spoil, correct: bool = False) -> Callable[..., Filled]:
    """``fill`` of a model that knows the truth and spoils it."""

    def fill(priors: Priors, context: Sequence[View], _: Prompt, _settings: Settings, _report: Report) -> Filled:
        first = context[0].index
        made = spoil(np.stack([TRUTH[first + i].rgb for i in range(len(priors.rgb))]).astype(np.float32), first)
        meta = drift.measure(made, np.stack([view.rgb for view in context]) / np.float32(255), priors)
        if correct:
            made = drift.apply(made, *drift.colour_correction(made, priors, len(context)))
        frames = np.rint(np.clip(made, 0, 1) * 255).astype(np.uint8)
        provenance = np.where(priors.valid, priors.provenance, np.uint8(Provenance.GENERATED))
        for i, view in enumerate(context):
            frames[i], provenance[i] = view.rgb, view.provenance
        return Filled(frames, provenance, meta={**meta})

    return fill


def geometry(scale: float = 1.0, degrees: float = 0.0, noise: float = 0.0) -> Callable[..., Geometry]:
    """A source that is wrong in known ways, aligned as every source is."""

    def estimated(known: Sequence[View], cameras: Cameras, settings: Settings) -> Geometry:
        if all(view.depth is not None and not np.isnan(view.depth).any() for view in known):
            return views.geometry(known, cameras, settings)
        depth = np.stack([depth_at(cameras, i) for i in range(len(cameras))]).astype(np.float64)
        depth *= scale * np.exp(noise * np.random.default_rng(known[0].index).standard_normal(depth.shape))
        poses = cameras.camera_to_world.copy()
        poses[:, :3, 3] = poses[0, :3, 3] + scale * (poses[:, :3, 3] - poses[0, :3, 3])
        for i in range(1, len(poses)):
            poses[i, :3, :3] = turned(degrees, (0.2, 0.3, 1)) @ poses[i, :3, :3]
        said = Estimate(depth.astype(np.float32), np.ones(depth.shape, np.float32), poses)
        return align(said, known, cameras, settings)

    return estimated


@dataclass(frozen=True)
class Walk:
    """What came of a loop."""

    chunks: list[ChunkResult]
    frames: list[View]

    def said(self, name: str) -> list[float]:
        """A number of each chunk."""
        return [float(chunk.meta[name]) for chunk in self.chunks]

    def priors_psnr(self) -> list[float]:
        """What the cache carried into the new frames of each chunk against the ray cast, in dB."""
        found = []
        for chunk, first in self._firsts():
            pairs = [
                (chunk.priors[i] / 255, TRUTH[first + i].rgb, ~chunk.holes[i])
                for i in range(len(chunk.frames))
                if first + i > 0
            ]
            error = np.concatenate([((a - b)[where] ** 2).ravel() for a, b, where in pairs])
            found.append(float(-10 * np.log10(error.mean())))
        return found

    def depth_error(self) -> list[float]:
        """Median relative error of each chunk's depth where it was invented."""
        found = []
        for chunk, first in self._firsts():
            truth = np.stack([TRUTH[first + i].depth for i in range(len(chunk.frames))])
            where = chunk.holes & np.isfinite(truth) & np.isfinite(chunk.depth)
            found.append(float(np.median(np.abs(chunk.depth[where] / truth[where] - 1))))
        return found

    def _firsts(self) -> list[tuple[ChunkResult, int]]:
        plan = chunks.plan(len(CAMERAS), SETTINGS)
        return [(result, chunk.first_new) for result, chunk in zip(self.chunks, plan, strict=True)]


def walk(fill: Callable[..., Filled], source: Callable[..., Geometry], settings: Settings = SETTINGS) -> Walk:
    known, made = [scene.view(CAMERAS, 0)], []
    plan = chunks.plan(len(CAMERAS), settings)
    for chunk in plan:
        picked = select_history(plan[chunk.index - 1] if chunk.index else None)
        result = generate_chunk(
            chunk,
            chunks.covered(CAMERAS, chunk),
            [known[i] for i in picked],
            CAMERAS[picked],
            known[chunk.start : chunk.start + chunk.context],
            settings,
            Profile(draft.caption, source, fill),
            lambda *_, **__: None,
        )
        made.append(result)
        for i in range(len(known) - chunk.first_new, len(result.frames)):
            known.append(View(chunk.first_new + i, result.frames[i], result.depth[i], result.provenance[i]))
    return Walk(made, known)


def test_with_a_perfect_model_and_true_geometry_the_cache_carries_the_truth_through_every_chunk():
    found = walk(oracle(clean), geometry())
    assert len(found.chunks) == CHUNKS
    assert min(found.priors_psnr()) > 25.9
    assert max(found.depth_error()) < 0.02
    assert min(found.said("seam_psnr")) > 45  # eight bits against floats
    assert max(np.abs(found.said("colour_shift"))) < 4
    # the truth is sharper than what a cache carries
    assert all(1 < ratio < 2.5 for ratio in found.said("sharpness"))


def test_blur_shows_as_sharpness_and_noise_as_the_seam():
    sharp, soft = (walk(oracle(spoil), geometry()) for spoil in (clean, blurred))
    assert soft.said("sharpness")[0] < 0.5 * sharp.said("sharpness")[0]
    # what comes later is held against what is blurred already: its priors tell, not its sharpness
    assert soft.priors_psnr()[-1] < sharp.priors_psnr()[-1] - 3
    noisy = walk(oracle(noised), geometry())
    # chunk 0: noise of 0.05 against the true picture
    assert noisy.said("seam_psnr")[0] == pytest.approx(-20 * np.log10(0.05), abs=0.7)


def test_a_tint_shows_stays_and_is_taken_back_by_the_correction():
    plain, corrected = (walk(oracle(tinted, correct), geometry()) for correct in (False, True))
    truth = np.stack([picture.rgb for picture in TRUTH])
    expected = (0.06 * truth[..., 0] + 0.01).mean()
    assert plain.said("colour_shift")[0] == pytest.approx(255 * expected, rel=0.35)

    def error(found: Walk) -> float:
        frames = np.stack([view.rgb for view in found.frames]) / 255
        return float((frames - truth)[-4:, ..., 0].mean())

    assert error(plain) > 0.7 * expected
    assert abs(error(corrected)) < 0.25 * expected


@pytest.mark.parametrize(("scale", "degrees"), [(0.7, 0.0), (0.7, 3.0), (1.4, 1.0)])
def test_wrong_scale_and_poses_of_the_source_are_named_and_taken_back(scale: float, degrees: float):
    true, wrong = walk(oracle(clean), geometry()), walk(oracle(clean), geometry(scale, degrees, 0.01))
    for said in wrong.said("geometry_scale"):
        assert said == pytest.approx(1 / scale, rel=0.03)
    for said in wrong.said("geometry_rotation_degrees"):
        assert said == pytest.approx(degrees, abs=0.3)
    assert max(wrong.depth_error()) < 0.04
    assert min(wrong.priors_psnr()) > min(true.priors_psnr()) - 1


def test_without_a_cache_nothing_is_known_but_the_context():
    found = walk(oracle(clean), geometry(), structs.replace(SETTINGS, cache="none"))
    assert found.said("coverage")[1:] == [0.0] * (CHUNKS - 1)
    points = walk(oracle(clean), geometry(), structs.replace(SETTINGS, cache="points"))
    assert min(points.said("coverage")) > 0.5
    assert min(points.priors_psnr()) > 20


def test_what_is_said_of_the_picture_and_of_the_new_frames_is_both_told():
    said = iter(["The scale is a guess. Give an anchor.", "The scale is a guess. Views overlap little."])

    def warning(known: Sequence[View], cameras: Cameras, settings: Settings) -> Geometry:
        found = geometry()(known, cameras, settings)
        return Geometry(found.depth, found.confidence, {"geometry_warning": next(said), "geometry_scale": 1.0})

    plan = chunks.plan(5, SETTINGS)[0]
    picture = scene.view(CAMERAS, 0)
    made = generate_chunk(
        plan, CAMERAS[:5], [picture], CAMERAS[:1], [picture], SETTINGS,
        Profile(draft.caption, warning, oracle(clean)), lambda *_, **__: None,
    )  # fmt: skip
    assert made.meta["geometry_warning"] == "The scale is a guess. Give an anchor. Views overlap little."
