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
from engine.data.preprocessing import WHITE, Preprocessing, ResizeMode, suited_reduction, suited_resize
from engine.failure import UserError
from engine.networks import files, zoo
from engine.networks.layers import AnyNetwork, Conv, NamedNetwork, walk
from engine.networks.resolve import is_file, is_library
from engine.project.records import Skipped, Split
from engine.training.recipe import Recipe, suited_augmentation


class Decoded(NamedTuple):
    """One split: row numbers in the dataset int64 [N], pixels uint8 [N, H, W, C], labels int64 [N].

    `unreadable` of the rows show other pictures in their place.
    """

    rows: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray
    unreadable: int = 0

    @property
    def pictures(self) -> int:
        """Pictures that are their own."""
        return len(self.rows) - self.unreadable


def is_classic(network: str) -> bool:
    """Whether a name means a classifier without layers."""
    return not is_file(network) and not is_library(network) and zoo.card(network).kind == "classic"


def preprocessing_for(
    network: str,
    typical: TypicalSize,
    size: int | None,
    resize: ResizeMode | None = None,
    ground: tuple[int, int, int] = WHITE,
    learned: bool = False,
) -> Preprocessing:
    """Decide on the working size and how pictures come to it; mean and deviation are measured later.

    Parameters
    ----------
    network : str
        Name in the zoo, a network file, whose own input size is then taken, or one of another library, at the size of its weights.
    typical : TypicalSize
        Of the data.
    size : int or None
        Side in pixels; None takes what suits the network and the data.
    resize : str or None
        One of RESIZE_MODES; None takes what suits.
    ground : tuple of int
        sRGB colour, 0 to 255 each, on which transparent pictures lie.
    learned : bool
        Whether the network begins with weights learned elsewhere, which suit pictures of the size that they were learned on.
    """
    if size is not None:
        height = width = size
    elif is_library(network):
        from engine.networks.libraries import named

        _, height, width = named(network).input
    elif is_file(network):
        _, height, width = files.load_any(Path(network)).input
    elif learned:
        _, height, width = zoo.card(network).default_input
    else:
        height, width = zoo.suggest_size(network, typical.height, typical.width)
    mode = resize or suited_resize(typical.height, typical.width, typical.uniform, height, width)
    channels: Literal[1, 3] = 1 if typical.channels == 1 else 3
    flat = (0.5,) * channels
    reduced = not learned and suited_reduction(typical.height, typical.width, mode, height, width)
    return Preprocessing(height, width, channels, mode, flat, flat, ground, reduced)


def suited(recipe: Recipe, network: AnyNetwork, channels: int, pictures: int) -> Recipe:
    """The recipe with the augmentation that will be used, see Recipe.suit_augmentation."""
    convolutional = isinstance(network, NamedNetwork) or any(isinstance(layer, Conv) for _, layer in walk(network.body))
    return replace(recipe, augmentation=suited_augmentation(recipe, convolutional, channels, pictures), suit_augmentation=False)


def without(rows: np.ndarray, pixels: np.ndarray, labels: np.ndarray, ok: np.ndarray) -> Decoded:
    """Some pictures as a split, those left out that are not `ok`, bool [N]: they could not be read."""
    return Decoded(rows, pixels, labels) if ok.all() else Decoded(rows[ok], pixels[ok], labels[ok])


def decode_splits(
    dataset: Dataset,
    preprocessing: Preprocessing,
    token: CancelToken,
    progress: Callable[[int, int], None],
    training: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Decoded] = without,
) -> tuple[dict[Split, Decoded], tuple[Skipped, ...]]:
    """Decode the training, validation and test pictures; unreadable ones are named, and left out unless `training` does otherwise.

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
        if ok.any():
            parts[split] = (training if split is Split.TRAIN else without)(rows, pixels, dataset.labels[rows], ok)
    if Split.TRAIN not in parts:
        raise UserError("None of the training pictures can be read.", "Check that the files are still where they were.")
    return parts, tuple(failed)
