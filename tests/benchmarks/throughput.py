"""LeNet-5 on MNIST: our loop against the usual one of torchvision's Dataset, DataLoader and transforms.

Both train the same network from the same weights, in batches of 128 at 32 x 32 pixels, with AdamW, on the same number of threads.
The usual loop is the one of torch's own MNIST example: pictures are opened, padded, turned into tensors and normalised one by one,
and the loss is read every ten steps.
"""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.data.sources import scan
from engine.networks import zoo
from engine.networks.build import build
from engine.project.records import Split
from engine.training import loop
from engine.training.feeding import Part
from engine.training.precision import Arithmetic
from engine.training.quick import quicken
from engine.training.recipe import Recipe
from engine.training.telling import Unheard
from tests.benchmarks.measuring import Row, in_turns

BATCH = 128
MEAN, DEVIATION = 0.1, 0.28


def mnist(folder: Path) -> Path:
    """A folder as torchvision lays it out: the real files where FOVEA_TEST_DATA has them, else random pictures of that shape."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    real = Path(os.environ.get("FOVEA_TEST_DATA", "")) / "MNIST" / "MNIST" / "raw"
    if os.environ.get("FOVEA_TEST_DATA") and real.is_dir():
        for file in real.glob("*.gz"):
            (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
        return folder
    random = np.random.default_rng(0)
    for part, count in (("train", 60_000), ("t10k", 1_000)):
        pixels = random.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, 28, 28) + pixels.tobytes())
        labels = random.integers(0, 10, count).astype(np.uint8)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels.tobytes())
    return folder


def usual(root: Path, steps: int, workers: int) -> Callable[[], float]:
    """Pictures a second of the usual loop over so many steps."""
    prepare = transforms.Compose([transforms.Pad(2), transforms.ToTensor(), transforms.Normalize((MEAN,), (DEVIATION,))])
    pictures = datasets.MNIST(str(root), train=True, download=False, transform=prepare)
    loader = DataLoader(pictures, batch_size=BATCH, shuffle=True, num_workers=workers)

    def run() -> float:
        module = build(zoo.make("lenet-5", (1, 32, 32), 10)).train()
        optimiser = torch.optim.AdamW(module.parameters(), lr=1e-3)
        begun = time.perf_counter()
        for number, (batch, labels) in enumerate(itertools.islice(loader, steps)):
            optimiser.zero_grad()
            loss = functional.cross_entropy(module(batch), labels)
            loss.backward()
            optimiser.step()
            if number % 10 == 0:
                loss.item()
        return steps * BATCH / (time.perf_counter() - begun)

    return run


def ours(root: Path, steps: int) -> Callable[[], float]:
    """Pictures a second of engine.training.loop over so many steps."""
    whole = data.from_source(scan(root / "MNIST"))
    pre = Preprocessing(32, 32, 1, "centre", (MEAN,), (DEVIATION,))
    rows = np.flatnonzero((whole.splits == Split.TRAIN) | (whole.splits == Split.VALIDATION))
    pixels, _, _ = data.decode(whole, rows, pre)
    part = Part(torch.from_numpy(pixels), torch.from_numpy(whole.labels[rows]))
    normalise = Normalise(pre, torch.device("cpu"))
    recipe = Recipe(epochs=1, batch=BATCH, learning_rate=1e-3, schedule="constant", suit_augmentation=False)
    size = min(len(rows), steps * BATCH)

    def run() -> float:
        module = quicken(build(zoo.make("lenet-5", (1, 32, 32), 10)), torch.device("cpu"))
        shown = Part(part.pixels[:size], part.labels[:size])
        result = loop.train(module, shown, None, msgspec.structs.replace(recipe), normalise, Arithmetic(), CancelToken(), Unheard())
        assert result.outcome == "completed"
        return result.pictures / result.seconds

    return run


def rows(quick: bool) -> Iterator[Row]:
    """One row a number of threads; the peer with the number of loading processes that suits it best."""
    steps, repeats = (60, 3) if quick else (200, 5)
    before = torch.get_num_threads()
    folder = Path(tempfile.mkdtemp())
    try:
        root = mnist(folder)
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for workers in (0,) if quick else (0, 2):
                mine, theirs, ratios = in_turns(ours(root, steps), usual(root, steps, workers), repeats)
                peer = f"torchvision loop, {workers} workers"
                yield Row(f"LeNet-5 on MNIST, training, {threads} threads", "pictures/s", mine, peer, theirs, ratios)
    finally:
        torch.set_num_threads(before)
        shutil.rmtree(folder, ignore_errors=True)
