"""fastai's Learner over torch's loaders and optimiser, as its tutorial "Pure PyTorch to fastai" does."""

from __future__ import annotations

from functools import partial

import fastai
import fastai.callback.progress  # gives learners no_bar
import torch
from fastai.callback.core import Callback, CancelValidException
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.optimizer import OptimWrapper
from torch import nn

from tests.benchmarks.peers.forms import LEARNING_RATE, WEIGHT_DECAY, Form, loaders


class Untested(Callback):
    """Leaves out the test after the epoch, which `measure` makes."""

    def before_validate(self) -> None:
        raise CancelValidException


class Fastai(Form):
    version = fastai.__version__

    def begin(self, seed: int) -> None:
        few, everything, test = loaders(self)
        optimiser = partial(OptimWrapper, opt=partial(torch.optim.AdamW, weight_decay=WEIGHT_DECAY))
        told = {"loss_func": nn.CrossEntropyLoss(), "opt_func": optimiser, "metrics": accuracy}
        module = self.network(seed)
        self.learners = {
            True: Learner(DataLoaders(few, test), module, **told),
            False: Learner(DataLoaders(everything, test), module, **told),
        }

    def learn(self, few: bool) -> None:
        learner = self.learners[few]
        with learner.no_bar(), learner.no_logging():
            learner.fit(1, lr=LEARNING_RATE, cbs=Untested())

    def measure(self) -> float:
        learner = self.learners[False]
        with learner.no_bar(), learner.no_logging():
            return float(learner.validate()[1])
