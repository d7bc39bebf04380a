"""F1: what the page is for, and the keys, over the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from gui.theme import px
from gui.widgets.basics import button, label, rule
from gui.widgets.sheet import Sheet


class HelpPanel(Sheet):
    """A card over the window; Esc, F1 or a click closes it."""

    def __init__(self, window: QWidget, title: str, text: str, keys: list[tuple[str, str]]) -> None:
        super().__init__(window)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{title}. {text}")
        column = self._column = QVBoxLayout(self.frame)
        column.addWidget(label(title, "title"))
        column.addWidget(label(text, wrap=True))
        column.addWidget(rule())
        grid = self._grid = QGridLayout()
        lines = (len(keys) + 1) // 2
        for at, (words, shortcut) in enumerate(keys):
            grid.addWidget(label(words, "muted"), at % lines, 2 * (at // lines))
            grid.addWidget(label(shortcut), at % lines, 2 * (at // lines) + 1)
        column.addLayout(grid)
        close = button(self.tr("Close"))
        close.clicked.connect(self.leave)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        self.dress()

    def dress(self) -> None:
        """Take over the scale; in a small window the words come closer."""
        room = self.parentWidget().width() - px(32)
        self.frame.setFixedWidth(min(px(640), room))
        self._column.setContentsMargins(px(24), px(20), px(24), px(20))
        self._column.setSpacing(px(10))
        self._grid.setHorizontalSpacing(px(16))
        self._grid.setVerticalSpacing(px(2))

    def open(self) -> None:
        self.show_over(self)

    def leave(self) -> None:
        self.hide()
        self.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_F1, Qt.Key.Key_Return):
            self.leave()
        else:
            super().keyPressEvent(event)
