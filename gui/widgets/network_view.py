"""A network drawn large: blocks to scale that open and close, zoom, overview, selection, dragging of layers; saved as SVG and PNG."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from gui.widgets.network_drop import LAYER_MIME, Carried, carried, carry, may_drop
from gui.widgets.network_records import Slot
from gui.widgets.network_sight import Hit
from gui.widgets.network_stage import NetworkStage
from gui.widgets.network_tips import tip_of

__all__ = ["LAYER_MIME", "NetworkView"]

NOTCH = 1.2
"""Enlargement by one notch of the wheel, or by one press of +."""
EDGE = 28
"""Pixels from the edge within which a drag moves the drawing."""


class NetworkView(NetworkStage):
    """The drawing of a network.

    Attributes
    ----------
    layer_clicked : Signal(str)
        Dotted name of a layer or container that the person selected; "" where a click or Escape took the selection away.
    layer_activated : Signal(str)
        Double-clicked, or Enter; containers have opened or closed.
    menu_wanted : Signal(str, QPoint)
        Right click on a layer or container, which is selected; point on the screen.
    layer_dropped : Signal(str, bool, str, int)
        Dotted name (or kind, where True: a new layer), dotted name of the container ("" the network's body, "block1.shortcut"), and the
        number before which it goes among the container's layers as they are now.
    """

    layer_clicked = Signal(str)
    layer_activated = Signal(str)
    menu_wanted = Signal(str, QPoint)
    layer_dropped = Signal(str, bool, str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pressed: tuple[QPointF, Hit | None] | None = None
        self._panning = False
        self._described: tuple[str, object] = ("", None)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Drawing of the network"))
        self._refresh()

    # ------------------------------------------------------------ selection, opening

    @property
    def selected(self) -> str:
        """Dotted name of what is selected; "" where nothing is."""
        return self._selected

    def select(self, name: str) -> None:
        """Select a layer or container and bring it into view, without telling; within a closed container that one is marked."""
        self._mark(name)
        span = self._painter.sight.span(self._painter.sight.shown(name))
        if span is not None:
            self._camera.reveal(span)
            self._refresh()

    def mark_beside(self, names: tuple[str, ...]) -> None:
        """Mark further layers, which are selected together with that one; `select` takes their marks away."""
        self._beside = names
        self._refresh()

    def _mark(self, name: str) -> None:
        self._selected, self._beside = name, ()
        self._refresh()

    def _leave(self) -> None:
        """Select nothing, which is the network as a whole."""
        if self._selected:
            self._mark("")
            self.layer_clicked.emit("")

    def _choose(self, name: str) -> None:
        self.select(name)
        if name:
            self.layer_clicked.emit(name)

    def _activate(self, name: str) -> None:
        self.toggle(name)
        self.layer_activated.emit(name)

    # ------------------------------------------------------------ mouse

    def hit(self, point: QPointF) -> Hit | None:
        """What lies under a point of the widget."""
        return self._painter.sight.at(*self._camera.to_scene(point.x(), point.y())) if point.y() < self._camera.view[1] else None

    def place_of(self, name: str) -> QPointF | None:
        """Where a layer, or the title of an open container, is in the widget; None where it does not show."""
        grip = self._painter.sight.grip(name)
        return None if grip is None else QPointF(*self._camera.to_view(*grip))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        hit = self.hit(event.position())
        if event.button() is Qt.MouseButton.MiddleButton:
            hit = None
        elif event.button() is not Qt.MouseButton.LeftButton:
            return
        self._panning = False
        if hit is not None and hit.part == "badge":
            self._activate(hit.name)
            return
        self._pressed = event.position(), hit
        if hit is not None:  # nothing moves beneath the pointer
            self._mark(hit.name)
            self.layer_clicked.emit(hit.name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            self._hover(self.hit(event.position()))
            return
        start, hit = self._pressed
        moved = event.position() - start
        if not self._panning and moved.manhattanLength() < QApplication.startDragDistance():
            return
        if hit is not None and self._editable:
            self._pressed = None
            self._drag(hit.name)
            return
        self._panning = True
        self._pressed = event.position(), hit
        self._camera.pan(moved.x(), moved.y())
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        self._refresh()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, panned = self._pressed, self._panning
        self._pressed, self._panning = None, False
        if pressed is not None and pressed[1] is None and not panned and event.button() is Qt.MouseButton.LeftButton:
            self._leave()
        self._hover(self.hit(event.position()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        hit = self.hit(event.position())
        if hit is None:
            self.fit()
        elif hit.part != "badge":
            self._activate(hit.name)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def _hover(self, hit: Hit | None) -> None:
        name = hit.name if hit is not None else ""
        grip = Qt.CursorShape.OpenHandCursor if self._camera.larger else Qt.CursorShape.ArrowCursor
        self.setCursor(Qt.CursorShape.PointingHandCursor if hit is not None else grip)
        if name != self._hovered:
            self._hovered = name
            self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(NOTCH ** ((turned.y() or turned.x()) / 120), event.position())
            event.accept()
            return
        moved = event.pixelDelta() if not event.pixelDelta().isNull() else QPoint(round(turned.x() * 0.6), round(turned.y() * 0.6))
        _, top, _, bottom = self._camera.seen
        tall = self._painter.drawing.height > bottom - top
        across = event.modifiers() & Qt.KeyboardModifier.ShiftModifier or (not tall and not moved.x())
        if across:
            moved = QPoint(moved.y() or moved.x(), 0)
        if self._camera.larger:
            self._camera.pan(moved.x(), moved.y())
            self._refresh()
        event.accept()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_by(1 + event.value(), event.position())
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            hit = self.hit(QPointF(event.pos()))
            if hit is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self.tip(hit.name), self, QRect(event.pos(), QSize(1, 1)).adjusted(-4, -4, 4, 4))
            return True
        return super().event(event)

    def tip(self, name: str) -> str:
        """What is told of a layer or container when one points at it."""
        return tip_of(self._outline, name)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() is QContextMenuEvent.Reason.Keyboard and self._selected:
            place = self.place_of(self._painter.sight.shown(self._selected))
            spot = place.toPoint() if place is not None else self.rect().center()
            self.menu_wanted.emit(self._selected, self.mapToGlobal(spot))
            return
        hit = self.hit(QPointF(event.pos()))
        if hit is None:
            super().contextMenuEvent(event)
            return
        self._mark(hit.name)
        self.layer_clicked.emit(hit.name)
        self.menu_wanted.emit(hit.name, event.globalPos())

    # ------------------------------------------------------------ keyboard and screen readers

    def _refresh(self) -> None:
        super()._refresh()
        if self._described != (self._selected, self._painter):  # not while it only moves: sums over a thousand layers take time
            self._described = self._selected, self._painter
            self._describe()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys, key = Qt.Key, event.key()
        if event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier):
            super().keyPressEvent(event)
            return
        sight = self._painter.sight
        here = sight.shown(self._selected)
        if key in (keys.Key_Left, keys.Key_Right):
            self._choose(sight.next(here, 1 if key == keys.Key_Right else -1))
        elif key in (keys.Key_Up, keys.Key_Down):
            self._choose(sight.beside(here, key == keys.Key_Down))
        elif key in (keys.Key_Home, keys.Key_End):
            self._choose(sight.next("", 1 if key == keys.Key_Home else -1))
        elif key in (keys.Key_Return, keys.Key_Enter) and here:
            self._activate(here)
        elif key in (keys.Key_Plus, keys.Key_Equal, keys.Key_Minus):
            self.zoom_by(1 / NOTCH if key == keys.Key_Minus else NOTCH)
        elif key == keys.Key_F:
            self.fit()
        elif key == keys.Key_Escape and self._selected:
            self._leave()
        else:
            super().keyPressEvent(event)

    def _describe(self) -> None:
        blocks = sum(bool(box.name) for box in self._painter.drawing.boxes)
        text = self.tr("{number} blocks; arrows move the selection, Enter opens and closes").format(number=blocks)
        if self._selected:
            text = f"{self.tip(self._selected)}\n{text}"
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)

    # ------------------------------------------------------------ dragging of layers

    def _drag(self, name: str) -> None:
        drag = QDrag(self)
        drag.setMimeData(carry(name, is_new=False))
        drag.exec(Qt.DropAction.MoveAction | Qt.DropAction.CopyAction, Qt.DropAction.MoveAction)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._editable and carried(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._pull(event.position())
        layer = carried(event.mimeData())
        slot = self._slot_for(layer, event.position()) if layer is not None else None
        if slot != self._slot:
            self._slot = slot
            self.update()
        if slot is None:
            event.ignore()
        else:
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._slot = None
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        layer = carried(event.mimeData())
        slot = self._slot_for(layer, event.position()) if layer is not None else None
        self._slot = None
        self.update()
        if layer is None or slot is None:
            event.ignore()
            return
        event.acceptProposedAction()
        self.layer_dropped.emit(layer.source, layer.is_new, slot.container, slot.index)

    def _slot_for(self, layer: Carried, point: QPointF) -> Slot | None:
        if not self._editable:
            return None
        slot = self._painter.sight.slot_at(*self._camera.to_scene(point.x(), point.y()))
        if slot is None:
            return None
        return slot if may_drop(layer, slot, self._outline.number(layer.source, slot.container)) else None

    def _pull(self, point: QPointF) -> None:
        """A drag near the edge moves the drawing on."""
        width, height = self._camera.view
        dx = 12 if point.x() < EDGE else -12 if point.x() > width - EDGE else 0
        dy = 12 if point.y() < EDGE else -12 if point.y() > height - EDGE else 0
        if (dx or dy) and self._camera.larger:
            self._camera.pan(dx, dy)
            self._refresh()
