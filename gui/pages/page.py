"""What all pages have in common: name, title, icon, help, a header, and rendering when shown."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.bridge import Bridge
from gui.settings import Settings
from gui.state import AppState
from gui.theme import px, theme


def label(text: str = "", look: str = "", wrap: bool = False) -> QLabel:
    """A label in one of the style sheet's looks."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if look:
        made.setProperty("look", look)
    return made


def button(text: str, look: str = "", tooltip: str = "") -> QPushButton:
    """A push button in one of the style sheet's looks, with its tooltip as accessible description."""
    made = QPushButton(text)
    if look:
        made.setProperty("look", look)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    if tooltip:
        made.setToolTip(tooltip)
        made.setAccessibleDescription(tooltip)
    return made


def set_look(widget: QWidget, look: str) -> None:
    """Give a widget another look of the style sheet."""
    if widget.property("look") == look:
        return
    widget.setProperty("look", look)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class PageHeader(QWidget):
    """Title at the left, filters in the middle, the primary button at the right."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self.title = label(title, "title")
        self._filters = QHBoxLayout()
        self._buttons = QHBoxLayout()
        self._row.addWidget(self.title)
        self._row.addLayout(self._filters, 1)
        self._row.addLayout(self._buttons)
        self.dress()

    def add_filter(self, widget: QWidget, stretch: int = 0) -> None:
        self._filters.addWidget(widget, stretch)

    def add_stretch(self) -> None:
        self._filters.addStretch(1)

    def add_button(self, made: QPushButton) -> None:
        """Add a button at the right; the primary one last."""
        self._buttons.addWidget(made)

    def dress(self) -> None:
        """Set margins and gaps for the scale in use."""
        self._row.setContentsMargins(px(16), px(12), px(16), px(12))
        self._row.setSpacing(px(16))
        self._filters.setSpacing(px(8))
        self._buttons.setSpacing(px(8))


class Page(QWidget):
    """A page of the window. Subclasses fill `content`, and override `render`.

    Attributes
    ----------
    name, title, icon, help_text : str
        Identity in settings and actions; words shown; qtawesome name; what F1 says (a few plain sentences).
    bridge : Bridge
    settings : Settings
    header : PageHeader
    content : QVBoxLayout
        Below the header, without margins.
    images_wanted : Signal(tuple of int)
        The user clicked something that stands for these pictures: they are shown on the Data page.
    page_wanted : Signal(str)
        Another page is wanted, by name.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    help_text: ClassVar[str] = ""

    images_wanted = Signal(object)
    page_wanted = Signal(str)

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.bridge = bridge
        self.settings = settings
        self.header = PageHeader(self.tr(self.title))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        rule = QFrame()
        rule.setProperty("look", "line")
        column.addWidget(rule)
        self.content = QVBoxLayout()
        self.content.setContentsMargins(0, 0, 0, 0)
        self.content.setSpacing(0)
        column.addLayout(self.content, 1)
        bridge.add_view(self)
        theme().changed.connect(self.dress)

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Show the state. `changed` names the fields that differ from what was rendered last; all of them the first time."""

    def dress(self) -> None:
        """Take over colours and scale; called when the theme changes. Subclasses that paint themselves extend it."""
        self.header.dress()
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.bridge.refresh(self)
