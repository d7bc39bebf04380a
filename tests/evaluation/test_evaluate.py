"""A run measured on pictures, with a project and without."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from engine import messages
from engine.control import Cancelled, CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.sources import scan
from engine.evaluation.evaluate import evaluate_run
from engine.failure import UserError
from engine.messages import EvaluationReady, Event, Notice, RunsChanged, TrainingFinished
from engine.project.records import RunRecord, Split
from engine.session import Session
from engine.training import seen
from engine.training.fit import fit
from engine.training.recipe import Recipe


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return data.from_source(scan("digits"))


@pytest.fixture(scope="module")
def record(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return fit(digits, "softmax", Recipe(epochs=3), None, tmp_path_factory.mktemp("runs") / "softmax-1", CancelToken(), lambda event: None)


def test_agrees_with_what_the_training_measured(digits: Dataset, record: RunRecord) -> None:
    evaluation = evaluate_run(record.folder, digits, digits.rows(Split.TEST), CancelToken())
    assert evaluation.accuracy == record.test_accuracy
    assert evaluation.confusion.sum() == len(evaluation.images) == len(digits.rows(Split.TEST))
    assert evaluation.interval[0] < evaluation.accuracy < evaluation.interval[1]
    assert evaluation.top5 is not None
    assert evaluation.top5 > evaluation.accuracy
    assert np.array_equal(evaluation.images, digits.images[digits.rows(Split.TEST)])


def test_classes_are_matched_by_name(digits: Dataset, record: RunRecord) -> None:
    order = np.arange(10)[::-1]
    turned = msgspec.structs.replace(digits, classes=digits.classes[::-1], labels=order[digits.labels])
    rows = digits.rows(Split.TEST)
    assert evaluate_run(record.folder, turned, rows, CancelToken()).accuracy == record.test_accuracy
    strange = msgspec.structs.replace(digits, classes=(*digits.classes[:9], "ten"))
    with pytest.raises(UserError, match='does not know the class "ten"'):
        evaluate_run(record.folder, strange, rows, CancelToken())


def test_cancelled_between_chunks(digits: Dataset, record: RunRecord) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        evaluate_run(record.folder, digits, digits.rows(Split.TEST), token)


@pytest.mark.parametrize("network", ["softmax", "nearest-neighbour"])
def test_pictures_of_the_training_are_counted(digits: Dataset, tmp_path: Path, network: str) -> None:
    fit(digits, network, Recipe(epochs=1), None, tmp_path / "run", CancelToken(), lambda event: None)
    train, test = digits.rows(Split.TRAIN), digits.rows(Split.TEST)

    def count(rows: np.ndarray) -> int | None:
        return evaluate_run(tmp_path / "run", digits, rows, CancelToken()).seen_in_training

    assert count(test) == 0
    assert count(train) == len(train)
    assert count(np.concatenate([test, train[:7]])) == 7
    (tmp_path / "run" / seen.SEEN).write_bytes(b"no array")
    assert count(test) is None
    np.save(tmp_path / "run" / seen.SEEN, np.zeros(3))
    assert count(test) is None
    (tmp_path / "run" / seen.SEEN).unlink()
    assert count(test) is None


def test_hashing_stops_when_cancelled_and_is_quick() -> None:
    token = CancelToken()
    pixels = np.random.default_rng(0).integers(0, 256, (10_000, 32, 32, 1), np.uint8)
    begun = time.perf_counter()
    found = seen.hashes(pixels, token)
    assert time.perf_counter() - begun < 1  # 0.03 on a quiet machine
    assert len(np.unique(found)) == 10_000
    assert np.array_equal(found[::-1], seen.hashes(pixels[::-1], token))
    token.cancel()
    with pytest.raises(Cancelled):
        seen.hashes(pixels, token)


def test_the_window_is_warned_of_pictures_that_were_trained_on(tmp_path: Path) -> None:
    session, events = Session(), []

    def run(command: messages.Command) -> list[Event]:
        events.clear()
        session.run(command, CancelToken(), events.append)
        return list(events)

    def warnings(split: Split) -> list[str]:
        return [event.text for event in run(messages.Evaluate(run="softmax-1", split=split)) if isinstance(event, Notice)]

    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(10):
            Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).save(tmp_path / "set" / name / f"{number}.png")
    run(messages.NewProject("Mine"))
    try:
        run(messages.ImportPaths((str(tmp_path / "set"),)))
        run(messages.Train(network="softmax", recipe=Recipe(epochs=1)))
        assert warnings(Split.TEST) == warnings(Split.VALIDATION) == warnings(Split.TRAIN) == []
        data_of = data.from_snapshot(session.opened().snapshot)
        trained = Path(session.opened().snapshot.root, data_of.locators[data_of.rows(Split.TRAIN)[0]].removeprefix("file:"))
        tested = Path(session.opened().snapshot.root, data_of.locators[data_of.rows(Split.TEST)[0]].removeprefix("file:"))
        tested.write_bytes(trained.read_bytes())
        (text,) = warnings(Split.TEST)
        assert text.startswith("4 pictures were measured, and 1 of them is among those")
    finally:
        run(messages.CloseProject())


def test_train_and_evaluate_as_commands(tmp_path: Path) -> None:
    session, events = Session(), []

    def run(command: messages.Command) -> list[Event]:
        events.clear()
        session.run(command, CancelToken(), events.append)
        return list(events)

    run(messages.OpenSample())
    try:
        for number in (1, 2):
            answers = run(messages.Train(network="mlp", recipe=Recipe(epochs=1)))
            finished = next(event.record for event in answers if isinstance(event, TrainingFinished))
            assert finished.id == f"mlp-{number}"
            listed = next(event.runs for event in answers if isinstance(event, RunsChanged))
            assert [entry.id for entry in listed] == [f"mlp-{n}" for n in range(number, 0, -1)]
            assert not listed[0].stale
        (answer,) = [event for event in run(messages.Evaluate(run="mlp-2", split=Split.TEST)) if isinstance(event, EvaluationReady)]
        assert answer.evaluation.accuracy == finished.test_accuracy
        assert set(answer.evaluation.images) <= set(session.opened().snapshot.table.ids)
        with pytest.raises(UserError):
            run(messages.Evaluate(run="mlp-9", split=Split.TEST))
    finally:
        run(messages.CloseProject())
