"""The legend below a network's drawing: a colour a kind of layer, and what the sizes of the boxes mean."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from gui.widgets.network_lettering import words
from gui.widgets.network_painting import NetworkPainter
from gui.widgets.network_words import TONES, legend_text, tr

LEGEND = 22
"""Height."""


def paint_legend(painter: QPainter, inside: NetworkPainter, place: QRectF, scale: float) -> None:
    """Paint the kinds that a drawing holds, as many as there is room for, and the scale at the right where there is room."""
    look, shown = inside.look, {box.tone for box in inside.drawing.boxes}
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setFont(words(11 * scale))
    metrics = QFontMetricsF(painter.font())
    across, middle, side = place.left() + 10 * scale, place.center().y(), 10 * scale
    for tone in TONES:
        text = legend_text(tone)
        wide = side + 5 * scale + metrics.horizontalAdvance(text)
        if tone not in shown or tone == "input" or across + wide > place.right():
            continue
        painter.setPen(QPen(look.tones[tone].line, 1))
        painter.setBrush(look.tones[tone].front)
        painter.drawRect(QRectF(across, middle - side / 2, side, side))
        painter.setPen(look.muted)
        painter.drawText(QRectF(across + side + 5 * scale, place.top(), wide, place.height()), int(Qt.AlignmentFlag.AlignVCenter), text)
        across += wide + 14 * scale
    text = tr("height and width: sides of the maps · depth: channels · compressed scales")
    if across + metrics.horizontalAdvance(text) + 10 * scale < place.right():
        right = QRectF(place.left(), place.top(), place.width() - 10 * scale, place.height())
        painter.setPen(look.muted)
        painter.drawText(right, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), text)
    painter.restore()
