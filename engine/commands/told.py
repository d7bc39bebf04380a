"""What the commands tell of a training: its events as lines and a bar, and what came of it as the answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from engine.commands.output import Output, percent
from engine.control import CancelToken
from engine.messages import EpochDone, Event, JobProgress, Notice, StepsDone, TrainingMarked, TrainingStarted
from engine.training import sizes

if TYPE_CHECKING:
    from engine.data.dataset import Dataset
    from engine.project.records import RunRecord, Skipped


class Watcher:
    """Turns the events of a training into lines and a bar.

    Parameters
    ----------
    output : Output
        Takes them.
    resumed : bool
        Whether the training goes on: its past, which is told first, is no news.
    """

    def __init__(self, output: Output, resumed: bool = False) -> None:
        self._output = output
        self._past = resumed
        self._steps = 0
        self._epochs = 0
        self._text = ""

    def see(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, TrainingStarted):
            self._steps, self._epochs = event.steps_per_epoch * event.recipe.epochs, event.recipe.epochs
            counts = f"{event.train_images:,} training, {event.validation_images:,} validation and {event.test_images:,} test pictures"
            batch = f"; {sizes.words(event.recipe, event.train_images)}" if event.steps_per_epoch else ""
            self._output.line(f"{event.title}: {event.parameters:,} parameters on {event.device}; {counts}{batch}")
        elif isinstance(event, StepsDone) and self._steps and len(event.losses):
            done = event.first_step + len(event.losses) - 1
            self._output.progress(f"Training{self._text} · loss {float(event.losses[-1]):.3f}", done / self._steps)
        elif isinstance(event, EpochDone) and event.epoch:
            self._text = f" · epoch {event.epoch}/{self._epochs}"
            if not self._past:
                self._output.line(_epoch_line(event, self._epochs))
        elif isinstance(event, TrainingMarked) and self._past:  # the first thing that happens after its past
            self._past = False
            self._output.line(f"Going on{self._text.replace(' · ', ' after ')}")
        elif isinstance(event, JobProgress):
            self._output.progress(event.text, event.fraction)
        elif isinstance(event, Notice):
            self._output.line(event.text)


def tell(output: Output, record: RunRecord, dataset: Dataset | None = None) -> None:
    """Answer with what came out, and with the pictures that could not be read."""
    skipped = () if dataset is None else (*dataset.skipped, *_undecoded(dataset, record))
    output.answer(_values(record, skipped), _lines(record))


def _undecoded(dataset: Dataset, record: RunRecord) -> tuple[Skipped, ...]:
    """Files that looked like pictures and could not be decoded, from the pixels that the training has kept in the cache."""
    if not any(locator.startswith("file:") for locator in dataset.locators):
        return ()
    from engine.training.preparing import decode_splits

    return decode_splits(dataset, record.preprocessing, CancelToken(), lambda done, total: None)[1]


def _epoch_line(event: EpochDone, epochs: int) -> str:
    text = f"epoch {event.epoch}/{epochs}: training loss {event.train_loss:.4f}, accuracy {percent(event.train_accuracy)}"
    if math.isfinite(event.validation_accuracy):
        text += f"; validation loss {event.validation_loss:.4f}, accuracy {percent(event.validation_accuracy)}"
    return text


def _values(record: RunRecord, skipped: tuple[Skipped, ...]) -> dict[str, Any]:
    return {
        "network": record.network,
        "parameters": record.parameters,
        "device": record.device,
        "epochs": record.epochs,
        "steps": record.steps,
        "seconds": record.seconds,
        "images_per_second": record.images_per_second,
        "train_loss": record.train_loss,
        "validation_accuracy": record.validation_accuracy,
        "test_accuracy": record.test_accuracy,
        "classes": record.classes,
        "skipped": skipped,
        "run": record.folder,
    }


def _lines(record: RunRecord) -> list[str]:
    how = "" if record.outcome == "completed" else f" ({record.outcome} after {record.epochs} epochs; what was learned is kept)"
    return [
        f"{record.title}{how}: validation accuracy {percent(record.validation_accuracy)}, test accuracy {percent(record.test_accuracy)}",
        f"{record.seconds:.1f} s of training, {record.images_per_second:,.0f} pictures/s",
        f"Run: {record.folder}",
    ]
