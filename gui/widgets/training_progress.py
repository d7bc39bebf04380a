"""How far a training is: a line of words and a bar."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from gui.state import JobState
from gui.theme import px
from gui.widgets.basics import about, count, duration, label


class TrainingProgress(QWidget):
    """Words at the left of something else, a bar below them while there is a job.

    Parameters
    ----------
    beside : QWidget
        At the right of the words.
    """

    def __init__(self, beside: QWidget) -> None:
        super().__init__()
        self._ways: tuple[str, ...] = ("",)
        self.words = label("", "muted")
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.words, 1)
        row.addWidget(beside)
        column.addLayout(row)
        column.addWidget(self.bar)

    def show_job(self, job: JobState, paused: bool = False) -> None:
        """A training that waits or runs: what it does, how long still, how fast; or that it is paused."""
        self.bar.show()
        self.bar.setRange(0, 1000 if job.fraction is not None else 0)
        self.bar.setValue(round(1000 * (job.fraction or 0.0)))
        parts = [job.text or (self.tr("Preparing") if job.running else self.tr("Waiting for its turn"))]
        if paused:
            self._say(" · ".join((self.tr("Paused"), parts[0])), parts[0])
            return
        shorter = list(parts)
        if job.seconds_left is not None:
            parts.append(self.tr("{time} left").format(time=about(job.seconds_left, job.seconds_deviation)))
            shorter.append(self.tr("{time} left").format(time=duration(job.seconds_left)))
        shortened = [" · ".join(parts), " · ".join(shorter), shorter[0]]
        if job.images_per_second is not None:
            parts.append(self.tr("{speed} pictures/s").format(speed=count(round(job.images_per_second))))
        self._say(" · ".join(parts), *shortened)

    def show_rest(self, *words: str) -> None:
        """Nothing is trained; say something else, the first that has room."""
        self.bar.hide()
        self._say(*words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.layout().activate()  # the words have their new width only now
        self._fit()

    def _say(self, *words: str) -> None:
        """Say the first that has room; the later ones are shorter."""
        self._ways = words
        self.words.setToolTip(words[0])
        self._fit()

    def _fit(self) -> None:
        metrics, room = QFontMetricsF(self.words.font()), self.words.width()
        if not self.isVisible() or not room:
            self.words.setText(self._ways[0])
            return
        fitting = next((words for words in self._ways if metrics.horizontalAdvance(words) <= room), None)
        self.words.setText(fitting or metrics.elidedText(self._ways[-1], Qt.TextElideMode.ElideRight, room))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()
