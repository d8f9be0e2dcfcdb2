"""Everything that has to hold: lint, types, tests. ``python scripts/test.py`` runs what CI runs.

Options: ``--fast`` leaves out what takes more than a few seconds; anything else is handed to pytest.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import environments


def main(arguments: list[str]) -> int:
    """Run the checks in order; the first that fails ends it. Returns the exit code."""
    fast = "--fast" in arguments
    rest = [a for a in arguments if a != "--fast"]
    with ThreadPoolExecutor() as threads:  # most of the time goes into waiting for downloads
        blenders = [threads.submit(environments.blender, v) for v in environments.BLENDERS if not fast]
        python = str(environments.backend())
        if blenders:
            os.environ["WORLDWARP_BPY_PYTHONS"] = os.pathsep.join(str(made.result()) for made in blenders)
    checks = [
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "mypy"],
        [python, "-m", "pytest", *(["-m", "not slow"] if fast else []), *rest],
    ]
    for check in checks:
        print("$", *check[1:], flush=True)
        code = subprocess.run(check, cwd=environments.ROOT, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
