"""How strong each random change of the pictures is: what a slider runs through, and what its place means in words."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
from PySide6.QtCore import QCoreApplication

Sides = tuple[int, int]
"""Height and width of the network's input in pixels."""


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("strengths", text)


class Strength(msgspec.Struct, frozen=True):
    """A field of Augmentation as a slider.

    Attributes
    ----------
    name : str
        The field.
    title, tip : str
        What is changed; what it is good for, in one sentence.
    values : tuple of float
        What the slider runs through, off first.
    words : callable
        What a value means, for a working size.
    """

    name: str
    title: str
    tip: str
    values: tuple[float, ...]
    words: Callable[[float, Sides], str]

    @property
    def off(self) -> float:
        return self.values[0]

    def place(self, value: float) -> int:
        """The place of the slider that is nearest to a value."""
        return min(range(len(self.values)), key=lambda at: abs(self.values[at] - value))


def per_cent(share: float) -> str:
    """A share as per cent, with as many digits as it needs."""
    return f"{100 * share:.3g}\u202f%"


def pixels(number: float) -> str:
    """A length in words."""
    return tr("{number:.2g} pixels").format(number=number) if number < 10 else tr("{number:.0f} pixels").format(number=number)


def smaller_share(alpha: float) -> float:
    """Mean of min(λ, 1 - λ) where λ has the distribution Beta(alpha, alpha).

    By parts from the incomplete beta function at one half: 1/2 - 4^-α / (α B(α, α)).
    """
    logarithm = 2 * math.lgamma(alpha) - math.lgamma(2 * alpha)
    return 0.5 - math.exp(-alpha * math.log(4) - math.log(alpha) - logarithm)


def _shift(value: float, sides: Sides) -> str:
    return tr("up to {share} of the side, {pixels}").format(share=per_cent(value), pixels=pixels(value * max(sides)))


def _crop(value: float, sides: Sides) -> str:
    return tr("down to {share} of the side").format(share=per_cent(value))


def _rotate(value: float, sides: Sides) -> str:
    return tr("up to {degrees:g}° either way").format(degrees=value)


def _scale(value: float, sides: Sides) -> str:
    return tr("{low} to {high} of the size").format(low=per_cent(1 - value), high=per_cent(1 + value))


def _colour(value: float, sides: Sides) -> str:
    return tr("± {share} brightness, contrast, saturation").format(share=per_cent(value))


def _blur(value: float, sides: Sides) -> str:
    return tr("up to {pixels} wide").format(pixels=pixels(value * min(sides)))


def _noise(value: float, sides: Sides) -> str:
    return tr("up to ± {levels:.0f} of 255 levels").format(levels=value * 255)


def _erase(value: float, sides: Sides) -> str:
    return tr("up to {share} of every other picture").format(share=per_cent(value))


def _rand_augment(value: float, sides: Sides) -> str:
    return tr("two changes of strength {value:g} of 30").format(value=value)


def _mixed(value: float, sides: Sides) -> str:
    return tr("{share} of another picture in the mean").format(share=per_cent(round(smaller_share(value), 2)))


MIXING = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 4.0, 10.0)
STRENGTHS = (
    Strength("shift", "Shift", "What is shown may lie elsewhere", tuple(step / 100 for step in range(51)), _shift),
    Strength("crop", "Crop", "A part may stand for the whole", tuple(1 - step / 20 for step in range(17)), _crop),
    Strength("rotate", "Rotate", "What is shown may be tilted", (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180), _rotate),
    Strength("scale", "Scale", "What is shown may be nearer or further away", tuple(step / 20 for step in range(19)), _scale),
    Strength("colour", "Colour", "The light may be another", tuple(step / 20 for step in range(21)), _colour),
    Strength("blur", "Blur", "The picture may be out of focus", (0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1), _blur),
    Strength("noise", "Noise", "The light may be poor", (0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1), _noise),
    Strength("erase", "Erase", "Something may be in the way: a grey rectangle", tuple(step / 20 for step in range(19)), _erase),
    Strength(
        "rand_augment",
        "RandAugment",
        "Two changes out of fourteen for each picture, all of one strength",
        tuple(float(step) for step in range(31)),
        _rand_augment,
    ),
    Strength("mixup", "MixUp", "Two pictures shine through each other, and are learned as both", MIXING, _mixed),
    Strength("cutmix", "CutMix", "A rectangle of another picture, and both are learned", MIXING, _mixed),
)
MIRRORS = (
    ("flip", "Mirror left and right", "Every other picture; not for digits and letters"),
    ("flip_vertical", "Mirror up and down", "Every other picture; for what has no up and down"),
)
