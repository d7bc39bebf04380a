"""Tiles, heat, bars, and the drawn network: numbers become pictures and can be asked for again."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PySide6.QtCore import QPoint, QSizeF, Qt
from PySide6.QtTest import QTest

from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.receptive import unit_box
from gui.theme import readable_on
from gui.widgets.colourmaps import DIVERGING, VIRIDIS, magnitude, signed
from gui.widgets.heat_picture import HeatPicture, effective_size, heat_pixels
from gui.widgets.network_drawing import NetworkDrawing, boxes_of
from gui.widgets.probability_bars import ProbabilityBars, shown_rows, verdict
from gui.widgets.tensor_pictures import TensorPictures, tile_pixels
from gui.widgets.unit_panel import UnitPanel, unit_near, usual_unit, visible_layers

LENET = analyse(zoo.make("lenet-5", (1, 32, 32), 10))


# ---------------------------------------------------------------- colours


def test_zero_is_neutral_and_extremes_are_the_ends():
    assert np.ptp(signed(np.array([-2.0, 0.0, 2.0]))[1].astype(int)) <= 4
    assert (signed(np.array([-2.0, 0.0, 2.0]))[[0, 2]] == DIVERGING[[0, -1]]).all()
    assert (magnitude(np.array([0.0, 4.0])) == VIRIDIS[[0, -1]]).all()
    assert magnitude(np.array([np.nan, np.inf])).shape == (2, 3)
    assert magnitude(np.zeros(3)).tolist() == [VIRIDIS[0].tolist()] * 3


def test_viridis_grows_lighter():
    lightness = VIRIDIS @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -0.8).all() and lightness[-1] > lightness[0] + 150
    dark, bright = ("#{:02x}{:02x}{:02x}".format(*VIRIDIS[end]) for end in (0, -1))
    assert readable_on(dark) == "#ffffff" and readable_on(bright) == "#000000"


# ---------------------------------------------------------------- tiles


def test_tiles_share_one_scale_and_colour_filters_stay_colour():
    grey = np.zeros((2, 1, 1, 1), np.float32)
    grey[0], grey[1] = 1.0, 0.5
    assert (tile_pixels(grey, 1.0)[1, 0, 0] == VIRIDIS[128]).all()
    colour = tile_pixels(np.array([[[[1.0, -1.0, 0.0]]]], np.float32), 1.0)
    assert colour.ravel().tolist() == [255, 0, 128]


@pytest.mark.parametrize("shape", [(6, 5, 5, 1), (1, 28, 28, 1), (24, 5, 5, 3), (300, 7, 7, 1), (3, 1, 1, 1)])
def test_each_pixel_is_found_again(qtbot, shape):
    tiles = TensorPictures("maps")
    qtbot.addWidget(tiles)
    tiles.resize(500, 260)
    tiles.set_tensor(np.random.default_rng(0).normal(size=shape))
    columns, zoom = tiles._layout(QSizeF(tiles.size()))
    shown = min(shape[0], 256)
    for index in {0, shown // 2, shown - 1}:
        tile = tiles._tile(index, columns, zoom)
        wanted = index, shape[1] - 1, shape[2] // 2
        x, y = tile.left() + (wanted[2] + 0.5) * zoom, tile.top() + (wanted[1] + 0.5) * zoom
        assert tiles.pixel_at(x, y) == wanted
    assert tiles.pixel_at(-1, 5) is None
    tiles.select((0, 0, 0))
    assert not tiles.grab().isNull() and len(tiles.table()) == 1 + np.prod(shape)


def test_a_click_on_a_tile_tells_its_pixel(qtbot):
    tiles = TensorPictures("maps")
    qtbot.addWidget(tiles)
    tiles.resize(300, 200)
    tiles.set_tensor(np.zeros((4, 4, 4, 1)))
    with qtbot.waitSignal(tiles.pixel_clicked) as caught:
        QTest.mouseClick(tiles, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert caught.args == [0, 0, 0]
    tiles.set_tensor(None)
    assert tiles.pixel_at(2, 2) is None and not tiles.grab().isNull()


# ---------------------------------------------------------------- heat and units


def test_the_effective_field_of_a_gaussian_is_two_deviations_wide():
    y, x = np.mgrid[:101, :101] - 50.0
    heat = np.exp(-(x**2 + y**2) / (2 * 8.0**2)).astype(np.float32)
    radius = 8 * np.sqrt(-2 * np.log(1 - 0.9545))
    assert effective_size(heat) == pytest.approx(np.sqrt(np.pi) * radius, rel=0.02)
    assert effective_size(np.zeros((4, 4))) == 0.0
    pixels = heat_pixels(heat)
    assert pixels[50, 50, 3] == 235 and pixels[0, 0, 3] < 5


def test_a_click_on_the_picture_tells_row_and_column(qtbot):
    picture = HeatPicture()
    qtbot.addWidget(picture)
    picture.resize(300, 340)
    picture.set_field(np.zeros((20, 10, 3), np.uint8), np.ones((20, 10), np.float32), (2, 1, 9, 8), ("words",))
    place = picture._place(QSizeF(picture.size()))
    zoom = place.width() / 10
    where = QPoint(round(place.left() + 7.5 * zoom), round(place.top() + 12.5 * zoom))
    with qtbot.waitSignal(picture.pixel_clicked) as caught:
        QTest.mouseClick(picture, Qt.MouseButton.LeftButton, pos=where)
    assert caught.args == [12, 7]
    assert not picture.grab().isNull() and len(picture.table()) == 20


@given(st.sampled_from(["conv1", "pool2", "conv3", "pool4"]), st.integers(0, 31), st.integers(0, 31))
def test_the_unit_near_a_pixel_can_see_it(layer, y, x):
    row, column = unit_near(LENET.row(layer), y, x)
    top, left, bottom, right = unit_box(LENET, layer, row, column, 32, 32)
    assert 0 <= row < LENET.row(layer).output[1] and 0 <= column < LENET.row(layer).output[2]
    assert top - 2 <= y < bottom + 2 and left - 2 <= x < right + 2


def test_the_usual_unit_is_that_of_the_last_convolution(qtbot):
    assert usual_unit(LENET).layer == "conv5" and usual_unit(None) is None
    assert "linear6" not in [row.name for row in visible_layers(LENET)]
    panel = UnitPanel()
    qtbot.addWidget(panel)
    panel.set_network(LENET)
    assert panel.layer_box.currentText() == "conv5" and panel.channel_box.maximum() == 119
    with qtbot.waitSignal(panel.unit_wanted) as caught:
        panel.channel_box.setValue(7)
    assert (caught.args[0].layer, caught.args[0].channel) == ("conv5", 7)
    panel.set_network(None)
    assert not panel.layer_box.isEnabled()


# ---------------------------------------------------------------- probabilities


@given(
    arrays(np.float32, st.integers(1, 60), elements=st.floats(0, 1, width=32)).filter(lambda weights: weights.sum() > 0.1), st.booleans()
)
def test_the_bars_sum_to_one_hundred(qapp, weights, everything):
    probabilities = weights / weights.sum()
    bars = ProbabilityBars()
    bars.set_everything(everything)
    bars.set_answer(tuple(str(number) for number in range(len(weights))), probabilities)
    rows = bars.rows()
    assert sum(share for _, share, _ in rows) == pytest.approx(1.0, abs=1e-4)
    assert len(rows) == (len(weights) if everything else min(len(weights), 6))
    bars.deleteLater()


def test_below_the_threshold_it_is_unknown():
    probabilities = np.array([0.2, 0.7, 0.1], np.float32)
    assert verdict(probabilities, 0.0) == 1 and verdict(probabilities, 0.69) == 1
    assert verdict(probabilities, 0.71) is None
    assert verdict(np.array([np.nan, 1.0]), 0.0) is None and verdict(np.zeros(0), 0.0) is None
    assert shown_rows(np.array([0.1, 0.5, 0.4]), everything=False) == [1, 2, 0]


# ---------------------------------------------------------------- drawing


def test_boxes_are_the_signals_and_their_tips_the_arithmetic():
    boxes = boxes_of(LENET, "input")
    assert [box.shape for box in boxes] == [
        (1, 32, 32), (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1), (84, 1, 1), (10, 1, 1)
    ]  # fmt: skip
    assert sum((box.layers for box in boxes), ()) == tuple(row.name for row in LENET.layers)
    assert "(5·5·1 + 1)·6 = 156" in boxes[1].tip and boxes[1].notes == ("ReLU",)


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.card(name).kind == "network"])
def test_every_box_of_every_network_can_be_clicked(qtbot, name):
    boxes = boxes_of(analyse(zoo.make(name, zoo.card(name).default_input, 10)), "input")
    drawing = NetworkDrawing()
    qtbot.addWidget(drawing)
    drawing.set_boxes(boxes)
    drawing.resize(drawing.minimumSizeHint().expandedTo(drawing.sizeHint()))
    places = drawing._places(QSizeF(drawing.size()))
    for number, (front, depth) in enumerate(places):
        assert front.left() >= 0 and front.right() + depth <= drawing.width()
        if number == 0:
            continue
        with qtbot.waitSignal(drawing.layer_clicked) as caught:
            QTest.mouseClick(drawing, Qt.MouseButton.LeftButton, pos=front.center().toPoint())
        assert caught.args == [boxes[number].layers[0]]
    for (front, depth), (following, _) in itertools.pairwise(places):
        assert front.right() + depth < following.left()
    drawing.select(boxes[-1].layers[0])
    assert not drawing.grab().isNull()
    small = NetworkDrawing(small=True)
    qtbot.addWidget(small)
    small.set_boxes(boxes)
    assert not small.grab().isNull()
