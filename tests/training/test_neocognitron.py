"""Self-organisation: planes are recruited and reinforced without labels or gradients, votes are counted, runs are runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from engine.control import Cancelled, CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.sources import scan
from engine.failure import UserError
from engine.messages import EpochDone, Event, FiltersChanged, JobProgress, Notice, StepsDone, TrainingFinished, TrainingStarted
from engine.networks import files, zoo
from engine.networks.layers import Conv, Network, Sequence, SimpleCells, walk
from engine.networks.modules.neocognitron import SimpleCells as SimpleModule
from engine.project import runs
from engine.project.records import RunRecord, Split
from engine.training import neocognitron
from engine.training.fit import fit
from engine.training.recipe import Augmentation, Recipe
from engine.training.recruiting import Learner, selectivity_for
from engine.training.saved import WEIGHTS, LoadedRun, load_run

ONCE = Recipe(epochs=1, batch=64)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return data.from_source(scan("digits"))


def few(dataset: Dataset, count: int) -> Dataset:
    columns = ("images", "labels", "splits", "locators")
    return msgspec.structs.replace(dataset, **{name: getattr(dataset, name)[:count] for name in columns})


def trained(
    dataset: Dataset,
    folder: Path,
    recipe: Recipe = ONCE,
    network: str = "neocognitron",
    emit: Callable[[Event], None] = lambda event: None,
    token: CancelToken | None = None,
) -> RunRecord:
    return fit(dataset, network, recipe, None, folder, token or CancelToken(), emit, threads=2)


@pytest.fixture(scope="module")
def story(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunRecord, list[Event]]:
    """A training on all digits, and what it told."""
    events: list[Event] = []
    return trained(digits, tmp_path_factory.mktemp("runs") / "neocognitron-1", emit=events.append), events


def saved(tmp_path: Path, change: Callable[[Network], Network], input: tuple[int, int, int] = (1, 16, 16)) -> str:
    """A network file: the zoo's Neocognitron with a change."""
    path = tmp_path / "changed.json"
    path.write_bytes(files.dump(change(zoo.make("neocognitron", input, 10))))
    return str(path)


def small(tmp_path: Path) -> str:
    """Fewer planes, for what does not depend on their number."""
    planes = iter((8, 24, 60))
    return saved(tmp_path, lambda network: with_layers(network, lambda layer: msgspec.structs.replace(layer, planes=next(planes))))


def with_layers(network: Network, change: Callable[[SimpleCells], SimpleCells]) -> Network:
    layers = tuple(change(layer) if isinstance(layer, SimpleCells) else layer for layer in network.body.layers)
    return msgspec.structs.replace(network, body=Sequence("body", layers))


# ---------------------------------------------------------------- whole trainings


def test_digits_are_learnt_without_gradients(story: tuple[RunRecord, list[Event]]) -> None:
    record, _ = story
    assert record.outcome == "completed"
    assert record.test_accuracy is not None and record.test_accuracy > 0.85  # 0.92 to 0.94
    assert record.seconds < 60  # 3 on a quiet machine


def test_events_tell_what_the_window_understands(story: tuple[RunRecord, list[Event]]) -> None:
    record, events = story
    started = next(event for event in events if isinstance(event, TrainingStarted))
    assert started.parameters == record.parameters == 654_106
    epochs = [event for event in events if isinstance(event, EpochDone)]
    assert [event.epoch for event in epochs] == [1]
    assert epochs[0].step == started.steps_per_epoch == record.steps
    assert epochs[0].confusion is not None and epochs[0].confusion.sum() == started.validation_images
    assert epochs[0].validation_accuracy == record.validation_accuracy
    assert 0 < epochs[0].train_loss < np.log(10) and epochs[0].train_accuracy > 0.85
    told = [event for event in events if isinstance(event, JobProgress) and event.text.startswith("S cells")]
    assert all(event.fraction is not None and 0 <= event.fraction <= 1 for event in told)
    assert [event.fraction for event in told] == sorted(event.fraction or 0 for event in told)
    filters = [event.filters for event in events if isinstance(event, FiltersChanged)]
    assert filters[-1].shape == (16, 5, 5, 1) and filters[-1].min() >= 0
    assert not [event for event in events if isinstance(event, StepsDone)]  # there are no losses to tell
    assert sum(isinstance(event, TrainingFinished) for event in events) == 1
    assert any(isinstance(event, Notice) and "without gradients" in event.text for event in events)


def test_run_is_loaded_and_answers_as_measured(digits: Dataset, story: tuple[RunRecord, list[Event]]) -> None:
    record, _ = story
    run = load_run(record.folder)
    rows = digits.rows(Split.TEST)
    pixels, _, _ = data.decode(digits, rows, record.preprocessing)
    shares = run.probabilities(pixels)
    assert np.allclose(shares.sum(1), 1, atol=1e-5)
    assert (shares.argmax(1) == digits.labels[rows]).mean() == record.test_accuracy
    assert run.network is not None
    chosen = [layer.selectivity for _, layer in walk(run.network.body) if isinstance(layer, SimpleCells)]
    assert all(0.02 < value < 50 and value != 4 for value in chosen)
    history = runs.load_history(record.folder)
    assert len(history.step_losses) == 0 and history.validation_accuracies.tolist() == [pytest.approx(record.validation_accuracy)]


def test_learned_weights_excite_and_votes_are_shares(story: tuple[RunRecord, list[Event]]) -> None:
    module = load_run(story[0].folder).module
    assert module is not None
    for name in ("simple1", "simple2", "simple3"):
        assert module.get_parameter(f"{name}.weight").min() >= 0
        assert module.get_parameter(f"{name}.inhibition").min() >= 0
    votes = module.get_parameter("votes.weight")
    assert votes.sum(0).abs().max() < 1e-3 * votes.abs().max()  # shares of a plane sum to 1, chance is taken off
    assert not module.get_parameter("votes.bias").any()


def accuracy(run: LoadedRun, pixels: np.ndarray, labels: np.ndarray) -> float:
    return float((run.probabilities(pixels).argmax(1) == labels).mean())


def moved(pixels: np.ndarray, down: int, right: int) -> np.ndarray:
    """Pictures [N, H, W, C] moved on their dark ground."""
    answer = np.zeros_like(pixels)
    height, width = pixels.shape[1:3]
    rows, columns = slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right))
    from_rows, from_columns = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
    answer[:, rows, columns] = pixels[:, from_rows, from_columns]
    return answer


def test_moved_digits_cost_less_than_a_perceptron(digits: Dataset, story: tuple[RunRecord, list[Event]], tmp_path: Path) -> None:
    """Both see the test digits moved by an eighth of their side, up, down, left and right."""
    rival = trained(digits, tmp_path / "mlp", Recipe(epochs=5), "mlp")
    falls = []
    for record in (story[0], rival):
        run, rows = load_run(record.folder), digits.rows(Split.TEST)
        pixels, _, _ = data.decode(digits, rows, record.preprocessing)
        labels, step = digits.labels[rows], record.preprocessing.height // 8
        shifted = [accuracy(run, moved(pixels, *way), labels) for way in ((step, 0), (-step, 0), (0, step), (0, -step))]
        falls.append(accuracy(run, pixels, labels) - float(np.mean(shifted)))
    assert falls[0] < 0.6 * falls[1]
    assert falls[1] > 0.1


def test_same_seed_same_weights(digits: Dataset, tmp_path: Path) -> None:
    one, two, other = (
        Path(trained(few(digits, 250), tmp_path / name, Recipe(epochs=1, seed=seed), small(tmp_path)).folder)
        for name, seed in (("one", 5), ("two", 5), ("other", 6))
    )
    assert (one / WEIGHTS).read_bytes() == (two / WEIGHTS).read_bytes()
    assert (one / "network.json").read_bytes() == (two / "network.json").read_bytes()
    assert (one / WEIGHTS).read_bytes() != (other / WEIGHTS).read_bytes()


def test_gradient_settings_change_nothing(digits: Dataset, tmp_path: Path) -> None:
    other = Recipe(
        epochs=1, learning_rate=1e3, weight_decay=5.0, optimiser="sgd", augmentation=Augmentation(shift=0.3), label_smoothing=0.5
    )
    weights = []
    for name, recipe in (("plain", Recipe(epochs=1)), ("other", other)):
        module = load_run(trained(few(digits, 250), tmp_path / name, recipe, small(tmp_path)).folder).module
        assert module is not None
        weights.append(module.state_dict())
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_cancelled_before_anything_can_vote_keeps_nothing(digits: Dataset, tmp_path: Path) -> None:
    token = CancelToken()

    def emit(event: Event) -> None:
        if isinstance(event, JobProgress) and event.text.startswith("S cells"):
            token.cancel()

    with pytest.raises(Cancelled):
        trained(digits, tmp_path / "run", emit=emit, token=token)
    assert not (tmp_path / "run").exists()


def test_cancelled_later_keeps_the_last_epoch(digits: Dataset, tmp_path: Path) -> None:
    token = CancelToken()

    def emit(event: Event) -> None:
        if isinstance(event, EpochDone):
            token.cancel()

    record = trained(few(digits, 300), tmp_path / "run", Recipe(epochs=3), small(tmp_path), emit, token)
    assert (record.outcome, record.epochs, record.test_accuracy) == ("cancelled", 1, None)
    assert load_run(record.folder).probabilities(np.zeros((1, 16, 16, 1), np.uint8)).shape == (1, 10)


def test_fixed_selectivity_stays(digits: Dataset, tmp_path: Path) -> None:
    """As in the paper's simulation: 4.0, 1.5, 1.5."""
    values = iter((4.0, 1.5, 1.5))
    path = saved(
        tmp_path,
        lambda network: with_layers(network, lambda layer: msgspec.structs.replace(layer, selectivity=next(values), adaptive=False)),
    )
    run = load_run(trained(few(digits, 200), tmp_path / "run", network=path).folder)
    assert run.network is not None and run.module is not None
    kept = [layer for _, layer in walk(run.network.body) if isinstance(layer, SimpleCells)]
    assert [layer.selectivity for layer in kept] == [4.0, 1.5, 1.5]


def test_layers_in_blocks_organise_themselves_too(digits: Dataset, tmp_path: Path) -> None:
    def in_blocks(network: Network) -> Network:
        *cells, flatten, votes = network.body.layers
        few_planes = [msgspec.structs.replace(cell, planes=12) if isinstance(cell, SimpleCells) else cell for cell in cells]
        blocks = (Sequence("low", tuple(few_planes[:4])), Sequence("high", tuple(few_planes[4:])))
        return msgspec.structs.replace(network, body=Sequence("body", (*blocks, flatten, votes)))

    run = load_run(trained(few(digits, 300), tmp_path / "run", network=saved(tmp_path, in_blocks)).folder)
    assert run.network is not None
    chosen = [layer.selectivity for _, layer in walk(run.network.body) if isinstance(layer, SimpleCells)]
    assert len(chosen) == 3 and 4.0 not in chosen


def test_layers_that_learn_by_gradients_are_refused_beside_s_cells(digits: Dataset, tmp_path: Path) -> None:
    def with_convolution(network: Network) -> Network:
        first, *others = network.body.layers
        return msgspec.structs.replace(network, body=Sequence("body", (first, Conv("conv", 8, (3, 3), padding=(1, 1)), *others)))

    with pytest.raises(UserError, match="Layer conv of Neocognitron learns by gradients"):
        trained(few(digits, 100), tmp_path / "run", network=saved(tmp_path, with_convolution))
    assert not (tmp_path / "run").exists()


def test_weights_to_begin_with_are_refused(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="from nothing"):
        fit(digits, "neocognitron", ONCE, None, tmp_path / "run", CancelToken(), lambda event: None, weights="some.safetensors")


def test_only_s_cells_organise_themselves() -> None:
    networks = {name: zoo.make(name, zoo.card(name).default_input, 10) for name in ("neocognitron", "lenet-5-1998", "mlp")}
    assert [neocognitron.organises_itself(network) for network in networks.values()] == [True, False, False]


def test_pictures_of_nothing_leave_all_planes_free() -> None:
    module = SimpleModule(1, 4, (3, 3), 4.0)
    with torch.no_grad():
        learner = Learner(module, torch.Generator().manual_seed(0))
        learner.show(torch.zeros(5, 1, 8, 8))
        learner.show(-torch.ones(5, 1, 8, 8))
        assert selectivity_for(module, torch.zeros(5, 1, 8, 8), 2.0) == 4.0
    assert learner.used == 0 and not module.weight.any()


# ---------------------------------------------------------------- one layer


def bars(way: str, places: tuple[int, ...]) -> torch.Tensor:
    """Pictures 9×9 with one bright bar each."""
    maps = torch.zeros(len(places), 1, 9, 9)
    for picture, place in zip(maps, places, strict=True):
        if way == "across":
            picture[0, place] = 1.0
        else:
            picture[0, :, place] = 1.0
    return maps


@torch.no_grad()
def test_two_features_recruit_two_planes_wherever_they_are() -> None:
    module = SimpleModule(1, 6, (5, 5), 3.0)
    learner = Learner(module, torch.Generator().manual_seed(0))
    pictures = torch.cat((bars("across", (3, 4, 5)), bars("down", (3, 4, 5))))
    learner.show(pictures)
    learner.show(pictures)
    middles = [(row, 4) for row in (3, 4, 5)] + [(4, column) for column in (3, 4, 5)]
    answers = torch.stack([module(picture[None])[0, :, row, column] for picture, (row, column) in zip(pictures, middles, strict=True)])
    across, down = answers[:3].argmax(1), answers[3:].argmax(1)
    assert len(across.unique()) == len(down.unique()) == 1 and across[0] != down[0]
    assert answers.max(1).values.min() > 0.9  # a cell answers 1 to its own feature
    assert answers[:3, down[0]].max() == answers[3:, across[0]].max() == 0
    assert not module.weight[learner.used :].any()


@torch.no_grad()
def test_reinforcement_is_that_of_the_paper() -> None:
    """Δa = q·c·u and Δb = q/2·v, once a picture."""
    module = SimpleModule(2, 3, (3, 3), 4.0)
    learner = Learner(module, torch.Generator().manual_seed(0))
    zone = torch.rand(1, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    strength = module.intensity(zone)[0, 0, 1, 1]
    for number in (1, 2, 3):
        learner.learn(torch.tensor([1]), zone, strength[None])
        assert torch.allclose(module.weight[1], number * 100 * (module.nearness / 2 * zone)[0])
        assert float(module.inhibition[1]) == pytest.approx(number * 50 * float(strength))
    assert not module.weight[0].any() and not module.weight[2].any()


@torch.no_grad()
def test_more_features_than_planes_overflow() -> None:
    module = SimpleModule(1, 1, (5, 5), 3.0)
    learner = Learner(module, torch.Generator().manual_seed(0))
    learner.show(torch.cat((bars("across", (4,)), bars("down", (4,)))))
    assert learner.used == 1 and learner.overflowing
    learner.forget()
    assert learner.used == 0 and not learner.overflowing and not module.weight.any()


@torch.no_grad()
def test_selectivity_lets_as_many_planes_answer_as_wanted() -> None:
    generator = torch.Generator().manual_seed(2)
    module = SimpleModule(1, 8, (3, 3), 8.0)
    learner = Learner(module, generator)
    maps = torch.rand(40, 1, 10, 10, generator=generator)
    learner.show(maps)
    for wanted in (1.0, 3.0, 5.0):
        module.selectivity = selectivity_for(module, maps, wanted)
        assert float((module(maps) > 0).float().sum(1).mean()) == pytest.approx(wanted, abs=0.3)


@pytest.mark.shared_data
def test_handwriting_of_many_hands(shared_data: Path, tmp_path: Path) -> None:
    """5,000 pictures of MNIST: 90 % in some 10 seconds on two cores."""
    mnist = data.from_source(scan(str(shared_data / "MNIST")))
    keep = np.zeros(len(mnist.labels), bool)
    for split, count in ((Split.TRAIN, 5000), (Split.TEST, 2000)):
        keep[np.random.default_rng(0).permutation(mnist.rows(split))[:count]] = True
    chosen = np.flatnonzero(keep)
    part = msgspec.structs.replace(
        mnist,
        images=mnist.images[chosen],
        labels=mnist.labels[chosen],
        splits=mnist.splits[chosen],
        locators=[mnist.locators[row] for row in chosen],
    )
    record = trained(part, tmp_path / "run")
    assert record.test_accuracy is not None and record.test_accuracy > 0.85
