"""A picture over what a camera sees, while it is wanted: the user's own backgrounds stay, and nothing of it is saved.

It is a background image of the camera's like any other, told from them by its image, which also says how to leave.
There are two kinds, the draft and the frames of a run that goes on; a camera shows one of each at most.
"""

import bpy
import numpy as np
from bpy.app.handlers import persistent

NAME = "WorldWarp Draft"

MARK = "worldwarp_backdrop"
"""Custom property of our image: whether the camera showed its backgrounds before."""

KIND = "worldwarp_kind"
"""Custom property of our image: its name as it was given, which Blender may have changed."""

HIDDEN = "worldwarp_hidden"
"""Custom property of our image: which of the user's backgrounds we hid, since nobody saw them before."""

COVER = 0.85
"""Opacity: what is selected still shines through."""


def show(data, rgb: np.ndarray) -> bool:
    """Show pixels (h, w, 3) uint8, first row on top, in the view of the camera ``data``; False where it is linked."""
    if data.library is not None:
        remove()
        return False
    image = _image_of(data)
    height, width = rgb.shape[:2]
    if image is None or tuple(image.size) != (width, height):
        remove()
        image = bpy.data.images.new(NAME, width, height)
        ours = lay(data, image, NAME)
        ours.alpha, ours.display_depth, ours.frame_method = COVER, "FRONT", "STRETCH"
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = rgb[::-1] / np.float32(255)
    image.pixels.foreach_set(pixels.ravel())
    image.pack()  # else Blender asks whether to save it when it quits
    return True


def there(data, kind: str = NAME) -> bool:
    """Whether the camera ``data`` shows ours."""
    return _image_of(data, kind) is not None


def remove(kind: str = NAME) -> None:
    """Take ours away, wherever it is; what the camera showed before it shows again."""
    for image in [image for image in bpy.data.images if image.get(KIND) == kind]:
        for data in bpy.data.cameras:
            _leave(data, image)
        bpy.data.images.remove(image)


def _image_of(data, kind: str = NAME):
    return next((image for image in _ours(data) if image[KIND] == kind), None)


def _ours(data) -> list:
    images = [background.image for background in data.background_images]
    return [image for image in images if image is not None and MARK in image]


def lay(data, image, kind: str):
    """Let ``image`` be ours in the view of ``data``: the background that shows it."""
    others = _ours(data)
    image[KIND] = kind
    image[MARK] = others[0][MARK] if others else data.show_background_images
    image[HIDDEN] = list(others[0][HIDDEN]) if others else []
    if not data.show_background_images:
        image[HIDDEN] = [i for i, other in enumerate(data.background_images) if other.show_background_image]
        for index in image[HIDDEN]:
            data.background_images[index].show_background_image = False
        data.show_background_images = True
    ours = data.background_images.new()
    ours.image, ours.show_expanded = image, False
    return ours


def _leave(data, image) -> None:
    ours = [background for background in data.background_images if background.image == image]
    for background in ours:
        data.background_images.remove(background)
    if ours and not _ours(data):
        for index in image[HIDDEN]:
            if index < len(data.background_images):
                data.background_images[index].show_background_image = True
        data.show_background_images = bool(image[MARK])


@persistent
def _clear(*_) -> None:
    """It is not saved, and what undo, redo or an opened file bring back goes: whoever wants it shows it again."""
    _remove_all()


def _remove_all() -> None:
    for kind in {image[KIND] for image in bpy.data.images if KIND in image}:
        remove(kind)


HANDLERS = ("save_pre", "undo_pre", "redo_pre", "undo_post", "redo_post", "load_post")
"""Before undo, too: Blender keeps the camera as it is, frees the image that no undo step knows, and crashes later."""


def register() -> None:
    for event in HANDLERS:
        getattr(bpy.app.handlers, event).append(_clear)


def unregister() -> None:
    for event in HANDLERS:
        getattr(bpy.app.handlers, event).remove(_clear)
    _remove_all()
