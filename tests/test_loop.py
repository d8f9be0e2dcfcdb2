"""The loop with estimates as wrong as those measured in the wild: alignment gives back what they cost."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from worldwarp import chunks, draft
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import project, unproject
from worldwarp.geometry.alignment import align
from worldwarp.history import select_history
from worldwarp.nouns import Estimate, Geometry, View
from worldwarp.pipeline import generate_chunk
from worldwarp.profiles import Profile
from worldwarp_protocol.messages import Settings

from .cache import scene
from .geometry.estimates import depth_at, turned

DEGREES, SCALE = 3.0, 0.7
"""Between estimated and requested cameras at chunk borders, as an independent reproduction measured them."""

SETTINGS = Settings(chunk_frames=9, context_frames=1, cache_steps=20)


def estimated(history: list[View], cameras: Cameras) -> Estimate:
    """What a source says of the history: its first view where it is, the others turned, all lengths too short."""
    depth = np.stack([depth_at(cameras, i) for i in range(len(cameras))]) * np.float32(SCALE)
    poses = cameras.camera_to_world.copy()
    poses[:, :3, 3] = poses[0, :3, 3] + SCALE * (poses[:, :3, 3] - poses[0, :3, 3])
    for i in range(1, len(history)):
        poses[i, :3, :3] = turned(DEGREES, (0.2, 0.3, 1)) @ poses[i, :3, :3]
    noise = np.random.default_rng(history[0].index).standard_normal(depth.shape)
    return Estimate((depth * (1 + 0.01 * noise)).astype(np.float32), np.ones_like(depth), poses)


def profile(how: str, said: Estimate) -> Profile:
    """``exact`` knows the true depth, ``aligned`` aligns the estimate, ``raw`` takes it as it is, like the release."""

    def geometry(history: Sequence[View], cameras: Cameras, settings: Settings) -> Geometry:
        if how == "aligned":
            return align(said, history, cameras, settings)
        depth = said.depth if how == "raw" else np.stack([depth_at(cameras, i) for i in range(len(cameras))])
        return Geometry(depth, np.ones_like(depth))

    return Profile(draft.caption, geometry, draft.fill)


def loop(cameras: Cameras, how: str) -> tuple[np.ndarray, list[dict[str, float | str]]]:
    """All frames (n, H, W, 3), and the meta of each chunk after the first, for which depth is given."""
    views, metas = [scene.view(cameras, 0)], []
    plan = chunks.plan(len(cameras), SETTINGS)
    for chunk in plan:
        picked = select_history(plan[chunk.index - 1] if chunk.index else None)
        history, requested = [views[i] for i in picked], cameras[picked]
        said = estimated(history, requested)
        unprojected = requested
        if how == "raw" and chunk.index:  # at the estimated cameras, as the release does
            unprojected = replace(requested, camera_to_world=said.camera_to_world)
        made = generate_chunk(
            chunk,
            chunks.covered(cameras, chunk),
            history,
            unprojected,
            views[chunk.start : chunk.start + chunk.context],
            SETTINGS,
            profile(how if chunk.index else "exact", said),
            lambda *_, **__: None,
        )
        metas.append(made.meta)
        for i in range(len(views) - chunk.first_new, len(made.frames)):
            views.append(View(chunk.first_new + i, made.frames[i], made.depth[i], made.provenance[i]))
    return np.stack([view.rgb for view in views]), metas[1:]


def seen_by_the_picture(cameras: Cameras, i: int) -> np.ndarray:
    """Pixels (H, W) of frame ``i`` whose surface the picture shows."""
    depth, first = depth_at(cameras, i), depth_at(cameras, 0)
    solid = np.isfinite(depth)
    points = unproject(np.where(solid, depth, 1), cameras.K[i], cameras.camera_to_world[i])
    pixels, z = project(points, cameras.K[0], cameras.world_to_camera[0])
    column, row = np.floor(pixels).astype(int)[..., 0], np.floor(pixels).astype(int)[..., 1]
    inside = solid & (z > 0) & (column >= 0) & (row >= 0) & (column < cameras.width) & (row < cameras.height)
    there = first[np.where(inside, row, 0), np.where(inside, column, 0)]
    return inside & (np.abs(there / np.where(inside, z, 1) - 1) < 0.02)


@pytest.mark.slow
def test_alignment_gives_back_what_wrong_estimates_cost():
    cameras = scene.path(25, width=72, height=48)
    truth = {i: scene.picture(cameras, i).rgb for i in range(9, 25, 3)}
    visible = {i: seen_by_the_picture(cameras, i) for i in truth}

    def quality(how):
        frames, metas = loop(cameras, how)
        return np.mean([scene.psnr(frames[i] / 255, truth[i], visible[i]) for i in truth]), metas

    (exact, _), (aligned, metas), (raw, _) = (quality(how) for how in ("exact", "aligned", "raw"))
    assert exact - raw > 3
    assert (aligned - raw) / (exact - raw) > 0.7
    for meta in metas:
        assert meta["geometry_scale"] == pytest.approx(1 / SCALE, rel=0.02)
        assert meta["geometry_rotation_degrees"] == pytest.approx(DEGREES, abs=0.2)
