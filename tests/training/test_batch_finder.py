"""Trying batch sizes: which are tried, what is suggested, why it ends; nothing is kept."""

import numpy as np
import pytest
import torch

from engine.control import Cancelled, CancelToken
from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.host import EngineThread
from engine.messages import BatchesTried, FindBatch, JobClosed, OpenSample, Outcome
from engine.networks import zoo
from engine.networks.build import build
from engine.networks.resolve import analysis_of
from engine.training import batch_finder
from engine.training.batch_finder import candidates, suggestion, try_batches
from engine.training.feeding import Part, Resident
from engine.training.recipe import Recipe
from engine.training.stepping import Stepper
from engine.training.trying import Ready

CPU = torch.device("cpu")


def ready(pictures: int = 1024) -> Ready:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(pictures) % 2
    pixels = torch.randint(0, 256, (pictures, 8, 8, 1), dtype=torch.uint8, generator=generator)
    network = zoo.make("mlp", (1, 8, 8), 2)
    normalise = Normalise(Preprocessing(8, 8, 1, "squash", (0.5,), (0.3,)), CPU)
    feed = Resident(Part(pixels, labels), CPU)
    return Ready("MLP", analysis_of(network), build(network, 0), feed, Recipe(suit_augmentation=False), normalise, 32, 1)


def tried(made: Ready | None = None, token: CancelToken | None = None):
    return try_batches(made or ready(), token or CancelToken(), lambda event: None)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_finder, "ENOUGH_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("pictures", "sizes"),
    [(1_000_000, (8, 16, 32, 64, 128, 256, 512, 1024)), (1078, (8, 16, 32, 64)), (100, (8,)), (5, (5,))],
)
def test_sizes_are_those_that_a_training_would_take(pictures: int, sizes: tuple[int, ...]) -> None:
    assert candidates(pictures) == sizes


def test_each_size_has_a_speed_and_weights_stay(hasty: None) -> None:
    made = ready()
    before = {name: value.clone() for name, value in made.module.state_dict().items()}
    found = tried(made)
    assert found.sizes == (8, 16, 32, 64) and len(found.speeds) == 4 and (found.speeds > 0).all()
    assert found.memory == (None,) * 4 and found.ended == "pictures"
    assert all(torch.equal(value, before[name]) for name, value in made.module.state_dict().items())


def test_a_size_without_room_is_the_end(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = Stepper.passes

    def full(self: Stepper, pixels: torch.Tensor, labels: torch.Tensor, token: CancelToken) -> object:
        if len(labels) > 16:
            raise torch.OutOfMemoryError("out of memory")
        return passes(self, pixels, labels, token)

    monkeypatch.setattr(Stepper, "passes", full)
    found = tried()
    assert found.sizes == (8, 16) and found.ended == "memory"


def test_no_room_for_the_smallest_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise UserError("There is no room.", "Buy some.")

    monkeypatch.setattr(batch_finder, "check_room", refuse)
    with pytest.raises(UserError, match="no room"):
        tried()


def test_other_errors_are_not_taken_for_memory(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> object:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(Stepper, "passes", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        tried()


def test_slow_steps_are_the_end(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_finder, "PATIENCE_SECONDS", 0.0)
    found = tried()
    assert found.sizes == (8,) and found.ended == "slow"


def test_the_smallest_size_that_is_nearly_as_fast_is_suggested() -> None:
    assert suggestion((8, 16, 32, 64), np.array([100, 500, 910, 1000], np.float32)) == 32
    assert suggestion((8, 16), np.array([100, 90], np.float32)) == 8


def test_cancel() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        tried(token=token)


def test_the_command_answers_and_keeps_nothing(tmp_path, monkeypatch, hasty) -> None:
    monkeypatch.setenv("FOVEA_HOME", str(tmp_path))
    host = EngineThread()
    host.start()
    try:
        list(host.wait(host.submit(OpenSample())))
        events = list(host.wait(host.submit(FindBatch("lenet-5", Recipe()))))
        answer = next(event for event in events if isinstance(event, BatchesTried))
        assert answer.network == "lenet-5" and answer.suggested in answer.sizes and len(answer.speeds) == len(answer.sizes)
        assert events[-1].outcome is Outcome.COMPLETED
        runs = host.session.project.runs_folder
        assert not runs.exists() or not any(runs.iterdir())
        refused = list(host.wait(host.submit(FindBatch("nearest-neighbour", Recipe()))))[-1]
        assert isinstance(refused, JobClosed) and "no batches" in refused.failure.message
    finally:
        host.close()
