"""The README's clip, from real runs: ``python scripts/make_clip.py --blender blender``

Renders a picture of the demo's scene, walks into it by draft, moves the walk's last key and walks again, puts CG into
its frames, takes pictures of a real Blender's window, and makes docs/images/clip.webp of all that, an animation that
loops.
What was rendered before is kept; ``--fresh`` starts over. Python 3.11; about ten minutes on two cores.
"""

import argparse
import shlex
import shutil
import sys
from pathlib import Path

import environments
from demo import Demo

SCRIPTS = Path(__file__).resolve().parent
CLIP = environments.ROOT / "docs" / "images" / "clip.webp"


def main() -> int:
    """Make the clip; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=environments.ROOT / "output" / "clip", help="folder (output/clip)")
    parser.add_argument("--blender", help="command of a Blender 5 that can open a window (blender, where there is one)")
    parser.add_argument("--fresh", action="store_true", help="start over: remove what an earlier run left")
    options = parser.parse_args()
    folder = options.out.absolute()
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    work = Demo(folder, environments.backend(), environments.blender(), "draft", False)
    run(work, folder, options.blender or shutil.which("blender"))
    work.step("Put the clip together", work.backend, SCRIPTS / "clip_sheet.py", folder, CLIP)
    return 0


def run(work: Demo, folder: Path, blender: str | None) -> None:
    """Everything that the clip shows, where it is not there yet."""
    extension = work.build_extension()
    if not (folder / "depth.exr").exists():
        work.blend("Render one picture", "clip_blender.py", "picture", extension, folder)
    with work.server() as address:
        given = (extension, folder, address)
        if not (folder / "results").exists():
            work.blend("Walk into it", "clip_blender.py", "walk", *given)
        if not (folder / "window").exists():
            take_pictures(work, folder, blender, given)
        if not (folder / "results" / "Walk_v002" / "frames").exists():
            work.blend("Move the last key, walk again", "clip_blender.py", "again", *given)
        if not (folder / "cg").exists():
            work.blend("CG in the first walk", "clip_blender.py", "cg", *given)


def take_pictures(work: Demo, folder: Path, blender: str | None, given: tuple) -> None:
    """Of Blender's window, where a Blender can open one."""
    if blender is None:
        print("No Blender that opens a window was found: the clip begins without it. Name one by --blender.")
        return
    shutil.copy(SCRIPTS / "clip_window.py", folder)
    command = [*shlex.split(blender), "--window-geometry", "0", "0", "960", "640"]
    work.step("Pictures of Blender's window", *command, "--python", folder / "clip_window.py", "--", *given)


if __name__ == "__main__":
    sys.exit(main())
