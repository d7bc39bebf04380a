"""Scrolling past fields changes none of them."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QScrollArea, QSlider, QVBoxLayout, QWidget

from gui.widgets.calm_wheel import calm_wheel
from gui.widgets.number_box import NumberBox
from gui.widgets.recipe_form import RecipeForm


def turn(widget: QWidget) -> bool:
    """One notch of the wheel towards the user, over the middle of a widget; whether it kept the notch, which else goes to its parent."""
    middle = QPointF(widget.rect().center())
    where = QPointF(widget.mapToGlobal(middle))
    buttons, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(middle, where, QPoint(), QPoint(0, -120), buttons, keys, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


@pytest.fixture
def area(qtbot) -> QScrollArea:
    made, inside = QScrollArea(), QWidget()
    column = QVBoxLayout(inside)
    combo, slider, filler = QComboBox(), QSlider(Qt.Orientation.Horizontal), QWidget()
    combo.addItems(["one", "two", "three"])
    filler.setMinimumHeight(2000)
    for field in (combo, NumberBox(0, 9), slider, filler):
        column.addWidget(field)
    made.setWidget(inside)
    made.setWidgetResizable(True)
    made.resize(300, 300)
    qtbot.addWidget(made)
    calm_wheel(made)
    calm_wheel(made)
    made.show()
    return made


@pytest.mark.parametrize("kind", [QComboBox, NumberBox, QSlider])
def test_a_field_without_focus_leaves_the_wheel_to_what_scrolls(area, kind):
    field = area.findChild(kind)
    field.clearFocus()
    value = field.currentIndex if kind is QComboBox else field.value
    before = value()
    assert not turn(field) and value() == before
    assert field.focusPolicy() == Qt.FocusPolicy.StrongFocus  # else the wheel would give it the focus, and turn it then


def test_the_wheel_turns_a_field_with_focus(qtbot, area):
    combo = area.findChild(QComboBox)
    area.activateWindow()
    combo.setFocus()
    qtbot.waitUntil(combo.hasFocus)
    assert turn(combo) and combo.currentIndex() == 1


def test_no_field_of_the_recipe_heeds_the_wheel(qtbot):
    form = RecipeForm()
    qtbot.addWidget(form)
    form.set_advanced(True)
    form.show()
    before, told = form.recipe, []
    form.changed.connect(told.append)
    combos = [editor for editor in form.editors.values() if isinstance(editor, QComboBox)]
    assert len(combos) > 5
    for combo in combos:
        combo.clearFocus()
        assert not turn(combo)
    assert form.recipe == before and not told
