"""The whole way in the real window with the real engine: digits, training, matrix, relabelling, using, closing in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from engine.host import EngineThread
from engine.messages import ClassifyFiles, Evaluate, OpenSample, SetLabels, Train
from engine.project.records import Split
from engine.project.runs import list_runs
from engine.training.recipe import Recipe
from gui.app import make_window
from gui.main_window import MainWindow
from gui.notifications import Channel
from gui.settings import Settings
from gui.widgets.unit_panel import Unit

PATIENCE = 60_000


@pytest.fixture
def window(qtbot, own_home) -> Iterator[MainWindow]:
    made = make_window(EngineThread(), Settings(), Channel())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.bridge.state.engine is not None, timeout=PATIENCE)
    yield made
    made.close()
    qtbot.waitUntil(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("fovea-")], timeout=PATIENCE)


def opened(window, qtbot):
    window.bridge.submit(OpenSample())
    qtbot.waitUntil(lambda: window.bridge.state.project is not None, timeout=PATIENCE)
    return window.bridge


def test_from_digits_to_an_answer(window, qtbot, tmp_path):
    bridge = opened(window, qtbot)
    assert len(bridge.state.images.ids) == 1797
    window.show_page("train")
    window.page("train").learning.unit_panel.unit_wanted.emit(Unit("conv3", 2))
    bridge.submit(Train("lenet-5", Recipe(epochs=4)))
    qtbot.waitUntil(lambda: bool(bridge.state.runs), timeout=PATIENCE)
    training = bridge.state.training
    assert [epoch.epoch for epoch in training.epochs] == [1, 2, 3, 4]
    assert training.epochs[-1].confusion.sum() == 357
    assert training.filters.filters.shape == (6, 5, 5, 1)
    assert (training.unit.layer, training.unit.channel, training.unit.epoch) == ("conv3", 2, 4)
    assert training.unit.heat.max() == pytest.approx(1)
    run = bridge.state.runs[0]
    assert run.outcome == "completed" and run.test_accuracy > 0.85

    window.show_page("check")
    qtbot.waitUntil(lambda: (run.id, Split.TEST) in bridge.state.evaluations, timeout=PATIENCE)
    evaluation = bridge.state.evaluations[run.id, Split.TEST]
    assert evaluation.accuracy == pytest.approx(run.test_accuracy, abs=1e-9)
    page = window.page("check")
    page.matrix.cell_clicked.emit(3, 3)
    assert page.pictures.count() == int(evaluation.confusion[3, 3])
    page.pictures.item(0).setSelected(True)
    image = page.pictures.selected()[0]
    qtbot.keyClick(page.pictures, "7")

    def class_name() -> str:
        row = int(np.searchsorted(bridge.state.images.ids, image))
        return next(record.name for record in bridge.state.classes if record.id == bridge.state.images.class_ids[row])

    qtbot.waitUntil(lambda: class_name() == "7", timeout=PATIENCE)
    qtbot.waitUntil(lambda: bridge.state.runs[0].stale, timeout=PATIENCE)
    window.actions_["undo"].trigger()
    qtbot.waitUntil(lambda: class_name() == "3", timeout=PATIENCE)
    qtbot.waitUntil(lambda: not bridge.state.runs[0].stale, timeout=PATIENCE)

    window.show_page("use")
    qtbot.waitUntil(lambda: bridge.state.model is not None and bridge.state.model.run == run.id, timeout=PATIENCE)
    picture = tmp_path / "seven.png"
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(picture)
    (tmp_path / "broken.jpg").write_bytes(b"")
    bridge.submit(ClassifyFiles((str(picture), str(tmp_path / "broken.jpg"))))
    qtbot.waitUntil(lambda: len(bridge.state.classified) == 2, timeout=PATIENCE)
    broken, answered = bridge.state.classified
    assert "empty" in broken.error
    assert answered.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_label_does_not_wait_for_a_training(window, qtbot):
    bridge = opened(window, qtbot)
    bridge.submit(Train("lenet-5", Recipe(epochs=1000)))
    qtbot.waitUntil(lambda: bridge.state.training is not None and bridge.state.training.steps > 0, timeout=PATIENCE)
    image = int(bridge.state.images.ids[0])
    begun = time.perf_counter()
    bridge.submit(SetLabels((image,), bridge.state.classes[5].id))
    qtbot.waitUntil(lambda: bridge.state.images.class_ids[0] == bridge.state.classes[5].id, timeout=PATIENCE)
    assert time.perf_counter() - begun < 1
    assert bridge.state.training.running


def test_closing_while_training_keeps_the_run_and_takes_less_than_two_seconds(window, qtbot):
    bridge = opened(window, qtbot)
    bridge.submit(Train("lenet-5", Recipe(epochs=1000)))
    qtbot.waitUntil(lambda: bridge.state.training is not None and len(bridge.state.training.epochs) >= 2, timeout=PATIENCE)
    folder = Path(bridge.state.project.folder)
    begun = time.perf_counter()
    window.close()
    assert time.perf_counter() - begun < 2
    runs = list_runs(folder)
    assert [run.outcome for run in runs] == ["cancelled"]
    assert runs[0].epochs >= 2


def test_a_second_window_on_the_project_is_told_and_can_only_look(window, qtbot):
    bridge = opened(window, qtbot)
    second = make_window(EngineThread(), Settings(project=bridge.state.project.folder), Channel())
    qtbot.addWidget(second)
    second.show()
    qtbot.waitUntil(lambda: second.bridge.state.project is not None, timeout=PATIENCE)
    assert "another" in second.bridge.state.project.read_only
    qtbot.waitUntil(lambda: second.banner.isVisible(), timeout=PATIENCE)
    second.bridge.submit(SetLabels((int(second.bridge.state.images.ids[0]),), None))
    qtbot.waitUntil(lambda: "SetLabels" in second.bridge.state.failures, timeout=PATIENCE)
    second.close()


def test_reopening_returns_to_where_it_was(window, qtbot, own_home):
    bridge = opened(window, qtbot)
    window.show_page("model")
    qtbot.waitUntil(lambda: not bridge.state.jobs, timeout=PATIENCE)
    window.close()
    from gui.settings import load

    again = make_window(EngineThread(), load(), Channel())
    qtbot.addWidget(again)
    again.show()
    qtbot.waitUntil(lambda: again.bridge.state.project is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: again.page_name == "model", timeout=PATIENCE)
    assert again.bridge.state.project.name == "Digits"
    again.close()


def test_evaluating_what_is_not_there_is_one_sentence(window, qtbot):
    bridge = opened(window, qtbot)
    bridge.submit(Evaluate("no-such-run", Split.TEST))
    qtbot.waitUntil(lambda: "Evaluate" in bridge.state.failures, timeout=PATIENCE)
    failure = bridge.state.failures["Evaluate"]
    assert "no-such-run" in failure.message and not failure.message.startswith("Unexpected")


def test_keys_alone_reach_every_page(window, qtbot):
    opened(window, qtbot)
    for number, name in enumerate(("data", "model", "train", "check", "use"), 1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda name=name: window.page_name == name, timeout=PATIENCE)
