"""The worked arithmetic of a layer, a container or the whole network, as rows of words and figures. No widgets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.networks import editing
from engine.networks.arithmetic import Analysis, LayerRow
from engine.networks.layers import Branches, Layer, Network, Residual
from gui.comparing import figures
from gui.widgets.basics import count
from gui.widgets.network_words import size_text

FLOAT_BYTES = 4


class Fact(msgspec.Struct, frozen=True):
    """A line: what it is called, the figures, how they come about (for the tooltip), and a look of the style sheet."""

    words: str
    figures: str
    tip: str = ""
    look: str = ""


def facts_of_layer(row: LayerRow) -> list[Fact]:
    """What a layer costs and sees, with the numbers put in."""
    facts = [
        Fact(tr("Input"), size_text(row.input, row.input_form), tr("channels × height × width; tokens × values; or values")),
        Fact(tr("Output"), size_text(row.output, row.form), tr("channels × height × width; tokens × values; or values")),
    ]
    if row.size_formula:
        tip = tr("1 + (N − F + 2P)/S: side N of the maps, F of the window, padding P, stride S")
        facts.append(Fact(tr("Size"), row.size_formula, tip))
        if not row.fits and "does not divide" in row.size_formula:
            facts.append(Fact("", tr("The stride leaves out the last places."), tip, "warning"))
    tip = tr("Numbers that are learned: one for each place of a kernel and each channel that it sees, and the biases")
    facts.append(Fact(tr("Parameters"), row.formula or count(row.parameters), tip))
    facts.append(Fact(tr("Multiply-adds"), _work(row), tr("Multiplications, each with an addition, for one picture")))
    facts.append(_memory(row.activations))
    return facts + _field(row)


def facts_of_input(network: Network, name: str, rows: Sequence[LayerRow]) -> Fact | None:
    """What enters a layer that could not be worked out; None where nothing is known of that."""
    container, _ = editing.split_name(name)
    entering = editing.signal_at(network, container, editing.number_of(network, name), {row.name: row for row in rows})
    return Fact(tr("Input"), size_text(entering.shape, entering.form)) if entering is not None else None


def facts_of_container(network: Network, name: str, layer: Layer, rows: Sequence[LayerRow]) -> list[Fact]:
    """What a container holds, in sums."""
    inside = [row for row in rows if row.name == name or row.name.startswith(f"{name}.")]
    known = {row.name: row for row in rows}
    container, _ = editing.split_name(name)
    number = editing.number_of(network, name)
    before = editing.signal_at(network, container, number, known)
    after = editing.signal_at(network, container, number + 1, known)
    facts = [Fact(tr("Layers"), count(editing.layers_inside(layer)), tr("Without the containers among them"))]
    if isinstance(layer, Branches):
        facts.append(Fact(tr("Branches"), count(len(layer.branches))))
    if isinstance(layer, Residual):
        words = tr("the identity") if not layer.shortcut else tr("{number} layers").format(number=len(layer.shortcut))
        facts.append(
            Fact(tr("Shortcut"), words if len(layer.shortcut) != 1 else tr("1 layer"), tr("What enters comes to the sum this way"))
        )
    for words, passing in ((tr("Input"), before), (tr("Output"), after)):
        if passing is not None:
            facts.append(Fact(words, size_text(passing.shape, passing.form)))
    facts.append(Fact(tr("Parameters"), count(sum(row.parameters for row in inside)), tr("Of all layers inside")))
    facts.append(Fact(tr("Multiply-adds"), count(sum(row.multiply_adds for row in inside)), tr("Of all layers inside, for one picture")))
    facts.append(_memory(sum(row.activations for row in inside)))
    own = known.get(name) or (inside[-1] if inside else None)
    return facts + (_field(own) if own is not None else [])


def facts_of_network(network: Network, rows: Sequence[LayerRow]) -> list[Fact]:
    """What the whole network costs and sees, as far as it is worked out."""
    main = [row for row in rows if not row.auxiliary]
    learned, extra = (sum(row.parameters for row in rows if row.auxiliary is auxiliary) for auxiliary in (False, True))
    work = sum(row.multiply_adds for row in main)
    values = math.prod(network.input) + sum(row.activations for row in rows)
    found = figures(Analysis(network.input, network.classes, tuple(rows), learned, learned, work, None, extra, values))
    facts = [
        Fact(tr("Input"), size_text(network.input, "maps"), tr("As the project's pictures come to it; see Working size")),
        Fact(tr("Classes"), count(network.classes), tr("As the project has them")),
        Fact(tr("Layers"), count(editing.layers_inside(network.body)), tr("Without the containers among them")),
        Fact(tr("Depth"), count(found.depth), tr("Layers with weights on the longest way from picture to logits")),
        Fact(tr("Parameters"), count(learned), tr("Numbers that are learned")),
    ]
    if extra:
        facts.append(Fact(tr("In heads"), count(extra), tr("More parameters, in heads that only training uses")))
    facts += [Fact(tr("Multiply-adds"), count(work), tr("For one picture")), _memory(values)]
    if found.field is not None:
        field = f"{found.field[0]} × {found.field[1]}"
        facts.append(
            Fact(tr("Field of the last convolution"), field, tr("Pixels that one unit of the last convolution can see, padding included"))
        )
    return facts


def _work(row: LayerRow) -> str:
    """The multiply-adds, place by place where there are several."""
    total = count(row.multiply_adds)
    number = row.output[1] * row.output[2]
    if row.multiply_adds and number > 1 and row.multiply_adds % number == 0:
        return f"{row.output[1]}·{row.output[2]}·{count(row.multiply_adds // number)} = {total}"
    return total


def _memory(values: int) -> Fact:
    tip = tr("Values that training keeps for one picture, as float32; their gradients come on top")
    return Fact(tr("Activations"), f"{count(values)} · {FLOAT_BYTES} B = {_bytes(values * FLOAT_BYTES)}", tip)


def _bytes(number: int) -> str:
    for power, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= power:
            return f"{number / power:.3g} {unit}"
    return f"{number} B"


def _field(row: LayerRow) -> list[Fact]:
    """Receptive field, jump and centre of unit (0, 0)."""
    facts = []
    if row.receptive_field is not None:
        tip = tr("Height and width of the pixels that one unit can see, padding included")
        facts.append(Fact(tr("Receptive field"), f"{row.receptive_field[0]} × {row.receptive_field[1]}", tip))
    if row.jump is not None:
        words = f"{row.jump[0]} × {row.jump[1]}" if row.jump != (0, 0) else tr("all units see the same")
        facts.append(Fact(tr("Jump"), words, tr("Pixels between the fields of neighbouring units, down and across")))
    if row.centre is not None:
        tip = tr("Middle of the field of the first unit, from the top and from the left, in pixels")
        facts.append(Fact(tr("Centre"), f"{row.centre[0]:g}, {row.centre[1]:g}", tip))
    return facts


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("arithmetic", text)
