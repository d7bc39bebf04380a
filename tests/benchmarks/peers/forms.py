"""What all subjects of a comparison have in common: the job, the pictures, and how a round and a whole training go.

A subject learns in its usual form from pictures that lie in memory as uint8, as torchvision's MNIST and CIFAR-10 hold them. All get the
same network, batch, optimiser (AdamW at a constant rate, weight decay 0.01), float32 and number of threads.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from engine.networks import zoo
from engine.networks.build import build

LEARNING_RATE, WEIGHT_DECAY = 1e-3, 0.01
TEST_BATCH = 1000
FIGURES = {1: ((0.1,), (0.28,)), 3: ((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))}  # mean and deviation by channels
NAMES = "pixels", "labels", "test_pixels", "test_labels"


class Job(msgspec.Struct, frozen=True):
    """What a subject is to do.

    Attributes
    ----------
    subject : str
        A name in `child.SUBJECTS`.
    network : str
        Of the zoo.
    folder : str
        With the material, see `Material`.
    batch, steps : int
        Pictures a step, steps a round.
    threads : int
        Of torch.
    workers : int
        Loading processes.
    lowered : bool
        Whether it trains at the priority that the program gives its trainings.
    """

    subject: str
    network: str = "lenet-5"
    folder: str = ""
    batch: int = 128
    steps: int = 16
    threads: int = 1
    workers: int = 0
    lowered: bool = False


class Reached(NamedTuple):
    """Seconds from the first step to the test that found this accuracy, its epochs included."""

    seconds: float
    epochs: int
    accuracy: float


class Material(NamedTuple):
    """Pixels uint8 [N, H, W, C], labels int64 [N], and as many of the test part."""

    pixels: np.ndarray
    labels: np.ndarray
    test_pixels: np.ndarray
    test_labels: np.ndarray

    def save(self, folder: Path) -> None:
        for name, array in zip(NAMES, self, strict=True):
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> Material:
        return cls(*(np.load(folder / f"{name}.npy") for name in NAMES))


class Pictures(Dataset):
    """One picture at a time, through Pillow, as torchvision's MNIST and CIFAR10 give them."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, transform: object = None) -> None:
        self.pixels, self.labels, self.transform = pixels, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        pixels = self.pixels[row]
        return self.transform(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)), int(self.labels[row])


class Form(ABC):
    """A subject; `version` is that of its library."""

    version = ""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.material = Material.load(Path(job.folder))
        self.shape = (self.material.pixels.shape[3], *self.material.pixels.shape[1:3])
        self.mean, self.deviation = FIGURES[self.shape[0]]
        self.few = job.steps * job.batch
        self.begin(0)

    @abstractmethod
    def begin(self, seed: int) -> None:
        """A new network and optimiser."""

    @abstractmethod
    def learn(self, few: bool) -> None:
        """One pass over the pictures of a round, or over all."""

    @abstractmethod
    def measure(self) -> float:
        """Accuracy on the test part."""

    def rate(self) -> float:
        """Pictures a second of one round."""
        begun = time.perf_counter()
        self.learn(True)
        return self.few / (time.perf_counter() - begun)

    def reach(self, target: float, most: int, seed: int) -> Reached:
        """Train anew, test after each epoch, stop at the target or after so many epochs."""
        self.begin(seed)
        accuracy, epochs, begun = 0.0, 0, time.perf_counter()
        while accuracy < target and epochs < most:
            self.learn(False)
            accuracy, epochs = self.measure(), epochs + 1
        return Reached(time.perf_counter() - begun, epochs, accuracy)

    def network(self, seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return build(zoo.make(self.job.network, self.shape, 10), seed)


def adamw(module: nn.Module, fused: bool | None = None) -> torch.optim.Optimizer:
    """As everybody calls it; `fused` for those who know."""
    return torch.optim.AdamW(module.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=fused)


class Loaders(NamedTuple):
    """torch's DataLoader over the pictures of a round, over all, and over the test part."""

    few: DataLoader
    all: DataLoader
    test: DataLoader


def loaders(form: Form) -> Loaders:
    """As in torch's and torchvision's tutorials; processes stay between rounds, so that their start is not counted."""
    prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize(form.mean, form.deviation)])
    pixels, labels, test_pixels, test_labels = form.material
    workers = form.job.workers
    usual = {"batch_size": form.job.batch, "shuffle": True, "num_workers": workers, "persistent_workers": workers > 0}
    return Loaders(
        DataLoader(Pictures(pixels[: form.few], labels[: form.few], prepare), **usual),
        DataLoader(Pictures(pixels, labels, prepare), **usual),
        DataLoader(Pictures(test_pixels, test_labels, prepare), batch_size=TEST_BATCH, num_workers=workers),
    )


@torch.no_grad()
def accuracy_of(module: nn.Module, batches: DataLoader) -> float:
    """The usual loop over a test set."""
    module.eval()
    right = count = 0
    for pictures, labels in batches:
        right += int((module(pictures).argmax(1) == labels).sum())
        count += len(labels)
    return right / count
