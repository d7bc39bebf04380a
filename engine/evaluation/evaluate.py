"""The command Evaluate: a run measured on one split; also for the headless command, without a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from engine import device as devices
from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.contracts import pack
from engine.data.dataset import Dataset
from engine.evaluation import metrics
from engine.failure import UserError
from engine.messages import Evaluate, EvaluationReady, JobProgress, Notice
from engine.project.records import Evaluation, Split
from engine.training import seen
from engine.training.saved import LoadedRun, load_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.session import Emit, Session

CHUNK = 1024  # pictures between two words on progress


def evaluate(session: Session, command: Evaluate, token: CancelToken, emit: Emit) -> None:
    """Answer Evaluate with the labels of this moment.

    Raises
    ------
    UserError
        If the run is damaged, its classes are not the project's, or the split is empty.
    Cancelled
        If it was cancelled.
    """
    project = session.opened()
    dataset = data.from_snapshot(project.snapshot)
    rows = dataset.rows(command.split)
    if not len(rows):
        raise UserError(f"No picture is in the {command.split.name.lower()} split.", "Label more pictures, or choose another split.")

    def progress(done: int, total: int) -> None:
        emit(JobProgress(fraction=done / total, text=f"Measuring: {done:,} of {total:,} pictures"))

    run = load_run(project.runs_folder / Path(command.run).name, _device_of_choice())
    evaluation, unread = measured(run, dataset, rows, token, command.split, progress)
    if unread:
        emit(Notice(level="warning", text=f"{unread:,} pictures could not be read and are left out."))
    if evaluation.seen_in_training and command.split is not Split.TRAIN:
        emit(Notice(level="warning", text=seen.warning(evaluation.seen_in_training, len(evaluation.labels))))
    emit(EvaluationReady(evaluation=evaluation))


def evaluate_run(run_folder: str | Path, dataset: Dataset, rows: np.ndarray, token: CancelToken, split: Split = Split.TEST) -> Evaluation:
    """Measure a run on some rows of a dataset.

    Parameters
    ----------
    run_folder : str or Path
        Of the run.
    dataset : Dataset
        Its classes are matched to the run's by name; pictures of other classes count as errors of classes that the run does not know,
        which is refused.
    rows : int64 [n]
        Which pictures; unreadable ones are left out.
    token : CancelToken
        Checked at every chunk.
    split : Split
        As which the evaluation is labelled.

    Raises
    ------
    UserError
        If the run is damaged, the data have classes that it does not know, or no picture can be read.
    Cancelled
        If the token was cancelled.
    """
    return measured(load_run(run_folder, _device_of_choice()), dataset, rows, token, split, lambda _done, _total: None)[0]


def measured(
    run: LoadedRun, dataset: Dataset, rows: np.ndarray, token: CancelToken, split: Split, progress: Callable[[int, int], None]
) -> tuple[Evaluation, int]:
    """As `evaluate_run`, with a run that is loaded already; gives also the number of pictures that could not be read."""
    labels = _labels_of_run(dataset, rows, run)
    parts, ok = [], np.ones(len(rows), np.bool_)
    for contract in run.contracts:
        part, _, fine = data.decode(dataset, rows, contract, token, progress)
        parts.append(part)
        ok &= fine
    pixels, unread = pack(parts), len(rows) - int(ok.sum())
    if unread:
        pixels, rows, labels = pixels[ok], rows[ok], labels[ok]
    if not len(rows):
        raise UserError("None of these pictures can be read.", "Check that the files are still where they were.")
    answers = []
    for start in range(0, len(rows), CHUNK):
        answers.append(run.probabilities(pixels[start : start + CHUNK], token))
        progress(min(start + CHUNK, len(rows)), len(rows))
    evaluation = summarise(run.record.id, split, run.classes, dataset.images[rows], labels, np.concatenate(answers))
    known = run.trained_on(pixels, token)
    return replace(evaluation, seen_in_training=None if known is None else int(known.sum())), unread


def summarise(run: str, split: Split, classes: tuple[str, ...], images: np.ndarray, labels: np.ndarray, shares: np.ndarray) -> Evaluation:
    """All figures from labels int64 [N] and probabilities float32 [N, K]."""
    predicted = shares.argmax(axis=1).astype(np.int64)
    confusion = metrics.confusion_matrix(labels, predicted, len(classes))
    losses = metrics.cross_entropy(shares, labels)
    precision, recall, f1, support = metrics.per_class(confusion)
    return Evaluation(
        run=run,
        split=split,
        classes=classes,
        images=images,
        labels=labels,
        predicted=predicted,
        probabilities=shares,
        losses=losses,
        confusion=confusion,
        accuracy=metrics.accuracy(confusion),
        interval=metrics.wilson_interval(int(np.trace(confusion)), len(labels)),
        loss=float(losses.mean(dtype=np.float64)),
        top5=metrics.top_k(shares, labels, 5) if len(classes) >= 5 else None,
        precision=tuple(precision),
        recall=tuple(recall),
        f1=tuple(f1),
        support=tuple(support),
        calibration_error=metrics.calibration_error(shares, labels),
    )


def _labels_of_run(dataset: Dataset, rows: np.ndarray, run: LoadedRun) -> np.ndarray:
    """Labels as indices of the run's classes, by the names of now, or else by those that it was trained with."""
    index = {name: number for names in (run.trained_as, run.classes) for number, name in enumerate(names)}
    used = np.unique(dataset.labels[rows])
    unknown = [dataset.classes[number] for number in used if dataset.classes[number] not in index]
    if unknown:
        raise UserError(f'The run does not know the class "{unknown[0]}".', "Train again, or choose data with the classes of the run.")
    table = np.array([index.get(name, -1) for name in dataset.classes], np.int64)
    labels: np.ndarray = table[dataset.labels[rows]]
    return labels


def _device_of_choice() -> str:
    return str(devices.choose("auto"))
