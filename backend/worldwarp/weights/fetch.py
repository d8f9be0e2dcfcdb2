"""From Hugging Face to this machine: resumed where it was interrupted, checked by size and digest, registered."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..geometry.checkpoint import WeightsError
from . import add, check, files, needs, registry
from .parts import DEPTH_ANYTHING, TTT3R, File, Part

SPARE = 1_000_000_000
"""Bytes that stay free on the disk."""

BY_HAND = (
    f"Download {TTT3R.files[0].path} from the page of the CUT3R project, then run `worldwarp weights convert FILE`."
)


class Remote(NamedTuple):
    """A file as the hub describes it."""

    file: File
    url: str
    size: int
    sha256: str
    """Empty where the hub tells none: it does for large files only."""
    commit: str


def get(parts: Iterable[Part]) -> None:
    """Fetch what of these is not here, check and register it; progress goes to the terminal.

    Licences are accepted already. A token is taken from huggingface_hub's own login only.

    Raises:
        WeightsError: no room, gone, gated, unreachable, or not the file that is expected.
    """
    parts = list(parts)
    if TTT3R in parts:
        raise WeightsError(f"{TTT3R.name} cannot be fetched by name. {BY_HAND}")
    _room(parts)
    for part in parts:
        _get(part)


def _get(part: Part) -> None:
    folder = needs.root() / part.place
    commit = ""
    for file in part.files:
        remote = _describe(part, file, commit or part.revision)
        commit = remote.commit
        _fetch(remote, folder / file.path)
    if part.converted:
        add.place(part, [folder / part.files[0].path], move=True, origin=commit)
        return
    check.architecture(part, folder)
    if part is not DEPTH_ANYTHING:
        registry.register(part.name, folder, files.complete(part, folder), commit)


def _describe(part: Part, file: File, revision: str) -> Remote:
    """Ask the hub about a file; it has to be the one that is known here, where one is."""
    hub = _hub()
    url = hub.hf_hub_url(part.repository, part.remote + file.path, revision=revision)
    try:
        found = hub.get_hf_file_metadata(url, token=_token())
    except Exception as error:  # its HTTP library's own errors have no public base
        raise WeightsError(_sentence(part, error)) from None
    digest = found.etag if found.etag and re.fullmatch(r"[0-9a-f]{64}", found.etag) else ""
    if file.sha256 and digest not in ("", file.sha256):
        raise WeightsError(f"{part.repository} has another {file.path} than the known one; nothing was fetched.")
    return Remote(file, found.location, found.size or file.size, file.sha256 or digest, found.commit_hash or revision)


def _fetch(remote: Remote, target: Path) -> None:
    """One file, continued where an earlier attempt ended; it appears whole and checked or not at all."""
    if target.is_file() and target.stat().st_size == remote.size and registry.sha256(target) == remote.sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{(remote.sha256 or remote.commit)[:16]}.part")
    _download(remote, unfinished)
    if unfinished.stat().st_size != remote.size or (remote.sha256 and registry.sha256(unfinished) != remote.sha256):
        unfinished.unlink()
        raise WeightsError(f"What came is not {target.name}: its size or digest is another. Try again.")
    unfinished.replace(target)


def _download(remote: Remote, unfinished: Path) -> None:
    from huggingface_hub.file_download import http_get

    with unfinished.open("ab") as out:
        start = out.tell()
        if start > remote.size:
            out.truncate(start := 0)
        try:
            http_get(
                remote.url,
                out,
                resume_size=start,
                headers=_headers(remote.url),
                expected_size=remote.size,
                displayed_filename=remote.file.path,
            )
        except Exception as error:  # its HTTP library's own errors have no public base
            raise WeightsError(
                f"The download of {remote.file.path} was interrupted ({_first_line(error)}); run the command again, "
                "it goes on from there."
            ) from None


def _headers(url: str) -> dict[str, str]:
    """The token goes to the hub only, not to the servers that it sends us on to."""
    hub = _hub()
    same = urlsplit(url).netloc == urlsplit(hub.constants.ENDPOINT).netloc
    headers: dict[str, str] = hub.utils.build_hf_headers(token=_token() if same else False)
    return {**headers, "Accept-Encoding": "identity"}  # a part of a compressed answer could not be continued


def _token() -> str | bool:
    return _hub().get_token() or False


def _hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.utils
    except ImportError:
        raise WeightsError(
            "The package huggingface_hub is missing; install it with: pip install 'worldwarp[wan]'."
        ) from None
    return huggingface_hub


def _room(parts: Iterable[Part]) -> None:
    """Raises ``WeightsError`` where the disk has no room."""
    wanted = sum(_rest(part) for part in parts)
    there = next(folder for folder in (needs.root(), *needs.root().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if free < wanted + SPARE:
        raise WeightsError(
            f"{needs.gigabytes(wanted)} are to be fetched to {needs.root()}, where {needs.gigabytes(free)} are free: "
            "make room, or set WORLDWARP_HOME to a folder on a larger disk."
        )


def _rest(part: Part) -> int:
    """Bytes that a part will need besides those that are here; a checkpoint needs its size again to be converted."""
    folder = needs.root() / part.place
    begun = sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0
    return max(part.size - begun, 0) + (part.size if part.converted else 0)


def _sentence(part: Part, error: Exception) -> str:
    """What a refusal means and what to do."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return (
            f"Hugging Face does not give {part.repository} to you: it is gated, private or renamed. Accept its "
            "terms on its page, log in with `hf auth login`, and try again."
        )
    if status in (404, 410):
        return (
            f"Hugging Face has no such file any more in {part.repository} at {part.revision}; it was moved or removed."
        )
    return f"{part.repository} cannot be reached ({_first_line(error)}); check the connection and try again."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
