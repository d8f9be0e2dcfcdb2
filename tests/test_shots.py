"""What may be asked for: good shots come out at the generated size, bad ones with one sentence."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs
from worldwarp import shots
from worldwarp.cameras.cameras import project, unproject
from worldwarp.geometry import sources
from worldwarp_protocol import messages
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Diffusion, Settings

from tests.shots_for_tests import straight_path

WIDTH, HEIGHT = 64, 48
PICTURE = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
DEPTH = np.random.default_rng(1).uniform(4, 6, (1, HEIGHT, WIDTH)).astype(np.float32)
CAMERAS = straight_path(9)


def prepare(name="hall", pictures=PICTURE, depth=DEPTH, cameras=CAMERAS, colour_space="sRGB", **settings):
    return shots.prepare(name, pictures, depth, cameras, Settings(**settings), colour_space)


def with_depth(value, place=(0, 3, 5)):
    depth = DEPTH.copy()
    depth[place] = value
    return depth


def test_a_shot_of_the_pictures_own_size_is_untouched():
    shot, warnings = prepare(colour_space="AgX Base sRGB")
    assert np.array_equal(shot.pictures, PICTURE)
    assert np.array_equal(shot.depth, DEPTH)
    assert np.array_equal(shot.cameras.K, CAMERAS.K)
    assert (shot.cameras.width, shot.cameras.height) == (WIDTH, HEIGHT)
    assert shot.colour_space == "AgX Base sRGB"
    assert warnings == []


@pytest.mark.parametrize("framing", ["crop", "fit"])
def test_picture_depth_and_cameras_change_size_together(framing):
    smooth = np.linspace(4, 5, WIDTH, dtype=np.float32)
    depth = np.broadcast_to(smooth, (1, HEIGHT, WIDTH))
    shot, _ = prepare(depth=depth, width=48, height=48, framing=framing)
    assert shot.pictures.shape[1:3] == shot.depth.shape[1:] == (shot.cameras.height, shot.cameras.width)
    # the scene of the new depth lies on the scene of the old one
    points = unproject(shot.depth[0], shot.cameras.K[0], shot.cameras.camera_to_world[0])
    pixels, z = project(points, CAMERAS.K[0], CAMERAS.world_to_camera[0])
    truth = np.interp(pixels[..., 0], np.arange(WIDTH) + 0.5, smooth)
    assert np.abs(z - truth).max() < 0.002
    aspect = shot.cameras.K[0, 1, 1] / shot.cameras.K[0, 0, 0]
    assert abs(aspect - 1) < 1e-12


def test_depth_beyond_far_is_sky():
    shot, _ = prepare(depth=with_depth([1e10, np.inf, 200], (0, 3, [5, 6, 7])), far=100)
    assert np.isinf(shot.depth[0, 3, 5:8]).all()
    assert np.isinf(shot.depth).sum() == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": " "}, r"name: has to be 1 to 120 printable"),
        ({"name": "a\nb"}, r"name: has to be 1 to 120 printable"),
        ({"pictures": PICTURE.astype(np.float32)}, r"picture: is float32 .* 8-bit RGB"),
        ({"pictures": PICTURE[0]}, r"picture: is uint8 of shape \(48, 64, 3\)"),
        ({"pictures": PICTURE[..., :1]}, r"picture: is uint8 of shape \(1, 48, 64, 1\)"),
        ({"pictures": np.repeat(PICTURE, 2, axis=0)}, r"picture: holds 2 first frames; give 4k \+ 1 of them: 1 or 5"),
        ({"pictures": PICTURE[:, :8]}, r"picture: is 64 x 8; each side has to be 16 to 4096"),
        ({"pictures": np.zeros((1, 16, 5000, 3), np.uint8)}, r"picture: is 5000 x 16; each side"),
        (
            {"cameras": replace(CAMERAS, width=128, height=96)},
            r"cameras: are for 128 x 96 .* picture is 64 x 48; .* path convert --width 64 --height 48",
        ),
        ({"cameras": straight_path(1)}, r"cameras: has 1 frame; a path needs at least 2"),
        ({"depth": None}, r"depth: is missing; render the depth from this camera, give a depth file .*estimated"),
        ({"depth": DEPTH[:, :-1]}, r"depth: is 64 x 47, the picture is 64 x 48; .* same size"),
        ({"depth": DEPTH[0]}, r"depth: is of shape \(48, 64\)"),
        ({"depth": DEPTH.astype(np.float64)}, r"depth: is float64; give 32-bit floats"),
        (
            {"depth": with_depth(np.nan)},
            r"depth: is NaN, .* 1 of 3,072 pixels .*the first, nan, at column 5, row 3",
        ),
        (
            {"depth": with_depth(0)},
            r"depth: is NaN, .* 1 of 3,072 pixels .*the first, 0, at column 5, row 3",
        ),
        (
            {"depth": with_depth(-2)},
            r"depth: is NaN, .* 1 of 3,072 pixels .*the first, -2, at column 5, row 3",
        ),
        ({"depth": with_depth(-np.inf)}, r"depth: is NaN, .* 1 of 3,072 pixels .*the first, -inf"),
        ({"depth": np.full_like(DEPTH, 1e10)}, r"depth: is sky everywhere .* raise far"),
        ({"width": 100, "height": 64}, r"settings.width: 100 is not a multiple of 16; use 96 or 112"),
        ({"width": 64}, r"settings.height: is 0 .* give both"),
        ({"chunk_frames": 48}, r"settings.chunk_frames: 48 is not of the form 4k \+ 1; use 45 or 49"),
        ({"context_frames": 4}, r"settings.context_frames: 4 is not of the form 4k \+ 1; use 1 or 5"),
        ({"chunk_frames": 9, "context_frames": 9}, r"settings.context_frames: 9 leaves nothing new"),
        ({"chunk_frames": 1000}, r"settings.chunk_frames: is 1000; it has to be at most 161\.$"),
        ({"seed": -1}, r"settings.seed: is -1; it has to be at least 0\.$"),
        ({"far": float("nan")}, r"settings.far: is nan; it has to be more than 0\.$"),
        ({"far": 0.0}, r"settings.far: is 0.0; it has to be more than 0"),
        ({"framing": "squash"}, r"settings.framing: is 'squash'; use crop or fit"),
        ({"cache_steps": -5}, r"settings.cache_steps: is -5; it has to be at least 0"),
        ({"geometry": "guessed"}, r"settings.geometry: is 'guessed'; use given or ttt3r or depth-anything"),
        (
            {"depth": None, "geometry": "ttt3r"},
            r"settings.geometry: 'ttt3r' cannot .*3.2 GB.*CC BY-NC-SA 4.0.*weights",
        ),
        ({"depth_scale": 0.0}, r"settings.depth_scale: is 0.0; it has to be more than 0"),
        ({"anchor": (0.5, 1.5, 2.0)}, r"settings.anchor\[1\]: is \(0.5, 1.5, 2.0\); it has to be at most 1\.$"),
        ({"anchor": (0.01, 0.5, 2.0), "width": 48, "height": 48}, r"settings.anchor: lies where framing cuts"),
        ({"pictures": np.repeat(PICTURE, 9, axis=0)}, r"picture: holds 9 first frames, which leaves nothing new"),
    ],
)
def test_each_fault_gets_its_sentence(change, sentence):
    with pytest.raises(InvalidShot, match=sentence) as caught:
        prepare(**change)
    assert caught.value.text.endswith(".")
    assert caught.value.text.count(". ") == 0


def test_depth_may_be_left_to_a_source_that_is_here(monkeypatch):
    monkeypatch.setattr(sources, "check", lambda _name: None)
    shot, _ = prepare(depth=None, geometry="ttt3r")
    assert shot.depth is None


def test_the_anchor_stays_on_its_content():
    shot, warnings = prepare(anchor=(0.75, 0.25, 3.0), width=48, height=48)
    assert shot.settings.anchor == pytest.approx(((0.75 * 64 - 8) / 48, 0.25, 3.0))
    assert any("depth_scale and anchor act on estimated depth only" in w for w in warnings)


def test_a_clip_of_first_frames_is_accepted():
    clip, depth = np.repeat(PICTURE, 5, axis=0), np.repeat(DEPTH, 5, axis=0)
    shot, _ = prepare(pictures=clip, depth=depth)
    assert shot.pictures.shape == (5, HEIGHT, WIDTH, 3)
    assert shot.depth.shape == (5, HEIGHT, WIDTH)


def test_doubtful_shots_are_warned():
    assert any("flat card" in w for w in prepare(depth=np.full_like(DEPTH, 5))[1])
    assert any("64 x 48, the frames are generated at 32 x 32" in w for w in prepare(width=32, height=32)[1])
    assert any("cuts 25% of the picture away; " in w for w in prepare(width=48, height=48)[1])
    away = straight_path(9)
    away.camera_to_world[1:, :3, :2] *= -1  # upside down is fine, ...
    assert prepare(cameras=away)[1] == []
    away.camera_to_world[1:, :3, 1:3] *= -1  # ... the other way round is not
    assert any("leaves the picture at once" in w for w in prepare(cameras=away)[1])


def wire(**changes):
    arrays = {
        "picture": PICTURE,
        "depth": DEPTH,
        "K": CAMERAS.K,
        "camera_to_world": CAMERAS.camera_to_world,
        "frame": CAMERAS.frame.astype(np.int32),
    }
    for name, array in changes.items():
        arrays[name] = array
    return {name: array for name, array in arrays.items() if array is not None}


SHOT = messages.Shot(name="hall", settings=Settings(seed=7), fps=23.976, colour_space="AgX Base sRGB")


def test_a_shot_from_the_wire_is_the_shot():
    shot, _ = shots.from_wire(SHOT, wire())
    local, _ = shots.prepare("hall", PICTURE, DEPTH, replace(CAMERAS, fps=23.976), SHOT.settings, "AgX Base sRGB")
    assert (shot.name, shot.settings, shot.colour_space) == (local.name, local.settings, local.colour_space)
    assert shot.cameras.fps == 23.976
    assert shot.cameras.frame.dtype == np.int64
    for a, b in ((shot.pictures, local.pictures), (shot.depth, local.depth), (shot.cameras.K, local.cameras.K)):
        assert np.array_equal(a, b)


def test_read_only_arrays_are_taken():
    arrays = {name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in wire().items()}
    shot, _ = shots.from_wire(SHOT, arrays)
    assert np.array_equal(shot.pictures, PICTURE)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"picture": None}, r"picture: is missing; send picture, K"),
        ({"K": None}, r"K: is missing"),
        ({"frame": None}, r"frame: is missing"),
        ({"picture": PICTURE.astype(np.float32)}, r"picture: is float32; send it as uint8"),
        ({"K": CAMERAS.K.astype(np.float32)}, r"K: is float32; send it as float64"),
        ({"depth": DEPTH.astype(np.float64)}, r"depth: is float64; give 32-bit floats"),
        ({"picture": PICTURE[0]}, r"picture: has shape \(48, 64, 3\); send \(pictures, height, width, 3\)"),
        ({"K": CAMERAS.K[0]}, r"cameras.K: has shape"),
        ({"K": np.zeros(())}, r"cameras.K: has shape"),
        ({"camera_to_world": np.zeros((3, 3))}, r"cameras.camera_to_world: has shape"),
        ({"frame": np.zeros((2, 2), np.int32)}, r"cameras.frame: has shape"),
        ({"picture": PICTURE[:, :0]}, r"picture: is 64 x 0"),
        ({"picture": PICTURE[:0]}, r"picture: holds 0 first frames"),
    ],
)
def test_each_fault_on_the_wire_gets_its_sentence(changes, sentence):
    with pytest.raises(InvalidShot, match=sentence):
        shots.from_wire(SHOT, wire(**changes))


def test_a_shot_of_a_wild_frame_rate_is_refused():
    with pytest.raises(InvalidShot, match=r"cameras.fps: is nan"):
        shots.from_wire(structs.replace(SHOT, fps=float("nan")), wire())


def test_words_that_nobody_reads_are_said():
    assert any("reads no words" in w for w in prepare(diffusion=Diffusion(prompt="a hall"))[1])
    assert not any("words" in w for w in prepare()[1])
