"""From a dataset and a network's name to what a training needs: working size, preprocessing contract, decoded splits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from msgspec.structs import replace

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset, TypicalSize
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.networks import files, zoo
from engine.networks.layers import Conv, Network, walk
from engine.networks.resolve import is_file
from engine.project.records import Skipped, Split
from engine.training.recipe import FEW_GREY, MANY, MANY_GREY, PHOTOGRAPHS, Augmentation, Recipe

LARGEST_MARGIN = 4 / 3  # pictures are framed in black, not scaled, where that adds at most a third to their side


class Decoded(NamedTuple):
    """One split: row numbers in the dataset int64 [N], pixels uint8 [N, H, W, C], labels int64 [N]."""

    rows: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray


def is_classic(network: str) -> bool:
    """Whether a name means a classifier without layers."""
    return not is_file(network) and zoo.card(network).kind == "classic"


def preprocessing_for(network: str, typical: TypicalSize, size: int | None) -> Preprocessing:
    """Decide on the working size and how pictures come to it; mean and deviation are measured later.

    Parameters
    ----------
    network : str
        Name in the zoo, or a network file, whose own input size is then taken.
    typical : TypicalSize
        Of the data.
    size : int or None
        Side in pixels; None takes what suits the network and the data.
    """
    if size is not None:
        height = width = size
    elif is_file(network):
        _, height, width = files.load(Path(network)).input
    else:
        height, width = zoo.suggest_size(network, typical.height, typical.width)
    fits = typical.height <= height <= typical.height * LARGEST_MARGIN and typical.width <= width <= typical.width * LARGEST_MARGIN
    channels: Literal[1, 3] = 1 if typical.channels == 1 else 3
    flat = (0.5,) * channels
    return Preprocessing(height, width, channels, "centre" if typical.uniform and fits else "squash", flat, flat)


def suited(recipe: Recipe, network: Network, channels: int, pictures: int) -> Recipe:
    """The recipe with the augmentation that will be used, see Recipe.suit_augmentation."""
    taken = recipe.augmentation
    convolutional = any(isinstance(layer, Conv) for _, layer in walk(network.body))
    if recipe.suit_augmentation and taken == Augmentation() and convolutional:
        taken = PHOTOGRAPHS if channels == 3 else FEW_GREY if pictures < MANY else MANY_GREY
    return replace(recipe, augmentation=taken, suit_augmentation=False)


def decode_splits(
    dataset: Dataset, preprocessing: Preprocessing, token: CancelToken, progress: Callable[[int, int], None]
) -> tuple[dict[Split, Decoded], tuple[Skipped, ...]]:
    """Decode the training, validation and test pictures; unreadable ones are left out and named.

    Raises
    ------
    UserError
        If no training picture can be read.
    """
    parts: dict[Split, Decoded] = {}
    failed: list[Skipped] = []
    total = int(np.count_nonzero(dataset.splits != Split.NONE))
    done = 0

    def tell(before: int, now: int, _of_split: int) -> None:
        progress(before + now, total)

    for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
        rows = dataset.rows(split)
        if not len(rows):
            continue
        pixels, problems, ok = data.decode(dataset, rows, preprocessing, token, partial(tell, done))
        failed.extend(problems)
        done += len(rows)
        if not ok.all():
            rows, pixels = rows[ok], pixels[ok]
        if len(rows):
            parts[split] = Decoded(rows, pixels, dataset.labels[rows])
    if Split.TRAIN not in parts:
        raise UserError("None of the training pictures can be read.", "Check that the files are still where they were.")
    return parts, tuple(failed)
