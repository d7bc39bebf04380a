"""Values of a sweep in words."""

from __future__ import annotations

from engine.networks import zoo
from gui.widgets.recipe_fields import BEGINNINGS, OPTIMISERS

ACTIVATIONS = (
    ("relu", "ReLU"),
    ("relu6", "ReLU6"),
    ("leaky-relu", "leaky ReLU"),
    ("gelu", "GELU"),
    ("silu", "SiLU"),
    ("scaled-tanh", "scaled tanh"),
    ("hard-swish", "hard swish"),
    ("hard-sigmoid", "hard sigmoid"),
)
_WORDS = {"activation": dict(ACTIVATIONS), "optimiser": dict(OPTIMISERS), "initialisation": dict(BEGINNINGS)}


def value_words(field: str, value: str) -> str:
    """A value as chips and titles say it.

    Examples
    --------
    >>> value_words("activation", "relu"), value_words("network", "resnet-20"), value_words("learning_rate", "0.01")
    ('ReLU', 'ResNet-20', '0.01')
    """
    if field == "network" and value in zoo.names():
        return zoo.card(value).title
    return _WORDS.get(field, {}).get(value, value)
