"""What a trained run thinks of pictures, put into words of the data: probabilities of its classes, and the features behind them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import nn

from engine import device as devices
from engine.control import CancelToken
from engine.data.colour import Picture
from engine.data.contracts import blank
from engine.data.locators import located_at_working_size
from engine.data.unreadable import UnreadablePicture
from engine.doctor.material import Material
from engine.project.ahead import in_order
from engine.project.records import Split
from engine.training.saved import LoadedRun, load_run

CHUNK = 64  # pictures judged at once
DECODED = 4  # pictures decoded by a thread at once: what is decoded ahead stays below 100 MB
THREADS = 8
WIDEST = 4096  # features; a softmax regression on whole pictures has none worth the memory

Progress = Callable[[int, int], None]


class Opinion(NamedTuple):
    """What a run thinks of n pictures.

    Attributes
    ----------
    probabilities : float32 [n, K]
        Of the classes of the data; 0 for those that the run does not know, and for pictures that cannot be read.
    known : bool [K]
        Classes that the run knows.
    features : float32 [n, F] or None
        What enters the network's last linear layer; None for classifiers without one.
    trained_on : bool [n]
        Pictures that the run was trained on; those of the training split where it kept no word of that.
    ok : bool [n]
        False for pictures that cannot be read.
    title : str
        Of the run.
    """

    probabilities: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]
    features: npt.NDArray[np.float32] | None
    trained_on: npt.NDArray[np.bool_]
    ok: npt.NDArray[np.bool_]
    title: str


def opinion(folder: Path, material: Material, rows: npt.NDArray[np.int64], token: CancelToken, progress: Progress | None = None) -> Opinion:
    """Ask a run about some pictures.

    Raises
    ------
    UserError
        If there is no such run, or it is damaged.
    Cancelled
        If the token was cancelled.
    """
    run = load_run(folder, devices.choose("auto"))
    columns = columns_of(run, material.classes)
    mapped = np.zeros((len(rows), len(material.classes) + 1), np.float32)
    trained_on = material.splits[rows] == Split.TRAIN
    ok = np.zeros(len(rows), np.bool_)
    features: list[Any] = []
    last = _last_linear(run.module)
    hook = None if last is None else last.register_forward_pre_hook(lambda _, given: features.append(given[0].detach().float().cpu()))
    parts: list[npt.NDArray[np.float32]] = []
    try:
        for start, shares, pixels, readable in answers(run, material.locators, material.root, rows, token):
            block = slice(start, start + len(shares))
            ok[block] = readable
            for column, target in enumerate(columns.tolist()):
                mapped[block, target] += shares[:, column] * readable
            learned = run.trained_on(pixels, token)
            if learned is not None:
                trained_on[block] = learned
            parts.extend(part.flatten(1).numpy() for part in features)
            features.clear()
            if progress is not None:
                progress(start, len(rows))
    finally:
        if hook is not None:
            hook.remove()
    return Opinion(
        probabilities=mapped[:, :-1],
        known=np.isin(np.arange(len(material.classes)), columns),
        features=np.concatenate(parts) if parts else None,
        trained_on=trained_on,
        ok=ok,
        title=run.record.title,
    )


Answers = Iterator[tuple[int, npt.NDArray[np.float32], Picture, npt.NDArray[np.bool_]]]


def answers(run: LoadedRun, locators: Sequence[str], root: str, rows: npt.NDArray[np.int64], token: CancelToken) -> Answers:
    """A run's probabilities of pictures, decoded in threads a chunk ahead; nothing but the chunk is held.

    Parameters
    ----------
    run : LoadedRun
        Who is asked.
    locators, root : sequence of str, str
        Where pictures lie.
    rows : int64 [n]
        Which of them.
    token : CancelToken
        Checked at every picture.

    Yields
    ------
    tuple of (int, float32 [b, K], uint8 [b, height, width, channels], bool [b])
        Where the chunk starts, probabilities in the order of the run's classes, pixels as the run takes them, and which could be read;
        the others are black.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    contracts = run.contracts

    def decoded(start: int) -> tuple[Picture, npt.NDArray[np.bool_]]:
        part = rows[start : start + step].tolist()
        pixels = blank(len(part), contracts)
        ok = np.ones(len(part), np.bool_)
        for place, row in enumerate(part):
            token.check()
            try:
                pixels[place] = run.taken(partial(located_at_working_size, locators[row], root))
            except UnreadablePicture:
                ok[place] = False
        return pixels, ok

    files = len(rows) > 0 and locators[int(rows[0])].startswith("file:")
    threads, step = (min(THREADS, os.cpu_count() or 1), DECODED) if files else (1, CHUNK)
    waiting: list[tuple[Picture, npt.NDArray[np.bool_]]] = []
    for begin, part in in_order(decoded, range(0, len(rows), step), threads, token):
        waiting.append(part)
        end = min(begin + step, len(rows))
        if len(waiting) * step >= CHUNK or end == len(rows):
            pixels, ok = (np.concatenate(column) for column in zip(*waiting, strict=True))
            waiting = []
            yield end - len(pixels), run.probabilities(pixels, token), pixels, ok


def columns_of(run: LoadedRun, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """For each class of a run its index among the classes of the data, by name; -1 where there is none."""
    index = {name: number for number, name in enumerate(classes)}
    names = zip(run.classes, run.trained_as or run.classes, strict=True)
    return np.array([index.get(now, index.get(before, -1)) for now, before in names], np.int64)


def _last_linear(module: nn.Module | None) -> nn.Linear | None:
    linear = [part for part in module.modules() if isinstance(part, nn.Linear)] if module is not None else []
    return linear[-1] if linear and linear[-1].in_features <= WIDEST else None
