"""What the words of `train` and `pack` order: pictures, network and recipe, or a packed training with all of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from engine.commands.output import Output
from engine.commands.parser import WrongUsage
from engine.control import CancelToken
from engine.failure import UserError
from engine.training.launched import together
from engine.training.presets import PRESETS
from engine.training.recipe import Recipe

if TYPE_CHECKING:
    from engine.data.dataset import Dataset
    from engine.training.order import Contract
    from engine.training.packed import Packed
    from engine.training.team import Team

USUAL = "solid"


class Ordered(NamedTuple):
    """What is to be trained, fields as the parameters of `engine.training.fit.fit`."""

    dataset: Dataset
    network: str
    recipe: Recipe
    size: int | None = None
    resize: Any = None
    weights: str = ""
    freeze: bool = False
    called: str = ""
    contract: Contract | None = None

    def more(self) -> dict[str, Any]:
        """What `fit` takes by name."""
        return {name: getattr(self, name) for name in ("resize", "weights", "freeze", "called", "contract")}


def ordered(options: argparse.Namespace, output: Output, token: CancelToken, team: Team | None = None) -> Ordered:
    """What the options order; all of it is looked at, nothing decoded.

    Raises
    ------
    WrongUsage
        If there is no network.
    UserError
        If the pictures cannot be understood, or options contradict a packed training.
    """
    packed = packed_of(options, team)
    if packed is not None:
        recipe = recipe_of(options, packed.recipe)
        learned = packed.weights, packed.freeze, packed.called, packed.contract
        return Ordered(packed.dataset, packed.network, recipe, None, None, *learned)
    if options.network is None:
        usage = f"usage: fovea {options.command} DATA --network NETWORK [options]\n"
        raise WrongUsage("a training needs a --network, unless DATA is a packed training", usage, f"fovea {options.command}")
    weights = "pretrained" if options.pretrained else options.weights or ""
    sizes = {"size": options.size, "resize": options.resize}
    return Ordered(
        dataset_of(options.data, output, token), options.network, recipe_of(options), weights=weights, freeze=options.freeze, **sizes
    )


def packed_of(options: argparse.Namespace, team: Team | None = None) -> Packed | None:
    """The packed training that the options name, unpacked where it is an archive; None for other pictures.

    Raises
    ------
    UserError
        If it is damaged, or options contradict it.
    """
    from engine.training import packed

    place = Path(options.data).absolute()
    if not packed.is_packed(place):
        return None
    contradicting = [name for name in ("network", "size", "resize", "pretrained", "weights", "freeze") if getattr(options, name)]
    if contradicting:
        text = f"The packed training {place.name} brings network, pictures and weights of its own."
        raise UserError(text, f"Leave --{contradicting[0]} away.")
    if team is None:
        return packed.load(packed.unpacked(place))
    with team.in_turn():
        folder = packed.unpacked(place)
    return packed.load(folder)


def packed_folder(order: Ordered, out: str | None) -> Path | None:
    """The folder of a packed training, which becomes the run's; None where another one is named, or nothing is packed.

    Raises
    ------
    UserError
        If there is a run in it already.
    """
    if out is not None or order.contract is None:
        return None
    folder = Path(order.dataset.root)
    if not together() and (folder / "run.json").exists():
        raise UserError(f"The packed training {folder} has been trained already.", "Go on with resume, or name another folder with --out.")
    return folder


def dataset_of(place: str, output: Output, token: CancelToken) -> Dataset:
    """The pictures in a place."""
    from engine.data.dataset import from_source
    from engine.data.sources import scan

    return from_source(scan(place, token, lambda done, total: output.progress("Looking through files", done / max(1, total))))


def recipe_of(options: argparse.Namespace, given: Recipe | None = None) -> Recipe:
    """The preset's recipe, or the one given, with what the options change; where they change no choice it keeps the preset's name."""
    base = PRESETS[options.preset or USUAL].recipe if given is None or options.preset else given
    changes = {
        "epochs": options.epochs,
        "batch": options.batch,
        "learning_rate": options.lr,
        "seed": options.seed,
        "device": options.device,
    }
    recipe = replace(base, **{name: value for name, value in changes.items() if value is not None})
    chosen = {"seed": recipe.seed, "device": recipe.device}  # which are no part of a preset
    return recipe if recipe == replace(base, **chosen) else replace(recipe, preset="own")
