"""Training of networks with S cells: layer after layer by self-organisation, then a vote that is counted. No gradients anywhere.

Each layer learns without labels (`engine.training.recruiting`) what the layers before it, which have finished, make of the pictures.
With a high selectivity planes become unlike each other, with a lower one cells answer to what is merely similar, so that features
may vary: two thresholds, as K. Fukushima and M. Tanigawa have it (IEICE Transactions, 1996). Then each plane of the last layer is
asked which classes the pictures had at which it won, and votes for these from then on. The votes are ours: the paper has no labels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from msgspec.structs import replace
from torch import nn
from torch.nn import functional

from engine.control import Cancelled, CancelToken
from engine.data.augmentation import Normalise
from engine.evaluation.metrics import confusion_matrix
from engine.failure import UserError
from engine.networks.layers import (
    Activation,
    AnyNetwork,
    ComplexCells,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    LocalResponseNorm,
    Network,
    Pool,
    Sequence,
    SimpleCells,
    walk,
)
from engine.networks.modules import neocognitron as modules
from engine.training.feeding import Part
from engine.training.inference import logits_of
from engine.training.recipe import Recipe
from engine.training.recruiting import Learner, selectivity_for
from engine.training.reporting import Reporter
from engine.training.sizes import batch_size, steps_per_epoch
from engine.training.telling import Epoch, Trained, better

WITHOUT_WEIGHTS = (ComplexCells, Pool, GlobalPool, Activation, Flatten, Dropout, LocalResponseNorm)
AGREEMENTS = (0.3, 0.98)
"""Between these lies r/(1 + r), the agreement from which on a cell answers, while its layer learns."""
HALVINGS = 7
FEWEST_TRIED = 512  # pictures by which a selectivity is chosen, and at least four a plane
PLACES_TRIED = 2**17
ANSWERING, ANSWERING_LAST = 4.0, 2.0  # planes that answer at a place, in the mean: several while layers follow that weigh them up
DOUBT = 0.1  # pictures of each class that every plane is taken to have won beforehand
GAINS = tuple(2.0**power for power in range(9))
TOLD = 8192  # training pictures by which loss and accuracy are told

NOTICE = "The cells organise themselves without gradients: of the recipe, epochs, batch and seed count; an epoch is a pass for each layer."


def organises_itself(network: AnyNetwork) -> bool:
    """Whether a network has S cells, so that it is trained here."""
    return isinstance(network, Network) and any(isinstance(layer, SimpleCells) for _, layer in walk(network.body))


def check(network: Network) -> None:
    """Refuse a network with S cells in which something else would have to learn by gradients.

    Raises
    ------
    UserError
        Naming the layer.
    """
    leaves = _leaves(network)
    votes = [place for place, (_, layer) in enumerate(leaves) if isinstance(layer, Linear)]
    for place, (name, layer) in enumerate(leaves):
        learnt = isinstance(layer, SimpleCells) and (not votes or place < votes[-1])
        if not learnt and not isinstance(layer, WITHOUT_WEIGHTS) and not (votes and place == votes[-1]):
            message = f"Layer {name} of {network.title} learns by gradients, or splits the way; beside S cells neither can be trained."
            raise UserError(message, "Let S and C cells, pooling and activations follow each other, and one linear layer come last.")
    if not votes:
        raise UserError(f"{network.title} has no linear layer that could vote.", "Let a linear layer be its last.")


def train(
    module: nn.Module,
    network: Network,
    training: Part,
    validation: Part | None,
    recipe: Recipe,
    normalise: Normalise,
    token: CancelToken,
    reporter: Reporter,
) -> tuple[Network, Trained]:
    """Train a module in place, on the device that it is on.

    Of the recipe count epochs (passes over the pictures for each layer), batch and seed. Epochs are told while the last layer learns,
    since before there is nothing that could vote. Arguments otherwise as for `engine.training.loop.train`.

    Returns
    -------
    network : Network
        With the selectivities that adaptive layers have got.
    trained : Trained
        Outcome "completed" or "cancelled"; without figures of steps.
    """
    run = _Run(module, network, training, validation, recipe, normalise, token, reporter)
    outcome = "completed"
    with torch.no_grad():
        try:
            run.all_layers()
        except Cancelled:
            outcome = "cancelled"
        run.restore_best()
    return run.finished(), run.result(outcome)


def _leaves(network: Network) -> list[tuple[str, Layer]]:
    return [(name, layer) for name, layer in walk(network.body) if not isinstance(layer, Sequence)]


class _Run:
    """One training under way."""

    def __init__(
        self,
        module: nn.Module,
        network: Network,
        training: Part,
        validation: Part | None,
        recipe: Recipe,
        normalise: Normalise,
        token: CancelToken,
        reporter: Reporter,
    ) -> None:
        self.module, self.network, self.training, self.validation = module, network, training, validation
        self.recipe, self.normalise, self.token, self.reporter = recipe, normalise, token, reporter
        self.device = next(module.parameters()).device
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.batch = batch_size(recipe, len(training.labels))
        self.per_epoch = steps_per_epoch(len(training.labels), self.batch)
        leaves = _leaves(network)
        self.parts = [module.get_submodule(name) for name, _ in leaves]
        self.simple = [(place, name, layer) for place, (name, layer) in enumerate(leaves) if isinstance(layer, SimpleCells)]
        rows = torch.randperm(len(training.labels), generator=self.generator)[:TOLD].to(training.pixels.device)
        self.judged = Part(training.pixels[rows], training.labels[rows])
        self.voting = max(place for place, (_, layer) in enumerate(leaves) if isinstance(layer, Linear))
        self.seconds = 0.0
        self.shown = 0
        self.epochs: list[Epoch] = []
        self.best: Epoch | None = None
        self.best_state: dict[str, torch.Tensor] = {}
        self.best_selectivities: dict[str, float] = {}

    # ------------------------------------------------------------ layers

    def all_layers(self) -> None:
        self.module.eval()
        begun = time.perf_counter()
        learners = [Learner(self.cells(place), self.generator) for place, _, _ in self.simple]  # forgets all layers
        for number, (place, _, layer) in enumerate(self.simple):
            last = number == len(self.simple) - 1
            tried = self.tried(layer.planes)
            if layer.adaptive:
                self.choose_selectivity(number, place, learners[number], tried)
            learning = self.cells(place).selectivity
            for epoch in range(1, self.recipe.epochs + 1):
                self.cells(place).selectivity = learning
                self.one_pass(number, place, learners[number], epoch)
                if layer.adaptive and (last or epoch == self.recipe.epochs):
                    self.soften(place, ANSWERING_LAST if last else ANSWERING, tried)
                if last:
                    self.seconds = time.perf_counter() - begun
                    self.vote()
                    self.judge(epoch)

    def cells(self, place: int) -> modules.SimpleCells:
        part = self.parts[place]
        if not isinstance(part, modules.SimpleCells):
            raise TypeError("not a layer of S cells")
        return part

    def tried(self, planes: int) -> torch.Tensor:
        """Rows of the training pictures by which selectivities are chosen."""
        return torch.randperm(len(self.training.labels), generator=self.generator)[: max(FEWEST_TRIED, 4 * planes)]

    def choose_selectivity(self, number: int, place: int, learner: Learner, tried: torch.Tensor) -> None:
        """The highest selectivity for which the planes suffice, by halving: the planes then differ as much as they can."""
        low, high = AGREEMENTS
        for halving in range(HALVINGS):
            middle = (low + high) / 2
            learner.forget()
            learner.cells.selectivity = middle / (1 - middle)
            for maps in self.entering(place, tried):
                learner.show(maps)
                if learner.overflowing:
                    break
            low, high = (low, middle) if learner.overflowing else (middle, high)
            self.tell(number, f"looking for its selectivity, {halving + 1} of {HALVINGS}", 0.3 * (halving + 1) / HALVINGS)
        learner.forget()
        learner.cells.selectivity = low / (1 - low)

    def one_pass(self, number: int, place: int, learner: Learner, epoch: int) -> None:
        rows = torch.randperm(len(self.training.labels), generator=self.generator)
        for step, maps in enumerate(self.entering(place, rows)):
            learner.show(maps)
            self.shown += len(maps)
            share = (epoch - 1 + step * self.batch / len(rows)) / self.recipe.epochs
            words = f"epoch {epoch} of {self.recipe.epochs}, {learner.used:,} planes have found a feature"
            self.tell(number, words, 0.3 + 0.7 * share)

    def soften(self, place: int, answering: float, tried: torch.Tensor) -> None:
        """After learning, the selectivity with which the layer answers."""
        pixels = self.training.pixels
        few = tried[: max(8, min(FEWEST_TRIED, PLACES_TRIED // (pixels.shape[1] * pixels.shape[2])))]
        maps = torch.cat(list(self.entering(place, few)))
        self.cells(place).selectivity = selectivity_for(self.cells(place), maps, answering)

    def entering(self, place: int, rows: torch.Tensor) -> Iterator[torch.Tensor]:
        """What these pictures are when they enter a layer, batch by batch."""
        for chosen in torch.split(rows.to(self.training.pixels.device), self.batch):
            self.token.check()
            maps = self.normalise(self.training.pixels[chosen].to(self.device))
            for part in self.parts[:place]:
                maps = part(maps)
            yield maps

    def tell(self, number: int, words: str, share: float) -> None:
        steps = self.recipe.epochs * self.per_epoch
        fraction = (number + share) / len(self.simple)
        self.reporter.progress(fraction, f"S cells, layer {number + 1} of {len(self.simple)}: {words}", round(fraction * steps))

    # ------------------------------------------------------------ votes

    def vote(self) -> None:
        """Weights of the last layer: of the pictures at which a plane won, each class's share, less what it would be by chance."""
        votes = self.parts[self.voting]
        if not isinstance(votes, nn.Linear):
            raise TypeError("not a linear layer")
        classes, planes = votes.weight.shape
        won = torch.zeros(planes, classes, device=self.device)
        labels = self.training.labels
        rows = torch.arange(len(labels))
        for chosen, values in zip(torch.split(rows, self.batch), self.entering(self.voting, rows), strict=True):
            most, winners = values.max(1)
            answered = most > 0
            won.index_put_(
                (winners[answered], labels[chosen].to(self.device)[answered]), torch.ones((), device=self.device), accumulate=True
            )
        shares = (won + DOUBT) / (won + DOUBT).sum(1, keepdim=True)
        votes.weight.copy_((shares - 1 / classes).T)
        if votes.bias is not None:
            votes.bias.zero_()
        judging = self.judged if self.validation is None else self.validation
        logits = self.logits(judging)
        expected = judging.labels.cpu()
        # one number scales all votes, so that probabilities mean something; the order of the classes does not depend on it
        losses = [float(functional.cross_entropy(gain * logits, expected)) for gain in GAINS]
        votes.weight.mul_(GAINS[int(np.argmin(losses))])

    def logits(self, part: Part) -> torch.Tensor:
        return logits_of(self.module, part.pixels, self.normalise, self.token)

    def judge(self, number: int) -> None:
        """Tell how good the network is, and keep it if it is the best so far."""
        train_loss, train_accuracy, _ = self.figures(self.judged)
        loss, accuracy, confusion = self.figures(self.validation) if self.validation is not None else (math.nan, math.nan, None)
        epoch = Epoch(number, number * self.per_epoch, train_loss, train_accuracy, loss, accuracy, confusion)
        self.epochs.append(epoch)
        if self.best is None or better(epoch, self.best):
            self.best = epoch
            self.best_state = {name: value.clone() for name, value in self.module.state_dict().items()}
            self.best_selectivities = {name: self.cells(place).selectivity for place, name, _ in self.simple}
        self.reporter.epoch(epoch)

    def figures(self, part: Part) -> tuple[float, float, np.ndarray]:
        """Loss, accuracy and confusion matrix."""
        logits, labels = self.logits(part), part.labels.cpu()
        confusion = confusion_matrix(labels.numpy(), logits.argmax(1).numpy(), logits.shape[1])
        return float(functional.cross_entropy(logits, labels)), float(np.trace(confusion) / len(labels)), confusion

    def restore_best(self) -> None:
        if self.best is not None:
            self.module.load_state_dict(self.best_state)
            for place, name, _ in self.simple:
                self.cells(place).selectivity = self.best_selectivities[name]

    # ------------------------------------------------------------ what came out

    def finished(self) -> Network:
        def chosen(name: str, layer: Layer) -> Layer:
            if isinstance(layer, SimpleCells) and name in self.best_selectivities:
                return replace(layer, selectivity=self.best_selectivities[name])
            return layer

        return replace(self.network, body=_changed(self.network.body, "", chosen))

    def result(self, outcome: str) -> Trained:
        nothing = np.zeros(0, np.float32)
        return Trained(
            outcome=outcome,
            failure=None,
            best_epoch=self.best.number if self.best else 0,
            epochs=tuple(self.epochs),
            losses=nothing,
            accuracies=nothing.copy(),
            seconds=self.seconds,
            pictures=self.shown,
        )


def _changed(sequence: Sequence, prefix: str, change: Callable[[str, Layer], Layer]) -> Sequence:
    """The same sequence with its layers changed, each called by its dotted name; there are no other containers in it."""
    layers = []
    for layer in sequence.layers:
        name = f"{prefix}{layer.name}"
        layers.append(_changed(layer, f"{name}.", change) if isinstance(layer, Sequence) else change(name, layer))
    return replace(sequence, layers=tuple(layers))
