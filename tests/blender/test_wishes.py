"""Masks and the settings of Advanced, from the panel to what is sent."""

from typing import get_args

import pytest
from worldwarp_protocol.messages import Settings


def test_masks_and_settings_are_sent_as_they_are_chosen(in_blender, extension, tmp_path):
    found = in_blender("wishes.py", extension, tmp_path)
    assert found["none"] == ["K", "camera_to_world", "depth", "frame", "picture"]
    assert found["exact"] == ["uint8", True, True]
    for case in ("render", "before the render"):
        assert "The Sky mask is 64 x 24 pixels, the picture 64 x 48" in found[case]
    assert len(found["file"]) == 1
    assert "nowhere.png does not exist" in found["file"][0]
    assert "The Leave Out mask is 64 x 48 pixels, the picture 64 x 24" in found["picture"]
    assert found["fits"] == ["K", "camera_to_world", "frame", "mask", "picture"]
    assert found["draft"] == ["K", "camera_to_world", "frame", "mask", "picture", "sky"]
    assert found["at scale"]
    assert found["anchor"] == pytest.approx([0.5, 0.5, 7], abs=1e-5)
    assert found["wide"] == [[1, 8, 4096], [1, 8, 4096, 3], True]
    assert found["untouched"]
    assert found["sent"] == [3, 4, 0.1, 7]
    assert found["choices"] == [str(every) for every in get_args(Settings.__annotations__["every"])]
    assert found["fields"] == ["memory_frames", "overscan", "every", "ease_frames"]
