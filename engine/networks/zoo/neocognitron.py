"""The Neocognitron: S and C cells in turn, which organise themselves; the winner takes all."""

from __future__ import annotations

from engine.networks.kinds.base import output_size
from engine.networks.layers import ComplexCells, Flatten, Linear, Network, Pair, Sequence, Shape, SimpleCells
from engine.networks.zoo.card import Card, Entry

PLANES = (16, 64, 400)
ZONES = (5, 3, 5)

CARD = Card(
    name="neocognitron",
    title="Neocognitron",
    family="convolutional",
    year=1980,
    summary="The convolutional network before backpropagation: features that come again recruit planes of cells; labels are only counted.",
    source="K. Fukushima, Neocognitron: a self-organizing neural network model, Biological Cybernetics 36, 1980",
    kind="network",
    smallest=1,
    default_input=(1, 16, 16),
)


def _halved(size: Pair) -> Pair:
    return output_size(size[0], 3, 2, 1), output_size(size[1], 3, 2, 1)


def make(shape: Shape, classes: int) -> Network:
    """Three stages of S and C cells, then a vote.

    The paper's are the cells, their equations, the order of the layers, three stages and the input of 16×16; it has 24 planes a
    layer, which suit a handful of tidy patterns, and no read-out: there each of the last planes means one pattern. Ours are the
    numbers of planes, C layers that halve the maps instead of cutting their edges, and the vote of the last planes. As in the paper
    the cells answer to what is bright, so that dark shapes on a bright ground are learnt less well.
    """
    whole = _halved(_halved(shape[1:]))
    body = Sequence(
        "body",
        (
            SimpleCells("simple1", PLANES[0], (ZONES[0], ZONES[0])),
            ComplexCells("complex1", (3, 3), (2, 2), (1, 1)),
            SimpleCells("simple2", PLANES[1], (ZONES[1], ZONES[1])),
            ComplexCells("complex2", (3, 3), (2, 2), (1, 1)),
            SimpleCells("simple3", PLANES[2], (ZONES[2], ZONES[2])),
            ComplexCells("complex3", whole),
            Flatten("flatten"),
            Linear("votes", classes),
        ),
    )
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, body)


def suggest_size(height: int, width: int) -> Pair:
    """Always 16×16, as published: there a zone of 5×5 sees a stroke and what is beside it."""
    return 16, 16


ENTRIES = (Entry(CARD, make, suggest_size),)
