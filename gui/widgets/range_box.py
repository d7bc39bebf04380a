"""Asks for sizes and dates between which pictures are shown."""

from __future__ import annotations

import calendar
import datetime

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from gui.theme import px
from gui.widgets.basics import button, label
from gui.widgets.number_box import NumberBox
from gui.widgets.picture_filter import Filter

LARGEST = 100_000
EARLIEST, LATEST = 1971, 2999
"""Years that every system can turn into seconds since 1970."""


class RangeBox(QFrame):
    """A small window below the button that asked for it; what is typed counts at once.

    Attributes
    ----------
    wanted : Signal(Filter)
    """

    wanted = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("look", "toast")
        self._filter = Filter()
        self._column = QVBoxLayout(self)
        self._grid = QGridLayout()
        for column, words in ((1, self.tr("from")), (2, self.tr("to"))):
            self._grid.addWidget(label(words, "caption"), 0, column)
        self.sides: dict[str, tuple[QSpinBox, QSpinBox]] = {}
        for row, (name, words) in enumerate((("shorter", self.tr("Shorter side")), ("longer", self.tr("Longer side"))), 1):
            self._grid.addWidget(label(words), row, 0)
            self.sides[name] = self._side(words, self.tr("from")), self._side(words, self.tr("to"))
            for column, box in enumerate(self.sides[name], 1):
                self._grid.addWidget(box, row, column)
        self._grid.addWidget(label(self.tr("Taken")), 3, 0)
        self.dates = self._date(self.tr("Taken from")), self._date(self.tr("Taken until"))
        for column, date in enumerate(self.dates, 1):
            self._grid.addWidget(date, 3, column)
        self._column.addLayout(self._grid)
        row = QHBoxLayout()
        clear = button(self.tr("Clear"), "quiet", self.tr("No bounds"))
        clear.clicked.connect(self._clear)
        done = button(self.tr("Done"))
        done.clicked.connect(self.hide)
        row.addWidget(clear)
        row.addStretch(1)
        row.addWidget(done)
        self._column.addLayout(row)

    def _side(self, words: str, end: str) -> QSpinBox:
        made = NumberBox(0, LARGEST)
        made.setSpecialValueText(self.tr("any"))
        made.setSuffix(self.tr(" px"))
        made.setAccessibleName(f"{words}, {end}")
        made.valueChanged.connect(self._changed)
        return made

    def _date(self, words: str) -> QLineEdit:
        made = QLineEdit()
        made.setPlaceholderText(self.tr("any"))
        made.setToolTip(self.tr("A year, a month or a day: 2026, 2026-05, 2026-05-31"))
        made.setAccessibleName(words)
        made.editingFinished.connect(self._changed)
        return made

    def ask(self, chosen: Filter, below: QWidget) -> None:
        """Open with the bounds of a filter."""
        self._show(chosen)
        margin = px(16)
        self._column.setContentsMargins(margin, margin, margin, margin)
        self._column.setSpacing(px(12))
        self._grid.setHorizontalSpacing(px(8))
        self._grid.setVerticalSpacing(px(8))
        for field in (*self.sides["shorter"], *self.sides["longer"], *self.dates):
            field.setMinimumWidth(px(120))
        self.adjustSize()
        self.move(below.mapToGlobal(below.rect().bottomLeft()))
        self.show()
        self.sides["shorter"][0].setFocus()

    def _show(self, chosen: Filter) -> None:
        self._filter = chosen
        fields = (*self.sides["shorter"], *self.sides["longer"], *self.dates)
        for field in fields:
            field.blockSignals(True)
        for (first, last), bounds in zip(self.sides.values(), (chosen.shorter, chosen.longer), strict=True):
            first.setValue(bounds[0])
            last.setValue(bounds[1])
        for date, seconds, back in zip(self.dates, (chosen.since, chosen.until), (0, 1), strict=True):
            date.setText(datetime.date.fromtimestamp(seconds - back).isoformat() if seconds is not None else "")
        for field in fields:
            field.blockSignals(False)

    def _clear(self) -> None:
        self._show(replace(self._filter, shorter=(0, 0), longer=(0, 0), since=None, until=None))
        self._changed()

    def _changed(self) -> None:
        first, last = (days(date.text()) for date in self.dates)
        since = _midnight(first[0]) if first is not None else None
        until = _midnight(last[1] + datetime.timedelta(days=1)) if last is not None else None
        shorter, longer = (tuple(box.value() for box in pair) for pair in self.sides.values())
        self._filter = replace(self._filter, shorter=shorter, longer=longer, since=since, until=until)
        self.wanted.emit(self._filter)


def days(text: str) -> tuple[datetime.date, datetime.date] | None:
    """The first and the last day of a year, a month or a day as ISO 8601 writes them; None where it is none of these.

    Examples
    --------
    >>> [day.isoformat() for day in days("2024-02")]
    ['2024-02-01', '2024-02-29']
    >>> days("soon") is None
    True
    """
    parts = text.strip().split("-")
    if len(parts) > 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    year, month, day = [int(part) for part in parts] + [0] * (3 - len(parts))
    if not EARLIEST <= year <= LATEST:
        return None
    try:
        first = datetime.date(year, month or 1, day or 1)
        last = datetime.date(year, month or 12, day or calendar.monthrange(year, month or 12)[1])
    except ValueError:
        return None
    return first, last


def _midnight(day: datetime.date) -> float:
    """When a day begins here, in seconds since 1970."""
    return datetime.datetime(day.year, day.month, day.day).astimezone().timestamp()
