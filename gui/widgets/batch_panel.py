"""What trying batch sizes has shown: how many pictures a second each size learns from, and the size that is suggested."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from engine.messages import BatchesTried
from gui.theme import colours, font, px
from gui.widgets.axes import Frame
from gui.widgets.basics import count
from gui.widgets.canvas import Row, ink
from gui.widgets.curve_records import Mark, Panel, Series
from gui.widgets.tried_panel import TriedPanel, TriedPlot

GIGABYTE = 1e9
ABOUT = 0.9  # of the highest speed is about as fast


class BatchPlot(TriedPlot):
    """A curve over batch sizes, each twice the one before: x is the size's power of two, and its number stands below."""

    file_name = "batches"
    whole = True
    room = 0.25  # doublings

    def _paint_steps(self, painter: QPainter, frame: Frame) -> None:
        box, figures = frame.box, font(11, tabular=True)
        metrics = QFontMetricsF(figures)
        line = metrics.height()
        painter.setFont(figures)
        for value in self._panels[0].series[0].x.tolist() if self._panels else ():
            x = frame.x(value)
            if not box.left() <= x <= box.right():
                continue
            painter.setPen(QPen(ink("line"), 1))
            painter.drawLine(round(x), round(box.bottom()), round(x), round(box.bottom() + px(4)))
            painter.setPen(ink("muted"))
            where = QRectF(x - px(40), box.bottom() + px(4), px(80), line)
            painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), count(round(2**value)))
        painter.setFont(font(11))
        painter.setPen(ink("text"))
        below = QRectF(box.left(), box.bottom() + px(4) + line, box.width(), line + 2)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), self._x_title)

    def _legend_text(self, panel: Panel, series: Series) -> str:
        found = self._at(series, self._cursor, panel.factor) if self._cursor is not None else None
        if found is None:
            return series.name
        value = count(round(found[1])) if panel.decimals == 0 else f"{found[1]:.{panel.decimals}f}"
        return self.tr("{name}  {value}{unit}  (batch of {size})").format(
            name=series.name, value=value, unit=panel.unit, size=count(round(2 ** found[0]))
        )

    def table(self) -> list[Row]:
        rows = super().table()
        sized = [(quantity, name, str(round(2 ** float(x))), value) for quantity, name, x, value in rows[1:]]
        return [("quantity", "curve", "batch", "value"), *sized] if sized else []


class BatchPanel(TriedPanel):
    """Speed over batch sizes.

    Signals
    -------
    batch_taken(int)
        The suggested size is to be the recipe's.
    """

    batch_taken = Signal(int)

    def __init__(self) -> None:
        super().__init__(BatchPlot(self.tr("pictures in a batch")))
        self._suggested = 0
        self.plot.setAccessibleName(self.tr("Speed by batch size"))
        self.take_button.clicked.connect(lambda: self.batch_taken.emit(self._suggested))

    def show_batches(self, tried: BatchesTried) -> None:
        """Show the answer of the engine."""
        self._suggested = tried.suggested
        shades = colours().curves
        powers = np.log2(np.array(tried.sizes, np.float64))
        speed = Series(self.tr("speed"), shades[0], powers, tried.speeds, bold=True)
        panels = [Panel(self.tr("pictures a second"), (speed,), decimals=0, floor=0.0)]
        if any(most is not None for most in tried.memory):
            sizes = np.array([np.nan if most is None else most / GIGABYTE for most in tried.memory], np.float64)
            panels.append(Panel(self.tr("memory (GB)"), (Series(self.tr("memory"), shades[1], powers, sizes, bold=True),), " GB", 2, 0.0))
        self.plot.set_panels(tuple(panels))
        self.plot.set_marks((Mark(float(np.log2(tried.suggested)), count(tried.suggested)),))
        self.plot.show_all()
        self.words.setText(self._words(tried))
        self.take_button.setText(self.tr("Use {size}").format(size=count(tried.suggested)))

    def _words(self, tried: BatchesTried) -> str:
        size, larger = count(tried.suggested), count(2 * tried.sizes[-1])
        own, most = float(tried.speeds[tried.sizes.index(tried.suggested)]), float(tried.speeds.max())
        if own == most:
            found = self.tr("Batches of {size} are the fastest that were tried.").format(size=size)
        elif own >= ABOUT * most:
            found = self.tr("Batches of {size} are about as fast as larger ones.").format(size=size)
        else:
            words = self.tr(
                "Batches of {size} were {percent} % slower than those of {best}, but speeds of one size differed by {spread} % too: "
                "that may be chance."
            )
            best = count(tried.sizes[int(tried.speeds.argmax())])
            found = words.format(size=size, best=best, percent=round(100 * (1 - own / most)), spread=round(100 * tried.spread))
        ends = {
            "memory": self.tr("There is no memory for {larger}.").format(larger=larger),
            "pictures": self.tr("Larger ones would leave too few steps an epoch."),
            "slow": self.tr("A step with {larger} takes too long.").format(larger=larger),
        }
        changed = self.tr("Larger batches often want a higher learning rate, which stays as it is.")
        return " ".join(part for part in (found, ends.get(tried.ended, ""), changed) if part)
