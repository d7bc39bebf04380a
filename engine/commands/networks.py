"""The commands `networks` and `describe`. They compute on records alone and load no torch."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.commands.output import Output, table
from engine.control import CancelToken
from engine.networks import files, zoo
from engine.networks.arithmetic import Analysis, LayerRow, analyse
from engine.networks.layers import Network, Pair, Shape
from engine.networks.resolve import is_file, resolve


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
    network = _network(options.network, options.input, options.classes)
    analysis = analyse(network)
    output.answer(_values(network, analysis), _lines(network, analysis))
    return 0


def _network(name: str, shape: Shape | None, classes: int | None) -> Network:
    if is_file(name):
        network = files.load(Path(name))
        if shape is None and classes is None:
            return network
        return resolve(name, shape or network.input, classes or network.classes)
    return zoo.make(name, shape or zoo.card(name).default_input, classes or zoo.card(name).default_classes)


def _values(network: Network, analysis: Analysis) -> dict[str, object]:
    return {
        "network": network.title,
        "input": _shape(analysis.input),
        "classes": analysis.classes,
        "parameters": analysis.parameters,
        "trainable": analysis.trainable,
        "multiply_adds": analysis.multiply_adds,
        "layers": [
            {
                "name": row.name,
                "kind": row.kind,
                "output": _shape(row.output),
                "parameters": row.parameters,
                "formula": row.formula,
                "multiply_adds": row.multiply_adds,
                "receptive_field": _side(row.receptive_field),
                "jump": _side(row.jump),
            }
            for row in analysis.layers
        ],
    }


def _lines(network: Network, analysis: Analysis) -> list[str]:
    head = ("layer", "kind", "output", "parameters", "formula", "multiply-adds", "field", "jump")
    end = f"{analysis.parameters:,} parameters, {analysis.multiply_adds:,} multiply-adds for a picture of {_shape(analysis.input)}"
    return [network.title, "", *table(head, [_cells(row) for row in analysis.layers], right=frozenset({3, 5, 6, 7})), "", end]


def _cells(row: LayerRow) -> tuple[str, ...]:
    field, jump = ("×".join(map(str, pair)) if pair else "–" for pair in (row.receptive_field, row.jump))
    return row.name, row.kind, _shape(row.output), f"{row.parameters:,}", row.formula, f"{row.multiply_adds:,}", field, jump


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _side(pair: Pair | None) -> int | Pair | None:
    """One number where both directions agree, else vertical and horizontal."""
    return pair[0] if pair is not None and pair[0] == pair[1] else pair


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "–"
