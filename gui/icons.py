"""Icons of one family (Phosphor, through qtawesome).

They load before the first paint: 0.13 s there are not felt, but as a gap beside the loading of torch they are.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon

from gui.theme import colours, px


def load() -> None:
    """Load the icon fonts; needs the application."""
    import qtawesome

    qtawesome.icon("ph.eye")


def icon(name: str, tone: str = "") -> QIcon:
    """The icon of this name ("ph.camera") in a colour "#rrggbb" (default: the text's); an empty one until `load` was called."""
    qtawesome = sys.modules.get("qtawesome")
    if qtawesome is None or not name:
        return QIcon()
    return qtawesome.icon(name, color=tone or colours().text, color_disabled=colours().disabled)


def icon_size(side: float = 18) -> QSize:
    """A square icon size in pixels of the design."""
    return QSize(px(side), px(side))
