"""Every limit of the protocol, each with the reason for its size."""

PROTOCOL_VERSION = (1, 4)
"""(major, minor): another major is refused at hello; a newer minor may only add optional fields."""

MAX_FRAMES = 10_000
"""Frames of one path: almost seven minutes at 24 fps; cameras of that many frames are 2 MB."""

MAX_SIDE = 4096
"""Longest side of a picture in pixels; larger ones are scaled down before they are sent."""

MAX_PICTURES = 81
"""First frames of one shot: one chunk's worth."""

MAX_ESTIMATE_PIXELS = 9 << 20
"""Pixels of a frame whose geometry is estimated, 4096 x 2304: seconds of work and a few hundred megabytes. Larger
pictures are scaled down before they are sent."""

MAX_IMAGINED_SIDE = 2048
"""Longest side of a picture that is made of words: Wan was trained at 832 x 480, and time grows as the square of the
pixels."""

MAX_CHECK_SIDE = 256
"""Pixels of a path check's pictures across: they are drawn for a thumbnail, by a processor, while somebody waits."""

MAX_CHECK_BYTES = 64 << 20
"""Pictures and holes of one path check: 455 frames of 256 x 144, or ten times as many of a third of that size."""

MAX_HEADER_BYTES = 4 << 20
"""A message without its arrays. The longest is a list of 500 runs: 150 kB, or 2.4 MB where all their texts are full."""

MAX_RUNS = 500
"""Runs of one list, the newest."""

MAX_ARRAYS = 8
"""Arrays beside one message."""

MAX_ARRAY_BYTES = 256 << 20
"""One array on the wire: a 4096 x 4096 float32 depth is 64 MiB, 49 Full-HD first frames are 291 MiB (send fewer)."""

MAX_MESSAGE_BYTES = 384 << 20
"""All arrays of one message together: what the front door holds in memory for one client."""

MAX_PREVIEW_BYTES = 16 << 20
"""One preview: 49 frames of 1280 x 720 at an eighth of that are 562 kB; nobody grants credit for it."""

MAX_SHOT_BYTES = 2 << 20
"""A shot without its arrays: it has to fit a header twice over. 2,500 chunks may have 800 characters of prompt each."""

MAX_TEXT = 4_000
"""Characters of a prompt; UMT5 reads 512 tokens."""

MAX_NAME = 120
"""Characters of a shot's name: it becomes a folder's and a collection's name on the client."""

MAX_CREDIT = 256
"""Stream items a client may have outstanding: bounds what the server buffers for a client that stops reading."""

MAX_WORLD_STEPS = 3_000
"""Of a Gaussian scene's fit that others wait for; five times what it needs."""

MAX_SUBSCRIPTIONS = 16
"""Runs that one client listens to at once: an artist watches one or two."""

MAX_QUESTIONS = 64
"""Questions of one client that wait for their answer: more is a client that does not read."""

MAX_HAVE = 4_096
"""Chunk digests a returning client may name."""

HEARTBEAT_SECONDS = 5.0
"""An idle peer sends ping this often; any traffic counts as a sign of life."""

LIVENESS_BEATS = 4
"""Silent beats after which a peer that sends or receives a stream is taken for dead."""

IDLE_SECONDS = 3600.0
"""A client without a subscription may be silent this long: a message counts when it is whole, and a large picture
takes minutes over a slow line."""

ANSWER_SECONDS = 60.0
"""A request without arrays that is not answered this long is given up."""

HELLO_SECONDS = 10.0
"""A peer that has not said hello this long after connecting is forgotten."""

RECONNECT_SECONDS = (1.0, 32.0)
"""First and last pause before a client connects again; doubled each time."""
