"""A place that one thing has most of the time, and that panels take over, one at a time."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget


class PanelPlace(QWidget):
    """Shows the usual thing, or the one panel that was asked for in its place.

    Parameters
    ----------
    usual : QWidget
    """

    def __init__(self, usual: QWidget) -> None:
        super().__init__()
        self._usual, self._panels, self._shown = usual, {}, ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(usual)

    def add_panel(self, name: str, panel: QWidget) -> None:
        """Take a panel in, hidden; one with a signal `left` goes when it says so."""
        self._panels[name] = panel
        panel.hide()
        self.layout().addWidget(panel)
        left = getattr(panel, "left", None)
        if left is not None:
            left.connect(self.show_usual)

    @property
    def shown(self) -> str:
        """Name of the panel that is shown, or ""."""
        return self._shown

    def show_panel(self, name: str) -> None:
        """Show a panel in the place of whatever is there; "" shows the usual thing."""
        self._shown = name
        for other, panel in self._panels.items():
            if other != name:
                panel.hide()
        self._usual.setVisible(not name)
        if name:
            self._panels[name].show()

    def show_usual(self) -> None:
        """Show the usual thing again."""
        self.show_panel("")
