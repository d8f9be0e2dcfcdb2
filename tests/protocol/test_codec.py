import hashlib
import random
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worldwarp_protocol import codec, limits
from worldwarp_protocol import messages as m
from worldwarp_protocol.arrays import ARRAYS
from worldwarp_protocol.client import check_shot
from worldwarp_protocol.errors import InvalidShot, LocalProtocolError, RemoteProtocolError

from .samples import FROM_CLIENT, FROM_SERVER, REQUEST, RUN, frame_arrays, info, point_arrays, shot, shot_arrays

DECODERS = [(codec.decode_client, FROM_CLIENT), (codec.decode_server, FROM_SERVER)]
ALL = [(decode, *sample) for decode, samples in DECODERS for sample in samples]


@pytest.mark.parametrize(("decode", "message", "arrays"), ALL, ids=lambda value: type(value).__name__)
def test_round_trip(decode: Any, message: Any, arrays: Any) -> None:
    frames = [bytes(frame) for frame in codec.encode(message, arrays)]
    decoded, received = decode(frames)
    assert msgspec.structs.replace(decoded, arrays=[]) == message if arrays else decoded == message
    assert received.keys() == arrays.keys()
    for name, array in arrays.items():
        assert received[name].dtype == array.dtype
        np.testing.assert_array_equal(received[name], array)


def test_every_message_is_sampled() -> None:
    for union, samples in ((m.ClientMessage, FROM_CLIENT), (m.ServerMessage, FROM_SERVER)):
        assert {type(message) for message, _ in samples} == set(union.__args__)


def test_the_header_is_the_documented_messagepack() -> None:
    header, xyz, *_ = codec.encode(m.Points(RUN, 8, 2), point_arrays(3))
    plain = msgspec.msgpack.decode(header)
    assert plain["type"] == "points"
    assert plain["arrays"][0] == {
        "name": "xyz",
        "dtype": "float32",
        "shape": [3, 3],
        "sha256": hashlib.sha256(xyz).hexdigest(),
    }


def test_arrays_are_views_on_both_sides() -> None:
    arrays = point_arrays(5)
    frames = codec.encode(m.Points(RUN, 8, 0), arrays)
    assert np.shares_memory(np.frombuffer(frames[1], np.uint8), arrays["xyz"])
    _, received = codec.decode_server(frames)
    assert np.shares_memory(received["xyz"], arrays["xyz"])
    with pytest.raises(ValueError, match="read-only"):
        received["xyz"][0] = 0


def test_strided_and_big_endian_arrays_are_packed() -> None:
    arrays = point_arrays(6)
    odd = {**arrays, "xyz": arrays["xyz"].astype(">f4"), "rgb": np.asfortranarray(arrays["rgb"])}
    _, received = codec.decode_server(codec.encode(m.Points(RUN, 8, 0), odd))
    np.testing.assert_array_equal(received["xyz"], arrays["xyz"])
    np.testing.assert_array_equal(received["rgb"], arrays["rgb"])


def test_unknown_fields_are_ignored() -> None:
    header = msgspec.msgpack.encode({"type": "status", "run": RUN, "since": 1.1, "more": {"deep": [1]}})
    assert codec.decode_client([header])[0] == m.Status(RUN)


def without(arrays: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in arrays.items() if key != name}


SUBMIT = m.Submit(REQUEST, shot())
FRAME = m.Frame(RUN, 3, 0, 0)
POINTS = m.Points(RUN, 8, 0)
PREVIEW = m.Preview(run=RUN, chunk=0, attempt=1, step=1, steps=2, first=0)
BAD_ARRAYS = {
    "missing": (SUBMIT, without(shot_arrays(), "picture"), "picture: Submit needs"),
    "unknown": (FRAME, {**frame_arrays(0), "extra": np.zeros(1)}, "extra: Frame carries no such"),
    "on a message without": (m.Ping(), {"xyz": np.zeros(3)}, "xyz: Ping carries no such"),
    "dtype": (SUBMIT, {**shot_arrays(), "picture": np.zeros((1, 16, 32, 3), np.float32)}, "must be uint8"),
    "objects": (SUBMIT, {**shot_arrays(), "picture": np.array([None])}, "object does not travel"),
    "dimensions": (SUBMIT, {**shot_arrays(), "depth": np.zeros((16, 32), np.float32)}, "shape \\(f, H, W\\)"),
    "channels": (SUBMIT, {**shot_arrays(), "picture": np.zeros((1, 16, 32, 4), np.uint8)}, "\\(1, 16, 32, 4\\)"),
    "depth of another size": (
        SUBMIT,
        {**shot_arrays(), "depth": np.zeros((1, 16, 31), np.float32)},
        "31 pixels of width",
    ),
    "depth of more pictures": (SUBMIT, {**shot_arrays(), "depth": np.zeros((2, 16, 32), np.float32)}, "2 pictures"),
    "paths of two lengths": (SUBMIT, {**shot_arrays(), "frame": np.zeros(8, np.int32)}, "8 frames but K has 9"),
    "no frames": (SUBMIT, shot_arrays(0), "0 frames"),
    "too many frames": (SUBMIT, shot_arrays(limits.MAX_FRAMES + 1), "10001 frames; send 1 to 10000"),
    "too wide": (SUBMIT, {**shot_arrays(), "picture": np.zeros((1, 1, 4097, 3), np.uint8)}, "4097 pixels of width"),
    "empty file": (FRAME, {**frame_arrays(0), "frame": np.zeros(0, np.uint8)}, "0 bytes"),
    "a preview of floats": (PREVIEW, {"preview": np.zeros((1, 2, 2, 3), np.float32)}, "preview: must be uint8"),
    "a preview of one picture": (PREVIEW, {"preview": np.zeros((2, 2, 3), np.uint8)}, "shape \\(t, h, w, 3\\)"),
    "a preview of nothing": (PREVIEW, {"preview": np.zeros((0, 2, 2, 3), np.uint8)}, "0 pictures; send 1 to 81"),
    "no preview": (PREVIEW, {}, "preview: Preview needs"),
    "a large preview": (PREVIEW, {"preview": np.zeros((6, 1000, 1000, 3), np.uint8)}, "18000000 bytes, .* too large"),
    "points without colours": (
        POINTS,
        {**point_arrays(4), "rgb": np.zeros((3, 3), np.uint8)},
        "3 points but xyz has 4",
    ),
}

NOT_FITTING = {"31 pixels of width", "2 pictures", "8 frames but K has 9"}
"""Arrays of a submit that are sound each, but not together: refused, no breach."""


@pytest.mark.parametrize(("message", "arrays", "says"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_do_not_belong_to_the_message(message: Any, arrays: Any, says: str) -> None:
    with pytest.raises(LocalProtocolError, match=says):
        codec.encode(message, arrays)
    if says in NOT_FITTING:
        codec.decode_client(_as_a_liar_would(message, arrays))
        with pytest.raises(InvalidShot, match=says):
            check_shot(message.shot, arrays)
        return
    with pytest.raises(RemoteProtocolError):
        _decode_either(_as_a_liar_would(message, arrays))


def _as_a_liar_would(message: Any, arrays: Any) -> list[bytes]:
    """The frames of a peer that checks nothing."""
    header = msgspec.to_builtins(message)
    frames = [array.tobytes() if array.dtype != object else b"\x80\x04" for array in arrays.values()]
    header["arrays"] = [
        {"name": name, "dtype": str(array.dtype), "shape": array.shape, "sha256": hashlib.sha256(frame).hexdigest()}
        for (name, array), frame in zip(arrays.items(), frames, strict=True)
    ]
    return [msgspec.msgpack.encode(header), *frames]


def _decode_either(frames: list[bytes]) -> None:
    for decode in (codec.decode_client, codec.decode_server):
        if b"submit" in frames[0][:40] and decode is codec.decode_server:
            continue
        decode(frames)


def announced(f: int, H: int, W: int) -> bytes:
    """The header of a submit with a picture and a depth of this size."""
    sizes = {"picture": [f, H, W, 3], "depth": [f, H, W]}
    headers = [
        m.ArrayHeader(name, array.dtype.name, sizes.get(name, list(array.shape)), "0" * 64)  # type: ignore[arg-type]
        for name, array in shot_arrays().items()
    ]
    return msgspec.msgpack.encode(m.Submit(REQUEST, shot(), headers))


def test_too_many_bytes_are_refused_by_the_header_alone() -> None:
    with pytest.raises(RemoteProtocolError, match=r"picture: has .* too large"):
        codec.decode_client([announced(6, 4096, 4096)] + [b""] * 5)
    with pytest.raises(RemoteProtocolError, match="0 bytes came"):
        codec.decode_client([announced(3, 4096, 4096)] + [b""] * 5)
    with pytest.raises(RemoteProtocolError, match=r"depth: has .* too large"):
        codec.decode_client([announced(4, 4096, 3840)] + [b""] * 5)


def test_product_of_a_shape_does_not_overflow() -> None:
    header = msgspec.msgpack.encode(
        m.Frame(
            RUN, 3, 0, 0, [m.ArrayHeader(name, "uint8", [1 << 30] * 4, "0" * 64) for name in ("frame", "provenance")]
        )
    )
    with pytest.raises(RemoteProtocolError, match="too large"):
        codec.decode_server([header, b"", b""])


def frames_of(message: Any, arrays: Any) -> list[bytes]:
    return [bytes(frame) for frame in codec.encode(message, arrays)]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda _: [], "without a header"),
        (lambda frames: frames[:-1], "announces 3 arrays, 2 came"),
        (lambda frames: [*frames, b""], "announces 3 arrays, 4 came"),
        (lambda frames: [frames[0], frames[1][:-1], *frames[2:]], "59 bytes came, its shape says 60"),
        (lambda frames: [frames[0], b"\xff" + frames[1][1:], *frames[2:]], "digest"),
        (lambda frames: [frames[0], *frames[:0:-1]], "bytes came"),
        (lambda frames: [b" " * (limits.MAX_HEADER_BYTES + 1), *frames[1:]], "a header of"),
        (lambda frames: [b"", *frames[1:]], "does not parse"),
    ],
)
def test_frames_that_do_not_match_their_header(spoil: Any, says: str) -> None:
    frames = frames_of(POINTS, point_arrays(5))
    with pytest.raises(RemoteProtocolError, match=says):
        codec.decode_server(spoil(frames))


def test_two_arrays_of_one_name() -> None:
    frames = frames_of(FRAME, frame_arrays(0))
    header = msgspec.msgpack.decode(frames[0])
    header["arrays"][1] = header["arrays"][0]
    with pytest.raises(RemoteProtocolError, match="same name"):
        codec.decode_server([msgspec.msgpack.encode(header), frames[1], frames[1]])


@pytest.mark.parametrize(
    "header",
    [
        b"\xff",
        b"\x91" * 100_000,  # nested beyond any recursion limit
        b"\x81\xa4type\xa4" + b"\xff\xfe\xfd\xfc",  # not UTF-8
        b"\x82\xa4type\xa6status\xa3run\xd9\x20" + b"\xc3" * 32,
        b"\xdf\xff\xff\xff\xff",  # a map of four billion entries
        b"\x82\xa4type\xa4ping\xa1x" + b"\x91" * 100_000,  # nested in a field that is ignored
        msgspec.msgpack.encode({"type": "status"}),
        msgspec.msgpack.encode({"type": "eval", "code": "import os"}),
        msgspec.msgpack.encode([1, 2]),
    ],
)
def test_headers_that_are_none(header: bytes) -> None:
    for decode in (codec.decode_client, codec.decode_server):
        with pytest.raises(RemoteProtocolError):
            decode([header])


NAN, INF = float("nan"), float("inf")

# what may be set, and values just outside
DIFFUSION_BOUNDS: dict[str, tuple[list[Any], list[Any]]] = {
    "prompt": (["", "a" * limits.MAX_TEXT], ["a" * (limits.MAX_TEXT + 1), None]),
    "style": (["", "a" * 200], ["a" * 201]),
    "negative_prompt": (["a" * limits.MAX_TEXT], ["a" * (limits.MAX_TEXT + 1)]),
    "sigma": ([0.0, 1.0], [-0.01, 1.01, NAN, INF, "0.5"]),
    "steps": ([1, 1000], [0, 1001, 2.5]),
    "shift": ([0.01, 100.0], [0.0, -1.0, 100.1, NAN, INF]),
    "guidance": ([0.0, 100.0], [-0.1, 100.1, NAN, INF]),
    "guidance_valid": ([None, 0.0, 100.0], [-0.1, 100.1, NAN, INF]),
    "solver": (["euler", "dpm++"], ["heun"]),
    "noise": (["spatio-temporal", "spatial", "temporal", "full"], ["pink"]),
    "tokens": (["covered", "sampled"], ["all"]),
    "erosion": ([0, 256], [-1, 257]),
    "age_noise": ([0.0, 1.0], [-0.01, 1.01, NAN, INF]),
    "confidence_noise": ([0.0, 1.0], [-0.01, 1.01, NAN, INF]),
    "colour_correction": ([True, False], [1]),
    "memory": (["full", "balanced", "low"], ["none"]),
}
BAD_SHOTS = [
    *[
        shot(diffusion=m.Diffusion(**{field: value}))
        for field, (_, outside) in DIFFUSION_BOUNDS.items()
        for value in outside
    ],
    shot(cache="mesh"),
    *[
        m.Shot(name="a", settings=m.Settings(), overrides=[m.Override(**{"chunk": 0, **bad})])
        for bad in (
            {"sigma": NAN},
            {"sigma": 1.5},
            {"seed": -1},
            {"chunk": -1},
            {"prompt": "a" * 4001},
            {"style": "a" * 201},
        )
    ],
    m.Shot(name="a", settings=m.Settings(), overrides=[m.Override(chunk=0)] * (limits.MAX_HAVE + 1)),
]


def test_every_diffusion_setting_has_its_bounds_sampled() -> None:
    assert set(DIFFUSION_BOUNDS) == set(m.Diffusion.__struct_fields__)


FIELDS = {
    field: st.one_of(st.sampled_from([*inside, *outside]), st.floats(), st.integers(-2000, 2000))
    for field, (inside, outside) in DIFFUSION_BOUNDS.items()
}


@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_diffusion_settings_are_within_their_bounds_or_refused(chosen: dict[str, Any]) -> None:
    header = msgspec.msgpack.encode({"diffusion": chosen})
    try:
        found = msgspec.msgpack.decode(header, type=m.Settings).diffusion
    except msgspec.ValidationError:
        return
    for field in ("sigma", "age_noise", "confidence_noise"):
        assert 0 <= getattr(found, field) <= 1
    for field in ("guidance", "guidance_valid"):
        assert getattr(found, field) is None or 0 <= getattr(found, field) <= 100
    assert 0 < found.shift <= 100
    assert 1 <= found.steps <= 1000
    assert 0 <= found.erosion <= 256
    assert max(len(found.prompt), len(found.negative_prompt)) <= limits.MAX_TEXT
    assert len(found.style) <= 200


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, (inside, _) in DIFFUSION_BOUNDS.items() for v in inside])
def test_the_ends_of_a_diffusion_settings_range_travel(field: str, value: Any) -> None:
    asked = m.Submit(REQUEST, shot(diffusion=m.Diffusion(**{field: value})))
    decoded, _ = codec.decode_client(frames_of(asked, shot_arrays()))
    assert isinstance(decoded, m.Submit)
    assert decoded.shot == asked.shot


def test_a_shot_of_before_has_the_defaults() -> None:
    header = {"name": "a", "settings": {"profile": "draft", "seed": 3}}
    found = msgspec.msgpack.decode(msgspec.msgpack.encode(header), type=m.Shot)
    assert found == m.Shot(name="a", settings=m.Settings(seed=3))


@pytest.mark.parametrize(
    ("decode", "message", "arrays"),
    [
        (codec.decode_client, m.Status(RUN + "\n"), {}),
        (codec.decode_client, m.Status("../../etc/passwd"), {}),
        (codec.decode_client, m.Status(RUN.upper()), {}),
        (codec.decode_client, m.Hello(-1, 0, ""), {}),
        (codec.decode_client, m.Credit(RUN, 0), {}),
        (codec.decode_client, m.Credit(RUN, limits.MAX_CREDIT + 1), {}),
        (codec.decode_client, m.Subscribe(RUN, have=["0" * 64] * (limits.MAX_HAVE + 1)), {}),
        (codec.decode_client, m.Submit(REQUEST, shot("")), shot_arrays()),
        (codec.decode_client, m.Submit(REQUEST, shot("two\nlines")), shot_arrays()),
        (codec.decode_client, m.Submit(REQUEST, shot(far=NAN)), shot_arrays()),
        (codec.decode_client, m.Submit(REQUEST, shot(far=INF)), shot_arrays()),
        (codec.decode_client, m.Submit(REQUEST, shot(seed=-1)), shot_arrays()),
        (codec.decode_client, m.Submit(REQUEST, m.Shot(name="a", settings=m.Settings(), fps=NAN)), shot_arrays()),
        *[(codec.decode_client, m.Submit(REQUEST, bad), shot_arrays()) for bad in BAD_SHOTS],
        (codec.decode_server, m.Progress(RUN, 0, 0, "dream", 1, 2), {}),  # type: ignore[arg-type]
        (codec.decode_server, msgspec.structs.replace(PREVIEW, step=-1), {"preview": np.zeros((1, 2, 2, 3), np.uint8)}),
        (codec.decode_server, m.ChunkCommitted(RUN, 1, 0, "0" * 64, "0" * 64, 0, 1, {"psnr": INF}), {}),
        (codec.decode_server, m.ChunkCommitted(RUN, 1, 0, "0" * 64, "0" * 64, 0, 1, {"psnr": NAN}), {}),
        (codec.decode_server, m.Error("made_up", "?"), {}),  # type: ignore[arg-type]
        (codec.decode_server, m.Error("busy", "?", about="somewhere"), {}),
        (codec.decode_server, m.RunStarted(RUN, 1, shot(), 0, 16), {}),
        (codec.decode_server, m.RunStatus(info("paused")), {}),  # type: ignore[arg-type]
        (codec.decode_server, m.Runs([info()] * (limits.MAX_RUNS + 1)), {}),
    ],
)
def test_fields_out_of_bounds(decode: Any, message: Any, arrays: Any) -> None:
    with pytest.raises(LocalProtocolError):
        codec.encode(message, arrays)
    with pytest.raises(RemoteProtocolError, match="does not parse"):
        decode([msgspec.msgpack.encode(message)])


def test_the_longest_list_of_runs_fits_a_header() -> None:
    longest = msgspec.structs.replace(info(), name="\U0001f30d" * limits.MAX_NAME, text="\U0001f30d" * 1000)
    (header,) = codec.encode(m.Runs([longest] * limits.MAX_RUNS))
    assert len(codec.decode_server([header])[0].runs) == limits.MAX_RUNS  # type: ignore[union-attr]


def test_nobody_says_what_is_for_the_other_side() -> None:
    with pytest.raises(RemoteProtocolError):
        codec.decode_client(frames_of(m.RunStatus(info()), {}))
    with pytest.raises(RemoteProtocolError):
        codec.decode_server(frames_of(m.Status(RUN), {}))


def mutate(frames: list[bytes], rng: random.Random) -> list[bytes]:
    """One to three changes: flipped, cut, doubled or inserted bytes, frames lost, doubled or swapped."""
    frames = list(frames)
    for _ in range(rng.randint(1, 3)):
        if len(frames) > 1 and rng.random() < 0.2:
            i, j = rng.randrange(len(frames)), rng.randrange(len(frames))
            change = rng.randrange(3)
            if change == 0:
                del frames[i]
            elif change == 1:
                frames.insert(i, frames[j])
            else:
                frames[i], frames[j] = frames[j], frames[i]
            continue
        # mostly the header: it is what gets parsed
        i = 0 if rng.random() < 0.8 else rng.randrange(len(frames))
        data = bytearray(frames[i])
        at = rng.randrange(len(data) + 1)
        change = rng.randrange(4)
        if change == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif change == 1:
            del data[at : at + rng.randint(1, 40)]
        elif change == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        else:
            data[at:at] = data[at : at + rng.randint(1, 40)]
        frames[i] = bytes(data)
    return frames


def test_whatever_bytes_come_only_remote_protocol_error_escapes() -> None:
    rng = random.Random(20)
    samples = [(decode, frames_of(message, arrays)) for decode, message, arrays in ALL]
    refused, deadline, tried = 0, time.monotonic() + 20, 0
    while tried < 20_000:
        assert time.monotonic() < deadline, f"only {tried} messages in 20 s"
        decode, frames = rng.choice(samples)
        spoiled = mutate(frames, rng)
        tried += 1
        try:
            message, arrays = decode(spoiled)
        except RemoteProtocolError:
            refused += 1
        else:
            # what still decodes is within every bound: it can be said again
            codec.encode(msgspec.structs.replace(message, arrays=[]) if arrays else message, arrays)
    assert refused > tried / 2


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_noise_is_refused(frames: list[bytes]) -> None:
    for decode in (codec.decode_client, codec.decode_server):
        with pytest.raises(RemoteProtocolError):
            decode(frames)


def test_the_specification_names_every_array_and_its_type() -> None:
    rows = (Path(m.__file__).parents[1] / "SPEC.md").read_text(encoding="utf-8").splitlines()
    tables = [row for row in rows if row.startswith("| ")]
    for rules in ARRAYS.values():
        for name, rule in rules.items():
            assert any(f"`{name}`" in row and (rule.dtype in row or "as above" in row) for row in tables), name
