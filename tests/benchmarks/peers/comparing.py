"""The three parts as rows of the table."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from torchvision import datasets

from tests.benchmarks.measuring import Row
from tests.benchmarks.peers.forms import Job, Material, Reached
from tests.benchmarks.peers.processes import ROOT, Subject, rates, started
from tests.benchmarks.throughput import mnist

PEERS = {
    "bare": "bare resident loop",
    "torchvision": "torchvision's reference loop",
    "timm": "timm's loop",
    "fastai": "fastai",
    "lightning": "Lightning",
    "keras": "Keras on torch",
    "keras-first": "Keras on torch, channels first",
}
LOADING = "torchvision", "timm", "fastai", "lightning"
"""Those that can load in other processes."""
WORKERS = 2
TARGET, MOST_EPOCHS = 0.985, 6  # the accuracy that all are let train to
MNIST_TARGET, MNIST_EPOCHS = 0.99, 14  # of PyTorch's example, as many epochs as it takes by default
LEAST = {"bare": 970, "unwatched": 970, "busy": 400}
"""Per mille that must be left: of the bare loop with the live view on, of our own loop without it, of the quiet machine's speed."""
LIVE_STEPS = 64  # of ResNet-18: four of the first ten are looked into, which in a short round would weigh too much
NONE = float("nan")


def rows(quick: bool) -> Iterator[Row]:
    """All three parts."""
    place, before = Path(tempfile.mkdtemp()), os.environ.get("FOVEA_HOME")
    os.environ["FOVEA_HOME"] = str(place / "home")
    try:
        real = bool(os.environ.get("FOVEA_TEST_DATA"))
        root = mnist(place)
        lenet = Job("", "lenet-5", str(_digits(root, place / "digits")), 128, 60 if quick else 300)
        batch, steps = (16, 24) if quick else (64, 24)
        resnet = Job("", "resnet-18", str(_colour(batch * (steps if quick else LIVE_STEPS), place / "colour")), batch, steps)
        repeats = 3 if quick else 5
        workers, target = 0 if quick else WORKERS, TARGET if real and not quick else 0.0
        yield from compared(replace(lenet, threads=cores()), "LeNet-5", repeats, workers, target)
        yield from compared(replace(resnet, threads=cores()), "ResNet-18 32 px", 2 if quick else repeats, workers, 0.0)
        if real:
            yield from example(lenet, root, quick)
        else:
            yield Row("MNIST to 99.0 %: FOVEA_TEST_DATA not set", "ms", NONE, "", NONE, ())
        longer = 3 if quick else 9  # shares near 1 want more of them
        yield from live(replace(lenet, steps=150 if quick else 460), "LeNet-5", longer)
        yield from live(replace(resnet, threads=cores(), steps=steps if quick else LIVE_STEPS), "ResNet-18 32 px", longer)
        for lowered in (True, False):
            yield from busy(replace(lenet, steps=150 if quick else 460, subject="ours", lowered=lowered), 3 if quick else 5)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if before is None:
            del os.environ["FOVEA_HOME"]
        else:
            os.environ["FOVEA_HOME"] = before


def compared(job: Job, title: str, repeats: int, workers: int, target: float) -> Iterator[Row]:
    """Speed against each peer, with and without loading processes, seconds to `target` (0: none), and peak memory."""
    jobs = [replace(job, subject="ours"), *(replace(job, subject=name) for name in PEERS)]
    jobs += [replace(job, subject=name, workers=workers) for name in LOADING if workers]
    title = f"{title}, {job.threads} thread{'s' if job.threads > 1 else ''}"
    with started(jobs) as subjects:
        for subject in subjects:
            if subject.missing:
                yield Row(title, "pictures/s", NONE, f"{PEERS[subject.job.subject]}: not installed", NONE, ())
        there = [subject for subject in subjects if not subject.missing]
        found = rates(there, repeats)
        for subject, theirs in zip(there[1:], found[1:], strict=True):
            yield _row(title, "pictures/s", found[0], _named(subject), theirs, [a / b for a, b in zip(found[0], theirs, strict=True)])
        loading_here = [subject for subject in there if not subject.job.workers]
        memory = [subject.memory() / 1e6 for subject in loading_here]
        for subject, theirs in zip(loading_here[1:], memory[1:], strict=True):
            yield _row(f"{title}, peak memory", "MB", memory[:1], _named(subject), [theirs], [theirs / memory[0]])
        if target:
            yield from _reached(f"{title}, to {100 * target:.1f} %", loading_here, target, 2)


def _reached(title: str, subjects: list[Subject], target: float, repeats: int) -> Iterator[Row]:
    times = [[] for _ in subjects]
    for turn in range(repeats):
        for number in ((place + turn) % len(subjects) for place in range(len(subjects))):
            reached = subjects[number].reach(target, MOST_EPOCHS, turn)
            times[number].append(1000 * reached.seconds if reached.accuracy >= target else NONE)
    for subject, theirs in zip(subjects[1:], times[1:], strict=True):
        pairs = [(a, b) for a, b in zip(times[0], theirs, strict=True) if a == a and b == b]
        peer = _named(subject) + ("" if len(pairs) == repeats else f"; {repeats - len(pairs)} of {repeats} did not reach it")
        yield _row(title, "ms", [a for a, _ in pairs], peer, [b for _, b in pairs], [b / a for a, b in pairs])


def example(lenet: Job, root: Path, quick: bool) -> Iterator[Row]:
    """MNIST to 99.0 % of the test: the program's own way with Quick look, five seeds, and PyTorch's example, one: it takes minutes.

    Quick takes one seed and works out what one epoch of the example would take, which is the least that it needs.
    """
    mine = Job("quick-look", folder=str(root / "MNIST"), threads=cores())
    theirs = replace(lenet, subject="example", batch=64, threads=cores())
    with started([mine, theirs]) as (ours, peer):
        if quick:
            peer.rate()
            reached = [ours.reach(MNIST_TARGET, 0, 0)]
            least = 60_000 / peer.rate()
            name = f"PyTorch's MNIST example {peer.version}, its first epoch by its first {theirs.steps} steps, without a test"
            yield _share(reached)
            yield _row("MNIST to 99.0 %, Quick look", "ms", [1000 * reached[0].seconds], name, [1000 * least], [least / reached[0].seconds])
            return
        reached, others = [], []
        for seed in range(5):
            reached.append(ours.reach(MNIST_TARGET, 0, seed))
            if seed == 0:
                others.append(peer.reach(MNIST_TARGET, MNIST_EPOCHS, seed))
        yield _share(reached)
        epochs = ", ".join(str(one.epochs) for one in others)
        name = f"PyTorch's MNIST example {peer.version}, epochs: {epochs}"
        if any(one.accuracy < MNIST_TARGET for one in others):
            name += ", not always reached"
        ratios = [b.seconds / a.seconds for a, b in zip(reached, others, strict=False)]
        times = ([1000 * one.seconds for one in some] for some in (reached, others))
        yield _row("MNIST to 99.0 %, Quick look", "ms", next(times), name, next(times), ratios)


def _share(reached: list[Reached]) -> Row:
    shares = [one.accuracy for one in reached]
    peer = f"aim, for the mean of the seeds; lowest and highest {100 * min(shares):.2f} and {100 * max(shares):.2f} %"
    aim = 10_000 * MNIST_TARGET
    mean = 10_000 * statistics.mean(shares)
    return Row("MNIST, Quick look, test accuracy", "per 10,000", mean, peer, aim, (mean / aim,))


def live(job: Job, title: str, repeats: int) -> Iterator[Row]:
    """What is left of a bare loop's speed, and of our own unwatched one's, when trainings are watched and kept."""
    names = "ours", "bare", "unwatched"
    words = {"bare": "by the bare loop", "unwatched": "by ours unwatched"}
    with started([replace(job, subject=name) for name in names]) as subjects:
        found = dict(zip(names, rates(subjects, repeats), strict=True))
    for name, text in words.items():
        shares = [1000 * a / b for a, b in zip(found["ours"], found[name], strict=True)]
        yield _row(f"{title}, watched, {text}", "per mille", shares, "bound", [LEAST[name]], [share / LEAST[name] for share in shares])


def busy(job: Job, repeats: int) -> Iterator[Row]:
    """What is left of our speed beside a program that keeps all cores busy."""
    shares = []
    with started([job]) as (ours,):
        ours.rate()
        for _ in range(repeats):
            quiet = ours.rate()
            with spinning():
                shares.append(1000 * ours.rate() / quiet)
    name = f"LeNet-5 beside a busy program{', low priority' if job.lowered else ''}"
    yield _row(name, "per mille", shares, "bound", [LEAST["busy"]], [share / LEAST["busy"] for share in shares])


@contextlib.contextmanager
def spinning() -> Iterator[None]:
    """Another program multiplies matrices on all cores; it is no child of this session, as a program of the user's would be none."""
    command = [sys.executable, "-m", "tests.benchmarks.peers.spin"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdout.readline()
        yield
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _named(subject: Subject) -> str:
    version = f" {subject.version}" if subject.version else ""
    return f"{PEERS[subject.job.subject]}{version}" + (f", {subject.job.workers} workers" if subject.job.workers else "")


def _row(name: str, unit: str, ours: list[float], peer: str, theirs: list[float], ratios: list[float]) -> Row:
    middle = [statistics.median(some) if some else NONE for some in (ours, theirs)]
    return Row(name, unit, middle[0], peer, middle[1], tuple(ratios))


def _digits(root: Path, folder: Path) -> Path:
    """MNIST in a frame of two pixels, 32 x 32."""
    parts = [datasets.MNIST(str(root), train=train, download=False) for train in (True, False)]
    arrays = [(np.pad(part.data.numpy(), ((0, 0), (2, 2), (2, 2)))[..., None], part.targets.numpy()) for part in parts]
    return _saved(Material(*arrays[0], *arrays[1]), folder)


def _colour(count: int, folder: Path) -> Path:
    """Random pictures of CIFAR's size."""
    random = np.random.default_rng(0)
    pixels, labels = random.integers(0, 256, (count, 32, 32, 3), np.uint8), random.integers(0, 10, count)
    return _saved(Material(pixels, labels, pixels[:100], labels[:100]), folder)


def _saved(material: Material, folder: Path) -> Path:
    folder.mkdir()
    material.save(folder)
    return folder
