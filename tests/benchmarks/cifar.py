"""CIFAR-10: whole trainings by the preset "Fastest CIFAR-10", their test accuracy and seconds; on CUDA also against a bare loop.

All 50,000 training pictures are learned and none held back, as in Jordan 2024; what is measured are the weights of the last step, on all
10,000 test pictures, each looked at once (no test-time augmentation). The pictures are those of a lossy JPEG copy, so that accuracies
stand somewhat below those on the original files.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace
from torch import nn
from torch.nn import functional

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.dataset import Dataset
from engine.data.preprocessing import Preprocessing
from engine.data.sources import scan
from engine.messages import EpochDone, Event
from engine.networks import zoo
from engine.networks.build import build
from engine.project.records import RunRecord, Split
from engine.training import initialising, loop, precision, whitening
from engine.training.feeding import Part, Resident
from engine.training.fit import fit
from engine.training.optimisers import make_optimiser, set_rate
from engine.training.precision import Arithmetic
from engine.training.presets import PRESETS
from engine.training.quick import quicken
from engine.training.recipe import Recipe
from engine.training.schedules import learning_rate
from engine.training.sizes import steps_per_epoch
from engine.training.telling import Unheard
from tests.benchmarks.measuring import Row, in_turns

COPY = "cifar10-jpeg-full/cifar10-jpeg.zip"
NOTE = "JPEG copy, no TTA"
PRESET = "fastest-cifar-10"
AIMS = {"cifar-speed-narrow": 0.90, "cifar-speed": 0.94}
SHORT = {"cifar-speed-narrow": 12}  # epochs, where ten minutes of two cores are the aim
GPU_RUNS = 10
NOTHING = float("nan")


def pictures() -> Dataset | None:
    """CIFAR-10 with nothing held back, or None where it is not at hand."""
    place = os.environ.get("FOVEA_TEST_DATA")
    if not place or not (Path(place) / COPY).is_file():
        return None
    found = data.from_source(scan(Path(place) / COPY))
    splits = np.where(found.splits == Split.VALIDATION, Split.TRAIN, found.splits).astype(np.int8)
    return replace(found, splits=splits)


def recipe_of(network: str, seed: int, epochs: int | None = None) -> Recipe:
    """The preset, shorter for the narrow network."""
    recipe = replace(PRESETS[PRESET].recipe, seed=seed)
    wanted = epochs or SHORT.get(network)
    return replace(recipe, epochs=wanted, preset="own") if wanted else recipe


def whole_run(dataset: Dataset, network: str, recipe: Recipe, folder: Path) -> RunRecord:
    """One training, told on stderr."""

    def tell(event: Event) -> None:
        if isinstance(event, EpochDone):
            print(f"{network}: epoch {event.epoch}/{recipe.epochs}, training loss {event.train_loss:.3f}", file=sys.stderr, flush=True)

    return fit(dataset, network, recipe, None, folder, CancelToken(), tell)


def rows(quick: bool) -> Iterator[Row]:
    """A row a network: seconds, with the accuracy in its name; quick: one epoch of the narrow one."""
    dataset = pictures()
    if dataset is None:
        print("CIFAR-10 is left out: FOVEA_TEST_DATA names no folder with it", file=sys.stderr)
        return
    home = Path(tempfile.mkdtemp())
    try:
        seeds = GPU_RUNS if torch.cuda.is_available() and not quick else 1
        for network in list(AIMS)[: 1 if quick else None]:
            begun = time.perf_counter()
            records = [
                whole_run(dataset, network, recipe_of(network, seed, 1 if quick else None), home / f"{network}-{seed}")
                for seed in range(seeds)
            ]
            clock = (time.perf_counter() - begun) / seeds
            accuracy = statistics.mean(record.test_accuracy or 0.0 for record in records)
            seconds = statistics.mean(record.seconds for record in records)
            aim = f"aim {100 * AIMS[network]:.0f} %"
            print(
                f"{network}: {100 * accuracy:.2f} % ({aim}), mean of {seeds}, {clock / 60:.1f} minutes with reading and testing",
                file=sys.stderr,
            )
            yield Row(
                f"{network}, {records[0].epochs} epochs: {100 * accuracy:.2f} %", "s", seconds, f"({NOTE}, {seeds} seeds)", NOTHING, ()
            )
        if torch.cuda.is_available():
            yield against_bare_loop(dataset, 1 if quick else 5)
    finally:
        shutil.rmtree(home, ignore_errors=True)


# ---------------------------------------------------------------- the bare loop


def against_bare_loop(dataset: Dataset, repeats: int) -> Row:
    """Pictures a second of our loop and of the bare one, on the same tensors, in turns."""
    device = torch.device("cuda")
    found = dataset.rows(Split.TRAIN)
    pre = Preprocessing(32, 32, 3, "centre", (0.491, 0.482, 0.447), (0.247, 0.243, 0.262))
    pixels, _, _ = data.decode(dataset, found, pre)
    part = Part(torch.from_numpy(pixels).to(device), torch.from_numpy(dataset.labels[found]).to(device))
    recipe = replace(PRESETS[PRESET].recipe, epochs=4)
    recipe = replace(recipe, augmentation=replace(recipe.augmentation, erase=0.0))  # neither loop erases
    mine, theirs, ratios = in_turns(lambda: ours(part, pre, recipe), lambda: bare(part, pre, recipe), repeats)
    return Row("cifar-speed on CUDA, training", "pictures/s", mine, "a bare loop", theirs, ratios)


def begun(part: Part, pre: Preprocessing, recipe: Recipe) -> tuple[nn.Module, Arithmetic, Normalise]:
    """The network before its first step, and how it computes."""
    device = part.pixels.device
    module = build(zoo.make("cifar-speed", (3, 32, 32), 10), recipe.seed)
    initialising.begin(module, recipe)
    module = quicken(module.to(device), device).train()
    plain = Normalise(pre, device)
    whitening.measure(module, Resident(part, device), plain)
    first = slice(0, recipe.batch)
    arithmetic = precision.choose(module, plain(part.pixels[first]), part.labels[first], device, mixed=True)
    if arithmetic.channels_last:
        module.to(memory_format=torch.channels_last)
    return module, arithmetic, Normalise(pre, device, arithmetic.channels_last)


def ours(part: Part, pre: Preprocessing, recipe: Recipe) -> float:
    """Pictures a second of engine.training.loop."""
    module, arithmetic, normalise = begun(part, pre, recipe)
    result = loop.train(module, part, None, recipe, normalise, arithmetic, CancelToken(), Unheard())
    assert result.outcome == "completed"
    return result.pictures / result.seconds


def bare(part: Part, pre: Preprocessing, recipe: Recipe) -> float:
    """Pictures a second of the shortest loop that does the same arithmetic: nothing is told, kept or checked."""
    module, arithmetic, normalise = begun(part, pre, recipe)
    device, count = part.pixels.device, len(part.labels)
    optimiser = make_optimiser(module, recipe, device)
    per_epoch = steps_per_epoch(count, recipe.batch)
    side, most = part.pixels.shape[1], round(recipe.augmentation.shift * part.pixels.shape[1])
    shown, step = 0, 0
    _wait(device)
    started = time.perf_counter()
    for _ in range(recipe.epochs):
        order = torch.randperm(count, device=device)
        for rows in order.split(recipe.batch)[:per_epoch]:
            batch = normalise(part.pixels[rows])
            batch = torch.where((torch.rand(len(rows), device=device) < 0.5).view(-1, 1, 1, 1), batch.flip(3), batch)
            padded = functional.pad(batch, (most,) * 4, mode="reflect")
            corner = torch.randint(0, 2 * most + 1, (2, len(rows), 1), device=device)
            down, across = corner + torch.arange(side, device=device)
            places = torch.arange(len(rows), device=device)[:, None, None], down[:, :, None], across[:, None, :]
            batch = padded.permute(0, 2, 3, 1)[places].permute(0, 3, 1, 2)
            set_rate(optimiser, learning_rate(recipe, step, per_epoch * recipe.epochs))
            with torch.autocast(device.type, dtype=arithmetic.precision, enabled=arithmetic.precision is not torch.float32):
                logits = module(batch).float()
            loss = functional.cross_entropy(logits, part.labels[rows], label_smoothing=recipe.label_smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            optimiser.zero_grad()
            shown, step = shown + len(rows), step + 1
    _wait(device)
    return shown / (time.perf_counter() - started)


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize()
