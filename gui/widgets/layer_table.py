"""The layers of a network as a table: what they give, what they learn, what they cost, what their units see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.networks.arithmetic import LayerRow
from gui.network_figures import short_name
from gui.widgets.basics import count
from gui.widgets.figures_table import Column, FiguresTable, Line


class LayerTable(FiguresTable):
    """A line a layer, in the order of the network; clicks tell the layer's dotted name.

    Parameters
    ----------
    roomy : callable
        Whether whole names of layers have room now.
    """

    def __init__(self, roomy: Callable[[], bool]) -> None:
        super().__init__(
            (
                Column(self.tr("Layer"), lambda name: name if roomy() else short_name(name), figure=False),
                Column(self.tr("Kind"), figure=False),
                Column(self.tr("Output"), _shape, tip=self.tr("channels × height × width; tokens × values; or values")),
                Column(self.tr("Parameters"), tip=self.tr("Numbers that are learned, and how they come about")),
                Column(self.tr("Multiply-adds"), count, tip=self.tr("For one picture")),
                Column(
                    self.tr("Receptive field"),
                    lambda pair: f"{pair[0]} × {pair[1]}",
                    tip=self.tr("Pixels of the input that one unit can see, padding included"),
                ),
            ),
            sortable=False,
            wide=1,
        )
        self.setAccessibleName(self.tr("Layers"))

    def show_rows(self, rows: Sequence[LayerRow]) -> None:
        """Show the layers of an analysis; nothing is seen without any."""
        self.setVisible(bool(rows))
        self.set_lines([_line(row) for row in rows])


def _shape(value: tuple[int, ...] | int) -> str:
    return count(value) if isinstance(value, int) else " × ".join(str(side) for side in value)


def _line(row: LayerRow) -> Line:
    kind = f"{row.kind}, {row.detail}" if row.detail else row.kind
    output: tuple[int, ...] | int = row.output
    if row.form == "flat":
        output = row.output[0]
    elif row.form == "tokens":
        output = (row.output[1], row.output[0])  # tokens × values, as transformers' papers write it
    tip = f"{row.name}\n{row.kind}: {row.detail}" + (f"\nsize {row.size_formula}" if row.size_formula else "")
    learned = row.formula or (count(row.parameters) if row.parameters else None)
    values = (row.name, kind, output, learned, row.multiply_adds or None, row.receptive_field)
    return Line(row.name, values, tip=tip)
