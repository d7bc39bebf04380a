"""The right column of Train: which run it shows, by one rule in all tabs, and what it shows of runs of another sitting."""

import itertools

import msgspec
import numpy as np
import pytest
from made import answered, opened, run_record, started
from test_moment_scrubber import epoch_done, moment

from engine.messages import JobClosed, LoadMoment, MomentLoaded, Outcome, PinUnit, ResumeRun, RunsChanged, TrainingFinished, UnitProbed
from gui.looked_at import looked_at
from gui.pages.train import TrainPage
from gui.state import FIELDS, RunSelected
from gui.widgets.run_looks import RunLooks


@pytest.fixture
def looks(qtbot, bridge, host) -> RunLooks:
    def answer(command: LoadMoment, job: int):
        yield MomentLoaded(job=job, run=command.run, moment=moment(command.epoch), epochs=(1, 2, 3))

    host.answers[LoadMoment] = answer
    made = RunLooks(bridge)
    qtbot.addWidget(made)
    made.resize(380, 700)
    return made


def record(run: str, title: str, best: int = 2):
    return msgspec.structs.replace(run_record(run, epochs=3), title=title, best_epoch=best)


def shown(looks) -> tuple[str, str]:
    """The runs of the tabs that follow by themselves."""
    return looks.health._run, looks.moments._run or looks.health._run


def test_all_tabs_show_the_run_that_is_chosen_or_began_to_train_last(looks, bridge, host):
    looks.show()
    host.emit(opened(4, runs=(record("new", "LeNet-5"), record("old", "MLP"))))
    answered(looks, bridge, host, FIELDS)
    assert looks.title.text() == "LeNet-5" and shown(looks) == ("new", "new")
    looks.tabs.setCurrentIndex(2)
    bridge.dispatch(RunSelected(run="old"))
    answered(looks, bridge, host, FIELDS)
    assert looks.title.text() == "MLP" and shown(looks) == ("old", "old")
    host.emit(started("run-3"))
    answered(looks, bridge, host, FIELDS)
    assert looks.title.text().endswith(", trains now") and shown(looks) == ("run-3", "run-3")
    bridge.dispatch(RunSelected(run="old"))  # the same row again, while the other trains
    answered(looks, bridge, host, FIELDS)
    assert looks.title.text() == "MLP" and shown(looks) == ("old", "old")
    host.emit(RunsChanged(runs=(record("run-3", "LeNet-5"), record("new", "LeNet-5"))))
    answered(looks, bridge, host, FIELDS)
    assert looked_at(bridge.state) == "run-3"  # the chosen one is deleted, and another trains


def test_runs_of_the_same_title_are_told_apart(looks, bridge, host):
    host.emit(opened(4, runs=(record("lenet-5-2", "LeNet-5"), record("lenet-5-1", "LeNet-5"))))
    answered(looks, bridge, host, FIELDS)
    assert looks.title.text() == "LeNet-5 · lenet-5-2" == looks.title.toolTip()


def test_a_run_of_another_sitting_shows_the_epoch_that_is_kept(looks, bridge, host):
    looks.show()
    host.emit(opened(4, runs=(record("new", "LeNet-5"), record("old", "MLP", best=3))))
    answered(looks, bridge, host, FIELDS)
    learned = looks.learning
    assert learned.matrix_title.text() == "Validation, epoch 2, kept" and learned.matrix.table()[1][1] == 2
    assert (learned.filters._tensor == 2).all() and learned.unit_panel.picture.table()
    bridge.dispatch(RunSelected(run="old"))
    answered(looks, bridge, host, FIELDS)
    assert learned.matrix_title.text() == "Validation, epoch 3, kept" and learned.matrix.table()[1][1] == 3
    assert [(command.run, command.epoch) for command in host.sent(LoadMoment)] == [("new", 2), ("old", 3)]


def test_what_trains_is_shown_live_and_then_as_it_is_kept(looks, bridge, host):
    looks.show()
    host.emit(opened(4), started(), epoch_done(1))
    answered(looks, bridge, host, FIELDS)
    assert looks.learning.matrix_title.text() == "Validation, epoch 1" and not host.sent(LoadMoment)
    host.emit(epoch_done(2), epoch_done(3))
    host.emit(RunsChanged(runs=(record("run-1", "LeNet-5"),)), TrainingFinished(record=record("run-1", "LeNet-5")))
    host.emit(JobClosed(job=bridge.state.training.job, command="Train", outcome=Outcome.COMPLETED))
    answered(looks, bridge, host, FIELDS)
    assert looks.learning.matrix_title.text() == "Validation, epoch 2, kept" and looks.learning.matrix.table()[1][1] == 2
    heat = np.full((8, 8), 0.25, np.float32)
    later = UnitProbed(
        run="run-1", image=1, layer="conv1", channel=0, row=1, column=1, box=(0, 0, 5, 5), heat=heat,
        picture=np.zeros((8, 8, 3), np.uint8), activation=0.5,
    )  # fmt: skip
    host.emit(later)
    answered(looks, bridge, host, FIELDS)
    assert looks.learning.unit_panel.picture.table()[0][0] == "0.25"  # what was clicked on since


def test_a_training_that_goes_on_shows_the_matrix_of_the_epoch_before(looks, bridge, host):
    looks.show()
    told = [msgspec.structs.replace(epoch_done(number), confusion=None) for number in (1, 2)]
    host.emit(opened(4), started(), *told)
    answered(looks, bridge, host, FIELDS)
    assert looks.learning.matrix_title.text() == "Validation, epoch 2" and looks.learning.matrix.table()[1][1] == 2
    host.emit(epoch_done(3))
    answered(looks, bridge, host, FIELDS)
    assert looks.learning.matrix_title.text() == "Validation, epoch 3" and looks.learning.matrix.table()[1][1] == 1
    assert len(host.sent(LoadMoment)) == 1


def test_a_run_that_kept_nothing_is_asked_for_a_few_times_at_most(looks, bridge, host):
    host.answers[LoadMoment] = lambda command, job: iter(())
    looks.show()
    host.emit(opened(4, runs=(record("new", "LeNet-5"),)))
    for _ in range(4):
        answered(looks, bridge, host, FIELDS)
    assert 1 <= len(host.sent(LoadMoment)) <= 3 and looks.learning.matrix_title.text() == "Validation"
    assert looks.learning.matrix._empty == "No validation was kept of this run."


def test_the_tabs_stand_still_while_the_column_grows_to_the_left(looks, qtbot):
    looks.show()
    qtbot.waitUntil(looks.tabs.isVisible)
    bar = looks.tabs

    def from_the_right() -> int:
        return looks.width() - bar.mapTo(looks, bar.tabRect(1).topLeft()).x()

    before = from_the_right()
    looks.resize(270, 700)
    looks.layout().activate()
    assert from_the_right() == before


def test_going_on_pins_a_unit_too(qtbot, bridge, host, settings):
    page = TrainPage(bridge, settings)
    qtbot.addWidget(page)
    host.emit(opened(4, runs=(record("run-1", "LeNet-5"),)))
    bridge.tick()
    job = bridge.submit(ResumeRun("run-1"))
    host.begin(job)
    host.emit(msgspec.structs.replace(started("run-1"), job=job))
    bridge.tick()
    (pinned,) = host.sent(PinUnit)
    assert pinned.layer == "conv5"
    page.close()


def test_what_was_learned_scrolls_where_it_is_low_and_nothing_lies_over_another(looks) -> None:
    looks.resize(250, 300)
    looks.show()
    learning = looks.learning
    pictures = (learning.filters, learning.matrix_title, learning.matrix, learning.unit_panel)
    assert all(below.y() >= above.geometry().bottom() for above, below in itertools.pairwise(pictures))
    assert learning.height() > looks.height() and learning.matrix.height() >= learning.matrix.minimumHeight()
