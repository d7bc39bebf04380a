"""The command PreviewInput: pictures as a network would get them, by the functions that training uses."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine.control import CancelToken
from engine.data import locators
from engine.data.augmentation import Augment, Mix, Normalise
from engine.data.colour import Picture
from engine.data.preprocessing import Preprocessing
from engine.data.unreadable import UnreadablePicture
from engine.messages import InputPreviewReady, PreviewInput
from engine.training.recipe import Augmentation

if TYPE_CHECKING:
    from engine.session import Emit, Session

KEPT_PICTURES = 64


def preview_input(session: Session, command: PreviewInput, token: CancelToken, emit: Emit) -> None:
    """Answer PreviewInput; pictures that are gone or cannot be read are left out.

    Raises
    ------
    UserError
        If no project is open.
    Cancelled
        If a newer preview is wanted.
    """
    snapshot = session.opened().snapshot
    preprocessing = Preprocessing(command.height, command.width, command.channels, command.resize, ground=command.ground)
    images: list[int] = []
    plain: list[Picture] = []
    for image in command.images:
        token.check()
        row = snapshot.row(image)
        if row is None:
            continue
        locator = snapshot.locators[row]
        try:
            plain.append(_read(locator, snapshot.root, _stamp(locator, snapshot.root), preprocessing))
        except UnreadablePicture:
            continue
        images.append(image)
    shape = (len(plain), 1 + command.variants, command.height, command.width, command.channels)
    pictures, seconds = np.zeros(shape, np.uint8), 0.0
    if plain:
        pixels = np.stack(plain)
        pictures[:, 0] = pixels
        token.check()
        if command.variants:
            begun = time.perf_counter()
            pictures[:, 1:] = varied(pixels, command.augmentation, command.variants, command.seed)
            seconds = time.perf_counter() - begun
    emit(InputPreviewReady(images=tuple(images), pictures=pictures, seconds=seconds))


def varied(pixels: Picture, augmentation: Augmentation, variants: int, seed: int) -> Picture:
    """Pictures changed at random as a training changes them, mixing included, and brought back to uint8.

    Parameters
    ----------
    pixels : uint8 [N, height, width, channels]
        At working size.
    augmentation : Augmentation
        What is changed, and how much.
    variants : int
        Of each picture.
    seed : int
        The same seed gives the same pictures.

    Returns
    -------
    uint8 [N, variants, height, width, channels]
    """
    count, height, width, channels = pixels.shape
    device = torch.device("cpu")
    as_floats = Normalise(
        Preprocessing(height, width, 1 if channels == 1 else 3, mean=(0.0,) * channels, std=(1 / 255,) * channels), device
    )
    batch = torch.from_numpy(pixels).repeat(variants, 1, 1, 1)  # neighbours are different pictures, for they are mixed
    with torch.inference_mode():
        changed = Augment(as_floats, augmentation, seed, device)(batch)
        mix = Mix(augmentation, seed, device)
        if not mix.off:
            changed = mix(changed, torch.zeros(len(changed), dtype=torch.int64)).pictures
        back = changed.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        answer: Picture = back.reshape(variants, count, height, width, channels).transpose(0, 1).contiguous().numpy()
    return answer


@lru_cache(maxsize=KEPT_PICTURES)
def _read(locator: str, root: str, stamp: tuple[int, int], preprocessing: Preprocessing) -> Picture:
    """A picture at working size; a slider asks for the same ones many times a second. The stamp tells a changed file."""
    return locators.located_at_working_size(locator, root, preprocessing)


def _stamp(locator: str, root: str) -> tuple[int, int]:
    path: Path | None = locators.path_of(locator, root)
    try:
        status = path.stat() if path is not None else None
    except OSError:  # reading says what is wrong
        status = None
    return (status.st_mtime_ns, status.st_size) if status is not None else (0, 0)
