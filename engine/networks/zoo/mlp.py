"""Multilayer perceptron: one hidden layer between pixels and scores."""

from __future__ import annotations

from engine.networks.layers import Activation, Flatten, Linear, Network, Sequence, Shape
from engine.networks.zoo.card import Card, Entry, native_up_to_32

HIDDEN = 256

CARD = Card(
    name="mlp",
    title="Multilayer perceptron",
    family="perceptron",
    year=1986,
    summary="Two layers that see all pixels at once: good on centred digits, lost when the object moves.",
    source="D. E. Rumelhart, G. E. Hinton, R. J. Williams, Learning representations by back-propagating errors, Nature 323, 1986",
    kind="network",
    smallest=1,
    default_input=(1, 28, 28),
)


def make(shape: Shape, classes: int) -> Network:
    """Scores W₂·max(0, W₁x + b₁) + b₂ with 256 hidden units."""
    body = Sequence("body", (Flatten("flatten"), Linear("hidden", HIDDEN), Activation("relu"), Linear("linear", classes)))
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, body)


ENTRIES = (Entry(CARD, make, native_up_to_32),)
