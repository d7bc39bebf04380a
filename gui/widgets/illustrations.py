"""Small pictures that the program draws itself, for cards and empty pages."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import CLASS_COLOURS, Colours, colour, colours, px

STROKES: dict[str, tuple[tuple[str, tuple[float, ...]], ...]] = {
    "0": (("M", (0.5, 0.16)), ("C", (0.2, 0.16, 0.2, 0.84, 0.5, 0.84)), ("C", (0.8, 0.84, 0.8, 0.16, 0.5, 0.16))),
    "3": (
        ("M", (0.3, 0.22)),
        ("C", (0.5, 0.08, 0.76, 0.24, 0.66, 0.38)),
        ("C", (0.6, 0.47, 0.52, 0.48, 0.44, 0.48)),
        ("C", (0.66, 0.46, 0.78, 0.62, 0.68, 0.76)),
        ("C", (0.6, 0.88, 0.36, 0.86, 0.28, 0.74)),
    ),
    "5": (("M", (0.7, 0.16)), ("L", (0.38, 0.18)), ("L", (0.34, 0.46)), ("C", (0.8, 0.34, 0.84, 0.84, 0.3, 0.82))),
    "7": (("M", (0.26, 0.2)), ("L", (0.74, 0.18)), ("C", (0.58, 0.42, 0.48, 0.62, 0.44, 0.86))),
    "2": (("M", (0.3, 0.3)), ("C", (0.4, 0.06, 0.78, 0.14, 0.66, 0.42)), ("C", (0.58, 0.6, 0.4, 0.7, 0.28, 0.82)), ("L", (0.74, 0.8))),
    "8": (
        ("M", (0.62, 0.22)),
        ("C", (0.4, 0.06, 0.26, 0.34, 0.48, 0.46)),
        ("C", (0.84, 0.62, 0.66, 0.92, 0.46, 0.84)),
        ("C", (0.24, 0.74, 0.44, 0.54, 0.54, 0.46)),
        ("C", (0.72, 0.34, 0.7, 0.24, 0.62, 0.22)),
    ),
}


class Illustration(QWidget):
    """A drawing of fixed height."""

    def __init__(self, draw: Callable[[QPainter, QRectF, Colours], None], height: int) -> None:
        super().__init__()
        self._draw = draw
        self._height = height
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        return QSize(px(200), px(self._height))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw(painter, QRectF(self.rect()), colours())
        painter.end()


def digits(painter: QPainter, area: QRectF, tones: Colours) -> None:
    """Handwritten figures on tiles."""
    side = min(area.height(), area.width() / 3.4)
    gap = side * 0.12
    left = area.center().x() - (3 * side + 2 * gap) / 2
    for at, (figure, hue) in enumerate((("3", 0), ("8", 1), ("5", 2))):
        tile = QRectF(left + at * (side + gap), area.center().y() - side / 2, side, side)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("#14181d" if not tones.dark else "#0e1114"))
        painter.drawRoundedRect(tile, side * 0.1, side * 0.1)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        chalk = QPen(colour("#f4f4f2"), side * 0.1)
        chalk.setCapStyle(Qt.PenCapStyle.RoundCap)
        chalk.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(chalk)
        painter.drawPath(_stroke(figure, tile))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(CLASS_COLOURS[hue]))
        painter.drawRoundedRect(QRectF(tile.left(), tile.bottom() - side * 0.06, side, side * 0.06), 2, 2)


def photographs(painter: QPainter, area: QRectF, tones: Colours) -> None:
    """A few photographs laid on each other."""
    side = area.height() * 0.82
    for turn, shift, sky, hill in ((-9, -0.62, "#9cc9e8", "#3f7d5b"), (7, 0.62, "#f3cf9a", "#b5683a"), (0, 0, "#b9d9ef", "#2f6f9f")):
        painter.save()
        painter.translate(area.center() + QPointF(shift * side, 0))
        painter.rotate(turn)
        card = QRectF(-side * 0.5, -side * 0.45, side, side * 0.9)
        painter.setPen(QPen(colour(tones.line), 1))
        painter.setBrush(colour("#ffffff"))
        painter.drawRoundedRect(card, 3, 3)
        inner = card.adjusted(side * 0.06, side * 0.06, -side * 0.06, -side * 0.06)
        painter.setClipRect(inner)
        painter.fillRect(inner, colour(sky))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("#fff3d0"))
        painter.drawEllipse(QPointF(inner.left() + inner.width() * 0.72, inner.top() + inner.height() * 0.28), side * 0.09, side * 0.09)
        path = QPainterPath(inner.bottomLeft())
        path.lineTo(inner.left(), inner.top() + inner.height() * 0.72)
        path.lineTo(inner.left() + inner.width() * 0.34, inner.top() + inner.height() * 0.4)
        path.lineTo(inner.left() + inner.width() * 0.58, inner.top() + inner.height() * 0.7)
        path.lineTo(inner.left() + inner.width() * 0.74, inner.top() + inner.height() * 0.55)
        path.lineTo(inner.right(), inner.top() + inner.height() * 0.8)
        path.lineTo(inner.bottomRight())
        painter.setBrush(colour(hill))
        painter.drawPath(path)
        painter.restore()


def lens(painter: QPainter, area: QRectF, tones: Colours) -> None:
    """A camera's lens with the fovea in it."""
    centre, radius = area.center(), area.height() * 0.48
    for share, tone in ((1.0, "#2b333c"), (0.86, "#3d4853"), (0.68, "#1b2127"), (0.52, "#31404e")):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(tone))
        painter.drawEllipse(centre, radius * share, radius * share)
    painter.setBrush(colour(tones.accent))
    painter.drawEllipse(centre, radius * 0.22, radius * 0.22)
    painter.setBrush(colour("#14181d"))
    painter.drawEllipse(centre, radius * 0.1, radius * 0.1)
    painter.setBrush(colour("#ffffff", 0.75))
    painter.drawEllipse(centre + QPointF(-radius * 0.28, -radius * 0.3), radius * 0.09, radius * 0.09)


def _stroke(figure: str, tile: QRectF) -> QPainterPath:
    path = QPainterPath()

    def at(x: float, y: float) -> QPointF:
        return QPointF(tile.left() + x * tile.width(), tile.top() + y * tile.height())

    for kind, numbers in STROKES[figure]:
        points = [at(numbers[index], numbers[index + 1]) for index in range(0, len(numbers), 2)]
        if kind == "M":
            path.moveTo(points[0])
        elif kind == "L":
            path.lineTo(points[0])
        else:
            path.cubicTo(*points)
    return path
