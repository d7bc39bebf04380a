"""The command `predict`."""

from __future__ import annotations

import argparse
import csv
import difflib
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.output import Output, percent, table
from engine.control import CancelToken
from engine.failure import UserError

if TYPE_CHECKING:
    import numpy as np

    from engine.messages import Event
    from engine.training.saved import LoadedRun

    PixelsOf = Callable[[Path], np.ndarray]

PARCEL = 32  # pictures classified at a time
Row = dict[str, Any]


def predict(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Classify pictures; what cannot be read stands in its row. Fails if nothing could be answered."""
    run, pixels_of = _classifier(options.run, options.weights, output, token)
    files = _files(options.images, token)
    rows: list[Row] = []
    for start in range(0, len(files), PARCEL):
        if token.cancelled:
            break
        rows.extend(_answers(run, pixels_of, files[start : start + PARCEL], options.top))
        output.progress("Classifying", len(rows) / len(files))
    if options.csv is not None:
        write_csv(Path(options.csv), rows)
    output.answer({"predictions": rows}, _lines(rows))
    return 0 if any("error" not in row for row in rows) else 1


def _classifier(word: str, weights: str | None, output: Output, token: CancelToken) -> tuple[LoadedRun, PixelsOf]:
    """A run, or a network with learned weights, and how it takes its pictures."""
    from engine.data.decoding import at_working_size

    if Path(word).is_dir():
        if weights is not None:
            raise UserError(f"The run {word} has weights of its own.", "Leave --weights out, or name a network instead of a run.")
        from engine import device
        from engine.training.saved import load_run

        run = load_run(word, device.choose("auto"))
        return run, lambda file: run.taken(partial(at_working_size, file))
    _check_word(word, weights)
    from engine import device
    from engine.messages import JobProgress
    from engine.training.ready_made import ready_made

    def emit(event: Event) -> None:
        if isinstance(event, JobProgress):
            output.progress(event.text, event.fraction)

    made = ready_made(word, weights or "pretrained", device.choose("auto"), token, emit)
    return made.run, made.pixels_of


def _check_word(word: str, weights: str | None) -> None:
    """Refuse, before anything slow loads, what is neither a run nor a network, and networks that nobody offers weights for.

    Raises
    ------
    UserError
        With the nearest name.
    """
    from engine.networks import zoo
    from engine.networks.resolve import is_file, is_library

    if word in zoo.names() and weights is None and not zoo.card(word).twins:
        raise UserError(f"{word} has learned nothing yet.", "Train it first, and give the folder of the run that comes of it.")
    if is_library(word) or word in zoo.names() or (is_file(word) and Path(word).is_file()):
        return
    near = difflib.get_close_matches(word.lower(), zoo.names(), n=1, cutoff=0.6)
    remedy = f"Did you mean the network {near[0]}?" if near else "Give the folder of a run, which holds a run.json, or a network."
    raise UserError(f"There is no run {word}.", remedy)


def check_run(word: str) -> None:
    """Refuse a network without weights where a run is needed.

    Raises
    ------
    UserError
        If the word names no folder.
    """
    if Path(word).is_dir():
        return
    from engine.networks import zoo

    if word in zoo.names() or word.startswith(("torchvision:", "timm:")):
        raise UserError(f"{word} has learned nothing yet.", "Train it first, and give the folder of the run that comes of it.")
    raise UserError(f"There is no run {word}.", "Give the folder of a run, which holds a run.json.")


def _files(words: list[str], token: CancelToken) -> list[Path]:
    from engine.data.sources import walk

    found: list[Path] = []
    for word in words:
        path = Path(word)
        found.extend(walk(path, token) if path.is_dir() else [path])
    if not found:
        raise UserError(f"There are no files in {', '.join(words)}.", "Give pictures, or folders that hold some.")
    return found


def _answers(run: LoadedRun, pixels_of: PixelsOf, files: list[Path], top: int) -> list[Row]:
    import numpy as np

    from engine.data.decoding import UnreadablePicture

    pictures: list[np.ndarray] = []
    rows: list[Row] = []
    for file in files:
        try:
            pictures.append(pixels_of(file))
            rows.append({"file": str(file)})
        except UnreadablePicture as error:
            rows.append({"file": str(file), "error": f"{error.reason}"})
    answers = iter(run.probabilities(np.stack(pictures)) if pictures else ())
    return [row if "error" in row else {**row, **_best(next(answers), run.classes, top)} for row in rows]


def _best(probabilities: np.ndarray, classes: tuple[str, ...], top: int) -> Row:
    order = (-probabilities).argsort(kind="stable")[:top]
    best = [{"label": classes[index], "probability": float(probabilities[index])} for index in order]
    return {**best[0], "top": best}


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write file, label, probability and error, a line a picture, in UTF-8; the file is there whole or not at all."""
    partial = path.with_name(f"{path.name}.part")
    with partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.DictWriter(stream, ("file", "label", "probability", "error"), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)


def _lines(rows: list[Row]) -> list[str]:
    cells = [(row["file"], row.get("label", "–"), percent(row.get("probability")), row.get("error", "")) for row in rows]
    return table(("file", "label", "probability", "problem"), cells, right=frozenset({2}))
