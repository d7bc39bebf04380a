"""The runs of a project: what each reached, in what it differs from the others, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from PySide6.QtCore import QLocale, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QMenu, QWidget

from engine.messages import CombineRuns, Command, DeleteRun, EditRun, ResumeRun
from engine.project.records import RunRecord
from engine.training import sizes
from engine.training.differences import differences, learned_nothing
from gui.run_names import run_names
from gui.theme import px
from gui.widgets.basics import count, duration, percent
from gui.widgets.figures_table import Column, FiguresTable, Line
from gui.widgets.run_row import RunRow

RUN, STAR, VALIDATION, TEST, DIFFERS, TIME, PARAMETERS, NETWORK, DATE, NOTE, STATE = range(11)
WIDEST = {RUN: 260, DIFFERS: 280, STATE: 200}
"""Pixels of columns whose words may be long."""
FILLED, HOLLOW = "★", "☆"


def date_words(created: str) -> str:
    """A run's time in this computer's zone and language; as it stands where it is none."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return created
    return QLocale().toString(moment.astimezone().replace(tzinfo=None), QLocale.FormatType.ShortFormat)


class RunList(FiguresTable):
    """Newest first, until one sorts.

    Signals
    -------
    wanted(Command)
        What shall be done, ready to be submitted: EditRun, DeleteRun, CombineRuns, ResumeRun.
    compare_wanted(tuple of str), report_wanted(str), pack_wanted(str), folder_wanted(str), open_wanted(str), fork_wanted(str)
        Ids of runs: to be compared; to be written as a report; to be packed for another machine; whose folder shall be shown; to be looked
        at closely; whose weights another run shall begin with.
    add_wanted
        A run from elsewhere shall be added.
    """

    wanted = Signal(object)
    compare_wanted = Signal(tuple)
    report_wanted = Signal(str)
    pack_wanted = Signal(str)
    add_wanted = Signal()
    folder_wanted = Signal(str)
    open_wanted = Signal(str)
    fork_wanted = Signal(str)
    sweep_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._runs: dict[str, RunRecord] = {}
        self._pending: tuple[tuple[RunRecord, ...], Mapping[str, str], bool, str, str] | None = None
        self._training = self._looked_at = ""
        self._names: Mapping[str, str] = {}
        self._writable = True
        self.recipe_words = self.tr("recipe as chosen")
        super().__init__(
            (
                Column(self.tr("Run"), figure=False, tip=self.tr("Tick to see its curves; F2 renames")),
                Column(FILLED, lambda on: FILLED if on else HOLLOW, figure=False, tip=self.tr("Click to star (S)")),
                Column(self.tr("Validation"), percent, tip=self.tr("Accuracy on the validation pictures, of the weights that are kept")),
                Column(self.tr("Test"), percent, tip=self.tr("Accuracy on the test pictures")),
                Column(
                    self.tr("What differs"), figure=False, tip=self.tr("In what its recipe differs from those of the network's other runs")
                ),
                Column(self.tr("Time"), duration, tip=self.tr("Training alone; of an ensemble: of all its members")),
                Column(self.tr("Parameters"), count, tip=self.tr("Of an ensemble: of all its members")),
                Column(self.tr("Network"), figure=False),
                Column(self.tr("Date"), date_words, figure=False),
                Column(self.tr("Note"), figure=False, tip=self.tr("F2 writes one")),
                Column(self.tr("State"), figure=False, tip=self.tr("What one should know of a run")),
            ),
            wide=NOTE,
            parent=parent,
        )
        self.setAccessibleName(self.tr("Runs"))
        self.setMinimumHeight(px(92))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setItemDelegate(RunRow({RUN: 240, NOTE: 480}, self.asks_for, self))
        self.horizontalHeader().moveSection(STATE, RUN + 1)
        self.line_edited.connect(self._edited)
        self.doubleClicked.connect(self._double_clicked)

    # ------------------------------------------------------------ showing

    def show_runs(
        self, runs: tuple[RunRecord, ...], colours: Mapping[str, str], writable: bool = True, training: str = "", looked_at: str = ""
    ) -> None:
        """Show runs; those in `colours` are ticked and have their curve's colour. What is being typed is not disturbed.

        `training` is the run that is being trained now, whose record may be from before it was resumed; `looked_at` is the one that is
        shown beside the list.
        """
        if self.state() is QAbstractItemView.State.EditingState:
            self._pending = runs, colours, writable, training, looked_at
            return
        self._pending, self._writable = None, writable
        self._training, self._looked_at, self._names = training, looked_at, run_names(runs)
        self._runs = {run.id: run for run in runs}
        current, chosen = self.key_at(self.currentIndex()), self.chosen()
        differ = differences(runs, self._names)
        self.setColumnHidden(STATE, not any(map(self.marks, runs)))
        self.set_lines([self._line(run, colours.get(run.id, ""), differ[run.id]) for run in runs])
        if current in self._runs and self.key_at(self.currentIndex()) != current:
            self.select(current)
        if len(chosen) > 1 and self.chosen() != chosen:
            self._choose(chosen)

    def sizeHintForColumn(self, column: int) -> int:
        hint = super().sizeHintForColumn(column) + (px(36) if column == 0 else 0)  # the tick, which Qt's hint leaves out
        if self.isColumnHidden(column):
            return 0
        if column == RUN:  # a narrow list still has its first figure beside the names
            return min(hint, px(WIDEST[RUN]), max(px(140), self.viewport().width() // 2))
        return min(hint, px(WIDEST[column])) if column in WIDEST else hint

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        super().closeEditor(editor, hint)
        if self._pending is not None:
            self.show_runs(*self._pending)

    def _choose(self, keys: list[Any]) -> None:
        model = self.selectionModel()
        flags = model.SelectionFlag.Select | model.SelectionFlag.Rows
        for row in range(self.model().rowCount()):
            index = self.model().index(row, 0)
            if self.key_at(index) in keys:
                model.select(index, flags)

    def _line(self, run: RunRecord, colour: str, differ: tuple[str, ...]) -> Line:
        marks = self.marks(run)
        size = f"{run.preprocessing.height} × {run.preprocessing.width}"
        values = (
            self._names[run.id],
            run.starred,
            run.validation_accuracy,
            run.test_accuracy,
            ", ".join(differ) or "–",
            run.seconds,
            run.parameters or None,
            run.network,
            run.created,
            run.note.replace("\n", " "),
            ", ".join(marks),
        )
        tip = "\n".join(
            line
            for line in (
                f"{run.title} ({run.id})",
                self.tr("is shown at the right") if run.id == self._looked_at else "",
                ", ".join(marks),
                ", ".join(differ),
                self._facts(run, size),
                date_words(run.created),
                run.note,
            )
            if line
        )
        texts = {RUN: run.title, NOTE: run.note.replace("\n", " ")} if self._writable else {}
        ticked = bool(colour) if run.steps else None
        return Line(run.id, values, colour=colour, tip=tip, ticked=ticked, texts=texts, bold=run.id == self._looked_at)

    def _facts(self, run: RunRecord, size: str) -> str:
        facts = [f"{size} px", self.tr("{number} parameters").format(number=count(run.parameters))]
        if run.epochs:
            facts.append(self.tr("{epochs} epochs, best {best}").format(epochs=count(run.epochs), best=count(run.best_epoch)))
        if run.steps and run.train_images and not run.members:
            facts.append(sizes.words(run.recipe, run.train_images))
        if run.images_per_second:
            facts.append(self.tr("{speed} pictures/s").format(speed=count(round(run.images_per_second))))
        return ", ".join(fact for fact in (*facts, run.device, run.precision, run.compiled) if fact)

    def can_go_on(self, run: RunRecord) -> bool:
        """Whether a training that ended early can be resumed from here."""
        return run.id != self._training and run.resumable and run.outcome in ("cancelled", "failed", "interrupted")

    def has_weights(self, run: RunRecord) -> bool:
        """Whether another run can begin with what this one learned."""
        return run.steps > 0 and not run.members and run.outcome != "running" and run.id != self._training

    def can_train_anew(self, run: RunRecord) -> bool:
        """Whether its network could be trained elsewhere from the beginning."""
        return bool(run.parameters) and not run.members and run.outcome != "running"

    def marks(self, run: RunRecord) -> list[str]:
        """What one should know of a run, in a word each."""
        found = []
        words = self.tr("ensemble of {0}").format(len(run.members))
        if run.members and words not in run.title.lower():
            found.append(words)
        ended = {
            "running": self.tr("is being trained"),
            "cancelled": self.tr("stopped"),
            "failed": self.tr("failed"),
            "interrupted": self.tr("interrupted"),
        }.get("running" if run.id == self._training else run.outcome)
        if ended is not None and run.id != self._training and learned_nothing(run):
            ended = self.tr("{0} at step 0").format(ended)
        if ended is not None:
            found.append(self.tr("{0}, can go on").format(ended) if self.can_go_on(run) else ended)
        if run.stale:
            found.append(self.tr("labels changed since"))
        return found

    # ------------------------------------------------------------ deeds

    def _edited(self, run: str, column: int, text: str) -> None:
        self.want(EditRun(run, title=text) if column == RUN else EditRun(run, note=text))

    def want(self, command: Command) -> None:
        """Ask for something to be done, where the project can be written."""
        if self._writable:
            self.wanted.emit(command)

    def said_of(self, run: str) -> str:
        """A line about a run, for where the columns of its state and note are scrolled out of sight; "" for nothing to say."""
        record = self._runs.get(run)
        said = [*self.marks(record), record.note.replace("\n", " ").strip()] if record is not None else []
        said = [words for words in said if words]
        return " · ".join((self._names[run], *said)) if said else ""

    def asks_for(self, index: QModelIndex | QPersistentModelIndex) -> str:
        """What an empty editor says."""
        run = self._runs[self.key_at(index)]
        return self.tr("Note to {run}").format(run=run.title) if index.column() == NOTE else self.tr("Name of {run}").format(run=run.id)

    def rename(self) -> None:
        """Type another name in the place of the current run's."""
        self.edit(self.currentIndex().siblingAtColumn(RUN))

    def write_note(self) -> None:
        """Type a note to the current run."""
        self.edit(self.currentIndex().siblingAtColumn(NOTE))

    def star(self, runs: list[str]) -> None:
        """Star runs, or take the stars away where all have one."""
        on = not all(self._runs[run].starred for run in runs)
        for run in runs:
            if self._runs[run].starred != on:
                self.want(EditRun(run, starred=on))

    def delete(self, runs: list[str]) -> None:
        """Delete runs, ensembles first, which need others."""
        for run in sorted(runs, key=lambda run: not self._runs[run].members):
            self.want(DeleteRun(run))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index: QModelIndex = self.indexAt(event.position().toPoint())
        plain = event.button() is Qt.MouseButton.LeftButton and event.modifiers() == Qt.KeyboardModifier.NoModifier
        if plain and index.isValid() and index.column() == STAR:
            self.star([self.key_at(index)])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.state() is QAbstractItemView.State.EditingState:  # a key that the editor let through, as it does with Return
            event.accept()
            return
        runs = self.chosen()
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if runs and plain and event.key() == Qt.Key.Key_F2:
            self.write_note() if self.currentIndex().column() == NOTE else self.rename()
        elif runs and plain and event.key() == Qt.Key.Key_S:
            self.star(runs)
        elif runs and plain and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete(runs)
        elif runs and plain and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_wanted.emit(self.key_at(self.currentIndex()))
        else:
            super().keyPressEvent(event)

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.column() != STAR:
            self.open_wanted.emit(self.key_at(index))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu_for(self.chosen())
        menu.popup(event.globalPos())

    def menu_for(self, runs: list[str]) -> QMenu:
        """What can be done with runs."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if runs:
            self._fill(menu, runs)
            menu.addSeparator()
        menu.addAction(self.tr("Add a run…"), self.add_wanted.emit).setEnabled(self._writable)
        self.add_actions(menu)
        return menu

    def _fill(self, menu: QMenu, runs: list[str]) -> None:
        one, several = len(runs) == 1, len(runs) > 1
        starred = all(self._runs[run].starred for run in runs)
        entries = (
            (self.tr("Check\tReturn"), lambda: self.open_wanted.emit(runs[0]), one),
            (self.tr("Go on"), lambda: self.want(ResumeRun(runs[0])), one and self._writable and self.can_go_on(self._runs[runs[0]])),
            (self.tr("Show its sweep"), lambda: self.sweep_wanted.emit(runs[0]), one and bool(self._runs[runs[0]].sweep)),
            (
                self.tr("Train a new run with these weights ({recipe})").format(recipe=self.recipe_words),
                lambda: self.fork_wanted.emit(runs[0]),
                one and self._writable and self.has_weights(self._runs[runs[0]]),
            ),
            (self.tr("Rename\tF2"), self.rename, one and self._writable),
            (self.tr("Take the star away\tS") if starred else self.tr("Star\tS"), lambda: self.star(runs), self._writable),
            (self.tr("Note"), self.write_note, one and self._writable),
            (None, None, True),
            (self.tr("Compare"), lambda: self.compare_wanted.emit(tuple(runs)), several),
            (self.tr("Combine into an ensemble"), lambda: self.want(CombineRuns(tuple(runs))), several and self._writable),
            (self.tr("Report…"), lambda: self.report_wanted.emit(runs[0]), one),
            (
                self.tr("Pack for another machine…"),
                lambda: self.pack_wanted.emit(runs[0]),
                one and self.can_train_anew(self._runs[runs[0]]),
            ),
            (self.tr("Show folder"), lambda: self.folder_wanted.emit(runs[0]), one),
            (None, None, True),
            (self.tr("Delete\tDel"), lambda: self.delete(runs), self._writable),
        )
        for words, deed, possible in entries:
            if words is None:
                menu.addSeparator()
                continue
            action = menu.addAction(words)
            action.triggered.connect(deed)
            action.setEnabled(possible)
        if one:
            for action in menu.actions():
                if action.text() in (self.tr("Compare"), self.tr("Combine into an ensemble")):
                    action.setToolTip(self.tr("Select two runs or more"))
            menu.setToolTipsVisible(True)
