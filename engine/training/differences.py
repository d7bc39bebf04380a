"""Recipes in words: the choices of one, and in what several runs differ. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.project.records import RunRecord
from engine.training.recipe import Recipe, field_of
from engine.training.sweeping import place_of

ASIDE = frozenset({"preset", "suit_augmentation", "device", "tensorboard"})
"""Fields that change nothing of what is learned."""
OF_NEIGHBOURS = ("neighbours", "distance")
VARIED = frozenset({"activation", "shortcut", "normalisation"})
"""What a sweep changes in the network itself."""
NAMED = frozenset({"optimiser", "schedule", "loss", "variant"})
"""Fields whose values speak for themselves."""
OFF = (0, False, None, (), "")
UNITS = {"minutes": "min", "rotate": "degrees"}


def names(recipe: Recipe) -> tuple[str, ...]:
    """All fields, those within the augmentation as "augmentation.shift", in order."""
    found: list[str] = []
    for name in recipe.__struct_fields__:
        value = getattr(recipe, name)
        found += [f"{name}.{inner}" for inner in value.__struct_fields__] if isinstance(value, msgspec.Struct) else [name]
    return tuple(found)


def said(name: str, value: Any) -> str:
    """A field and its value in a few words.

    Examples
    --------
    >>> said("learning_rate", 0.01), said("optimiser", "sgd"), said("augmentation.flip", False), said("frozen", ("conv1", "conv2"))
    ('learning rate 0.01', 'sgd', 'no flip', 'frozen conv1, conv2')
    """
    word = name.rpartition(".")[2]
    plain = word.replace("_", " ")
    if isinstance(value, bool):
        return plain if value else f"no {plain}"
    if value is None:
        return f"{plain} {_unset(word)}"
    if isinstance(value, tuple):
        return f"{plain} {', '.join(map(str, value))}" if value else f"nothing {plain}"
    if isinstance(value, str):
        return value if word in NAMED else f"{plain} {value}"
    return f"{plain} {value:g}{f' {UNITS[word]}' if word in UNITS else ''}"


def _unset(word: str) -> str:
    return "as in the network" if word == "dropout" else "as suits"


def is_classic(run: RunRecord) -> bool:
    """Whether a run is of a classifier without epochs, of whose recipe only the neighbours count."""
    return not run.members and run.epochs == 0 and run.steps == 0 and run.parameters == 0


def learned_nothing(run: RunRecord) -> bool:
    """Whether a run was stopped before its first step, and has the weights that it began with."""
    return run.steps == 0 and not run.members and not is_classic(run)


def choices(run: RunRecord) -> dict[str, Any]:
    """All that was chosen for a run and bears on what it learned, by name."""
    if run.members:
        return {"members": run.members}
    if is_classic(run):
        found = {name: field_of(run.recipe, name) for name in OF_NEIGHBOURS}
    else:
        found = {name: field_of(run.recipe, name) for name in names(run.recipe)}
        aside = {*ASIDE, *OF_NEIGHBOURS, *_idle(run.recipe)}
        found = {name: value for name, value in found.items() if name not in aside}
        found |= {"only the last layer learns": run.frozen, "begun with": run.begun_with or "new weights"}
        found["parent"] = run.parent
    place = place_of(run.sweep)
    if place is not None and place.field in VARIED:
        found["variant"] = f"{place.field} {place.value}"
    found["working size"] = f"{run.preprocessing.height} × {run.preprocessing.width}"
    found["resize"] = run.preprocessing.resize
    return found


def _idle(recipe: Recipe) -> set[str]:
    """Fields that have no effect beside the recipe's other choices."""
    found = set() if recipe.loss == "focal" else {"focal"}
    if recipe.optimiser not in ("sgd", "muon"):
        return found | {"momentum", "nesterov"}
    return found | ({"nesterov"} if recipe.momentum == 0 else set())


def in_words(run: RunRecord, name: str, value: Any, titles: Mapping[str, str]) -> str:
    """A choice of a run, name and value; `titles` names other runs by their ids."""
    if name == "members":
        return f"mean of {value_in_words(name, value, titles)}"
    if name == "working size":
        return f"{value} px"
    if name == "only the last layer learns":
        return name if value else "all layers learn"
    if name == "begun with":
        return "new weights" if value == "new weights" else f"begun with {value}"
    if name == "parent":
        return f"goes on from {titles.get(value, value)}" if value else "from the start"
    return said(name, value)


def value_in_words(name: str, value: Any, titles: Mapping[str, str]) -> str:
    """The value of a choice alone."""
    word = name.rpartition(".")[2]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return _unset(word)
    if isinstance(value, tuple):
        return ", ".join(titles.get(part, str(part)) for part in value) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return str(value) if word == "seed" else f"{value:,}"
    return titles.get(value, value) if value else "none"


def differences(runs: Sequence[RunRecord], called: Mapping[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """In what each run differs from the others of its network: a few words a field, by run.

    Runs of other networks are compared among themselves; ensembles name their members. What a run's sweep varies comes first, then what
    has most values: that tells most runs apart. What is switched off is left out as long as something else is left to say. A run that
    nothing sets apart has no words. `called` names runs by their ids, where that is not their title.
    """
    titles = {run.id: run.title for run in runs} | dict(called or {})
    taken = {run.id: choices(run) for run in runs}
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(run.network, []).append(run)
    found: dict[str, tuple[str, ...]] = {}
    for group in groups.values():
        fields = {name: None for run in group for name in taken[run.id]}
        values = {name: len({repr(taken[run.id].get(name)) for run in group}) for name in fields}
        varying = sorted((name for name in fields if name == "members" or values[name] > 1), key=lambda name: -values[name])
        for run in group:
            own = taken[run.id]
            there = sorted((name for name in varying if name in own), key=lambda name: name.partition(".")[0] != _swept(run))
            on = [name for name in there if own[name] not in OFF or _swept(run) == name]
            found[run.id] = tuple(in_words(run, name, own[name], titles) for name in on or there)
    return found


def _swept(run: RunRecord) -> str:
    """What the run's sweep varies, as `choices` calls it; "" without one."""
    place = place_of(run.sweep)
    return "" if place is None else "variant" if place.field in VARIED else place.field


def recipe_in_words(run: RunRecord, titles: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The choices of a run as pairs of a name and a value, for a table; what is switched off stands together at the end.

    `titles` names other runs by their ids.
    """
    chosen = choices(run)
    words = {name: name.rpartition(".")[2].replace("_", " ") for name in chosen}
    unused = [name for name, value in chosen.items() if value in OFF and value is not None and name not in ("seed", "parent")]
    on = [(words[name], value_in_words(name, value, titles)) for name, value in chosen.items() if name not in unused and value != ""]
    off = [words[name] for name in unused]
    return (*on, ("not used", ", ".join(off))) if off else tuple(on)
