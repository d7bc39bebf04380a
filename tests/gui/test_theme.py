import itertools

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from gui.theme import CLASS_COLOURS, DARK, LIGHT, SCALES, class_colour, colours, contrast, px, readable_on, theme


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
