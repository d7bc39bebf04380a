"""Lightning's Trainer with a LightningModule, as its first tutorial has it; progress bar, files and summary are off, in its favour."""

from __future__ import annotations

import logging
import time
import warnings

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from tests.benchmarks.peers.forms import Form, Reached, adamw, loaders

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Learner(lightning.LightningModule):
    """A network and its loss."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        pictures, labels = batch
        loss = functional.cross_entropy(self.module(pictures), labels)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        pictures, labels = batch
        self.log("accuracy", (self.module(pictures).argmax(1) == labels).float().mean(), batch_size=len(labels))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adamw(self.module)


class Stopwatch(Callback):
    """Seconds of the training's pass."""

    seconds = 0.0

    def on_train_epoch_start(self, *_: object) -> None:
        self._begun = time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._begun


class Lightning(Form):
    version = lightning.__version__

    def begin(self, seed: int) -> None:
        self.learner = Learner(self.network(seed))
        self.loaders = loaders(self)

    def learn(self, few: bool) -> None:
        self._fit(1, self.loaders.few if few else self.loaders.all, None)

    def measure(self) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(self._trainer(1).validate(self.learner, self.loaders.test, verbose=False)[0]["accuracy"])

    def rate(self) -> float:
        watch = Stopwatch()  # setting a Trainer up is not counted
        self._fit(1, self.loaders.few, None, watch)
        return self.few / watch.seconds

    def reach(self, target: float, most: int, seed: int) -> Reached:
        self.begin(seed)
        stop = EarlyStopping("accuracy", mode="max", patience=most, stopping_threshold=target)
        begun = time.perf_counter()
        trainer = self._fit(most, self.loaders.all, self.loaders.test, stop)
        return Reached(time.perf_counter() - begun, trainer.current_epoch, float(trainer.callback_metrics["accuracy"]))

    def _trainer(self, epochs: int, *callbacks: Callback) -> lightning.Trainer:
        return lightning.Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            callbacks=list(callbacks),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )

    def _fit(self, epochs: int, train: DataLoader, test: DataLoader | None, *callbacks: Callback) -> lightning.Trainer:
        trainer = self._trainer(epochs, *callbacks)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on workers
            trainer.fit(self.learner, train, test)
        return trainer
