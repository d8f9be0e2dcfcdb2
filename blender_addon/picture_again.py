"""A take's picture once more: what stands in the scene by now, to be composited, is not baked into the next take."""

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from . import order, takes
from .camera import Path as CameraPath
from .camera import sample, scene_raster
from .colour import colour_space
from .picture import Picture, read_pixels, to_bytes
from .problems import Problem

if TYPE_CHECKING:  # it needs the protocol's package, which may be missing
    from . import plan


def take_of(scene, path: CameraPath) -> "plan.Take | None":
    """The take of ``scene`` whose picture was rendered from where ``path`` begins, at the size that it would have now.

    The shown one, else the newest; None where there is none, or the picture comes from a file. A scene's other changes
    are not seen: the user is told whose picture it is, and may render anew.
    """
    from worldwarp_protocol.files import CameraFile

    from . import plan

    if scene.worldwarp.source != "RENDER":
        return None
    try:
        space = colour_space(scene)
    except Problem:  # which Generate is refused for
        return None
    raster = path.raster
    first = path.K[:1], path.camera_to_world[:1], path.frame[:1]
    camera = CameraFile.of(*first, raster.width, raster.height, path.fps)
    return next((take for take in _shown_first(scene) if plan.pictured(take, camera, space)), None)


def begins(scene, depsgraph) -> "plan.Take | None":
    """The take whose picture Generate is to use now; None where it renders. Evaluates the camera at the first frame."""
    if scene.worldwarp.source != "RENDER" or scene.worldwarp.render_anew or not takes.all_of(scene):
        return None
    first = order.frames_of(scene)[:1]
    return take_of(scene, sample(scene, order.camera_of(scene), first, depsgraph, scene_raster(scene)))


def read(take: "plan.Take") -> Picture:
    """The picture of ``take`` and its depth, bit for bit; raises ``Problem`` where they are damaged."""
    from worldwarp_protocol.errors import FolderError
    from worldwarp_protocol.results import INPUTS, ResultFolder

    given, folder = take.record.given, ResultFolder(take.folder)
    try:
        folder.read_input(given.pictures[0])  # its digest is checked
        depth = np.load(BytesIO(folder.read_input(given.depth[0])), allow_pickle=False)
    except (OSError, FolderError):
        raise Problem(f"The picture of {take.folder.name} cannot be read: switch Render Anew on (Picture)") from None
    rgb = to_bytes(read_pixels(take.folder / INPUTS / given.pictures[0])[..., :3])
    return Picture(rgb, depth, take.record.colour_space)


def _shown_first(scene) -> list["plan.Take"]:
    """The takes of ``scene``, after the shown one the newest first."""
    from . import plan

    shown = scene.worldwarp_takes.active
    found = [(one == shown, take) for one in takes.all_of(scene) if (take := plan.read(takes.folder_of(one)))]
    return [take for _, take in sorted(found, key=lambda one: (one[0], one[1].changed), reverse=True)]
