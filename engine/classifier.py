"""What every classifier can do, whether trained by gradient or not, so that every page serves both."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

import numpy as np

from engine.control import CancelToken


class Classifier(Protocol):
    """A classifier of pictures of one size. N pictures, K classes; labels are class indices from 0 to K − 1."""

    def fit(self, pixels: np.ndarray, labels: np.ndarray, classes: int, token: CancelToken) -> None:
        """Learn from pixels uint8 [N, height, width, channels] and labels int64 [N]."""

    def predict_proba(self, pixels: np.ndarray, token: CancelToken) -> np.ndarray:
        """Probabilities float32 [N, K] for pixels uint8 [N, height, width, channels]; rows sum to 1."""

    def describe(self) -> str:
        """What it is and what it knows, in one line."""

    def save(self, path: Path) -> None:
        """Write it to one file."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it back."""
