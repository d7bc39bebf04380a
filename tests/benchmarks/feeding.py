"""Training pictures from JPEG files: ours against Pillow and torchvision.transforms.v2 in one process.

Both deliver one epoch of shuffled, normalised float32 batches of 64 at 96 x 96 pixels from the same files of about 500 x 375 pixels. The
peer opens, converts, resizes and normalises one picture after the other, every epoch, as torchvision's reference scripts do (without
augmentation, which either could do on the batch). Ours decodes in threads in the first epoch and reads its store in later ones. The first
epoch begins with nothing on disk, and what it writes there is counted. Both find the files in the system's cache.

Waiting is the share of the training's time in which the loop waited for pictures: in the first epoch, and in later ones.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.networks import zoo
from engine.networks.build import build
from engine.project.records import Split
from engine.training import loop
from engine.training.feeding import Feed
from engine.training.precision import Arithmetic
from engine.training.quick import quicken
from engine.training.recipe import Recipe
from engine.training.sampling import stream
from engine.training.supplying import feed_of, supply
from engine.training.telling import Unheard
from tests.benchmarks.importing import Memory, photographs, remarked
from tests.benchmarks.measuring import Row

SIDE, BATCH = 96, 64
ACROSS, DOWN, QUALITY = 500, 375, 90
DISTINCT = 400
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PRE = Preprocessing(SIDE, SIDE, 3, "squash", MEAN, DEVIATION, reduced=True)  # as a new training takes it
CPU = torch.device("cpu")


def make_files(folder: Path, count: int) -> data.Dataset:
    """JPEG files cut from photographs at random, in two classes."""
    chance, originals, drawn = random.Random(0), photographs(), []
    for number in range(count):
        path = folder / f"{number}.jpg"
        if number >= DISTINCT:
            path.write_bytes(remarked(drawn[number % DISTINCT], str(number).encode()))
            continue
        original = originals[number % len(originals)]
        scale = min(original.width / ACROSS, original.height / DOWN) * chance.uniform(0.5, 1.0)
        left, top = chance.uniform(0, original.width - ACROSS * scale), chance.uniform(0, original.height - DOWN * scale)
        box = (left, top, left + ACROSS * scale, top + DOWN * scale)
        original.resize((ACROSS, DOWN), Image.Resampling.BICUBIC, box).save(path, quality=QUALITY)
        drawn.append(path.read_bytes())
    return data.Dataset(
        name="made",
        classes=("even", "odd"),
        images=np.arange(count),
        labels=np.arange(count) % 2,
        splits=np.full(count, Split.TRAIN, np.int8),
        locators=tuple(f"file:{number}.jpg" for number in range(count)),
        root=str(folder),
    )


class Usual(Dataset):
    """Pictures one by one."""

    def __init__(self, dataset: data.Dataset) -> None:
        self._dataset = dataset
        self._prepare = v2.Compose(
            [v2.Resize((SIDE, SIDE)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, DEVIATION)]
        )

    def __len__(self) -> int:
        return len(self._dataset.labels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        with Image.open(Path(self._dataset.root, self._dataset.locators[row].removeprefix("file:"))) as image:
            return self._prepare(image.convert("RGB")), int(self._dataset.labels[row])


def usual_epoch(dataset: data.Dataset) -> float:
    """Pictures a second of the peer."""
    begun = time.perf_counter()
    shown = sum(len(labels) for _, labels in DataLoader(Usual(dataset), batch_size=BATCH, shuffle=True, num_workers=0))
    return shown / (time.perf_counter() - begun)


def our_epoch(feed: Feed, count: int, seed: int) -> float:
    """Pictures a second of ours."""
    normalise = Normalise(PRE, CPU)
    steps = count // BATCH
    begun = time.perf_counter()
    batches = feed.ahead(iter([rows for rows, _ in zip(stream(count, BATCH, seed, CPU), range(steps), strict=False)]))
    for rows in batches:
        pixels, _ = feed.batch(rows)
        normalise(pixels)
    return steps * BATCH / (time.perf_counter() - begun)


def opened(dataset: data.Dataset) -> Feed:
    """A feed that decodes on the way."""
    given = supply(dataset, PRE, CancelToken(), lambda done, total: None, print, streams=True)
    return feed_of(given.training, CPU, CancelToken(), print)


def forget(home: Path) -> None:
    """Begin with nothing decoded."""
    shutil.rmtree(home, ignore_errors=True)


def rows(quick: bool) -> Iterator[Row]:
    """First and later epochs, memory meanwhile, and the share of waiting."""
    count, repeats = (640, 3) if quick else (3200, 5)
    place, before, threads = Path(tempfile.mkdtemp()), os.environ.get("FOVEA_HOME"), torch.get_num_threads()
    home = place / "home"
    os.environ["FOVEA_HOME"] = str(home)
    torch.set_num_threads(1)
    try:
        (place / "files").mkdir()
        dataset = make_files(place / "files", count)
        yield from _epochs(dataset, home, count, repeats)
        for network, side, batch, shown in (("lenet-5", 32, BATCH, count), ("resnet-18", 64, 32, 320)):
            yield from _waiting(dataset, home, network, side, batch, min(shown, count))
    finally:
        torch.set_num_threads(threads)
        shutil.rmtree(place, ignore_errors=True)
        if before is None:
            del os.environ["FOVEA_HOME"]
        else:
            os.environ["FOVEA_HOME"] = before


def _epochs(dataset: data.Dataset, home: Path, count: int, repeats: int) -> Iterator[Row]:
    first, later, theirs, most = [], [], [], 0
    usual_epoch(dataset)  # files come into the system's cache, libraries are loaded
    for turn in range(repeats):
        forget(home)
        with Memory() as memory:
            feed = opened(dataset)
            first.append(our_epoch(feed, count, turn))
        most = max(most, memory.most)
        theirs.append(usual_epoch(dataset))
        later.append(our_epoch(feed, count, turn + 1))
        feed.close()
    for name, ours in (("first epoch", first), ("later epochs, from the store", later)):
        ratios = tuple(a / b for a, b in zip(ours, theirs, strict=True))
        peer = "Pillow + transforms.v2, one process"
        yield Row(f"{count:,} JPEG files, {name}", "pictures/s", statistics.median(ours), peer, statistics.median(theirs), ratios)
    yield Row(f"{count:,} JPEG files, first epoch, above idle", "MB", most / 1e6, "", float("nan"), ())


def _waiting(dataset: data.Dataset, home: Path, network: str, side: int, batch: int, count: int) -> Iterator[Row]:
    pre = Preprocessing(side, side, 3, "squash", MEAN, DEVIATION, reduced=True)
    part = dataset.__class__(
        **{name: getattr(dataset, name) for name in ("name", "classes", "root")},
        images=dataset.images[:count],
        labels=dataset.labels[:count],
        splits=dataset.splits[:count],
        locators=dataset.locators[:count],
    )
    forget(home)
    given = supply(part, pre, CancelToken(), lambda done, total: None, print, streams=True)
    feed = feed_of(given.training, CPU, CancelToken(), print)
    for name in ("first epoch", "later epochs"):
        module = quicken(build(zoo.make(network, (3, side, side), 2)), CPU)
        recipe = Recipe(epochs=1, batch=batch, learning_rate=1e-3, schedule="constant", suit_augmentation=False)
        waited = feed.waited
        result = loop.train(module, feed, None, recipe, Normalise(pre, CPU), Arithmetic(), CancelToken(), Unheard())
        share = 1000 * (feed.waited - waited) / result.seconds
        yield Row(f"waiting for data, {network} {side} px, {name}", "per mille", share, "", float("nan"), ())
    feed.close()
