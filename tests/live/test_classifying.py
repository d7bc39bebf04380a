"""Classifying what is dropped: every file is answered, nothing ends the lane, and several lanes may ask at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engine import messages
from engine.control import Cancelled, CancelToken
from engine.failure import UserError
from engine.live.classifying import classify_frame
from engine.messages import Classified, Event, FeatureMapsReady, ModelReady, Notice, TrainingFinished, UnitProbed
from engine.project.records import Split
from engine.session import Session
from engine.training.recipe import Recipe


class Asking:
    """A session with a trained run of the digits."""

    def __init__(self) -> None:
        self.session = Session()
        self.ask(messages.OpenSample())
        trained = self.ask(messages.Train(network="lenet-5", recipe=Recipe(epochs=3)))
        self.record = next(event.record for event in trained if isinstance(event, TrainingFinished))

    def ask(self, command: messages.Command, token: CancelToken | None = None) -> list[Event]:
        events: list[Event] = []
        self.session.run(command, token or CancelToken(), events.append)
        return events


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_HOME", str(tmp_path_factory.mktemp("live-home")))
        made = Asking()
        yield made
        made.ask(messages.CloseProject())


@pytest.fixture
def using(asking: Asking) -> Asking:
    asking.ask(messages.UseRun(run=asking.record.id))
    return asking


def test_use_and_unload(asking: Asking) -> None:
    (ready,) = asking.ask(messages.UseRun(run=asking.record.id))
    assert isinstance(ready, ModelReady)
    assert ready.classes == asking.record.classes
    assert "conv3" in ready.layers
    with pytest.raises(UserError):
        asking.ask(messages.UseRun(run="lenet-5-77"))
    assert asking.session.live is not None
    (ready,) = asking.ask(messages.UseRun(run=None))
    assert isinstance(ready, ModelReady)
    assert ready.run is None
    for command in (messages.ClassifyFiles(paths=("a.png",)), messages.ClassifyImages(images=(1,))):
        with pytest.raises(UserError, match="No model is in use"):
            asking.ask(command)
    assert classify_frame(asking.session, np.zeros((4, 4, 3), np.uint8)) == (None, (), None, 0.0)


def test_images_of_the_project_are_mostly_right(using: Asking) -> None:
    snapshot = using.session.opened().snapshot
    rows = np.flatnonzero(snapshot.table.splits == Split.TEST)[:100]
    images = tuple(snapshot.table.ids[rows].tolist())
    answers = using.ask(messages.ClassifyImages(images=(*images, 10**9)))
    assert isinstance(answers[-1], Notice)
    told = [event for event in answers if isinstance(event, Classified)]
    assert [event.image for event in told] == list(images)
    names = {record.id: record.name for record in snapshot.classes}
    right = [
        event.classes[int(event.probabilities.argmax())] == names[int(snapshot.table.class_ids[row])]
        for event, row in zip(told, rows, strict=True)
        if event.probabilities is not None
    ]
    assert np.mean(right) > 0.85


def test_files_and_folders_good_and_bad(using: Asking, tmp_path: Path) -> None:
    inner = tmp_path / "folder" / "deeper"
    inner.mkdir(parents=True)
    large = np.full((900, 1200, 3), 128, np.uint8)
    cv2.imwrite(str(inner / "good.png"), large)
    (inner / "empty.jpg").touch()
    (inner / "words.png").write_text("no picture")
    cv2.imwrite(str(tmp_path / "grey.png"), large[:, :, 0])
    paths = (str(tmp_path / "folder"), str(tmp_path / "grey.png"), str(tmp_path / "missing.png"))
    answers = {event.name: event for event in using.ask(messages.ClassifyFiles(paths=paths)) if isinstance(event, Classified)}
    assert set(answers) == {"good.png", "empty.jpg", "words.png", "grey.png", "missing.png"}
    for name in ("good.png", "grey.png"):
        assert answers[name].picture is not None
        assert max(answers[name].picture.shape[:2]) == 512
        assert answers[name].picture.shape[2] == 3
        assert answers[name].probabilities.sum() == pytest.approx(1, abs=1e-5)
    for name in ("empty.jpg", "words.png", "missing.png"):
        assert answers[name].probabilities is None
        assert answers[name].error


@pytest.mark.shared_data
def test_hostile_files_are_all_answered(using: Asking, shared_data: Path) -> None:
    folder = shared_data / "hostile"
    answers = [event for event in using.ask(messages.ClassifyFiles(paths=(str(folder),))) if isinstance(event, Classified)]
    assert len(answers) == sum(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*"))
    assert all((event.probabilities is None) == bool(event.error) for event in answers)


def test_cancelled_between_files(using: Asking, tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        using.ask(messages.ClassifyFiles(paths=(str(tmp_path / "a.png"),)), token)


def test_two_lanes_at_once_agree(using: Asking) -> None:
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (12, 40, 60, 3)).astype(np.uint8)
    expected = [classify_frame(using.session, frame)[2] for frame in frames]
    found: dict[int, list[np.ndarray | None]] = {}

    def lane(number: int) -> None:
        found[number] = [classify_frame(using.session, frame)[2] for frame in frames]

    lanes = [threading.Thread(target=lane, args=(number,)) for number in range(3)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    assert all(np.array_equal(answers, expected) for answers in found.values())


def test_classifying_leaves_the_threads_of_a_training_alone(using: Asking) -> None:
    torch.set_num_threads(2)
    thread = threading.Thread(target=classify_frame, args=(using.session, np.zeros((32, 32, 3), np.uint8)))
    thread.start()
    thread.join()
    assert torch.get_num_threads() == 2


def test_looking_into_a_run(using: Asking) -> None:
    image = int(using.session.opened().snapshot.table.ids[5])
    (maps,) = using.ask(messages.ShowFeatureMaps(run=using.record.id, image=image, layer="pool2"))
    assert isinstance(maps, FeatureMapsReady)
    assert maps.maps.shape == (6, 14, 14)
    assert maps.picture.shape == (32, 32, 3)
    (probed,) = using.ask(messages.ProbeUnit(run=using.record.id, image=image, layer="conv3", channel=1, row=-1, column=-1))
    assert isinstance(probed, UnitProbed)
    assert (probed.row, probed.column) == (5, 5)
    assert probed.box == (10, 10, 24, 24)
    with pytest.raises(UserError, match="no longer in the project"):
        using.ask(messages.ProbeUnit(run=using.record.id, image=10**9, layer="conv3", channel=1, row=-1, column=-1))
