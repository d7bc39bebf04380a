"""Small things that every page uses: labels, buttons, rules and words for figures."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QWidget


def label(text: str = "", look: str = "", wrap: bool = False) -> QLabel:
    """A label in one of the style sheet's looks."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if look:
        made.setProperty("look", look)
    return made


def button(text: str, look: str = "", tooltip: str = "") -> QPushButton:
    """A push button in one of the style sheet's looks, with its tooltip as accessible description."""
    made = QPushButton(text)
    if look:
        made.setProperty("look", look)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    if tooltip:
        made.setToolTip(tooltip)
        made.setAccessibleDescription(tooltip)
    return made


def rule() -> QFrame:
    """A horizontal line."""
    made = QFrame()
    made.setProperty("look", "line")
    return made


def panel(look: str = "panel") -> QFrame:
    """An empty frame in one of the style sheet's looks."""
    made = QFrame()
    made.setProperty("look", look)
    return made


def scrolling(inside: QWidget) -> QScrollArea:
    """A column that scrolls up and down where it is higher than its place."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area


def set_look(widget: QWidget, look: str) -> None:
    """Give a widget another look of the style sheet."""
    if widget.property("look") != look:
        widget.setProperty("look", look)
        repolish(widget)


def repolish(widget: QWidget) -> None:
    """Let the style sheet look again at a widget whose properties have changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


def count(number: int) -> str:
    """A count in groups of three.

    Examples
    --------
    >>> count(1797)
    '1,797'
    """
    return f"{number:,}"


def percent(fraction: float, digits: int = 1) -> str:
    """A fraction as per cent.

    Examples
    --------
    >>> percent(0.9833) == "98.3\u202f%"
    True
    """
    return f"{100 * fraction:.{digits}f}\u202f%"


def duration(seconds: float) -> str:
    """A time in the two units that matter.

    Examples
    --------
    >>> duration(8.2), duration(75), duration(7380)
    ('8 s', '1 min 15 s', '2 h 3 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def about(seconds: float, deviation: float | None) -> str:
    """An estimated time with its standard deviation where that is known, in the unit of the time and no finer than it deserves.

    Examples
    --------
    >>> about(12.3, 1.7), about(75, 8), about(7380, 300), about(8, None)
    ('12 ± 2 s', '75 ± 8 s', '2 h 3 min ± 5 min', '8 s')
    """
    if deviation is None:
        return duration(seconds)
    if seconds < 120:
        return f"{max(0, round(seconds))} ± {max(1, math.ceil(deviation))} s"
    return f"{duration(seconds)} ± {duration(deviation)}" if deviation < 60 else f"{duration(seconds)} ± {math.ceil(deviation / 60)} min"
