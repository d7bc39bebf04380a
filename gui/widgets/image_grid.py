"""The grid of pictures: thumbnails of what is seen, keys that label, pictures that can be dragged onto a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QItemSelectionRange, QRect, QSize, Qt, Signal
from PySide6.QtGui import QDrag, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QWidget

from engine.project.records import Flag
from gui.state import AppState
from gui.theme import colour, colours, font, px, theme
from gui.widgets.grid_view import GridView
from gui.widgets.picture_model import AS_ADDED, Filter, Order, PictureModel, mime_of
from gui.widgets.thumbnails import Thumbnails
from gui.widgets.tiles import Tiles, paint_fitted

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ZOOMS", "ImageGrid", "paint_fitted"]

ZOOMS = (48, 64, 80, 96, 128, 160, 208, 256, 320)
CAPTION_FROM = 64
"""Side of thumbnails, in pixels of the design, from which on the class stands below."""
RANGES_RESTORED = 5_000
"""Separate ranges of a selection that are selected again after the rows have changed places; more would take longer than a blink."""


class ImageGrid(GridView):
    """The pictures that a filter shows.

    Attributes
    ----------
    label_wanted : Signal(tuple of int, int)
        Pictures, and the digit that was pressed.
    letter_pressed : Signal(str)
        A letter, in lower case, or "/".
    entered : Signal(int)
        Return on a picture.
    remove_wanted : Signal(tuple of int)
    preview_wanted : Signal(int)
        Space on a picture, or a double click.
    picked : Signal
        The selection or the current picture is another one.
    """

    label_wanted = Signal(object, int)
    letter_pressed = Signal(str)
    entered = Signal(int)
    remove_wanted = Signal(object)
    preview_wanted = Signal(int)
    picked = Signal()

    def __init__(self, thumbnails: Thumbnails, zoom: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = PictureModel(self)
        self._thumbnails = thumbnails
        self._zoom = zoom
        self._picked: np.ndarray | None = None
        self.setModel(self.pictures)
        self._tiles = Tiles(self.pictures, thumbnails)
        for signal in (self.pictures.modelReset, self.pictures.rowsInserted, self.pictures.rowsRemoved):
            signal.connect(self._forget_picked)
        self.selectionModel().selectionChanged.connect(self._forget_picked)
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

    def show_pictures(self, state: AppState, chosen: Filter, order: Order = AS_ADDED) -> None:
        """Take over a state, a filter and an order; keeps selection and place where filter and order are the same."""
        keep = chosen == self.pictures.filter and order == self.pictures.order
        current, selected = self.current_image(), self.selected_ids()
        row = self.currentIndex().row()
        self.pictures.show(state, chosen, order)
        if not keep:
            self.verticalScrollBar().setValue(0)
        elif current >= 0 and self.count() and (self.currentIndex().row() < 0 or (len(selected) and not self._any_selected())):
            self._restore(current, selected, row)
        self.viewport().update()

    def _restore(self, current: int, selected: np.ndarray, row: int) -> None:
        """Select again: the same pictures where they are still there, else the one that moved into the current one's place."""
        there = self.pictures.row_of(current)
        self.select_row(there if there >= 0 else min(max(row, 0), self.count() - 1))
        if there >= 0:
            self.select_images(selected)

    def _any_selected(self) -> bool:
        return bool(self.selectionModel().hasSelection())

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
        self._tiles.dress()
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
        ids = self.pictures.ids()
        first, end = self.seen_rows()
        ahead = min(self.count(), end + (end - first))
        self._thumbnails.want("grid", tuple(ids[first:ahead].tolist()) if ids is not None else ())

    def _repaint_some(self, images: frozenset[int]) -> None:
        ids = self.pictures.ids()
        first, end = self.seen_rows()
        shift = -self.verticalOffset()
        for row, image in enumerate(ids[first:end].tolist() if ids is not None else (), first):
            if image in images:
                self.viewport().update(self._rect(row).translated(0, shift))

    def begin_cells(self, painter: QPainter) -> None:
        self._tiles.begin(painter)

    def paint_cell(self, painter: QPainter, area: QRect, row: int, selected: bool, focused: bool, hovered: bool) -> None:
        self._tiles.paint(painter, area, row, selected, focused, hovered)

    def showEvent(self, event: object) -> None:
        super().showEvent(event)
        self.ask_for_thumbnails()

    # ------------------------------------------------------------ selection

    def selected(self) -> tuple[int, ...]:
        """Ids of the selected pictures, ascending."""
        return tuple(self.selected_ids().tolist())

    def shown(self) -> tuple[int, ...]:
        """Ids of all pictures that are shown, as they are shown."""
        ids = self.pictures.ids()
        return tuple(ids.tolist()) if ids is not None else ()

    def selected_ids(self) -> np.ndarray:
        """Ids of the selected pictures, int64, ascending."""
        import numpy as np

        ids = self.pictures.ids()
        if self._picked is None:
            parts = [ids[part.top() : part.bottom() + 1] for part in self.selectionModel().selection()] if ids is not None else []
            self._picked = np.sort(np.concatenate(parts), kind="stable") if parts else np.empty(0, np.int64)
        return self._picked

    def selected_count(self) -> int:
        """Number of selected pictures; quick whatever it is."""
        return sum(part.bottom() - part.top() + 1 for part in self.selectionModel().selection())

    def all_have(self, flag: Flag) -> bool:
        """Whether all selected pictures have a mark."""
        rows = self.selected_rows()
        return bool(len(rows)) and bool((self.pictures.flags_of(rows) & int(flag)).all())

    def selected_rows(self) -> np.ndarray:
        """Rows of the selected pictures, int64, ascending."""
        import numpy as np

        parts = [np.arange(part.top(), part.bottom() + 1) for part in self.selectionModel().selection()]
        return np.sort(np.concatenate(parts), kind="stable") if parts else np.empty(0, np.int64)

    def _forget_picked(self) -> None:
        self._picked = None

    def current_image(self) -> int:
        """The picture with the keyboard's attention, or -1."""
        return self.pictures.id_at(self.currentIndex().row()) if self.currentIndex().isValid() else -1

    def select_row(self, row: int) -> None:
        if 0 <= row < self.count():
            self.setCurrentIndex(self.pictures.index(row))
            self.scrollTo(self.pictures.index(row))

    def select_images(self, images: Sequence[int] | np.ndarray) -> None:
        """Select pictures by id as well, those that are shown."""
        import numpy as np

        rows = np.sort(self.pictures.rows_of(np.asarray(images, np.int64)))
        parts = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []
        if len(parts) > RANGES_RESTORED:
            return
        picked = QItemSelection()
        for part in parts:
            picked.append(QItemSelectionRange(self.pictures.index(int(part[0])), self.pictures.index(int(part[-1]))))
        self.selectionModel().select(picked, QItemSelectionModel.SelectionFlag.Select)

    def step(self, rows: int) -> int:
        """Go some pictures on or back; gives the picture there, -1 without one."""
        if self.count():
            self.select_row(min(max(self.currentIndex().row() + rows, 0), self.count() - 1))
        return self.current_image()

    # ------------------------------------------------------------ keys and drags

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._key(event):
            super().keyPressEvent(event)
            return
        event.accept()

    def _key(self, event: QKeyEvent) -> bool:
        """Do what a key asks for; False where it is none of the grid's own."""
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if not modifiers and event.text().isalnum() and not self._any_selected() and self.current_image() >= 0:
            self.select_row(self.currentIndex().row())  # the outlined picture is meant
        any_selected = self._any_selected()
        if key == Qt.Key.Key_Escape and any_selected:
            self.clearSelection()
        elif key == Qt.Key.Key_A and modifiers == Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier:
            self.invert_selection()
        elif modifiers:
            return False
        elif Qt.Key.Key_0 <= key <= Qt.Key.Key_9:
            if any_selected:
                self.label_wanted.emit(self.selected(), key - Qt.Key.Key_0)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            if any_selected:
                self.remove_wanted.emit(self.selected())
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current_image() >= 0:
            (self.preview_wanted if key == Qt.Key.Key_Space else self.entered).emit(self.current_image())
        elif event.text() and (event.text() == "/" or event.text().isalpha()):
            self.letter_pressed.emit(event.text().lower())
        else:
            return False
        return True

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
