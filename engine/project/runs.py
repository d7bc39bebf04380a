"""Run folders: runs/<id>/ with run.json and history.npz; weights and network lie beside them, written by the training."""

from __future__ import annotations

import io
import logging
import math
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from engine.failure import UserError
from engine.project import locking
from engine.project.records import RunHistory, RunRecord

log = logging.getLogger("fovea.runs")

RECORD = "run.json"
HISTORY = "history.npz"
SAID = "said.json"
CHECKPOINT, CHECKPOINT_BEFORE = "checkpoint.safetensors", "checkpoint-before.safetensors"
"""What a training can go on from, and the one before it; see `engine.training.checkpoint`."""
LOCK = "training.lock"
LATER_COLUMNS = ("learning_rates", "mark_steps", "mark_texts")
"""What the curves of earlier runs lack."""
RUNNING, INTERRUPTED = "running", "interrupted"
"""Outcomes of a run that is being trained, and of one whose training ended without a word."""
RUNS = "runs"
LOCK_ATTEMPTS, LOCK_SECONDS = 20, 0.01
DELETED = ".deleted"
"""Folder within RUNS where deleted runs wait, see `run_changes`."""
ADDING = ".adding"
"""Folder within RUNS for those that are on their way in, see `engine.training.add_run`."""


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person says of a run, as in said.json; None: nothing.

    It stands beside run.json, which belongs to the training: neither can write over what the other has to say.
    """

    title: str | None = None
    starred: bool | None = None
    note: str | None = None

    def changed(self, title: str | None, starred: bool | None, note: str | None) -> Said:
        """With what is not None in the place of what was said before."""
        return Said(
            self.title if title is None else title, self.starred if starred is None else starred, self.note if note is None else note
        )


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or as it was before, whatever happens meanwhile."""
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except OSError as error:  # a full disk does not say by itself where, and needs the room
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def now() -> str:
    """The time as RunRecord.created has it: ISO 8601, UTC, microseconds. Take it when the labels are read, not when training ends."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def is_stale(record: RunRecord, now_digest: str, changed: float) -> bool:
    """Whether the labelled pictures are others than those that the run was trained from.

    Parameters
    ----------
    record : RunRecord
        Of the run.
    now_digest : str
        Of the project as it is, see `engine.project.digests`; of the kind that the run has.
    changed : float
        When labels or pictures changed last, in seconds since 1970: all there is to go by for runs that kept no digest.
    """
    if record.data_digest:
        return record.data_digest != now_digest
    try:
        created = datetime.fromisoformat(record.created)
    except ValueError:
        return False
    moment = math.floor(changed) if created.microsecond == 0 else changed  # a time without fractions was cut
    return moment > created.timestamp()


def named(record: RunRecord, names: Mapping[int, str]) -> RunRecord:
    """A run of a project with the names that its classes have there now: renaming a class changes no run.

    Parameters
    ----------
    record : RunRecord
        One that kept no ids of classes stays as it is.
    names : mapping of int to str
        The names of the project's classes by id. Classes that are gone keep the name that the run was trained with; where another class
        has that name now, they are told apart.
    """
    if len(record.class_ids) != len(record.classes):
        return record
    taken = {names[number] for number in record.class_ids if number in names}
    found: list[str] = []
    for number, name in zip(record.class_ids, record.classes, strict=True):
        own = names.get(number, name)
        while number not in names and own in taken:
            own = f"{own} (deleted)"
        taken.add(own)
        found.append(own)
    return msgspec.structs.replace(record, classes=tuple(found))


def keep_class_ids(project_folder: str | Path, names: Mapping[int, str]) -> None:
    """Write the ids of their classes to runs that were made before runs kept them, as long as names still tell; see `named`."""
    numbers = {name: number for number, name in names.items()}
    for record in list_runs(project_folder):
        if not record.class_ids and all(name in numbers for name in record.classes):
            save_record(record.folder, msgspec.structs.replace(record, class_ids=tuple(numbers[name] for name in record.classes)))


def save_record(folder: str | Path, record: RunRecord) -> None:
    """Write run.json; makes the folder. Figures that are not finite become null, or 0 where null is not allowed."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    finite = msgspec.structs.replace(
        record,
        folder="",
        stale=False,
        resumable=False,
        seconds=_finite(record.seconds) or 0.0,
        images_per_second=_finite(record.images_per_second) or 0.0,
        train_loss=_finite(record.train_loss),
        validation_accuracy=_finite(record.validation_accuracy),
        test_accuracy=_finite(record.test_accuracy),
    )
    write_whole(place / RECORD, msgspec.json.format(msgspec.json.encode(finite), indent=2))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def load_record(folder: str | Path) -> RunRecord:
    """Read run.json.

    Raises
    ------
    UserError
        If the folder is no run, or its record is damaged or cannot be read.
    """
    place = Path(folder).absolute()
    try:
        record = msgspec.json.decode((place / RECORD).read_bytes(), type=RunRecord)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"The folder {place} holds no run.", "Choose a folder with a run.json.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"The record {place / RECORD} is damaged ({error}).", "Train again, or restore it from a copy.") from None
    except OSError as error:
        raise UserError(f"The record {place / RECORD} cannot be read ({error.strerror}).", "Check the file and its permissions.") from None
    said = load_said(place)
    return msgspec.structs.replace(
        record,
        folder=str(place),
        title=record.title if said.title is None else said.title,
        starred=record.starred if said.starred is None else said.starred,
        note=record.note if said.note is None else said.note,
        outcome=INTERRUPTED if record.outcome == RUNNING and not under_way(place) else record.outcome,
        resumable=resumable(place),
    )


def resumable(folder: str | Path) -> bool:
    """Whether a run kept a state that its training can go on from."""
    return any((Path(folder) / name).is_file() for name in (CHECKPOINT, CHECKPOINT_BEFORE))


@contextmanager
def trained_here(folder: Path) -> Iterator[None]:
    """While a run is trained: others see that it is, in this process and elsewhere, until this one ends or is killed.

    Raises
    ------
    UserError
        If it is being trained already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(folder / LOCK)
    if descriptor is None:
        raise UserError(f"The run {folder.name} is being trained already.", "Wait until that has ended, or stop it.")
    try:
        yield
    finally:
        os.close(descriptor)  # the file stays: whoever removed it could take it from under somebody who is about to lock it


def _locked(path: Path) -> int | None:
    """Lock it, even while somebody looks whether it is locked, which takes a moment."""
    for _ in range(LOCK_ATTEMPTS):
        descriptor = locking.hold(path)
        if descriptor is not None:
            return descriptor
        time.sleep(LOCK_SECONDS)
    return None


def under_way(folder: str | Path) -> bool:
    """Whether a run is being trained at this moment, by whatever process on this machine."""
    path = Path(folder) / LOCK
    try:
        if not path.is_file():
            return False
        descriptor = locking.hold(path)
    except OSError:  # a place where nothing can be written: nobody trains there
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def load_said(folder: str | Path) -> Said:
    """Read said.json; nothing is said where there is none, or a damaged one."""
    path = Path(folder) / SAID
    try:
        return msgspec.json.decode(path.read_bytes(), type=Said)
    except FileNotFoundError:
        return Said()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("%s is passed over: %s", path, error)
        return Said()


def save_said(folder: str | Path, said: Said) -> None:
    """Write said.json; it is there whole or as it was before."""
    write_whole(Path(folder) / SAID, msgspec.json.format(msgspec.json.encode(said), indent=2))


def save_history(folder: str | Path, history: RunHistory) -> None:
    """Write history.npz; makes the folder."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    columns = {name: getattr(history, name) for name in RunHistory.__struct_fields__ if name != "run"}
    np.savez_compressed(buffer, allow_pickle=False, run=np.array(history.run), **columns)
    write_whole(place / HISTORY, buffer.getvalue())


def load_history(folder: str | Path) -> RunHistory:
    """Read history.npz.

    Raises
    ------
    UserError
        If it is missing or damaged.
    """
    path = Path(folder) / HISTORY
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            known = set(arrays.files) | {name for name in RunHistory.__struct_fields__ if name not in LATER_COLUMNS}
            columns = {name: arrays[name] for name in RunHistory.__struct_fields__ if name != "run" and name in known}
            return RunHistory(run=str(arrays["run"]), **columns)
    except FileNotFoundError:
        raise UserError(f"The run {path.parent.name} kept no curves.", "Train again to have them.") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"The curves in {path} are damaged ({error}).", "Train again to have them.") from None


def list_runs(project_folder: str | Path) -> tuple[RunRecord, ...]:
    """All runs of a project, newest first; without folders that have no readable record, and without those that were never stopped yet."""
    found: list[RunRecord] = []
    place = Path(project_folder) / RUNS
    for folder in sorted(place.iterdir()) if place.is_dir() else ():
        if not (folder / RECORD).is_file():
            continue
        try:
            record = load_record(folder)
        except UserError as error:
            log.info("a run is left out: %s", error)
            continue
        if record.outcome != RUNNING:
            found.append(record)
    return tuple(sorted(found, key=lambda record: (record.created, record.id), reverse=True))
