"""What a network costs and sees, computed from its records alone: shapes, parameters, multiply-adds, receptive fields. No torch."""

from __future__ import annotations

import msgspec

from engine.failure import UserError
from engine.networks.effects import Effect, Refusal, TooSmall, effect_of, fits, output_size, shape_text, size_formula, size_formulas
from engine.networks.layers import Layer, Network, Pair, Sequence, Shape, walk

__all__ = ["Analysis", "LayerRow", "NetworkError", "analyse", "fits", "output_size", "size_formula", "unit_box"]

DEEPEST = 64  # containers within containers; msgspec and Python's stack give up near 1,000
MOST_PARAMETERS = 20_000_000_000


class NetworkError(UserError, ValueError):
    """A network that cannot be: `message` says which layer and why, `remedy` what to do."""


class LayerRow(msgspec.Struct, frozen=True):
    """The arithmetic of one layer.

    Attributes
    ----------
    name : str
        Dotted name, as torch's get_submodule takes it.
    kind, detail : str
        In words: "Convolution"; "5×5, stride 1, padding 2, 6 filters".
    input, output : (channels, height, width)
        A flat signal of n values is (n, 1, 1).
    flat : bool
        Whether the output is one row of values.
    parameters, trainable : int
    formula : str
        The parameters with the numbers put in; empty where there are none.
    multiply_adds : int
        For one picture, of convolutions and linear layers; all else is counted as free, as usual.
    receptive_field : (height, width)
        Side of the area of input pixels, padding included, that may influence one unit.
    jump : (vertical, horizontal)
        Distance in input pixels between the fields of neighbouring units.
    offset : (top, left)
        Upper left pixel of the field of unit (0, 0); negative in the padding.
    kernel, stride, padding : (vertical, horizontal)
        Of the window that moves over the layer's input; 1, 1, 0 for layers without.
    size_formula : str
        Output height (and width, where it differs) by 1 + ⌊(N − F + 2P)/S⌋; empty for layers without a window.
    fits : bool
        Whether the stride divides, so that the window ends at the edge.
    """

    name: str
    kind: str
    detail: str
    input: Shape
    output: Shape
    flat: bool
    parameters: int
    trainable: int
    formula: str
    multiply_adds: int
    receptive_field: Pair
    jump: Pair
    offset: Pair
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    size_formula: str = ""
    fits: bool = True

    @property
    def centre(self) -> tuple[float, float]:
        """Centre of the field of unit (0, 0) in input pixels; pixel 0 reaches from 0 to 1."""
        return self.offset[0] + self.receptive_field[0] / 2, self.offset[1] + self.receptive_field[1] / 2


class Analysis(msgspec.Struct, frozen=True):
    """The arithmetic of a network: a row a layer, in order, and the sums."""

    input: Shape
    classes: int
    layers: tuple[LayerRow, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    receptive_field: Pair

    def row(self, name: str) -> LayerRow:
        """The row of a layer.

        Raises
        ------
        NetworkError
            If there is no layer of this dotted name.
        """
        for row in self.layers:
            if row.name == name:
                return row
        raise NetworkError(f"There is no layer {name}.", f"Choose one of: {', '.join(row.name for row in self.layers)}.")


def analyse(network: Network) -> Analysis:
    """Work a network out.

    Returns
    -------
    Analysis
        One row for every layer but the containers.

    Raises
    ------
    NetworkError
        If a field is out of its range, a layer cannot take what comes before it, or the end does not fit the classes.
    """
    _check_records(network)
    rows: list[LayerRow] = []
    shape, flat = network.input, False
    field, jump, offset = (1, 1), (1, 1), (0, 0)
    for name, layer in walk(network.body):
        if isinstance(layer, Sequence):
            continue
        effect = _applied(layer, name, shape, flat, network)
        kernel, stride, padding = effect.kernel, effect.stride, effect.padding
        offset = (offset[0] - padding[0] * jump[0], offset[1] - padding[1] * jump[1])
        field = (field[0] + (kernel[0] - 1) * jump[0], field[1] + (kernel[1] - 1) * jump[1])
        jump = (jump[0] * stride[0], jump[1] * stride[1])
        rows.append(
            LayerRow(
                name=name,
                kind=effect.kind,
                detail=effect.detail,
                input=shape,
                output=effect.output,
                flat=effect.flat,
                parameters=effect.parameters,
                trainable=effect.parameters,
                formula=effect.formula,
                multiply_adds=effect.multiply_adds,
                receptive_field=field,
                jump=jump,
                offset=offset,
                kernel=kernel,
                stride=stride,
                padding=padding,
                size_formula=size_formulas(shape, effect) if effect.windowed else "",
                fits=not effect.windowed or all(fits(*side) for side in zip(shape[1:], kernel, stride, padding, strict=True)),
            )
        )
        shape, flat = effect.output, effect.flat
    if not flat or shape[0] != network.classes:
        end = f"{shape[0]} values" if flat else f"maps of {shape_text(shape)}"
        raise NetworkError(
            f"{network.title} ends in {end}, but there are {network.classes} classes.",
            f"Let its last layer be a linear layer of {network.classes} units.",
        )
    parameters = sum(row.parameters for row in rows)
    if parameters > MOST_PARAMETERS:
        raise NetworkError(f"{network.title} would have {parameters:,} parameters.", "Choose a smaller input or smaller layers.")
    return Analysis(
        input=network.input,
        classes=network.classes,
        layers=tuple(rows),
        parameters=parameters,
        trainable=sum(row.trainable for row in rows),
        multiply_adds=sum(row.multiply_adds for row in rows),
        receptive_field=field,
    )


def unit_box(analysis: Analysis, layer_name: str, row: int, column: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Theoretical receptive field of a unit: the input pixels that may influence it.

    The field is followed back layer by layer and cut to each layer's input, so pixels that no window reaches
    (a stride that does not divide) are left out; for a flat layer it is that of all units together.

    Parameters
    ----------
    analysis : Analysis
        Of the network that the unit belongs to.
    layer_name : str
        Dotted name.
    row, column : int
        Place of the unit in its map; 0, 0 in a flat layer.
    height, width : int
        Size of the input picture in pixels, to which the box is cut.

    Returns
    -------
    (top, left, bottom, right) : int
        bottom and right are exclusive.

    Raises
    ------
    NetworkError
        If there is no such layer or no such unit in it.
    """
    last = analysis.row(layer_name)
    _, rows, columns = last.output
    if not (0 <= row < rows and 0 <= column < columns):
        raise NetworkError(f"Layer {layer_name} has no unit at row {row}, column {column}.", f"Its maps are {rows}×{columns}.")
    top, left, bottom, right = row, column, row, column
    for layer in reversed(analysis.layers[: analysis.layers.index(last) + 1]):
        (kernel_y, kernel_x), (stride_y, stride_x), (pad_y, pad_x) = layer.kernel, layer.stride, layer.padding
        _, map_height, map_width = layer.input
        top, bottom = max(0, top * stride_y - pad_y), min(map_height - 1, bottom * stride_y - pad_y + kernel_y - 1)
        left, right = max(0, left * stride_x - pad_x), min(map_width - 1, right * stride_x - pad_x + kernel_x - 1)
    return min(top, height), min(left, width), min(bottom + 1, height), min(right + 1, width)


# ---------------------------------------------------------------- checks


def _check_records(network: Network) -> None:
    """Constructors do not validate; the same ranges as for files hold here."""
    seen: set[str] = set()
    for name, _ in walk(network.body):
        if name.count(".") > DEEPEST:
            raise NetworkError(f"The layers of {network.title} are nested more than {DEEPEST} deep.", "Take some containers away.")
        if name in seen:
            raise NetworkError(f"Two layers are called {name}.", "Give each layer of a sequence a name of its own.")
        seen.add(name)
    if not seen:
        raise NetworkError(f"{network.title} has no layers.", "Give it at least a flatten and a linear layer.")
    try:
        msgspec.convert(msgspec.to_builtins(network), Network)
    except msgspec.ValidationError as error:
        text = str(error).replace(" - at `$.", " at `")
        raise NetworkError(f"{network.title or 'The network'} has a field out of its range: {text}.", "Correct that field.") from None


def _applied(layer: Layer, name: str, shape: Shape, flat: bool, network: Network) -> Effect:
    try:
        return effect_of(layer, shape, flat)
    except TooSmall as error:
        size = f"{network.input[1]}×{network.input[2]}"
        raise NetworkError(f"{size} is too small for layer {name}: {error}.", "Choose a larger input size or another network.") from None
    except Refusal as error:
        raise NetworkError(f"Layer {name} {error}.", "Correct that layer or the one before it.") from None
