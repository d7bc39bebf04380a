"""The panels at the right of the Data page that look at the data as a whole, one at a time."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame

from gui.bridge import Bridge
from gui.state import AppState


class DataTools(QFrame):
    """Holds the panels; hidden until one is asked for.

    Attributes
    ----------
    PANELS : tuple of (str, str, str)
        Name, title and icon of each panel, in the order of their buttons.
    images_wanted : Signal(tuple of int, str)
        Show these pictures in the grid; what they are, in words.
    closed : Signal
        The user has closed the panel.
    """

    PANELS: tuple[tuple[str, str, str], ...] = ()
    images_wanted = Signal(object, str)
    closed = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.bridge = bridge
        self.shown = ""
        self.hide()

    def show_panel(self, name: str) -> None:
        """Show a panel by its name; "" hides all."""
        self.shown = name
        self.setVisible(bool(name))

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Take a state over."""
