"""What a network costs and sees, computed from its records alone: shapes, parameters, multiply-adds, receptive fields. No torch."""

from __future__ import annotations

from collections import deque

import msgspec
from msgspec.structs import astuple

from engine.failure import UserError
from engine.networks.kinds import Effect, Form, Refusal, Signal, TooSmall, effect_of
from engine.networks.kinds.base import fits, output_size, shape_text, signal_text, size_formula, size_formulas
from engine.networks.layers import Auxiliary, Branches, Layer, Network, Pair, Residual, Sequence, Shape, children, walk

__all__ = ["Analysis", "LayerRow", "NetworkError", "analyse", "fits", "output_size", "size_formula"]

DEEPEST = 64  # containers within containers; msgspec and Python's stack give up near 1,000
MOST_PARAMETERS = 20_000_000_000
PICTURE = -1
"""The source of the first layer: the picture itself."""


_recent: deque[tuple[Network, Analysis]] = deque(maxlen=4)
"""Of those who make a network, draw it, build it, each asks for its arithmetic."""


class NetworkError(UserError, ValueError):
    """A network that cannot be: `message` says which layer and why, `remedy` what to do; `layer` is its dotted name, "" for the whole."""

    def __init__(self, message: str, remedy: str = "", layer: str = "") -> None:
        super().__init__(message, remedy)
        self.layer = layer


class LayerRow(msgspec.Struct, frozen=True):
    """The arithmetic of one layer, or of the place where the paths of a container meet.

    Attributes
    ----------
    name : str
        Dotted name, as torch's get_submodule takes it.
    kind, detail : str
        In words: "Convolution"; "5×5, stride 1, padding 2, 6 filters".
    input, output : (channels, height, width)
        A flat signal of n values is (n, 1, 1); L tokens of n values are (n, L, 1).
    form, input_form : {"maps", "flat", "tokens"}
        Of output and input; in torch [N, C, H, W], [N, n] and [N, L, n].
    places, input_places : (rows, columns)
        Of the maps, or of the grid that tokens come from; (1, 1) for a row of values.
    extra : int
        Tokens of the output before those of the grid.
    parameters, trainable : int
    formula : str
        The parameters with the numbers put in; empty where there are none.
    multiply_adds : int
        For one picture, of convolutions, linear layers and attention; all else is counted as free, as usual.
    activations : int
        Values that training keeps for one picture, the output among them.
    receptive_field : (height, width) or None
        Side of the area of input pixels, padding included, that may influence one unit; None where it is not known.
    jump : (vertical, horizontal) or None
        Distance in input pixels between the fields of neighbouring units; 0 where all units see the same.
    offset : (top, left) or None
        Upper left pixel of the field of unit (0, 0); negative in the padding.
    kernel, stride, padding, dilation : (vertical, horizontal)
        Of the window that moves over the layer's input; 1, 1, 0, 1 for layers without.
    size_formula : str
        Output height (and width, where it differs) by 1 + ⌊(N − F + 2P)/S⌋; empty for layers without a window.
    fits : bool
        Whether the stride divides, so that the window ends at the edge.
    whole : bool
        Whether every unit sees all places of its input.
    sources : tuple of int
        Numbers of the rows whose outputs enter here; -1 is the picture.
    auxiliary : bool
        Whether it belongs to a head that only training uses.
    """

    name: str
    kind: str
    detail: str
    input: Shape
    output: Shape
    form: Form
    input_form: Form
    parameters: int
    trainable: int
    formula: str
    multiply_adds: int
    receptive_field: Pair | None
    jump: Pair | None
    offset: Pair | None
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    size_formula: str = ""
    fits: bool = True
    whole: bool = False
    sources: tuple[int, ...] = ()
    auxiliary: bool = False
    activations: int = 0
    places: Pair = (1, 1)
    input_places: Pair = (1, 1)
    extra: int = 0

    @property
    def flat(self) -> bool:
        """Whether the output is one row of values."""
        return self.form == "flat"

    @property
    def entering(self) -> Signal:
        """The signal that enters."""
        extra = self.input[1] - self.input_places[0] * self.input_places[1] if self.input_form == "tokens" else 0
        grid = self.input_places if self.input_form == "tokens" else (0, 0)
        return Signal(self.input, self.input_form, grid, extra)

    @property
    def centre(self) -> tuple[float, float] | None:
        """Centre of the field of unit (0, 0) in input pixels; pixel 0 reaches from 0 to 1."""
        if self.offset is None or self.receptive_field is None:
            return None
        return self.offset[0] + self.receptive_field[0] / 2, self.offset[1] + self.receptive_field[1] / 2


class Analysis(msgspec.Struct, frozen=True):
    """The arithmetic of a network: a row a layer, in order, and the sums.

    Attributes
    ----------
    parameters, trainable, multiply_adds : int
        Of the network as it classifies: without auxiliary heads.
    auxiliary_parameters : int
        Of the heads that only training uses.
    activations : int
        Values that training keeps for one picture, the picture among them.
    """

    input: Shape
    classes: int
    layers: tuple[LayerRow, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    receptive_field: Pair | None
    auxiliary_parameters: int = 0
    activations: int = 0

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

    def by_name(self) -> dict[str, LayerRow]:
        """All rows by their names, for those who ask for many."""
        return {row.name: row for row in self.layers}


def analyse(network: Network) -> Analysis:
    """Work a network out.

    Returns
    -------
    Analysis
        One row for every layer, and one for each residual and each branching, where its paths meet.

    Raises
    ------
    NetworkError
        If a field is out of its range, a layer cannot take what comes before it, or the end does not fit the classes.
    """
    for known, analysis in tuple(_recent):  # another thread may add to it
        if known is network:  # the same record, which cannot have changed; comparing whole trees would take longer
            return analysis
    analysis = _analysis(network)
    _recent.append((network, analysis))
    return analysis


def _analysis(network: Network) -> Analysis:
    trace = _Trace(network)
    end = trace.whole()
    rows = trace.rows
    main = [row for row in rows if not row.auxiliary]
    total = sum(row.parameters for row in rows)
    if total > MOST_PARAMETERS:
        raise NetworkError(f"{network.title} would have {total:,} parameters.", "Choose a smaller input or smaller layers.")
    parameters = sum(row.parameters for row in main)
    return Analysis(
        input=network.input,
        classes=network.classes,
        layers=tuple(rows),
        parameters=parameters,
        trainable=sum(row.trainable for row in main),
        multiply_adds=sum(row.multiply_adds for row in main),
        receptive_field=end.field,
        auxiliary_parameters=total - parameters,
        activations=network.input[0] * network.input[1] * network.input[2] + sum(row.activations for row in rows),
    )


def analyse_partly(network: Network) -> tuple[tuple[LayerRow, ...], NetworkError | None]:
    """Work out as much of a network as can be, for one that is being built.

    Returns
    -------
    rows : tuple of LayerRow
        As far as the signal comes.
    error : NetworkError or None
        Why it comes no further; its `layer` says where.
    """
    trace = _Trace(network)
    try:
        trace.whole()
    except NetworkError as error:
        return tuple(trace.rows), error
    return tuple(trace.rows), None


# ---------------------------------------------------------------- following the signal


class _At(msgspec.Struct, frozen=True):
    """A place on the way: what passes there, the field of its unit (0, 0), and the row that it comes from."""

    signal: Signal
    offset: Pair
    field: Pair
    jump: Pair
    source: int


class _Trace:
    """Follows the signal through the tree and writes the rows down."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.rows: list[LayerRow] = []
        self.auxiliary = False
        self.effects: dict[tuple[object, ...], Effect] = {}  # of layers that differ by name alone; deep networks repeat
        self.windows: dict[tuple[Pair, ...], tuple[str, bool]] = {}

    def whole(self) -> _At:
        """From the picture to the logits."""
        _check_records(self.network)
        end = self.run(self.network.body, "", _At(Signal(self.network.input), (0, 0), (1, 1), (1, 1), PICTURE))
        if end.signal.form != "flat" or end.signal.shape[0] != self.network.classes:
            raise NetworkError(
                f"{self.network.title} ends in {signal_text(end.signal)}, but there are {self.network.classes} classes.",
                f"Let its last layer be a linear layer of {self.network.classes} units.",
            )
        return end

    def run(self, layer: Layer, name: str, at: _At) -> _At:
        """Through a layer, or through all within a container."""
        if isinstance(layer, Sequence):
            return self.through(children(layer), name, at)
        if isinstance(layer, Residual):
            return self.residual(layer, name, at)
        if isinstance(layer, Branches):
            return self.branches(layer, name, at)
        if isinstance(layer, Auxiliary):
            return self.head(layer, name, at)
        return self.single(layer, name, at)

    def through(self, layers: tuple[tuple[str, Layer], ...], prefix: str, at: _At) -> _At:
        for name, layer in layers:
            at = self.run(layer, f"{prefix}.{name}" if prefix else name, at)
        return at

    def single(self, layer: Layer, name: str, at: _At) -> _At:
        effect = self.applied(layer, name, at.signal)
        (ky, kx), (py, px), (jy, jx), (dy, dx) = effect.kernel, effect.padding, at.jump, effect.dilation
        offset = (at.offset[0] - py * jy, at.offset[1] - px * jx)
        field = (at.field[0] + (ky - 1) * dy * jy, at.field[1] + (kx - 1) * dx * jx)
        jump = (jy * effect.stride[0], jx * effect.stride[1])
        if effect.whole and effect.output.places != (1, 1):
            jump = (0, 0)  # all units see the same
        return self.write(name, effect, at.signal, _At(effect.output, offset, field, jump, len(self.rows)), (at.source,))

    def write(self, name: str, effect: Effect, entering: Signal, at: _At, sources: tuple[int, ...]) -> _At:
        formula, divides = effect.size_formula, True
        if effect.windowed and not formula:
            formula, divides = self.window(entering.places, effect)
        shape = effect.output.shape
        self.rows.append(
            LayerRow(
                name=name,
                kind=effect.kind,
                detail=effect.detail,
                input=entering.shape,
                output=shape,
                form=effect.output.form,
                input_form=entering.form,
                parameters=effect.parameters,
                trainable=effect.parameters,
                formula=effect.formula,
                multiply_adds=effect.multiply_adds,
                receptive_field=at.field,
                jump=at.jump,
                offset=at.offset,
                kernel=effect.kernel,
                stride=effect.stride,
                padding=effect.padding,
                dilation=effect.dilation,
                size_formula=formula,
                fits=divides,
                whole=effect.whole,
                sources=sources,
                auxiliary=self.auxiliary,
                activations=shape[0] * shape[1] * shape[2] + effect.activations,
                places=effect.output.places,
                input_places=entering.places,
                extra=effect.output.extra,
            )
        )
        return at

    def window(self, places: Pair, effect: Effect) -> tuple[str, bool]:
        """The size's formula, and whether the stride divides."""
        key = (places, effect.kernel, effect.stride, effect.padding, effect.dilation)
        if key not in self.windows:
            self.windows[key] = size_formulas(places, effect), all(fits(*window) for window in zip(*key, strict=True))
        return self.windows[key]

    def residual(self, layer: Residual, name: str, at: _At) -> _At:
        inside = children(layer)
        body = self.through(inside[: len(layer.body)], name, at)
        shortcut = self.through(inside[len(layer.body) :], name, at)
        if body.signal != shortcut.signal:
            raise NetworkError(
                f"Layer {name} cannot add its two paths: the body ends in {signal_text(body.signal)}, "
                f"the shortcut in {signal_text(shortcut.signal)}.",
                _remedy(body.signal, shortcut.signal, at.signal),
                name,
            )
        scale = f" times {layer.scale:g}" if layer.scale != 1 else ""
        effect = Effect(kind="Sum", output=body.signal, detail=f"shortcut plus body{scale}")
        return self.meet(name, effect, at, (body, shortcut))

    def branches(self, layer: Branches, name: str, at: _At) -> _At:
        ends = tuple(self.run(branch, f"{name}.{inner}", at) for inner, branch in children(layer))
        first = ends[0].signal
        for (inner, _), end in zip(children(layer), ends, strict=True):
            if end.signal.form != first.form or end.signal.shape[1:] != first.shape[1:] or first.form == "tokens":
                raise NetworkError(
                    f"Layer {name} cannot join its branches: {layer.branches[0].name} ends in {signal_text(first)}, "
                    f"{inner} in {signal_text(end.signal)}.",
                    "Let all branches end in maps of the same height and width.",
                    name,
                )
        channels = [end.signal.shape[0] for end in ends]
        output = Signal((sum(channels), *first.shape[1:]), first.form)
        detail = f"{' + '.join(f'{number:,}' for number in channels)} channels"
        return self.meet(name, Effect(kind="Join", output=output, detail=detail), at, ends)

    def meet(self, name: str, effect: Effect, at: _At, ends: tuple[_At, ...]) -> _At:
        """Where paths meet a unit sees what the units of all of them see."""
        top, left = (min(end.offset[axis] for end in ends) for axis in (0, 1))
        bottom, right = (max(end.offset[axis] + end.field[axis] for end in ends) for axis in (0, 1))
        all_alike = any(end.jump == (0, 0) for end in ends)
        jump = (0, 0) if all_alike else (max(end.jump[0] for end in ends), max(end.jump[1] for end in ends))
        joined = _At(effect.output, (top, left), (bottom - top, right - left), jump, len(self.rows))
        return self.write(name, effect, at.signal, joined, tuple(end.source for end in ends))

    def head(self, layer: Auxiliary, name: str, at: _At) -> _At:
        outside, self.auxiliary = self.auxiliary, True
        end = self.through(children(layer), name, at)
        self.auxiliary = outside
        if end.signal.form != "flat" or end.signal.shape[0] != self.network.classes:
            raise NetworkError(
                f"The auxiliary head {name} ends in {signal_text(end.signal)}, but there are {self.network.classes} classes.",
                f"Let its last layer be a linear layer of {self.network.classes} units.",
                name,
            )
        return at

    def applied(self, layer: Layer, name: str, signal: Signal) -> Effect:
        key = (type(layer), *astuple(layer)[1:], signal)
        try:
            if key not in self.effects:
                self.effects[key] = effect_of(layer, signal)
            return self.effects[key]
        except TooSmall as error:
            size = f"{self.network.input[1]}×{self.network.input[2]}"
            message = f"{size} is too small for layer {name}: {error}."
            raise NetworkError(message, "Choose a larger input size, a smaller window in that layer, or another network.", name) from None
        except Refusal as error:
            raise NetworkError(f"Layer {name} {error}.", error.remedy, name) from None


def _remedy(body: Signal, shortcut: Signal, entering: Signal) -> str:
    if body.form != "maps" or shortcut.form != "maps":
        return "Let both paths end alike."
    if entering.places == body.places:
        return f"Give the shortcut a 1×1 convolution with {body.shape[0]} filters, or the body {entering.shape[0]} channels."
    strides = [-(-before // after) for before, after in zip(entering.places, body.places, strict=True)]
    words = str(strides[0]) if strides[0] == strides[1] else f"{strides[0]}×{strides[1]}"
    return f"Give the shortcut a 1×1 convolution with {body.shape[0]} filters and stride {words} ({shape_text(body.shape)} is wanted)."


# ---------------------------------------------------------------- checks


def _check_records(network: Network) -> None:
    """Constructors do not validate; the same ranges as for files hold here."""
    _check_depth(network)
    seen: set[str] = set()
    for name, layer in walk(network.body):
        if name in seen:
            raise NetworkError(f"Two layers are called {name}.", "Give each layer of a container a name of its own.", name)
        if isinstance(layer, Residual) and not layer.body:
            raise NetworkError(f"Layer {name} has nothing in its body.", "Put a layer into it, or take it away.", name)
        seen.add(name)
    if not seen:
        raise NetworkError(f"{network.title} has no layers.", "Give it at least a flatten and a linear layer.")
    try:
        msgspec.convert(msgspec.to_builtins(network), Network)
    except msgspec.ValidationError as error:
        text = str(error).replace(" - at `$.", " at `")
        raise NetworkError(f"{network.title or 'The network'} has a field out of its range: {text}.", "Correct that field.") from None


def _check_depth(network: Network) -> None:
    level: tuple[Layer, ...] = (network.body,)
    for _ in range(DEEPEST + 2):
        level = tuple(child for layer in level for _, child in children(layer))
        if not level:
            return
    raise NetworkError(f"The layers of {network.title} are nested more than {DEEPEST} deep.", "Take some containers away.")
