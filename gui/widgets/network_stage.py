"""The ground that a large network is drawn on: layout, camera, overview, painting, and the picture as SVG and PNG."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from engine.networks.arithmetic import LayerRow, NetworkError
from engine.networks.layers import Network
from gui.theme import font, px, theme
from gui.widgets.canvas import Canvas, Row, ink
from gui.widgets.network_camera import FITTED, Camera
from gui.widgets.network_colours import look
from gui.widgets.network_layout import lay_out
from gui.widgets.network_legend import LEGEND, paint_legend
from gui.widgets.network_lettering import CAPTION, words
from gui.widgets.network_minimap import NetworkMinimap
from gui.widgets.network_outline import Outline
from gui.widgets.network_painting import Marks, NetworkPainter
from gui.widgets.network_records import Drawing, Slot

MOST_PIXELS = 64_000_000
"""Of a picture that is saved; larger ones are made smaller."""
START = 0.56
"""Smallest zoom at first: words are just not left out."""
MANY = 600
"""Boxes from which on a view of another size does not fold the rows anew."""


MINIMAP_BELOW = 0.7
"""Share of the drawing in view from which on the overview would hide more than it tells."""


class NetworkStage(Canvas):
    """A network laid out and painted, with what is selected, hovered and about to be dropped; hands come with `NetworkView`.

    Attributes
    ----------
    save_failed : Signal(str)
        A file that could not be written.
    """

    file_name = "network"
    save_failed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._outline = Outline(None, ())
        self._names: frozenset[str] = frozenset()
        self._title = ""
        self._input_title = ""
        self._opened: frozenset[str] = frozenset()
        self._selected = ""
        self._beside: tuple[str, ...] = ()
        self._hovered = ""
        self._slot: Slot | None = None
        self._editable = False
        self._empty = ""
        self._camera = Camera()
        self._scale = theme().scale
        self._camera.most = FITTED * self._scale
        self._laid_for = (0.0, 0.0)
        self._painter = NetworkPainter(Drawing(), look())
        self._minimap = NetworkMinimap(self)
        self._minimap.moved.connect(self._go_to)

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
        if self._camera.untouched:  # rows are folded for the view as it is now: the zoom of another one would cut them off
            self._camera.read(START * self._scale)
        self._minimap.set_drawing(self._painter)

    def _room(self) -> tuple[float, float]:
        return max(50.0, float(self.width())), max(50.0, float(self.height() - px(LEGEND)))

    def _refresh(self) -> None:
        """Show what has changed of place, selection or drawing."""
        self._minimap.setVisible(self._camera.share < MINIMAP_BELOW and bool(self._painter.drawing.boxes))
        self._minimap.move(self.width() - self._minimap.width() - px(8), self.height() - px(LEGEND) - self._minimap.height() - px(8))
        self._minimap.set_seen(self._camera.seen)
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

    # ------------------------------------------------------------ opening

    @property
    def opened(self) -> frozenset[str]:
        """Names of the containers that are open."""
        return self._opened

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
        if few and self._camera.untouched and room != self._laid_for:
            self._lay_out()
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
        chosen = frozenset(self._painter.sight.shown(name) for name in (self._selected, *self._beside) if name)
        marks = Marks(chosen, self._hovered, self._slot)
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
