"""What is measured of layers while they learn: true to the textbook's cases, exact where it can be checked, and without any effect."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.data.sources import scan
from engine.messages import Event, JobProgress, LayerStatistics
from engine.networks import zoo
from engine.networks.build import build, skeleton
from engine.networks.layers import Activation, ActivationKind, Conv, Dropout, Flatten, Layer, Linear, Network, Norm, Sequence
from engine.training import loop, statistics, telling
from engine.training.feeding import Part
from engine.training.fit import fit
from engine.training.precision import PLAIN
from engine.training.recipe import Recipe
from engine.training.remaining import Remaining
from engine.training.reporting import Reporter
from engine.training.statistics import Observer

CPU = torch.device("cpu")


def network(*layers: Layer, shape: tuple[int, int, int] = (3, 8, 8)) -> Network:
    return Network("made", "Made", 2026, "made", shape, 10, Sequence("body", layers))


def deep(kind: ActivationKind, layers: int = 8, width: int = 100) -> Network:
    """A perceptron of so many layers with weights."""
    pairs = [(Linear(f"linear{at}", width), Activation(f"{kind}{at}", kind)) for at in range(1, layers)]
    return network(Flatten("flatten"), *itertools.chain(*pairs), Linear("linear", 10))


def looked_at(module: nn.Module, pictures: torch.Tensor, rate: float = 0.1, scale: float = 1.0) -> LayerStatistics:
    """One step of plain gradient descent, seen by an observer."""
    labels = torch.arange(len(pictures)) % 10
    observer, optimiser = Observer(module, CPU), torch.optim.SGD(module.parameters(), rate / scale)
    assert observer.wants(1)
    optimiser.zero_grad()
    with observer.listening():
        (functional.cross_entropy(module(pictures), labels) * scale).backward()
    observer.gradients(scale)
    optimiser.step()
    observer.stepped(1)
    (found,) = observer.taken("run", 100.0, 0.0)
    assert observer.taken("run", 100.0, 0.0) == []
    return found


def pictures(count: int = 64, shape: tuple[int, int, int] = (3, 8, 8)) -> torch.Tensor:
    return torch.randn((count, *shape), generator=torch.Generator().manual_seed(1))


# ---------------------------------------------------------------- what the course shows


def first_to_last(found: LayerStatistics) -> float:
    """Of the layers before the one that classifies."""
    return float(found.gradient_norms[0] / found.gradient_norms[-2])


def test_sigmoids_let_the_gradient_vanish_and_relus_do_not() -> None:
    sigmoid, relu = (first_to_last(looked_at(build(deep(kind), 0), pictures())) for kind in ("sigmoid", "relu"))
    assert sigmoid < 1e-3
    assert 0.2 < relu < 20


def test_plain_networks_with_batch_norm_explode_towards_the_picture_and_residual_ones_do_not() -> None:
    """The ratio of the first convolution's gradient to the last one's, as measured at initialisation: plain about 11 at 20 layers and
    4·10³ at 56, residual about 3 and 10."""
    ratios = {}
    for name in ("plain-20", "plain-56", "resnet-20", "resnet-56"):
        made = build(zoo.make(name, (3, 32, 32), 10), 0).train()
        found = looked_at(made, pictures(32, (3, 32, 32)))
        last = max(at for at, layer in enumerate(found.layers) if ".conv" in layer and "shortcut" not in layer)
        ratios[name] = float(found.gradient_norms[0] / found.gradient_norms[last])
    assert 3 < ratios["plain-20"] < 40
    assert 1e3 < ratios["plain-56"] < 2e4
    assert 1 < ratios["resnet-20"] < 10
    assert 3 < ratios["resnet-56"] < 40


def test_weights_of_unit_variance_saturate_tanh_and_suited_ones_do_not() -> None:
    module = build(deep("tanh"), 0)
    suited = looked_at(module, pictures())
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, generator=torch.Generator().manual_seed(2))
    saturated = looked_at(module, pictures())
    assert saturated.saturated is not None and suited.saturated is not None
    assert (saturated.deviations > 0.9).all() and (saturated.saturated > 0.7).all()
    assert (suited.deviations < 0.8).all() and (suited.saturated < 0.2).all()
    assert np.isnan(saturated.dead).all()  # they are never silent


def test_relus_far_below_zero_are_dead() -> None:
    for made in (deep("relu", 3), network(Conv("conv", 5, (3, 3)), Activation("relu"), Flatten("flatten"), Linear("linear", 10))):
        module = build(made, 0)
        first = next(part for part in module.modules() if isinstance(part, nn.Linear | nn.Conv2d))
        assert looked_at(module, pictures()).dead[0] == 0
        nn.init.constant_(first.bias, -100.0)
        found = looked_at(module, pictures())
        assert found.dead[0] == 1 and found.gradient_norms[0] == 0 and found.deviations[0] == 0
        first.bias.data[0] = 100.0
        assert looked_at(module, pictures()).dead[0] == pytest.approx(1 - 1 / len(first.bias))


# ---------------------------------------------------------------- exact


def test_norms_updates_and_histograms_are_those_of_the_step() -> None:
    module = build(network(Conv("conv", 7, (3, 3)), Activation("tanh", "tanh"), Flatten("flatten"), Linear("linear", 10)), 0)
    before = [part.weight.detach().clone() for part in (module.conv, module.linear)]
    answers = module.tanh(module.conv(pictures()[: statistics.PICTURES])).detach()
    found = looked_at(module, pictures(), rate=0.5)
    gradients = [part.weight.grad for part in (module.conv, module.linear)]
    assert found.layers == ("conv", "linear") and found.activations == ("tanh",)
    assert np.allclose(found.gradient_norms, [float(gradient.norm()) for gradient in gradients])
    assert np.allclose(found.weight_norms, [float(weight.norm()) for weight in before])
    assert np.allclose(found.update_ratios, [0.5 * float(g.norm() / w.norm()) for g, w in zip(gradients, before, strict=True)], rtol=1e-4)
    assert found.deviations[0] == pytest.approx(float(answers.std()), rel=0.05)
    expected, _ = np.histogram(module.conv.weight.detach().numpy().ravel(), statistics.BINS, found.weight_limits[0])
    assert np.abs(found.weight_histograms[0] - expected / expected.sum()).max() < 0.02
    for shares in (found.weight_histograms, found.activation_histograms):
        assert np.allclose(shares.sum(axis=1), 1)


def test_what_a_loss_was_scaled_by_is_taken_out() -> None:
    made = deep("relu", 4)
    plain, scaled = (looked_at(build(made, 0), pictures(), scale=scale) for scale in (1.0, 1024.0))
    assert np.allclose(plain.gradient_norms, scaled.gradient_norms, rtol=1e-4)


def test_large_layers_are_measured_by_a_part_that_tells_as_much() -> None:
    module = build(network(Flatten("flatten"), Linear("wide", 2000), Activation("relu"), Linear("linear", 10)), 0)
    weight = module.wide.weight
    assert weight.numel() > statistics.WEIGHTS_COMPARED
    before = weight.detach().clone()
    found = looked_at(module, pictures())
    exact = float((weight.detach() - before).norm() / before.norm())
    assert found.update_ratios[0] == pytest.approx(exact, rel=0.1)
    assert found.weight_norms[0] == pytest.approx(float(before.norm()), rel=1e-5)


def test_layers_that_do_not_learn_have_no_gradient_and_auxiliary_heads_are_left_out() -> None:
    module = build(deep("relu", 4), 0)
    module.linear1.weight.requires_grad_(False)
    found = looked_at(module, pictures())
    assert math.isnan(found.gradient_norms[0]) and np.isfinite(found.gradient_norms[1:]).all() and found.update_ratios[0] == 0
    observer = Observer(skeleton(zoo.make("googlenet", (3, 224, 224), 10)), torch.device("meta"))
    names = [name for name, _ in observer._weighty]
    assert len(names) == 58 and not any("aux" in name for name in names)


def test_gradients_that_are_no_numbers_break_nothing() -> None:
    module = build(deep("relu", 3), 0)
    module.linear1.weight.data[0, 0] = float("nan")
    found = looked_at(module, pictures())
    assert np.isnan(found.gradient_norms).all() and np.isnan(found.weight_limits).all()  # after the step every weight is


@pytest.mark.parametrize("name", ["mlp", "vit-tiny", "mobilenet-v3-small", "lenet-5-1998"])
def test_networks_of_all_families_can_be_looked_into(name: str) -> None:
    shape = (1, 32, 32) if name == "lenet-5-1998" else (3, 32, 32)
    found = looked_at(build(zoo.make(name, shape, 10), 0).train(), pictures(16, shape))
    assert np.isfinite(found.gradient_norms).any() and len(set(found.layers)) == len(found.layers)
    assert found.memory and found.memory > 10_000_000


# ---------------------------------------------------------------- without effect, and seldom


class Looking(telling.Watcher):
    """Looks at every step, or at none."""

    def __init__(self, module: nn.Module, on: bool) -> None:
        self.observer, self.on = Observer(module, CPU), on
        self.found: list[LayerStatistics] = []

    def parcel(self, parcel: telling.Parcel) -> None:
        self.found.extend(self.observer.taken("run", 1.0, parcel.waited))

    def epoch(self, epoch: telling.Epoch) -> None:
        pass

    def notice(self, text: str) -> None:
        raise AssertionError(text)

    def watching(self, step: int):  # type: ignore[no-untyped-def]
        return self.observer.listening() if self.on else super().watching(step)

    def gradients(self, step: int, scale) -> None:  # type: ignore[no-untyped-def]
        if self.on:
            self.observer.gradients(scale())

    def stepped(self, step: int) -> None:
        self.observer.stepped(step)


def test_looking_changes_no_bit() -> None:
    made = network(
        Conv("conv", 8, (3, 3)),
        Norm("norm"),
        Activation("relu"),
        Dropout("dropout", 0.3),
        Flatten("flatten"),
        Linear("hidden", 32),
        Activation("sigmoid", "sigmoid"),
        Linear("linear", 10),
    )
    random = np.random.default_rng(0)
    training = Part(torch.from_numpy(random.integers(0, 256, (320, 8, 8, 3), np.uint8)), torch.from_numpy(random.integers(0, 10, 320)))
    normalise = Normalise(Preprocessing(8, 8, 3, "squash", (0.5,) * 3, (0.25,) * 3), CPU)
    states = []
    for on in (True, False):
        torch.manual_seed(5)
        module = build(made, 5)
        watcher = Looking(module, on)
        loop.train(module, training, None, Recipe(epochs=3, batch=20), normalise, PLAIN, CancelToken(), watcher)
        assert len(watcher.found) == (48 if on else 0)
        states.append({**module.state_dict(), "generator": torch.get_rng_state()})
        assert not any(part._forward_hooks for part in module.modules())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_looks_are_as_rare_as_they_are_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(statistics.time, "perf_counter", lambda: now[0])
    module = build(deep("relu", 3), 0)
    observer = Observer(module, CPU)
    assert [step for step in range(1, 12) if observer.wants(step)][:4] == [1, 2, 3, 4]  # nothing was looked at yet
    with observer.listening():
        module(pictures()).sum().backward()
    assert [step for step in range(1, 200) if observer.wants(step)] == [1, 2, 5, 10]
    now[0] += 1.1
    assert observer.wants(11)
    observer._cost = 0.03  # seconds: no oftener than every four
    now[0] += 2.0
    assert not observer.wants(12)
    now[0] += 1.0
    assert observer.wants(13)


def test_a_network_without_weights_is_not_looked_at() -> None:
    assert not Observer(nn.Sequential(nn.Flatten()), CPU).wants(1)


def test_a_training_tells_of_its_layers(tmp_path: Path) -> None:
    events: list[Event] = []
    recipe = Recipe(epochs=2, batch=32, suit_augmentation=False)
    record = fit(data.from_source(scan("digits")), "lenet-5", recipe, None, tmp_path / "run", CancelToken(), events.append, threads=1)
    told = [event for event in events if isinstance(event, LayerStatistics)]
    assert [event.step for event in told][:4] == [1, 2, 5, 10]
    assert all(event.run == record.id and 0 <= event.waiting <= 1 and event.images_per_second > 0 for event in told)
    assert told[0].layers[0] == "conv1" and told[0].gradient_norms.dtype == np.float32
    assert any(isinstance(event, JobProgress) and event.seconds_left is not None for event in events)


def test_the_cost_stays_below_a_hundredth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a training of seconds, beyond its first steps."""
    kept: list[Reporter] = []
    made = Reporter.__init__

    def remembered(self: Reporter, *arguments: object) -> None:
        made(self, *arguments)  # type: ignore[arg-type]
        kept.append(self)

    monkeypatch.setattr(Reporter, "__init__", remembered)
    monkeypatch.setattr(statistics, "FIRST_STEPS", frozenset((1,)))
    recipe = Recipe(epochs=10, batch=32, suit_augmentation=False)
    record = fit(data.from_source(scan("digits")), "lenet-5", recipe, None, tmp_path / "run", CancelToken(), lambda event: None, threads=1)
    assert kept[0]._observer.seconds < 0.02 * record.seconds + 0.05  # the first look warms up


# ---------------------------------------------------------------- time left


def test_even_blocks_leave_no_doubt() -> None:
    remaining = Remaining(0.0)
    assert remaining.estimate(100) is None
    for block in range(1, 40):
        remaining.reached(10 * block, float(block))
    found = remaining.estimate(100)
    assert found is not None and found.seconds == pytest.approx(10) and found.deviation == pytest.approx(0, abs=1e-6)


def test_too_little_is_known_at_first() -> None:
    remaining = Remaining(0.0)
    remaining.reached(10, 1.0)
    remaining.reached(20, 2.0)
    found = remaining.estimate(100)
    assert found is not None and found.seconds == pytest.approx(10) and found.deviation is None


def test_forecasts_come_true_as_often_as_they_say() -> None:
    """Blocks that scatter by chance: the rest lies within one deviation in about two of three cases, within two in most."""
    random = np.random.default_rng(0)
    within = np.zeros(2)
    for _ in range(300):
        remaining, now = Remaining(0.0), 0.0
        blocks = random.gamma(4.0, 0.25, 60)
        for number, seconds in enumerate(blocks[:20], 1):
            now += seconds
            remaining.reached(10 * number, now)
        found = remaining.estimate(400)
        assert found is not None and found.deviation is not None
        error = abs(found.seconds - blocks[20:].sum()) / found.deviation
        within += (error < 1, error < 2)
    assert 0.5 < within[0] / 300 < 0.85
    assert within[1] / 300 > 0.85


def test_a_pause_is_no_training() -> None:
    remaining = Remaining(0.0)
    for block in range(1, 20):
        remaining.reached(10 * block, float(block))
    remaining.paused(1000.0)
    for block in range(20, 30):
        remaining.reached(10 * block, 1000.0 + block)
    found = remaining.estimate(100)
    assert found is not None and found.seconds == pytest.approx(10)
