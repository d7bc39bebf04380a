"""Curves over the layers of networks: how far a unit sees, and how large the maps are."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.theme import px
from gui.widgets.canvas import Row
from gui.widgets.curve_plot import CurvePlot
from gui.widgets.curve_records import Panel, Series


class DepthPlot(CurvePlot):
    """A curve plot whose x is a layer's number instead of a step."""

    file_name = "depth"
    whole = True

    def __init__(self, x_title: str, parent: QWidget | None = None) -> None:
        super().__init__(x_title, parent)
        self.setMinimumSize(px(280), px(120))
        self.setAccessibleName(self.tr("Receptive field and map size by depth"))

    def _legend_text(self, panel: Panel, series: Series) -> str:
        found = self._at(series, self._cursor, panel.factor) if self._cursor is not None else None
        if found is None:
            return series.name
        layer = self.tr("layer {number:,.0f}").format(number=found[0])
        return f"{series.name}  {found[1]:,.{panel.decimals}f}{panel.unit}  ({layer})"

    def table(self) -> list[Row]:
        rows = super().table()
        return [("quantity", "network", "layer", "value"), *rows[1:]] if rows else []
