"""All kinds of layers: one file a family, each with the arithmetic of its records and the torch modules that compute them."""

from engine.networks.kinds import convolutions, neocognitron, pooling, tokens, values
from engine.networks.kinds.base import Call, Effect, Form, Refusal, Signal, TooSmall, call_of, effect_of

__all__ = [
    "Call",
    "Effect",
    "Form",
    "Refusal",
    "Signal",
    "TooSmall",
    "call_of",
    "convolutions",
    "effect_of",
    "neocognitron",
    "pooling",
    "tokens",
    "values",
]
