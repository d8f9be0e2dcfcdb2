"""The README's clip put together, by the backend's Python: ``clip_sheet.py FOLDER CLIP.webp``

FOLDER is what make_clip.py has left there. Prints what the clip's caption tells.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE = (720, 480)
BAR = 46
"""Height of the strip below, with the words."""

GROUND, WORDS, GREY = (24, 24, 27), (240, 240, 240), (120, 120, 126)
KEPT, COMPUTED = (78, 160, 104), (232, 142, 52)
QUALITY = 58
HOLD = 900
"""Milliseconds that the last picture of a part stays."""


@dataclass(frozen=True)
class Part:
    """Pictures that are shown one after another, so many milliseconds each, and what they are."""

    title: str
    pictures: list[Image.Image]
    each: int


def main(folder: Path, target: Path) -> None:
    """Write the clip, and print its numbers."""
    told = json.loads((folder / "told.json").read_text())
    shown = [part for part in parts(folder, told) if part.pictures]
    frames, durations = [], []
    for number, part in enumerate(shown):
        for picture in part.pictures:
            frames.append(labelled(picture, part.title, number, len(shown)))
            durations.append(part.each)
        durations[-1] += HOLD
    first, *others = frames
    options = {"duration": durations, "loop": 0, "quality": QUALITY, "method": 4}
    first.save(target, save_all=True, append_images=others, **options)
    print(f"  {len(frames)} pictures, {sum(durations) / 1000:.0f} s, {target.stat().st_size / 2**20:.1f} MiB")
    print(f"  {json.dumps(told)}")


def parts(folder: Path, told: dict) -> Iterator[Part]:
    """What the clip shows, in order."""
    first, second = (folder / "results" / name / "frames" for name in ("Walk_v001", "Walk_v002"))
    yield Part("One picture, and a camera keyed through it", plain(folder / "window"), 230)
    yield Part("A draft of the path: magenta is not in the picture", plain(folder / "preview", 4), 110)
    yield Part("Generated (profile draft): the holes are filled", plain(first, 3), 95)
    yield Part("Your CG: behind what was generated, its shadow on it", plain(folder / "cg"), 190)
    plan = told["plan"]
    title = f"The last key moved: {plan['kept']} frames kept, {plan['new']} computed"
    yield Part(title, list(compared(first, second, plan["rows"])), 120)


def plain(folder: Path, every: int = 1) -> list[Image.Image]:
    """Every so many of the pictures in ``folder``; none where it is not there."""
    return [opened(path, SIZE) for path in sorted(folder.glob("*.png"))[::every]]


def opened(path: Path, size: tuple[int, int]) -> Image.Image:
    """A picture at ``size``."""
    with Image.open(path) as image:
        return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def compared(first: Path, second: Path, rows: list) -> Iterator[Image.Image]:
    """Both walks side by side, and below them which frames were kept."""
    width, height = SIZE[0] // 2 - 2, (SIZE[0] // 2 - 2) * 2 // 3
    top = (SIZE[1] - height) // 2 - 40
    for number in range(1, len(list(first.glob("*.png"))) + 1, 3):
        image = Image.new("RGB", SIZE, GROUND)
        draw = ImageDraw.Draw(image)
        for left, folder, title in ((0, first, "take 1"), (SIZE[0] // 2 + 2, second, "take 2, its last key moved")):
            image.paste(opened(folder / f"{number:04}.png", (width, height)), (left, top))
            draw.text((left + 8, top - 32), title, WORDS, font(20))
        draw_bar(draw, rows, number, top + height + 52)
        yield image


def draw_bar(draw: ImageDraw.ImageDraw, rows: list, number: int, top: int) -> None:
    """The ranges of the second walk along a line: first frame, last frame and state; a pointer at frame ``number``."""
    left, scale = 24, (SIZE[0] - 48) / rows[-1][1]
    for begin, end, state in rows:
        colour = KEPT if state == "kept" else COMPUTED
        draw.rectangle((left + (begin - 1) * scale, top, left + end * scale - 3, top + 26), colour)
        text = f"{begin} to {end} {'kept' if state == 'kept' else 'computed'}"
        draw.text((left + (begin - 1) * scale + 8, top + 2), text, GROUND, font(17))
    at = left + (number - 0.5) * scale
    draw.line((at, top - 8, at, top + 34), WORDS, 3)


def labelled(picture: Image.Image, title: str, number: int, count: int) -> Image.Image:
    """The picture with its part's title below, and where in the clip it is."""
    image = Image.new("RGB", (SIZE[0], SIZE[1] + BAR), GROUND)
    image.paste(picture, (0, 0))
    draw = ImageDraw.Draw(image)
    draw.text((16, SIZE[1] + 10), f"{number + 1}  {title}", WORDS, font(20))
    for dot in range(count):
        x, y = SIZE[0] - 20 - 16 * (count - 1 - dot), SIZE[1] + BAR // 2
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), WORDS if dot == number else GREY)
    return image


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own."""
    return ImageFont.load_default(size)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
