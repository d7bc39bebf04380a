"""One value of a sweep: the training with that value in the place of its own. No torch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, get_args

from msgspec.structs import replace

from engine.failure import UserError
from engine.messages import Train
from engine.networks import zoo
from engine.networks.arithmetic import NetworkError
from engine.networks.editing.variants import ACTIVATIONS
from engine.networks.layers import CONVOLUTIONS, Network, walk
from engine.training.recipe import GENTLE, Augmentation, Initialisation, Optimiser, Recipe

ON, OFF = "on", "off"
Vary: TypeAlias = Callable[[str, Train], Train]
"""Gives the command with the value, tidied, as its `sweep`."""


class SweepError(UserError, ValueError):
    """A value that cannot be trained: `message` says which and why; `value` is that one, "" where it is the sweep as a whole."""

    def __init__(self, message: str, remedy: str, value: str = "") -> None:
        super().__init__(message, remedy)
        self.value = value


def number(value: float) -> str:
    """A number as short as it can be without loss of what was typed: "0.003", "1e-05", "128"."""
    return f"{value:.12g}"


def is_augmented(recipe: Recipe) -> bool:
    """Whether pictures are changed at random."""
    return recipe.suit_augmentation or recipe.augmentation != Augmentation()


def told_of(command: Train, network: Network | None) -> Train:
    """The command without the wish for suitable changes where the engine would take none: of networks without convolutions."""
    if network is None or any(isinstance(layer, CONVOLUTIONS) for _, layer in walk(network.body)):
        return command
    return replace(command, recipe=replace(command.recipe, suit_augmentation=False))


def _number(field: str, value: str, command: Train) -> Train:
    try:
        typed = float(value.replace(",", "."))
    except ValueError:
        raise SweepError(f'"{value[:40]}" is no number.', "Type a number like 0.01.", value) from None
    if not math.isfinite(typed):
        raise SweepError(f'"{value[:40]}" is no number.', "Type a number like 0.01.", value)
    return _with_recipe(command, field, typed, number(typed))


def _whole(field: str, value: str, command: Train) -> Train:
    if not re.fullmatch(r"\d{1,19}", value):
        raise SweepError(f'"{value[:40]}" is no whole number.', "Type a whole number like 64.", value)
    return _with_recipe(command, field, int(value), str(int(value)))


def _choice(field: str, value: str, command: Train) -> Train:
    _need(field, value, CHOICES[field])
    return _with_recipe(command, field, value, value)


def _need(field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SweepError(f'"{value[:40]}" is no choice here.', f"Choose one of: {', '.join(choices)}.", value)


def _augmentation(value: str, command: Train) -> Train:
    _need("augmentation", value, (ON, OFF))
    recipe = command.recipe
    if value == OFF:
        return _tidied(command, replace(recipe, augmentation=Augmentation(), suit_augmentation=False), value)
    if is_augmented(recipe):
        return replace(command, sweep=value)
    return _tidied(command, replace(recipe, augmentation=GENTLE), value)


def _dropout(value: str, command: Train) -> Train:
    if value == OFF:
        return _with_recipe(command, "dropout", 0.0, value)
    if value == ON:
        return replace(command, sweep=value) if command.recipe.dropout else _with_recipe(command, "dropout", None, value)
    return _number("dropout", value, command)


def _activation(value: str, command: Train) -> Train:
    _need("activation", value, ACTIVATIONS)
    return _with_variant(command, "activation", value, value)


def _switch(field: str, value: str, command: Train) -> Train:
    _need(field, value, (ON, OFF))
    return _with_variant(command, field, OFF if value == OFF else "", value)


def _network(value: str, command: Train) -> Train:
    try:
        zoo.card(value)
    except NetworkError as error:
        raise SweepError(error.message, error.remedy, value) from None
    return replace(command, network=value, sweep=value)


def _with_recipe(command: Train, field: str, value: object, told: str) -> Train:
    return _tidied(command, replace(command.recipe, **{field: value}), told)


def _tidied(command: Train, recipe: Recipe, told: str) -> Train:
    if recipe != command.recipe:
        recipe = replace(recipe, preset="own")
    return replace(command, recipe=recipe, sweep=told)


def _with_variant(command: Train, field: str, value: str, told: str) -> Train:
    kept = [part for part in command.variant.split(",") if part.strip() and part.partition("=")[0].strip() != field]
    return replace(command, variant=",".join((*kept, *((f"{field}={value}",) if value else ()))), sweep=told)


VARY: dict[str, Vary] = {
    "learning_rate": partial(_number, "learning_rate"),
    "batch": partial(_whole, "batch"),
    "optimiser": partial(_choice, "optimiser"),
    "weight_decay": partial(_number, "weight_decay"),
    "initialisation": partial(_choice, "initialisation"),
    "augmentation": _augmentation,
    "dropout": _dropout,
    "activation": _activation,
    "shortcut": partial(_switch, "shortcut"),
    "normalisation": partial(_switch, "normalisation"),
    "network": _network,
    "seed": partial(_whole, "seed"),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "optimiser": get_args(Optimiser),
    "initialisation": get_args(Initialisation),
    "activation": ACTIVATIONS,
    **dict.fromkeys(("augmentation", "dropout", "shortcut", "normalisation"), (ON, OFF)),
}
FIELDS = tuple(VARY)
"""All that can be varied in some network or recipe."""
