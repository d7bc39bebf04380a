"""What a run that goes on needs besides its state: the pictures that it began with, and its curves told once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import StepsDone, TrainingMarked
from engine.training import seen, supplying
from engine.training.order import Emit, GoingOn
from engine.training.preparing import Decoded
from engine.training.reporting import epoch_done
from engine.training.telling import Trained

TOLD = 64  # steps with one learning rate in one event
SOME = 16  # pictures whose pixels are compared


def check_pictures(
    run: str, folder: Path, part: Decoded | supplying.Later | supplying.Streaming, going_on: GoingOn, token: CancelToken
) -> None:
    """Refuse to go on with other pixels than those that the training began with: their numbers would mean other pictures.

    Raises
    ------
    UserError
        If files were changed or are missing.
    """
    known = seen.known(folder)
    same = np.array_equal(np.asarray(part.rows), going_on.kept.rows)
    if same and known is not None and isinstance(part, Decoded):
        same = bool(np.isin(known, seen.hashes(part.pixels, token)).all())  # of a stream those are known that were shown
    if not same:
        text = f"The training pictures of run {run} are not those that it began with: files were changed or are missing."
        raise UserError(text, "Put them back as they were, or begin a new run with its weights.")


def fingerprint(part: Decoded | supplying.Later | supplying.Streaming, classes: Sequence[str]) -> bytes:
    """What tells training pictures from others: classes, which pictures, their labels, and some of the pixels where they are decoded."""
    facts = [*(name.encode("utf-8", "surrogateescape") for name in classes), np.asarray(part.rows).tobytes(), part.labels.tobytes()]
    if isinstance(part, Decoded):
        facts.append(part.pixels[np.linspace(0, len(part.pixels) - 1, SOME).astype(int)].tobytes())
    return b"\0".join(facts)


def teller(run: str, emit: Emit) -> Callable[[Trained], None]:
    """Tells what the curves had before the training was taken up again."""

    def tell(result: Trained) -> None:
        for first in range(0, len(result.losses), TOLD):
            some = slice(first, first + TOLD)
            emit(
                StepsDone(
                    run=run,
                    first_step=first + 1,
                    losses=result.losses[some],
                    accuracies=result.accuracies[some],
                    learning_rate=float(result.rates[some][-1]),
                )
            )
        for epoch in result.epochs:
            emit(epoch_done(run, epoch))
        for mark in result.marks:
            emit(TrainingMarked(run=run, step=mark.step, text=mark.text))

    return tell
