"""What the panel sets for the models that invent, and what it shows of them while they work."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from worldwarp_protocol import messages

from blender_addon import news
from blender_addon.link import _receive
from blender_addon.questions import Order
from blender_addon.state import STAGES, Run


def test_from_the_properties_to_the_wire_and_from_the_news_to_the_pixels(in_blender, extension, tmp_path):
    found = in_blender("diffusion.py", extension, tmp_path)
    assert found["choices"] == dict.fromkeys(("solver", "noise", "tokens", "memory", "cache"), True)
    assert found["steps"] == [1, 1000, 50]
    assert found["guidance_valid"] == [0, 100]
    assert found["far"] == [1e6, 1e6]
    assert found["untouched"]
    assert found["plain"]
    assert found["sent"]
    assert found["settings"] == ["points", 7, 11, "wan"]
    assert found["changes nothing"] == []
    assert found["overrides"]
    assert found["same part"]
    assert "frames 150 to 193" in found["twice"]
    assert found["outside"] == ["", 1]  # it waits until the walk is longer
    assert found["inside again"] == 2
    assert found["panels"] == [[101, 149], [150, 193], [238, 250]]
    assert found["every 2nd"] == [101, 197]
    assert found["draft"]
    assert found["too early"]
    assert found["frames"] == [
        [101, 105, 109],
        [105, 109],
        [101, 104, 107, 109],
        [101, 106, 109],
    ]
    assert found["beyond"]
    assert found["shown"] == [[105, True], [101, True], [109, True]]
    assert found["not at once"]
    assert found["wide"] == [[256, 144], [320, 180], [320, 180]]
    assert found["nothing in the file"]
    assert found["gone with the part"]
    assert found["gone with the run"]
    assert found["gone with the extension"]
    assert found["kept"]
    assert found["parts kept"] == [[150, 5]]
    assert found["images"] == []


def test_an_order_without_words_is_the_protocols_default():
    shot = Order("Walk", {"profile": "draft", "seed": 3}, 24.0, "sRGB", {}).shot()
    assert (shot.settings, shot.overrides) == (messages.Settings(seed=3), [])


def test_every_stage_of_the_protocol_has_words_and_its_place():
    assert tuple(STAGES) == get_args(messages.Stage)
    for begins in zip(*((draft, other) for draft, other, _ in STAGES.values()), strict=True):
        assert sorted(begins) == list(begins)


@pytest.mark.parametrize("denoises", [False, True])
def test_stages_that_overlap_or_come_again_never_move_the_bar_back(denoises):
    run, seen = Run(Path("x"), 0, chunks=1, denoises=denoises), []
    for stage in ("history", "geometry", "caption", "geometry", "cache", "denoise", "decode", "geometry", "save"):
        run.advance(news.Progress(0, stage, 1, 2))
        seen.append(run.fraction)
    assert seen == sorted(seen)
    assert seen[-1] > seen[-3] > 0.9


def test_denoising_names_its_step():
    run = Run(Path("x"), 0)
    run.advance(news.Progress(0, "denoise", 12, 50))
    assert run.stage.format(step=12, steps=50) == "Denoising, step 12 of 50"


class Streamed:
    """A client whose run sends what it is given."""

    def __init__(self, *sent):
        self.sent = sent

    def receive(self, *_, on_event, **__):
        for message, arrays in self.sent:
            on_event(message, arrays)


def test_previews_are_told_with_the_frames_that_they_show(tmp_path):
    pictures = np.zeros((13, 6, 8, 3), np.uint8)
    preview = messages.Preview(run="0" * 32, chunk=1, attempt=0, step=3, steps=50, first=44)
    link = Told()
    _receive(link, Streamed((preview, {"preview": pictures})), "0" * 32, tmp_path)
    assert link.told == []  # before the walk's cameras
    np.savez(tmp_path / "cameras.npz", frame=np.arange(101, 191))
    _receive(link, Streamed((preview, {"preview": pictures})), "0" * 32, tmp_path)
    assert [told.frames for told in link.told] == [(*range(145, 191, 4), 190)]
    assert len(link.told[0].pictures) == 13


class Told:
    """Keeps what a link is told."""

    def __init__(self):
        self.told = []
        self.tell, self.take_wish = self.told.append, None
