"""The network against the reference's numbers."""

import json

import pytest
import torch
from worldwarp.geometry.config import PATCH
from worldwarp.geometry.rays import ray_map
from worldwarp.geometry.rope import rotate, rotation
from worldwarp.geometry.ttt3r import TTT3R, TTT3RConfig, advance, begin, estimate
from worldwarp.geometry.update import learn
from worldwarp_protocol.errors import InvalidShot

from .goldens import DATA, TOLERANCE, error, load, tiny_network, tiny_weights

SPARSE = (slice(1, None, 4), slice(2, None, 4))
FULL = (slice(None), slice(None))
"""Which rows and columns the goldens keep."""


def look_at(network, state, picture=None, rays=None):
    features, size = 0, (picture if picture is not None else rays).shape[-2:]
    if picture is not None:
        features = features + network.encode(picture)
    if rays is not None:
        features = features + network.encode_rays(rays)
    return network.look(features, (size[0] // PATCH, size[1] // PATCH), state)


def outputs(network, look):
    own, own_confidence = network.own_points(look)
    world, world_confidence = network.world_points(look)
    return {
        "pts3d_in_self_view": own, "conf_self": own_confidence, "pts3d_in_other_view": world, "conf": world_confidence,
        "rgb": network.colours(look), "camera_pose": network.pose(look),
    }  # fmt: skip


def worst(golden, prefix, view, found, keep):
    errors = []
    for name, ours in found.items():
        ours = ours[0].numpy()
        errors.append(error(ours if name == "camera_pose" else ours[keep], golden[f"{prefix}/{name}"][view]))
    return max(errors)


@torch.no_grad()
def play(prefix, views, rule, keep):
    """Run (picture, rays, update, reset) views and compare all six outputs and, where stored, what happens inside."""
    network, golden = tiny_network(), load("ttt3r_golden")
    state, errors = network.initial_state(), []
    for i, (picture, rays, update, reset) in enumerate(views):
        look = look_at(network, state, picture, rays)
        errors.append(worst(golden, prefix, i, outputs(network, look), keep))
        state = learn(state, look, rule) if update else state
        state = network.initial_state() if reset else state
        trace = {
            "encoder_tokens": look.levels[0][0], "pose_token_in": look.guess, "pose_token_out": look.pose_token,
            "state_candidate": look.candidate[0], "state_after": state.tokens[0], "mem_after": state.memory[0],
            "beta": look.beta[0],
        }  # fmt: skip
        for name, ours in trace.items():
            if f"{prefix}/trace.{name}" in golden:
                errors.append(error(ours.numpy(), golden[f"{prefix}/trace.{name}"][i]))
    print(f"{prefix}: {max(errors):.1e}")
    return max(errors)


def frames():
    return torch.from_numpy(load("ttt3r_golden")["frames_normalised"]).split(1)


def portraits():
    pictures = torch.from_numpy(load("ttt3r_golden")["frames_portrait_uint8"]).movedim(-1, 1)
    return ((pictures / 255 - 0.5) / 0.5).split(1)


def rays():
    return torch.from_numpy(load("ttt3r_golden")["raymap/ray_map"]).movedim(-1, 0)[None]


@pytest.mark.parametrize("rule", ["cut3r", "ttt3r"])
def test_either_rule_gives_the_reference_s_numbers(rule):
    assert play(rule, [(frame, None, True, False) for frame in frames()], rule, FULL) < TOLERANCE


def test_resets_give_the_reference_s_numbers():
    golden, pictures = load("ttt3r_golden"), frames()
    views = [
        (pictures[index], None, True, bool(reset))
        for index, reset in zip(golden["ttt3r_reset2/frame_index"], golden["ttt3r_reset2/reset"], strict=True)
    ]
    assert play("ttt3r_reset2", views, "ttt3r", SPARSE) < TOLERANCE


def test_portraits_with_odd_numbers_of_patches_give_the_reference_s_numbers():
    assert play("ttt3r_portrait", [(p, None, True, False) for p in portraits()], "ttt3r", SPARSE) < TOLERANCE


def test_a_frame_that_is_not_remembered_gives_the_reference_s_numbers():
    views = [(frame, None, i != 2, False) for i, frame in enumerate(frames())]
    assert play("ttt3r_noupdate2", views, "ttt3r", SPARSE) < TOLERANCE


def test_ray_maps_give_the_reference_s_numbers():
    a, b, c, d = frames()
    views = [(a, None, True, False), (b, rays(), True, False), (c, None, True, False), (None, rays(), False, False),
             (d, None, True, False)]  # fmt: skip
    assert play("raymap", views, "cut3r", SPARSE) < TOLERANCE


@torch.no_grad()
def test_a_query_of_what_another_view_would_see_gives_the_reference_s_numbers():
    network, golden = tiny_network(), load("ttt3r_golden")
    state = network.initial_state()
    for frame in frames()[:3]:
        state = learn(state, look_at(network, state, frame), "cut3r")
    found = worst(golden, "raymap_query", 0, outputs(network, look_at(network, state, rays=rays())), SPARSE)
    print(f"raymap_query: {found:.1e}")
    assert found < TOLERANCE


def test_ray_maps_are_made_as_for_the_reference():
    golden = load("ttt3r_golden")
    K, camera, first = (torch.from_numpy(golden[f"raymap/{name}"]) for name in ("K", "c2w_query", "c2w_first"))
    assert error(ray_map(K, camera, first, 48, 64), golden["raymap/ray_map"]) < 1e-6


@pytest.mark.parametrize("dim", [64, 48, 12, 4])
def test_tokens_are_rotated_as_by_the_reference(dim):
    golden = load("rope2d_golden")
    tokens, positions = (torch.from_numpy(golden[f"hd{dim}_{name}"]) for name in ("tokens", "positions"))
    rotated = torch.stack([rotate(t, rotation(p, dim)) for t, p in zip(tokens, positions, strict=True)])
    assert error(rotated, golden[f"hd{dim}_rotated"]) < 1e-5


@pytest.mark.parametrize("prefix", ["cut3r", "ttt3r"])
def test_a_clip_gives_the_reference_s_numbers(prefix):
    golden = load("ttt3r_golden")
    result = estimate(tiny_network(), torch.cat(frames()), rule=prefix)
    assert error(result.points, golden[f"{prefix}/pts3d_in_self_view"]) < TOLERANCE
    assert error(result.confidence, golden[f"{prefix}/conf_self"]) < TOLERANCE
    assert error(result.pose, golden[f"{prefix}/camera_pose"]) < TOLERANCE


def test_a_clip_with_resets_repeats_no_frame_and_chains_its_poses():
    golden, kept = load("ttt3r_golden"), [0, 1, 3, 4]
    result = estimate(tiny_network(), torch.cat(frames()), reset_interval=2)
    assert error(result.points[:, 1::4, 2::4], golden["ttt3r_reset2/pts3d_in_self_view"][kept]) < TOLERANCE
    assert error(result.pose, golden["ttt3r_reset2/camera_pose"][kept]) < TOLERANCE
    own = estimate(tiny_network(), torch.cat(frames())[:2]).camera_to_world
    assert error(result.camera_to_world[:2], own) < 1e-6
    # after the reset the world is the second frame's camera: frames 1 (repeated), 2, 3 on their own
    alone = estimate(tiny_network(), torch.cat(frames())[1:]).camera_to_world
    assert error(result.camera_to_world[2:], own[1] @ alone[1:]) < TOLERANCE


@pytest.mark.parametrize("reset_interval", [None, 2, 3])
def test_a_stream_is_the_clip_in_pieces(reset_interval):
    clip = torch.cat(frames())
    whole = estimate(tiny_network(), clip, reset_interval=reset_interval)
    stream, parts = begin(tiny_network()), []
    for piece in (clip[:1], clip[1:3], clip[3:]):
        part, stream = advance(tiny_network(), stream, piece, reset_interval=reset_interval)
        parts.append(part)
    for name in ("points", "confidence", "pose", "camera_to_world"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
    assert stream.seen == 4


def test_a_stream_may_be_continued_twice():
    clip = torch.cat(frames())
    _, stream = advance(tiny_network(), begin(tiny_network()), clip[:2])
    one, other = (advance(tiny_network(), stream, clip[2:])[0] for _ in range(2))
    assert torch.equal(one.points, other.points)


@torch.no_grad()
def test_several_clips_at_once_are_as_each_alone():
    network, (a, b, c, d) = tiny_network(), frames()
    state = network.initial_state(2)
    for pair in (torch.cat([a, c]), torch.cat([b, d])):
        look = look_at(network, state, pair)
        state = learn(state, look, "ttt3r")
    together = network.own_points(look)[0]
    for i, clip in enumerate([(a, b), (c, d)]):
        assert error(together[i], estimate(network, torch.cat(clip)).points[1]) < 1e-5


def test_only_the_heads_that_are_asked_for_run():
    network, ran = tiny_network(), []
    heads = network.downstream_head
    hooks = [
        module.register_forward_hook(lambda *_, name=name: ran.append(name)) for name, module in heads.named_children()
    ]
    estimate(network, frames()[0])
    for hook in hooks:
        hook.remove()
    assert set(ran) == {"dpt_self", "pose_head"}


@pytest.mark.parametrize("duplicates", [False, True])
def test_the_full_network_has_the_checkpoint_s_names_and_shapes(duplicates):
    listed = json.loads((DATA / "ttt3r_state_dict.json").read_text("utf-8"))
    with torch.device("meta"):
        network = TTT3R(TTT3RConfig())
    assert {name: list(value.shape) for name, value in network.state_dict().items()} == listed["keys"]
    assert sum(p.numel() for p in network.parameters()) == listed["parameters_unique"]
    names = set(listed["keys"]) - (set() if duplicates else {pair[0] for pair in listed["tied_keys"]})
    network.load_state_dict({name: torch.empty(listed["keys"][name], device="meta") for name in names}, assign=True)


def test_names_that_are_not_the_checkpoint_s_are_refused():
    weights = tiny_weights()
    with pytest.raises(RuntimeError, match="Unexpected"):
        tiny_network().load_state_dict({**weights, "extra": torch.zeros(1)})
    del weights["downstream_head.dpt_self.scratch.layer1_rn.weight"]
    with pytest.raises(RuntimeError, match="Missing"):
        tiny_network().load_state_dict(weights)


def test_a_trunk_in_bfloat16_stays_near():
    clip = torch.cat(frames())
    exact, rough = estimate(tiny_network(), clip), estimate(tiny_network(), clip, trunk=torch.bfloat16)
    assert rough.points.dtype == rough.pose.dtype == torch.float32
    depth = (rough.points[..., 2] - exact.points[..., 2]).abs() / exact.points.norm(dim=-1)
    print(f"bfloat16: depth {depth.median():.1e} median, pose {error(rough.pose, exact.pose):.1e}")
    assert 0 < depth.median() < 0.03
    assert error(rough.pose, exact.pose) < 0.05


def test_a_second_thread_does_not_change_a_bit():
    clip, threads = torch.cat(frames()), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = estimate(tiny_network(), clip)
        torch.set_num_threads(2)
        two = estimate(tiny_network(), clip)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one.points, two.points)
    assert torch.equal(one.pose, two.pose)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("frames", {"frames": torch.zeros(3, 48, 64)}),
        ("frames", {"frames": torch.zeros(1, 3, 40, 64)}),
        ("frames", {"frames": torch.zeros(0, 3, 48, 64)}),
        ("frames", {"frames": torch.zeros(1, 3, 48, 64, dtype=torch.uint8)}),
        ("rule", {"rule": "ttt4r"}),
        ("reset_interval", {"reset_interval": 0}),
    ],
)
def test_bad_input_is_refused(field, arguments):
    with pytest.raises(InvalidShot) as caught:
        estimate(tiny_network(), **{"frames": torch.zeros(1, 3, 48, 64), **arguments})
    assert caught.value.field == field
