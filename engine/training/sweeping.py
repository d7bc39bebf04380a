"""Sweeps: the same training several times, one choice varied, so that one sees what that choice does. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from engine.messages import Train
from engine.networks import zoo
from engine.networks.arithmetic import NetworkError
from engine.networks.editing.variants import ACTIVATIONS, possible, varied
from engine.networks.layers import Activation, Dropout, Network, walk
from engine.training.recipe import Initialisation, Optimiser, check
from engine.training.sweep_values import CHOICES, OFF, ON, VARY, SweepError, is_augmented, number, told_of

MOST_TRAININGS = 64
"""Of one sweep: as many small plots still fit a screen, and a longer queue is a slip of the hand."""
MOST_REPEATS = 10

LADDERS: tuple[tuple[str, ...], ...] = (
    ("plain-20", "plain-32", "plain-44", "plain-56", "plain-110"),
    ("resnet-20", "resnet-32", "resnet-44", "resnet-56", "resnet-110"),
    ("resnet-18", "resnet-34", "resnet-50", "resnet-101", "resnet-152"),
    ("vgg-16", "vgg-19"),
    ("vit-tiny", "vit-b-16", "vit-l-16", "vit-h-14"),
)
"""Networks of one plan and rising depth, by their names in the zoo."""
RIVALS = {LADDERS[0]: LADDERS[1], LADDERS[1]: LADDERS[0]}
DEGRADATION = (20, 56, 110)
"""Depths at which He et al. 2015 show that plain networks get worse in training while residual ones get better."""

WORDS: dict[str, str] = {
    "learning_rate": "Learning rate",
    "batch": "Batch",
    "optimiser": "Optimiser",
    "weight_decay": "Weight decay",
    "initialisation": "First weights",
    "augmentation": "Random changes",
    "dropout": "Dropout",
    "activation": "Activation",
    "shortcut": "Shortcuts",
    "normalisation": "Normalisation",
    "network": "Depth",
    "seed": "Seed",
}
"""What the fields are called."""


class Sweepable(msgspec.Struct, frozen=True):
    """Something that can be varied for a network and a recipe.

    Attributes
    ----------
    field : str
        As a run's `sweep` names it.
    words, why : str
        What it is called; what one can see by varying it, in a sentence.
    suggested : tuple of str
        Values to begin with, in order.
    others : tuple of str
        More values to choose from.
    free : bool
        Whether other values can be typed.
    now : str
        The value that a plain training would have; "" where it has no single one.
    """

    field: str
    words: str
    why: str
    suggested: tuple[str, ...]
    others: tuple[str, ...] = ()
    free: bool = False
    now: str = ""


class Place(NamedTuple):
    """A run's place in a sweep."""

    sweep: str
    field: str
    value: str


# ---------------------------------------------------------------- what can be swept


def sweepables(command: Train, network: Network | None = None) -> tuple[Sweepable, ...]:
    """What can be varied, the most telling first.

    Parameters
    ----------
    command : Train
        The training that would be begun.
    network : Network or None
        Its network, fitted to the data; None where it has no tree: then only the recipe can be varied.
    """
    recipe = command.recipe
    found = [
        Sweepable(
            "learning_rate",
            WORDS["learning_rate"],
            "Too small learns slowly, too large not at all; between them lies a wide valley.",
            rates(recipe.learning_rate),
            free=True,
            now=number(recipe.learning_rate),
        ),
        *(_of_network(command, network) if network is not None else ()),
        Sweepable(
            "augmentation",
            WORDS["augmentation"],
            "With them training pictures are harder and those of the validation easier: less is learned by heart.",
            (ON, OFF),
            now=ON if is_augmented(told_of(command, network).recipe) else OFF,
        ),
        Sweepable(
            "initialisation",
            WORDS["initialisation"],
            "Weights drawn too large saturate or explode, too small fade from layer to layer.",
            ("suited", "normal"),
            tuple(kind for kind in get_args(Initialisation) if kind not in ("suited", "normal")),
            now=recipe.initialisation,
        ),
        Sweepable(
            "optimiser",
            WORDS["optimiser"],
            "Each has a learning rate of its own that suits it: compare them at their best.",
            get_args(Optimiser),
            now=recipe.optimiser,
        ),
        Sweepable(
            "batch",
            WORDS["batch"],
            "Fewer pictures a step: more steps an epoch, and noisier ones.",
            tuple(str(size) for size in sorted({max(1, recipe.batch * part // 4) for part in (1, 2, 4, 8)})),
            free=True,
            now=str(recipe.batch),
        ),
        Sweepable(
            "weight_decay",
            WORDS["weight_decay"],
            "Smaller weights make smoother answers; too small ones cannot answer.",
            _decays(recipe.weight_decay),
            free=True,
            now=number(recipe.weight_decay),
        ),
        Sweepable(
            "seed",
            WORDS["seed"],
            "The same training again from other first weights: how much of a difference is chance.",
            tuple(str(recipe.seed + more) for more in range(3)),
            free=True,
            now=str(recipe.seed),
        ),
    ]
    return tuple(found)


def _of_network(command: Train, network: Network) -> Iterable[Sweepable]:
    layers = [layer for _, layer in walk(network.body)]
    if possible(network, "activation"):
        now = _activation_of(network)
        suggested = tuple(dict.fromkeys((*((now,) if now else ()), "relu", "tanh", "sigmoid")))
        others = tuple(kind for kind in ACTIVATIONS if kind not in suggested)
        why = "Where sigmoid and tanh are flat, no gradient passes: the more layers, the slower they learn."
        yield Sweepable("activation", WORDS["activation"], why, suggested, others, now=now)
    if any(isinstance(layer, Dropout) for layer in layers):
        rate = command.recipe.dropout
        now = ON if rate is None else OFF if rate == 0 else number(rate)
        why = "Without it the training pictures are learned faster, and more of them by heart."
        yield Sweepable("dropout", WORDS["dropout"], why, (ON, OFF), ("0.1", "0.25", "0.5", "0.75"), free=True, now=now)
    if possible(network, "shortcut"):
        why = "A deep network without shortcuts is worse on its own training pictures: that is degradation, not overfitting."
        yield Sweepable("shortcut", WORDS["shortcut"], why, (ON, OFF), now=ON)
    if possible(network, "normalisation"):
        why = "Normalised signals allow larger learning rates and deeper networks."
        yield Sweepable("normalisation", WORDS["normalisation"], why, (ON, OFF), now=ON)
    ladder = next((names for names in LADDERS if command.network in names), ())
    if ladder and command.weights in ("", "pretrained"):  # a file holds the weights of one network
        rivals = RIVALS.get(ladder, ())
        shown = [name for name in (*ladder, *rivals) if _depth(name) in DEGRADATION] if rivals else ladder
        others = tuple(name for name in (*ladder, *rivals) if name not in shown)
        why = "Plain networks degrade with depth, residual ones do not." if rivals else "The same plan with more layers."
        yield Sweepable("network", WORDS["network"], why, tuple(sorted(shown, key=_natural)), others, free=True, now=command.network)


def rates(middle: float) -> tuple[str, ...]:
    """Five learning rates around one, by factors of about three.

    Examples
    --------
    >>> rates(0.006), rates(0.1)
    (('0.0006', '0.002', '0.006', '0.02', '0.06'), ('0.01', '0.03', '0.1', '0.3', '1'))
    """
    return tuple(number(float(f"{middle * factor:.1g}") if factor != 1 else middle) for factor in (0.1, 0.316, 1, 3.16, 10))


def _decays(now: float) -> tuple[str, ...]:
    values = {0.0, now / 10, now, now * 10} if now else {0.0, 1e-4, 1e-3, 1e-2}
    return tuple(number(float(f"{value:.3g}")) for value in sorted(values) if value <= 10)


def _activation_of(network: Network) -> str:
    kinds = {layer.kind for _, layer in walk(network.body) if isinstance(layer, Activation)} - {"softmax"}
    return next(iter(kinds)) if len(kinds) == 1 else ""


def _depth(name: str) -> int:
    return int(name.rpartition("-")[2])


# ---------------------------------------------------------------- the trainings of a sweep


def trainings(
    sweep: str, field: str, values: Sequence[str], command: Train, repeats: int = 1, network: Network | None = None
) -> tuple[Train, ...]:
    """The trainings of a sweep, one a value and repeat; all are checked before any of them is begun.

    Parameters
    ----------
    sweep : str
        Names the sweep, without blanks: the time of its beginning.
    field : str
        Of one of `sweepables`.
    values : sequence of str
        As typed; what means the same is taken once.
    command : Train
        The training that is varied.
    repeats : int
        From 1 to `MOST_REPEATS`; the second and further ones of a value have the next seeds.
    network : Network or None
        Of the command, fitted to the data; with it, it is checked whether the network can be varied.

    Raises
    ------
    SweepError
        In one sentence that names the value and the reason.
    """
    if not re.fullmatch(r"\S+", sweep) or field not in VARY:
        raise SweepError(f'"{field}" cannot be varied.', f"Choose one of: {', '.join(VARY)}.")
    if not 1 <= repeats <= MOST_REPEATS:
        raise SweepError(f"A value cannot be trained {repeats} times.", f"Choose from 1 to {MOST_REPEATS}.")
    if field == "seed" and repeats > 1:
        raise SweepError("Repeats take other seeds, so seeds cannot be repeated.", "Choose one training a value.")
    command = told_of(command, network)
    found: dict[str, Train] = {}
    for value in values:
        made = VARY[field](" ".join(value.split()), command)
        place, training = made.sweep, replace(made, sweep="")
        _refuse(field, place, training, network)
        found.setdefault(place, training)
    if not found:
        raise SweepError("There is nothing to train.", "Choose a value or more.")
    if len(found) * repeats > MOST_TRAININGS:
        raise SweepError(f"{len(found) * repeats} trainings are too many for one sweep.", f"Choose at most {MOST_TRAININGS}.")
    return tuple(
        replace(
            training,
            sweep=f"{sweep} {field}={value}",
            recipe=replace(training.recipe, seed=training.recipe.seed + more) if more else training.recipe,
        )
        for value, training in sorted(found.items(), key=lambda pair: order(field, pair[0]))
        for more in range(repeats)
    )


def _refuse(field: str, value: str, training: Train, network: Network | None) -> None:
    """Say which value cannot be trained, and why."""
    try:
        check(training.recipe)
        if network is None:
            return
        if training.network != network.name and field == "network":
            network = zoo.make(training.network, network.input, network.classes)
        varied(network, training.variant)
    except NetworkError as error:
        raise SweepError(f"{value}: {error.message}", error.remedy, value) from None
    except ValueError as error:
        raise SweepError(f"{value}: {error}", "Choose another value.", value) from None


def place_of(sweep: str) -> Place | None:
    """What a run's `sweep` says; None where it is in none.

    Examples
    --------
    >>> place_of("2026-11-21T10:15:02 learning_rate=0.01")
    Place(sweep='2026-11-21T10:15:02', field='learning_rate', value='0.01')
    """
    found = re.fullmatch(r"(\S+) (\w+)=(.+)", sweep)
    return Place(*found.groups()) if found is not None else None


def order(field: str, value: str) -> tuple[int, str, float]:
    """By what values of a field are sorted: numbers by size, choices as they are offered."""
    choices = CHOICES.get(field, ())
    if value in choices:
        return 0, "", choices.index(value)
    try:
        return 1, "", float(value)
    except ValueError:
        return 2, *_natural(value)


def _natural(name: str) -> tuple[str, float]:
    stem, _, depth = name.rpartition("-")
    return (stem, float(depth)) if depth.isdigit() else (name, 0.0)
