"""Pictures side by side, each with its name, class, split and size: the group of a finding that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import colour, colours, font, px, theme
from gui.widgets.thumbnails import Thumbnails
from gui.widgets.tiles import paint_fitted

MOST = 6
"""More pictures of one group than this are a number."""
LARGEST_SIDE, GAP = 168, 8


class Cell(msgspec.Struct, frozen=True):
    """A picture and its words.

    Attributes
    ----------
    image : int
    name, split, size : str
    class_name, class_colour : str
        What it is labelled; "" where it is not.
    other_name, other_colour : str
        The class suggested for it; "" where there is none.
    gone : bool
        It is no longer in the project.
    """

    image: int
    name: str
    class_name: str = ""
    class_colour: str = ""
    split: str = ""
    size: str = ""
    other_name: str = ""
    other_colour: str = ""
    gone: bool = False


class GroupStrip(QWidget):
    """Paints the first pictures of a group.

    Attributes
    ----------
    clicked : Signal(int)
        The picture that was clicked.
    """

    clicked = Signal(int)

    def __init__(self, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._cells: tuple[Cell, ...] = ()
        self._more = 0
        self._hovered = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Pictures of this group"))
        thumbnails.arrived.connect(self._arrived)
        theme().changed.connect(self._fit)

    def set_cells(self, cells: Sequence[Cell]) -> None:
        """Show these pictures; of more than MOST only the first."""
        self._cells, self._more = tuple(cells[:MOST]), max(0, len(cells) - MOST)
        self._hovered = -1
        words = (self.words_of(cell) for cell in self._cells)
        self.setAccessibleDescription("; ".join(words))
        self._fit()

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self._cells

    def words_of(self, cell: Cell) -> str:
        """A picture in words."""
        parts = [cell.name, cell.class_name or self.tr("unlabelled"), cell.split, cell.size]
        if cell.other_name:
            parts.append(self.tr("suggested: {0}").format(cell.other_name))
        if cell.gone:
            parts.append(self.tr("removed"))
        return " · ".join(part for part in parts if part)

    # ------------------------------------------------------------ places

    def _columns(self) -> int:
        return min(3, max(1, len(self._cells)))

    def _side(self) -> int:
        columns = self._columns()
        return max(px(40), min(px(LARGEST_SIDE), (self.width() - (columns - 1) * px(GAP)) // columns))

    def _foot(self) -> int:
        lines = 3 if any(cell.other_name for cell in self._cells) else 2
        return lines * QFontMetrics(font(11)).height() + px(4)

    def place(self, number: int) -> QRect:
        """The square of the picture of this number."""
        side = self._side()
        row, column = divmod(number, self._columns())
        return QRect(column * (side + px(GAP)), row * (side + self._foot() + px(GAP)), side, side)

    def _fit(self) -> None:
        rows = -(-len(self._cells) // self._columns())
        self.setFixedHeight(max(1, rows * (self._side() + self._foot() + px(GAP))) if self._cells else 0)
        self.update()

    def cell_at(self, point: QPoint) -> int:
        """Number of the picture at a point, or -1."""
        foot = self._foot()
        return next((at for at in range(len(self._cells)) if self.place(at).adjusted(0, 0, 0, foot).contains(point)), -1)

    def sizeHint(self) -> QSize:
        return QSize(px(320), self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for number, cell in enumerate(self._cells):
            self._paint_cell(painter, number, cell)
        if self._more:
            last = self.place(len(self._cells) - 1)
            painter.fillRect(last, colour(colours().surface, 0.75))
            painter.setPen(colour(colours().text))
            painter.setFont(font(14))
            painter.drawText(last, Qt.AlignmentFlag.AlignCenter, self.tr("and {0} more").format(self._more))
        painter.end()

    def _paint_cell(self, painter: QPainter, number: int, cell: Cell) -> None:
        tones = colours()
        area = self.place(number)
        painter.fillRect(area, colour(tones.hover))
        painter.setOpacity(0.35 if cell.gone else 1.0)
        pixmap = self._thumbnails.get(cell.image)
        if pixmap is not None and not pixmap.isNull():
            paint_fitted(painter, pixmap, area)
        elif pixmap is not None or cell.gone:
            painter.setFont(font(11))
            painter.setPen(colour(tones.muted))
            words = self.tr("removed") if cell.gone else self.tr("cannot be read")
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)
        painter.setOpacity(1.0)
        if number == self._hovered:
            painter.setPen(QPen(colour(tones.accent), px(2)))
            painter.drawRect(area.adjusted(1, 1, -1, -1))
        self._paint_words(painter, area, cell)

    def _paint_words(self, painter: QPainter, area: QRect, cell: Cell) -> None:
        tones = colours()
        words = font(11)
        words.setStrikeOut(cell.gone)
        metrics = QFontMetrics(words)
        painter.setFont(words)
        line = QRect(area.left(), area.bottom() + px(3), area.width(), metrics.height())
        painter.setPen(colour(tones.text))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, metrics.elidedText(cell.name, Qt.TextElideMode.ElideMiddle, line.width()))
        line.translate(0, metrics.height())
        split = f" · {cell.split}" if cell.split else ""
        self._paint_class(painter, line, cell.class_colour, (cell.class_name or self.tr("unlabelled")) + split)
        if cell.other_name:
            line.translate(0, metrics.height())
            self._paint_class(painter, line, cell.other_colour, self.tr("{0}?").format(cell.other_name))

    def _paint_class(self, painter: QPainter, line: QRect, tone: str, words: str) -> None:
        chip = px(8) if tone else 0
        if tone:
            painter.fillRect(QRect(line.left(), line.center().y() - chip // 2, chip, chip), colour(tone))
            chip += px(4)
        painter.setPen(colour(colours().muted))
        room = line.adjusted(chip, 0, 0, 0)
        painter.drawText(
            room, Qt.AlignmentFlag.AlignLeft, painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room.width())
        )

    def _arrived(self, images: frozenset[int]) -> None:
        if any(cell.image in images for cell in self._cells):
            self.update()

    # ------------------------------------------------------------ mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        number = self.cell_at(event.position().toPoint())
        if number != self._hovered:
            self._hovered = number
            self.setCursor(Qt.CursorShape.PointingHandCursor if number >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        number = self.cell_at(event.position().toPoint())
        if number >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self.clicked.emit(self._cells[number].image)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            number = self.cell_at(event.pos())
            QToolTip.showText(event.globalPos(), self.words_of(self._cells[number]) if number >= 0 else "", self)
            return True
        return super().event(event)
