"""Train: one button, curves from events, stopping told at once, and a way out of what went wrong."""

import msgspec
import numpy as np
import pytest
from made import opened, run_record, started
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from engine.messages import (
    EpochDone,
    FailureText,
    FiltersChanged,
    HistoryLoaded,
    JobProgress,
    LoadHistory,
    Outcome,
    PinUnit,
    ProbeUnit,
    Remember,
    RunsChanged,
    StepsDone,
    Train,
    TrainingFinished,
    UnitProbed,
)
from engine.project.records import RunHistory
from engine.training.presets import PRESETS
from engine.training.recipe import Recipe
from gui.pages.train import TrainPage
from gui.training_curves import steps


@pytest.fixture
def page(train_page) -> TrainPage:
    return train_page


def press_train(page, bridge, host) -> int:
    page.train_button.click()
    job = host.commands.index(host.sent(Train)[-1]) + 1
    host.begin(job)
    host.emit(started(job=job))
    bridge.tick()
    return job


def learn(bridge, host, job, epochs=2, steps_an_epoch=5, run="run-1") -> None:
    for epoch in range(1, epochs + 1):
        first = (epoch - 1) * steps_an_epoch + 1
        losses = np.linspace(2 / epoch, 1 / epoch, steps_an_epoch, dtype=np.float32)
        host.emit(
            StepsDone(job=job, run=run, first_step=first, losses=losses, accuracies=1 - losses / 3, learning_rate=0.003),
            FiltersChanged(job=job, run=run, step=first, filters=np.full((6, 5, 5, 1), epoch, np.float32)),
            EpochDone(
                job=job, run=run, epoch=epoch, step=epoch * steps_an_epoch, train_loss=1.0, train_accuracy=0.5, validation_loss=0.9,
                validation_accuracy=0.6, confusion=np.eye(3, dtype=np.int64) * epoch,
            ),
        )  # fmt: skip
    bridge.tick()


def test_the_button_sends_network_recipe_and_size(page, bridge, host):
    press_train(page, bridge, host)
    sent = host.sent(Train)[0]
    assert (sent.network, sent.recipe, sent.size) == ("lenet-5", PRESETS["solid"].recipe, None)
    assert host.sent(PinUnit)[0].layer == "conv5"
    assert page.train_button.text() == "Stop and keep"


def test_curves_filters_and_matrix_follow_the_events(page, bridge, host):
    job = press_train(page, bridge, host)
    learn(bridge, host, job)
    loss, accuracy = page.centre.plot._panels
    assert [series.bold for series in loss.series] == [False, True]
    assert loss.series[0].x.tolist() == list(range(1, 11)) and loss.series[1].x.tolist() == [5.0, 10.0]
    assert accuracy.factor == 100 and len(accuracy.series[0].y) == 10
    assert page.learning.filters.table()[1][-1] == "2" and page.learning.matrix.table()[1][1] == 2
    assert page.learning.matrix_title.text() == "Validation, epoch 2"


def test_smoothed_labels_are_told_beside_the_loss(page, bridge, host):
    job = press_train(page, bridge, host)
    host.emit(msgspec.structs.replace(started(job=job), recipe=Recipe(label_smoothing=0.1)))
    learn(bridge, host, job)
    assert [panel.series[0].name for panel in page.centre.plot._panels] == ["training, smoothed labels", "training"]


@pytest.mark.parametrize("width, words", [(1240, "mean of 5"), (1072, "smooth"), (1000, None)])
def test_the_slider_of_the_smoothing_is_named_where_there_is_room(page, width, words):
    page.resize(width, 700)
    label = page.centre.controls.words
    assert label.isVisible() == bool(words) and (not words or label.text() == words) and label.toolTip() == "mean of 5"


def test_progress_is_told_in_words(page, bridge, host):
    job = press_train(page, bridge, host)
    host.emit(JobProgress(job=job, fraction=0.41, text="Epoch 3 of 8", seconds_left=12.0, images_per_second=5120.0))
    bridge.tick()
    assert page.centre.progress.words.toolTip() == "Epoch 3 of 8 · 12 s left · 5,120 pictures/s"
    assert page.centre.progress.bar.isVisible() and page.centre.progress.bar.value() == 410


def test_stopping_is_said_at_once_and_asked_for_once(page, bridge, host):
    job = press_train(page, bridge, host)
    page.train_button.click()
    assert page.train_button.text() == "Stopping…" and not page.train_button.isEnabled()
    bridge.tick()
    page.train_button.click()
    assert host.cancelled == [job]
    host.finish(job, Outcome.CANCELLED)
    bridge.tick()
    assert page.train_button.text() == "Train" and page.train_button.isEnabled()


def test_a_click_that_was_meant_for_stop_begins_no_training(page, bridge, host):
    job = press_train(page, bridge, host)
    host.finish(job, Outcome.FAILED)
    bridge.tick()
    assert page.train_button.text() == "Train"
    page.train_button.click()
    assert len(host.sent(Train)) == 1
    page._calm.stop()
    page.train_button.click()
    assert len(host.sent(Train)) == 2


def test_a_click_that_was_meant_for_one_training_does_not_stop_the_next(page, bridge, host):
    job = press_train(page, bridge, host)
    page.next_button.click()
    bridge.tick()
    host.finish(job, Outcome.FAILED)
    bridge.tick()
    page.train_button.click()
    assert host.cancelled == []
    page._calm.stop()
    page.train_button.click()
    assert len(host.cancelled) == 1 and len(host.sent(Train)) == 2


def test_a_diverged_run_offers_a_tenth(page, bridge, host):
    job = press_train(page, bridge, host)
    learn(bridge, host, job, epochs=1)
    failure = FailureText("user", "The loss became NaN at step 6 with learning rate 0.003.", "Try 0.0003.")
    host.finish(job, Outcome.FAILED, failure)
    bridge.tick()
    assert "step 6" in page.centre.banner.words.text() and f"{Recipe().learning_rate / 10:g}" in page.centre.banner.buttons[0].text()
    page.centre.banner.buttons[0].click()
    assert host.sent(Train)[-1].recipe.learning_rate == pytest.approx(Recipe().learning_rate / 10)
    bridge.tick()
    assert page.recipe.form.recipe.learning_rate == pytest.approx(Recipe().learning_rate / 10)


def test_nothing_is_trained_while_a_field_is_wrong(page, bridge, host):
    job = press_train(page, bridge, host)
    learn(bridge, host, job, epochs=1)
    host.finish(job, Outcome.FAILED, FailureText("user", "The loss became NaN at step 7 with learning rate 1.", "Try 0.1."))
    bridge.tick()
    form, sent = page.recipe.form, len(host.sent(Train))
    page.recipe.advanced_button.click()
    page.recipe.sweep_button.click()
    epochs = form.editors["epochs"]
    buttons = (page.train_button, page.recipe.rates_button, page.recipe.batches_button, page.recipe.sweep_button)
    assert page.train_button.isEnabled() and page.sweeps.panel.train_button.isVisibleTo(page.sweeps.panel)
    epochs.selectAll()
    QTest.keyClicks(epochs, "-5")
    assert form.fault and not any(button.isEnabled() for button in buttons)
    assert not page.sweeps.panel.train_button.isVisibleTo(page.sweeps.panel)
    QTest.mouseClick(page.train_button, Qt.MouseButton.LeftButton)
    assert len(host.sent(Train)) == sent
    epochs.selectAll()
    QTest.keyClicks(epochs, "5")
    assert not form.fault and page.train_button.isEnabled() and page.recipe.sweep_button.isEnabled()


def test_another_failure_offers_nothing_of_the_kind(page, bridge, host):
    job = press_train(page, bridge, host)
    host.finish(job, Outcome.FAILED, FailureText("memory", "The device ran out of memory.", "Choose a smaller batch."))
    bridge.tick()
    assert "smaller batch" in page.centre.banner.words.text() and not page.centre.banner.buttons[0].isVisible()


@pytest.mark.parametrize(
    ("event", "words", "leads"),
    [(opened(0), "no pictures", "data"), (opened(4, [1] * 4), "one class", "data"), (None, "No project", "start")],
)
def test_what_is_missing_is_said_and_leads_on(qtbot, bridge, host, settings, event, words, leads):
    page = TrainPage(bridge, settings)
    qtbot.addWidget(page)
    if event is not None:
        host.emit(event)
        bridge.tick()
    page.show()
    assert words in page.centre.banner.words.text() and not page.train_button.isEnabled() and words in page.train_button.toolTip()
    with qtbot.waitSignal(page.page_wanted) as caught:
        page.centre.banner.buttons[0].click()
    assert caught.args == [leads]


def test_ticked_runs_lie_over_each_other(page, bridge, host):
    host.emit(RunsChanged(runs=(run_record("b"), run_record("a"))))
    bridge.tick()
    assert [command.run for command in host.sent(LoadHistory)] == ["b"]
    page.centre.runs.line_ticked.emit("a", True)
    assert [command.run for command in host.sent(LoadHistory)] == ["b", "a"]
    for run in ("a", "b"):
        values = np.arange(3, dtype=np.float32)
        epochs = np.array([3]), *(np.array([0.5], np.float32) for _ in range(4))
        host.emit(HistoryLoaded(history=RunHistory(run, values, values, *epochs)))
    bridge.tick()
    names = [series.name for series in page.centre.plot._panels[0].series]
    assert names == [f"LeNet-5 · {run} {word}" for run in "ba" for word in ("training", "validation")]
    assert [series.legend for series in page.centre.plot._panels[0].series] == ["", "LeNet-5 · b", "", "LeNet-5 · a"]
    assert len({series.colour for series in page.centre.plot._panels[0].series}) == 2
    page.centre.runs.line_ticked.emit("b", False)
    alone = [series.name for series in page.centre.plot._panels[0].series]
    assert alone == ["LeNet-5 · a training", "LeNet-5 · a validation"], "b is shown at the right"


def test_a_click_on_the_picture_pins_the_unit_that_looks_there(page, bridge, host):
    job = press_train(page, bridge, host)
    page.learning.unit_panel.layer_box.setCurrentText("conv1")
    page.learning.unit_panel.layer_box.activated.emit(0)
    field = UnitProbed(
        job=job, run="run-1", image=11, layer="conv1", channel=0, row=14, column=14, box=(14, 14, 19, 19),
        heat=np.ones((32, 32), np.float32), picture=np.zeros((32, 32, 3), np.uint8), activation=0.5, epoch=1,
    )  # fmt: skip
    host.emit(field)
    bridge.tick()
    page.learning.unit_panel.picture.pixel_clicked.emit(2, 30)
    pinned = host.sent(PinUnit)[-1]
    assert (pinned.layer, pinned.row, pinned.column) == ("conv1", 0, 27)
    assert not host.sent(ProbeUnit)
    host.emit(TrainingFinished(job=job, record=run_record("run-1")))
    host.finish(job)
    bridge.tick()
    page.learning.unit_panel.picture.pixel_clicked.emit(16, 16)
    assert host.sent(ProbeUnit)[-1].run == "run-1"


def test_smoothing_by_keys_is_kept(page, bridge, host):
    slider = page.centre.controls.smoothing
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert [(command.key, command.value) for command in host.sent(Remember)] == [("train.smoothing", str(slider.value()))]
    place = slider.value()
    bridge.submit(Remember("train.log", "1"))
    bridge.tick()
    assert slider.value() == place and len(host.sent(Remember)) == 2


def test_a_fresh_page_shows_the_kept_choices(qtbot, bridge, host, settings):
    host.emit(opened(memory={"network": "nearest-neighbour", "train.smoothing": "0", "train.log": "1"}))
    bridge.tick()
    page = TrainPage(bridge, settings)
    qtbot.addWidget(page)
    page.show()
    assert "Nearest neighbour" in page.network_button.text()
    assert page.centre.controls.smoothing.value() == 0 and page.centre.controls.log_box.isChecked()
    assert page.recipe.form.editors["neighbours"].isVisible()
    page.train_button.click()
    assert host.sent(Train)[0].network == "nearest-neighbour" and not host.sent(PinUnit)


def test_steps_count_from_one():
    assert steps(3).tolist() == [1, 2, 3] and steps(10_000)[-1] == 10_000


def test_a_run_without_steps_is_not_asked_for_curves(page, bridge, host):
    host.emit(RunsChanged(runs=(run_record("nearest-neighbour-1", steps=0, epochs=0),)))
    bridge.tick()
    assert not host.sent(LoadHistory)


def test_a_narrow_window_leaves_the_room_to_the_curves(qtbot, page):
    page.resize(1080, 700)
    qtbot.waitUntil(page.learning.isVisible)
    page.resize(700, 500)
    qtbot.waitUntil(lambda: not page.learning.isVisible() and page.centre.plot.width() > 300)
