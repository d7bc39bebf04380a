"""Fovea's loop, watched as in the window or by nobody, and a bare loop over resident pictures, which is the most that can be had."""

from __future__ import annotations

import contextlib
import queue
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from engine.control import CancelToken, lower_priority
from engine.data.augmentation import Normalise
from engine.data.dataset import Dataset
from engine.data.preprocessing import Preprocessing
from engine.networks import zoo
from engine.training import loop
from engine.training.checkpoint import Keeper
from engine.training.feeding import Part
from engine.training.precision import Arithmetic
from engine.training.quick import quicken
from engine.training.recipe import Recipe
from engine.training.reporting import Reporter
from engine.training.telling import Unheard
from tests.benchmarks.peers.forms import LEARNING_RATE, TEST_BATCH, WEIGHT_DECAY, Form, Job, Reached, adamw

CPU = torch.device("cpu")
FRAME = 0.04  # seconds between two looks into the queue, as the window's timer takes


class Bare(Form):
    """Index, normalise, forward, backward, step, and nothing else, not even the loss is kept.

    The network is ours with its quickened layers and the optimiser fused, so that the difference to ours is the loop alone.
    """

    def begin(self, seed: int) -> None:
        self.module = quicken(self.network(seed), CPU)
        self.optimiser = adamw(self.module, fused=True)
        pixels, labels, test_pixels, _ = (torch.from_numpy(array) for array in self.material)
        self.pixels, self.labels, self.test_pixels = pixels, labels, test_pixels
        self.scale = (1 / (255 * torch.tensor(self.deviation))).view(1, -1, 1, 1)
        self.shift = (torch.tensor(self.mean) / torch.tensor(self.deviation)).view(1, -1, 1, 1)

    def rate(self) -> float:
        self.begin(0)  # as ours begins every round anew
        return super().rate()

    def learn(self, few: bool) -> None:
        self.module.train()
        count = self.few if few else len(self.labels)
        order = torch.randperm(count)
        for start in range(0, count - self.job.batch + 1, self.job.batch):
            rows = order[start : start + self.job.batch]
            loss = functional.cross_entropy(self.module(self.normalised(self.pixels[rows])), self.labels[rows])
            loss.backward()
            self.optimiser.step()
            self.optimiser.zero_grad()

    @torch.no_grad()
    def measure(self) -> float:
        self.module.eval()
        answers = [self.module(self.normalised(part)).argmax(1).numpy() for part in self.test_pixels.split(TEST_BATCH)]
        return float((np.concatenate(answers) == self.material.test_labels).mean())

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        pictures = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        return pictures.mul_(self.scale).sub_(self.shift)


class Ours(Form):
    """`engine.training.loop` with nobody watching."""

    watched = False

    def __init__(self, job: Job) -> None:
        if job.lowered:
            lower_priority()
        super().__init__(job)

    def begin(self, seed: int) -> None:
        self.net = zoo.make(self.job.network, self.shape, 10)
        height, width = self.shape[1:]
        self.pre = Preprocessing(height, width, self.shape[0], "centre", self.mean, self.deviation)
        pixels, labels, test_pixels, test_labels = (torch.from_numpy(array) for array in self.material)
        self.part, self.test = Part(pixels, labels), Part(test_pixels, test_labels)
        self.module = quicken(self.network(seed), CPU)

    def learn(self, few: bool) -> None:
        raise AssertionError("rate and reach train in one call")

    def measure(self) -> float:
        raise AssertionError("rate and reach train in one call")

    def rate(self) -> float:
        self.begin(0)
        result = self.trained(Part(self.part.pixels[: self.few], self.part.labels[: self.few]), None, self.recipe(1))
        return result.pictures / result.seconds

    def reach(self, target: float, most: int, seed: int) -> Reached:
        self.begin(seed)
        begun = time.perf_counter()
        result = self.trained(self.part, self.test, self.recipe(most, target, seed))
        return Reached(time.perf_counter() - begun, len(result.epochs), max(epoch.validation_accuracy for epoch in result.epochs))

    def recipe(self, epochs: int, target: float = 0.0, seed: int = 0) -> Recipe:
        return Recipe(
            epochs=epochs,
            batch=self.job.batch,
            optimiser="adamw",
            learning_rate=LEARNING_RATE,
            weight_decay=WEIGHT_DECAY,
            schedule="constant",
            suit_augmentation=False,
            target=target,
            seed=seed,
        )

    def trained(self, training: Part, validation: Part | None, recipe: Recipe) -> loop.Trained:
        normalise, told = Normalise(self.pre, CPU), (Arithmetic(), CancelToken())
        if not self.watched:
            return loop.train(self.module, training, validation, recipe, normalise, *told, Unheard())
        with tempfile.TemporaryDirectory() as place, contextlib.closing(Keeper(Path(place))) as keeper, _window() as emit:
            dataset = Dataset("made", tuple("0123456789"), *(np.zeros(0, np.int64),) * 3, (), "")
            told_of = dataset, self.net, self.module, normalise, lambda: None, emit, Path(place)
            reporter = Reporter("run", recipe.epochs, self.job.batch, *told_of)
            return loop.train(self.module, training, validation, recipe, normalise, *told, reporter, keeper=keeper)


class Watched(Ours):
    """As the program trains: layers looked into, moments and checkpoints kept, events taken from a queue by another thread."""

    watched = True


@contextlib.contextmanager
def _window():
    """Somewhere for events to go: taken in bundles at the window's pace."""
    events: queue.SimpleQueue[object] = queue.SimpleQueue()
    ended = threading.Event()

    def take() -> None:
        while not ended.wait(FRAME):
            while not events.empty():
                events.get()

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield events.put
    finally:
        ended.set()
        thread.join()
