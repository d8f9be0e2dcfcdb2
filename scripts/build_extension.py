"""Build the Blender extension as a zip: ``python scripts/build_extension.py [--all] [--out dist] [--blender BLENDER]``.

Stages ``blender_manifest.toml``, ``blender_addon/`` and the wheels that the manifest names in a temporary folder, then
builds and validates with Blender's own builder where a Blender is found, else by the same rules. By default one zip
for this machine's platform; ``--all`` builds one for each platform of the manifest; ``--repository DIR`` does so into a
folder that users can subscribe to once it is hosted, with its ``index.json``.
"""

import argparse
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from pathlib import Path

import extension_index

ROOT = Path(__file__).resolve().parents[1]
OWN = "worldwarp_protocol"
WHEEL = re.compile(r"(?P<name>\w+)-(?P<version>[\d.]+)-(?P<python>\w+)-(?P<abi>\w+)-(?P<platform>[\w.]+)\.whl")

PLATFORMS = {
    "linux-x64": ("manylinux", "_x86_64"),
    "windows-x64": ("win", "_amd64"),
    "windows-arm64": ("win", "_arm64"),
    "macos-arm64": ("macosx", "_arm64"),
    "macos-x64": ("macosx", "_x86_64"),
}
"""Blender's platforms: how the platform tags of their wheels begin and end; universal2 is both of macOS'."""

REQUIRED = (
    "schema_version",
    "id",
    "name",
    "tagline",
    "version",
    "type",
    "maintainer",
    "license",
    "blender_version_min",
)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="one zip for each platform instead of this machine's only")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the zips (default: dist)")
    parser.add_argument("--repository", type=Path, help="folder to be hosted: zips for all platforms and their index")
    parser.add_argument("--blender", default=shutil.which("blender"), help="Blender to build and validate with")
    parser.add_argument("--wheels", type=Path, default=ROOT / "build" / "wheels", help="folder that keeps the wheels")
    options = parser.parse_args(argv)
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    every = options.all or options.repository
    platforms = tomllib.loads(manifest)["platforms"] if every else [this_platform()]
    zips = build(manifest, platforms, options.wheels, options.repository or options.out, options.blender)
    for built in zips:
        print(f"{built} ({built.stat().st_size / 1e6:.1f} MB)")
    if options.repository:
        publish(options.repository, zips, options.blender)
    return 0


def build(manifest: str, platforms: list[str], cache: Path, out: Path, blender: str | None) -> list[Path]:
    """The zips for ``platforms``, in ``out``."""
    check(tomllib.loads(manifest))
    out.mkdir(parents=True, exist_ok=True)
    built = []
    for platform in platforms:
        names = [name for name in wheel_names(manifest) if fits(name, platform)]
        with tempfile.TemporaryDirectory(prefix="worldwarp-extension-") as folder:
            stage(Path(folder), for_platform(manifest, platform, names), names, fetch(names, cache))
            built.append(pack(Path(folder), platform, out, blender))
    return built


def publish(folder: Path, zips: list[Path], blender: str | None) -> None:
    """List what lies in ``folder``, by Blender where there is one; of this extension only ``zips`` stay there."""
    name = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["id"]
    for old in set(folder.glob(f"{name}-*.zip")) - set(zips):  # Blender warns of two zips for one platform
        old.unlink()
        print(f"{old} is of another version: removed")
    if blender:
        command(blender, "server-generate", "--repo-dir", folder)
    else:
        extension_index.write(folder)
    print(folder / "index.json")


def this_platform() -> str:
    """This machine's, as Blender names it."""
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}[sys.platform]
    return f"{system}-{'arm64' if 'arm64' in sysconfig.get_platform() else 'x64'}"


def wheel_names(manifest: str) -> list[str]:
    return [Path(wheel).name for wheel in tomllib.loads(manifest)["wheels"]]


def fits(wheel: str, platform: str) -> bool:
    """Whether ``wheel`` belongs into the zip for ``platform``."""
    start, end = PLATFORMS[platform]
    tags = WHEEL.fullmatch(wheel)["platform"].split(".")
    return any(tag == "any" or (tag.startswith(start) and tag.endswith((end, "_universal2"))) for tag in tags)


def for_platform(manifest: str, platform: str, names: list[str]) -> str:
    """The manifest of the zip for one platform."""
    wheels = "wheels = [\n" + "".join(f'  "./wheels/{name}",\n' for name in names) + "]\n"
    manifest = re.sub(r"^wheels = \[.*?^\]\n", lambda _: wheels, manifest, flags=re.S | re.M)
    return re.sub(r"^platforms = .*$", f'platforms = ["{platform}"]', manifest, flags=re.M)


def fetch(names: list[str], cache: Path) -> Path:
    """Bring the wheels ``names`` into ``cache``: our own is built, the others come from the package index."""
    cache.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name.startswith(OWN):
            build_own(name, cache)
        elif not (cache / name).is_file():
            tags = WHEEL.fullmatch(name)
            python, platforms = tags["python"], tags["platform"].split(".")
            pip(
                *("download", "--no-deps", "--only-binary=:all:", "--dest", cache),
                *("--implementation", "cp", "--python-version", python[2:], "--abi", tags["abi"]),
                *(argument for platform in platforms for argument in ("--platform", platform)),
                f"{tags['name']}=={tags['version']}",
            )
        if not (cache / name).is_file():
            raise SystemExit(f"{name} was not found in the package index: correct its name in blender_manifest.toml")
    return cache


def build_own(name: str, cache: Path) -> None:
    """Build the protocol's wheel anew, for its source may have changed; the one in ``cache`` is replaced at once."""
    with tempfile.TemporaryDirectory(dir=cache) as copy:  # setuptools leaves a build folder beside the source
        shutil.copytree(ROOT / "protocol", copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build"))
        pip("wheel", "--no-deps", "--wheel-dir", Path(copy) / "built", copy)
        if not (built := Path(copy) / "built" / name).is_file():
            raise SystemExit(f"{name} is not what protocol/ builds: correct its version in blender_manifest.toml")
        built.replace(cache / name)


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    if subprocess.run(command).returncode:
        raise SystemExit(f"pip {arguments[0]} failed: see above; wheels that lie in build/wheels are not fetched again")


def stage(folder: Path, manifest: str, names: list[str], cache: Path) -> None:
    """Everything that goes into the zip."""
    shutil.copytree(ROOT / "blender_addon", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "blender_manifest.toml").write_text(manifest, encoding="utf-8", newline="\n")
    (folder / "wheels").mkdir()
    for name in names:
        shutil.copy(cache / name, folder / "wheels" / name)
        copy_licences(cache / name, folder / "licenses")


def copy_licences(wheel: Path, target: Path) -> None:
    """The licence texts inside ``wheel``, where a reader of the zip finds them."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            inside = Path(member)
            if member.endswith("/") or not inside.parts[0].endswith(".dist-info"):
                continue
            if re.match(r"(?i)(licen[cs]e|copying|notice)", inside.name):
                text = target / inside.parts[0].split("-")[0] / inside.name
                text.parent.mkdir(parents=True, exist_ok=True)
                text.write_bytes(archive.read(member))


def pack(folder: Path, platform: str, out: Path, blender: str | None) -> Path:
    """Zip the staged ``folder``; by Blender's builder and validated by it where there is a Blender."""
    manifest = tomllib.loads((folder / "blender_manifest.toml").read_text(encoding="utf-8"))
    target = out / f"{manifest['id']}-{manifest['version']}-{platform.replace('-', '_')}.zip"
    target.unlink(missing_ok=True)
    if blender:
        command(blender, "build", "--source-dir", folder, "--output-filepath", target)
        command(blender, "validate", target)
        return target
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            stamp = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (2020, 1, 1, 0, 0, 0))
            stamp.external_attr = 0o644 << 16
            stored = zipfile.ZIP_STORED if path.suffix == ".whl" else zipfile.ZIP_DEFLATED
            archive.writestr(stamp, path.read_bytes(), stored)
    return target


def command(blender: str, *arguments: object) -> None:
    done = subprocess.run([blender, "--command", "extension", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{blender} --command extension {arguments[0]}:\n{done.stdout}{done.stderr}")


def check(manifest: dict) -> None:
    """Blender's rules for a manifest, as far as ours could break them."""
    missing = [key for key in REQUIRED if not manifest.get(key)]
    sentences = {"tagline": manifest.get("tagline", ""), **manifest.get("permissions", {})}
    wrong = [key for key, text in sentences.items() if len(text) > 64 or text.endswith(".")]
    if missing or wrong:
        raise SystemExit(f"blender_manifest.toml: missing {missing}; longer than 64 letters or with a stop: {wrong}")
    unknown = [name for name in manifest["platforms"] if name not in PLATFORMS]
    torn = [name for name in (Path(wheel).name for wheel in manifest["wheels"]) if not WHEEL.fullmatch(name)]
    if unknown or torn:
        raise SystemExit(f"blender_manifest.toml: unknown platforms {unknown}, wheels {torn}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
