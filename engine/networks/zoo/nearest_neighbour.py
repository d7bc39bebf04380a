"""The card of the nearest-neighbour classifier, which lives in engine.classic.nearest."""

from __future__ import annotations

from engine.networks.zoo.card import Card, Entry, native_up_to_32

CARD = Card(
    name="nearest-neighbour",
    title="Nearest neighbour",
    family="neighbours",
    year=1967,
    summary="No training: the most alike training pictures vote. What every network must beat.",
    source="T. Cover, P. Hart, Nearest neighbor pattern classification, IEEE Trans. Information Theory 13, 1967",
    kind="classic",
    smallest=1,
    default_input=(1, 28, 28),
)

ENTRIES = (Entry(CARD, None, native_up_to_32),)
