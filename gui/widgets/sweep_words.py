"""Values of a sweep in words."""

from __future__ import annotations

from engine.networks import zoo
from engine.networks.kinds.values import ACTIVATIONS
from engine.training.sweep_values import OFF, ON
from engine.training.sweeping import WORDS
from gui.widgets.recipe_fields import BEGINNINGS, OPTIMISERS

_WORDS = {
    "activation": {kind: words for kind, (words, _) in ACTIVATIONS.items()},
    "optimiser": dict(OPTIMISERS),
    "initialisation": dict(BEGINNINGS),
}


def value_words(field: str, value: str) -> str:
    """A value as chips and titles say it.

    Examples
    --------
    >>> value_words("activation", "relu"), value_words("network", "resnet-20"), value_words("shortcut", "off")
    ('ReLU', 'ResNet-20', 'without shortcuts')
    """
    if value in (ON, OFF) and field in WORDS:
        return f"{'with' if value == ON else 'without'} {WORDS[field].lower()}"
    if field == "network" and value in zoo.names():
        return zoo.card(value).title
    return _WORDS.get(field, {}).get(value, value)
