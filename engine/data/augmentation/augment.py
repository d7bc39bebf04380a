"""Normalise with random changes, a batch at a time on the device.

Everything random comes from generators of its own, so that the same seed on the same device gives the same pictures whatever else draws
random numbers: one on the device for amounts, and one on the host for which operation a picture gets, as the host must know that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.data.augmentation.colour import jitter
from engine.data.augmentation.degrade import blur, erase, noise
from engine.data.augmentation.geometry import affine, sample, shifted
from engine.data.augmentation.normalise import Normalise
from engine.data.augmentation.portion import Portion
from engine.data.augmentation.rand_augment import rand_augment
from engine.training.recipe import Augmentation


class Augment:
    """Normalise with random changes. Costs nothing beyond Normalise when every change is off.

    Parameters
    ----------
    normalise : Normalise
    augmentation : Augmentation
        All of it but mixing, which concerns labels too: see `Mix`.
    seed : int
        Seeds the generators that all changes draw from.
    device : torch.device
    """

    def __init__(self, normalise: Normalise, augmentation: Augmentation, seed: int, device: torch.device) -> None:
        self._normalise = normalise
        self._choice = choice = augmentation
        self._device = device
        self._generator = torch.Generator(device=device)
        self._generator.manual_seed(seed)
        self._operations = np.random.default_rng([seed, 1])
        self._shifts = choice.shift > 0 and choice.crop == 1 and choice.rotate == 0 and choice.scale == 0
        self._moves = choice.shift > 0 or choice.crop < 1 or choice.rotate > 0 or choice.scale > 0
        self._mirrors = choice.flip or choice.flip_vertical
        amounts = choice.colour, choice.blur, choice.noise, choice.erase, choice.rand_augment
        self._off = not (self._moves or self._mirrors or any(amount > 0 for amount in amounts))

    def __call__(self, pixels: torch.Tensor, portion: Portion | None = None) -> torch.Tensor:
        """Uint8 [B, H, W, C] to float32 [B, C, H, W]; `portion` says which pictures of a batch these are, all of it by default."""
        if self._off:
            return self._normalise(pixels)
        choice, pictures = self._choice, self._normalise.as_is(pixels)
        these = portion or Portion(len(pictures))
        if self._shifts:
            pictures = self._shifted(self._mirrored(pictures, these), these)
        elif self._moves:
            pictures = sample(pictures, self._theta(pictures, these))
        elif self._mirrors:
            pictures = self._mirrored(pictures, these)
        if choice.rand_augment > 0:
            pictures = rand_augment(pictures, choice.rand_augment, self._operations, these)
        if choice.colour > 0:
            low, high = 1 - choice.colour, 1 + choice.colour
            pictures = jitter(pictures, *(self._uniform(these, low, high) for _ in range(3)))
        if choice.blur > 0:
            side = min(pictures.shape[2:])
            pictures = blur(pictures, self._uniform(these, 0.0, choice.blur * side))
        if choice.noise > 0:
            pictures = noise(pictures, self._uniform(these, 0.0, choice.noise * 255), self._generator, these)
        if choice.erase > 0:
            shares = self._uniform(these, 0.0, choice.erase) * (self._uniform(these) < 0.5)
            pictures = erase(pictures, shares, self._uniform(these), self._uniform(these), self._uniform(these))
        return self._normalise.finish(pictures)

    def state_dict(self) -> dict[str, Any]:
        """What the changes to come depend on."""
        return {"amounts": self._generator.get_state(), "operations": self._operations.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._generator.set_state(state["amounts"])
        self._operations.bit_generator.state = state["operations"]

    def _uniform(self, these: Portion, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return these.of(torch.rand(these.whole, generator=self._generator, device=self._device).mul_(high - low).add_(low))

    def _mirror(self, these: Portion) -> torch.Tensor:
        return torch.where(self._uniform(these) < 0.5, -1.0, 1.0)

    def _mirrored(self, pictures: torch.Tensor, these: Portion) -> torch.Tensor:
        for wanted, side in ((self._choice.flip, 3), (self._choice.flip_vertical, 2)):
            if wanted:
                mirrored = self._uniform(these) < 0.5
                pictures = torch.where(mirrored.view(-1, 1, 1, 1), pictures.flip(side), pictures)
        return pictures

    def _shifted(self, pictures: torch.Tensor, these: Portion) -> torch.Tensor:
        """A shift by itself goes by whole pixels, so that nothing is blurred; sides of which it is less than half a pixel stay."""
        height, width = pictures.shape[2:]
        most = [round(self._choice.shift * side) for side in (height, width)]
        by = [((2 * side + 1) * self._uniform(these)).floor().clamp(max=2 * side).long() - side for side in most]
        return shifted(pictures, *by)

    def _theta(self, pictures: torch.Tensor, these: Portion) -> torch.Tensor:
        """Shift, crop, mirror, rotation and scale as one map."""
        height, width = pictures.shape[2:]
        choice = self._choice
        part = self._uniform(these, choice.crop, 1.0)
        room = 1 - part  # a crop lies anywhere inside the picture; the shift moves it further
        across = self._uniform(these, -1.0, 1.0) * (room + 2 * choice.shift)
        down = self._uniform(these, -1.0, 1.0) * (room + 2 * choice.shift)
        mirror = self._mirror(these) if choice.flip else torch.ones_like(part)
        mirror_down = self._mirror(these) if choice.flip_vertical else torch.ones_like(part)
        angles = self._uniform(these, -choice.rotate, choice.rotate) if choice.rotate > 0 else None
        if choice.scale > 0:
            part = part / self._uniform(these, 1 - choice.scale, 1 + choice.scale)
        return affine(part * mirror, part * mirror_down, across, down, angles, height / width)
