"""A line below the runs: what has just become of them, else the state and the note of the one that is chosen."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from gui.widgets.basics import set_look
from gui.widgets.run_list import RunList


class Said(QLabel):
    """As long as the list is wide; all of it in the tooltip. It keeps its height while it is empty, so that nothing jumps."""

    def __init__(self, runs: RunList) -> None:
        super().__init__()
        self._runs, self._news, self._whole = runs, "", ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        set_look(self, "caption")
        runs.selectionModel().selectionChanged.connect(self.show_line)
        runs.selectionModel().currentChanged.connect(self.show_line)

    def set_news(self, words: str) -> None:
        """Something has become of runs; "" where that is past."""
        self._news = words
        self.show_line()

    def show_line(self) -> None:
        """Show what there is to say now."""
        chosen = self._runs.chosen()
        self._whole = self._news or (self._runs.said_of(chosen[0]) if len(chosen) == 1 else "")
        self.setToolTip(self._whole)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        words = QFontMetricsF(self.font()).elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width())
        if words != self.text():
            self.setText(words)
