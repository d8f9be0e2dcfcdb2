"""The examples in the documentation run."""

import re
from pathlib import Path

import numpy as np
import pytest
from worldwarp.cameras.formats import read_cameras

DOCS = Path(__file__).parent.parent / "docs"


def test_the_path_that_formats_shows_is_one_and_the_reading_example_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = re.findall(r"```python\n(.*?)```", (DOCS / "formats.md").read_text("utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    exec(writing, {})
    path = read_cameras(Path("path.npz"))
    np.testing.assert_allclose(path.centres[-1], [0, 1, 0], atol=1e-12)
    Path("path.npz").rename("cameras.npz")
    exec(reading, {})
    x, y = map(float, capsys.readouterr().out.split())
    assert (round(x, 6), round(y, 6)) == (360 + 600 * 1.0 / 2.0, 240 - 600 * 0.5 / 2.0)


def test_every_file_that_the_documentation_links_is_there() -> None:
    for page in [DOCS.parent / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links {target}"
