"""The big view: zoom about a point, moving, pixel values, more pixels when they are needed, keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from engine.messages import PictureReady
from gui.widgets.canvas import image_of
from gui.widgets.preview import Preview
from gui.widgets.zoom_view import ZoomView


def pattern(width, height):
    """Red tells the column, green the row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width) % 256
    pixels[..., 1] = (np.arange(height) % 256)[:, None]
    return pixels


def ready(image, width, height, side=None):
    pixels = pattern(width, height)
    if side is not None:
        step = max(width, height) // side
        pixels = pixels[::step, ::step]
    return PictureReady(image=image, pixels=pixels, original_width=width, original_height=height, path="")


@pytest.fixture
def view(qtbot):
    made = ZoomView()
    made.resize(400, 300)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def preview(qtbot):
    window = QWidget()
    window.resize(800, 600)
    qtbot.addWidget(window)
    window.show()
    made = Preview(window)
    made.show_picture(None, "a.png · cat", 5)
    made.open()
    yield made  # the window must live as long


def test_a_picture_is_fitted_in_the_middle(view):
    view.set_picture(1, image_of(pattern(800, 300)), (800, 300), exact=True)
    assert view.fitted and view.zoom == pytest.approx(0.5) and view.place() == QRectF(0, 75, 400, 150)


def test_the_point_under_the_pointer_stays_there(view):
    view.set_picture(1, image_of(pattern(800, 600)), (800, 600), exact=True)
    spot = QPointF(300, 100)
    before = view.position_at(spot)
    for zoom in (2.0, 7.0, 30.0):
        view.set_zoom(zoom, spot)
        after = view.position_at(spot)
        assert (after - before).manhattanLength() < 1e-6 and view.zoom == zoom


@given(st.floats(0.001, 1000), st.floats(0, 400), st.floats(0, 300), st.integers(1, 5000), st.integers(1, 5000))
def test_no_room_is_lost_beside_a_picture_and_zoom_has_bounds(qapp, zoom, x, y, width, height):
    view = ZoomView()
    view.resize(400, 300)
    view.set_picture(1, QImage(4, 4, QImage.Format.Format_RGB888), (width, height))
    view.set_zoom(zoom, QPointF(x, y))
    place = view.place()
    for low, high, room in ((place.left(), place.right(), 400), (place.top(), place.bottom(), 300)):
        if high - low > room:
            assert low <= 1e-6 and high >= room - 1e-6
        else:
            assert (low + high) / 2 == pytest.approx(room / 2, abs=1e-6)
    assert view.zoom <= max(64.0, 2 * view._fit())


def test_pixels_are_told_in_the_originals_coordinates(view):
    view.set_picture(1, image_of(pattern(40, 30)), (40, 30), exact=True)
    assert view.words_at(QPointF(125, 75)) == "x 12  y 7   R 12  G 7  B 0   #0c0700"
    assert view.words_at(QPointF(-1, 5)) == ""
    view.set_picture(2, image_of(pattern(40, 30)), (400, 300), exact=True)
    assert view.words_at(QPointF(125, 75)).startswith("x 125  y 75   R 12  G 7")


def test_a_stand_in_tells_no_values(view):
    view.set_picture(1, image_of(pattern(40, 30)), (400, 300))
    assert view.words_at(QPointF(125, 75)) == ""


def test_enlarged_pixels_are_squares_of_their_own_colour(view):
    view.set_picture(1, image_of(pattern(40, 30)), (40, 30), exact=True)
    image = view.grab().toImage()
    ratio = image.devicePixelRatio()
    for x, y in ((0, 0), (12, 7), (39, 29)):
        for dx, dy in ((1, 1), (8, 8)):
            tone = image.pixelColor(int((10 * x + dx) * ratio), int((10 * y + dy) * ratio))
            assert (tone.red(), tone.green()) == (x, y)


def test_deeply_zoomed_pictures_show_the_right_pixels(view):
    view.set_picture(1, image_of(pattern(3000, 2000)), (3000, 2000), exact=True)
    view.set_zoom(50.0, QPointF(333, 222))
    image = view.grab().toImage()
    ratio = image.devicePixelRatio()
    step = 50.0 / view.devicePixelRatioF()
    for near in (QPointF(25, 35), QPointF(200, 150), QPointF(370, 270)):
        where = view.position_at(near)
        spot = view.place().topLeft() + QPointF(int(where.x()) + 0.5, int(where.y()) + 0.5) * step
        tone = image.pixelColor(int(spot.x() * ratio), int(spot.y() * ratio))
        assert (tone.red(), tone.green()) == (int(where.x()) % 256, int(where.y()) % 256)


def test_more_pixels_are_asked_for_once_and_keep_zoom_and_place(view, qtbot):
    asked = []
    view.larger_wanted.connect(asked.append)
    view.set_picture(1, image_of(ready(1, 4000, 3000, 1000).pixels), (4000, 3000), exact=True)
    assert asked == [] and view.reduced == (1000, 750)
    view.set_zoom(1.0, QPointF(100, 50))
    view.set_zoom(2.0, QPointF(100, 50))
    assert asked == [4000]
    place = view.place()
    view.set_picture(1, image_of(pattern(4000, 3000)), (4000, 3000), exact=True)
    assert view.place() == place and view.reduced is None
    view.set_picture(1, image_of(pattern(100, 75)), (4000, 3000), exact=True)
    assert view.reduced is None, "fewer pixels never take the place of more"


def test_very_large_pictures_are_asked_for_within_bounds(view):
    asked = []
    view.larger_wanted.connect(asked.append)
    view.set_picture(1, image_of(pattern(1000, 500)), (60_000, 30_000), exact=True)
    view.set_zoom(1.0)
    assert asked == [8192]


def test_pictures_of_one_size_keep_the_view_so_that_they_can_be_compared(view):
    view.set_picture(1, image_of(pattern(800, 600)), (800, 600), exact=True)
    view.set_zoom(4.0, QPointF(10, 10))
    place = view.place()
    view.set_picture(2, image_of(pattern(100, 75)), (800, 600))
    assert view.place() == place
    view.set_picture(3, image_of(pattern(100, 75)), (700, 500))
    assert view.fitted


def test_dragging_moves_and_a_double_click_goes_between_fit_and_whole(view, qtbot):
    view.set_picture(1, image_of(pattern(800, 600)), (800, 600), exact=True)
    view.show()
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    assert view.zoom == 1.0
    before = view.position_at(QPointF(0, 0))
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    QTest.mouseMove(view, QPoint(170, 140))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(170, 140))
    moved = view.position_at(QPointF(0, 0)) - before
    assert (moved.x(), moved.y()) == (30, 10)
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    assert view.fitted
    view.close()


def test_name_size_zoom_and_reduction_are_told(preview):
    preview.show_ready(ready(5, 4000, 3000, 1000), "a.png · cat")
    assert preview.words.text() == "a.png · cat · 4000 × 3000 pixels"
    assert "reduced to 1000 × 750" in preview.scale.text()
    preview.show_ready(ready(5, 4000, 3000), "a.png · cat")
    assert "reduced" not in preview.scale.text()


def test_keys_zoom_step_label_and_leave(preview, qtbot):
    preview.show_ready(ready(5, 1600, 1200), "a.png")
    steps, digits, letters = [], [], []
    preview.stepped.connect(steps.append)
    preview.labelled.connect(digits.append)
    preview.key_labelled.connect(letters.append)
    fit = preview.view.zoom
    qtbot.keyClick(preview, "+")
    assert preview.view.zoom == pytest.approx(1.25 * fit)
    qtbot.keyClick(preview, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert preview.view.zoom == 1.0
    qtbot.keyClick(preview, "-")
    assert preview.view.zoom == pytest.approx(0.8)
    qtbot.keyClick(preview, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert preview.view.fitted
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, "7", "K", "ж"):
        qtbot.keyClick(preview, key)
    assert (steps, digits, letters[0]) == ([1, -1], [7], "k")
    with qtbot.waitSignal(preview.closed):
        qtbot.keyClick(preview, Qt.Key.Key_Space)
    assert not preview.isVisible()


def test_a_new_label_keeps_zoom_and_picture(preview):
    preview.show_ready(ready(5, 1600, 1200), "a.png · cat")
    preview.view.set_zoom(3.0)
    preview.show_picture(QPixmap(8, 6), "a.png · dog", 5, (1600, 1200))
    assert preview.view.zoom == 3.0 and preview.view.image.width() == 1600 and preview.words.text().startswith("a.png · dog")


def test_a_picture_that_cannot_be_read_says_why(preview):
    preview.show_ready(PictureReady(image=5, pixels=None, original_width=0, original_height=0, path="", error="It is empty."), "a.png")
    assert preview.view.image is None and preview.view._words == "It is empty." and preview.scale.text() == ""


def test_a_click_beside_the_picture_leaves(preview, qtbot):
    preview.show_ready(ready(5, 1600, 100), "a.png")
    qtbot.mouseClick(preview.view, Qt.MouseButton.LeftButton, pos=preview.view.rect().center())
    assert preview.isVisible()
    qtbot.mouseClick(preview.view, Qt.MouseButton.LeftButton, pos=QPoint(20, 5))
    assert not preview.isVisible()
