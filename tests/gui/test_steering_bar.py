"""Steering a training, and what trying learning rates shows."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog

from engine.messages import (
    FindLearningRate,
    JobProgress,
    JobStarted,
    Lane,
    LearningRatesTried,
    SteerTraining,
    Train,
    TrainingPaused,
    TrainingStarted,
)
from engine.training.recipe import Recipe
from gui import plan
from gui.pages.train import TrainPage


@pytest.fixture
def page(train_page) -> TrainPage:
    return train_page


def begin(host, bridge) -> None:
    job = bridge.submit(Train("lenet-5", Recipe(epochs=3)))
    host.emit(JobStarted(job=job, command="Train", lane=Lane.JOBS, title="train"))
    host.emit(
        TrainingStarted(
            job=job,
            run="lenet-5-1",
            network="lenet-5",
            title="LeNet-5",
            recipe=Recipe(epochs=3, learning_rate=0.01),
            parameters=1,
            device="cpu",
            classes=("a", "b"),
            train_images=10,
            validation_images=2,
            test_images=2,
            steps_per_epoch=4,
        )
    )
    bridge.tick()


def test_pause_and_go_on(page, bridge, host):
    assert not page.steering.isVisible()
    begin(host, bridge)
    bar = page.steering
    assert bar.isVisible() and bar.pause_button.text() == "Pause"
    QTest.mouseClick(bar.pause_button, Qt.MouseButton.LeftButton)
    assert host.sent(SteerTraining)[-1].paused is True and not bar.pause_button.isEnabled()
    host.emit(TrainingPaused(run="lenet-5-1", paused=True, step=3))
    bridge.tick()
    assert bar.pause_button.isEnabled() and bar.pause_button.text() == "Go on"
    QTest.mouseClick(bar.pause_button, Qt.MouseButton.LeftButton)
    assert host.sent(SteerTraining)[-1].paused is False


def test_changes_are_relative_to_what_is_planned(page, bridge, host):
    begin(host, bridge)
    page.steering.menu.aboutToShow.emit()
    actions = {action.text(): action for action in page.steering.menu.actions() if action.text()}
    actions["Half the learning rate (peak 0.005)"].trigger()
    assert host.sent(SteerTraining)[-1].learning_rate == pytest.approx(0.005)
    for epochs in (8, 13):
        page.steering.menu.aboutToShow.emit()
        actions = {action.text(): action for action in page.steering.menu.actions() if action.text()}
        actions["5 more epochs"].trigger()
        bridge.tick()
        assert host.sent(SteerTraining)[-1].epochs == epochs
    actions["Finish after this epoch"].trigger()
    assert host.sent(SteerTraining)[-1].finish


def test_own_values_are_asked_for_until_they_are_numbers(monkeypatch, page, bridge, host):
    begin(host, bridge)
    page.steering.menu.aboutToShow.emit()
    actions = {action.text(): action for action in page.steering.menu.actions()}
    typed, asked = iter([("much", True), ("-1", True), ("0,004", True), ("7", True), ("", False)]), []

    def answer(parent, title, words, text):
        asked.append(words)
        return next(typed)

    monkeypatch.setattr(QInputDialog, "getText", answer)
    actions["Learning rate…"].trigger()
    assert host.sent(SteerTraining)[-1].learning_rate == 0.004
    assert '"much" is not a number' in asked[1] and "Choose a number" in asked[2]
    actions["Epochs…"].trigger()
    assert host.sent(SteerTraining)[-1].epochs == 7
    number = len(host.sent(SteerTraining))
    actions["Epochs…"].trigger()
    assert len(host.sent(SteerTraining)) == number


def test_a_rate_beyond_sense_is_told_and_taken_when_it_is_given_again(monkeypatch, page, bridge, host):
    begin(host, bridge)
    page.steering.menu.aboutToShow.emit()
    action = next(action for action in page.steering.menu.actions() if action.text() == "Learning rate…")
    asked = []
    monkeypatch.setattr(QInputDialog, "getText", lambda parent, title, words, text: (asked.append(words), ("1000", True))[1])
    action.trigger()
    assert host.sent(SteerTraining)[-1].learning_rate == 1000
    assert len(asked) == 2 and asked[1].startswith("1000 is 100,000 times the recipe's 0.01")


def test_what_is_paused_does_not_say_that_it_trains(page, bridge, host):
    begin(host, bridge)
    job = bridge.state.training.job
    host.emit(JobProgress(job=job, fraction=0.5, text="epoch 2 of 3", seconds_left=20.0, images_per_second=900.0))
    bridge.tick()
    assert "900 pictures/s" in page.centre.progress.words.text()
    host.emit(TrainingPaused(run="lenet-5-1", paused=True, step=3))
    bridge.tick()
    assert page.centre.progress.words.text() == "Paused · epoch 2 of 3"
    host.emit(TrainingPaused(run="lenet-5-1", paused=False, step=3))
    bridge.tick()
    assert "900 pictures/s" in page.centre.progress.words.text()


def test_rates_are_tried_shown_and_taken(page, bridge, host):
    page.recipe.rates_button.setEnabled(True)
    QTest.mouseClick(page.recipe.rates_button, Qt.MouseButton.LeftButton)
    assert host.sent(FindLearningRate)[-1].network == plan.network_name(bridge.state)
    rates = np.geomspace(1e-6, 1, 50).astype(np.float32)
    host.emit(LearningRatesTried(rates=rates, losses=np.linspace(2, 1, 50, dtype=np.float32), suggested=0.0032, network="lenet-5"))
    bridge.tick()
    assert page.centre.rates.isVisible() and "0.0032" in page.centre.rates.words.text()
    QTest.mouseClick(page.centre.rates.take_button, Qt.MouseButton.LeftButton)
    bridge.tick()
    assert plan.recipe(bridge.state).learning_rate == pytest.approx(0.0032) and not page.centre.rates.isVisible()
    column = page.recipe
    assert column.taken.isVisible() and column.taken.text() == "Learning rate 0.0032 is set." and not column.form.inside.isVisible()
    column.form.cards["solid"].click()
    bridge.tick()
    assert not column.taken.isVisible()


def test_rates_that_never_help_say_so(page, bridge, host):
    losses = np.linspace(1, 5, 20, dtype=np.float32)
    host.emit(LearningRatesTried(rates=np.geomspace(1e-6, 1, 20).astype(np.float32), losses=losses, suggested=None, network="lenet-5"))
    bridge.tick()
    assert "did not fall" in page.centre.rates.words.text() and not page.centre.rates.take_button.isVisible()
