"""A training as one folder that needs nothing else: pictures at working size, their labels and splits, network, recipe.

The folder becomes the run's as it is trained, wherever that is. Pictures are kept as the training would have decoded them, with the
contract of the originals, so that the same seed gives the same weights, and the run judges pictures of any size as ever.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.preprocessing import Preprocessing, ResizeMode
from engine.data.sources.packed import FACTS, PICTURES, ROWS, PackedFacts, locators_of, read_facts
from engine.failure import UserError
from engine.messages import Event, JobProgress, Notice
from engine.networks import weights as foreign
from engine.networks.layers import AnyNetwork
from engine.networks.pretrained import PRETRAINED, fetched
from engine.networks.resolve import resolve_any
from engine.project import runs
from engine.project.runs import write_whole
from engine.training import preparing, saved, supplying, trained_on
from engine.training import recipe as recipes
from engine.training.order import Contract
from engine.training.recipe import Recipe

BEGIN_WITH = "begin-with"
"""Folder of the weights that the training begins with; their file keeps its name."""
CHUNK = 1024  # pictures written at once
ZIP = ".zip"
DAMAGES = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError)
"""What reading a damaged archive raises, or one that is locked or packed in another way."""

Emit = Callable[[Event], None]


class Wanted(NamedTuple):
    """A training that is to be packed; fields as the parameters of `engine.training.fit.fit`, `network` already found."""

    dataset: Dataset
    network: AnyNetwork
    called: str
    recipe: Recipe
    preprocessing: Preprocessing
    weights: str = ""
    freeze: bool = False
    contract: Contract | None = None


class Packed(NamedTuple):
    """A packed training, as `fit` takes it."""

    folder: Path
    dataset: Dataset
    called: str
    recipe: Recipe
    contract: Contract
    weights: str
    freeze: bool

    @property
    def network(self) -> str:
        """The network's file."""
        return str(self.folder / saved.NETWORK)


def of_data(
    dataset: Dataset,
    network: str,
    recipe: Recipe,
    size: int | None,
    resize: ResizeMode | None = None,
    weights: str = "",
    freeze: bool = False,
) -> Wanted:
    """What is to be packed of pictures and a network; parameters as for `fit`.

    Raises
    ------
    UserError
        If recipe, data and network do not go together.
    """
    try:
        recipes.check(recipe)
    except ValueError as error:
        raise UserError(str(error), "Change it in the recipe.") from None
    data.check_trainable(dataset)
    if preparing.is_classic(network):
        raise UserError(f"{network} is no network that could be trained elsewhere.", "Choose one that learns by gradients.")
    contract = preparing.preprocessing_for(network, data.typical_size(dataset), size, resize, learned=bool(weights))
    found = resolve_any(network, (contract.channels, contract.height, contract.width), len(dataset.classes))
    return Wanted(dataset, found, network, recipe, contract, weights, freeze)


def of_run(folder: Path) -> Wanted:
    """What is to be packed of a run: its pictures, network and recipe, to be trained from the beginning.

    Raises
    ------
    UserError
        If it kept too little for that, or is damaged.
    """
    record = runs.load_record(folder)
    if record.begun_with:
        text = f"The run {folder.name} began with {record.begun_with}, which it does not keep."
        raise UserError(text, "Pack its pictures with the network, and name the weights with --weights.")
    kept = trained_on.load(folder)
    contract = Contract(record.preprocessing, record.measured)
    network = saved.load_network(folder)
    return Wanted(kept.dataset, network, record.network, record.recipe, record.preprocessing, "", record.frozen, contract)


def pack(wanted: Wanted, out: Path, token: CancelToken, emit: Emit) -> None:
    """Write a packed training: a folder, or an archive where the name ends in .zip; it is whole or not there.

    Raises
    ------
    UserError
        If there is something of that name already, or the pictures or weights cannot be read.
    OSError
        If the disk does not take it.
    Cancelled
        If it was cancelled.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is there already.", "Choose another name.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fovea-", dir=out.parent, ignore_cleanup_errors=True) as beside:
        folder = Path(beside) / out.stem
        folder.mkdir()
        _fill(folder, wanted, token, emit)
        if out.suffix.casefold() == ZIP:
            folder = _zipped(folder, Path(beside) / out.name, token)
        if out.is_dir():
            out.rmdir()
        folder.replace(out)


def is_packed(place: Path) -> bool:
    """Whether a folder or an archive holds a packed training."""
    if place.suffix.casefold() != ZIP or not place.is_file():
        return (place / FACTS).is_file()
    try:
        with zipfile.ZipFile(place) as archive:
            return any(name.rpartition("/")[2] == FACTS for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def unpacked(place: Path) -> Path:
    """The folder of a packed training; an archive is unpacked beside itself, once.

    Raises
    ------
    UserError
        If something else lies there, or the archive is damaged.
    """
    if place.is_dir():
        return place
    target = place.with_suffix("")
    if (target / FACTS).is_file():
        return target
    if target.exists():
        raise UserError(f"{place.name} cannot be unpacked: {target} is there already.", "Remove that, or unpack the archive by hand.")
    try:
        with tempfile.TemporaryDirectory(prefix=".fovea-", dir=place.parent) as beside, zipfile.ZipFile(place) as archive:
            archive.extractall(Path(beside) / target.name)
            inner = next(path.parent for path in Path(beside).rglob(FACTS))
            inner.replace(target)
    except (StopIteration, *DAMAGES) as error:
        raise UserError(f"The archive {place} is damaged ({error}).", "Pack it once more, or copy it again.") from None
    return target


def load(folder: Path) -> Packed:
    """Read a packed training.

    Raises
    ------
    UserError
        If it is damaged.
    """
    facts, columns = read_facts(folder)
    dataset = Dataset(
        name=facts.name,
        classes=facts.classes,
        images=columns["images"],
        labels=columns["labels"],
        splits=columns["splits"],
        locators=locators_of(len(columns["labels"])),
        root=str(folder),
        digest=facts.digest,
        class_ids=facts.class_ids,
    )
    begin = next((path for path in sorted((folder / BEGIN_WITH).glob("*")) if path.is_file()), None)
    contract = Contract(facts.preprocessing, facts.measured)
    return Packed(folder, dataset, facts.network, facts.recipe, contract, "" if begin is None else str(begin), facts.freeze)


def own_files(folder: Path) -> set[str]:
    """The names of what packing has put into a folder."""
    return {FACTS, PICTURES, ROWS, saved.NETWORK, BEGIN_WITH} if (folder / FACTS).is_file() else set()


def _fill(folder: Path, wanted: Wanted, token: CancelToken, emit: Emit) -> None:
    def progress(done: int, total: int) -> None:
        emit(JobProgress(fraction=done / max(1, total), text=f"Reading pictures: {done:,} of {total:,}"))

    def warn(text: str) -> None:
        emit(Notice(level="warning", text=text))

    contract, like = wanted.contract, None
    if wanted.weights:
        like = foreign.learned(wanted.network, wanted.weights, token, emit).input
        path = fetched(wanted.network, token).path if wanted.weights == PRETRAINED else Path(wanted.weights)
        (folder / BEGIN_WITH).mkdir()
        shutil.copyfile(path, folder / BEGIN_WITH / path.name)
    supply = supplying.supply(wanted.dataset, wanted.preprocessing, token, progress, warn, streams=False)
    for text in supplying.sentences(supply.failed):
        warn(text)
    if contract is None:
        if like is not None:
            mean, deviation, measured = *like.of_channels(wanted.preprocessing.channels), 0
        else:
            mean, deviation, measured = supplying.measure(supply.training, supplying.of_files(wanted.dataset), token, progress)
        contract = Contract(msgspec.structs.replace(wanted.preprocessing, mean=mean, std=deviation), measured)
    parts = {split: supplying.whole(part) for split, part in supply.parts.items()}
    _write_pictures(folder / PICTURES, [part.pixels for part in parts.values()], token, progress)
    columns = {
        "images": np.concatenate([wanted.dataset.images[part.rows] for part in parts.values()]),
        "labels": np.concatenate([part.labels for part in parts.values()]),
        "splits": np.concatenate([np.full(len(part.rows), split, np.int8) for split, part in parts.items()]),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **columns)
    write_whole(folder / ROWS, buffer.getvalue())
    saved.save_network(folder, wanted.network)
    facts = PackedFacts(
        name=wanted.dataset.name,
        classes=wanted.dataset.classes,
        class_ids=wanted.dataset.class_ids,
        digest=wanted.dataset.digest,
        network=wanted.called,
        recipe=msgspec.structs.replace(wanted.recipe, device="auto"),
        preprocessing=contract.preprocessing,
        measured=contract.measured,
        freeze=wanted.freeze,
    )
    write_whole(folder / FACTS, msgspec.json.format(msgspec.json.encode(facts), indent=2))


def _write_pictures(path: Path, parts: list[np.ndarray], token: CancelToken, progress: Callable[[int, int], None]) -> None:
    """One array of all parts, uint8 [N, H, W] or [N, H, W, 3], written and not mapped: a full disk gives an error instead of a signal."""
    count, shape = sum(len(part) for part in parts), parts[0].shape[1:]
    shape = shape[:2] if shape[2] == 1 else shape
    with path.open("xb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)})
        done = 0
        for part in parts:
            for start in range(0, len(part), CHUNK):
                token.check()
                block = np.ascontiguousarray(part[start : start + CHUNK])
                stream.write(block.data)
                done += len(block)
            progress(done, count)


def _zipped(folder: Path, path: Path, token: CancelToken) -> Path:
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for file in sorted(folder.rglob("*")):
            token.check()
            if file.is_file():
                archive.write(file, (Path(folder.name) / file.relative_to(folder)).as_posix())
    return path
