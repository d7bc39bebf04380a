"""Ensembles: a run whose probabilities are the mean of those of other runs (Hansen and Salamon 1990; Lakshminarayanan et al. 2017).

Its folder holds a record that names the members, and nothing else; the members' weights stay where they are. Each member gets its own
preprocessing of the same picture, and its classes are put in the order of the ensemble's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from msgspec.structs import replace

from engine import device as devices
from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.contracts import unpack
from engine.evaluation.evaluate import measured
from engine.failure import UserError
from engine.messages import CombineRuns, JobProgress, Notice, TrainingFinished
from engine.project import runs
from engine.project.records import RunRecord, Split
from engine.project.run_changes import run_of, tidy_title
from engine.project.store import READ_ONLY_REMEDY
from engine.training import saved, seen
from engine.training.saved import LoadedRun, Member
from engine.training.train import free_folder

if TYPE_CHECKING:
    from engine.data.dataset import Dataset
    from engine.session import Emit, Session

NETWORK = "ensemble"
"""What stands in the place of a network's name in the record of an ensemble."""
MOST = 64
"""Members: all are in memory at the same time."""


def combine_runs(session: Session, command: CombineRuns, token: CancelToken, emit: Emit) -> None:
    """Answer CombineRuns. Ensembles among the runs stand for their members; each member counts once.

    Raises
    ------
    UserError
        If there are fewer than two, they do not answer with the same classes, one of them is damaged, or the project can only be read.
    Cancelled
        If it was cancelled; nothing is kept.
    """
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    members = _members([run_of(project, name) for name in command.runs], lambda name: run_of(project, name))
    title = tidy_title(command.title) if command.title.strip() else _title(members)
    folder = free_folder(project.runs_folder, NETWORK)
    dataset = data.from_snapshot(project.snapshot)
    record = _record(folder, title, members)
    emit(JobProgress(fraction=None, text="Loading the runs"))
    names = project.snapshot.class_names()
    run = load_ensemble(runs.named(record, names), folder, devices.choose("auto"), record.classes)
    record = _scored(record, run, dataset, token, emit)
    folder.mkdir(parents=True)
    try:
        runs.save_record(folder, record)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    session.tell_runs(project, emit)
    emit(TrainingFinished(record=runs.named(record, names)))


def load_ensemble(record: RunRecord, folder: Path, device: torch.device, trained_as: tuple[str, ...] = ()) -> LoadedRun:
    """Load an ensemble for classifying; called by `saved.load_run`.

    Parameters
    ----------
    record : RunRecord
        Of the ensemble; its members are looked for beside `folder`.
    folder : Path
        Of the ensemble; need not exist yet.
    device : torch.device
        Where all members lie.
    trained_as : tuple of str
        What the classes were called when the ensemble was made; by default as in the record.

    Raises
    ------
    UserError
        If a member is missing, damaged, itself an ensemble, or answers with other classes.
    """
    classes = trained_as or record.classes
    members: list[Member] = []
    for name in record.members:
        if not name or name.startswith(".") or Path(name).name != name or "\\" in name:
            raise UserError(f"The record of run {folder.name} makes no sense.", "Restore it from a copy.")
        try:
            if runs.load_record(folder.parent / name).members:
                raise UserError(f"The run {name} is an ensemble itself.", "Combine its members instead.")
            run = saved.load_run(folder.parent / name, device)
        except UserError as error:
            raise UserError(f'The ensemble "{record.title}" needs the run {name}. {error.message}', error.remedy) from None
        columns = columns_in(run.record, run.trained_as or run.classes, record, classes)
        if columns is None:
            text = f'The run {name} does not answer with the classes of the ensemble "{record.title}".'
            raise UserError(text, "Combine runs that were trained on the same classes.")
        members.append(Member(run, columns))
    normalise = Normalise(record.preprocessing, device)
    return LoadedRun(record, device, None, None, None, normalise, classes, tuple(members))


def columns_in(member: RunRecord, member_classes: tuple[str, ...], whole: RunRecord, classes: tuple[str, ...]) -> tuple[int, ...] | None:
    """For each class of `whole` its place among the member's, by ids where both have them, else by names; None where the sets differ.

    Parameters
    ----------
    member, whole : RunRecord
        Whose classes are compared.
    member_classes, classes : tuple of str
        What they were called when each was trained.
    """
    by_id = len(member.class_ids) == len(member.classes) and len(whole.class_ids) == len(whole.classes)
    theirs: tuple[int | str, ...] = member.class_ids if by_id else member_classes
    ours: tuple[int | str, ...] = whole.class_ids if by_id else classes
    if len(set(theirs)) != len(theirs) or set(theirs) != set(ours) or len(theirs) != len(ours):
        return None
    places = {which: place for place, which in enumerate(theirs)}
    return tuple(places[which] for which in ours)


def mean_of(members: tuple[Member, ...], pixels: np.ndarray, token: CancelToken) -> np.ndarray:
    """Mean of the members' probabilities, float32 [N, K], of pixels packed by the contracts of the ensemble.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    contracts = saved.contracts_of(members)
    parts = unpack(pixels, contracts)
    total = np.zeros((len(pixels), len(members[0].columns)), np.float64)
    for member in members:
        total += member.run.probabilities(parts[saved.place_of(member, contracts)], token)[:, list(member.columns)]
    mean: np.ndarray = (total / len(members)).astype(np.float32)
    return mean


def _members(chosen: list[RunRecord], find: Callable[[str], RunRecord]) -> list[RunRecord]:
    """The runs themselves, ensembles taken apart, each once."""
    found: dict[str, RunRecord] = {}
    for record in chosen:
        for member in [find(name) for name in record.members] or [record]:
            found[member.id] = member
    if len(found) < 2:
        raise UserError("An ensemble needs two runs or more.", "Choose another run as well.")
    if len(found) > MOST:
        raise UserError(f"{len(found)} runs are too many for one ensemble.", f"Choose at most {MOST}.")
    return list(found.values())


def _title(members: list[RunRecord]) -> str:
    titles = {member.title for member in members}
    return f"{len(members)} × {titles.pop()}" if len(titles) == 1 else f"Ensemble of {len(members)}"


def _record(folder: Path, title: str, members: list[RunRecord]) -> RunRecord:
    """What is known before anything is measured. Sums and common values of the members; stale as soon as one of them is."""
    first = members[0]
    raw = runs.load_record(first.folder)  # by the names that its classes had when it was trained
    precisions = {member.precision for member in members}
    return replace(
        raw,
        id=folder.name,
        network=NETWORK,
        title=title,
        created=runs.now(),
        outcome="completed",
        parameters=sum(member.parameters for member in members),
        epochs=0,
        steps=0,
        best_epoch=0,
        seconds=sum(member.seconds for member in members),
        images_per_second=0.0,
        train_loss=None,
        validation_accuracy=None,
        test_accuracy=None,
        precision=precisions.pop() if len(precisions) == 1 else "mixed",
        train_images=max(member.train_images for member in members),
        folder=str(folder),
        data_digest=next((member.data_digest for member in members if member.stale), first.data_digest),
        starred=False,
        note="",
        members=tuple(member.id for member in members),
        parent="",
        sweep="",
        resumable=False,
        begun_with="",
        frozen=False,
    )


def _scored(record: RunRecord, run: LoadedRun, dataset: Dataset, token: CancelToken, emit: Emit) -> RunRecord:
    """The record with accuracies on the validation and test pictures, as trained runs have them."""
    accuracies: dict[Split, float] = {}
    for split, word in ((Split.VALIDATION, "Validating"), (Split.TEST, "Testing")):
        rows = dataset.rows(split)
        if not len(rows):
            continue

        def progress(done: int, total: int, word: str = word) -> None:
            emit(JobProgress(fraction=done / total, text=f"{word}: {done:,} of {total:,} pictures"))

        evaluation, unread = measured(run, dataset, rows, token, split, progress)
        accuracies[split] = evaluation.accuracy
        if unread:
            emit(Notice(level="warning", text=f"{unread:,} {split.name.lower()} pictures could not be read and are left out."))
        if evaluation.seen_in_training:
            emit(Notice(level="warning", text=seen.warning(evaluation.seen_in_training, len(evaluation.labels))))
    return replace(record, validation_accuracy=accuracies.get(Split.VALIDATION), test_accuracy=accuracies.get(Split.TEST))
