"""Everything that has to hold: lint, types, tests. ``python scripts/test.py`` runs what CI runs.

Options: ``--fast`` leaves out what takes more than a few seconds; ``--all-blenders`` tests every Blender that there is
as a Python module instead of the oldest and the newest; anything else is handed to pytest.
Last, the extension is used in a real Blender window (``gui_tests.py``), or it is said why not; but not with ``--fast``,
and not where something is handed to pytest.
Tests run in as many processes as there are cores, the fast ones first; a file's tests stay together,
for they share what they need.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import environments
import gui_tests

FAST, EVERY = "--fast", "--all-blenders"

NO_TESTS = 5
"""Pytest's exit code where what was asked for selects none; they may all be of the other kind."""


def main(arguments: list[str]) -> int:
    """Run all of it, with a real Blender being made meanwhile. Returns the exit code."""
    rest = [a for a in arguments if a not in (FAST, EVERY)]
    whole = FAST not in arguments and not rest
    with being_made() if whole else contextlib.nullcontext():
        return check_all(arguments, rest, whole)


@contextlib.contextmanager
def being_made() -> Iterator[None]:
    """Meanwhile a real Blender is made where there is none; ``gui_tests.py`` waits for it, and says what went wrong."""
    command = [sys.executable, str(environments.ROOT / "scripts" / "gui_blender.py")]
    making = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, text=True
    )
    try:
        yield
    finally:
        gui_tests.kill(making)
        making.wait()


def check_all(arguments: list[str], rest: list[str], whole: bool) -> int:
    """Run the checks in order; the first that fails ends it. Returns the exit code."""
    fast = FAST in arguments
    versions = environments.BLENDERS if EVERY in arguments else environments.OLDEST_AND_NEWEST
    with ThreadPoolExecutor() as threads:  # most of the time goes into waiting for downloads
        blenders = [threads.submit(environments.blender, v) for v in versions if not fast]
        python = str(environments.backend())
        if blenders:
            os.environ["WORLDWARP_BPY_PYTHONS"] = os.pathsep.join(str(made.result()) for made in blenders)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of each process: all cores are taken
    tests = [python, "-m", "pytest", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder", *rest, "-m"]
    checks = [
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "mypy"],
        [*tests, "not slow"],
        *([] if fast else [[*tests, "slow"]]),
        *([[python, "scripts/gui_tests.py"]] if whole else []),
    ]
    for check in checks:
        print("$", *check[1:], flush=True)
        code = subprocess.run(check, cwd=environments.ROOT, check=False).returncode
        if code and not (code == NO_TESTS and rest):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
