"""The demo's pictures and numbers, by the backend's Python: ``demo_sheet.py FOLDER FRAME ...``

Reads the result in FOLDER, its chunks in FOLDER/store and Cycles' renders in FOLDER/truth; writes video.mp4,
contact_sheet.png and result.png, and prints time and memory of each stage and PSNR against Cycles. The same walk by
draft in FOLDER/draft stands beside the result; photo_sheet.png shows the walk in FOLDER/photo into FOLDER/photo.png.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from worldwarp import contents
from worldwarp.nouns import Provenance
from worldwarp.outputs.pictures import read_picture
from worldwarp.outputs.video import write_video
from worldwarp.store import Manifest, Store
from worldwarp_protocol.results import ResultFolder

COLUMN = 384
"""Pixels that a column is wide at least."""

MARGIN = 6
LABEL = 30
TRUTH = "Cycles' render of this camera"
STAGES = ("history", "geometry", "cache", "priors", "fill", "save")


def main(folder: Path, frames: list[int]) -> None:
    """Write the pictures and print the numbers."""
    record = ResultFolder(folder).record
    assert record is not None, f"{folder} holds no result"
    store = Store(folder / "store")
    chunks = [store.manifest(chunk.key) for chunk in record.chunks]
    paths = [folder / "frames" / f"{number:04}.png" for number in range(1, record.frames + 1)]
    write_video(folder / "video.mp4", map(read_picture, paths), record.fps)
    tell_stages(chunks)
    beside = folder / "draft"
    ours = {"Draft": beside, "Mini": folder} if beside.is_dir() else {"Generated frame": folder}
    rows = {f"frame {frame}": measure(folder, store, chunks, frame, ours) for frame in frames}
    sheet(("What is known (prior)", "Holes", *ours, TRUTH), rows).save(folder / "contact_sheet.png")
    compose(folder)
    if (folder / "photo").is_dir():
        photo_sheet(folder).save(folder / "photo_sheet.png")


def tell_stages(chunks: list[Manifest]) -> None:
    """Print each chunk's stages, as they were when it was computed."""
    for chunk in chunks:
        meta = chunk.meta
        times = ", ".join(f"{stage} {meta[f'seconds_{stage}']:.1f} s" for stage in STAGES if f"seconds_{stage}" in meta)
        print(
            f"  Frames {chunk.first + 1} to {chunk.first + chunk.count}: {times}; "
            f"{meta['steps_cache']:.0f} cache steps, {meta['gaussians']:.0f} Gaussians, "
            f"peak memory {float(meta['peak_bytes']) / 2**20:.0f} MiB"
        )


def measure(folder: Path, store: Store, chunks: list[Manifest], frame: int, ours: dict[str, Path]) -> list[np.ndarray]:
    """Prior, holes, ``ours`` (result folders by title) and truth of a frame (from 1), (H, W, 3) each.

    Prints the PSNR of ours against truth, in the same pixels of each.
    """
    key = next(chunk.key for chunk in reversed(chunks) if chunk.first < frame)
    prior, holes, provenance = (
        contents.read_image(store, key, kind, frame - 1) for kind in ("priors", "holes", "provenance")
    )
    truth = read_picture(folder / "truth" / f"{frame:04}.png")
    made = {title: read_picture(result / "frames" / f"{frame:04}.png") for title, result in ours.items()}
    parts = {"valid": holes == 0, "holes": holes > 0, "from the picture": provenance == Provenance.PICTURE}
    for title, picture in made.items():
        error = ((picture.astype(float) - truth) ** 2).mean(axis=-1)
        told = ", ".join(f"{name} {psnr(error[where])} ({where.mean():.0%})" for name, where in parts.items())
        print(f"  Frame {frame:3}{f', {title.lower()}' if len(made) > 1 else ''}: {told}")
    return [prior, np.repeat(holes[..., None], 3, axis=2), *made.values(), truth]


def psnr(errors: np.ndarray) -> str:
    """Of squared errors of 8-bit values, in words."""
    return f"{10 * np.log10(255**2 / max(errors.mean(), 1e-9)):.1f} dB" if errors.size else "none"


def photo_sheet(folder: Path) -> Image.Image:
    """The photograph beside first, middle and last frame of the walk into it."""
    paths = sorted((folder / "photo" / "frames").iterdir())
    chosen = [paths[i] for i in (0, len(paths) // 2, -1)]
    frames = [read_picture(path) for path in chosen]
    photo = Image.open(folder / "photo.png").resize(frames[0].shape[1::-1], Image.Resampling.LANCZOS)
    labels = ("The photograph", *(f"Frame {int(path.stem)} of {len(paths)}, mini" for path in chosen))
    return sheet(labels, {"": [np.asarray(photo), *frames]})


def sheet(labels: Sequence[str], rows: dict[str, list[np.ndarray]]) -> Image.Image:
    """The pictures in labelled columns, one row for each title."""
    height, width = next(iter(rows.values()))[0].shape[:2]
    scale = max(2, -(-COLUMN // width))
    height, width = height * scale, width * scale
    size = (MARGIN + len(labels) * (width + MARGIN), LABEL + len(rows) * (height + MARGIN))
    image = Image.new("RGB", size, (28, 28, 30))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    for column, label in enumerate(labels):
        x = MARGIN + column * (width + MARGIN)
        draw.text((x + 4, 4), label, (235, 235, 235), font)
        for row, pictures in enumerate(rows.values()):
            y = LABEL + row * (height + MARGIN)
            image.paste(Image.fromarray(pictures[column]).resize((width, height), Image.Resampling.BICUBIC), (x, y))
    for row, title in enumerate(rows):
        at = (MARGIN + 8, LABEL + row * (height + MARGIN) + 6)
        draw.text(at, title, (255, 255, 255), font, stroke_width=2, stroke_fill=(0, 0, 0))
    return image


def compose(folder: Path) -> None:
    """Blender's render of the CG object over the frame that its returned camera saw."""
    rendered = next(folder.glob("cg_*.png"))
    cg = Image.open(rendered).convert("RGBA")
    frame_picture = Image.open(folder / "frames" / rendered.name.removeprefix("cg_")).convert("RGBA")
    plate = frame_picture.resize(cg.size, Image.Resampling.LANCZOS)
    Image.alpha_composite(plate, cg).convert("RGB").save(folder / "result.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(frame) for frame in sys.argv[2:]])
