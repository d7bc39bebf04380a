"""A run's word on every picture of a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import messages as m
from engine.control import Cancelled, CancelToken
from engine.failure import UserError
from engine.messages import Event, ScoresReady
from engine.session import Session
from engine.training.recipe import Recipe
from engine.training.saved import load_run


class Asking:
    """A project of two plain classes, with a run trained on it."""

    def __init__(self, root: Path) -> None:
        rng = np.random.default_rng(0)
        for name, level in (("dark", 40), ("light", 200)):
            (root / name).mkdir(parents=True)
            for number in range(40):
                Image.fromarray(np.uint8(rng.integers(0, 40, (12, 12, 3)) + level)).save(root / name / f"{name} {number}.png")
        self.session = Session()
        self.ask(m.NewProject("Two"))
        self.ask(m.ImportPaths((str(root),)))
        trained = self.ask(m.Train(network="softmax", recipe=Recipe(epochs=4)))
        self.run = next(event.record for event in trained if isinstance(event, m.TrainingFinished))

    def ask(self, command: m.Command, token: CancelToken | None = None) -> list[Event]:
        events: list[Event] = []
        self.session.run(command, token or CancelToken(), events.append)
        return events

    def scores(self) -> ScoresReady:
        return next(event for event in self.ask(m.ScoreImages(self.run.id)) if isinstance(event, ScoresReady))


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    made = Asking(tmp_path / "set")
    yield made
    made.session.project.close()


def test_every_picture_is_judged_as_the_run_judges_it(asking: Asking) -> None:
    snapshot = asking.session.project.snapshot
    ready = asking.scores()
    assert np.array_equal(ready.ids, snapshot.table.ids)
    assert (ready.predicted == snapshot.table.class_ids).mean() > 0.9
    assert (ready.predicted.dtype, ready.confidence.dtype, ready.own.dtype) == (np.int32, np.float32, np.float32)
    assert np.allclose(
        ready.own[ready.predicted == snapshot.table.class_ids], ready.confidence[ready.predicted == snapshot.table.class_ids]
    )
    wrong = ready.predicted != snapshot.table.class_ids
    assert np.allclose(ready.own[wrong], 1 - ready.confidence[wrong], atol=1e-5)
    run = load_run(asking.run.folder)
    pixels = np.full((1, run.record.preprocessing.height, run.record.preprocessing.width, run.record.preprocessing.channels), 220, np.uint8)
    assert run.probabilities(pixels).shape == (1, 2)


def test_unlabelled_unreadable_and_unknown(asking: Asking) -> None:
    snapshot = asking.session.project.snapshot
    first, second, third = snapshot.table.ids[:3].tolist()
    asking.ask(m.SetLabels((first,), None))
    asking.ask(m.AddClass("new"))
    new = asking.session.project.snapshot.classes[-1].id
    asking.ask(m.SetLabels((second,), new))
    (asking.session.project.folder / snapshot.locators[2].removeprefix("file:")).write_bytes(b"broken")
    ready = asking.scores()
    assert third not in ready.ids
    assert len(ready.ids) == len(snapshot.table.ids) - 1
    assert np.isnan(ready.own[:2]).all()
    assert not np.isnan(ready.own[2:]).any()


def test_classes_that_are_gone_or_renamed(asking: Asking) -> None:
    dark, light = asking.session.project.snapshot.classes
    asking.ask(m.RenameClass(light.id, "bright"))
    ready = asking.scores()
    assert set(ready.predicted.tolist()) == {dark.id, light.id}
    asking.ask(m.DeleteClass(dark.id))
    ready = asking.scores()
    assert set(ready.predicted.tolist()) == {-1, light.id}
    assert np.isnan(ready.own[asking.session.project.snapshot.table.class_ids < 0]).all()


def test_stops_and_refuses(asking: Asking) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        asking.ask(m.ScoreImages(asking.run.id), token)
    with pytest.raises(UserError):
        asking.ask(m.ScoreImages("nobody"))
