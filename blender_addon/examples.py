"""A picture that comes with the extension, with its depth: made by us, free for any use (CC0)."""

from pathlib import Path

from . import order, picture_file

FOLDER = Path(__file__).parent / "examples"
PICTURE, DEPTH = FOLDER / "rooms.jpg", FOLDER / "rooms_depth.exr"


def take(context) -> list[str]:
    """Let the scene's walk start from the example; what is left to do, in sentences.

    The camera is left alone: *Match Camera* gives it the picture's lens.
    """
    shot = context.scene.worldwarp
    picture_file.take(context.scene, PICTURE)
    shot.depth_source, shot.depth_file = "given", str(DEPTH)
    if order.camera_of(context.scene) is None:
        return ["Add a camera, then press Match Camera: it takes the picture's lens over"]
    return ["Press Match Camera: the camera takes the picture's lens over"]
