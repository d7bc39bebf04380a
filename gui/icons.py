"""Icons of one family (Phosphor, through qtawesome). Loading takes a moment, so it happens after the window is painted."""

from __future__ import annotations

import sys

from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon

from gui.theme import colours, px, theme


def load() -> None:
    """Load the icon fonts; everything that shows icons is dressed anew."""
    import qtawesome

    qtawesome.icon("ph.eye")
    theme().changed.emit()


def icon(name: str, tone: str = "") -> QIcon:
    """The icon of this name ("ph.camera") in a colour "#rrggbb" (default: the text's); an empty one until `load` was called."""
    qtawesome = sys.modules.get("qtawesome")
    if qtawesome is None or not name:
        return QIcon()
    return qtawesome.icon(name, color=tone or colours().text, color_disabled=colours().disabled)


def icon_size(side: float = 18) -> QSize:
    """A square icon size in pixels of the design."""
    return QSize(px(side), px(side))
