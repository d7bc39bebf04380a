"""Trying learning rates: the curve of a loss that falls, then is lost; what is suggested trains, and nothing is kept."""

import numpy as np
import pytest
import torch

from engine.control import Cancelled, CancelToken
from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.host import EngineThread
from engine.messages import FindLearningRate, JobClosed, LearningRatesTried, OpenSample, Outcome
from engine.networks import zoo
from engine.networks.build import build
from engine.training import freezing
from engine.training.feeding import Part, Resident
from engine.training.presets import PRESETS
from engine.training.rate_finder import HIGHEST, LOWEST, suggestion, try_rates
from engine.training.recipe import Recipe
from engine.training.trying import made_ready

CPU = torch.device("cpu")


def two_kinds(count: int = 256) -> Resident:
    """Bright and dark pictures, 8 × 8."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    pixels = (torch.rand(count, 8, 8, 1, generator=generator) * 100 + 100 * labels[:, None, None, None]).to(torch.uint8)
    return Resident(Part(pixels, labels), CPU)


def tried(token: CancelToken | None = None, **changes: object):
    normalise = Normalise(Preprocessing(8, 8, 1, "squash", (0.5,), (0.3,)), CPU)
    module = build(zoo.make("mlp", (1, 8, 8), 2), 0)
    recipe = Recipe(suit_augmentation=False, **changes)
    return try_rates(module, two_kinds(), recipe, normalise, 32, token or CancelToken(), lambda event: None)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_the_loss_falls_and_the_suggestion_lies_where_it_does(optimiser: str) -> None:
    rates, losses, suggested = tried(optimiser=optimiser)
    assert len(rates) == len(losses) and rates[0] == pytest.approx(LOWEST) and rates[-1] <= HIGHEST * 1.001
    assert np.all(np.diff(rates) > 0) and losses.min() < 0.5 * losses[0]
    assert suggested is not None and rates[10] <= suggested <= rates[losses.argmin()] * 1.001


def test_the_same_seed_gives_the_same_curve() -> None:
    one, two = tried(), tried()
    assert np.array_equal(one.losses, two.losses) and one.suggested == two.suggested


def test_rates_are_those_of_a_training_whose_earlier_layers_learn_more_slowly() -> None:
    plain, slow, clipped = tried(), tried(layer_decay=0.1), tried(optimiser="sgd", clip=1e-3)
    assert slow.losses[50] > plain.losses[50] and clipped.losses[60] > tried(optimiser="sgd").losses[60]


def test_it_stops_when_the_loss_is_lost() -> None:
    rates, losses, _ = tried(optimiser="sgd", momentum=0.99)
    assert np.isfinite(losses).all() and len(rates) <= 100


def test_a_curve_that_never_falls_suggests_nothing() -> None:
    rates = np.geomspace(1e-6, 1, 50)
    assert suggestion(rates, np.linspace(1, 9, 50)) is None
    assert suggestion(rates[:5], np.ones(5)) is None


def test_a_made_up_valley_has_its_steepest_place_found() -> None:
    rates = np.geomspace(1e-6, 1, 61)
    losses = 2 - 1.5 / (1 + np.exp(-(np.log10(rates) + 3) * 4)) + 50 * np.clip(np.log10(rates) + 0.7, 0, None)
    assert suggestion(rates, losses) == pytest.approx(1e-3, rel=0.3)


def test_cancel() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        tried(token)


def test_the_command_answers_and_keeps_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FOVEA_HOME", str(tmp_path))
    host = EngineThread()
    host.start()
    try:
        list(host.wait(host.submit(OpenSample())))
        events = list(host.wait(host.submit(FindLearningRate("lenet-5", Recipe()))))
        answer = next(event for event in events if isinstance(event, LearningRatesTried))
        assert answer.network == "lenet-5" and answer.suggested is not None and 1e-5 < answer.suggested < 1
        assert events[-1].outcome is Outcome.COMPLETED
        runs = host.session.project.runs_folder
        assert not runs.exists() or not any(runs.iterdir())
        refused = list(host.wait(host.submit(FindLearningRate("nearest-neighbour", Recipe()))))[-1]
        assert isinstance(refused, JobClosed) and "no learning rate" in refused.failure.message
        probe = FindLearningRate("lenet-5", PRESETS["linear-probe"].recipe)
        with made_ready(host.session, probe, "", CancelToken(), lambda event: None) as ready:
            assert freezing.learning(ready.module) == 84 * 10 + 10  # its last layer
    finally:
        host.close()
