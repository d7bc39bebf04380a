"""The curve plot: read-out, enlarging, export, and a million points in time."""

import csv
import io
import time
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest

from gui.curves import Curve
from gui.training_curves import steps
from gui.widgets.axes import Frame, _levels, polygon_of
from gui.widgets.curve_plot import CurvePlot, dotted
from gui.widgets.curve_records import Mark, Panel, Series
from gui.widgets.mark_words import words_of
from gui.widgets.reduction import moving_mean

STEPS = np.arange(1, 101, dtype=np.float32)
LOSSES = (2.3 * np.exp(-STEPS / 30)).astype(np.float32)
ENDS = np.array([50.0, 100.0])


def panels(losses=LOSSES, steps=STEPS) -> tuple[Panel, Panel]:
    training = Series("training", "#b86e00", steps, losses, smooth=True)
    validation = Series("validation", "#b86e00", ENDS, np.array([0.5, 0.2]), bold=True)
    shares = Series("training", "#0072b2", steps, 1 - losses / 3, smooth=True)
    accuracy = Panel("accuracy (%)", (shares,), unit=" %", decimals=1, floor=0, ceiling=100, factor=100)
    return Panel("loss (nats)", (training, validation)), accuracy


@pytest.fixture
def plot(qtbot) -> CurvePlot:
    made = CurvePlot("training step")
    qtbot.addWidget(made)
    made.resize(640, 480)
    made.set_panels(panels())
    made.set_marks((Mark(50, "best"),))
    made.show()
    return made


def test_csv_gives_the_numbers_back(plot, tmp_path):
    place = tmp_path / "curves.csv"
    plot.save_csv(place)
    rows = list(csv.DictReader(io.StringIO(place.read_text(encoding="utf-8"))))
    losses = [float(row["value"]) for row in rows if row["quantity"] == "loss (nats)" and row["curve"] == "training"]
    steps = [float(row["step"]) for row in rows if row["quantity"] == "loss (nats)" and row["curve"] == "training"]
    assert np.allclose(losses, LOSSES, rtol=1e-7) and steps == STEPS.tolist()
    accuracies = [float(row["value"]) for row in rows if row["quantity"] == "accuracy (%)"]
    assert np.allclose(accuracies, 100 * (1 - LOSSES / 3), rtol=1e-6)


def test_svg_is_a_drawing_with_axis_titles(plot, tmp_path):
    place = tmp_path / "curves.svg"
    plot.save_svg(place)
    root = ElementTree.parse(place).getroot()
    assert root.tag.endswith("svg")
    words = " ".join(text for element in root.iter() for text in [element.text or ""])
    for title in ("training step", "loss (nats)", "accuracy (%)", "best"):
        assert title in words
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) >= 3


def test_png_and_clipboard_hold_the_picture(plot, tmp_path):
    assert plot.save_png(tmp_path / "curves.png")
    assert QImage(str(tmp_path / "curves.png")).width() == 2 * plot.width()
    plot.copy_picture()
    assert QGuiApplication.clipboard().image().width() == 2 * plot.width()
    plot.copy_table()
    assert QGuiApplication.clipboard().text().startswith("quantity\tcurve\tstep\tvalue")


def test_the_menu_offers_what_there_is(qtbot, plot):
    menu = plot.export_menu()
    assert [action.text() for action in menu.actions() if action.text()] == [
        "Copy as picture", "Copy numbers", "Save as PNG…", "Save as SVG…", "Save as CSV…"
    ]  # fmt: skip
    plot.set_panels((Panel("loss"),))
    empty = plot.export_menu()
    assert "Copy numbers" not in [action.text() for action in empty.actions()]
    for made in (menu, empty):
        made.close()


def test_a_drag_enlarges_and_a_double_click_shows_all(plot):
    assert plot.view == (0, 100)
    box = plot._boxes(plot.size())[0]
    start, end = QPointF(box.left() + box.width() * 0.25, box.center().y()), QPointF(box.left() + box.width() * 0.5, box.center().y())
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, pos=start.toPoint())
    QTest.mouseMove(plot, end.toPoint())
    QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=end.toPoint())
    assert plot.view == pytest.approx((25, 50), abs=1)
    QTest.mouseDClick(plot, Qt.MouseButton.LeftButton, pos=start.toPoint())
    assert plot.view == (0, 100)


def test_the_cursor_reads_out_both_panels(plot):
    box = plot._boxes(plot.size())[0]
    QTest.mouseMove(plot, QPointF(box.left() + box.width() * 0.5, box.center().y()).toPoint())
    texts = [plot._legend_text(panel, panel.series[0]) for panel in plot._panels]
    assert "(step 50)" in texts[0] and f"{LOSSES[49]:.3f}" in texts[0]
    assert f"{100 * (1 - LOSSES[49] / 3):.1f} %" in texts[1]


def test_smoothing_of_a_growing_curve_equals_that_of_the_whole(plot):
    room = np.random.default_rng(0).random(3000).astype(np.float32)
    plot.set_smoothing(20)
    for length in (1, 7, 500, 501, 3000):
        series = Series("training", "#0072b2", np.arange(length), room[:length], smooth=True)
        assert np.allclose(plot._smoothed(series), moving_mean(room[:length], 20), atol=1e-5)
    plot.set_smoothing(5)
    assert np.allclose(plot._smoothed(series), moving_mean(room, 5), atol=1e-5)


def test_losses_that_are_no_numbers_and_zeros_are_drawn_around(plot):
    losses = LOSSES.copy()
    losses[40:] = [np.nan, np.inf, 0.0, -1.0] * 15
    plot.set_panels(panels(losses))
    for log in (False, True):
        plot.set_log(log)
        assert not plot.grab().isNull()
    plot.set_panels(panels(np.full(100, np.nan, np.float32)))
    assert not plot.grab().isNull()


SORT_SECONDS = 0.0055
"""What sorting 200,000 numbers took where the bound below was set; slower machines have as much more time."""


@pytest.mark.parametrize("window", [1, 101])
def test_a_million_steps_grow_and_are_painted_within_a_frame(plot, qtbot, window):
    """From the parcel of steps to the pixels, as often as the window does it."""
    random = np.random.default_rng(0)
    curve = Curve().extended(0, random.random(1_000_000).astype(np.float32))
    plot.set_smoothing(window)
    with qtbot.waitExposed(plot):
        plot.show()
    painted, paint = [], plot.paint
    plot.paint = lambda *arguments: painted.append(paint(*arguments))
    times, sorts = [], []
    for _ in range(20):
        begun = time.perf_counter()
        np.sort(curve.values[:200_000])  # how fast this machine is just now
        sorts.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        curve = curve.extended(len(curve), random.random(20).astype(np.float32))
        plot.set_panels(panels(curve.values, steps(len(curve))))
        plot.repaint()
        times.append(time.perf_counter() - begun)
    assert len(painted) == 20
    slow = max(1.0, min(sorts) / SORT_SECONDS)
    assert min(times) < 0.016 * slow, "4 and 13 ms here"
    assert times[0] < 0.2, "the mean of all steps, once: 40 ms here"


def test_nothing_yet_says_so(qtbot):
    plot = CurvePlot("training step")
    qtbot.addWidget(plot)
    plot.set_empty_text("nothing")
    assert not plot.grab().isNull() and not plot.has_table() and plot.table() == []


@pytest.mark.parametrize("number", [0, 1, 2, 1000])
def test_a_polygon_has_the_points_that_were_given(number):
    x, y = np.random.default_rng(number).random((2, number))
    polygon = polygon_of(x, y)
    assert [(point.x(), point.y()) for point in polygon] == list(zip(x.tolist(), y.tolist(), strict=True))


def test_a_run_that_comes_apart_does_not_flatten_the_others(plot):
    apart = np.where(STEPS > 20, 5e32, LOSSES).astype(np.float32)
    series = tuple(Series(str(place), "#0072b2", STEPS, losses, smooth=True) for place, losses in enumerate((LOSSES, apart)))
    for log in (False, True):
        plot.set_log(log)
        panel = Panel("loss (nats)", series, floor=0.0, outliers=4.0)
        plot.set_panels((panel,))
        drawn = plot._drawn(panel, 500)
        low, high = plot._y_range(panel, drawn)
        assert 2.2 < high < 3
        frame = Frame(QRectF(0, 0, 500, 200), *plot.view, low, high, log=log)
        assert plot._above(panel, frame, drawn) == pytest.approx(5e32)
        calm = Panel("loss (nats)", series[:1], floor=0.0, outliers=4.0)
        assert plot._above(calm, frame, plot._drawn(calm, 500)) is None
    assert not plot.grab().isNull()


@pytest.mark.parametrize("number", [1, 2, 7, 100, 3000])
def test_marks_of_points_keep_their_distance_and_the_last_one_is_there(number):
    places = dotted(number, 320, 16)
    assert places[-1] == number - 1 and len(places) <= 22
    assert number > 20 or list(places) == list(range(number))


def test_words_of_marks_never_lie_over_each_other_and_the_latest_are_shown(plot):
    plot.set_marks((Mark(10, "kept"), Mark(60, "Learning rate halved"), Mark(61, "Paused"), Mark(62, "Resumed"), Mark(99, "Ends")))
    box = plot._boxes(plot.size())[0]
    frame = Frame(box, *plot.view, 0.0, 1.0)
    words = words_of(frame, plot._marks)
    assert [one.shown for one in words] == ["Ends", "Resumed +2", "kept"]
    assert all(left.place.right() < right.place.left() for right, left in pairwise(words))
    assert words[-1].place.left() >= box.left() and words[0].place.right() <= plot.width()
    assert plot.told_at(words[1].place.center()) == "Learning rate halved\nPaused\nResumed"
    assert plot.told_at(QPointF(frame.x(10), box.center().y())) == "kept"
    assert not plot.told_at(QPointF(frame.x(30), box.center().y()))
    assert not plot.grab().isNull()


def test_words_that_are_longer_than_the_plot_are_cut(plot):
    (words,) = words_of(Frame(QRectF(50, 30, 200, 100), 0, 100, 0, 1), (Mark(50, "went on " * 30),))
    assert words.shown.endswith("…") and words.place.left() >= 50 and words.whole == ("went on " * 30,)


def test_the_legend_lies_where_no_point_is_and_stays_while_it_is_read(plot):
    box = plot._boxes(plot.size())[0]
    high = Series("validation", "#b86e00", np.array([90.0]), np.array([2.0]), bold=True)
    low = Series("training", "#b86e00", STEPS, LOSSES / 8)
    plot.set_panels((Panel("loss (nats)", (low, high)),))
    plot.grab()
    assert plot._corners[0] != 0
    taken = plot._corners[0]
    QTest.mouseMove(plot, box.center().toPoint())
    plot.set_panels((Panel("loss (nats)", (low,)),))
    plot.grab()
    assert plot._corners[0] == taken


@pytest.mark.parametrize("low, high", [(57.0, 102.0), (0.2, 0.9), (99.1, 101.0)])
def test_an_axis_has_two_numbers_at_least(low, high):
    assert len(_levels(Frame(QRectF(0, 0, 100, 88), 0, 1, low, high))) >= 2
