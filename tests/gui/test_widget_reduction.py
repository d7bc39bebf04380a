"""What is drawn of a long curve is what all its points would show."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gui.widgets.reduction import Growing, envelope, moving_mean
from gui.widgets.ticks import linear_ticks, log_ticks, plain, span

curves = arrays(np.float32, st.integers(1, 400), elements=st.floats(-1e6, 1e6, width=32) | st.just(float("nan")))


@given(curves, st.integers(1, 40), st.floats(0, 300), st.floats(1, 300))
def test_the_envelope_keeps_the_extremes_and_invents_nothing(y, columns, left, width):
    x = np.arange(1, len(y) + 1, dtype=np.float32)
    right = left + width
    points_x, points_y = envelope(x, y, left, right, columns)
    assert len(points_x) == len(points_y) <= 2 * columns + 2
    assert (np.diff(points_x) >= 0).all()
    finite = y[np.isfinite(y)]
    drawn = points_y[np.isfinite(points_y)]
    assert np.isin(drawn, finite).all()
    seen = y[(x >= left) & (x <= right)]
    seen = seen[np.isfinite(seen)]
    if len(seen):
        assert drawn.min() <= seen.min() and drawn.max() >= seen.max()


@given(curves.filter(lambda y: len(y) > 50), st.integers(1, 8))
def test_each_column_has_its_own_extremes(y, columns):
    x = np.arange(len(y), dtype=np.float32)
    right = float(len(y))
    points_x, points_y = envelope(x, y, 0.0, right, columns)
    edges = np.linspace(0.0, right, columns + 1)
    for column in range(columns):
        inside = y[(x >= edges[column]) & (x < edges[column + 1])]
        shown = points_y[(points_x >= edges[column]) & (points_x < edges[column + 1])]
        if np.isfinite(inside).any():
            assert np.nanmin(shown) == np.nanmin(inside) and np.nanmax(shown) == np.nanmax(inside)


@given(curves, st.integers(1, 30))
def test_moving_mean_is_the_mean_of_the_window(y, window):
    means = moving_mean(y, window)
    assert len(means) == len(y)
    if window == 1:
        return
    for place in range(len(y)):
        inside = y[max(0, place - window // 2) : place + (window - 1) // 2 + 1].astype(np.float64)
        inside = inside[np.isfinite(inside)]
        if len(inside):
            assert np.isclose(means[place], inside.mean(), rtol=1e-4, atol=1.0)
        else:
            assert np.isnan(means[place])


def test_growing_keeps_what_was_appended():
    growing = Growing()
    parts = [np.arange(number, dtype=np.float32) for number in (3, 2000, 1, 5000)]
    for part in parts:
        growing.append(part)
    assert np.array_equal(growing.values(), np.concatenate(parts))
    growing.shorten(5)
    assert len(growing) == 5


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
def test_linear_ticks_lie_inside_and_are_few(low, width, most):
    ticks = linear_ticks(low, low + width, most)
    assert len(ticks) <= most + 1
    assert all(low - width * 1e-6 <= tick <= low + width * (1 + 1e-6) for tick in ticks)


def test_log_ticks_are_powers_of_ten_where_room_is_short():
    assert log_ticks(0.01, 10, 20) == [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
    assert [round(value, 9) for value in log_ticks(1e-3, 1e3, 7)] == [1e-3, 1e-2, 0.1, 1, 10, 100, 1000]
    assert log_ticks(0, 1, 5) == []


def test_ticks_are_written_short():
    assert [plain(value) for value in (0, 0.05, 12, 1500, 20000, 3e6, 1e-6)] == ["0", "0.05", "12", "1,500", "20k", "3M", "1e-06"]


def test_span_leaves_out_what_cannot_be_drawn():
    values = [np.array([np.nan, -1.0, 3.0]), np.array([np.inf, 0.5])]
    assert span(values, log=False) == (-1.0, 3.0)
    assert span(values, log=True) == (0.5, 3.0)
    assert span([np.array([np.nan])], log=False) is None
