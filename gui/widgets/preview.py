"""One picture, as large as there is room; and the same over the whole window, to be zoomed into, with the space bar."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.messages import PictureReady
from gui.theme import colour, colours, font, px, theme
from gui.widgets.basics import button, label
from gui.widgets.canvas import image_of
from gui.widgets.tiles import paint_fitted
from gui.widgets.zoom_view import NOTCH, ZoomView


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
    """A picture over the window, zoomed by the wheel, moved by dragging.

    Arrows go to other pictures, digits and letters label, + and - zoom, Ctrl+0 fits, Ctrl+1 shows one pixel of the picture on one of the
    screen, Space, Enter or Esc closes.

    Attributes
    ----------
    stepped : Signal(int)
        Go this many pictures on.
    labelled : Signal(int)
        The digit that was pressed.
    key_labelled : Signal(str)
        The letter that was pressed, in lower case; a class may have it as its key (ClassRecord.key).
    larger_wanted : Signal(int)
        The picture is looked at closer than it is here: ask for it again, WantPicture(image, side), and hand the answer to `show_ready`.
    closed : Signal
    """

    stepped = Signal(int)
    labelled = Signal(int)
    key_labelled = Signal(str)
    larger_wanted = Signal(int)
    closed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._ready: PictureReady | None = None
        self.view = ZoomView(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Large picture"))
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.view, 1)
        self.words = label("", "section")
        self.words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._column.addWidget(self.words)
        self._build_foot()
        self.view.larger_wanted.connect(self.larger_wanted)
        self.view.pointed.connect(self.pixel.setText)
        self.view.zoomed.connect(self._show_zoom)
        self.view.missed.connect(self.leave)
        window.installEventFilter(self)
        theme().changed.connect(self.dress)
        self.dress()
        self.hide()

    def _build_foot(self) -> None:
        foot = self._foot = QHBoxLayout()
        self.pixel = label("", "muted")
        self.hint = label(self.tr("← → other pictures · keys label, 0 none · wheel zooms · Space closes"), "caption")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for side in (self.pixel, self.hint):
            side.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        foot.addWidget(self.pixel, 2)
        foot.addWidget(self.hint, 3)
        right = QHBoxLayout()
        right.addStretch(1)
        self.scale: QLabel = label("", "muted")
        right.addWidget(self.scale)
        for words, tip, act in (
            ("−", self.tr("Smaller (-)"), lambda: self.view.set_zoom(self.view.zoom / NOTCH)),
            ("+", self.tr("Larger (+)"), lambda: self.view.set_zoom(self.view.zoom * NOTCH)),
            (self.tr("Fit"), self.tr("The whole picture (Ctrl+0)"), self.view.fit),
            (self.tr("100 %"), self.tr("One pixel of the picture on one of the screen (Ctrl+1)"), lambda: self.view.set_zoom(1.0)),
        ):
            made = button(words, "quiet", tip)
            made.setAccessibleName(tip)
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            made.clicked.connect(act)
            right.addWidget(made)
        foot.addLayout(right, 2)
        self._column.addLayout(foot)

    def open(self) -> None:
        self.setGeometry(self.parentWidget().rect())
        self.view.fit()
        self.show()
        self.raise_()
        self.setFocus()

    def show_picture(self, pixmap: QPixmap | None, words: str, image: int = -1, original: tuple[int, int] = (0, 0)) -> None:
        """Show what is at hand of a picture, as its thumbnail, until `show_ready`.

        Parameters
        ----------
        pixmap : QPixmap or None
            None where nothing is here yet.
        words : str
            Its name and class.
        image : int
            Which picture it is; where it is that of the last `show_ready` only the words are taken.
        original : tuple of int
            Width and height of the original in pixels, if known.
        """
        self._say(words, original)
        if self._ready is not None and image == self._ready.image:
            return
        self._ready = None
        key = image if image >= 0 else words
        self.view.set_picture(key, pixmap.toImage() if pixmap is not None else None, original, words="" if pixmap is not None else words)

    def show_ready(self, event: PictureReady, words: str) -> None:
        """Show a picture as the engine has read it; `words` are its name and class."""
        self._ready = event
        original = (event.original_width, event.original_height)
        self._say(words, original)
        image = None if event.pixels is None else image_of(event.pixels)
        self.view.set_picture(event.image, image, original, exact=True, words=event.error)
        self._show_zoom(self.view.zoom)

    def _say(self, words: str, original: tuple[int, int]) -> None:
        size = self.tr("{0} × {1} pixels").format(*original) if all(original) else ""
        self.words.setText(" · ".join(part for part in (words, size) if part))

    def _show_zoom(self, zoom: float) -> None:
        here = self.view.reduced
        words = f"{100 * zoom:.0f}\u202f%" if self.view.image is not None else ""
        if here is not None and self._ready is not None:
            words = self.tr("{0}, reduced to {1} × {2}").format(words, *here)
        self.scale.setText(words)

    def leave(self) -> None:
        if self.isVisible():
            self.hide()
            self._ready = None
            self.closed.emit()

    def dress(self) -> None:
        self._column.setContentsMargins(px(16), px(16), px(16), px(8))
        self._column.setSpacing(px(8))
        self._foot.setSpacing(px(4))
        self.pixel.setFont(font(13, tabular=True))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(colours().surface))
        painter.end()

    # ------------------------------------------------------------ keys

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and self._meaning(event) is not None:
            event.accept()  # the window's own Ctrl+0 and Ctrl+1, its + and - wait while a picture is looked at
            return True
        return super().event(event)

    def _meaning(self, event: QKeyEvent) -> str | None:
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            return "larger"
        if event.key() == Qt.Key.Key_Minus:
            return "smaller"
        if control and event.key() == Qt.Key.Key_0:
            return "fit"
        return "whole" if control and event.key() == Qt.Key.Key_1 else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        meaning = self._meaning(event)
        modified = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
        if meaning == "fit":
            self.view.fit()
        elif meaning is not None:
            zooms = {"larger": self.view.zoom * NOTCH, "smaller": self.view.zoom / NOTCH, "whole": 1.0}
            self.view.set_zoom(zooms[meaning])
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.leave()
        elif key in steps:
            self.stepped.emit(steps[key])
        elif Qt.Key.Key_0 <= key <= Qt.Key.Key_9 and not modified:
            self.labelled.emit(key - Qt.Key.Key_0)
        elif len(event.text()) == 1 and event.text().isalpha() and not modified:
            self.key_labelled.emit(event.text().lower())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # beside the picture nothing of the page below is meant

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self.parentWidget().rect())
        return False
