"""One of each message, with arrays that are small but real."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from worldwarp_protocol import messages as m

RUN = "0123456789abcdef" * 2
OTHER_RUN = "f" * 32
REQUEST = "a" * 32
DIGEST = "5" * 64

Arrays = dict[str, NDArray[Any]]


def png(value: int, mode: str = "RGB") -> bytes:
    """A 32 x 16 picture of one value."""
    buffer = io.BytesIO()
    Image.new(mode, (32, 16), value if mode == "L" else (value, value, value)).save(buffer, "PNG")
    return buffer.getvalue()


def shot(name: str = "Corridor", **settings: Any) -> m.Shot:
    return m.Shot(name=name, settings=m.Settings(**settings))


def directed_shot() -> m.Shot:
    """A shot with a wish in every field that 1.2 brought."""
    diffusion = m.Diffusion(
        prompt="A corridor of oak.",
        style="Watercolour",
        negative_prompt="People",
        sigma=0.7,
        steps=20,
        shift=3.0,
        guidance=6.0,
        guidance_valid=2.0,
        solver="dpm++",
        noise="spatial",
        tokens="sampled",
        erosion=8,
        age_noise=0.1,
        confidence_noise=0.2,
        colour_correction=True,
        memory="low",
    )
    settings = m.Settings(profile="wan", cache="points", diffusion=diffusion)
    overrides = [
        m.Override(chunk=1, seed=5, sigma=0.0),
        m.Override(chunk=3, prompt="A door.", style="", negative_prompt=""),
    ]
    return m.Shot(name="Corridor", settings=settings, overrides=overrides)


def cameras(n: int) -> Arrays:
    """A straight dolly of ``n`` cameras."""
    K = np.tile(np.array([[30.0, 0, 16], [0, 30.0, 8], [0, 0, 1]]), (n, 1, 1))
    camera_to_world = np.tile(np.diag([1.0, -1, -1, 1]), (n, 1, 1))
    camera_to_world[:, 2, 3] = np.arange(n) * 0.1
    return {"K": K, "camera_to_world": camera_to_world, "frame": np.arange(1, n + 1, dtype=np.int32)}


def shot_arrays(n: int = 9) -> Arrays:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (1, 16, 32, 3), dtype=np.uint8)
    depth = rng.uniform(1, 9, (1, 16, 32)).astype(np.float32)
    depth[0, 0, 0] = np.inf
    return {"picture": picture, "depth": depth, **cameras(n)}


def frame_arrays(index: int) -> Arrays:
    frame, provenance = png(index % 256), png(0, "L")
    return {"frame": np.frombuffer(frame, np.uint8), "provenance": np.frombuffer(provenance, np.uint8)}


def point_arrays(count: int, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {
        "xyz": rng.normal(size=(count, 3)).astype(np.float32),
        "rgb": rng.integers(0, 256, (count, 3), dtype=np.uint8),
        "provenance": rng.integers(0, 3, count, dtype=np.uint8),
    }


def preview_arrays(pictures: int = 3) -> Arrays:
    return {"preview": np.random.default_rng(3).integers(0, 256, (pictures, 4, 6, 3), dtype=np.uint8)}


def estimated_arrays() -> Arrays:
    """A mesh of two triangles, as an answer to an estimate of a picture."""
    return {
        "depth": np.full((1, 16, 32), 2, np.float32),
        "confidence": np.ones((1, 16, 32), np.float32),
        "K": cameras(1)["K"],
        "camera_to_world": np.eye(4)[None],
        "level": np.diag([1.0, -1, -1, 1]),
        "xyz": np.array([[0, 0, 2], [1, 0, 2], [0, 1, 2], [1, 1, 2]], np.float32),
        "rgb": np.zeros((4, 3), np.uint8),
        "faces": np.array([[0, 1, 2], [1, 3, 2]], np.int32),
    }


def checked_arrays(frames: int = 9) -> Arrays:
    numbers = {name: np.linspace(0, 1, frames) for name in ("known", "rotation", "parallax", "parallax_most")}
    flags = {name: np.arange(frames, dtype=np.uint8) % 2 for name in ("outside", "through")}
    drawn = {"preview": np.zeros((frames, 4, 6, 3), np.uint8), "holes": np.ones((frames, 4, 6), np.uint8)}
    return {**numbers, **flags, **drawn}


def world_arrays() -> Arrays:
    return {name: np.frombuffer(name.encode(), np.uint8) for name in ("points_ply", "gaussians_ply", "gaussians_splat")}


def info(state: m.RunState = "running", run: str = RUN) -> m.RunInfo:
    return m.RunInfo(run, "Corridor", state, chunks=2, chunks_done=1, frames=9, frames_done=5, seq=8, created=1.7e9)


FROM_CLIENT: list[tuple[m.ClientMessage, Arrays]] = [
    (m.Ping(), {}),
    (m.Hello(1, 3, "tests"), {}),
    (m.Submit(REQUEST, directed_shot()), shot_arrays()),
    (
        m.EstimateGeometry(request=REQUEST, what="picture", source="given", fps=25.0),
        {name: array[:1] for name, array in shot_arrays().items() if name in ("picture", "depth", "K")},
    ),
    (
        m.CheckPath(request=REQUEST, far=50.0, anchor=(0.5, 0.5, 3.0), preview=32),
        {**shot_arrays(), "mask": np.zeros((1, 16, 32), np.uint8)},
    ),
    (m.MakeWorld(request=REQUEST, run=RUN, products=["points", "gaussians"], steps=20), {}),
    (m.MakePasses(request=REQUEST, run=RUN, index=4), {}),
    (m.Imagine(request=REQUEST, diffusion=m.Diffusion(prompt="a hall"), width=32, height=16, seed=3), {}),
    (m.Subscribe(RUN, 3, [DIGEST], 8), {}),
    (m.Credit(RUN, 4), {}),
    (m.Unsubscribe(RUN), {}),
    (m.Cancel(RUN), {}),
    (m.StopAfterChunk(RUN), {}),
    (m.Status(RUN), {}),
    (m.List(), {}),
]

FROM_SERVER: list[tuple[m.ServerMessage, Arrays]] = [
    (m.Ping(), {}),
    (
        m.Welcome(
            1,
            4,
            "tests",
            [m.ProfileStatus("draft", True), m.ProfileStatus("wan", False, "Weights.")],
            [m.SourceStatus("given", True), m.SourceStatus("ttt3r", False, "Weights.")],
            "0.5.0",
            m.Machine("A GPU", 24 << 30, 64 << 30),
            [m.SourceStatus("words", False, "Weights.")],
        ),
        {},
    ),
    (m.Error("unknown_run", "There is no such run.", about=RUN), {}),
    (m.Submitted(REQUEST, info("queued"), kept=1, warnings=["The path leaves the picture at once."]), {}),
    (m.RunStatus(info()), {}),
    (m.Runs([info(), info("done", OTHER_RUN)]), {}),
    (m.Progress(RUN, 1, 0, "denoise", 3, 40), {}),
    (m.Preview(run=RUN, chunk=1, attempt=0, step=3, steps=40, first=44), preview_arrays()),
    (m.Estimating(REQUEST, 1, 3), {}),
    (
        m.Estimated(
            request=REQUEST, focal=30.0, focal_given=True, warnings=["No floor is seen."], meta={"seconds": 2.0}
        ),
        estimated_arrays(),
    ),
    (m.PathChecked(request=REQUEST, warnings=["Frame 3: turn back."]), checked_arrays()),
    (m.WorldMade(request=REQUEST, chunks=1, frames=5, meta={"points.count": 7}), world_arrays()),
    (m.PassesMade(request=REQUEST), {"exr": np.frombuffer(b"an EXR", np.uint8)}),
    (m.Imagined(request=REQUEST, meta={"seconds": 2.0}), {"picture": np.full((1, 16, 32, 3), 90, np.uint8)}),
    (m.RunStarted(RUN, 1, directed_shot(), 32, 16), cameras(9)),
    (
        m.ChunkCommitted(RUN, 2, 0, DIGEST, DIGEST, 0, 5, {"psnr_cache": 31.5, "device": "cpu"}),
        {"solved": np.tile(np.eye(4), (5, 1, 1)), "residuals": np.ones((5, 3))},
    ),
    (m.Frame(RUN, 3, 0, 0), frame_arrays(0)),
    (m.Points(RUN, 8, 0), point_arrays(7)),
    (m.RunEnded(RUN, 15, "failed", "The disk is full."), {}),
]


def stream(
    frames: int = 9, sizes: tuple[int, ...] = (5, 4), run: str = RUN, name: str = "Corridor", tint: int = 0
) -> list[tuple[m.StreamItem, Arrays]]:
    """All items of a run of ``frames`` frames in chunks of ``sizes``; another ``tint`` makes other pixels."""
    items: list[tuple[m.StreamItem, Arrays]] = [(m.RunStarted(run, 1, shot(name), 32, 16), cameras(frames))]
    first = 0
    for chunk, count in enumerate(sizes):
        digest = f"{tint:02x}{first:02x}{count:02x}".ljust(64, "0")
        items.append((m.ChunkCommitted(run, len(items) + 1, chunk, DIGEST, digest, first, count, {}), {}))
        for index in range(first, first + count):
            items.append((m.Frame(run, len(items) + 1, chunk, index), frame_arrays(index + tint)))
        items.append((m.Points(run, len(items) + 1, chunk), point_arrays(10 + chunk, seed=chunk + tint)))
        first += count
    items.append((m.RunEnded(run, len(items) + 1, "done"), {}))
    return items
