"""What an empty project shows: one sentence, one picture, one button."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.theme import px
from gui.widgets import illustrations
from gui.widgets.basics import button, label
from gui.widgets.drop_zone import DropZone
from gui.widgets.illustrations import Illustration


class EmptyData(QWidget):
    """What an empty project shows: one sentence, one picture, one button."""

    def __init__(self) -> None:
        super().__init__()
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        self.zone = DropZone()
        self._column = QVBoxLayout(self.zone)
        self._column.addWidget(Illustration(illustrations.photographs, 120))
        words = label(self.tr("Drop pictures here, or a folder: each folder inside it becomes a class."), "section", wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._column.addWidget(words)
        row = self._row = QHBoxLayout()
        row.addStretch(1)
        self.choose = button(self.tr("Choose a folder…"), "primary")
        row.addWidget(self.choose)
        row.addStretch(1)
        self._column.addLayout(row)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(self.zone, 4)
        across.addStretch(1)
        outer.addLayout(across)
        outer.addStretch(1)

    def dress(self) -> None:
        self.zone.setMaximumWidth(px(620))
        self._column.setContentsMargins(px(40), px(40), px(40), px(40))
        self._column.setSpacing(px(16))
        self._row.setSpacing(px(8))


class NoMatch(QWidget):
    """What a filter that fits no picture shows.

    Attributes
    ----------
    again : QPushButton
        Show all pictures again.
    """

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.addStretch(1)
        self.words = label(self.tr("No picture matches."), "muted")
        self.words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.words)
        self.again = button(self.tr("Show all"))
        column.addWidget(self.again, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
