"""One channel for what the user should know: short messages at the corner of the window, kept until a window exists."""

from __future__ import annotations

from collections.abc import Callable, Container

import msgspec
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from gui.icons import icon, icon_size
from gui.theme import colours, px, theme
from gui.widgets.basics import button, label, panel

SECONDS = {"info": 6.0, "good": 6.0, "warning": 20.0, "error": 40.0}
LASTING = ("warning", "error")
"""Levels that stay longer than a glance; they take a row of the window, so that they cover nothing."""
GLYPHS = {"info": "ph.info", "good": "ph.check-circle", "warning": "ph.warning", "error": "ph.warning-octagon"}
SHOWN_AT_ONCE = 2


class Message(msgspec.Struct, frozen=True, eq=False):
    """Something to tell.

    Attributes
    ----------
    level : {"info", "good", "warning", "error"}
    text, remedy : str
        One sentence; what to do.
    action, run
        Words of a button and what it does, if any.
    topic : str
        What it is about; a newer message about the same takes this one's place. "": nothing that others are about.
    seconds : float
        How long it stays at the least: what is to be typed elsewhere takes longer than reading news.
    """

    level: str
    text: str
    remedy: str = ""
    action: str = ""
    run: Callable[[], object] | None = None
    topic: str = ""
    seconds: float = 0.0


class Channel(QObject):
    """Takes messages from any thread; those that come before a window listens wait for it."""

    posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Message] = []
        self._listening = False

    def post(self, message: Message) -> None:
        if self._listening:
            self.posted.emit(message)
        else:
            self._waiting.append(message)

    def listen(self, receiver: Callable[[Message], object]) -> None:
        """Deliver messages to `receiver`, those that waited first."""
        self.posted.connect(receiver, Qt.ConnectionType.AutoConnection)
        self._listening = True
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self.posted.emit(message)


class Toast(QWidget):
    """One message. It goes by itself, sooner for good news; not while the pointer is over it."""

    gone = Signal(object)

    def __init__(self, message: Message, parent: QWidget) -> None:
        super().__init__(parent)
        self.message = message
        frame = panel("toast")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        row = QHBoxLayout(frame)
        row.setContentsMargins(px(12), px(10), px(8), px(10))
        row.setSpacing(px(10))
        self._mark = label()
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(px(2))
        words.addWidget(label(message.text, wrap=True))
        if message.remedy:
            what = label(message.remedy, "muted", wrap=True)
            what.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)  # paths and lines to type can be copied
            words.addWidget(what)
        row.addLayout(words, 1)
        if message.action and message.run is not None:
            act = button(message.action)
            act.clicked.connect(message.run)
            act.clicked.connect(self.dismiss)
            row.addWidget(act, 0, Qt.AlignmentFlag.AlignVCenter)
        self._close = button("", "quiet", self.tr("Dismiss"))
        self._close.setAccessibleName(self.tr("Dismiss"))
        self._close.clicked.connect(self.dismiss)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self._timer.start(int(1000 * max(message.seconds, SECONDS.get(message.level, 5.0))))
        self.setAccessibleName(f"{message.text} {message.remedy}".strip())
        self.dress()

    def dress(self) -> None:
        tones = colours()
        tone = {"good": tones.good, "warning": tones.warning, "error": tones.error}.get(self.message.level, tones.muted)
        self._mark.setPixmap(icon(GLYPHS.get(self.message.level, "ph.info"), tone).pixmap(icon_size(20)))
        self._close.setIcon(icon("ph.x", tones.muted))
        self._close.setText("" if not self._close.icon().isNull() else "×")

    def dismiss(self) -> None:
        self._timer.stop()
        self.gone.emit(self)

    def enterEvent(self, event: QEvent) -> None:
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._timer.start(int(1000 * max(self.message.seconds, 3.0)))
        super().leaveEvent(event)


class Toasts(QObject):
    """Shows the newest messages of a window: good news over its lower right for a glance, lasting ones in a row of their own.

    Parameters
    ----------
    window : QWidget
    place : QBoxLayout
        Where lasting messages stand.
    bottom : callable
        Height in pixels at the window's foot that is left free.
    """

    def __init__(self, window: QWidget, place: QBoxLayout, bottom: Callable[[], int]) -> None:
        super().__init__(window)
        self._window = window
        self._row = place
        self._bottom = bottom
        self.shown: list[Toast] = []
        window.installEventFilter(self)
        theme().changed.connect(self._dress)

    def show(self, message: Message) -> None:
        """Show a message; one that is shown already is not shown twice."""
        if any(toast.message.text == message.text for toast in self.shown):
            return
        if message.topic:
            self.forget(message.topic)
        toast = Toast(message, self._window)
        toast.gone.connect(self._remove)
        self.shown.append(toast)
        while len(self.shown) > SHOWN_AT_ONCE:
            self._remove(self.shown[0])
        if message.level in LASTING:
            toast.layout().setContentsMargins(px(8), px(8), px(8), 0)
            self._row.addWidget(toast)
        toast.show()
        self._place()

    def forget(self, topic: str, levels: tuple[str, ...] = tuple(SECONDS)) -> None:
        """Take away what is about a topic."""
        for toast in [toast for toast in self.shown if toast.message.topic == topic and toast.message.level in levels]:
            self._remove(toast)

    def forget_errors(self, failing: Container[str]) -> None:
        """Take away the errors about commands that fail no longer."""
        for toast in [toast for toast in self.shown if toast.message.level == "error"]:
            if toast.message.topic and toast.message.topic not in failing:
                self._remove(toast)

    def _remove(self, toast: Toast) -> None:
        if toast in self.shown:
            self.shown.remove(toast)
            self._row.removeWidget(toast)
            toast.hide()
            toast.deleteLater()
            self._place()

    def _place(self) -> None:
        width = min(px(420), self._window.width() - px(32))
        bottom = self._window.height() - self._bottom() - px(16)
        for toast in reversed([toast for toast in self.shown if toast.message.level not in LASTING]):
            toast.setFixedWidth(width)
            height = max(toast.heightForWidth(width), toast.minimumSizeHint().height())
            toast.resize(width, height)
            bottom -= height
            toast.move(self._window.width() - width - px(16), bottom)
            bottom -= px(8)
            toast.raise_()

    def _dress(self) -> None:
        for toast in self.shown:
            toast.dress()
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False
