"""A network and pictures made ready to try something out before a training, as a training would make them; nothing is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from msgspec.structs import replace
from torch import nn

from engine import device as devices
from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.dataset import from_snapshot
from engine.failure import UserError
from engine.messages import FindBatch, FindLearningRate, JobProgress, Notice
from engine.networks import weights as foreign
from engine.networks.arithmetic import Analysis
from engine.networks.build import build
from engine.networks.resolve import analysis_of, resolve_any
from engine.project.networks import OWN, path_of
from engine.project.records import Split
from engine.training import freezing, initialising, preparing, sizes, suiting, supplying, whitening
from engine.training import recipe as recipes
from engine.training.feeding import Feed
from engine.training.quick import quicken
from engine.training.recipe import Recipe
from engine.training.room import check_room
from engine.training.threads import cores, threads_beside, threads_for

if TYPE_CHECKING:
    from engine.session import Emit, Session

READING = 0.5  # of the bar


class Ready(NamedTuple):
    """What something can be tried with.

    Attributes
    ----------
    title : str
        Of the network.
    analysis : Analysis
    module : torch.nn.Module
        On the device; may be changed.
    feed : Feed
        Of the training pictures.
    recipe : Recipe
        With the augmentation that will be used.
    normalise : Normalise
    batch : int
        Pictures that a training would show at once.
    threads : int
        CPU threads that it may take.
    """

    title: str
    analysis: Analysis
    module: nn.Module
    feed: Feed
    recipe: Recipe
    normalise: Normalise
    batch: int
    threads: int


@contextlib.contextmanager
def made_ready(session: Session, command: FindLearningRate | FindBatch, lacking: str, token: CancelToken, emit: Emit) -> Iterator[Ready]:
    """Make ready what a command names; files and threads are closed at the end.

    Parameters
    ----------
    session : Session
        With an open project.
    command : FindLearningRate or FindBatch
        Network, recipe, size and weights.
    lacking : str
        What classifiers without layers do not have, as the end of a sentence.
    token : CancelToken
        Ends reading.
    emit : callable
        Gets JobProgress, up to the middle of the bar, and Notice.

    Raises
    ------
    UserError
        As Train.
    Cancelled
        If it was cancelled.
    """
    try:
        recipes.check(command.recipe)
    except ValueError as error:
        raise UserError(str(error), "Change it in the recipe.") from None
    if preparing.is_classic(command.network):
        raise UserError(f"Nearest neighbours have no {lacking}.", "Choose a network.")
    project = session.opened()
    dataset = from_snapshot(project.snapshot)
    data.check_trainable(dataset)
    word = str(path_of(project, command.network)) if command.network.startswith(OWN) else command.network
    learned = bool(command.weights)
    preprocessing = preparing.preprocessing_for(word, data.typical_size(dataset), command.size, learned=learned)
    network = resolve_any(word, (preprocessing.channels, preprocessing.height, preprocessing.width), len(dataset.classes))
    analysis = analysis_of(network)
    device = devices.choose(command.recipe.device)
    rows = int(np.count_nonzero(dataset.splits == Split.TRAIN))
    last_alone = command.freeze or command.recipe.probe
    check_room(network.title, analysis, sizes.batch_size(command.recipe, rows), device, learns=not last_alone)
    begin = foreign.learned(network, command.weights, token, emit) if learned else None

    def progress(done: int, total: int) -> None:
        emit(JobProgress(fraction=READING * done / max(1, total), text="Reading pictures"))

    def warn(text: str) -> None:
        emit(Notice(level="warning", text=text))

    with contextlib.ExitStack() as open_now:
        supply = supplying.supply(dataset, preprocessing, token, progress, warn)
        open_now.callback(supply.close)
        training = supply.training
        measured = supplying.measure(training, supplying.of_files(dataset), token, progress)
        mean, deviation = begin.input.of_channels(preprocessing.channels) if begin is not None and begin.input is not None else measured[:2]
        normalise = Normalise(replace(preprocessing, mean=mean, std=deviation), device)
        recipe = preparing.suited(command.recipe, network, preprocessing.channels, len(training.labels))
        batch = sizes.batch_size(recipe, len(training.labels))
        threads = threads_beside(session.live is not None, cores())
        torch.set_num_threads(threads_for(analysis.multiply_adds * batch, threads))
        module = build(network, recipe.seed)
        initialising.begin(module, recipe)
        if begin is not None:
            foreign.put(module, begin)
            if command.freeze:
                freezing.freeze(module, begin.match.last | (dict(module.named_parameters()).keys() - begin.match.taken.keys()))
        suiting.prepare(module, recipe, begin is not None)
        if recipe.probe:
            freezing.freeze(module, ())
        module = quicken(module.to(device), device)
        feed = supplying.feed_of(training, device, token, warn)
        open_now.callback(feed.close)
        if begin is None:
            whitening.measure(module, feed, normalise)
        yield Ready(network.title, analysis, module, feed, recipe, normalise, batch, threads)
