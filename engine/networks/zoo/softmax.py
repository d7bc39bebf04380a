"""Linear softmax: one score a class, a weighted sum of all pixels."""

from __future__ import annotations

from engine.networks.layers import Flatten, Linear, Network, Sequence, Shape
from engine.networks.zoo.card import Card, Entry, native_up_to_32

CARD = Card(
    name="softmax",
    title="Linear softmax",
    family="linear",
    year=1958,
    summary="One template a class: the weakest network, trained in a blink, and the easiest to see through.",
    source="D. R. Cox, The regression analysis of binary sequences, J. Royal Statistical Society B 20, 1958",
    kind="network",
    smallest=1,
    default_input=(1, 28, 28),
)


def make(shape: Shape, classes: int) -> Network:
    """Scores Wx + b."""
    body = Sequence("body", (Flatten("flatten"), Linear("linear", classes)))
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, body)


ENTRIES = (Entry(CARD, make, native_up_to_32),)
