"""One button for each panel that looks at the data as a whole; at most one of them is down."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from gui.icons import icon, icon_size
from gui.theme import px, theme

WIDGET_SIZE_MAX = 16_777_215  # QWIDGETSIZE_MAX: no bound


class ToolButtons(QWidget):
    """Buttons with icons, and with words where there is room.

    Parameters
    ----------
    panels : tuple of (str, str, str)
        Name, title and icon of each panel.

    Attributes
    ----------
    chosen : Signal(str)
        The panel to show; "" for none.
    """

    chosen = Signal(str)

    def __init__(self, panels: tuple[tuple[str, str, str], ...]) -> None:
        super().__init__()
        self._panels = panels
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self.buttons: dict[str, QToolButton] = {}
        for name, title, _ in panels:
            words = QCoreApplication.translate("DataTools", title)
            made = self.buttons[name] = QToolButton()
            made.setText(words)
            made.setToolTip(words)
            made.setAccessibleName(words)
            made.setCheckable(True)
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.setCursor(Qt.CursorShape.PointingHandCursor)
            made.clicked.connect(lambda down, name=name: self._press(name, down))
            self._row.addWidget(made)
        self.all = QToolButton()
        self.all.setToolTip(self.tr("Look at the data as a whole"))
        self.all.setAccessibleName(self.all.toolTip())
        self.all.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.all.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.all)
        for name, made in self.buttons.items():
            menu.addAction(made.text(), self.buttons[name].click)
        self.all.setMenu(menu)
        self._row.addWidget(self.all)
        theme().changed.connect(self.dress)
        self.set_width(narrow=False, wide=False)
        self.dress()

    def show_panel(self, name: str) -> None:
        """Mark the panel that is shown."""
        for other, made in self.buttons.items():
            made.setChecked(other == name)

    def set_width(self, narrow: bool, wide: bool) -> None:
        """Show words beside the icons where it is wide, icons alone, or where it is narrow one button with a menu."""
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if wide else Qt.ToolButtonStyle.ToolButtonIconOnly
        for made in self.buttons.values():
            made.setToolButtonStyle(style)
            made.setVisible(not narrow)
            made.setMaximumWidth(WIDGET_SIZE_MAX if wide else px(40))
        self.all.setVisible(narrow and bool(self.buttons))

    def _press(self, name: str, down: bool) -> None:
        self.show_panel(name if down else "")
        self.chosen.emit(name if down else "")

    def dress(self) -> None:
        self._row.setSpacing(px(2))
        self.all.setIcon(icon("ph.first-aid-kit"))
        self.all.setIconSize(icon_size(18))
        for name, _, glyph in self._panels:
            self.buttons[name].setIcon(icon(glyph))
            self.buttons[name].setIconSize(icon_size(18))
