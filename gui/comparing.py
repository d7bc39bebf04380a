"""Networks side by side, in numbers: what each costs, where its parameters sit, how deep it is, how well it did. No widgets."""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal, TypeAlias

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.networks import zoo
from engine.networks.arithmetic import Analysis, LayerRow
from engine.networks.layers import Pair, Shape
from engine.networks.published import Published
from engine.project.records import RunRecord
from gui import networks, plan
from gui.state import AppState

COMPARED, INPUT = "compare.networks", "compare.input"
"""Keys of Remember: the names as a JSON list; "project" for this project's input, "" for each network's own."""
MOST = 6
"""Networks at a time; more can no longer be told apart by colour."""
MOST_PARTS = 24
Quantity: TypeAlias = Literal["parameters", "multiply_adds"]
Group: TypeAlias = Literal["convolution", "linear", "attention", "other"]
PAIRS = (
    ("alexnet", "alexnet-one-tower"),
    ("lenet-5", "lenet-5-1998"),
    ("vgg-16", "vgg-19"),
    ("inception-naive", "inception-reduced"),
    ("googlenet", "vgg-16"),
    ("small-cnn", "small-cnn-bilinear"),
    ("vgg-16-bilinear", "vgg-16"),
    ("softmax", "mlp"),
)
"""Networks that explain each other; plain-N and resnet-N are found by their names."""
WAYS = ("residual", "body", "shortcut")
UNCOUNTED = ("Squeeze and excite", "Bilinear pooling")
"""Kinds with multiply-adds that publications do not count as layers."""


class Compared(msgspec.Struct, frozen=True, eq=False):
    """A network of the comparison. Without analysis it was refused (`refusal` says why) or is not known yet."""

    name: str
    title: str
    year: int
    input: Shape
    classes: int
    analysis: Analysis | None = None
    refusal: str = ""


class Figures(msgspec.Struct, frozen=True):
    """What the table shows of a network; None where it is not known.

    Attributes
    ----------
    depth : int
        Layers with weights on the longest way from the picture to the answer.
    memory : int
        Bytes of the activations that training keeps for one picture, as float32.
    field : (height, width) or None
        Receptive field of the last convolution, in pixels.
    """

    parameters: int
    multiply_adds: int
    depth: int
    memory: int
    field: Pair | None


class Part(msgspec.Struct, frozen=True):
    """A layer, or a block of layers, and its share in the whole.

    Attributes
    ----------
    formula : str
        How the number comes about; of a block, how many layers it has.
    """

    name: str
    group: Group
    value: int
    share: float
    formula: str


class Profile(msgspec.Struct, frozen=True):
    """How a network sees more and more in less and less detail: by layers with weights, from 1 on.

    Attributes
    ----------
    fields : tuple of float
        Receptive field in pixels, the larger side; NaN where it is not known.
    sides : tuple of int
        Height of the maps (of the grid of tokens).
    """

    depths: tuple[int, ...]
    fields: tuple[float, ...]
    sides: tuple[int, ...]


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("comparing", text)


# ---------------------------------------------------------------- which networks


def options(state: AppState) -> tuple[tuple[str, str], ...]:
    """Names and titles of all that can be compared: those with layers, and those of libraries that were worked out already."""
    found = [name for name in networks.names(state) if not networks.is_classic(name)]
    found += sorted({key[0] for key in state.described})
    return tuple((name, networks.card(state, name).title) for name in found)


def rival(state: AppState, name: str) -> str | None:
    """The network that says most beside this one: its twin, else the next of its family, else the next in the zoo."""
    known = [option for option, _ in options(state)]
    for one, other in PAIRS:
        for first, second in ((one, other), (other, one)):
            if first == name and second in known:
                return second
    kind, _, depth = name.partition("-")
    twin = {"plain": f"resnet-{depth}", "resnet": f"plain-{depth}"}.get(kind, "")
    if twin in known:
        return twin
    if not known or known == [name]:
        return None
    if not networks.exists(state, name):
        return known[0]
    card = networks.card(state, name)
    at = known.index(name) if name in known else -1

    def unlike(other: str) -> tuple[bool, bool, int]:
        found = networks.card(state, other)
        return found.family != card.family, found.default_input != card.default_input, abs(known.index(other) - at)

    return min((other for other in known if other != name), key=unlike)


def start(state: AppState) -> tuple[str, ...]:
    """What is compared where nothing was chosen: the network of the plan, and its rival."""
    name = plan.network_name(state)
    if networks.is_classic(name) or name not in {option for option, _ in options(state)}:
        name = "lenet-5" if "lenet-5" in zoo.names() else ""
    other = rival(state, name)
    return tuple(found for found in (name, other) if found)


def kept(state: AppState) -> tuple[str, ...]:
    """What was chosen in this project, as far as it is still there; else what to begin with."""
    try:
        chosen = msgspec.json.decode(state.memory.get(COMPARED, ""), type=tuple[str, ...])
    except msgspec.MsgspecError:
        chosen = ()
    known = {name for name, _ in options(state)}
    return tuple(dict.fromkeys(name for name in chosen if name in known))[:MOST] or start(state)


# ---------------------------------------------------------------- one network


def size_for(state: AppState, name: str, own: bool) -> tuple[Shape, int]:
    """Input and classes to work a network out for: those it was made for where `own`, else this project's."""
    if not own:
        return plan.input_shape(state, name), plan.class_number(state)
    card = networks.card(state, name)
    known = [key[1:] for key in state.described if key[0] == name]
    if known and (card.default_input, card.default_classes) not in known:
        return known[-1]
    return card.default_input, card.default_classes


def work_out(state: AppState, name: str, own: bool) -> Compared:
    """Work a network out; from 1 to 100 ms where it was not worked out before."""
    shape, classes = size_for(state, name, own)
    card = networks.card(state, name)
    found = networks.worked(state, name, shape, classes)
    refusal = str(found.error) if found.error is not None else ""
    if found.analysis is None and not refusal:
        refusal = tr("Not worked out for this input yet.")
    return Compared(name, card.title, card.year, shape, classes, found.analysis, refusal)


def depths(analysis: Analysis) -> tuple[int, ...]:
    """For each row the layers with weights on the longest way from the picture to it, itself among them."""
    found: list[int] = []
    for number, row in enumerate(analysis.layers):
        sources = row.sources or (number - 1,)
        before = max((found[source] for source in sources if source >= 0), default=0)
        found.append(before + int(_weighs(row)))
    return tuple(found)


def _weighs(row: LayerRow) -> bool:
    return row.multiply_adds > 0 and row.kind not in UNCOUNTED


def figures(analysis: Analysis) -> Figures:
    """The figures of a network, without its auxiliary heads."""
    rows = [row for row in analysis.layers if not row.auxiliary]
    last = next((row for row in reversed(rows) if "onvolution" in row.kind or row.kind in ("Patch embedding", "S cells")), None)
    depth = max((deep for row, deep in zip(analysis.layers, depths(analysis), strict=True) if not row.auxiliary), default=0)
    field = last.receptive_field if last is not None else None
    return Figures(analysis.parameters, analysis.multiply_adds, depth, 4 * analysis.activations, field)


def group_of(row: LayerRow) -> Group:
    """What a layer is, for its colour."""
    if "onvolution" in row.kind or row.kind in ("Patch embedding", "S cells", "C cells"):
        return "convolution"
    if row.kind in ("Linear", "RBF output"):
        return "linear"
    return "attention" if row.kind == "Attention" else "other"


def parts(analysis: Analysis, quantity: Quantity, most: int = MOST_PARTS) -> tuple[Part, ...]:
    """Where the parameters or multiply-adds of a network sit: by layer or, where those are too many, by block.

    Blocks are as small as can be with at most `most` of them, and the same for both quantities.
    """
    main = [row for row in analysis.layers if not row.auxiliary]
    level = _level([row.name for row in main if row.parameters], most)
    blocks: dict[str, list[LayerRow]] = {}
    for row in main:
        if getattr(row, quantity):
            blocks.setdefault(_prefix(row.name, level), []).append(row)
    total = sum(getattr(row, quantity) for inside in blocks.values() for row in inside)
    return tuple(_part(name, inside, quantity, total) for name, inside in blocks.items())


def _level(names: list[str], most: int) -> int:
    """How many words of dotted names tell no more than `most` blocks apart; at least one."""
    deepest = max((len(_words(name)) for name in names), default=1)
    return next((level for level in range(deepest, 1, -1) if len({_prefix(name, level) for name in names}) <= most), 1)


def _prefix(name: str, level: int) -> str:
    return ".".join(_words(name)[:level])


def _words(name: str) -> list[str]:
    """The words of a dotted name without those that every residual block has."""
    words = name.split(".")
    return [word for word in words[:-1] if word not in WAYS] + words[-1:]


def _part(name: str, rows: list[LayerRow], quantity: Quantity, total: int) -> Part:
    if len(rows) == 1:
        value = getattr(rows[0], quantity)
        return Part(rows[0].name, group_of(rows[0]), value, value / total, _formula(rows[0], quantity))
    weights: Counter[Group] = Counter()
    for row in rows:
        weights[group_of(row)] += getattr(row, quantity)
    value = weights.total()
    group = max(weights, key=weights.__getitem__)
    return Part(name, group, value, value / total, tr("{number} layers").format(number=len(rows)))


def _formula(row: LayerRow, quantity: Quantity) -> str:
    if quantity == "parameters":
        return row.formula
    words = f"{row.kind.lower()}, {row.detail}" if row.detail else row.kind.lower()
    places = math.prod(row.places)
    return f"{words} · {places:,} {tr('places')}" if places > 1 else words


def largest(found: tuple[Part, ...]) -> Part | None:
    """The part with the greatest share."""
    return max(found, key=lambda part: part.value, default=None)


def profile(analysis: Analysis) -> Profile:
    """Receptive field and size of the maps of each layer with weights, as long as there are maps or tokens."""
    fields: dict[int, float] = {}
    sides: dict[int, int] = {}
    for row, depth in zip(analysis.layers, depths(analysis), strict=True):
        if row.auxiliary or row.form == "flat" or not _weighs(row) or (row.whole and row.places == (1, 1)):
            continue  # what pools or adds between two layers with weights belongs to neither
        seen = float(max(row.receptive_field)) if row.receptive_field is not None else math.nan
        fields[depth] = max(seen, fields.get(depth, seen))
        sides[depth] = min(row.places[0], sides.get(depth, row.places[0]))
    order = tuple(sorted(fields))
    return Profile(order, tuple(fields[depth] for depth in order), tuple(sides[depth] for depth in order))


# ---------------------------------------------------------------- how well


def cost(analysis: Analysis, quantity: Quantity) -> int:
    """Parameters or multiply-adds of a network."""
    return analysis.parameters if quantity == "parameters" else analysis.multiply_adds


def work_out_published(state: AppState, record: Published) -> Analysis | None:
    """The network of a published error at the size that it was measured at; None where the zoo has none."""
    if record.network not in zoo.names():
        return None
    shape = zoo.card(record.network).default_input
    if record.side is not None:
        shape = (shape[0], record.side, record.side)
    return networks.worked(state, record.network, shape, 1000).analysis


def work_out_run(state: AppState, run: RunRecord) -> Analysis | None:
    """The network of a run on the run's pictures; None where it has no layers, or is no longer the one that was trained."""
    if not run.parameters or not networks.exists(state, run.network) or networks.is_classic(run.network):
        return None
    like = run.preprocessing
    found = networks.worked(state, run.network, (like.channels, like.height, like.width), len(run.classes)).analysis
    if found is None or run.parameters not in (found.parameters, found.parameters + found.auxiliary_parameters):
        return None
    return found
