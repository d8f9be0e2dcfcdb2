"""Options become settings: presets, the two readings of tau, words for single chunks."""

import argparse

import pytest
from msgspec import structs
from worldwarp import options
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Diffusion, Override, Settings


def chosen(*arguments: str) -> Settings:
    return options.read(parsed(*arguments))


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add(parser)
    return parser.parse_args(arguments)


def test_without_options_the_defaults_hold() -> None:
    assert chosen() == Settings()


def test_every_setting_has_an_option() -> None:
    assert set(options.SETTINGS) | {"diffusion"} == {field.name for field in structs.fields(Settings)}
    assert set(options.DIFFUSION) == {field.name for field in structs.fields(Diffusion)}


def test_an_option_wins_over_its_preset_and_the_rest_of_the_preset_holds() -> None:
    settings = chosen("--preset", "release", "--chunk-frames", "49", "--steps", "20")
    assert (settings.chunk_frames, settings.context_frames, settings.width) == (49, 1, 720)
    assert (settings.diffusion.steps, settings.diffusion.tokens) == (20, "sampled")
    assert settings.diffusion.sigma == pytest.approx(0.957, abs=5e-4)


def test_the_paper_s_preset_has_the_paper_s_numbers() -> None:
    settings = chosen("--preset", "paper")
    assert (settings.width, settings.height, settings.chunk_frames, settings.context_frames) == (720, 480, 49, 5)
    assert (settings.cache_steps, settings.geometry, settings.diffusion) == (500, "ttt3r", Diffusion())


@pytest.mark.parametrize(
    ("arguments", "sigma"),
    [
        (("--tau", "0.8"), 0.952),
        (("--tau", "0.5"), 0.829),
        (("--tau", "0.8", "--tau-as", "sigma"), 0.8),
        (("--tau", "0.5", "--steps", "10", "--shift", "1"), 0.5),
        (("--sigma", "0.3"), 0.3),
    ],
)
def test_tau_is_read_as_an_index_or_as_sigma(arguments: tuple[str, ...], sigma: float) -> None:
    assert chosen(*arguments).diffusion.sigma == pytest.approx(sigma, abs=0.06 if "--shift" in arguments else 6e-4)


@pytest.mark.parametrize("arguments", [("--tau", "2"), ("--tau", "nan"), ("--tau", "0.5", "--sigma", "0.5")])
def test_a_tau_that_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvalidShot, match="tau"):
        chosen(*arguments)


def test_low_memory_by_its_usual_name() -> None:
    assert chosen("--lowvram").diffusion.memory == "low"


def test_words_for_single_chunks_count_from_one() -> None:
    assert options.read_overrides(parsed("--chunk-prompt", "2: a court: wide")) == [
        Override(chunk=1, prompt="a court: wide")
    ]
    for text in ("a court", "0:a court", "x:a"):
        with pytest.raises(InvalidShot, match="chunk-prompt"):
            options.read_overrides(parsed("--chunk-prompt", text))
