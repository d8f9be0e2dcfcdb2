"""What the worker does with a question, in this process: with the network at a tiny size, and through the pipe."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from worldwarp.engines import pipe, tasks
from worldwarp.engines.questions import Question
from worldwarp.geometry import sources
from worldwarp.geometry.floor import UPRIGHT
from worldwarp.nouns import Cancelled, Estimate
from worldwarp.server import answers
from worldwarp_protocol import codec
from worldwarp_protocol.messages import ArrayHeader, EstimateGeometry

from tests.geometry.goldens import tiny_network

REQUEST = "a" * 32

FOCAL = 60.0


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network with the goldens' weights in place of the full one."""
    network = sources.ttt3r(tiny_network())

    def source(frames: np.ndarray, K: np.ndarray | None) -> Estimate:
        return replace(network(frames, K), focal=FOCAL + np.arange(len(frames)))  # it finds none in noise

    monkeypatch.setattr(sources, "load", lambda _name: source)


def clip(frames: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (frames, 48, 64, 3), np.uint8)


def quiet(*_: Any) -> None:
    pass


def question(what: Any = "picture", frames: int = 1, K: np.ndarray | None = None) -> Question:
    arrays = {"picture": clip(frames)} if K is None else {"picture": clip(frames), "K": K}
    return Question(EstimateGeometry(request=REQUEST, what=what, source="ttt3r"), arrays)


def through_the_pipe(message: Any, kind: Any) -> Any:
    stream = io.BytesIO()
    pipe.write(stream, message)
    stream.seek(0)
    return pipe.read(stream, kind)


def test_a_path_travels_in_the_first_cameras_axes() -> None:
    frames = clip(4)
    asked = through_the_pipe(pipe.Ask(question("path", 4)), pipe.ToWorker).question
    answered = through_the_pipe(pipe.Answered(tasks.answer(asked, quiet)), pipe.FromWorker).answer
    message, sent = answers.addressed(answers.encode(answered), REQUEST)
    message, arrays = codec.decode_server(sent)
    assert (message.request, message.focal_given) == (REQUEST, False)
    found = sources.ttt3r(tiny_network())(frames, None)
    first = np.linalg.inv(found.camera_to_world[0])
    np.testing.assert_allclose(arrays["camera_to_world"], first @ found.camera_to_world, atol=1e-5)
    np.testing.assert_array_equal(arrays["level"], UPRIGHT)
    assert message.focal == pytest.approx(FOCAL + 1.5)
    assert arrays["confidence"].shape == (4, 1, 1)
    np.testing.assert_allclose(arrays["confidence"][:, 0, 0], np.median(found.confidence, axis=(1, 2)))
    assert "depth" not in arrays
    assert len(arrays["xyz"]) == len(arrays["faces"]) == 0


def test_a_path_whose_lens_is_known() -> None:
    K = np.array([[[50.0, 0, 32], [0, 50, 24], [0, 0, 1]]]).repeat(4, 0)
    answered = tasks.answer(question("path", 4, K), quiet)
    assert (answered.message.focal, answered.message.focal_given) == (50.0, True)
    np.testing.assert_array_equal(answered.arrays["K"], K)


def test_a_picture_whose_lens_is_estimated() -> None:
    answered = tasks.answer(question(), quiet)
    assert not answered.message.focal_given
    assert answered.message.meta["focal_estimated"] == pytest.approx(answered.message.focal) == pytest.approx(FOCAL)
    _, arrays = codec.decode_server(answers.encode(answered))
    assert arrays["depth"].shape == (1, 48, 64)
    np.testing.assert_array_equal(arrays["K"][0, :2, 2], [32, 24])


def test_it_ends_between_two_steps() -> None:
    def report(_stage: str, step: int, _steps: int) -> None:
        if step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        tasks.answer(question(), report)


HEADER = ArrayHeader("picture", "uint8", [1, 48, 64, 3], "0" * 64)


def key(what: Any = "picture", source: Any = "given", header: ArrayHeader = HEADER, numerics: str = "cpu") -> str:
    asked = EstimateGeometry(request=REQUEST, what=what, source=source, arrays=[header])
    return tasks.key(Question(asked, {}), numerics)


def test_the_key_is_the_contents(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"ttt3r": "one"}
    monkeypatch.setattr(sources, "recipe", lambda name: [name, weights.get(name, "")])
    keys = {
        key(),
        key(what="path"),
        key(source="ttt3r"),
        key(numerics="cuda"),
        key(header=ArrayHeader("picture", "uint8", [1, 64, 48, 3], "0" * 64)),
        key(header=ArrayHeader("picture", "uint8", [1, 48, 64, 3], "1" * 64)),
    }
    assert len(keys) == 6
    before = key(source="ttt3r")
    weights["ttt3r"] = "another"
    assert key(source="ttt3r") != before
    other = EstimateGeometry(request="b" * 32, what="picture", source="given", arrays=[HEADER])
    assert tasks.key(Question(other, {}), "cpu") == key()


def test_a_gpu_that_only_networks_use_is_part_of_what_computes(monkeypatch):
    from worldwarp.engines import compute

    monkeypatch.setattr(compute, "device", lambda: compute.torch.device("cpu"))
    said = set()
    for available in (False, True):
        monkeypatch.setattr(compute.torch.cuda, "is_available", lambda available=available: available)
        monkeypatch.setattr(compute.torch.cuda, "get_device_capability", lambda: (9, 0))
        said.add(compute.numerics())
    assert len(said) == 2
