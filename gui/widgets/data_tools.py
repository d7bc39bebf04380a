"""The panels at the right of the Data page that look at the data as a whole, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout

from gui.bridge import Bridge
from gui.icons import icon
from gui.state import FIELDS, AppState, changed_fields
from gui.theme import px, theme
from gui.widgets.basics import button, label, rule
from gui.widgets.doctor_panel import DoctorPanel
from gui.widgets.project_panel import ProjectPanel
from gui.widgets.splits_panel import SplitsPanel

WIDTH = 392


class Panel(Protocol):
    """A panel: shows the state, and can be asked to take the keyboard."""

    def render(self, state: AppState, changed: frozenset[str]) -> None: ...


class DataTools(QFrame):
    """Holds the panels; hidden until one is asked for. A panel is made when it is first shown.

    Attributes
    ----------
    PANELS : tuple of (str, str, str)
        Name, title and icon of each panel, in the order of their buttons.
    images_wanted : Signal(tuple of int, str)
        Show these pictures in the grid; what they are, in words.
    closed : Signal
        The user has closed the panel.
    selected_images, shown_images : callable
        Tell which pictures are selected, and which the grid shows, as tuple of int; whoever mounts the tools sets them, so that only
        those can be exported.
    """

    PANELS: tuple[tuple[str, str, str], ...] = (
        ("doctor", "Doctor", "ph.first-aid-kit"),
        ("division", "Splits", "ph.chart-bar-horizontal"),
        ("project", "Files and ways out", "ph.folder-open"),
    )
    images_wanted = Signal(object, str)
    closed = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.bridge = bridge
        self.shown = ""
        self.selected_images: Callable[[], tuple[int, ...]] = tuple
        self.shown_images: Callable[[], tuple[int, ...]] = tuple
        self.panels: dict[str, DoctorPanel | SplitsPanel | ProjectPanel] = {}
        self._rendered: dict[str, AppState] = {}
        self.setProperty("look", "inspector")
        self._column = QVBoxLayout(self)
        self._column.setSpacing(0)
        self._head = QHBoxLayout()
        self.title = label("", "section")
        self._head.addWidget(self.title, 1)
        self.close_button = button("", "quiet", self.tr("Close this panel (Esc)"))
        self.close_button.setAccessibleName(self.tr("Close this panel"))
        self.close_button.clicked.connect(self._leave)
        self._head.addWidget(self.close_button)
        self._column.addLayout(self._head)
        self._column.addWidget(rule())
        self.stack = QStackedWidget()
        self._column.addWidget(self.stack, 1)
        theme().changed.connect(self.dress)
        self.dress()
        self.hide()

    def show_panel(self, name: str) -> None:
        """Show a panel by its name; "" hides all."""
        titles = {known: title for known, title, _ in self.PANELS}
        self.shown = name if name in titles else ""
        if self.shown:
            self.title.setText(self.tr(titles[self.shown]))
            self.stack.setCurrentWidget(self.panel(self.shown))
            self._refresh()
        self.setVisible(bool(self.shown))

    def panel(self, name: str) -> DoctorPanel | SplitsPanel | ProjectPanel:
        """The panel of this name, made when it is first asked for."""
        made = self.panels.get(name)
        if made is None:
            made = self.panels[name] = self._make(name)
            self.stack.addWidget(made)
        return made

    def _make(self, name: str) -> DoctorPanel | SplitsPanel | ProjectPanel:
        if name == "project":
            return ProjectPanel(self.bridge, lambda: self.selected_images(), lambda: self.shown_images())
        made = DoctorPanel(self.bridge) if name == "doctor" else SplitsPanel(self.bridge)
        made.images_wanted.connect(self.images_wanted)
        return made

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Take a state over."""
        if self.shown:
            self._refresh()

    def _refresh(self) -> None:
        """Let the shown panel catch up with all that happened while it was not."""
        state, old = self.bridge.state, self._rendered.get(self.shown)
        changed = FIELDS if old is None else changed_fields(old, state)
        if changed:
            self._rendered[self.shown] = state
            self.panels[self.shown].render(state, changed)

    def _leave(self) -> None:
        self.show_panel("")
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
        else:
            super().keyPressEvent(event)

    def dress(self) -> None:
        self.setFixedWidth(px(WIDTH))
        self._column.setContentsMargins(1, 0, 0, 0)
        self._head.setContentsMargins(px(16), px(8), px(8), px(8))
        self.close_button.setIcon(icon("ph.x"))
        self.close_button.setText("" if not self.close_button.icon().isNull() else "×")
