"""One picture, as large as there is room; and the same over the whole window, for a look with the space bar."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import colour, colours, font, px
from gui.widgets.image_grid import paint_fitted


class FittedPicture(QWidget):
    """A picture fitted into the widget, or words where there is none.

    Attributes
    ----------
    clicked : Signal
    """

    clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap: QPixmap | None = None
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_picture(self, pixmap: QPixmap | None, words: str = "") -> None:
        self._pixmap, self._words = pixmap, words
        self.update()

    @property
    def pixmap(self) -> QPixmap | None:
        return self._pixmap

    def sizeHint(self) -> QSize:
        return QSize(px(240), px(240))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._pixmap is not None and not self._pixmap.isNull():
            paint_fitted(painter, self._pixmap, self.rect())
        elif self._words:
            painter.setPen(colour(colours().muted))
            painter.setFont(font(13))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._words)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit()


class Preview(QWidget):
    """A picture over the window. Arrows go to the next one, digits label, Space or Esc closes.

    Attributes
    ----------
    stepped : Signal(int)
        Go this many pictures on.
    labelled : Signal(int)
        The digit that was pressed.
    """

    stepped = Signal(int)
    labelled = Signal(int)
    closed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._pixmap: QPixmap | None = None
        self._words = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Large picture"))
        window.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        self.setGeometry(self.parentWidget().rect())
        self.show()
        self.raise_()
        self.setFocus()

    def show_picture(self, pixmap: QPixmap | None, words: str) -> None:
        self._pixmap, self._words = pixmap, words
        self.update()

    def leave(self) -> None:
        if self.isVisible():
            self.hide()
            self.closed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(colours().surface))
        area = self.rect().adjusted(px(48), px(40), -px(48), -px(72))
        if self._pixmap is not None and not self._pixmap.isNull():
            paint_fitted(painter, self._pixmap, area)
        painter.setFont(font(14))
        painter.setPen(colour(colours().text))
        foot = self.rect().adjusted(px(16), self.height() - px(56), -px(16), -px(12))
        painter.drawText(foot, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, self._words)
        painter.setFont(font(11))
        painter.setPen(colour(colours().muted))
        hint = self.tr("← → other pictures · 1–9 label · 0 none · Space closes")
        painter.drawText(foot, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, hint)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        if key in (Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Return):
            self.leave()
        elif key in steps:
            self.stepped.emit(steps[key])
        elif Qt.Key.Key_0 <= key <= Qt.Key.Key_9:
            self.labelled.emit(key - Qt.Key.Key_0)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.leave()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self.parentWidget().rect())
        return False
