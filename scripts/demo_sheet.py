"""The demo's pictures and numbers, by the backend's Python: ``demo_sheet.py FOLDER FRAME ...``

Reads the result in FOLDER, its chunks in FOLDER/store and Cycles' renders in FOLDER/truth; writes video.mp4,
contact_sheet.png and result.png, and prints time and memory of each stage and PSNR against Cycles.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from worldwarp import contents
from worldwarp.nouns import Provenance
from worldwarp.outputs.pictures import read_picture
from worldwarp.outputs.video import write_video
from worldwarp.store import Manifest, Store
from worldwarp_protocol.results import ResultFolder

SCALE = 2
MARGIN = 6
LABEL = 30
COLUMNS = ("What is known (prior)", "Holes", "Generated frame", "Cycles' render of this camera")
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
    rows = [measure(folder, store, chunks, frame) for frame in frames]
    sheet(frames, rows).save(folder / "contact_sheet.png")
    compose(folder)


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


def measure(folder: Path, store: Store, chunks: list[Manifest], frame: int) -> list[np.ndarray]:
    """Prior, holes, frame and truth of a frame (from 1), (H, W, 3) each; prints the PSNR of frame against truth."""
    key = next(chunk.key for chunk in reversed(chunks) if chunk.first < frame)
    prior, holes, made, provenance = (
        contents.read_image(store, key, kind, frame - 1) for kind in ("priors", "holes", "frames", "provenance")
    )
    truth = read_picture(folder / "truth" / f"{frame:04}.png")
    error = ((made.astype(float) - truth) ** 2).mean(axis=-1)
    parts = {"valid": holes == 0, "holes": holes > 0, "from the picture": provenance == Provenance.PICTURE}
    told = ", ".join(f"{name} {psnr(error[where])} ({where.mean():.0%})" for name, where in parts.items())
    print(f"  Frame {frame:3}: {told}")
    return [prior, np.repeat(holes[..., None], 3, axis=2), made, truth]


def psnr(errors: np.ndarray) -> str:
    """Of squared errors of 8-bit values, in words."""
    return f"{10 * np.log10(255**2 / max(errors.mean(), 1e-9)):.1f} dB" if errors.size else "none"


def sheet(frames: list[int], rows: list[list[np.ndarray]]) -> Image.Image:
    """The pictures in labelled columns, one row for each frame."""
    height, width = (SCALE * side for side in rows[0][0].shape[:2])
    size = (MARGIN + len(COLUMNS) * (width + MARGIN), LABEL + len(rows) * (height + MARGIN))
    image = Image.new("RGB", size, (28, 28, 30))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    for column, label in enumerate(COLUMNS):
        x = MARGIN + column * (width + MARGIN)
        draw.text((x + 4, 4), label, (235, 235, 235), font)
        for row, (frame, pictures) in enumerate(zip(frames, rows, strict=True)):
            y = LABEL + row * (height + MARGIN)
            image.paste(Image.fromarray(pictures[column]).resize((width, height), Image.Resampling.BICUBIC), (x, y))
            if column == 0:
                draw.text(
                    (x + 8, y + 6), f"frame {frame}", (255, 255, 255), font, stroke_width=2, stroke_fill=(0, 0, 0)
                )
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
