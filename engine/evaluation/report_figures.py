"""The drawings of a report: lines over axes, and a network's layers as boxes, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.evaluation.report_parts import paragraph, text

MOST_POINTS = 600  # of a curve
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 240, 56, 36, 12, 12  # of a plot, in pixels
TONES = {
    "Convolution": "#e69f00",
    "Linear": "#0072b2",
    "Max pooling": "#56b4e9",
    "Average pooling": "#56b4e9",
    "Self-attention": "#cc79a7",
}
PLAIN_TONE = "#b7bec6"
LINES = {
    "thin": 'stroke="#e8a33d" stroke-width="1" opacity="0.6"',
    "train": 'stroke="#b86e00" stroke-width="1.5"',
    "bold": 'stroke="#0072b2" stroke-width="2.5"',
}
"""Looks of lines; attributes, not classes, so that a drawing taken out of the file stays whole."""
WORDS = 'font-size="11" fill="#5a6470"'


class Series(NamedTuple):
    """A line of a plot: what it is, its look in `LINES`, places from left to right, and values, NaN where there is none."""

    name: str
    look: str
    x: np.ndarray
    y: np.ndarray


def plot(title: str, x_title: str, series: Sequence[Series]) -> str:
    """Lines over common axes, as SVG."""
    shown = [thinned(line) for line in series]
    values = np.concatenate([line.y[np.isfinite(line.y)] for line in shown])
    if not len(values):
        return paragraph(f"{title}: there are no values.")
    low, high = min(0.0, float(values.min())), float(values.max())
    high = high if high > low else low + max(1.0, abs(low) * 1e-3)
    last = max((float(line.x.max()) for line in shown if len(line.x)), default=1.0)
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(x: np.ndarray) -> np.ndarray:
        return LEFT + x / max(last, 1.0) * inner_width

    def down(y: np.ndarray) -> np.ndarray:
        return TOP + (high - y) / (high - low) * inner_height

    parts = []
    for tick in ticks(low, high):
        y = down(np.array([tick])).item()
        parts.append(f'<line stroke="#e4e6e9" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text {WORDS} x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in ticks(0.0, last):
        x = across(np.array([tick])).item()
        parts.append(f'<text {WORDS} x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:,.10g}</text>')
    parts.append(f'<text {WORDS} x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{text(x_title)}</text>')
    for line in shown:
        way = path(across(line.x), down(line.y))
        parts.append(f'<path fill="none" stroke-linejoin="round" {LINES[line.look]} d="{way}"><title>{text(line.name)}</title></path>')
    key = " ".join(
        f'<svg width="26" height="10" viewBox="0 0 26 10"><line {LINES[line.look]} x1="1" x2="25" y1="5" y2="5"/></svg> {text(line.name)}'
        for line in shown
        if np.isfinite(line.y).any()
    )
    words = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{text(title)}">'
    return f'<h3>{text(title)}</h3>{words}{"".join(parts)}</svg><p class="muted">{key}</p>'


def thinned(line: Series) -> Series:
    """At most `MOST_POINTS` values, each the mean of its neighbours; NaN where none of them is finite."""
    if len(line.y) <= MOST_POINTS:
        return Series(line.name, line.look, np.asarray(line.x, np.float64), np.asarray(line.y, np.float64))
    edges = np.linspace(0, len(line.y), MOST_POINTS + 1).astype(np.int64)
    y = np.asarray(line.y, np.float64)
    finite = np.isfinite(y)
    count = np.add.reduceat(finite, edges[:-1], dtype=np.int64)
    total = np.add.reduceat(np.where(finite, y, 0.0), edges[:-1])
    mean = np.divide(total, count, out=np.full(MOST_POINTS, np.nan), where=count > 0)
    return Series(line.name, line.look, np.asarray(line.x, np.float64)[edges[1:] - 1], mean)


def path(x: np.ndarray, y: np.ndarray) -> str:
    """SVG's path through points; it begins anew after values that are not finite."""
    found, pen_down = [], False
    for across, down in zip(x.tolist(), y.tolist(), strict=True):
        if not math.isfinite(down):
            pen_down = False
            continue
        found.append(f"{'L' if pen_down else 'M'}{across:.1f} {down:.1f}")
        if not pen_down:
            found.append("h0.01")  # a single point shows as a dot
        pen_down = True
    return " ".join(found)


def ticks(low: float, high: float) -> list[float]:
    """Round numbers within an interval, about five of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def drawing(layers: Sequence[tuple[str, str, tuple[int, ...]]]) -> str:
    """Layers as boxes in reading order: as high as their maps, as wide as they have channels, both by logarithm; a line where they fold."""
    x, y, gap, row_height, most = 4.0, 4.0, 5.0, 76.0, 872.0
    boxes = []
    for title, kind, shape in layers[:400]:
        width = 5 + 3.5 * math.log2(1 + shape[0])
        height = 6 + 8 * math.log2(max(1, *shape[1:])) if len(shape) > 1 else 8
        if x + width > most:
            x, y = 4.0, y + row_height
        tone = next((tone for word, tone in TONES.items() if kind.startswith(word)), PLAIN_TONE)
        top = y + (row_height - 8 - min(height, row_height - 8)) / 2
        boxes.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{min(height, row_height - 8):.1f}" rx="2" fill="{tone}">'
            f"<title>{text(title)}</title></rect>"
        )
        x += width + gap
    bottom = y + row_height
    return f'<svg viewBox="0 0 880 {bottom:.0f}" width="880" height="{bottom:.0f}" role="img" aria-label="Layers">{"".join(boxes)}</svg>'
