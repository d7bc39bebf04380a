"""What all pages have in common: name, title, icon, help, a header, and rendering when shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.bridge import Bridge
from gui.settings import Settings
from gui.state import AppState
from gui.theme import px, theme
from gui.widgets.basics import button, label, rule, set_look
from gui.widgets.calm_wheel import calm_wheel

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Page", "PageHeader", "button", "label", "rule", "set_look"]


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
    history_changed : Signal
        What undo and redo would do on this page is another thing now.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    help_text: ClassVar[str] = ""

    images_wanted = Signal(object)
    page_wanted = Signal(str)
    history_changed = Signal()

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
        column.addWidget(rule())
        self.content = QVBoxLayout()
        self.content.setContentsMargins(0, 0, 0, 0)
        self.content.setSpacing(0)
        column.addLayout(self.content, 1)
        bridge.add_view(self)
        theme().changed.connect(self.dress)

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Show the state. `changed` names the fields that differ from what was rendered last; all of them the first time."""

    def undo(self) -> bool:
        """Take a change of the page's own back; False lets the window take the project's last change back."""
        return False

    def redo(self) -> bool:
        """As `undo`."""
        return False

    def history(self) -> tuple[str, str] | None:
        """What undo and redo would do on this page, "" for nothing; None where they are the window's."""
        return None

    def dress(self) -> None:
        """Take over colours and scale; called when the theme changes. Subclasses that paint themselves extend it."""
        self.header.dress()
        self.update()

    def take_files(self, paths: tuple[str, ...]) -> bool:
        """Files were dropped or pasted somewhere on the window while this page is shown; False lets the window import them."""
        return False

    def take_picture(self, pixels: np.ndarray, name: str) -> bool:
        """A picture, uint8 [height, width, 3], was pasted while this page is shown; False lets the window import it."""
        return False

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        calm_wheel(self)
        self.bridge.refresh(self)
