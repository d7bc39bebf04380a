"""Loops that torchvision's and torch's own training scripts go through, in short and in our words."""

from __future__ import annotations

import time

import torch
import torchvision
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision import transforms

from tests.benchmarks.peers.forms import TEST_BATCH, Form, Pictures, accuracy_of, adamw, loaders

CPU = torch.device("cpu")


class TorchvisionLoop(Form):
    """The steps of pytorch/vision, references/classification/train.py, train_one_epoch: each reads its loss and counts top 1 and top 5."""

    version = torchvision.__version__.partition("+")[0]

    def begin(self, seed: int) -> None:
        self.module = self.network(seed)
        self.optimiser = adamw(self.module)
        self.criterion = nn.CrossEntropyLoss()
        self.loaders = loaders(self)

    def learn(self, few: bool) -> None:
        self.module.train()
        meters = {"loss": 0.0, "top1": 0.0, "top5": 0.0, "seconds": 0.0}
        for pictures, labels in self.loaders.few if few else self.loaders.all:
            begun = time.time()
            pictures, labels = pictures.to(CPU), labels.to(CPU)
            output = self.module(pictures)
            loss = self.criterion(output, labels)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            right = output.topk(5).indices == labels[:, None]
            meters["loss"] += loss.item()
            meters["top1"] += right[:, :1].sum().item() / len(labels)
            meters["top5"] += right.sum().item() / len(labels)
            meters["seconds"] += time.time() - begun

    def measure(self) -> float:
        return accuracy_of(self.module, self.loaders.test)


class ExampleNetwork(nn.Module):
    """The network of pytorch/examples, mnist/main.py: 1.2 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.linear1, self.linear2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[B, 1, 28, 28] to logarithms of probabilities, [B, 10]."""
        maps = functional.max_pool2d(functional.relu(self.conv2(functional.relu(self.conv1(pictures)))), 2)
        hidden = functional.relu(self.linear1(self.dropout1(maps).flatten(1)))
        return functional.log_softmax(self.linear2(self.dropout2(hidden)), dim=1)


class MnistExample(Form):
    """pytorch/examples, mnist/main.py, with its defaults: Adadelta at 1, times 0.7 after each epoch, batches of 64, of the test 1,000.

    On a CPU it takes the pictures as they lie, by one process.
    """

    version = torch.__version__.partition("+")[0]
    every = 10

    def begin(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.module = ExampleNetwork()
        self.optimiser = torch.optim.Adadelta(self.module.parameters(), lr=1.0)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimiser, step_size=1, gamma=0.7)
        prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
        pixels, labels, test_pixels, test_labels = self.material
        pixels, test_pixels = pixels[:, 2:-2, 2:-2], test_pixels[:, 2:-2, 2:-2]  # without the frame that makes 32 of 28
        self.few_batches = DataLoader(Pictures(pixels[: self.few], labels[: self.few], prepare), batch_size=self.job.batch)
        self.all_batches = DataLoader(Pictures(pixels, labels, prepare), batch_size=self.job.batch)
        self.test_batches = DataLoader(Pictures(test_pixels, test_labels, prepare), batch_size=TEST_BATCH)

    def learn(self, few: bool) -> None:
        self.module.train()
        for step, (pictures, labels) in enumerate(self.few_batches if few else self.all_batches):
            self.optimiser.zero_grad()
            loss = functional.nll_loss(self.module(pictures), labels)
            loss.backward()
            self.optimiser.step()
            if step % self.every == 0:
                loss.item()

    def measure(self) -> float:
        accuracy = accuracy_of(self.module, self.test_batches)
        self.schedule.step()
        return accuracy
