"""The messages of the protocol: one struct each, every field bounded.

A message travels as one MessagePack header followed by its arrays as raw frames (``codec.py``).
What a peer may send when is in ``session.py``; the prose is ``SPEC.md``.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from . import limits

Text = Annotated[str, Meta(max_length=limits.MAX_TEXT)]
Name = Annotated[str, Meta(max_length=limits.MAX_NAME, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Sentence = Annotated[str, Meta(max_length=1_000)]
Label = Annotated[str, Meta(max_length=64)]
# \Z and not $, which also matches before a last line break
Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Bytes = Annotated[int, Meta(ge=0, le=1 << 50)]
Side = Annotated[int, Meta(ge=16, le=limits.MAX_SIDE)]
Seconds = Annotated[float, Meta(ge=0, le=1e10)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Distance = Annotated[float, Meta(gt=0, le=1e10)]
Scale = Annotated[float, Meta(gt=0, le=1e10)]
Anchor = tuple[Fraction, Fraction, Distance]
Number = Annotated[float, Meta(ge=-1e300, le=1e300)]
"""A bound refuses NaN and the infinities."""

Dtype = Literal["uint8", "int32", "float32", "float64"]
Profile = Annotated[str, Meta(min_length=1, max_length=32)]
GeometrySource = Literal["given", "ttt3r", "depth-anything", "mini"]
SEES_CAMERAS: tuple[GeometrySource, ...] = ("ttt3r", "mini")
"""Sources that estimate lens and cameras beside depth; ``mini`` is TTT3R in a small size, for trying things out."""
RunState = Literal["queued", "running", "done", "failed", "cancelled", "stopped"]
Estimation = Literal["picture", "path"]
Product = Literal["points", "mesh", "gaussians"]
Stage = Literal["history", "caption", "geometry", "cache", "priors", "fill", "encode", "denoise", "decode", "save"]
ErrorCode = Literal[
    "invalid_shot",
    "unknown_profile",
    "missing_weights",
    "unknown_run",
    "cancelled",
    "unsupported_version",
    "protocol",
    "busy",
    "disk_full",
    "internal",
]


class ArrayHeader(msgspec.Struct, frozen=True):
    """An array that travels as the raw frame at the same position behind the header (C order, little-endian)."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z_]{1,32}\Z")]
    dtype: Dtype
    shape: Annotated[list[Annotated[int, Meta(ge=0, le=1 << 30)]], Meta(max_length=4)]
    sha256: Digest


Arrays = Annotated[list[ArrayHeader], Meta(max_length=limits.MAX_ARRAYS)]


class Diffusion(msgspec.Struct, frozen=True, kw_only=True):
    """How the mini and wan profiles revise what was warped and invent what is blank; draft has no use for it.

    ``prompt``: what the place looks like, in words; empty: the captioner writes it from the frames, chunk by chunk.
    ``style``: words that are put before it ("Studio Ghibli style"). ``negative_prompt``: what should not be seen.

    ``sigma``: the noise level, 0 to 1, that what was warped starts from: 0 keeps it as it is, 1 throws it away (the
    paper's tau = 0.8, read as an index into 50 steps with shift 5, is 0.9515). ``steps`` and ``shift``: of the
    flow-matching schedule. ``guidance``: classifier-free, 1 is none; ``guidance_valid``: a lower one for what was
    warped. ``solver``: what integrates between two levels.

    ``noise``: how levels differ between tokens (table 3 of the paper): between regions and frames, one of the two, or
    not at all. ``tokens``: a token counts as known where all that it covers is (``covered``), or by the release's
    rule, which samples every fourth frame (``sampled``). ``erosion``: pixels by which what is known shrinks before
    that. ``age_noise`` and ``confidence_noise``, 0 to 1: more noise for frames further from the context, and where
    the cache is unsure.

    ``colour_correction``: bring the chunk's colours back to those of the confident priors. ``memory``: what stays on
    the GPU; ``balanced`` and ``low`` are slower.
    """

    prompt: Text = ""
    style: Annotated[str, Meta(max_length=200)] = ""
    negative_prompt: Text = ""
    sigma: Fraction = 0.9515
    steps: Annotated[int, Meta(ge=1, le=1000)] = 50
    shift: Annotated[float, Meta(gt=0, le=100)] = 5.0
    guidance: Annotated[float, Meta(ge=0, le=100)] = 5.0
    guidance_valid: Annotated[float, Meta(ge=0, le=100)] | None = None
    solver: Literal["euler", "dpm++"] = "euler"
    noise: Literal["spatio-temporal", "spatial", "temporal", "full"] = "spatio-temporal"
    tokens: Literal["covered", "sampled"] = "covered"
    erosion: Annotated[int, Meta(ge=0, le=256)] = 0
    age_noise: Fraction = 0.0
    confidence_noise: Fraction = 0.0
    colour_correction: bool = False
    memory: Literal["full", "balanced", "low"] = "full"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user may set for a shot; all of it is part of a chunk's recipe.

    ``width`` and ``height`` are the size that is generated (multiples of 16; 0 = the picture's own size,
    cut to multiples of 16). ``framing``: ``crop`` fills that size and cuts what overhangs, ``fit`` takes the
    largest size of the picture's own proportions that fits inside it. ``overscan``: frames show that share more around
    the size above, across and down, so that they can be reframed later; each side grows by whole tokens of 16 pixels,
    at least by that much. ``far``: depth beyond it, in world units, is sky. ``cache``: what carries the history into
    new views: 3D Gaussians, its bare points, or nothing (table 3 of the paper). ``cache_steps``: most Adam
    steps of the Gaussian cache; it stops earlier on a PSNR plateau.
    ``memory_frames``: most frames from before the previous chunk that a chunk is built from, too, for what its views
    would otherwise not know; 0: none, what left the view is forgotten. ``every``: each frame of the path is generated,
    or every 2nd or 4th and the last; the others are rendered from those beside them, as if nothing in the scene moved.
    ``ease_frames``: where a model's frames have drifted from the path, the next chunk is back on it after so many; 0:
    the cameras of frames are not solved, and nothing is eased. ``chunk_frames``, ``context_frames`` and
    ``memory_frames`` count generated frames.

    ``geometry``: where depth comes from that is not sent with the picture. An estimated first frame is scaled by
    ``depth_scale``, or so that the pixel ``anchor`` (u, v, distance) is that far away: u and v in [0, 1] from the
    picture's left and top edge, the distance planar and in world units.
    """

    profile: Profile = "draft"
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 0
    width: Annotated[int, Meta(ge=0, le=limits.MAX_SIDE)] = 0
    height: Annotated[int, Meta(ge=0, le=limits.MAX_SIDE)] = 0
    framing: Literal["crop", "fit"] = "crop"
    overscan: Annotated[float, Meta(ge=0, le=0.25)] = 0.0
    far: Distance = 1e6
    chunk_frames: Annotated[int, Meta(ge=5, le=161)] = 49
    context_frames: Annotated[int, Meta(ge=1, le=81)] = 5
    cache: Literal["3dgs", "points", "none"] = "3dgs"
    cache_steps: Annotated[int, Meta(ge=0, le=30_000)] = 100
    memory_frames: Annotated[int, Meta(ge=0, le=64)] = 12
    ease_frames: Annotated[int, Meta(ge=0, le=161)] = 16
    every: Literal[1, 2, 4] = 1
    geometry: GeometrySource = "given"
    depth_scale: Scale = 1.0
    anchor: Anchor | None = None
    diffusion: Diffusion = Diffusion()


class Override(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings of one chunk, counted from 0, that differ from the shot's; None is as in the shot."""

    chunk: Count
    seed: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    prompt: Text | None = None
    style: Annotated[str, Meta(max_length=200)] | None = None
    negative_prompt: Text | None = None
    sigma: Fraction | None = None


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Arrays beside it:

    ``picture`` (f, H, W, 3) uint8, display-referred in ``colour_space``;
    ``depth`` (f, H, W) float32, optional: planar Z in world units, infinite or beyond ``settings.far`` is sky;
    ``mask`` (f, H, W) uint8, optional: what is above 127 must not become part of the world (people, passing things);
    ``sky`` (f, H, W) uint8, optional: what is above 127 is sky, infinitely far away whatever depth says;
    ``K`` (n, 3, 3) float64, pixels of the picture, pixel centres at +0.5;
    ``camera_to_world`` (n, 4, 4) float64, OpenCV axes in Blender's world;
    ``frame`` (n,) int32, the frame number of each camera in the user's timeline.
    Camera 0 is the camera of the picture.
    """

    name: Name
    settings: Settings
    fps: Annotated[float, Meta(gt=0, le=1000)] = 24.0
    colour_space: Label = "sRGB"
    overrides: Annotated[list[Override], Meta(max_length=limits.MAX_HAVE)] = []


# Either side


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """A sign of life."""


# Client to server


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """First message of a client; its answer is ``Welcome`` or ``Error``. Its three fields stay in every version."""

    major: Count
    minor: Count
    client: Label


class Submit(msgspec.Struct, frozen=True, tag="submit"):
    """Ask for a shot; its answer is ``Submitted``. A repeated ``request`` gets the first one's answer again."""

    request: Id
    shot: Shot
    arrays: Arrays = []


class EstimateGeometry(msgspec.Struct, frozen=True, tag="estimate", kw_only=True):
    """Ask for the shape of a picture, or for the path of the camera that took a clip; its answer is ``Estimated``.

    Arrays: ``picture`` (n, H, W, 3) uint8, display-referred, n = 1 for a picture; ``depth`` (n, H, W) float32 for the
    source ``given``: planar, infinite is sky; ``K`` (n, 3, 3) float64, optional for ``SEES_CAMERAS``: the camera's, in
    pixels of the picture, pixel centres at +0.5.

    It comes before queued chunks and interrupts none. ``Cancel`` with ``request`` ends it, and so does a lost
    connection. ``fps`` is the clip's.
    """

    request: Id
    what: Estimation
    source: GeometrySource
    fps: Annotated[float, Meta(gt=0, le=1000)] = 24.0
    arrays: Arrays = []


class CheckPath(msgspec.Struct, frozen=True, tag="check_path", kw_only=True):
    """Ask what the picture shows along a path, before the path is paid for; its answer is ``PathChecked``.

    Arrays: ``picture`` (1, H, W, 3) uint8, display-referred; ``depth`` (1, H, W) float32 for the source ``given``:
    planar, infinite or beyond ``far`` is sky; ``mask`` (1, H, W) uint8, optional: what is above 127 must not become
    part of the world; ``sky`` (1, H, W) uint8, optional: what is above 127 is sky, whatever depth says; ``K``,
    ``camera_to_world`` and ``frame`` of n cameras as ``Shot`` has them: camera 0 took the
    picture. To look at a single frame, send its camera after camera 0.

    It waits, and is ended, as ``EstimateGeometry`` is. ``depth_scale`` and ``anchor`` scale depth that is estimated, as
    those of ``Settings`` do. ``preview``: the width of the pictures to be drawn, in pixels; no larger than the picture
    is; 0: none. Little is lost where all is sent at 240 pixels.
    """

    request: Id
    source: GeometrySource = "given"
    far: Distance = 1e6
    depth_scale: Scale = 1.0
    anchor: Anchor | None = None
    preview: Annotated[int, Meta(ge=0, le=limits.MAX_CHECK_SIDE)] = 0
    arrays: Arrays = []


class MakeWorld(msgspec.Struct, frozen=True, tag="make_world", kw_only=True):
    """Ask for files of the world that a run has made so far; its answer is ``WorldMade``.

    They are made of the chunks that are committed when it is asked: it may be asked while the run goes on, and again
    after each chunk. It waits for estimates and path checks, takes turns with chunks, and is ended as they are.
    ``steps``: of the fit of the Gaussian scene.
    """

    request: Id
    run: Id
    products: Annotated[list[Product], Meta(min_length=1, max_length=3)]
    steps: Annotated[int, Meta(ge=1, le=limits.MAX_WORLD_STEPS)] = 600


class MakePasses(msgspec.Struct, frozen=True, tag="make_passes", kw_only=True):
    """Ask for all that is known of a frame of a run that is over; its answer is ``PassesMade``. Since 1.4.

    ``index``: position in the path, from 0. It waits for nothing that computes; ``Cancel`` ends it as an estimate.
    """

    request: Id
    run: Id
    index: Count


class Imagine(msgspec.Struct, frozen=True, tag="imagine", kw_only=True):
    """Ask for a first picture from words; its answer is ``Imagined``. Since 1.4.

    Of ``diffusion`` count ``prompt``, which is not empty, ``style``, ``negative_prompt``, ``steps``, ``shift``,
    ``guidance`` and ``memory``. ``width`` and ``height`` are multiples of 16. It waits, and is ended, as
    ``EstimateGeometry`` is.
    """

    request: Id
    diffusion: Diffusion
    width: Annotated[int, Meta(ge=16, le=limits.MAX_IMAGINED_SIDE, multiple_of=16)]
    height: Annotated[int, Meta(ge=16, le=limits.MAX_IMAGINED_SIDE, multiple_of=16)]
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 0


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe"):
    """Send me what I lack of this run; its answer is ``RunStatus``, then the stream follows.

    Items up to ``after`` are left out, and so are frames and points of chunks whose content digest is in ``have``
    (their ``ChunkCommitted`` is sent). At most ``credit`` items are sent before more is granted.
    """

    run: Id
    after: Count = 0
    have: Annotated[list[Digest], Meta(max_length=limits.MAX_HAVE)] = []
    credit: Annotated[int, Meta(ge=1, le=limits.MAX_CREDIT)] = 8


class Credit(msgspec.Struct, frozen=True, tag="credit"):
    """You may send ``more`` further stream items of this run. No answer."""

    run: Id
    more: Annotated[int, Meta(ge=1, le=limits.MAX_CREDIT)]


class Unsubscribe(msgspec.Struct, frozen=True, tag="unsubscribe"):
    """Send me nothing more of this run; it goes on. No answer."""

    run: Id


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """End this run now; committed chunks stay. Its answer is ``RunStatus``.

    With the ``request`` of an estimate, a path check, a world or a first picture that waits: both are answered with
    the error ``cancelled``.
    """

    run: Id


class StopAfterChunk(msgspec.Struct, frozen=True, tag="stop_after_chunk"):
    """End this run when the chunk in work is committed. Its answer is ``RunStatus``."""

    run: Id


class Status(msgspec.Struct, frozen=True, tag="status"):
    """Ask how a run stands; its answer is ``RunStatus``."""

    run: Id


class List(msgspec.Struct, frozen=True, tag="list"):
    """Ask for my runs, newest first; its answer is ``Runs``."""


# Server to client


class ProfileStatus(msgspec.Struct, frozen=True):
    """A profile and, where it cannot run here, one sentence that says what is missing and how to get it."""

    name: Profile
    available: bool
    missing: Text = ""


class SourceStatus(msgspec.Struct, frozen=True):
    """A source of geometry and, where it cannot run here, one sentence that says what is missing and how to get it."""

    name: Label
    available: bool
    missing: Text = ""


class Machine(msgspec.Struct, frozen=True):
    """What a server computes on: its first GPU's name, "" without one, and bytes of memory, 0 where unknown."""

    gpu: Annotated[str, Meta(max_length=120)] = ""
    gpu_memory: Bytes = 0
    memory: Bytes = 0


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """Answer to hello. ``version`` of the server's program; ``machine`` once it knows itself;
    ``pictures``: sources of first pictures (``words``). All since 1.4."""

    major: Count
    minor: Count
    server: Label
    profiles: Annotated[list[ProfileStatus], Meta(max_length=32)]
    sources: Annotated[list[SourceStatus], Meta(max_length=32)] = []
    version: Label = ""
    machine: Machine | None = None
    pictures: Annotated[list[SourceStatus], Meta(max_length=32)] = []


class Error(msgspec.Struct, frozen=True, tag="error"):
    """A request was refused: one sentence for the user.

    ``about`` is the id of the request (submit, estimate, check_path, make_world, make_passes, imagine) or of the run,
    "" for hello, list and breaches of the rules. The codes ``unsupported_version`` and ``protocol`` end the session.
    """

    code: ErrorCode
    text: Text
    field: Label = ""
    about: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?\Z")] = ""


class RunInfo(msgspec.Struct, frozen=True):
    """How a run stands. ``frames`` of it are planned, ``frames_done`` committed; ``seq`` is its newest stream item."""

    run: Id
    name: Name
    state: RunState
    chunks: Count
    chunks_done: Count
    frames: Count
    frames_done: Count
    seq: Count
    created: Seconds
    """When it was submitted: seconds since 1970, UTC."""
    text: Sentence = ""


class Submitted(msgspec.Struct, frozen=True, tag="submitted"):
    """Answer to submit: what was planned and what the user should know before waiting for it."""

    request: Id
    info: RunInfo
    kept: Count
    """Chunks at the front of the plan that are in the store already."""
    warnings: Annotated[list[Text], Meta(max_length=64)] = []


class RunStatus(msgspec.Struct, frozen=True, tag="run_status"):
    """Answer to subscribe, status, cancel and stop_after_chunk: how the run stands now."""

    info: RunInfo


class Runs(msgspec.Struct, frozen=True, tag="runs"):
    """Answer to list."""

    runs: Annotated[list[RunInfo], Meta(max_length=limits.MAX_RUNS)]


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """Provisional: where the work stands. Outside the stream, needs no credit; only the newest matters."""

    run: Id
    chunk: Count
    attempt: Count
    stage: Stage
    step: Count
    steps: Count


class Preview(msgspec.Struct, frozen=True, tag="preview", kw_only=True):
    """Provisional: what the chunk in work will look like, coarsely. Outside the stream; only the newest matters.

    Array: ``preview`` (t, h, w, 3) uint8, an eighth of the frames' size; picture i shows frame ``first + apart * i`` of
    the path, or the last one where that is beyond it. ``apart`` is four times ``settings.every``.
    """

    run: Id
    chunk: Count
    attempt: Count
    step: Count
    steps: Count
    first: Count
    apart: Count = 4
    arrays: Arrays = []


class Estimating(msgspec.Struct, frozen=True, tag="estimating"):
    """Provisional: where the work on an estimate, a path check or a world stands. Comes only before its answer; only
    the newest matters.

    0 of 0 steps: it waits for its turn.
    """

    request: Id
    step: Count
    steps: Count


class Estimated(msgspec.Struct, frozen=True, tag="estimated", kw_only=True):
    """Answer to estimate. Arrays, of n frames (1 for a picture):

    ``depth`` and ``confidence`` (n, H, W) float32, at the picture's size: planar, infinite is sky; for a path there is
    no depth, and ``confidence`` (n, 1, 1) is that of each frame. ``K`` (n, 3, 3) float64, pixels of the picture.
    ``camera_to_world`` (n, 4, 4) float64, OpenCV axes in the first camera's world: a picture's is the identity.
    ``level`` (4, 4) float64, rigid: from that world to one with Blender's axes whose horizon is level and whose floor
    is at Z = 0. ``xyz`` (p, 3) float32, ``rgb`` (p, 3) uint8, ``faces`` (m, 3) int32: a mesh of what is seen, in the
    first camera's axes, torn at jumps and without the sky;
    empty for a path.
    """

    request: Id
    focal: Annotated[float, Meta(gt=0, le=1e9)]
    """Pixels of the picture."""
    focal_given: bool
    """Whether it was sent (``K``) rather than estimated."""
    warnings: Annotated[list[Text], Meta(max_length=64)] = []
    meta: Annotated[dict[Label, Number | Text], Meta(max_length=256)] = {}
    """Numbers by name: seconds, peak_bytes, ..."""
    arrays: Arrays = []


class PathChecked(msgspec.Struct, frozen=True, tag="path_checked", kw_only=True):
    """Answer to check_path: what a user should know and do about the path. Arrays, of its n cameras:

    ``known`` (n,) float64: share of the frame that the picture shows. Since the camera before (0 for camera 0):
    ``rotation`` (n,) float64, degrees; ``parallax`` and ``parallax_most`` (n,) float64: the median and the 95th
    percentile of the motion in the image that is due to travel, pixels of the picture. ``outside`` (n,) uint8: 1 where
    hardly anything of the picture is in view; ``through`` (n,) uint8: 1 where the camera passes through a surface.
    Where they were asked for, ``preview`` (n, h, w, 3) uint8: the picture as each camera sees it, black in its holes,
    and ``holes`` (n, h, w) uint8: 1 where nothing is known.
    """

    request: Id
    warnings: Annotated[list[Text], Meta(max_length=64)] = []
    arrays: Arrays = []


class WorldMade(msgspec.Struct, frozen=True, tag="world_made", kw_only=True):
    """Answer to make_world. Arrays: the bytes of the files of what was asked for, (a,) uint8 each.

    ``points_ply``; ``mesh_ply`` and ``mesh_glb``; ``gaussians_ply`` and
    ``gaussians_splat``.
    """

    request: Id
    chunks: Count
    """Committed chunks that the world was made of, from the first."""
    frames: Count
    """That they hold."""
    meta: Annotated[dict[Label, Number | Text], Meta(max_length=256)] = {}
    """Numbers by product and name: points.count, mesh.faces, gaussians.psnr, ..."""
    arrays: Arrays = []


class PassesMade(msgspec.Struct, frozen=True, tag="passes_made", kw_only=True):
    """Answer to make_passes. Array: ``exr`` (a,) uint8, the bytes of a multilayer OpenEXR file. Since 1.4."""

    request: Id
    arrays: Arrays = []


class Imagined(msgspec.Struct, frozen=True, tag="imagined", kw_only=True):
    """Answer to imagine. Array: ``picture`` (1, H, W, 3) uint8, display-referred, sRGB. Since 1.4."""

    request: Id
    meta: Annotated[dict[Label, Number | Text], Meta(max_length=256)] = {}
    """Numbers by name: seconds"""
    arrays: Arrays = []


class RunStarted(msgspec.Struct, frozen=True, tag="run_started"):
    """Stream item, the first: what is generated.

    ``width`` and ``height`` are those of the generated frames; of them ``window`` (x, y, width, height) is what was
    asked for, and the rest is overscan (None: all was asked for). Arrays, of as many cameras as frames will come:
    ``K`` (n, 3, 3) float64, pixels of the generated frames, pixel centres at +0.5; ``camera_to_world`` (n, 4, 4)
    float64, OpenCV axes in Blender's world; ``frame`` (n,) int32, numbers in the user's timeline.
    """

    run: Id
    seq: Count
    shot: Shot
    width: Side
    height: Side
    arrays: Arrays = []
    window: tuple[Count, Count, Side, Side] | None = None


class ChunkCommitted(msgspec.Struct, frozen=True, tag="chunk_committed"):
    """Stream item: chunk ``chunk`` is final; it holds frames ``first`` to ``first + count - 1`` of the path, from 0.

    Arrays, where the cameras of its n frames were solved: ``solved`` (n, 4, 4) float64, where they were taken from,
    OpenCV axes in Blender's world; ``residuals`` (n, 3) float64: by how many pixels known points are off, with the
    requested and with the solved camera (NaN: not known), and how many points that is. Peers before 1.3 are sent none.
    """

    run: Id
    seq: Count
    chunk: Count
    key: Digest
    digest: Digest
    first: Count
    count: Count
    meta: Annotated[dict[Label, Number | Text], Meta(max_length=256)]
    """Numbers of the chunk by name: coverage, psnr_cache, seconds_cache, peak_bytes, ..."""
    arrays: Arrays = []


class Frame(msgspec.Struct, frozen=True, tag="frame"):
    """Stream item: a committed frame. Arrays: ``frame`` and ``provenance``, each the bytes of a PNG (n,) uint8."""

    run: Id
    seq: Count
    chunk: Count
    index: Count
    """Position in the path, from 0."""
    arrays: Arrays = []


class Points(msgspec.Struct, frozen=True, tag="points"):
    """Stream item: the points that a chunk adds to the world; one for each chunk, after its frames, maybe empty.

    Arrays: ``xyz`` (p, 3) float32 in Blender's world, ``rgb`` (p, 3) uint8, ``provenance`` (p,) uint8
    (0 picture, 1 generated, 2 filled).
    """

    run: Id
    seq: Count
    chunk: Count
    arrays: Arrays = []


class RunEnded(msgspec.Struct, frozen=True, tag="run_ended"):
    """Stream item, the last: the run is over. ``text`` says why when it is not ``done``."""

    run: Id
    seq: Count
    state: RunState
    text: Text = ""


ClientMessage = (
    Ping
    | Hello
    | Submit
    | EstimateGeometry
    | CheckPath
    | MakeWorld
    | MakePasses
    | Imagine
    | Subscribe
    | Credit
    | Unsubscribe
    | Cancel
    | StopAfterChunk
    | Status
    | List
)
StreamItem = RunStarted | ChunkCommitted | Frame | Points | RunEnded
ServerMessage = (
    Ping
    | Welcome
    | Error
    | Submitted
    | RunStatus
    | Runs
    | Progress
    | Preview
    | Estimating
    | Estimated
    | PathChecked
    | WorldMade
    | PassesMade
    | Imagined
    | RunStarted
    | ChunkCommitted
    | Frame
    | Points
    | RunEnded
)
Message = ClientMessage | ServerMessage
