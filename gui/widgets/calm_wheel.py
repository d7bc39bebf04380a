"""Fields whose value the mouse wheel changes only where the keyboard is, so that scrolling past them changes nothing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QSlider, QWidget

FIELDS = (QComboBox, QAbstractSpinBox, QSlider)
CALM = "calm-wheel"


class _Calm(QObject):
    """Hands the wheel on to what scrolls, unless the field has the keyboard's focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def calm_wheel(widget: QWidget) -> None:
    """Calm a field, or all fields within a widget; those that are calm already stay so.

    The wheel must not give the focus either, else its second notch would change the value.
    """
    application = QApplication.instance()
    assert application is not None
    keeper = application.findChild(_Calm) or _Calm(application)
    own = [widget] if isinstance(widget, FIELDS) else []
    for field in (*own, *(found for kind in FIELDS for found in widget.findChildren(kind))):
        if not field.property(CALM):
            field.setProperty(CALM, True)
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            field.installEventFilter(keeper)
