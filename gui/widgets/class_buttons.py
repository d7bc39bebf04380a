"""One small button a class, wrapped to the width there is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QGridLayout, QScrollArea, QWidget

from engine.project.records import ClassRecord
from gui.theme import px
from gui.widgets.basics import button

COLUMNS = 2
MOST_ROWS = 6


class ClassButtons(QScrollArea):
    """Buttons in the order of the classes.

    Attributes
    ----------
    chosen : Signal(int)
        Identity of the class whose button was pressed.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setProperty("look", "clear")
        self._body = QWidget()
        self._grid = QGridLayout(self._body)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(px(8))
        self.setWidget(self._body)

    def set_classes(self, classes: tuple[ClassRecord, ...]) -> None:
        """Show these."""
        while self._grid.count():
            widget = self._grid.takeAt(0).widget()
            if widget is not None:
                widget.deleteLater()
        for at, record in enumerate(classes):
            made = button(f" {record.name}", tooltip=self.tr("Put it into {name}").format(name=record.name))
            dot = QPixmap(px(10), px(10))
            dot.fill(QColor(record.colour))
            made.setIcon(QIcon(dot))
            made.clicked.connect(lambda _, chosen=record.id: self.chosen.emit(chosen))
            self._grid.addWidget(made, at // COLUMNS, at % COLUMNS)
        rows = min(-(-len(classes) // COLUMNS), MOST_ROWS)
        self.setFixedHeight(rows * px(40))
