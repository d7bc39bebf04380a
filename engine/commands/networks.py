"""The commands `networks` and `describe`. They compute on records alone and load no torch, except for other libraries' networks."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.commands.output import Output, table
from engine.commands.repeats import Repeat, folded
from engine.control import CancelToken
from engine.networks import files, zoo
from engine.networks.arithmetic import Analysis, LayerRow, analyse
from engine.networks.layers import NamedNetwork, Pair, Shape
from engine.networks.resolve import adapt, is_file

LIBRARIES = ("torchvision:", "timm:")
LONG = 100  # rows, from which on what is alike is told once
FLOAT_BYTES = 4


def networks(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """List the zoo."""
    rows = [_row(zoo.card(name)) for name in zoo.names()]
    lines = table(
        ("name", "family", "year", "parameters", "source"),
        [(str(r["name"]), str(r["family"]), str(r["year"] or "–"), _figure(r["parameters"]), str(r["source"])) for r in rows],
        right=frozenset({2, 3}),
    )
    output.answer({"networks": rows}, lines)
    return 0


def _row(card: zoo.Card) -> dict[str, object]:
    parameters = None
    if card.kind == "network":
        parameters = analyse(zoo.make(card.name, card.default_input, card.default_classes)).parameters
    return {
        "name": card.name,
        "family": card.family,
        "year": card.year or None,
        "parameters": parameters,
        "source": card.source,
    }


def describe(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Work a network out."""
    title, analysis = _worked_out(options.network, options.input, options.classes)
    output.answer(_values(title, analysis), _lines(title, analysis))
    return 0


def _worked_out(word: str, shape: Shape | None, classes: int | None) -> tuple[str, Analysis]:
    """Title and arithmetic of what a word means: a network file, another library's network, or one of the zoo."""
    if word.startswith(LIBRARIES):
        return _traced(word, shape, classes)
    if is_file(word):
        found = files.load_any(Path(word))
        if isinstance(found, NamedNetwork):
            return _traced(found.word, shape or found.input, classes or found.classes)
        network = adapt(found, shape or found.input, classes or found.classes)
    else:
        network = zoo.make(word, shape or zoo.card(word).default_input, classes or zoo.card(word).default_classes)
    return network.title, analyse(network)


def _traced(word: str, shape: Shape | None, classes: int | None) -> tuple[str, Analysis]:
    from engine.networks.libraries import named  # loads torch
    from engine.networks.tracing import trace

    network = named(word, shape, classes)
    return network.title, trace(network)


# ---------------------------------------------------------------- as JSON


def _values(title: str, analysis: Analysis) -> dict[str, object]:
    return {
        "network": title,
        "input": _shape(analysis.input),
        "classes": analysis.classes,
        "parameters": analysis.parameters,
        "trainable": analysis.trainable,
        "auxiliary_parameters": analysis.auxiliary_parameters,
        "multiply_adds": analysis.multiply_adds,
        "activations": analysis.activations or None,
        "activation_bytes": analysis.activations * FLOAT_BYTES or None,
        "layers": [_layer(row) for row in analysis.layers if not row.auxiliary],
        "auxiliary_layers": [_layer(row) for row in analysis.layers if row.auxiliary],
    }


def _layer(row: LayerRow) -> dict[str, object]:
    return {
        "name": row.name,
        "kind": row.kind,
        "output": _shape(row.output),
        "parameters": row.parameters,
        "formula": row.formula or None,
        "multiply_adds": row.multiply_adds,
        "receptive_field": _side(row.receptive_field),
        "jump": _side(row.jump),
    }


# ---------------------------------------------------------------- as text


def _lines(title: str, analysis: Analysis) -> list[str]:
    head = ("layer", "kind", "output", "parameters", "formula", "multiply-adds", "field", "jump")
    rows = folded(analysis.layers) if len(analysis.layers) > LONG else analysis.layers
    cells = [_repeated(row) if isinstance(row, Repeat) else _cells(row) for row in rows]
    end = [f"{analysis.parameters:,} parameters, {analysis.multiply_adds:,} multiply-adds for a picture of {_shape(analysis.input)}"]
    if analysis.auxiliary_parameters:
        end.append(f"{analysis.auxiliary_parameters:,} parameters more in heads that only training uses")
    if analysis.activations:
        size = analysis.activations * FLOAT_BYTES / 2**20
        end.append(f"{analysis.activations:,} values kept for each picture in training, {size:,.1f} MB")
    if len(rows) < len(analysis.layers):
        end.append(f"{len(analysis.layers):,} layers in all; what is alike is shown once")
    return [title, "", *table(head, cells, right=frozenset({3, 5, 6, 7})), "", *end]


def _cells(row: LayerRow) -> tuple[str, ...]:
    kind = f"{row.kind} (training only)" if row.auxiliary else row.kind
    figures = f"{row.parameters:,}", row.formula, f"{row.multiply_adds:,}"
    return row.name, kind, _shape(row.output), *figures, _pair(row.receptive_field), _pair(row.jump)


def _repeated(repeat: Repeat) -> tuple[str, ...]:
    first, last = repeat.places[0], repeat.places[-1]
    names = first if first == last else f"{first} … {last.rpartition('.')[2]}"
    total, number = repeat.parameters * len(repeat.places), len(repeat.places)
    formula = f"{number}·{repeat.parameters:,} = {total:,}" if total and number > 1 else ""
    figures = f"{total:,}", formula, f"{repeat.multiply_adds * number:,}"
    kind = f"{number} times as {repeat.like.rpartition('.')[2]}" if number > 1 else f"as {repeat.like.rpartition('.')[2]}"
    return names, kind, _shape(repeat.last.output), *figures, _pair(repeat.last.receptive_field), _pair(repeat.last.jump)


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _pair(pair: Pair | None) -> str:
    return "×".join(map(str, pair)) if pair else "–"


def _side(pair: Pair | None) -> int | Pair | None:
    """One number where both directions agree, else vertical and horizontal."""
    return pair[0] if pair is not None and pair[0] == pair[1] else pair


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "–"
