"""A note to one picture, kept when one leaves the field or goes to another picture."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit

from gui.theme import px


class NoteField(QPlainTextEdit):
    """A few lines of text.

    Attributes
    ----------
    written : Signal(int, str)
        A picture, and its new note; empty takes the note away.
    left : Signal
        Ctrl+Return or Esc: the keyboard goes back to where it was.
    """

    written = Signal(int, str)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._image = -1
        self._kept = ""
        self.setTabChangesFocus(True)
        self.setPlaceholderText(self.tr("Note (N)"))
        self.setAccessibleName(self.tr("Note to this picture"))
        self.setToolTip(self.tr("Kept when you leave the field; Ctrl+Return goes back to the pictures"))
        self.dress()

    def show_note(self, image: int, text: str) -> None:
        """Show the note to a picture (-1: to none); what was typed to another one is told first."""
        if image != self._image:
            self.keep()
            self._image, self._kept = image, text
            self.setPlainText(text)
        elif text != self._kept:
            unchanged = self.toPlainText().strip() == self._kept
            self._kept = text
            if unchanged:  # what is being typed stays
                self.setPlainText(text)
        self.setVisible(image >= 0)

    def keep(self) -> None:
        """Tell what was typed."""
        text = self.toPlainText().strip()
        if self._image >= 0 and text != self._kept and not self.isReadOnly():
            self._kept = text
            self.written.emit(self._image, text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape or (enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier):
            self.keep()
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.keep()

    def dress(self) -> None:
        self.setFixedHeight(px(64))
