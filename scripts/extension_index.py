"""The listing of a folder of extensions, as ``blender --command extension server-generate`` writes it.

Blender's repository format v1: https://docs.blender.org/manual/en/latest/advanced/extensions/creating_repository
"""

import hashlib
import json
import tomllib
import zipfile
from pathlib import Path
from urllib.request import pathname2url

LISTED = (
    "schema_version",
    "id",
    "name",
    "tagline",
    "version",
    "type",
    "maintainer",
    "license",
    "blender_version_min",
    "blender_version_max",
    "website",
    "copyright",
    "permissions",
    "tags",
    "platforms",
)
"""What of a manifest is listed, in Blender's order."""


def write(folder: Path) -> Path:
    """``index.json`` of all zips in ``folder``."""
    archives = sorted(path for path in folder.glob("*.zip") if not path.name.startswith("."))
    listing = {"version": "v1", "blocklist": [], "data": [entry(archive) for archive in archives]}
    path = folder / "index.json"
    path.write_text(json.dumps(listing, indent=2), encoding="utf-8", newline="\n")
    return path


def entry(archive: Path) -> dict:
    """What the listing says of one zip."""
    with zipfile.ZipFile(archive) as opened:
        manifest = tomllib.loads(opened.read("blender_manifest.toml").decode())
    manifest |= manifest.get("build", {}).get("generated", {})  # what Blender's builder adds for one platform
    listed = {key: manifest[key] for key in LISTED if key in manifest}
    if "wheels" in manifest:
        listed["python_versions"] = python_versions([Path(wheel).name for wheel in manifest["wheels"]])
    content = archive.read_bytes()
    return listed | {
        "archive_url": "./" + pathname2url(archive.name),
        "archive_size": len(content),
        "archive_hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
    }


def python_versions(wheels: list[str]) -> list[str]:
    """The Pythons that ``wheels`` are for by their tags; "3" only where no exact one, as "3.11", stands beside it."""
    found = {version for wheel in wheels for version in _versions(wheel) if version[0] >= 3}
    majors = {version[:1] for version in found if len(version) > 1}
    return [".".join(map(str, version)) for version in sorted(found - majors)]


def _versions(wheel: str) -> set[tuple[int, ...]]:
    python, abi = wheel.split("-")[-3:-1]
    if stable := {(int(tag[3:]),) for tag in abi.split(".") if tag.startswith("abi")}:
        return stable
    digits = [tag[2:] for tag in python.split(".")]  # py3, cp311
    return {(int(number[0]), int(number[1:])) if number[1:] else (int(number),) for number in digits}
