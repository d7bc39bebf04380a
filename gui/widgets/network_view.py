"""A network drawn large: blocks to scale that open and close, zoom, overview, selection, dragging of layers; saved as SVG and PNG."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QMenu, QToolTip, QWidget

from engine.networks.arithmetic import LayerRow, NetworkError
from engine.networks.layers import Network
from gui.theme import font, px, theme
from gui.widgets.canvas import Canvas, Row, ink
from gui.widgets.network_camera import FITTED, Camera
from gui.widgets.network_colours import look
from gui.widgets.network_drop import LAYER_MIME, Carried, carried, carry, may_drop
from gui.widgets.network_layout import lay_out
from gui.widgets.network_legend import LEGEND, paint_legend
from gui.widgets.network_lettering import CAPTION, words
from gui.widgets.network_minimap import NetworkMinimap
from gui.widgets.network_outline import Outline
from gui.widgets.network_painting import Marks, NetworkPainter
from gui.widgets.network_records import Drawing, Slot
from gui.widgets.network_sight import Hit, middle_of
from gui.widgets.network_tips import tip_of

__all__ = ["LAYER_MIME", "NetworkView"]

NOTCH = 1.2
"""Enlargement by one notch of the wheel, or by one press of +."""
MOST_PIXELS = 64_000_000
"""Of a picture that is saved; larger ones are made smaller."""
START = 0.56
"""Smallest zoom at first: words are just not left out."""
MANY = 600
"""Boxes from which on a view of another size does not fold the rows anew."""
EDGE = 28
"""Pixels from the edge within which a drag moves the drawing."""


class NetworkView(Canvas):
    """The drawing of a network.

    Attributes
    ----------
    layer_clicked : Signal(str)
        Dotted name of a layer or container that the person selected.
    layer_activated : Signal(str)
        Double-clicked, or Enter; containers have opened or closed.
    menu_wanted : Signal(str, QPoint)
        Right click on a layer or container, which is selected; point on the screen.
    layer_dropped : Signal(str, bool, str, int)
        Dotted name (or kind, where True: a new layer), dotted name of the container ("" the network's body, "block1.shortcut"), and the
        number before which it goes among the container's layers as they are now.
    save_failed : Signal(str)
        A file that could not be written.
    """

    file_name = "network"
    layer_clicked = Signal(str)
    layer_activated = Signal(str)
    menu_wanted = Signal(str, QPoint)
    layer_dropped = Signal(str, bool, str, int)
    save_failed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._outline = Outline(None, ())
        self._names: frozenset[str] = frozenset()
        self._title = ""
        self._input_title = ""
        self._opened: frozenset[str] = frozenset()
        self._selected = ""
        self._hovered = ""
        self._slot: Slot | None = None
        self._editable = False
        self._empty = ""
        self._pressed: tuple[QPointF, Hit | None] | None = None
        self._panning = False
        self._camera = Camera()
        self._scale = theme().scale
        self._camera.most = FITTED * self._scale
        self._laid_for = (0.0, 0.0)
        self._painter = NetworkPainter(Drawing(), look())
        self._minimap = NetworkMinimap(self)
        self._minimap.moved.connect(self._go_to)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Drawing of the network"))
        self._describe()

    # ------------------------------------------------------------ what is drawn

    def set_network(self, network: Network | None, rows: tuple[LayerRow, ...], input_title: str, error: NetworkError | None = None) -> None:
        """Draw a network; of one that is being changed, what is open, selected and in view stays.

        Parameters
        ----------
        network : Network or None
            Its tree; None where it is known by its rows alone, whose dotted names then group them.
        rows : tuple of LayerRow
            As far as they are worked out.
        input_title : str
            What the picture is called.
        error : NetworkError or None
            Its layer is marked; what comes after is grey and has no sizes.
        """
        title = network.name if network is not None else ""
        before = self._outline
        self._outline = Outline(network, rows, error)
        names = frozenset(row.name for row in rows)
        known = before.body().nodes and title == self._title and len(names & self._names) * 2 >= min(len(names), len(self._names))
        same = bool(known) and (network is not None or names == self._names)
        self._title, self._names, self._input_title = title, names, input_title
        if same:
            kept = self._opened & self._outline.all_containers() if len(rows) < 2000 else self._opened
            self._opened = kept | (self._outline.fresh(before) if network is not None else frozenset())
        else:
            self._opened = self._outline.open_at_first()
            self._selected = ""
            self._camera.fitted = True
        self._hovered, self._slot = "", None
        self._lay_out()
        if not same:
            self._camera.read(START * self._scale)
        self._refresh()

    def set_empty_text(self, text: str) -> None:
        """What is written where there is nothing to draw."""
        self._empty = text
        self.update()

    def set_editable(self, editable: bool) -> None:
        """Whether layers can be dragged, and dropped between others."""
        if editable != self._editable:
            self._editable = editable
            self.setAcceptDrops(editable)
            self._lay_out()
            self._refresh()

    def _lay_out(self) -> None:
        room = self._room()
        self._laid_for = room
        view = room[0] / self._scale, room[1] / self._scale
        if not self._outline.body().nodes:
            drawing = Drawing()
        else:
            metrics = QFontMetricsF(words(CAPTION))
            measure = metrics.horizontalAdvance
            drawing = lay_out(self._outline, self._opened, measure, view, self._input_title or self.tr("input"), self._editable)
        self._painter = NetworkPainter(drawing, look())
        self._camera.set_sizes(room, (drawing.width, drawing.height))
        self._minimap.set_drawing(self._painter)

    def _room(self) -> tuple[float, float]:
        return max(50.0, float(self.width())), max(50.0, float(self.height() - px(LEGEND)))

    def _refresh(self) -> None:
        """Show what has changed of place, selection or drawing."""
        self._minimap.setVisible(self._camera.larger and bool(self._painter.drawing.boxes))
        self._minimap.move(self.width() - self._minimap.width() - px(8), self.height() - px(LEGEND) - self._minimap.height() - px(8))
        self._minimap.set_seen(self._camera.seen)
        self._describe()
        self.update()

    def restyle(self) -> None:
        """Colours or scale have changed."""
        self._camera.zoom *= theme().scale / self._scale
        self._scale = theme().scale
        self._camera.most = FITTED * self._scale
        self._lay_out()
        self._refresh()
        super().restyle()

    def sizeHint(self) -> QSize:
        return QSize(px(900), px(340))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(240), px(160))

    # ------------------------------------------------------------ selection, opening

    @property
    def selected(self) -> str:
        """Dotted name of what is selected; "" where nothing is."""
        return self._selected

    @property
    def opened(self) -> frozenset[str]:
        """Names of the containers that are open."""
        return self._opened

    def select(self, name: str) -> None:
        """Select a layer or container and bring it into view, without telling; within a closed container that one is marked."""
        self._selected = name
        span = self._painter.sight.span(self._painter.sight.shown(name))
        if span is not None:
            self._camera.reveal(span)
        self._refresh()

    def _choose(self, name: str) -> None:
        self.select(name)
        if name:
            self.layer_clicked.emit(name)

    def toggle(self, name: str) -> None:
        """Open a closed container, or close an open one, keeping it where it is."""
        name = self._outline.opener(name)
        if not name:
            return
        before = self._painter.sight.span(name)
        self._opened = self._opened ^ {name}
        self._lay_out()
        after = self._painter.sight.span(name)
        if before is not None and after is not None:
            self._camera.hold((before[0], before[1]), (after[0], after[1]))
        self._refresh()

    def expand_all(self) -> None:
        """Open all containers."""
        self._open(self._outline.all_containers())

    def collapse_all(self) -> None:
        """Close all containers."""
        self._open(frozenset())

    def _open(self, names: frozenset[str]) -> None:
        self._opened = names
        self._camera.fitted = True
        self._lay_out()
        self._camera.read(START * self._scale)
        self._refresh()

    def _activate(self, name: str) -> None:
        self.toggle(name)
        self.layer_activated.emit(name)

    # ------------------------------------------------------------ zoom and place

    def fit(self) -> None:
        """Show the whole network."""
        self._camera.fit()
        self._refresh()

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Enlarge about a point of the widget."""
        self._camera.zoom_by(factor, (about.x(), about.y()) if about is not None else None)
        self._refresh()

    @property
    def zoom(self) -> float:
        """Pixels a pixel of the design."""
        return self._camera.zoom

    def _go_to(self, x: float, y: float) -> None:
        self._camera.centre(x, y)
        self._refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = self._room()
        few = len(self._painter.drawing.boxes) < MANY
        if few and self._camera.fitted and room != self._laid_for:
            self._lay_out()
            self._camera.read(START * self._scale)
        else:
            self._camera.set_sizes(room, (self._painter.drawing.width, self._painter.drawing.height))
        self._refresh()

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), ink(self.ground))
        if not self._painter.drawing.boxes:
            painter.setFont(font(13))
            painter.setPen(ink("muted"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            painter.end()
            return
        camera = self._camera
        painter.save()
        painter.setClipRect(QRectF(0, 0, self.width(), camera.view[1]))
        painter.scale(camera.zoom, camera.zoom)
        painter.translate(-camera.left, -camera.top)
        marks = Marks(self._painter.sight.shown(self._selected), self._hovered, self._slot)
        self._painter.paint(painter, camera.seen, camera.zoom, marks)
        painter.restore()
        place = QRectF(0, camera.view[1], self.width(), px(LEGEND))
        paint_legend(painter, self._painter, place, self._scale)
        if self.hasFocus():
            painter.setPen(ink("line"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        """The whole network and the legend, as it is saved and copied."""
        drawing = self._painter.drawing
        self._painter.paint(painter, (0.0, 0.0, drawing.width, drawing.height), 1.0)
        paint_legend(painter, self._painter, QRectF(0, drawing.height, size.width(), LEGEND), 1.0)

    def _export_size(self) -> QSize:
        drawing = self._painter.drawing
        return QSize(math.ceil(drawing.width), math.ceil(drawing.height) + LEGEND).expandedTo(QSize(360, 120))

    def picture(self, factor: float = 2.0) -> QImage:
        """The whole network as pixels; very large ones smaller than asked."""
        size = self._export_size()
        factor = min(factor, math.sqrt(MOST_PIXELS / (size.width() * size.height())))
        image = QImage(size * factor, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(factor)
        image.fill(ink("surface"))
        painter = QPainter(image)
        self.paint(painter, QSizeF(size))
        painter.end()
        return image

    def save_png(self, path: str | Path, scale: float = 2) -> bool:
        """Save the whole network; whether that went well, else `save_failed` tells."""
        done = self.picture(scale).save(str(path), "PNG")
        if not done:
            self.save_failed.emit(str(path))
        return done

    def save_svg(self, path: str | Path) -> None:
        """Save the whole network; `save_failed` tells where that did not go well."""
        super().save_svg(path)
        if not Path(path).is_file():
            self.save_failed.emit(str(path))

    def copy(self) -> None:
        """The whole network into the clipboard."""
        self.copy_picture()

    def table(self) -> list[Row]:
        return []

    def export_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Copy"), self.copy)
        menu.addAction(self.tr("Save as SVG…"), lambda: self._ask(".svg"))
        menu.addAction(self.tr("Save as PNG…"), lambda: self._ask(".png"))
        menu.addSeparator()
        menu.addAction(self.tr("Expand all"), self.expand_all)
        menu.addAction(self.tr("Collapse all"), self.collapse_all)
        menu.addAction(self.tr("Fit"), self.fit)
        return menu

    # ------------------------------------------------------------ mouse

    def hit(self, point: QPointF) -> Hit | None:
        """What lies under a point of the widget."""
        return self._painter.sight.at(*self._camera.to_scene(point.x(), point.y())) if point.y() < self._camera.view[1] else None

    def place_of(self, name: str) -> QPointF | None:
        """The middle of a layer in the widget; None where it does not show."""
        span = self._painter.sight.span(name)
        return None if span is None else QPointF(*self._camera.to_view(*middle_of(span)))

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
        if hit is not None:
            self._choose(hit.name)

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
        self._pressed, self._panning = None, False
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
        self._choose(hit.name)
        self.menu_wanted.emit(hit.name, event.globalPos())

    # ------------------------------------------------------------ keyboard

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
