"""The command AddRun: a run that was trained elsewhere, in a project, by command or as a packed training, comes into the open project.

Only what a run's folder has is copied, first into runs/.adding, from where it moves to its place whole. Pictures stay where they are: the
run can go on where the project has the same ones, or where those are still there that it was trained on.
"""

from __future__ import annotations

import shlex
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from msgspec.structs import replace

from engine import messages
from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.sources.packed import FACTS
from engine.failure import UserError
from engine.messages import JobProgress, RunAdded
from engine.project import runs
from engine.project.incoming import plain_name
from engine.project.records import RunRecord
from engine.project.store import READ_ONLY_REMEDY
from engine.training import kept_statistics, moments, saved, seen, tensorboard, trained_on
from engine.training.packed import DAMAGES, ZIP
from engine.training.train import free_folder
from engine.training.trained_on import TrainedOn

if TYPE_CHECKING:
    from engine.project.opened import OpenedProject
    from engine.session import Emit, Session

FILES = frozenset(
    {
        runs.RECORD,
        runs.HISTORY,
        runs.SAID,
        runs.CHECKPOINT,
        runs.CHECKPOINT_BEFORE,
        saved.NETWORK,
        saved.WEIGHTS,
        seen.SEEN,
        trained_on.TRAINED_ON,
        kept_statistics.FILE,
    }
)
FOLDERS = frozenset({moments.FOLDER, tensorboard.FOLDER})
"""Files, and folders of files, that a run has; nothing else is taken."""
PIECE = 1 << 20
COMPARED = 16  # pictures
NAMED = 4  # classes


class _File(NamedTuple):
    name: tuple[str, ...]
    size: int
    source: Path | zipfile.ZipInfo


def add_run(session: Session, command: messages.AddRun, token: CancelToken, emit: Emit) -> None:
    """Answer AddRun; a run that could not be taken whole is not there.

    Raises
    ------
    UserError
        If it is no run, is damaged or not trained yet, cannot stand alone, or knows classes that the project has not.
    Cancelled
        If it was cancelled.
    """
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    place = Path(command.path).absolute()
    place = place.parent if place.name == runs.RECORD else place
    if place.resolve().parent == project.runs_folder.resolve():
        raise UserError(f"The run {place.name} is in this project already.", "Choose one from elsewhere.")
    waiting = project.runs_folder / runs.ADDING
    shutil.rmtree(waiting, ignore_errors=True)  # what a killed program left; the lane has one such command at a time
    target = _target(project, place)
    try:
        (waiting / target.name).mkdir(parents=True)
        if place.suffix.casefold() == ZIP and place.is_file():
            try:
                with zipfile.ZipFile(place) as archive:
                    _copy(list(_in_archive(archive, place)), archive, waiting / target.name, token, emit)
            except DAMAGES as error:
                raise UserError(f"The archive {place} is damaged ({error}).", "Make it once more, or copy it again.") from None
            source = waiting / target.name
        else:
            source = _checked(place)
            _copy(list(_in_folder(place)), None, waiting / target.name, token, emit)
        record, but = _settled(project, source, waiting / target.name, token)
        (waiting / target.name).rename(target)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    session.tell_runs(project, emit)
    emit(RunAdded(run=record.id, title=record.title, but=but))


# ---------------------------------------------------------------- copying


def _target(project: OpenedProject, place: Path) -> Path:
    """A folder of the run's own name where that is free, else of one with a number."""
    name = plain_name(place.stem if place.suffix.casefold() == ZIP else place.name).lstrip(".~") or "run"
    taken = (project.runs_folder / name, project.runs_folder / runs.DELETED / name)
    return taken[0] if not any(path.exists() for path in taken) else free_folder(project.runs_folder, name)


def _checked(place: Path) -> Path:
    """The folder, if it may hold a run that is done for now."""
    if not (place / runs.RECORD).is_file() and (place / FACTS).is_file():
        raise _untrained(place)
    runs.load_record(place)
    if runs.under_way(place):
        raise UserError(f"The run {place.name} is being trained at this moment.", "Add it when that has ended.")
    return place


def _untrained(place: Path) -> UserError:
    remedy = f"Train it first: torchrun --nproc-per-node 2 main.py train {shlex.quote(place.name)}"
    return UserError(f"The packed training {place.name} has not been trained yet.", remedy)


def _in_folder(place: Path) -> Iterator[_File]:
    for path in sorted(place.iterdir()):
        if path.name in FILES and path.is_file():
            yield _File((path.name,), path.stat().st_size, path)
        elif path.name in FOLDERS and path.is_dir():
            yield from (_File((path.name, file.name), file.stat().st_size, file) for file in sorted(path.iterdir()) if file.is_file())


def _in_archive(archive: zipfile.ZipFile, place: Path) -> Iterator[_File]:
    """The files of the one run in an archive, wherever in it that lies."""
    entries = [(tuple(info.filename.replace("\\", "/").split("/")), info) for info in archive.infolist() if not info.is_dir()]
    tops = {parts[:-1] for parts, _ in entries if parts[-1] == runs.RECORD}
    if len(tops) != 1:
        if not tops and any(parts[-1] == FACTS for parts, _ in entries):
            raise _untrained(place)
        holds = f"{len(tops)} runs" if tops else "no run"
        raise UserError(f"The archive {place.name} holds {holds}.", "Choose one of a single run's folder.")
    (top,) = tops
    for parts, info in entries:
        name = parts[len(top) :]
        if parts[: len(top)] != top:
            continue
        plain = all(part not in ("", ".", "..") and ":" not in part for part in name)
        if plain and ((len(name) == 1 and name[0] in FILES) or (len(name) == 2 and name[0] in FOLDERS)):
            yield _File(name, info.file_size, info)


def _copy(files: list[_File], archive: zipfile.ZipFile | None, folder: Path, token: CancelToken, emit: Emit) -> None:
    total, done = sum(file.size for file in files), 0
    if total > shutil.disk_usage(folder).free:
        raise UserError(f"The run takes {total / 1e6:,.0f} MB, for which the disk has no room.", "Free some space and try again.")
    for file in files:
        path = folder.joinpath(*file.name)
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as writer, _opened(file, archive) as reader:
            while piece := reader.read(PIECE):
                token.check()
                writer.write(piece)
                done += len(piece)
        emit(JobProgress(fraction=min(1.0, done / max(1, total)), text=f"Copying: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB"))


def _opened(file: _File, archive: zipfile.ZipFile | None) -> BinaryIO:
    if isinstance(file.source, Path):
        return file.source.open("rb")
    assert archive is not None
    return archive.open(file.source)  # type: ignore[return-value]


# ---------------------------------------------------------------- making it the project's


def _settled(project: OpenedProject, source: Path, folder: Path, token: CancelToken) -> tuple[RunRecord, str]:
    """Make the copy in `folder` a run of the project; gives its record, and what it cannot do here."""
    record = runs.load_record(source)
    if record.members:
        raise UserError(f'"{record.title}" is an ensemble, which cannot be without its members.', "Add those, and combine them here.")
    loaded = saved.load_run(source)  # refuses what is damaged, in the name of the original
    names = record.classes if (source / FACTS).is_file() else loaded.classes  # a packed one may lie in a project that is not its own
    mine = {kind.name: kind.id for kind in project.snapshot.classes}
    foreign = [name for name in names if name not in mine]
    if foreign:
        raise UserError(
            f"The run {source.name} knows {_listed(foreign)}, which the project has not.",
            "Rename or add classes on the Data page, so that both say the same, or open the project that it was trained for.",
        )
    class_ids = tuple(mine[name] for name in names)
    if len(set(class_ids)) != len(class_ids):
        raise UserError(f"The record of run {source.name} names a class twice.", "Restore it from a copy.")
    own = replace(record, id=folder.name, class_ids=class_ids, parent="", sweep="")
    runs.save_record(folder, own)
    if (folder / runs.HISTORY).is_file():
        runs.save_history(folder, replace(runs.load_history(folder), run=folder.name))
    but = []
    present = set(project.snapshot.table.class_ids.tolist())
    unknown = [kind.name for kind in project.snapshot.classes if kind.id in present and kind.id not in class_ids]
    if unknown:
        but.append(f"It does not know {_listed(unknown)}, whose pictures it cannot be measured on.")
    if runs.resumable(folder) and not _anchored(project, source, folder, own, class_ids, token):
        but.append("It cannot go on here, where its training pictures are not.")
    return own, " ".join(but)


def _listed(names: list[str]) -> str:
    """Classes in words."""
    shown = ", ".join(f'"{name}"' for name in names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return f"the class {shown}" if len(names) == 1 else f"the classes {shown}"


def _anchored(
    project: OpenedProject, source: Path, folder: Path, record: RunRecord, class_ids: tuple[int, ...], token: CancelToken
) -> bool:
    """Whether the run finds its pictures from its new place; if not, what it would go on from is taken away."""
    try:
        kept = trained_on.load(source)
    except UserError:
        kept = None
    found = None
    if kept is not None:
        dataset = replace(kept.dataset, class_ids=class_ids)
        found = _in_project(project, folder, kept._replace(dataset=dataset), record, token)
        if found is None and Path(dataset.root) != source and Path(dataset.root).is_absolute() and Path(dataset.root).is_dir():
            found = kept._replace(dataset=dataset)
    if found is None:
        for name in (runs.CHECKPOINT, runs.CHECKPOINT_BEFORE, trained_on.TRAINED_ON):
            (folder / name).unlink(missing_ok=True)
        return False
    trained_on.save(folder, found, project.folder)
    return True


def _in_project(project: OpenedProject, folder: Path, kept: TrainedOn, record: RunRecord, token: CancelToken) -> TrainedOn | None:
    """What it was trained on by the project's own pictures of the same ids, if some training pictures show that they are the same."""
    here = data.from_snapshot(project.snapshot)
    places = {image: row for row, image in enumerate(here.images.tolist())}
    if not len(kept.rows) or any(image not in places for image in kept.dataset.images.tolist()):
        return None
    locators = tuple(here.locators[places[image]] for image in kept.dataset.images.tolist())
    dataset = replace(kept.dataset, locators=locators, root=here.root)
    rows = kept.rows[np.unique(np.linspace(0, len(kept.rows) - 1, min(COMPARED, len(kept.rows))).astype(np.int64))]
    pixels, _, ok = data.decode(dataset, rows, record.preprocessing, token)
    same = seen.among(folder, pixels, token)
    return kept._replace(dataset=dataset) if same is not None and ok.all() and same.all() else None
