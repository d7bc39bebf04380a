"""A row of figures with a word below each."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.theme import px
from gui.widgets.basics import label


class FigureStrip(QFrame):
    """Figures side by side; each has a caption and a tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "panel")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(px(16), px(8), px(16), px(8))
        self._row.setSpacing(px(20))
        self._row.addStretch(1)
        self._figures: dict[str, tuple[QLabel, QLabel]] = {}

    def add_widget(self, widget: QWidget) -> None:
        """Put a widget at the right end."""
        self._row.addWidget(widget)

    def set_figures(self, figures: tuple[tuple[str, str, str], ...]) -> None:
        """Show (caption, figure, tooltip) from left to right."""
        if tuple(self._figures) != tuple(caption for caption, _, _ in figures):
            self._rebuild(tuple(caption for caption, _, _ in figures))
        for caption, figure, tip in figures:
            value, below = self._figures[caption]
            value.setText(figure)
            for widget in (value, below):
                widget.setToolTip(tip)

    def text(self, caption: str) -> str:
        """The figure above a caption."""
        return self._figures[caption][0].text()

    def _rebuild(self, captions: tuple[str, ...]) -> None:
        for _ in self._figures:
            cell = self._row.takeAt(0).layout()
            while cell is not None and cell.count():
                cell.takeAt(0).widget().deleteLater()
        self._figures = {}
        for number, caption in enumerate(captions):
            cell = QVBoxLayout()
            cell.setSpacing(0)
            value, below = label("", "section"), label(caption, "caption")
            cell.addWidget(value)
            cell.addWidget(below)
            self._row.insertLayout(number, cell)
            self._figures[caption] = (value, below)
