"""Sweeps in the window: choosing, counting, the queue, growing plots, stopping as one, opening again."""

import numpy as np
import pytest
from made import opened, run_record, started
from msgspec.structs import replace
from PySide6.QtCore import QPoint, QSizeF, Qt

from engine.messages import (
    EpochDone,
    FailureText,
    HistoryLoaded,
    LoadHistory,
    Outcome,
    ProjectChanged,
    Remember,
    RunsChanged,
    StepsDone,
    Train,
    TrainingFinished,
)
from engine.project.records import RunHistory
from engine.training.recipe import Recipe
from engine.training.sweeping import place_of
from gui.pages.train import TrainPage
from gui.sweep_cells import Member, loss_of, spread, winner
from gui.sweeps import BOARD, CHOICES
from gui.training_curves import panels
from gui.widgets.small_multiples import Cell, SmallMultiples

TITLES = ("loss (nats)", "accuracy (%)", "training", "validation")


def settle(bridge, host):
    """Let the bridge take all that the host has said, which takes it several ticks where others use the computer."""
    bridge.tick()
    while host.waiting:
        bridge.tick()


@pytest.fixture
def page(train_page) -> TrainPage:
    train_page.resize(1280, 800)
    return train_page


def history(run="a", steps=6, epochs=2, accuracy=0.9) -> RunHistory:
    values = np.linspace(2, 1, steps, dtype=np.float32)
    ends = np.linspace(steps / epochs, steps, epochs).astype(np.int64)
    figures = np.linspace(accuracy / 2, accuracy, epochs, dtype=np.float32)
    return RunHistory(run, values, 1 - values / 3, ends, figures, figures, 1 - figures, figures)


def choose(page, field, *values):
    page.recipe.sweep_button.click()
    panel = page.sweeps.panel
    panel.set_field(field)
    for value, chip in list(panel.chips.items()):
        if chip.isChecked() != (value in values):
            chip.click()
    return panel


def begin(page, bridge, host, field="activation", values=("relu", "tanh", "sigmoid")):
    choose(page, field, *values).train_button.click()
    settle(bridge, host)
    return [number for number, command in enumerate(host.commands, start=1) if isinstance(command, Train)]


def learn(bridge, host, job, run, accuracy=0.8):
    host.begin(job)
    host.emit(
        started(run, job=job),
        StepsDone(
            job=job, run=run, first_step=1, losses=np.ones(5, np.float32), accuracies=np.ones(5, np.float32) / 2, learning_rate=0.1
        ),
        EpochDone(
            job=job, run=run, epoch=1, step=5, train_loss=1.0, train_accuracy=0.5, validation_loss=0.9,
            validation_accuracy=accuracy, confusion=None,
        ),
    )  # fmt: skip
    settle(bridge, host)


def end(bridge, host, job, run, accuracy=0.8):
    sweep = host.commands[job - 1].sweep
    record = run_record(run, accuracy, sweep=sweep)
    host.emit(TrainingFinished(job=job, record=record), RunsChanged(job=job, runs=(record, *bridge.state.runs)))
    host.finish(job)
    settle(bridge, host)
    return record


def shown(page) -> dict[str, Cell]:
    return {cell.title: cell for cell in page.sweeps.board.plots._cells}


# ---------------------------------------------------------------- choosing


def test_what_is_offered_follows_the_network(page):
    page.recipe.sweep_button.click()
    panel = page.sweeps.panel
    assert page.centre.place.shown == CHOICES and panel.isVisible() and not page.centre.plot.isVisible()
    assert panel.field == "learning_rate" and len(panel.values) == 5 and panel.train_button.text() == "Train these 5"
    fields = {panel.field_box.itemData(row) for row in range(panel.field_box.count())}
    assert "activation" in fields and "shortcut" not in fields
    panel.close_button.click()
    assert page.centre.plot.isVisible() and not panel.isVisible()


def test_typed_values_join_the_suggested_ones_in_their_order(page, qtbot):
    panel = choose(page, "learning_rate", "0.006")
    panel.value_field.setText("0.5 1e-5")
    panel.add_button.click()
    assert panel.values == ("0.006", "0.5", "1e-5") and panel.train_button.text() == "Train these 3"
    assert next(iter(panel.chips)) == "1e-5" and not panel.value_field.text()


def test_a_typed_value_is_taken_out_by_its_cross_or_delete_and_an_offered_one_unticked(page, qtbot):
    panel = choose(page, "learning_rate", "0.006")
    panel.value_field.setText("0.5 0.7")
    panel.add_button.click()
    panel.value_field.setText("0.9")  # being typed
    cross = panel.chips["0.5"].rect().center() + QPoint(panel.chips["0.5"].width() // 2 - 20, 0)
    qtbot.mouseClick(panel.chips["0.5"], Qt.MouseButton.LeftButton, pos=cross)
    assert panel.values == ("0.006", "0.7") and "0.5" not in panel.chips and panel.value_field.text() == "0.9"
    qtbot.keyClick(panel.chips["0.7"], Qt.Key.Key_Delete)
    qtbot.keyClick(panel.chips["0.006"], Qt.Key.Key_Delete)
    assert panel.values == () and "0.7" not in panel.chips and not panel.chips["0.006"].isChecked()
    assert "nothing to train" in panel.cost.text()


def test_a_value_that_cannot_be_trained_is_named_before_anything_begins(page, host):
    panel = choose(page, "batch", "128")
    panel.value_field.setText("many")
    panel.add_button.click()
    assert '"many" is no whole number' in panel.cost.text() and "many" not in panel.chips and panel.values == ("128",)
    assert panel.train_button.isVisible() and panel.train_button.text() == "Train it"
    panel.chips["128"].click()
    assert "nothing to train" in panel.cost.text()
    assert not host.sent(Train)


def test_time_is_estimated_by_earlier_runs_and_said_to_be(page, bridge, host):
    panel = choose(page, "activation", "relu", "sigmoid")
    assert "told once" in panel.cost.text()
    record = run_record("a", seconds=6.0, epochs=3, train_images=4)  # 2 s an epoch of 4 pictures
    host.emit(RunsChanged(runs=(record,)))
    settle(bridge, host)
    epochs = bridge.state.runs[0].recipe.epochs
    assert epochs == 8 and panel.cost.text().startswith("Estimated: about ")
    # two trainings of ten epochs (Solid), of as many pictures as there are (4 of 8 labelled ones)
    assert "40 s" in panel.cost.text() or "min" in panel.cost.text()


def test_the_estimate_counts_the_epochs_that_few_pictures_need(page, bridge, host):
    page.recipe.form.cards["quick-look"].click()
    settle(bridge, host)
    panel = choose(page, "activation", "relu", "sigmoid")
    host.emit(RunsChanged(runs=(run_record("a", seconds=4.0, epochs=8, train_images=4),)))  # half a second an epoch
    settle(bridge, host)
    assert "about 1 min" in panel.cost.text()  # Quick look is one epoch, and of four pictures the 64 that make its least steps


def test_repeats_are_other_seeds_and_none_are_offered_of_seeds(page, bridge, host):
    panel = choose(page, "activation", "relu", "sigmoid")
    panel.repeats_box.setValue(2)
    assert panel.train_button.text() == "Train these 4"
    panel.train_button.click()
    assert [(place_of(one.sweep).value, one.recipe.seed) for one in host.sent(Train)] == [
        ("relu", 0), ("relu", 1), ("sigmoid", 0), ("sigmoid", 1),
    ]  # fmt: skip
    panel = choose(page, "seed", "0", "1")
    assert not panel.repeats_box.isVisible() and panel.repeats == 1


def test_what_was_ticked_stays_while_other_fields_are_looked_at(page):
    panel = choose(page, "activation", "gelu")
    panel.set_field("batch")
    panel.set_field("activation")
    assert panel.values == ("gelu",) and panel.chips["gelu"].isChecked()


# ---------------------------------------------------------------- training


def test_each_value_is_a_training_in_the_queue(page, bridge, host):
    jobs = begin(page, bridge, host)
    assert [command.variant for command in host.sent(Train)] == ["activation=relu", "activation=tanh", "activation=sigmoid"]
    assert len({place_of(command.sweep).sweep for command in host.sent(Train)}) == 1 and len(jobs) == 3
    assert page.centre.place.shown == BOARD
    assert {title: cell.words for title, cell in shown(page).items()} == dict.fromkeys(("ReLU", "Tanh", "Sigmoid"), "waits for its turn")
    assert page.sweeps.board.words.text() == "Activation of LeNet-5"
    assert page.sweeps.board.result.text().startswith("0 of 3 trained.")


def test_plots_grow_while_they_train_and_stay_when_the_next_begins(page, bridge, host):
    one, two, _ = begin(page, bridge, host)
    learn(bridge, host, one, "a", 0.8)
    assert shown(page)["ReLU"].caption.replace("\u202f", " ") == "80.0 %, 1 epoch"
    assert [series.bold for series in shown(page)["ReLU"].panels[0].series] == [False, True]
    end(bridge, host, one, "a", 0.8)
    learn(bridge, host, two, "b", 0.9)
    cells = shown(page)
    assert [len(cells[name].panels[1].series) for name in ("ReLU", "Tanh", "Sigmoid")] == [2, 2, 0]
    assert cells["Tanh"].best and not cells["ReLU"].best
    assert page.sweeps.board.result.text().startswith("1 of 3 trained.")
    assert "a" in [command.run for command in host.sent(LoadHistory)]


def of(accuracy, loss):
    return [Member("activation", "relu", 0, 0, "a", "lenet-5", accuracy=accuracy, loss=loss)]


@pytest.mark.parametrize(
    "values, value, mark, words",
    [
        ({"a": of(0.9, 0.1), "b": of(0.8, 0.05)}, "a", "best", ""),
        ({"a": of(0.9, 0.2), "b": of(0.9, 0.1)}, "b", "best by loss", "accuracies are equal"),
        ({"a": of(0.9, 0.2), "b": of(0.9, 0.1), "c": of(0.8, 0.05)}, "b", "best by loss", "the highest accuracies are equal"),
        ({"a": of(0.9, 0.1), "b": of(0.9, 0.1)}, "", "", "None is best"),
        ({"a": of(0.9, None), "b": of(0.9, 0.1)}, "", "", "The highest accuracies are equal"),
        ({"a": of(0.9, 0.1), "b": of(None, None)}, "", "", ""),
    ],
)
def test_loss_decides_where_accuracies_are_equal(values, value, mark, words):
    found = winner(values)
    assert (found.value, found.mark) == (value, mark) and words in found.words


def test_the_loss_of_a_run_is_that_of_the_weights_that_are_kept():
    figures = np.array([0.5, 0.9, 0.9], np.float32), np.array([0.1, 0.4, 0.3], np.float32)
    one = RunHistory("a", *(np.ones(3, np.float32),) * 2, np.arange(1, 4), *figures, figures[1], figures[0])
    assert loss_of(one) == pytest.approx(0.3) and loss_of(history(accuracy=np.nan)) is None


def test_the_name_of_a_sweep_ends_in_an_ellipsis_where_it_has_no_room(page, bridge, host):
    begin(page, bridge, host)
    words = page.sweeps.board.words
    words.resize(60, 20)
    assert words.shown().endswith("…") and words.toolTip() == words.text() and not words.grab().isNull()


def test_a_failure_is_told_in_its_plot_and_the_others_go_on(page, bridge, host):
    one, two, _ = begin(page, bridge, host)
    host.begin(one)
    host.finish(one, Outcome.FAILED, FailureText("user", "The loss became NaN at step 1.", "Lower the rate."))
    learn(bridge, host, two, "b")
    assert shown(page)["ReLU"].words == "The loss became NaN at step 1."
    assert shown(page)["Tanh"].caption


def test_the_whole_sweep_is_stopped_at_once_the_waiting_first(page, bridge, host):
    one, two, three = begin(page, bridge, host)
    learn(bridge, host, one, "a")
    board = page.sweeps.board
    board.stop_button.click()
    assert host.cancelled == [three, two, one] and not board.stop_button.isEnabled()
    for job in (three, two):
        host.finish(job, Outcome.CANCELLED)
    end(bridge, host, one, "a")
    assert not board.stop_button.isVisible()
    assert {title: cell.words for title, cell in shown(page).items()} == {"ReLU": "", "Tanh": "taken back", "Sigmoid": "taken back"}
    begin(page, bridge, host)
    assert board.stop_button.isVisible() and board.stop_button.isEnabled()


def test_a_sweep_is_opened_again_from_one_of_its_runs(page, bridge, host):
    runs = tuple(
        run_record(f"r{seed}{value}", 0.9 + seed / 100, sweep=f"then batch={value}", recipe=Recipe(batch=int(value), seed=seed))
        for value in ("128", "16")
        for seed in (0, 1)
    )
    host.emit(RunsChanged(runs=(*runs, run_record("alone"))))
    settle(bridge, host)
    menu = page.centre.runs.menu_for(["r0128"])
    entry = next(action for action in menu.actions() if action.text() == "Show its sweep")
    entry.trigger()
    assert page.centre.place.shown == BOARD and list(shown(page)) == ["16", "128"]
    assert {command.run for command in host.sent(LoadHistory)} >= {run.id for run in runs}
    for run in runs:
        host.emit(HistoryLoaded(history=history(run.id)))
    settle(bridge, host)
    cell = shown(page)["16"]
    assert [series.name for series in cell.panels[0].series] == [
        "seed 0 training", "seed 0 validation", "seed 1 training", "seed 1 validation",
    ]  # fmt: skip
    assert cell.caption == spread([0.90, 0.91])
    assert page.sweeps.board.words.text() == "Batch of LeNet-5"
    alone = page.centre.runs.menu_for(["alone"])
    assert not next(action for action in alone.actions() if action.text() == "Show its sweep").isEnabled()
    menu.deleteLater()
    alone.deleteLater()


def test_seeds_have_mean_and_deviation_in_the_line_above(page, bridge, host):
    runs = tuple(run_record(f"s{seed}", 0.9 + seed / 50, sweep=f"then seed={seed}") for seed in range(3))
    host.emit(RunsChanged(runs=runs))
    settle(bridge, host)
    page.sweeps.show_run("s1")
    assert page.sweeps.board.result.text().replace("\u202f", " ").startswith("92.0 ± 2.0 %, mean of 3.")


def test_a_classifier_without_layers_has_nothing_to_vary(page, bridge, host):
    page.recipe.sweep_button.click()
    bridge.submit(Remember("network", "nearest-neighbour"))
    settle(bridge, host)
    assert page.centre.place.shown == "" and not page.recipe.sweep_button.isVisible()


def test_a_chosen_network_changes_what_is_offered(page, bridge, host):
    page.recipe.sweep_button.click()
    bridge.submit(Remember("network", "resnet-20"))
    settle(bridge, host)
    panel = page.sweeps.panel
    assert page.centre.place.shown == CHOICES
    panel.set_field("network")
    assert panel.values == ("plain-20", "plain-56", "plain-110", "resnet-20", "resnet-56", "resnet-110")
    panel.train_button.click()
    assert [command.network for command in host.sent(Train)] == list(panel.values)


def test_another_project_puts_the_sweep_away_and_another_name_does_not(page, bridge, host):
    begin(page, bridge, host)
    host.emit(ProjectChanged(project=replace(bridge.state.project, name="Animals")))
    settle(bridge, host)
    assert page.centre.place.shown == BOARD and len(shown(page)) == 3
    host.emit(opened(folder="/tmp/others"))
    settle(bridge, host)
    assert page.centre.place.shown == "" and page.centre.plot.isVisible()


# ---------------------------------------------------------------- plots


def cells(number):
    return tuple(Cell(str(place), "", panels([("", history(accuracy=0.5 + place / 50))], ("#000000",), TITLES)) for place in range(number))


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 9, 12, 24, 64])
def test_plots_fill_their_place_without_touching(qtbot, number):
    plots = SmallMultiples("training step")
    qtbot.addWidget(plots)
    plots.set_cells(cells(number))
    for size in (QSizeF(600, 400), QSizeF(1200, 700), QSizeF(420, max(900, plots.minimumHeight()))):
        boxes = plots._boxes(size)
        assert len(boxes) == number
        assert all(box.left() >= 0 and box.right() <= size.width() and box.bottom() <= size.height() for box in boxes)
        assert not any(one.intersects(other) for at, one in enumerate(boxes) for other in boxes[:at])
        assert len({(round(box.width(), 6), round(box.height(), 6)) for box in boxes}) == 1


def test_all_plots_have_the_same_axes(qtbot):
    plots = SmallMultiples("training step")
    qtbot.addWidget(plots)
    plots.resize(800, 500)
    short, long = history(steps=4, accuracy=0.2), history(steps=9, accuracy=0.95)
    plots.set_cells(tuple(Cell(name, "", panels([("", one)], ("#000000",), TITLES)) for name, one in (("a", short), ("b", long))))
    plots.set_quantity(1)
    plots.picture()
    low, high = plots._range
    assert plots.view == (0.0, 9.0) and low <= 10 and 95 <= high <= 102
    plots.set_quantity(0)
    assert all(panel.title == "loss (nats)" for panel in plots._panels)


def test_numbers_can_be_taken_out(qtbot):
    plots = SmallMultiples("training step")
    qtbot.addWidget(plots)
    plots.set_cells(cells(2))
    rows = plots.table()
    assert rows[0] == ("value", "quantity", "curve", "step", "figure")
    assert {row[0] for row in rows[1:]} == {"0", "1"} and len(rows) == 1 + 2 * 2 * (6 + 2)


def test_an_empty_grid_and_one_without_curves_are_painted(qtbot):
    plots = SmallMultiples("training step")
    qtbot.addWidget(plots)
    plots.picture()
    plots.set_cells(tuple(replace(cell, panels=panels([], (), TITLES), words="waits") for cell in cells(3)))
    assert not plots.picture().isNull() and not plots.has_table()


def test_the_pointer_reads_the_plot_that_it_is_in(qtbot):
    plots = SmallMultiples("training step")
    qtbot.addWidget(plots)
    plots.resize(900, 300)
    plots.set_cells(cells(3))
    plots.show()
    qtbot.waitExposed(plots)
    last = plots._boxes(QSizeF(plots.size()))[-1]
    qtbot.mouseMove(plots, last.center().toPoint())
    qtbot.waitUntil(lambda: plots._cursor is not None)
    assert plots._cursor == pytest.approx(3.0, abs=0.2)
    assert plots._read_out(plots._panels[2]).endswith("(step 3)")


@pytest.mark.parametrize(("accuracy", "begins"), [(0.9, True), (0.2, False)])
def test_high_accuracies_have_the_room_of_the_plots(qtbot, accuracy, begins):
    plots = SmallMultiples("training step")
    qtbot.addWidget(plots)
    plots.resize(800, 500)
    bold, thin = np.array([accuracy, 0.97], np.float32), np.linspace(0.1, 0.9, 9, dtype=np.float32)
    one = replace(history(steps=9), step_accuracies=thin, validation_accuracies=bold)
    plots.set_cells((Cell("a", "", panels([("", one)], ("#000000",), TITLES)),))
    plots.set_quantity(1)
    plots.picture()
    assert (plots._range[0] > 50) == begins


def test_nonsense_becomes_no_value(page, bridge, host):
    page.recipe.sweep_button.click()
    panel = page.sweeps.panel
    panel.set_field("learning_rate")
    before = list(panel.chips)
    panel.value_field.setText("banana")
    panel.add_button.click()
    assert list(panel.chips) == before and panel.value_field.text() == "banana" and "banana" in panel.cost.text()
    panel.value_field.setText("0.0123")
    panel.add_button.click()
    assert "0.0123" in panel.chips and "banana" not in panel.cost.text()
