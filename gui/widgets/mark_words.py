"""The words of marks, above a plot: where they would lie over each other the latest are shown, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from gui.theme import font, px
from gui.widgets.axes import RIGHT_MARGIN, Frame
from gui.widgets.canvas import ink
from gui.widgets.curve_records import Mark

APART = 8
"""Pixels between words."""
NEAR = 4
"""Pixels from a mark's line within which a pointer means it."""


class Words(msgspec.Struct, frozen=True, eq=False):
    """What is written where, and all that it stands for, the earliest first."""

    place: QRectF
    shown: str
    whole: tuple[str, ...]


def words_of(frame: Frame, marks: Sequence[Mark]) -> list[Words]:
    """The words above a box, from the right to the left; those of one place side by side."""
    box, metrics = frame.box, QFontMetricsF(font(11))
    places: dict[float, list[str]] = {}
    for mark in marks:
        if mark.text and frame.left <= mark.x <= frame.right:
            places.setdefault(mark.x, []).append(mark.text)
    found: list[Words] = []
    centre, end = 0.0, box.right() + px(RIGHT_MARGIN)

    def written(whole: tuple[str, ...]) -> Words:
        more = f" +{len(whole) - 1}" if len(whole) > 1 else ""
        shown = metrics.elidedText(whole[-1], Qt.TextElideMode.ElideRight, end - box.left() - metrics.horizontalAdvance(more)) + more
        width = metrics.horizontalAdvance(shown)
        left = max(box.left(), min(centre - width / 2, end - width))
        return Words(QRectF(left, box.top() - px(4) - metrics.ascent(), width, metrics.height()), shown, whole)

    for x in sorted(places, reverse=True):
        text, before = " · ".join(places[x]), centre
        centre = frame.x(x)
        width = metrics.horizontalAdvance(text)
        if found and max(box.left() + width, centre + width / 2) + px(APART) > found[-1].place.left():
            centre = before
            found[-1] = written((text, *found[-1].whole))
            continue
        end = found[-1].place.left() - px(APART) if found else end
        found.append(written((text,)))
    return found


def paint_mark_words(painter: QPainter, frame: Frame, marks: Sequence[Mark]) -> None:
    """Write them."""
    painter.setFont(font(11))
    painter.setPen(ink("muted"))
    ascent = QFontMetricsF(font(11)).ascent()
    for words in words_of(frame, marks):
        painter.drawText(QPointF(words.place.left(), words.place.top() + ascent), words.shown)


def told_at(frame: Frame, marks: Sequence[Mark], where: QPointF) -> str:
    """What marks say at a place of the plot, a line each; "" for nothing."""
    for words in words_of(frame, marks):
        if words.place.contains(where):
            return "\n".join(words.whole)
    near = [mark.text for mark in marks if mark.text and abs(frame.x(mark.x) - where.x()) <= px(NEAR)]
    return "\n".join(near) if where.y() >= frame.box.top() else ""
