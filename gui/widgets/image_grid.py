"""The grid of pictures: thumbnails of what is seen, keys that label, pictures that can be dragged onto a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QDrag, QKeyEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.state import AppState
from gui.theme import colour, colours, font, px, theme
from gui.widgets.grid_view import GridView
from gui.widgets.picture_model import Filter, PictureModel, mime_of
from gui.widgets.thumbnails import Thumbnails

if TYPE_CHECKING:
    import numpy as np

ZOOMS = (48, 64, 80, 96, 128, 160, 208, 256, 320)
CAPTION_FROM = 64
"""Side of thumbnails, in pixels of the design, from which on the class stands below."""
COARSE = 3.0
"""Enlargement from which on the picture's own pixels are shown as squares."""


def paint_fitted(painter: QPainter, pixmap: QPixmap, area: QRect) -> QRect:
    """Paint a pixmap as large as it fits, in the middle; small ones with their pixels as squares. Gives where it is."""
    size = pixmap.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRect(
        area.x() + (area.width() - size.width()) // 2, area.y() + (area.height() - size.height()) // 2, size.width(), size.height()
    )
    coarse = size.width() > COARSE * pixmap.width()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not coarse)
    painter.drawPixmap(place, pixmap)
    return place


class TileDelegate(QStyledItemDelegate):
    """Paints a picture, and below it the colour and name of its class."""

    def __init__(self, model: PictureModel, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._thumbnails = thumbnails
        self.caption = 0  # height of the line below the picture, in pixels

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        tones = colours()
        row = index.row()
        area = QRect(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(tones.selected if selected else tones.hover))
            painter.drawRoundedRect(area, px(6), px(6))
        pad = px(4)
        side = area.width() - 2 * pad
        picture = QRect(area.x() + pad, area.y() + pad, side, area.height() - 2 * pad - self.caption)
        self._paint_picture(painter, picture, row)
        record = self._model.class_at(row)
        if self.caption:
            self._paint_caption(painter, QRect(picture.left(), picture.bottom() + 1, side, self.caption), record)
        elif record is not None:
            painter.fillRect(QRect(picture.left(), picture.bottom() - px(3), side, px(4)), colour(record.colour))
        if selected or option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour(tones.accent if selected else tones.muted), px(2) if selected else 1))
            painter.drawRoundedRect(QRectF(area).adjusted(1, 1, -1, -1), px(6), px(6))
        painter.restore()

    def _paint_picture(self, painter: QPainter, area: QRect, row: int) -> None:
        tones = colours()
        pixmap = self._thumbnails.get(self._model.id_at(row))
        if pixmap is not None and not pixmap.isNull():
            paint_fitted(painter, pixmap, area)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(tones.panel))
        painter.drawRoundedRect(area, px(3), px(3))
        if pixmap is not None:
            painter.setPen(colour(tones.error))
            painter.setFont(font(11))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.tr("cannot be read"))

    def _paint_caption(self, painter: QPainter, area: QRect, record: object) -> None:
        tones = colours()
        dot = px(8)
        place = QRectF(area.left(), area.center().y() - dot / 2 + 1, dot, dot)
        name = getattr(record, "name", "")
        if name:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(getattr(record, "colour", tones.muted)))
        else:
            painter.setPen(QPen(colour(tones.muted), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(place)
        painter.setFont(font(11))
        painter.setPen(colour(tones.text if name else tones.muted))
        words = area.adjusted(dot + px(5), 0, 0, 0)
        shown = painter.fontMetrics().elidedText(name or self.tr("unlabelled"), Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(px(96), px(96))


class ImageGrid(GridView):
    """The pictures that a filter shows.

    Attributes
    ----------
    label_wanted : Signal(tuple of int, int)
        Pictures, and the digit that was pressed.
    remove_wanted : Signal(tuple of int)
    preview_wanted : Signal(int)
        Space or Return on a picture, or a double click.
    picked : Signal
        The selection or the current picture is another one.
    """

    label_wanted = Signal(object, int)
    remove_wanted = Signal(object)
    preview_wanted = Signal(int)
    picked = Signal()

    def __init__(self, thumbnails: Thumbnails, zoom: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = PictureModel(self)
        self._thumbnails = thumbnails
        self._zoom = zoom
        self.setModel(self.pictures)
        self._tiles = TileDelegate(self.pictures, thumbnails, self)
        self.setItemDelegate(self._tiles)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName(self.tr("Pictures"))
        self.seen_changed.connect(self.ask_for_thumbnails)
        self.zoomed.connect(self.step_zoom)
        self.doubleClicked.connect(lambda index: self.preview_wanted.emit(self.pictures.id_at(index.row())))
        self.selectionModel().selectionChanged.connect(lambda *_: self.picked.emit())
        self.selectionModel().currentChanged.connect(lambda *_: self.picked.emit())
        self.pictures.modelReset.connect(self.picked)
        thumbnails.arrived.connect(self._repaint_some)
        theme().changed.connect(self.dress)
        self.dress()

    # ------------------------------------------------------------ what is shown

    def show_pictures(self, state: AppState, chosen: Filter) -> None:
        """Take over a state and a filter; keeps selection and place where the filter is the same."""
        keep = chosen == self.pictures.filter
        current, selected = self.current_image(), self.selected()
        row = self.currentIndex().row()
        self.pictures.show(state, chosen)
        if not keep:
            self.verticalScrollBar().setValue(0)
        elif current >= 0 and self.count() and (self.currentIndex().row() < 0 or (selected and not self.selectionModel().hasSelection())):
            self._restore(current, selected, row)
        self.viewport().update()

    def _restore(self, current: int, selected: tuple[int, ...], row: int) -> None:
        """Select again: the same pictures where they are still there, else the one that moved into the current one's place."""
        there = self.pictures.row_of(current)
        self.select_row(there if there >= 0 else min(max(row, 0), self.count() - 1))
        if there >= 0:
            self.select_images(selected)

    def leave(self) -> None:
        """Show nothing: what comes next is another project, whose pictures may have the same ids."""
        self.clearSelection()
        self.pictures.show(AppState(), Filter())
        self.verticalScrollBar().setValue(0)

    @property
    def zoom(self) -> int:
        return self._zoom

    def set_zoom(self, side: int) -> None:
        """Side of the thumbnails in pixels of the design."""
        if side != self._zoom:
            self._zoom = side
            self.dress()

    def step_zoom(self, steps: int) -> None:
        nearest = min(range(len(ZOOMS)), key=lambda at: abs(ZOOMS[at] - self._zoom))
        self.set_zoom(ZOOMS[min(max(nearest + steps, 0), len(ZOOMS) - 1)])

    def dress(self) -> None:
        caption = px(20) if self._zoom >= CAPTION_FROM else 0
        self._tiles.caption = caption
        gap = px(4)
        side = px(self._zoom) + px(8) + gap
        self._thumbnails.set_side(round(px(self._zoom) * self.devicePixelRatioF()))
        self.set_cell(QSize(side, side + caption), px(12), gap)

    def ask_for_thumbnails(self) -> None:
        """Want what is seen, then the next screen."""
        if not self.isVisible():
            return
        first, end = self.seen_rows()
        ahead = min(self.count(), end + (end - first))
        self._thumbnails.want("grid", tuple(self.pictures.id_at(row) for row in range(first, ahead)))

    def _repaint_some(self, images: frozenset[int]) -> None:
        first, end = self.seen_rows()
        for row in range(first, end):
            if self.pictures.id_at(row) in images:
                self.viewport().update(self.visualRect(self.pictures.index(row)))

    def showEvent(self, event: object) -> None:
        super().showEvent(event)
        self.ask_for_thumbnails()

    # ------------------------------------------------------------ selection

    def selected(self) -> tuple[int, ...]:
        """Ids of the selected pictures, ascending."""
        ids = self.pictures.ids()
        if ids is None:
            return ()
        picked: list[np.ndarray] = [ids[part.top() : part.bottom() + 1] for part in self.selectionModel().selection()]
        return tuple(sorted(image for part in picked for image in part.tolist()))

    def current_image(self) -> int:
        """The picture with the keyboard's attention, or -1."""
        return self.pictures.id_at(self.currentIndex().row()) if self.currentIndex().isValid() else -1

    def select_row(self, row: int) -> None:
        if 0 <= row < self.count():
            self.setCurrentIndex(self.pictures.index(row))
            self.scrollTo(self.pictures.index(row))

    def select_images(self, images: tuple[int, ...]) -> None:
        """Select pictures by id, those that are shown."""
        flag = QItemSelectionModel.SelectionFlag.Select
        for image in images:
            row = self.pictures.row_of(image)
            if row >= 0:
                self.selectionModel().select(self.pictures.index(row), flag)

    def step(self, rows: int) -> int:
        """Go some pictures on or back; gives the picture there, -1 without one."""
        if self.count():
            self.select_row(min(max(self.currentIndex().row() + rows, 0), self.count() - 1))
        return self.current_image()

    # ------------------------------------------------------------ keys and drags

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        picked = self.selected()
        key = event.key()
        if plain and picked and Qt.Key.Key_0 <= key <= Qt.Key.Key_9:
            self.label_wanted.emit(picked, key - Qt.Key.Key_0)
        elif plain and picked and key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_wanted.emit(picked)
        elif plain and self.current_image() >= 0 and key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.preview_wanted.emit(self.current_image())
        elif key == Qt.Key.Key_Escape and picked:
            self.clearSelection()
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def startDrag(self, actions: Qt.DropAction) -> None:
        picked = self.selected()
        if not picked:
            return
        drag = QDrag(self)
        drag.setMimeData(mime_of(picked))
        drag.setPixmap(self._drag_picture(picked))
        drag.exec(Qt.DropAction.CopyAction)

    def _drag_picture(self, picked: tuple[int, ...]) -> QPixmap:
        side = px(72)
        made = QPixmap(side, side)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        first = self._thumbnails.get(self.current_image() if self.current_image() in picked else picked[0])
        if first is not None and not first.isNull():
            painter.setOpacity(0.9)
            paint_fitted(painter, first, made.rect())
            painter.setOpacity(1.0)
        if len(picked) > 1:
            words = str(len(picked))
            painter.setFont(font(13))
            width = painter.fontMetrics().horizontalAdvance(words) + px(12)
            badge = QRect(side - width, 0, width, px(22))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(colours().accent))
            painter.drawRoundedRect(badge, px(11), px(11))
            painter.setPen(colour(colours().on_accent))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, words)
        painter.end()
        return made
