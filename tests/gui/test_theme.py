import itertools
import re

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from gui.style_sheet import style_sheet
from gui.theme import CLASS_COLOURS, DARK, LIGHT, SCALES, class_colour, colours, contrast, px, readable_on, theme
from gui.widgets.basics import button


@pytest.mark.parametrize("tones", [LIGHT, DARK], ids=["light", "dark"])
def test_words_can_be_read_everywhere(tones):
    grounds = (tones.surface, tones.panel, tones.raised, tones.hover, tones.selected)
    words = (tones.text, tones.muted, tones.accent_text, tones.good, tones.warning, tones.error)
    for word, ground in itertools.product(words, grounds):
        assert contrast(word, ground) >= 4.5, (word, ground)
    assert contrast(tones.on_accent, tones.accent) >= 4.5
    for curve in tones.curves:
        assert contrast(curve, tones.surface) >= 3.0, curve


def test_contrast_is_that_of_the_guideline():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_scheme_changes_palette_and_tells(qtbot):
    with qtbot.waitSignal(theme().changed):
        theme().apply("dark")
    assert colours() is DARK
    assert QApplication.palette().color(QPalette.ColorRole.Window) == QColor(DARK.surface)
    theme().apply("light")
    assert QApplication.palette().color(QPalette.ColorRole.Window) == QColor(LIGHT.surface)


def test_everything_scales_by_one_factor_within_bounds():
    theme().apply(scale=2.0)
    assert px(16) == 32
    assert QApplication.font().pixelSize() == 26
    theme().step_scale(1)
    assert theme().scale == SCALES[-1]
    theme().apply(scale=0.01)
    assert theme().scale == SCALES[0]
    theme().apply(scale=1.0)
    assert px(16) == 16


def test_classes_have_colours_of_their_own():
    made = [class_colour(index) for index in range(40)]
    assert tuple(made[:7]) == CLASS_COLOURS
    assert len(set(made)) == 40
    assert all(contrast(readable_on(name), name) >= 4.5 for name in made)


@pytest.mark.parametrize("scale", SCALES)
def test_round_ends_are_no_rounder_than_half_their_height(qtbot, scale):
    """Qt draws square corners where a radius is more than half of the box."""
    theme().apply(scale=scale)
    chip = button("Unlabelled", "chip")
    qtbot.addWidget(chip)
    rules = dict(re.findall(r"([^{}]+)\{([^{}]*)\}", style_sheet(LIGHT, px)))

    def value(selector: str, name: str) -> int:
        return int(re.search(rf"(?<![\w-]){name}: -?(\d+)px", next(rule for key, rule in rules.items() if key.strip() == selector))[1])

    assert value('QPushButton[look="chip"]', "border-radius") == chip.sizeHint().height() // 2
    handle, groove = "QSlider::handle:horizontal", value("QSlider::groove:horizontal", "height")
    assert 2 * value(handle, "border-radius") <= min(value(handle, "width") + 2, groove + 2 * value(handle, "margin"))
    assert 2 * value("QSlider::groove:horizontal", "border-radius") <= groove
    assert value("QSlider:horizontal", "min-height") >= groove + 2 * value(handle, "margin"), "the handle is cut off"
    assert 2 * value("QProgressBar", "border-radius") <= value("QProgressBar", "max-height")
    assert 2 * value("QScrollBar::handle", "border-radius") <= value("QScrollBar:vertical", "width") - 2 * value(
        "QScrollBar::handle", "margin"
    )
