"""The linear probe: features are the network's own, the last layer alone learns, and it is the answer of the whole network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from engine.control import Cancelled, CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.dataset import Dataset
from engine.data.preprocessing import Preprocessing
from engine.data.sources import scan
from engine.failure import UserError
from engine.messages import Event, Notice
from engine.networks import zoo
from engine.networks.build import build
from engine.project.records import RunRecord, Split
from engine.training.feeding import LaterPart, Part, Resident
from engine.training.fit import fit
from engine.training.probe import AsTheyAre, Features
from engine.training.recipe import Recipe
from engine.training.saved import load_run

CPU = torch.device("cpu")
NORMALISE = Normalise(Preprocessing(32, 32, 1, mean=(0.4,), std=(0.3,)), CPU)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return data.from_source(scan("digits"))


def some(count: int) -> Part:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (count, 32, 32, 1), np.uint8)
    return Part(torch.from_numpy(pixels), torch.from_numpy(generator.integers(0, 10, count)))


def trained(dataset: Dataset, folder: Path, emit: Callable[[Event], None] = lambda event: None, **changes: object) -> RunRecord:
    recipe = msgspec.structs.replace(Recipe(epochs=2, batch=64), **changes)
    return fit(dataset, "lenet-5", recipe, None, folder, CancelToken(), emit, threads=1)


def test_the_head_answers_features_as_the_network_answers_pictures() -> None:
    module = build(zoo.make("lenet-5", (1, 32, 32), 10)).eval()
    part = some(2100)
    with torch.no_grad():
        wanted = module(NORMALISE(part.pixels))
    features = Features(module)
    told: list[tuple[int, int]] = []
    made = features.of(part, NORMALISE, CancelToken(), progress=lambda done, total: told.append((done, total)))
    assert made.pixels.shape == (2100, 1, 1, 84) and torch.equal(made.labels, part.labels)
    with torch.no_grad():
        assert torch.allclose(features.head(AsTheyAre(NORMALISE)(made.pixels)), wanted, atol=1e-4)
    assert told == [(1024, 2100), (2048, 2100), (2100, 2100)]
    assert {name for name, parameter in module.named_parameters() if parameter.requires_grad} == {"linear7.weight", "linear7.bias"}
    later, fed = LaterPart(lambda: part), Resident(part, CPU)
    for other in (later, fed):
        assert torch.equal(features.of(other, NORMALISE, CancelToken()).pixels, made.pixels)


def test_networks_that_do_not_end_so_are_told_and_cancelling_stops() -> None:
    distances = build(zoo.make("lenet-5-1998", (1, 32, 32), 10))
    with pytest.raises(UserError, match="does not end in its last linear layer"):
        Features(distances).of(some(10), NORMALISE, CancelToken())
    with pytest.raises(UserError, match="no linear layer"):
        Features(nn.Sequential(nn.Conv2d(1, 2, 3)))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        Features(build(zoo.make("lenet-5", (1, 32, 32), 10))).of(some(10), NORMALISE, token)


def test_a_probe_of_a_random_network_is_quick_and_its_run_answers_as_measured(digits: Dataset, tmp_path: Path) -> None:
    whole = trained(digits, tmp_path / "whole")
    record = trained(digits, tmp_path / "probe", probe=True, epochs=20, learning_rate=0.02)
    assert record.test_accuracy is not None and record.test_accuracy > 0.8  # by random filters
    assert record.images_per_second > 3 * whole.images_per_second
    run = load_run(record.folder)
    rows = digits.rows(Split.TEST)
    pixels, _, _ = data.decode(digits, rows, record.preprocessing)
    assert (run.probabilities(pixels).argmax(1) == digits.labels[rows]).mean() == record.test_accuracy
    fresh = build(zoo.make("lenet-5", (1, 32, 32), 10), record.recipe.seed)
    assert run.module is not None
    state, begun = run.module.state_dict(), fresh.state_dict()
    changed = {name for name in state if not torch.equal(state[name], begun[name])}
    assert changed == {"linear7.weight", "linear7.bias"}


CHOICES: dict[str, dict[str, object]] = {
    "squared": {"loss": "squared"},
    "hinge": {"loss": "hinge"},
    "focal": {"loss": "focal"},
    "adam": {"optimiser": "adam"},
    "muon": {"optimiser": "muon"},
    "cosine": {"schedule": "cosine"},
    "accumulated": {"accumulate": 2, "learning_rate": 1e-2},
    "clipped, l1": {"clip": 1.0, "l1": 1e-5},
    "mean of weights": {"ema": 0.9},
    "xavier": {"initialisation": "xavier"},
    "frozen": {"frozen": ("conv1",)},
    "layer decay": {"layer_decay": 0.8},
    "unfreezing": {"unfreeze": 1, "epochs": 5},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_learns(choice: str, digits: Dataset, tmp_path: Path) -> None:
    record = trained(digits, tmp_path / "run", **{"epochs": 3, **CHOICES[choice]})
    assert record.test_accuracy is not None and record.test_accuracy > (0.4 if choice in ("squared", "unfreezing") else 0.8)


def test_distances_are_learned_by_equation_9_and_other_networks_are_told(digits: Dataset, tmp_path: Path) -> None:
    recipe = Recipe(epochs=3, batch=64, loss="rbf")
    record = fit(digits, "lenet-5-1998", recipe, None, tmp_path / "run", CancelToken(), lambda event: None, threads=1)
    assert record.test_accuracy is not None and record.test_accuracy > 0.85
    with pytest.raises(UserError, match="which LeNet-5 does not"):
        trained(digits, tmp_path / "other", loss="rbf")


def test_time_target_and_patience_end_a_training_in_good_order(digits: Dataset, tmp_path: Path) -> None:
    told: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Notice):
            told.append(event.text)
            assert event.level == "info"  # as it was wanted

    timed = trained(digits, tmp_path / "timed", hear, minutes=0.02, epochs=1000)
    assert timed.outcome == "completed" and 1.2 <= timed.seconds < 5 and timed.test_accuracy is not None
    aimed = trained(digits, tmp_path / "aimed", hear, target=0.8, epochs=1000, schedule="constant")
    assert aimed.validation_accuracy is not None and aimed.validation_accuracy >= 0.8 and aimed.epochs < 20
    patient = trained(digits, tmp_path / "patient", hear, patience=1, epochs=1000, schedule="constant")
    assert patient.outcome == "completed" and patient.epochs < 200
    assert len(told) == 3 and ["minutes" in told[0], "reached" in told[1], "not fallen" in told[2]] == [True] * 3


def test_few_pictures_are_shown_more_often(digits: Dataset, tmp_path: Path) -> None:
    record = trained(digits, tmp_path / "run", epochs=1, least_steps=50)
    assert record.steps == 51 and record.epochs == record.recipe.epochs == 3  # of 17 steps
    assert trained(digits, tmp_path / "other", epochs=2, least_steps=20).epochs == 2


def test_accumulated_batches_make_the_step_of_one_large_batch(digits: Dataset, tmp_path: Path) -> None:
    """LeNet-5 has no norm that would see the parts."""
    plain = {"epochs": 1, "suit_augmentation": False, "learning_rate": 1e-3}
    whole = load_run(trained(digits, tmp_path / "whole", batch=64, **plain).folder).module
    parts = load_run(trained(digits, tmp_path / "parts", batch=32, accumulate=2, **plain).folder).module
    assert whole is not None and parts is not None
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(one, other, atol=2e-4)
