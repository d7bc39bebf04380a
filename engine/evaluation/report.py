"""The command WriteReport: a run as one HTML file with its figures inside. It needs no network and runs no script."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from engine import device as devices
from engine.control import CancelToken
from engine.data import dataset as data
from engine.data import locators
from engine.data.dataset import Dataset
from engine.data.decoding import UnreadablePicture
from engine.evaluation import report_figures as figures
from engine.evaluation import report_parts as html
from engine.evaluation.evaluate import measured
from engine.failure import UserError, describe
from engine.messages import JobProgress, ReportWritten, WriteReport
from engine.networks import files
from engine.networks.resolve import analysis_of
from engine.project import runs
from engine.project.records import Evaluation, RunRecord, Split
from engine.project.run_changes import run_of
from engine.project.snapshot import Snapshot
from engine.training import sizes
from engine.training.differences import recipe_in_words
from engine.training.saved import NETWORK, load_run

if TYPE_CHECKING:
    from engine.session import Emit, Session

WORST = 24  # mistakes that are shown with their pictures
SPLIT_WORDS = {Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test"}
FAILURES = (UserError, OSError, RuntimeError, ValueError, LookupError, MemoryError)
"""What a part may fail with; the report says so in that part's place. Anything else is a mistake of ours, and the command fails."""

Part = tuple[str, Callable[[], str]]


class Subject(NamedTuple):
    """What a report is about: the run, all runs of its project, and the pictures as they are now."""

    record: RunRecord
    others: tuple[RunRecord, ...]
    snapshot: Snapshot
    project: str


def write_report(session: Session, command: WriteReport, token: CancelToken, emit: Emit) -> None:
    """Answer WriteReport, with the pictures and labels of this moment.

    Raises
    ------
    UserError
        If there is no such run.
    OSError
        If the file cannot be written; one that was there before stays.
    Cancelled
        If it was cancelled; nothing is written.
    """
    project = session.opened()
    record = run_of(project, command.run)
    path = Path(command.path).absolute()
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent}.", "Choose a folder that exists.")
    subject = Subject(record, project.runs(), project.snapshot, project.record.name)
    text = report(subject, token, emit)
    token.check()
    runs.write_whole(path, text.encode("utf-8", "replace"))
    emit(ReportWritten(run=command.run, path=str(path)))


def report(subject: Subject, token: CancelToken, emit: Emit) -> str:
    """The whole file as text. A part that fails is told of in its place.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    dataset = data.from_snapshot(subject.snapshot)
    split = next((split for split in (Split.TEST, Split.VALIDATION, Split.TRAIN) if len(dataset.rows(split))), Split.NONE)
    parts: list[Part] = [
        ("Data", lambda: _data(subject, dataset)),
        ("Network", lambda: _network(subject)),
        ("Recipe", lambda: _recipe(subject)),
        ("Learning", lambda: _curves(subject.record)),
        (f"On the {SPLIT_WORDS.get(split, 'labelled')} pictures", lambda: _measured(subject.record, dataset, split, token, emit)),
        ("Surroundings", lambda: _surroundings(subject.record)),
    ]
    written: list[str] = []
    for number, (title, make) in enumerate(parts):
        token.check()
        emit(JobProgress(fraction=number / len(parts), text=f"Report: {title}"))
        try:
            body = make()
        except FAILURES as error:
            body = html.failed(describe(error))
        written.append(html.section(title, body))
    return html.document(subject.record.title, _head(subject), written)


def _head(subject: Subject) -> str:
    record = subject.record
    large = [
        ("Test accuracy", html.share(record.test_accuracy)),
        ("Validation accuracy", html.share(record.validation_accuracy)),
        ("Parameters", f"{record.parameters:,}" if record.parameters else "–"),
        ("Training", html.duration(record.seconds)),
    ]
    ends = {"cancelled": "stopped early", "failed": "failed", "interrupted": "interrupted", "running": "still being trained"}
    facts = [f"run {record.id} of project {subject.project}", html.date(record.created)]
    facts += [ends[record.outcome]] if record.outcome in ends else []
    facts += ["the labelled pictures were changed since it was trained"] if record.stale else []
    return html.head(facts, large, record.note)


def _data(subject: Subject, dataset: Dataset) -> str:
    counts = np.zeros((len(dataset.classes), 4), np.int64)
    np.add.at(counts, (dataset.labels, dataset.splits.astype(np.int64)), 1)
    body = html.table(
        ("Class", "Training", "Validation", "Test", "All"),
        [
            (name, *(f"{number:,}" for number in (row[Split.TRAIN], row[Split.VALIDATION], row[Split.TEST], row.sum())))
            for name, row in zip(dataset.classes, counts, strict=True)
        ],
        total=("All", *(f"{number:,}" for number in (*counts.sum(axis=0)[1:].tolist(), int(counts.sum())))),
    )
    now = (
        "" if not subject.record.stale else html.paragraph("These are the pictures as they are now, not as they were when it was trained.")
    )
    record, trained = subject.record, ""
    if record.train_images:
        batch = f" ({sizes.words(record.recipe, record.train_images)})" if record.steps else ""
        trained = f"It was trained on {record.train_images:,} pictures{batch}."
    return now + html.paragraph(trained) + body


def _network(subject: Subject) -> str:
    record = subject.record
    if record.members:
        by_id = {run.id: run for run in subject.others}
        rows = []
        for name in record.members:
            run = by_id.get(name)
            if run is None:
                rows.append((name, "missing", "", ""))
            else:
                rows.append((run.title, name, html.share(run.validation_accuracy), html.share(run.test_accuracy)))
        words = f"The mean of the probabilities of {len(record.members)} runs."
        return html.paragraph(words) + html.table(("Run", "Id", "Validation", "Test"), rows, words=2)
    path = Path(record.folder) / NETWORK
    if not path.is_file() and not record.parameters:
        k, distance = record.recipe.neighbours, record.recipe.distance.upper()
        return html.paragraph(f"{record.title}: the {k} nearest training pictures by {distance} distance vote. It has no layers.")
    analysis = analysis_of(files.load_any(path))
    layers = [
        (row.name, row.kind, row.detail, " × ".join(map(str, row.output)), f"{row.parameters:,}" if row.parameters else "")
        for row in analysis.layers
    ]
    begun = f" It began with {record.begun_with}." if record.begun_with else ""
    frozen = " Only its last layer learned." if record.frozen else ""
    words = f"{record.network}: {analysis.parameters:,} parameters, {analysis.multiply_adds:,} multiply-adds a picture.{begun}{frozen}"
    drawing = figures.drawing([(f"{row.name}: {row.kind} {row.detail}", row.kind, row.output) for row in analysis.layers])
    return (
        html.paragraph(words) + drawing + html.folded("Layers", html.table(("Layer", "Kind", "", "Output", "Parameters"), layers, words=4))
    )


def _recipe(subject: Subject) -> str:
    titles = {run.id: run.title for run in subject.others}
    body = html.pairs(recipe_in_words(subject.record, titles))
    goes_on = subject.record.parent
    return (html.paragraph(f"It goes on from {titles.get(goes_on, goes_on)}.") if goes_on else "") + body


def _curves(record: RunRecord) -> str:
    if not record.steps:
        return html.paragraph("It did not learn in steps, so there are no curves.")
    history = runs.load_history(record.folder)
    steps = np.arange(1, len(history.step_losses) + 1)
    plots = []
    for name, unit, by_step, train, validation, scale in (
        ("Loss", "nats", history.step_losses, history.train_losses, history.validation_losses, 1.0),
        ("Accuracy", "%", history.step_accuracies, history.train_accuracies, history.validation_accuracies, 100.0),
    ):
        series = (
            figures.Series("a step", "thin", steps, by_step * scale),
            figures.Series("training", "train", history.epoch_steps, train * scale),
            figures.Series("validation", "bold", history.epoch_steps, validation * scale),
        )
        plots.append(figures.plot(f"{name} ({unit})", "training step", series))
    best = f"The weights of epoch {record.best_epoch:,} of {record.epochs:,} are kept." if record.best_epoch else ""
    return "".join(plots) + html.paragraph(best)


def _measured(record: RunRecord, dataset: Dataset, split: Split, token: CancelToken, emit: Emit) -> str:
    if split is Split.NONE:
        return html.paragraph("No picture has a label now.")
    run = load_run(record.folder, devices.choose("auto"))

    def progress(done: int, total: int) -> None:
        emit(JobProgress(fraction=done / total, text=f"Report: measuring {done:,} of {total:,} pictures"))

    found, unread = measured(run, dataset, dataset.rows(split), token, split, progress)
    low, high = found.interval
    words = [f"Accuracy {html.share(found.accuracy)} (95 %: {html.share(low)} to {html.share(high)}) on {len(found.labels):,} pictures."]
    words.append(f"Loss {found.loss:.4f} nats, calibration error {html.share(found.calibration_error)}.")
    if found.top5 is not None:
        words.append(f"The class is among the five most probable for {html.share(found.top5)}.")
    if unread:
        words.append(f"{unread:,} pictures could not be read and are left out.")
    if found.seen_in_training and split is not Split.TRAIN:
        words.append(f"The run was trained on {found.seen_in_training:,} of them: the figures flatter it.")
    if split is not Split.TEST:
        words.append("There are no test pictures; figures on pictures that were looked at before flatter the run.")
    return (
        html.paragraph(" ".join(words))
        + html.confusion(found.classes, found.confusion)
        + html.classes(found)
        + _worst(found, dataset, record, token)
    )


def _worst(found: Evaluation, dataset: Dataset, record: RunRecord, token: CancelToken) -> str:
    wrong = np.flatnonzero(found.predicted != found.labels)
    if not len(wrong):
        return html.subsection("Mistakes", html.paragraph("None."))
    order = wrong[np.argsort(-found.losses[wrong], kind="stable")][:WORST]
    row_of = {int(image): row for row, image in enumerate(dataset.images.tolist())}
    cards = []
    for place in order.tolist():
        token.check()
        row = row_of[int(found.images[place])]
        label, said = found.classes[found.labels[place]], found.classes[found.predicted[place]]
        sure = float(found.probabilities[place, found.predicted[place]])
        try:
            picture = html.thumbnail(locators.read_located(dataset.locators[row], dataset.root, record.preprocessing.ground))
        except UnreadablePicture as error:
            picture = html.failed(describe(error))
        cards.append(html.card(picture, f"{label}, said {said} ({html.share(sure)})"))
    count = f"{len(wrong):,} of {len(found.labels):,}" + (f", the {len(order)} worst first" if len(wrong) > len(order) else ", worst first")
    return html.subsection(f"Mistakes: {count}", html.cards(cards))


def _surroundings(record: RunRecord) -> str:
    speed = f"{record.images_per_second:,.0f} pictures/s" if record.images_per_second else "–"
    return html.pairs(
        (
            ("device", record.device),
            ("CPU threads", str(record.threads)),
            ("precision", ", ".join(filter(None, (record.precision, record.compiled)))),
            ("training", f"{record.seconds:,.1f} s, without evaluation and start-up"),
            ("speed", speed),
            ("trained", html.date(record.created)),
            ("report written", html.date(runs.now())),
            ("torch of the report", torch.__version__),
            ("Python of the report", platform.python_version()),
            ("system of the report", f"{platform.system()} {platform.machine()}"),
        )
    )
