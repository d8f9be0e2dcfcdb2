"""Files that were fetched by hand: told apart by name and content, put where they belong, registered."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..geometry import checkpoint
from ..geometry.checkpoint import WeightsError
from . import check, files, needs, registry
from .parts import DEPTH_ANYTHING, PARTS, ST_DIFF, TTT3R, Part
from .parts import part as named

BY_TENSOR = (
    (r"(encoder|decoder)\.(conv_in|mid_block|down_blocks|up_blocks)\.|quant_conv\.|post_quant_conv\.", "vae"),
    (r"shared\.weight|encoder\.(block|final_layer_norm)\.", "text-encoder"),
    (r"condition_embedder\.|patch_embedding\.|blocks\.\d+\.attn1\.|proj_out\.", "transformer"),
    (r"visual\.|model\.visual\.|model\.language_model\.|model\.layers\.", "captioner"),
    (r"backbone\.embeddings\.|neck\.reassemble_stage\.", "depth-anything"),
    (r"enc_blocks\.|dec_blocks\.|enc_norm\.", "ttt3r"),
)
"""How a part's tensors are called, at the beginning of their names."""

BY_TEXT = {
    "config.json": (
        ("AutoencoderKLWan", "vae"),
        ("WanTransformer3DModel", "transformer"),
        ("UMT5", "text-encoder"),
        ("Qwen2_5_VL", "captioner"),
        ("DepthAnything", "depth-anything"),
    ),
    "tokenizer.json": (('"Unigram"', "tokenizer"), ('"BPE"', "captioner")),
}
"""What such a file says where it is a part's."""

CHECKPOINTS = (".ckpt", ".pth", ".pt")

Recognised = dict[Part, list[Path]]


def recognise(paths: Iterable[Path]) -> Recognised:
    """Files, and those in folders, by the part that they belong to. In folders other files are passed over.

    Raises:
        WeightsError: a file is not there, or belongs to no part.
    """
    found: Recognised = {}
    for path in paths:
        known = _known(path)
        if not known:
            raise WeightsError(f"{path} is of no known network: give the files of `worldwarp weights list`.")
        for name, members in known.items():
            found.setdefault(name, []).extend(members)
    return found


def place(part: Part, paths: Sequence[Path], move: bool, origin: str = "by hand") -> str:
    """Put a part's files into its folder and register it once it is complete; one sentence.

    ``origin`` is what the register says of where they came from.

    Raises:
        WeightsError: they do not fit the network.
    """
    if part.converted and paths[0].suffix in CHECKPOINTS:
        return _convert(part, paths[0], move, origin)
    folder = needs.root() / part.place
    for path in paths:
        _put(path, folder / path.name, move)
    try:
        found = files.complete(part, folder)
    except WeightsError as error:
        return f"{error} Add the rest too."
    check.architecture(part, folder)
    if part is DEPTH_ANYTHING:
        return f"{part.name} is here, at {folder}."
    record = registry.register(part.name, folder, found, origin)
    return f"{part.name} is here, at {folder}{check.unpublished(part, record)}."


def _known(path: Path) -> Recognised:
    if not path.exists():
        raise WeightsError(f"There is no file {path}.")
    members = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    found: Recognised = {}
    later = []
    for member in members:
        belongs = _part(member)
        if belongs:
            found.setdefault(belongs, []).append(member)
        else:
            later.append(member)
    for member in later:
        if belongs := _companion(member, found):
            found[belongs].append(member)
    return found


def _companion(path: Path, found: Recognised) -> Part | None:
    """The one part of the files beside it that has a file of this name: for small files that say nothing themselves."""
    beside = [part for part, paths in found.items() if any(each.parent == path.parent for each in paths)]
    fitting = [part for part in beside if path.name in {file.path for file in part.files}]
    return fitting[0] if len(fitting) == 1 else None


def _part(path: Path) -> Part | None:
    """The part of one file: as it is published, or by what it says."""
    size = path.stat().st_size
    same = [
        part
        for part in PARTS
        for file in part.files
        if file.path == path.name and (part.converted or file.size == size)
    ]
    if len(same) == 1:
        return same[0]
    name = _by_text(path) if path.name in BY_TEXT else _by_tensors(path)
    if name == "transformer" and _is_st_diff(path):
        return ST_DIFF
    return named(name) if name else None


def _by_text(path: Path) -> str:
    text = path.read_text("utf-8", errors="replace")
    return next((name for mark, name in BY_TEXT[path.name] if mark in text), "")


def _by_tensors(path: Path) -> str:
    names = list(_tensors(path))
    counts = {name: sum(bool(re.match(pattern, each)) for each in names) for pattern, name in BY_TENSOR}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else ""


def _tensors(path: Path) -> Iterator[str]:
    if path.suffix == ".safetensors":
        yield from files.shapes(path)
    elif path.suffix in CHECKPOINTS:
        from .convert import names

        yield from names(path)
    elif path.name.endswith(".safetensors.index.json"):
        yield from files.listing(path)


def _is_st_diff(path: Path) -> bool:
    """Both have the same tensors: ST-Diff's come as a checkpoint, or the converted file names their licence."""
    if path.suffix in CHECKPOINTS:
        return True
    weights = path if path.suffix == ".safetensors" else path.with_name(f"{ST_DIFF.weights}.safetensors")
    return weights.is_file() and files.metadata(weights).get("licence") == ST_DIFF.licence


def _convert(part: Part, path: Path, move: bool, origin: str) -> str:
    """Take the numbers out of a checkpoint; its licence is accepted already."""
    if part is TTT3R:
        from ..geometry.weights import convert

        convert(path, checkpoint.default_path(), acknowledged=True)
        said = f"Converted to {checkpoint.default_path()}. Non-commercial use only ({checkpoint.LICENCE})."
    else:
        from .convert import convert_st_diff

        folder = needs.root() / part.place
        convert_st_diff(path, folder)
        registry.register(part.name, folder, files.complete(part, folder), f"{path.name}, {origin}")
        said = f"Converted to {folder}. Its licence: {part.licence}."
    if move:
        path.unlink()
    return said


def _put(path: Path, target: Path, move: bool) -> None:
    """Copy or move a file; the target appears whole or not at all."""
    if target.exists() and path.samefile(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        # a link of Hugging Face's cache is followed: the file that it names stays there
        (shutil.move if move and not path.is_symlink() else shutil.copyfile)(path, unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
