"""Embeddings against the text model itself, tiny and random; the folder they are kept in against damage."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel
from worldwarp.diffusion import text as ours

WORDS = ["<pad>", "</s>", "<unk>", "a", "stone", "house", "&", "on", "hill"]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", padding_side="right"
    )


@pytest.fixture(scope="module")
def encoder() -> Any:
    torch.manual_seed(0)
    config = UMT5Config(vocab_size=len(WORDS), d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4)
    return UMT5EncoderModel(config).eval()


def test_text_is_cleaned_as_wan_does() -> None:
    assert ours.clean("  a\n stone \t house &amp;amp; hill&nbsp; ") == "a stone house & hill"


def test_embedding_is_that_of_the_words_alone_and_zero_after_them(tokenizer: Any, encoder: Any) -> None:
    embedding = ours.embed(tokenizer, encoder, " a stone&#32;house")
    assert embedding.shape == (512, 16)
    with torch.no_grad():
        alone = encoder(torch.tensor([[3, 4, 5, 1]])).last_hidden_state[0]
    torch.testing.assert_close(embedding[:4], alone)
    assert (embedding[4:] == 0).all()
    assert embedding[:4].abs().max() > 0
    assert not embedding.requires_grad


def test_no_words_are_one_token(tokenizer: Any, encoder: Any) -> None:
    embedding = ours.embed(tokenizer, encoder, "  ")
    assert (embedding[1:] == 0).all()
    assert embedding[0].abs().max() > 0


def test_embedding_keeps_the_text_models_precision(tokenizer: Any, encoder: Any) -> None:
    config = encoder.config
    assert ours.embed(tokenizer, UMT5EncoderModel(config).bfloat16(), "hill").dtype == torch.bfloat16


def test_what_is_too_long_is_cut_and_its_excess_known(tokenizer: Any, encoder: Any) -> None:
    long = "hill " * 600
    assert ours.excess(tokenizer, long) == 601 - 512
    assert ours.excess(tokenizer, "a stone house") == 0
    assert ours.warning(tokenizer, "prompt", long).startswith("The prompt is 89 tokens longer than the 512")
    assert ours.warning(tokenizer, "prompt", "a stone house") == ""
    assert ours.embed(tokenizer, encoder, long).shape == (512, 16)


class Asked:
    """Computes an embedding, and counts how often it had to."""

    def __init__(self, dtype: torch.dtype = torch.bfloat16) -> None:
        self.times, self.dtype = 0, dtype

    def __call__(self, texts: list[str]) -> list[torch.Tensor]:
        self.times += 1
        return [torch.full((512, 4), float(len(text)), dtype=self.dtype) for text in texts]


def cached(folder: Path, made_of: str, text: str, compute: Any) -> torch.Tensor:
    return ours.cached(folder, made_of, [text], compute)[text]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_same_words_are_computed_once_and_come_back_to_the_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    asked = Asked(dtype)
    first = cached(tmp_path / "texts", "abc", "a  stone", asked)
    again = cached(tmp_path / "texts", "abc", "a stone ", asked)
    assert asked.times == 1
    assert again.dtype == dtype
    assert torch.equal(first, again)


def test_other_words_or_another_text_model_are_computed(tmp_path: Path) -> None:
    asked = Asked()
    for digest, text in [("abc", "a"), ("abc", "hill"), ("abd", "a")]:
        cached(tmp_path, digest, text, asked)
    assert asked.times == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_all_new_words_are_computed_in_one_go_and_those_that_are_kept_are_not(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def compute(texts: list[str]) -> list[torch.Tensor]:
        asked.append(texts)
        return [torch.full((2, 2), float(len(text))) for text in texts]

    ours.cached(tmp_path, "abc", ["hill"], compute)
    found = ours.cached(tmp_path, "abc", ["a", "hill", "stone"], compute)
    assert asked == [["hill"], ["a", "stone"]]
    assert {text: float(embedding[0, 0]) for text, embedding in found.items()} == {"a": 1, "hill": 4, "stone": 5}


@pytest.mark.parametrize("damage", ["cut", "one number", "empty", "another file"])
def test_a_damaged_file_is_computed_again_and_whole_afterwards(tmp_path: Path, damage: str) -> None:
    asked = Asked()
    expected = cached(tmp_path, "abc", "stone", asked)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    path.write_bytes(
        {"cut": whole[:-100], "one number": flipped, "empty": b"", "another file": ours.save({"x": torch.ones(2)})}[
            damage
        ]
    )
    assert torch.equal(cached(tmp_path, "abc", "stone", asked), expected)
    assert asked.times == 2
    cached(tmp_path, "abc", "stone", asked)
    assert asked.times == 2


def test_what_was_not_used_for_longest_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "MOST", 3)
    asked = Asked()

    def use(text: str, second: int) -> None:
        before = set(tmp_path.iterdir())
        cached(tmp_path, "abc", text, asked)
        for path in set(tmp_path.iterdir()) - before:
            os.utime(path, (second, second))

    for second, text in enumerate(["a", "stone", "house"]):
        use(text, second)
    use("a", 3)  # used again: younger than the other two
    use("hill", 4)
    assert len(list(tmp_path.iterdir())) == 3
    assert asked.times == 4
    use("a", 5)
    assert asked.times == 4
    use("stone", 6)
    assert asked.times == 5


def test_a_computation_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(texts: list[str]) -> list[torch.Tensor]:
        raise MemoryError(texts)

    with pytest.raises(MemoryError):
        cached(tmp_path, "abc", "stone", fail)
    assert not list(tmp_path.iterdir())
