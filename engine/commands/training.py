"""The commands `train` and `resume`."""

from __future__ import annotations

import argparse
import datetime
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.ordered import Ordered, ordered
from engine.commands.output import Output, percent
from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import EpochDone, Event, JobProgress, Notice, StepsDone, TrainingMarked, TrainingStarted
from engine.training import sizes
from engine.training.launched import quietly, together

if TYPE_CHECKING:
    from engine.data.dataset import Dataset
    from engine.project.records import RunRecord, Skipped


def train(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Train a network and keep the run."""
    if together():
        quietly()
        from engine.commands.training_together import train as train_together

        return train_together(options, output, token)
    from engine.training.fit import fit

    order = ordered(options, output, token)
    folder = packed_folder(order, options.out) or run_folder(options.out, options.data, options.network)
    given = order.dataset, order.network, order.recipe, order.size, folder, token, Watcher(output).see
    tell(output, fit(*given, **order.more()), order.dataset)
    return 0


def resume(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Go on with a run that was stopped or killed, or let a completed one learn on."""
    if together():
        quietly()
        from engine.commands.training_together import resume as resume_together

        return resume_together(options, output, token)
    from engine.training.resuming import resume as go_on

    record = go_on(Path(options.run).absolute(), options.epochs, token, Watcher(output, resumed=True).see)
    tell(output, record)
    return 0


def tell(output: Output, record: RunRecord, dataset: Dataset | None = None) -> None:
    """Answer with what came out, and with the pictures that could not be read."""
    skipped = () if dataset is None else (*dataset.skipped, *_undecoded(dataset, record))
    output.answer(_values(record, skipped), _lines(record))


def packed_folder(order: Ordered, out: str | None) -> Path | None:
    """The folder of a packed training, which becomes the run's; None where another one is named, or nothing is packed.

    Raises
    ------
    UserError
        If there is a run in it already.
    """
    if out is not None or order.contract is None:
        return None
    folder = Path(order.dataset.root)
    if not together() and (folder / "run.json").exists():
        raise UserError(f"The packed training {folder} has been trained already.", "Go on with resume, or name another folder with --out.")
    return folder


def run_folder(out: str | None, data: str, network: str) -> Path:
    """Where the run goes.

    Raises
    ------
    UserError
        If there is something in the folder that the user named.
    """
    if out is not None:
        folder = Path(out).absolute()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"The folder {folder} is not empty.", "Name a folder with --out that does not exist yet.")
        return folder
    home = Path(data) if (Path(data) / "project.sqlite").is_file() else Path.cwd()
    moment = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    name = f"{moment}-{Path(network).stem.replace(':', '-')}"  # a colon is no letter of a name on Windows
    taken = 1
    folder = home.absolute() / "runs" / name
    while folder.exists():
        taken += 1
        folder = folder.with_name(f"{name}-{taken}")
    return folder


def _undecoded(dataset: Dataset, record: RunRecord) -> tuple[Skipped, ...]:
    """Files that looked like pictures and could not be decoded, from the pixels that the training has kept in the cache."""
    if not any(locator.startswith("file:") for locator in dataset.locators):
        return ()
    from engine.training.preparing import decode_splits

    return decode_splits(dataset, record.preprocessing, CancelToken(), lambda done, total: None)[1]


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
