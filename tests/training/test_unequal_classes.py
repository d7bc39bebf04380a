"""Rare classes: balanced streams, and what class weights and balanced sampling do for their recall; mixing in the loop."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.networks import zoo
from engine.networks.build import build, initialise
from engine.training import loop, telling
from engine.training.feeding import Part
from engine.training.precision import PLAIN
from engine.training.recipe import Augmentation, Recipe
from engine.training.sampling import balanced_stream, stream

CPU = torch.device("cpu")
MEAN = 9.0  # grey levels, beside noise of 50 in each of 36 pixels


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=50), st.integers(1, 20), st.integers(0, 1000))
def test_balanced_passes_show_classes_and_their_pictures_equally_often(labels: list[int], batch: int, seed: int) -> None:
    known = torch.tensor(labels)
    batches = balanced_stream(known, batch, seed, CPU)
    again = balanced_stream(known, batch, seed, CPU)
    shown = [next(batches) for _ in range(len(labels) * 3)]  # 3 · batch passes
    assert all(torch.equal(rows, next(again)) for rows in shown)
    rows = torch.cat(shown)
    passes = len(rows) / len(labels)
    counts = torch.bincount(rows, minlength=len(labels))
    present = torch.unique(known)
    for label in present.tolist():
        of_class = counts[known == label]
        assert int(of_class.max() - of_class.min()) <= 1
    one_pass = rows[: len(labels)]
    drawn = torch.bincount(known[one_pass], minlength=6)[present]
    assert int(drawn.max() - drawn.min()) <= 1 and passes == pytest.approx(3 * batch)


def test_other_seeds_give_other_orders_and_equal_classes_stay_whole() -> None:
    labels = torch.arange(4).repeat(10)
    first = next(balanced_stream(labels, 40, 0, CPU))
    assert sorted(first.tolist()) == list(range(40))
    assert first.tolist() != next(balanced_stream(labels, 40, 1, CPU)).tolist() != next(stream(40, 40, 1, CPU)).tolist()


class Quiet(telling.Watcher):
    """Keeps the parcels' accuracies."""

    def __init__(self) -> None:
        self.accuracies: list[float] = []

    def parcel(self, parcel: telling.Parcel) -> None:
        self.accuracies.extend(parcel.accuracies.tolist())

    def epoch(self, epoch: telling.Epoch) -> None:
        pass

    def notice(self, text: str) -> None:
        pass


def two_classes(counts: tuple[int, int], seed: int) -> Part:
    """Noise about two means that overlap: uint8 [N, 6, 6, 1], 1.1 standard deviations between a class and the middle."""
    generator = np.random.default_rng(seed)
    pixels = [generator.normal(128 + sign * MEAN, 50, (count, 6, 6, 1)) for sign, count in zip((-1, 1), counts, strict=True)]
    labels = np.repeat([0, 1], counts)
    return Part(torch.from_numpy(np.clip(np.concatenate(pixels), 0, 255).astype(np.uint8)), torch.from_numpy(labels))


def fitted(training: Part, recipe: Recipe, watcher: Quiet | None = None) -> torch.nn.Module:
    torch.set_num_threads(1)
    module = build(zoo.make("softmax", (1, 6, 6), 2))
    initialise(module, recipe.seed)
    normalise = Normalise(Preprocessing(6, 6, 1, mean=(0.5,), std=(0.2,)), CPU)
    loop.train(module, training, None, recipe, normalise, PLAIN, CancelToken(), watcher or Quiet())
    return module


def recalls(module: torch.nn.Module) -> list[float]:
    test = two_classes((1000, 1000), 9)
    normalise = Normalise(Preprocessing(6, 6, 1, mean=(0.5,), std=(0.2,)), CPU)
    with torch.inference_mode():
        right = (module(normalise(test.pixels)).argmax(1) == test.labels).float()
    return [float(right[test.labels == label].mean()) for label in (0, 1)]


RECIPE = Recipe(epochs=12, batch=64, learning_rate=3e-2, suit_augmentation=False)
REMEDIES = {"weights": {"class_weights": True}, "sampling": {"balanced_sampling": True}}


@pytest.mark.parametrize("remedy", REMEDIES)
def test_the_rare_class_is_found_far_more_often(remedy: str) -> None:
    training = two_classes((1900, 100), 0)
    before = recalls(fitted(training, RECIPE))
    after = recalls(fitted(training, msgspec.structs.replace(RECIPE, **REMEDIES[remedy])))
    assert before[1] < 0.4 < 0.65 < after[1]
    assert sum(after) > sum(before) + 0.2  # the mean of the recalls gains, too


def test_weights_beside_balanced_sampling_change_nothing() -> None:
    training = two_classes((150, 10), 0)
    both = msgspec.structs.replace(RECIPE, epochs=2, balanced_sampling=True)
    one, other = fitted(training, both), fitted(training, msgspec.structs.replace(both, class_weights=True))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_an_epoch_is_as_long_as_before_and_the_seed_decides() -> None:
    training = two_classes((150, 10), 0)
    balanced = msgspec.structs.replace(RECIPE, epochs=2, balanced_sampling=True)
    plain, first, second = Quiet(), Quiet(), Quiet()
    fitted(training, msgspec.structs.replace(RECIPE, epochs=2), plain)
    weights = [fitted(training, balanced, watcher).state_dict() for watcher in (first, second)]
    assert len(first.accuracies) == len(plain.accuracies)
    assert first.accuracies == second.accuracies
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize("choice", [Augmentation(mixup=0.4), Augmentation(cutmix=1.0)])
def test_mixed_trainings_learn_tell_accuracies_and_follow_their_seed(choice: Augmentation) -> None:
    training = two_classes((300, 300), 0)
    recipe = msgspec.structs.replace(RECIPE, augmentation=choice, label_smoothing=0.05, epochs=8)
    first, second = Quiet(), Quiet()
    module = fitted(training, recipe, first)
    fitted(training, recipe, second)
    assert first.accuracies == second.accuracies
    assert 0.6 < float(np.mean(first.accuracies[-40:])) < 1
    assert min(recalls(module)) > 0.7
