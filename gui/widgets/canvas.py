"""Base of all widgets that paint themselves: one `paint` for the screen, the clipboard, PNG and SVG; one table for CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QGuiApplication, QImage, QPainter, QPaintEvent
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from gui.theme import colour, colours, theme

Row = Sequence[object]


def image_of(pixels: np.ndarray) -> QImage:
    """A QImage with its own copy of uint8 height x width x 3 (or 4: with opacity) pixels."""
    height, width, channels = pixels.shape
    kind = QImage.Format.Format_RGB888 if channels == 3 else QImage.Format.Format_RGBA8888
    kept = np.ascontiguousarray(pixels, dtype=np.uint8)
    return QImage(kept.data, width, height, channels * width, kind).copy()


def between(first: QColor, second: QColor, share: float) -> QColor:
    """The colour `share` of the way from the first to the second."""
    pairs = zip(first.getRgbF()[:3], second.getRgbF()[:3], strict=True)
    return QColor.fromRgbF(*[a + (b - a) * share for a, b in pairs])


def ink(name: str, alpha: float = 1.0) -> QColor:
    """A colour of the scheme in use by its name in `Colours`, for example "muted"."""
    return colour(getattr(colours(), name), alpha)


class Canvas(QWidget):
    """A widget painted by `paint`. Right-click offers to copy it and to save it as PNG, SVG and, where it has a table, CSV."""

    file_name = "picture"
    ground = "surface"
    """Name in `Colours` of what it lies on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        theme().changed.connect(self.restyle)

    def restyle(self) -> None:
        """Colours or scale have changed."""
        self.updateGeometry()
        self.update()

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        """Paint the whole widget on `size` logical pixels; nothing but data, palette and font may matter."""
        raise AssertionError(f"{type(self).__name__} paints nothing")

    def table(self) -> list[Row]:
        """The numbers shown, header first; empty where there are none."""
        return []

    def has_table(self) -> bool:
        return bool(self.table())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), ink(self.ground))
        self.paint(painter, QSizeF(self.size()))
        painter.end()

    # ------------------------------------------------------------ copy and save

    def picture(self, factor: float = 2.0) -> QImage:
        """The widget as it is now, as pixels."""
        size = self._export_size()
        image = QImage(size * factor, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(factor)
        image.fill(ink("surface"))
        painter = QPainter(image)
        self.paint(painter, QSizeF(size))
        painter.end()
        return image

    def _export_size(self) -> QSize:
        return self.size().expandedTo(QSize(160, 120))

    def save_png(self, path: str | Path) -> bool:
        return self.picture().save(str(path), "PNG")

    def save_svg(self, path: str | Path) -> None:
        size = self._export_size()
        generator = QSvgGenerator()
        generator.setFileName(str(path))
        generator.setSize(size)
        generator.setViewBox(QRect(QPoint(0, 0), size))
        generator.setTitle(self.file_name)
        painter = QPainter(generator)
        painter.fillRect(QRect(QPoint(0, 0), size), ink("surface"))
        self.paint(painter, QSizeF(size))
        painter.end()

    def csv_text(self) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.table())
        return text.getvalue()

    def save_csv(self, path: str | Path) -> None:
        Path(path).write_text(self.csv_text(), encoding="utf-8", newline="")

    def copy_picture(self) -> None:
        QGuiApplication.clipboard().setImage(self.picture())

    def copy_table(self) -> None:
        rows = self.table()
        QGuiApplication.clipboard().setText("\n".join("\t".join(str(cell) for cell in row) for row in rows))

    def export_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Copy as picture"), self.copy_picture)
        numbers = self.has_table()
        if numbers:
            menu.addAction(self.tr("Copy numbers"), self.copy_table)
        menu.addSeparator()
        menu.addAction(self.tr("Save as PNG…"), lambda: self._ask(".png"))
        menu.addAction(self.tr("Save as SVG…"), lambda: self._ask(".svg"))
        if numbers:
            menu.addAction(self.tr("Save as CSV…"), lambda: self._ask(".csv"))
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.export_menu().popup(event.globalPos())

    def _ask(self, ending: str) -> None:
        path, _ = QFileDialog.getSaveFileName(self, self.tr("Save"), self.file_name + ending, f"*{ending}")
        if not path:
            return
        if not path.lower().endswith(ending):
            path += ending
        {".png": self.save_png, ".svg": self.save_svg, ".csv": self.save_csv}[ending](path)
