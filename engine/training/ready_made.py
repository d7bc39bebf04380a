"""Networks that classify without having been trained here: those of the zoo and of other libraries, with weights learned elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import torch
from msgspec.structs import replace

from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.data.decoding import at_working_size
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.networks import files, zoo
from engine.networks import weights as foreign
from engine.networks.build import build_empty
from engine.networks.layers import AnyNetwork, Shape
from engine.networks.libraries import Input, class_names, named
from engine.networks.resolve import analysis_of, is_file, is_library, refit, resolve_any
from engine.networks.weights import Learned
from engine.networks.weights_matching import match
from engine.project.records import RunRecord
from engine.project.runs import now
from engine.training.quick import quicken
from engine.training.recipe import Recipe
from engine.training.room import check_room
from engine.training.saved import LoadedRun

if TYPE_CHECKING:
    from engine.session import Emit


class ReadyMade(NamedTuple):
    """A network ready to classify pictures of any size.

    Attributes
    ----------
    run : LoadedRun
        Its record holds what is known; there is no folder.
    whole : Preprocessing
        How a picture is scaled before its middle is cut out; the run's own where nothing is cut off.
    """

    run: LoadedRun
    whole: Preprocessing

    def pixels_of(self, file: Path) -> np.ndarray:
        """A picture's file as uint8 [H, W, C] at working size.

        Raises
        ------
        UnreadablePicture
            If it cannot be read.
        """
        return middle(at_working_size(file, self.whole), self.run.record.preprocessing)


def middle(picture: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """The middle of a picture at working size, which it must be as large as."""
    top, left = ((picture.shape[axis] - size) // 2 for axis, size in enumerate((preprocessing.height, preprocessing.width)))
    return picture[top : top + preprocessing.height, left : left + preprocessing.width]


def ready_made(word: str, weights: str, device: torch.device, token: CancelToken, emit: Emit) -> ReadyMade:
    """A network with weights that were learned elsewhere.

    Parameters
    ----------
    word : str
        A network of the zoo or of another library, or a network JSON file.
    weights : str
        A file, or "pretrained".
    device : torch.device
        Where it is to classify.
    token : CancelToken
        Checked while fetching.
    emit : callable
        Gets JobProgress while fetching.

    Raises
    ------
    UserError
        If there are no such weights, or they leave a part of the network without any.
    NetworkError
        If there is no such network.
    Cancelled
        If it was cancelled.
    """
    if not is_library(word) and not is_file(word) and zoo.card(word).kind == "classic":
        raise UserError(f"{zoo.card(word).title} has no weights: it compares pictures with those that it was shown.", "Train it first.")
    network = _at_home(word)
    check_room(network.title, analysis_of(network), 1, device, learns=False)
    learned = foreign.learned(network, weights, token, emit)
    network = _fitted(network, learned)
    learned = learned._replace(match=match(network, learned.weights))
    _check_whole(network, learned)
    module = build_empty(network)
    foreign.put(module, learned)
    preprocessing, whole = _preprocessing(network, learned)
    names = _class_names(word, network.classes, learned.weights.facts)
    record = _record(word, network, preprocessing, names, device)
    normalise = Normalise(preprocessing, device)
    module = quicken(module.to(device).eval().requires_grad_(False), device)
    return ReadyMade(LoadedRun(record, device, network, module, None, normalise, names), whole)


def _at_home(word: str) -> AnyNetwork:
    """The network for the pictures and classes that it was published for."""
    if is_library(word):
        return named(word)
    if is_file(word):
        return files.load_any(Path(word))
    card = zoo.card(word)
    return resolve_any(word, card.default_input, card.default_classes)


def _fitted(network: AnyNetwork, learned: Learned) -> AnyNetwork:
    """The network with the channels, size and classes that its weights were learned for."""
    channels, height, width = network.input
    kept = _of_a_run(learned)
    if kept is not None:
        shape: Shape = (kept.channels, kept.height, kept.width)
    elif learned.input is not None:
        shape = (len(learned.input.mean), learned.input.side, learned.input.side)
    else:
        shape = (channels, height, width)
    return refit(network, shape, learned.match.classes or network.classes)


def _of_a_run(learned: Learned) -> Preprocessing | None:
    """The preprocessing that a run of our own wrote into its weights."""
    try:
        return msgspec.convert(learned.weights.facts.get("preprocessing"), Preprocessing)
    except msgspec.ValidationError:
        return None


def _preprocessing(network: AnyNetwork, learned: Learned) -> tuple[Preprocessing, Preprocessing]:
    """How pictures come to the network, and how they are scaled before their middle is cut out."""
    kept = _of_a_run(learned)
    if kept is not None and min(kept.std, default=0) > 0 and len(kept.mean) == len(kept.std) == kept.channels == network.input[0]:
        return kept, kept
    channels, height, width = network.input
    like = learned.input or Input(height, (0.5,) * channels, (0.5,) * channels, 1.0)
    mean, deviation = like.of_channels(channels)
    own = Preprocessing(height, width, 1 if channels == 1 else 3, "crop", mean, deviation)
    return own, replace(own, height=round(height / like.share), width=round(width / like.share))


def _check_whole(network: AnyNetwork, learned: Learned) -> None:
    """Refuse weights that leave layers without any; heads that only training uses may lack them."""
    found = learned.match
    heads = {row.name for row in analysis_of(network).layers if row.auxiliary}
    lacking = [layer for layer in found.new if not any(head == layer or head.startswith(f"{layer}.") for head in heads)]
    if lacking or found.changed:
        layers = ", ".join((lacking or list(found.changed))[:4])
        raise UserError(
            f"{learned.weights.name} has no weights for a part of {network.title}: {layers}.",
            "Choose weights of exactly this network, or train it.",
        )


def _class_names(word: str, classes: int, facts: dict[str, Any]) -> tuple[str, ...]:
    told = facts.get("classes")
    if isinstance(told, list) and len(told) == classes and all(isinstance(name, str) for name in told):
        return tuple(told)
    return class_names(word if is_library(word) else "", classes)


def _record(word: str, network: AnyNetwork, preprocessing: Preprocessing, classes: tuple[str, ...], device: torch.device) -> RunRecord:
    return RunRecord(
        id=word,
        network=word,
        title=network.title,
        recipe=Recipe(),
        preprocessing=preprocessing,
        classes=classes,
        created=now(),
        outcome="completed",
        parameters=analysis_of(network).parameters,
        device=str(device),
        epochs=0,
        steps=0,
        seconds=0.0,
        images_per_second=0.0,
        train_loss=None,
        validation_accuracy=None,
        test_accuracy=None,
    )
