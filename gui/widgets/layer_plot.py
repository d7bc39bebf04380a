"""A curve over the layers of a network."""

from __future__ import annotations

import numpy as np

from gui.widgets.curve_records import Panel, Series
from gui.widgets.depth_plot import DepthPlot


class LayerPlot(DepthPlot):
    """A curve over layers, with the first and the last one clear of the edges; under the cursor they are called by their names."""

    names: tuple[str, ...] = ()

    def set_names(self, names: tuple[str, ...], title: str) -> None:
        """The layers' names, of which the axis says the first and the last; without names it says the title."""
        self.names = names
        words = self.tr("{title}: 1 {first} … {number} {last}")
        self._x_title = words.format(title=title, first=names[0], number=len(names), last=names[-1]) if len(names) > 1 else title

    @property
    def view(self) -> tuple[float, float]:
        left, right = super().view
        return (left, right) if self._view is not None else (0.5, max(1.0, right) + 0.5)

    def _y_range(self, panel: Panel, drawn: list[tuple[Series, np.ndarray, np.ndarray, bool]]) -> tuple[float, float]:
        """With room for the names above the curves."""
        low, high = super()._y_range(panel, drawn)
        if self._is_log(panel):
            return low, high * (high / low) ** 0.3
        return low, high + (high - low) * (0.35 + 0.3 * len(panel.series))  # a share of 100 % lies beneath the legend, too

    def _legend_text(self, panel: Panel, series: Series) -> str:
        found = self._at(series, self._cursor, panel.factor) if self._cursor is not None else None
        if found is None or found[0] > len(self.names):
            return super()._legend_text(panel, series)
        value = f"{found[1]:.3g}" if self._log else f"{found[1]:.{panel.decimals}f}{panel.unit}"
        return f"{series.name}  {value}  ({self.names[round(found[0]) - 1]})"
