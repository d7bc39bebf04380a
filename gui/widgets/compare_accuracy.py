"""Accuracy against complexity: ImageNet as published, or the runs of this project; never both on one axis."""

from __future__ import annotations

from typing import Any, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.networks import zoo
from engine.networks.published import IMAGENET_1K, PERSON, PUBLISHED, Published
from engine.project.records import RunRecord
from gui import comparing
from gui.comparing import Quantity
from gui.state import AppState
from gui.theme import colours, px
from gui.widgets.basics import count, label, percent
from gui.widgets.chip_switch import ChipSwitch
from gui.widgets.compare_plot import ComplexityPlot, Point
from gui.widgets.idle_work import IdleWork

FAMILY_TONES = {"convolutional": 0, "residual": 1, "inception": 2, "transformer": 3}


class AccuracyView(QWidget):
    """Switches above a plot.

    Signals
    -------
    run_clicked(str)
        The point of a run.
    """

    run_clicked = Signal(str)

    def __init__(self, work: IdleWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._state = AppState()
        self._compared: tuple[str, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        row = QHBoxLayout()
        row.setSpacing(px(16))
        self.whose = ChipSwitch(
            (("published", self.tr("ImageNet, published"), ""), ("runs", self.tr("This project's runs"), "")), self.tr("Whose accuracy")
        )
        self.quantity = ChipSwitch(
            (("parameters", self.tr("Parameters"), ""), ("multiply_adds", self.tr("Multiply-adds"), "")), self.tr("Measure of complexity")
        )
        self.error = ChipSwitch(
            (
                ("top1", self.tr("Top-1"), self.tr("The first answer is wrong")),
                ("top5", self.tr("Top-5"), self.tr("None of the first five answers is right")),
            ),
            self.tr("Which error"),
        )
        for switch in (self.whose, self.quantity, self.error):
            switch.chosen.connect(lambda _: self.draw())
            row.addWidget(switch)
        row.addStretch(1)
        column.addLayout(row)
        self.plot = ComplexityPlot()
        self.plot.point_clicked.connect(lambda key: self.run_clicked.emit(key))
        column.addWidget(self.plot, 1)
        self.caption = label("", "caption", wrap=True)
        column.addWidget(self.caption)

    def show_state(self, state: AppState, compared: tuple[str, ...]) -> None:
        """Follow the runs, and ring what is compared."""
        self._state, self._compared = state, compared
        self.draw()

    def draw(self) -> None:
        """Draw what is known; what is not is worked out while nothing else happens."""
        if not self.isVisible():
            return
        published = self.whose.value == "published"
        self.error.setVisible(published)
        quantity = cast(Quantity, self.quantity.value)
        x_title = self.tr("parameters") if quantity == "parameters" else self.tr("multiply-adds a picture")
        if published:
            self._draw_published(quantity, x_title)
        else:
            self._draw_runs(quantity, x_title)

    # ------------------------------------------------------------ as published

    def _draw_published(self, quantity: Quantity, x_title: str) -> None:
        which = self.error.value
        points, absent, ensembles = [], [], []
        for record in PUBLISHED:
            value = record.top1 if which == "top1" else record.top5
            if value is None:
                continue
            if record.setting == "ensemble":
                ensembles.append(f"{record.title} {value:g}")
                continue
            worked = self._work.get(("published", record), lambda found=record: comparing.work_out_published(self._state, found))
            if worked is None:
                absent.append(f"{record.title} {value:g}")
            elif worked is not IdleWork.PENDING:
                points.append(self._published(record, value, comparing.cost(worked, quantity), x_title))
        words = self.tr("top-1 error (%)") if which == "top1" else self.tr("top-5 error (%)")
        self.plot.set_empty_text("…" if self._work.waiting else self.tr("The zoo has none of the networks that errors were published of."))
        self.plot.set_points(tuple(points), x_title, words, (0.0, 100.0))
        person = self.tr("a person: about {error:.0f} %").format(error=PERSON.top5)
        self.plot.set_level(PERSON.top5 if which == "top5" else None, person)
        header = ("network", x_title, "top-1 error (%)", "top-5 error (%)", "setting", "split", "trained on", "source")
        placed = {point.name for point in points}
        self.plot.set_table(header, tuple(_row(record, None) for record in (*PUBLISHED, PERSON) if not _is_placed(record, placed)))
        text = self.tr("Single networks, as published: crops, scales and pictures learned from differ. Work is that of one crop.")
        if absent:
            text += " " + self.tr("Not in the zoo: {names}.").format(names=", ".join(absent))
        if ensembles:
            text += " " + self.tr("Ensembles, test pictures: {names}.").format(names=", ".join(ensembles))
        if which == "top5":
            text += " " + self.tr("Person: {source}.").format(source=PERSON.source)
        self.caption.setText(text)

    def _published(self, record: Published, value: float, cost: int, x_title: str) -> Point:
        family = zoo.card(record.network).family
        more = record.trained_on != IMAGENET_1K
        tones = colours().curves
        errors = [text.format(error) for text, error in (("top-1 {:g} %", record.top1), ("top-5 {:g} %", record.top5)) if error is not None]
        tip = "\n".join(
            (
                f"{record.title} ({record.year})",
                self.tr("error: {errors}, {split} pictures").format(errors=", ".join(errors), split=record.split),
                f"{count(cost)} {x_title}",
                self.tr("learned from {pictures}").format(pictures=record.trained_on),
                record.source,
            )
        )
        return Point(
            key=None,
            name=record.title,
            x=float(cost),
            y=value,
            colour=tones[FAMILY_TONES.get(family, 6)],
            group=f"{family}, {self.tr('learned from more pictures')}" if more else family,
            marker="diamond" if more else "circle",
            tip=tip,
            ringed=record.network in self._compared,
            row=_row(record, cost),
        )

    # ------------------------------------------------------------ this project's runs

    def _draw_runs(self, quantity: Quantity, x_title: str) -> None:
        points, left_out = [], 0
        runs = [run for run in self._state.runs if run.validation_accuracy is not None]
        tones = colours().curves
        places = {name: place for place, name in enumerate(dict.fromkeys(run.network for run in reversed(runs)))}
        for run in runs:
            cost = self._cost_of(run, quantity)
            if cost is IdleWork.PENDING:
                continue
            if not cost:
                left_out += 1
                continue
            points.append(self._run(run, cost, x_title, tones[places[run.network] % len(tones)]))
        measured = self.tr("Train a network, and its accuracy on the validation pictures stands here against what it costs.")
        self.plot.set_empty_text("…" if self._work.waiting else measured)
        self.plot.set_level(None)
        self.plot.set_points(tuple(points), x_title, self.tr("validation accuracy (%)"), (0.0, 100.5))
        self.plot.set_table(("run", "network", x_title, "validation accuracy (%)", "created"))
        text = self.tr("Runs of this project on its validation pictures; click one to look at it.") if points else ""
        if left_out:
            words = self.tr("{number} left out: without layers, or of a network that has changed since.").format(number=left_out)
            text = f"{text} {words}".strip()
        self.caption.setText(text)

    def _cost_of(self, run: RunRecord, quantity: Quantity) -> Any:
        if quantity == "parameters":
            return run.parameters
        worked = self._work.get(("run", run.id), lambda: comparing.work_out_run(self._state, run))
        return worked if worked is IdleWork.PENDING else worked.multiply_adds if worked is not None else 0

    def _run(self, run: RunRecord, cost: int, x_title: str, tone: str) -> Point:
        accuracy = run.validation_accuracy or 0.0
        size = f"{run.preprocessing.height} × {run.preprocessing.width}"
        epochs = self.tr("{number} epochs").format(number=run.epochs)
        tip = "\n".join((f"{run.title}, {run.created[:16].replace('T', ' ')}", f"{percent(accuracy, 2)} · {size} px · {epochs}"))
        selected = self._state.run
        return Point(
            key=run.id,
            name=run.title,
            x=float(cost),
            y=100 * accuracy,
            colour=tone,
            group=run.title,
            tip=f"{tip}\n{count(cost)} {x_title}",
            ringed=selected is not None and selected.id == run.id,
            row=(run.id, run.network, cost, f"{100 * accuracy:.6g}", run.created),
        )


def _row(record: Published, cost: int | None) -> tuple[object, ...]:
    figures = ("" if value is None else value for value in (cost, record.top1, record.top5))
    return (record.title, *figures, record.setting, record.split, record.trained_on, record.source)


def _is_placed(record: Published, placed: set[str]) -> bool:
    return record.setting == "single" and record.title in placed
