"""The loop of timm's training script, in short and in our words, on timm's own loader and meters."""

from __future__ import annotations

import time

import timm
import torch
from timm.data import create_loader
from timm.utils import AverageMeter
from torch import nn
from torch.utils.data import DataLoader

from tests.benchmarks.peers.forms import TEST_BATCH, Form, Pictures, accuracy_of, adamw

CPU = torch.device("cpu")


class TimmLoop(Form):
    """The steps of huggingface/pytorch-image-models, train.py, train_one_epoch.

    As there, bytes are collated and normalised in batches, and losses are read when a line would be logged, every 50 steps.
    """

    version = timm.__version__
    every = 50

    def begin(self, seed: int) -> None:
        self.module = self.network(seed)
        self.optimiser = adamw(self.module)
        self.criterion = nn.CrossEntropyLoss()
        pixels, labels, test_pixels, test_labels = self.material
        self.few_batches = self._loader(Pictures(pixels[: self.few], labels[: self.few]), self.job.batch, True)
        self.all_batches = self._loader(Pictures(pixels, labels), self.job.batch, True)
        self.test_batches = self._loader(Pictures(test_pixels, test_labels), TEST_BATCH, False)

    def _loader(self, pictures: Pictures, batch: int, training: bool) -> DataLoader:
        return create_loader(
            pictures,
            input_size=self.shape,
            batch_size=batch,
            is_training=training,
            no_aug=True,
            crop_pct=1.0,
            mean=self.mean,
            std=self.deviation,
            num_workers=self.job.workers,
            device=CPU,
        )

    def learn(self, few: bool) -> None:
        self.module.train()
        losses, times = AverageMeter(), AverageMeter()
        begun = time.time()
        for step, (pictures, labels) in enumerate(self.few_batches if few else self.all_batches):
            loss = self.criterion(self.module(pictures), labels)
            loss.backward()
            self.optimiser.step()
            self.optimiser.zero_grad()
            times.update(time.time() - begun)
            if step % self.every == 0:
                losses.update(loss.item(), len(labels))
            begun = time.time()

    def measure(self) -> float:
        return accuracy_of(self.module, self.test_batches)
