"""Trainings that wait for their turn, one below the other; each can be taken out of the line, or be made the next."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui.icons import icon, icon_size
from gui.theme import colours, font, px
from gui.widgets.basics import label

MOST_SEEN = 3
ROW = 28
"""Pixels."""


class Waiting(msgspec.Struct, frozen=True):
    """A training in line: the number of its job, what is trained, and how."""

    job: int
    title: str
    words: str = ""


class WaitingRow(QWidget):
    """Place, title, recipe, and two small buttons."""

    def __init__(self, place: int, waiting: Waiting, first: bool) -> None:
        super().__init__()
        self.waiting = waiting
        self.setFixedHeight(px(ROW))
        row = QHBoxLayout(self)
        row.setContentsMargins(px(8), 0, px(4), 0)
        row.setSpacing(px(8))
        self.place = label(self.tr("{place}.").format(place=place), "muted")
        self.title = label()
        self.title.setToolTip(waiting.title)
        self.words = label("", "muted")
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.words.setToolTip(waiting.words)
        self.first_button = _tool("ph.arrow-up", self.tr("Train this one next"))
        self.first_button.setEnabled(not first)
        self.out_button = _tool("ph.x", self.tr("Take it out of the line"))
        row.addWidget(self.place)
        row.addWidget(self.title)
        row.addWidget(self.words, 1)
        row.addWidget(self.first_button)
        row.addWidget(self.out_button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        half = self.width() / 2
        self.title.setText(QFontMetricsF(self.title.font()).elidedText(self.waiting.title, Qt.TextElideMode.ElideRight, half))
        self.layout().activate()
        room = self.words.width()
        self.words.setText(QFontMetricsF(self.words.font()).elidedText(self.waiting.words, Qt.TextElideMode.ElideRight, room))


class WaitingList(QFrame):
    """A head and the rows, of which a few are seen at once; hidden while nothing waits.

    Signals
    -------
    out_wanted(int), first_wanted(int)
        Numbers of jobs: to be taken out of the line; to be the next.
    """

    out_wanted = Signal(int)
    first_wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "panel")
        self._shown: tuple[Waiting, ...] = ()
        self.rows: list[WaitingRow] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(px(4), px(4), px(4), px(4))
        column.setSpacing(0)
        self.head = label("", "caption")
        self.head.setContentsMargins(px(8), px(2), 0, px(2))
        column.addWidget(self.head)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.viewport().setAutoFillBackground(False)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(self._area)
        self.setAccessibleName(self.tr("Trainings that wait"))
        self.hide()

    def show_waiting(self, waiting: Sequence[Waiting]) -> None:
        """Show the line, the next one first."""
        if tuple(waiting) != self._shown:
            self._shown = tuple(waiting)
            self._fill()
        self.setVisible(bool(self._shown))

    def dress(self) -> None:
        """Take over colours and scale."""
        self._fill()

    def _fill(self) -> None:
        number = len(self._shown)
        self.head.setText(self.tr("1 training waits") if number == 1 else self.tr("{number} trainings wait").format(number=number))
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.rows = [WaitingRow(place, waiting, place == 1) for place, waiting in enumerate(self._shown, 1)]
        for row in self.rows:
            job = row.waiting.job
            row.out_button.clicked.connect(lambda _=False, job=job: self.out_wanted.emit(job))
            row.first_button.clicked.connect(lambda _=False, job=job: self.first_wanted.emit(job))
            column.addWidget(row)
        column.addStretch(1)
        self._area.setWidget(inside)
        inside.setAutoFillBackground(False)  # setWidget turned it on
        self._area.setFixedHeight(px(ROW) * min(number, MOST_SEEN))


def _tool(glyph: str, words: str) -> QToolButton:
    made = QToolButton()
    made.setIcon(icon(glyph, colours().text))
    made.setIconSize(icon_size(14))
    made.setAutoRaise(True)
    made.setToolTip(words)
    made.setAccessibleName(words)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.setFont(font(13))
    return made
