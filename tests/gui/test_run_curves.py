"""Many runs over each other: their colours, which one makes room, and what is said of it."""

import numpy as np
import pytest
from made import opened, run_record, started

from engine.messages import EngineReady, EpochDone, FailureText, HistoryLoaded, Outcome, RunsChanged, StepsDone, Train, TrainingMarked
from engine.project.records import RunHistory
from engine.training.recipe import Recipe
from gui.state import RunSelected
from gui.training_centre import TrainingCentre
from gui.training_curves import best_epoch, history_of
from gui.widgets.run_list import TEST, VALIDATION

NAMES = [f"Run {number}" for number in range(9)]


@pytest.fixture
def centre(qtbot, bridge, host) -> TrainingCentre:
    made = TrainingCentre(bridge)
    bridge.add_view(made)
    qtbot.addWidget(made)
    made.resize(640, 700)
    runs = tuple(run_record(str(number), title=name, best_epoch=1) for number, name in enumerate(NAMES))
    host.emit(EngineReady(devices=(), torch_version="2", seconds=1.0), opened(runs=runs))
    bridge.tick()
    made.show()
    bridge.refresh(made)
    return made


def shown(centre: TrainingCentre) -> dict[str, str]:
    return {line.key: line.colour for line in centre.runs._model.lines if line.ticked}


def test_all_colours_differ_and_stay_and_the_oldest_tick_makes_room(centre) -> None:
    for run in "7531":
        centre.runs.line_ticked.emit(run, True)
    before = shown(centre)
    for run in "86":
        centre.runs.line_ticked.emit(run, True)
    assert set(shown(centre)) == set("0753186") and len(set(shown(centre).values())) == 7
    assert not centre.said.text()
    centre.runs.line_ticked.emit("4", True)
    after = shown(centre)
    assert set(after) == set("7531864") and len(set(after.values())) == 7
    assert all(after[run] == before[run] for run in "7531")
    assert centre.said.text() == "At most 7 runs are shown; Run 0 was put away."
    centre.runs.line_ticked.emit("7", False)
    assert not centre.said.text()


def test_what_is_being_trained_does_not_make_room(centre, bridge, host) -> None:
    host.emit(started(job=1, run="0"))
    bridge.tick()
    for run in "12345678":
        centre.runs.line_ticked.emit(run, True)
    assert set(shown(centre)) == set("0345678")


def test_a_training_that_ended_without_a_record_can_go_on(centre, bridge, host) -> None:
    """So ends one for which the disk has no room."""
    job = bridge.submit(Train("lenet-5", Recipe()))
    host.begin(job)
    host.emit(started(job=job, run="0"), RunsChanged(runs=(run_record("0", outcome="interrupted", resumable=True),)))
    bridge.tick()
    bridge.refresh(centre)
    assert "is being trained" in centre.runs.said_of("0")
    host.finish(job, Outcome.FAILED, FailureText("disk", "The disk is full.", "Free some space."))
    bridge.tick()
    bridge.refresh(centre)
    assert "interrupted, can go on" in centre.runs.said_of("0")


def test_the_legend_has_a_line_a_run_and_little_of_the_height(centre, bridge, host) -> None:
    for run in "123456":
        centre.runs.line_ticked.emit(run, True)
    for run in "0123456":
        values = np.linspace(2, 1, 50, dtype=np.float32)
        epochs = np.array([25, 50]), *(np.array([1.5, 1.0], np.float32) for _ in range(4))
        host.emit(HistoryLoaded(history=RunHistory(run, values, values, *epochs)))
    bridge.tick()
    loss, accuracy = centre.plot._panels
    assert [text for _, text in centre.plot._legend_lines(loss, 400, 14)] == NAMES[:7]
    few = [text for _, text in centre.plot._legend_lines(loss, 170, 14)]
    assert few == [*NAMES[:3], "and 4 more"] and (len(few) * 14 + 8) <= 0.4 * 170
    assert not centre.plot._legend_lines(accuracy, 400, 14)  # it would say the same once more
    assert len({mark.colour for mark in centre.plot._marks}) == 7 and {mark.x for mark in centre.plot._marks} == {25.0}


def test_the_chosen_run_s_note_is_read_below_the_list(centre) -> None:
    centre.runs.show_runs((run_record("a", title="First", note="to repeat", outcome="cancelled"),), {})
    centre.runs.select("a")
    assert centre.said.text() == "First · stopped · to repeat"


def test_the_run_that_is_looked_at_is_bold_in_the_list(centre, bridge, host) -> None:
    def bold() -> list[str]:
        return [line.key for line in centre.runs._model.lines if line.bold]

    assert bold() == ["0"]
    bridge.dispatch(RunSelected(run="4"))
    bridge.tick()
    assert bold() == ["4"] and "is shown at the right" in centre.runs._model.lines[4].tip
    host.emit(started(job=1, run="2"))
    bridge.tick()
    assert bold() == ["2"]


def test_a_curve_alone_is_named_where_another_run_is_shown_at_the_right(centre, bridge, host) -> None:
    values = np.linspace(2, 1, 50, dtype=np.float32)
    epochs = np.array([25, 50]), *(np.array([1.5, 1.0], np.float32) for _ in range(4))
    host.emit(HistoryLoaded(history=RunHistory("0", values, values, *epochs)))
    bridge.tick()
    bridge.refresh(centre)
    assert [text for _, text in centre.plot._legend_lines(centre.plot._panels[0], 400, 14)] == ["training", "validation"]
    bridge.dispatch(RunSelected(run="4"))
    bridge.refresh(centre)
    named = ["Run 0 training", "Run 0 validation"]
    assert [text for _, text in centre.plot._legend_lines(centre.plot._panels[0], 400, 14)] == named


def epoch_done(epoch: int, accuracy: float, loss: float) -> EpochDone:
    return EpochDone(
        run="0", epoch=epoch, step=2 * epoch, train_loss=1.0, train_accuracy=0.5, validation_loss=loss, validation_accuracy=accuracy,
        confusion=None,
    )  # fmt: skip


def test_what_is_kept_follows_a_training_that_goes_on(centre, bridge, host) -> None:
    host.emit(started(run="0"), StepsDone(run="0", first_step=1, losses=np.ones(6), accuracies=np.ones(6), learning_rate=0.1))
    host.emit(epoch_done(1, 0.9, 0.3), epoch_done(2, 0.95, 0.3))
    bridge.tick()
    bridge.refresh(centre)
    reached = centre.runs._model.lines[0].values
    assert reached[VALIDATION] == pytest.approx(0.95) and reached[TEST] is None
    assert [(mark.x, mark.text) for mark in centre.plot._marks] == [(4.0, "kept")]
    host.emit(epoch_done(3, 0.95, 0.2))
    bridge.tick()
    bridge.refresh(centre)
    assert [mark.x for mark in centre.plot._marks] == [6.0]


@pytest.mark.parametrize(
    "accuracies, losses, best",
    [
        ([], [], 0),
        ([np.nan, np.nan], [np.nan, np.nan], 2),
        ([0.5, 0.9, 0.9, 0.9], [0.1, 0.4, 0.3, 0.3], 3),
        ([0.5, 0.9], [0.1, np.nan], 1),
    ],
)
def test_the_epoch_that_would_be_kept_is_that_of_the_record(accuracies, losses, best) -> None:
    figures = np.array(accuracies, np.float32), np.array(losses, np.float32)
    steps = np.arange(len(accuracies))
    assert best_epoch(RunHistory("0", figures[1], figures[0], steps, figures[1], figures[0], figures[1], figures[0])) == best


def test_what_happened_on_the_way_is_marked_in_a_run_of_an_earlier_sitting(centre, bridge, host) -> None:
    values = np.linspace(2, 1, 50, dtype=np.float32)
    epochs = np.array([25, 50]), *(np.array([1.5, 1.0], np.float32) for _ in range(4))
    marks = {"mark_steps": np.array([10, 10, 30]), "mark_texts": np.array(["Paused", "Went on", "Resumed"])}
    host.emit(HistoryLoaded(history=RunHistory("0", values, values, *epochs, **marks)))
    bridge.tick()
    assert [(mark.x, mark.text) for mark in centre.plot._marks] == [(25.0, "kept"), (10.0, "Paused, Went on"), (30.0, "Resumed")]


def test_what_happened_in_a_training_is_marked_in_the_curves_that_are_kept_of_it(bridge, host) -> None:
    host.emit(opened(), started(run="0"), StepsDone(run="0", first_step=1, losses=np.ones(4), accuracies=np.ones(4), learning_rate=0.1))
    host.emit(TrainingMarked(run="0", step=3, text="Learning rate halved"))
    bridge.tick()
    history = history_of(bridge.state.training)
    assert history.mark_steps.tolist() == [3] and history.mark_texts.tolist() == ["Learning rate halved"]
