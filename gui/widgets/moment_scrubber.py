"""Back through the epochs of a run: filters, maps, confusion and a unit's field as they were."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from engine.messages import LoadMoment, Moment, MomentLoaded
from gui.bridge import Bridge
from gui.looked_at import kept_epoch, looked_at, matrix_classes, record_of, trains
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import button, count, label
from gui.widgets.confusion_matrix import ConfusionMatrix
from gui.widgets.heat_picture import HeatPicture, effective_size
from gui.widgets.marked_slider import MarkedSlider
from gui.widgets.tensor_pictures import TensorPictures

REMEMBERED = 64
"""Moments that need not be read again."""
PLAY_MILLISECONDS = 250
MOST_LOST = 2
"""Answers that another one overtook, after which a run is not asked again."""


class MomentScrubber(QWidget):
    """A slider through the epochs that were kept, of the run that is looked at or trains; at the right end it follows a training."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._project = self._run = ""
        self._epochs: tuple[int, ...] = ()
        self._moments: OrderedDict[int, Moment] = OrderedDict()
        self._asked: tuple[int, int] | None = None  # the job that is to answer, and the epoch that it was asked for
        self._answer: MomentLoaded | None = None
        self._shown: Moment | None = None
        self._newest = self._tried = 0  # the last epoch that is done, and the one that was asked for as such
        self._lost = 0
        self._refused = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        column.addLayout(self._build_slider())
        self.words = label("", "muted", wrap=True)
        column.addWidget(self.words)
        column.addLayout(self._build_pictures(), 1)
        self.timer = QTimer(self)
        self.timer.timeout.connect(self._advance)
        self._show(None)

    # ------------------------------------------------------------ building

    def _build_slider(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.play = button(self.tr("Play"), "", self.tr("Show epoch after epoch (Space)"))
        self.play.clicked.connect(self.toggle)
        self.slider = MarkedSlider()
        self.slider.setAccessibleName(self.tr("Epoch"))
        self.slider.setToolTip(
            self.tr("Back through the epochs; a tick marks the one whose weights are kept. At its end it follows a training")
        )
        self.slider.setRange(0, 0)
        self.slider.valueChanged.connect(self._slide)
        self.number = label("", "caption")
        row.addWidget(self.play)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        return row

    def _build_pictures(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(px(8))
        self.filters = TensorPictures(self.tr("filters"))
        self.maps = TensorPictures(self.tr("maps"))
        self.matrix = ConfusionMatrix(small=True)
        self.field = HeatPicture()
        words = (self.tr("First-layer filters"), self.tr("First maps"), self.tr("Validation"), self.tr("Pinned unit"))
        titles = tuple(label(text, "section") for text in words)
        for at, (title, picture) in enumerate(zip(titles, (self.filters, self.maps, self.matrix, self.field), strict=True)):
            row, column = divmod(at, 2)
            title.setMinimumWidth(1)
            grid.addWidget(title, 2 * row, column)
            grid.addWidget(picture, 2 * row + 1, column)
            grid.setRowStretch(2 * row + 1, 1)
            grid.setColumnStretch(column, 1)
        self.filters.set_empty_text(self.tr("Its first layer has no filters that are pictures."))
        self.maps.set_empty_text(self.tr("It has no convolution, or its picture is gone."))
        self.matrix.set_empty_text(self.tr("There were no validation pictures."))
        self.field.set_empty_text(self.tr("No unit was pinned at this epoch."))
        self._pictures = (*titles, self.filters, self.maps, self.matrix, self.field)
        return grid

    # ------------------------------------------------------------ rendering

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._settle()
        self._follow(self._bridge.state)

    def _settle(self) -> None:
        """Give the button one width for both of its words: the slider beside it must not move while it plays."""
        words = self.play.text()
        widths = []
        for text in (self.tr("Play"), self.tr("Pause")):
            self.play.setText(text)
            widths.append(self.play.sizeHint().width())
        self.play.setText(words)
        self.play.setFixedWidth(max(widths))

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.stop()

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Follow the run that is looked at and its training, and take what the engine has read."""
        project = state.folder
        if project != self._project:
            self._project = project
            self._leave("")
        if self.isVisible() and changed & {"training", "runs", "selected_run", "moments", "jobs", "failures", "project", "looked_at"}:
            self._follow(state)

    def _follow(self, state: AppState) -> None:
        run = looked_at(state)
        if run != self._run:
            self._leave(run)
        answer = state.moments.get(run)
        if answer is not None and answer is not self._answer:
            self._take(answer)
        if self._asked is not None and self._asked[0] not in state.jobs and (answer is None or answer.job != self._asked[0]):
            failure = state.failures.get("LoadMoment")
            self._refused = f"{failure.message} {failure.remedy}".strip() if failure is not None else ""
            self._asked = None
            if failure is None and self._lost < MOST_LOST:
                self._lost, self._tried = self._lost + 1, 0
        newest = self._newest_epoch(state, run)
        if newest > self._newest:
            self._newest, self._refused = newest, ""
        self._want_newest()
        self._say()

    def _newest_epoch(self, state: AppState, run: str) -> int:
        """The last epoch that is known to be done."""
        if state.training is not None and state.training.run == run and state.training.epochs:
            return state.training.epochs[-1].epoch
        record = record_of(state, run)
        return record.epochs if record is not None else 0

    def _want_newest(self) -> None:
        """Ask for the last epoch where its end is looked at and what is known ends before it; once, since it may not have been kept."""
        known = self._epochs[-1] if self._epochs else 0
        if self._asked is None and self._at_end and self._tried < self._newest and known < self._newest:
            self._tried = self._newest
            self._want(self._newest)

    def _leave(self, run: str) -> None:
        self.stop()
        self._run, self._epochs, self._asked, self._refused = run, (), None, ""
        self._newest = self._tried = self._lost = 0
        self._moments.clear()
        self._show(None)

    @property
    def _at_end(self) -> bool:
        return self.slider.value() == self.slider.maximum()

    @property
    def shown(self) -> Moment | None:
        """What is looked at."""
        return self._shown

    # ------------------------------------------------------------ asking and answering

    def _want(self, epoch: int) -> None:
        """One question at a time: while one is open, what is wanted meanwhile is asked for once it is answered."""
        if self._asked is None and self._run:
            self._asked = (self._bridge.submit(LoadMoment(self._run, epoch)), epoch)

    def _take(self, answer: MomentLoaded) -> None:
        following = self._at_end or not self._epochs
        looked_at = self._epochs[self.slider.value()] if self._epochs and not following else None
        asked, self._answer = self._asked, answer
        if asked is not None and answer.job == asked[0]:
            self._asked = None
        self._moments[answer.moment.epoch] = answer.moment
        while len(self._moments) > REMEMBERED:
            self._moments.popitem(last=False)
        self._epochs = answer.epochs
        at = len(self._epochs) - 1
        if looked_at is not None:
            at = min(range(len(self._epochs)), key=lambda place: abs(self._epochs[place] - looked_at))
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(self._epochs) - 1)
        self.slider.setValue(at)
        self.slider.blockSignals(False)
        self._look()

    def _slide(self, _place: int) -> None:
        self._look()
        self._want_newest()
        self._say()

    def _look(self) -> None:
        """Show the epoch at the slider, or ask for it; until it is there the one before stays."""
        if not self._epochs:
            return
        epoch = self._epochs[self.slider.value()]
        moment = self._moments.get(epoch)
        if moment is None:
            self._want(epoch)
        else:
            self._moments.move_to_end(epoch)
            if moment is not self._shown:
                self._show(moment)

    # ------------------------------------------------------------ playing

    def toggle(self) -> None:
        """Show epoch after epoch, from the first where the last is shown; or stay."""
        if self.timer.isActive():
            self.stop()
        elif len(self._epochs) > 1:
            if self._at_end:
                self.slider.setValue(0)
            self.timer.start(PLAY_MILLISECONDS)
            self.play.setText(self.tr("Pause"))

    def stop(self) -> None:
        """Stay at this epoch."""
        self.timer.stop()
        self.play.setText(self.tr("Play"))

    def _advance(self) -> None:
        if self._asked is not None:
            return
        if self._at_end:
            self.stop()
        else:
            self.slider.setValue(self.slider.value() + 1)

    # ------------------------------------------------------------ showing

    def _say(self) -> None:
        known = bool(self._epochs)
        for widget in (self.play, self.slider, self.number):
            widget.setVisible(known)
        self.play.setEnabled(len(self._epochs) > 1)
        if known:
            words, newest = self.tr("epoch {number} of {all}"), max(self._newest, self._epochs[-1])
            epoch = self._epochs[self.slider.value()]
            text = words.format(number=count(epoch), all=count(newest))
            kept = kept_epoch(self._bridge.state, self._run)
            self.number.setText(self.tr("{epoch}, kept").format(epoch=text) if epoch == kept else text)
            longest = self.tr("{epoch}, kept").format(epoch=words.format(number=count(newest), all=count(newest)))
            self.number.setMinimumWidth(self.number.fontMetrics().horizontalAdvance(longest))  # the slider stays
            self.slider.set_mark(self._epochs.index(kept) if kept in self._epochs else None)
        teach = self.tr("Each epoch is kept: filters, maps, confusion and the pinned unit's field. Train, then go back through them here.")
        if trains(self._bridge.state, self._run):
            teach = self.tr("The first epoch is not done yet.")
        text = self._refused or ("" if self._shown is not None or self._asked is not None else teach)
        self.words.setText(text)
        self.words.setVisible(bool(text))

    def _show(self, moment: Moment | None) -> None:
        self._shown = moment
        for widget in self._pictures:
            widget.setVisible(moment is not None)
        if moment is None:
            self._say()
            return
        self.filters.set_tensor(moment.filters)
        self.maps.set_tensor(None if moment.maps is None else moment.maps[..., None])
        self.matrix.set_matrix(moment.confusion, *matrix_classes(self._bridge.state, self._run, moment.confusion))
        size = "" if moment.heat is None else self.tr("effective field about {0} px").format(f"{effective_size(moment.heat):.0f}")
        picture = moment.picture if moment.heat is not None else None
        self.field.set_field(picture, moment.heat, moment.box, (size,) if size else ())
        self._say()
