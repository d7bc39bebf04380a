"""Trainings in line: shown, moved, taken out, kept in the project while they wait and offered when it is opened again."""

import msgspec
import pytest
from made import opened, run_record, started

from engine.messages import (
    EngineReady,
    FailureText,
    FindBatch,
    ForkRun,
    JobClosed,
    Outcome,
    PinUnit,
    ProjectClosed,
    Remember,
    ResumeRun,
    RunsChanged,
    SteerTraining,
    Train,
)
from engine.training.recipe import Recipe
from gui import plan
from gui.pages.train import TrainPage
from gui.training_line import LINE, UNDER_WAY, kept, recipe_words
from gui.training_message import message
from gui.widgets.waiting_list import Waiting, WaitingList


@pytest.fixture
def page(train_page) -> TrainPage:
    return train_page


def job_of(host, command) -> int:
    return host.commands.index(command) + 1


def begin(page, bridge, host) -> int:
    """Press Train, and let it begin."""
    page.train_button.click()
    job = job_of(host, host.sent(Train)[-1])
    host.begin(job)
    host.emit(started(job=job))
    bridge.tick()
    return job


def line_up(page, bridge, host, *rates: float) -> list[int]:
    """Put trainings with these learning rates in line."""
    jobs = []
    for rate in rates:
        plan.with_recipe_field(bridge, "learning_rate", rate)
        bridge.tick()
        page.next_button.click()
        jobs.append(job_of(host, host.sent(Train)[-1]))
    bridge.tick()
    return jobs


def rows(page) -> list[tuple[str, str]]:
    return [(row.waiting.title, row.waiting.words) for row in page.centre.waiting.rows] if page.centre.waiting.isVisible() else []


def kept_now(host) -> list[float]:
    """Learning rates of what the project was told to keep last."""
    last = [command.value for command in host.sent(Remember) if command.key == LINE][-1]
    return [command.recipe.learning_rate for command in kept({LINE: last})]


def test_more_can_be_put_in_line_while_one_runs(page, bridge, host):
    assert not page.next_button.isVisible() and not page.centre.waiting.isVisible()
    begin(page, bridge, host)
    assert page.next_button.isVisible() and rows(page) == []
    line_up(page, bridge, host, 0.01, 0.02)
    assert rows(page) == [("LeNet-5", "learning rate 0.01"), ("LeNet-5", "learning rate 0.02")]
    assert page.centre.waiting.head.text() == "2 trainings wait"
    assert page.train_button.text() == "Stop and keep"


def test_the_next_one_begins_when_its_turn_comes_and_its_unit_is_pinned(page, bridge, host):
    first = begin(page, bridge, host)
    (second,) = line_up(page, bridge, host, 0.01)
    pinned = len(host.sent(PinUnit))
    host.finish(first)
    host.begin(second)
    host.emit(started(run="run-2", job=second))
    bridge.tick()
    assert rows(page) == [] and len(host.sent(PinUnit)) == pinned + 1
    assert bridge.state.training.run == "run-2" and kept_now(host) == []


def test_one_is_taken_out_and_another_made_the_next(page, bridge, host):
    begin(page, bridge, host)
    first, second, third = line_up(page, bridge, host, 0.01, 0.02, 0.03)
    assert not page.centre.waiting.rows[0].first_button.isEnabled()
    page.centre.waiting.rows[2].first_button.click()
    bridge.tick()
    assert host.hurried == [third] and [row.waiting.job for row in page.centre.waiting.rows] == [third, first, second]
    assert kept_now(host) == [0.03, 0.01, 0.02]
    page.centre.waiting.rows[1].out_button.click()
    assert host.cancelled == [first]
    host.finish(first, Outcome.CANCELLED)
    bridge.tick()
    assert [row.waiting.job for row in page.centre.waiting.rows] == [third, second] and kept_now(host) == [0.03, 0.02]


def test_what_waited_when_the_project_was_closed_is_offered(qtbot, bridge, host, settings):
    waiting = (Train("lenet-5", Recipe(learning_rate=0.01)), ForkRun("a", Recipe()))
    host.emit(EngineReady(devices=(), torch_version="2", seconds=1.0))
    host.emit(opened(memory={LINE: msgspec.json.encode(waiting).decode()}))
    bridge.tick()
    page = TrainPage(bridge, settings)
    qtbot.addWidget(page)
    page.show()
    banner = page.centre.banner
    assert "2 trainings were under way or waiting" in banner.words.text() and banner.buttons[0].text() == "Train them"
    page.centre.banner.buttons[0].click()
    bridge.tick()
    assert host.sent(Train)[0].recipe.learning_rate == 0.01 and host.sent(ForkRun)[0].run == "a"
    assert not page.centre.banner.isVisible() and [title for title, _ in rows(page)] == ["a, its weights"]


def test_what_was_under_way_when_the_program_ended_is_offered_first(page, bridge, host):
    job = begin(page, bridge, host)
    assert (host.sent(Remember)[-1].key, host.sent(Remember)[-1].value) == (UNDER_WAY, "run-1")
    runs = (run_record("run-1", outcome="cancelled", resumable=True), run_record("run-2", outcome="cancelled", resumable=True))
    line = msgspec.json.encode((Train("lenet-5", Recipe()),)).decode()
    host.finish(job, Outcome.CANCELLED)
    bridge.tick()
    host.emit(opened(folder="/tmp/other", runs=runs, memory={UNDER_WAY: "run-1", LINE: line}))
    bridge.tick()
    assert "2 trainings were under way or waiting" in page.centre.banner.words.text()
    assert [command for command in host.sent(Remember) if command.key == UNDER_WAY][-1].value == ""
    page.centre.banner.buttons[0].click()
    bridge.tick()
    assert [command.run for command in host.sent(ResumeRun)] == ["run-1"]


def test_closing_the_project_stops_the_training_which_is_offered_later(page, bridge, host):
    job = begin(page, bridge, host)
    (waiting,) = line_up(page, bridge, host, 0.01)
    kept_before = len(host.sent(Remember))
    host.emit(ProjectClosed())
    bridge.tick()
    assert set(host.cancelled) == {job, waiting}
    host.finish(job, Outcome.CANCELLED)
    bridge.tick()
    assert len(host.sent(Remember)) == kept_before  # what was under way stays written down


def test_a_training_that_ended_is_not_offered_again(page, bridge, host):
    job = begin(page, bridge, host)
    host.finish(job, Outcome.COMPLETED)
    bridge.tick()
    assert (host.sent(Remember)[-1].key, host.sent(Remember)[-1].value) == (UNDER_WAY, "")


def test_what_waited_can_be_forgotten(page, bridge, host):
    host.emit(opened(folder="/tmp/other", memory={LINE: msgspec.json.encode((Train("lenet-5", Recipe()),)).decode()}))
    bridge.tick()
    assert page.centre.banner.buttons[1].text() == "Forget it" and "Nothing that was learned" in page.centre.banner.buttons[1].toolTip()
    assert page.centre.banner.words.text().startswith("LeNet-5, Solid was under way or waiting")
    page.centre.banner.buttons[1].click()
    bridge.tick()
    assert host.sent(Remember)[-1].value == "" and not page.centre.banner.isVisible() and not host.sent(Train)


def test_what_waits_does_not_train_on_another_project(page, bridge, host):
    begin(page, bridge, host)
    waiting = line_up(page, bridge, host, 0.01, 0.02)
    told = len([command for command in host.sent(Remember) if command.key == LINE])
    host.emit(opened(folder="/tmp/other"))
    bridge.tick()
    assert host.cancelled == waiting
    for job in waiting:
        host.finish(job, Outcome.CANCELLED)
    bridge.tick()
    assert rows(page) == []
    assert len([command for command in host.sent(Remember) if command.key == LINE]) == told, "the line is kept where it was asked for"


def test_a_damaged_line_is_none():
    assert kept({LINE: "{"}) == () and kept({LINE: '[{"type": "Quit"}]'}) == () and kept({}) == ()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Train("lenet-5", Recipe(preset="solid", epochs=10)), "Solid"),
        (Train("lenet-5", Recipe(preset="own", epochs=10)), "own recipe"),
        (Train("lenet-5", Recipe(preset="own", epochs=3)), "epochs 3"),
        (Train("lenet-5", Recipe(), sweep="s learning_rate=0.02"), "learning rate 0.02"),
        (Train("lenet-5", Recipe(), sweep="s dropout=off"), "without dropout"),
        (ResumeRun("a", learning_rate=0.001), "learning rate 0.001"),
        (ResumeRun("a"), ""),
    ],
)
def test_a_training_in_words(command, words):
    assert recipe_words(command) == words


def test_a_run_is_forked_from_the_menu(page, bridge, host):
    host.emit(RunsChanged(runs=(run_record("a"),)))
    bridge.tick()
    menu = page.centre.runs.menu_for(["a"])
    next(action for action in menu.actions() if action.text() == "Train a new run with these weights (Solid)").trigger()
    assert host.sent(ForkRun)[0].run == "a" and host.sent(ForkRun)[0].recipe.preset == "solid"
    bridge.tick()
    assert bridge.state.job_of_training.command == "ForkRun" and page.train_button.text() == "Cancel"
    page.centre.runs.fork_wanted.emit("a")
    bridge.tick()
    assert rows(page) == [("LeNet-5, its weights", "Solid")]


@pytest.mark.parametrize("more", [{"members": ("b", "c")}, {"steps": 0, "epochs": 0}, {"outcome": "running"}])
def test_what_has_no_weights_of_its_own_is_not_forked(page, bridge, host, more):
    host.emit(RunsChanged(runs=(run_record("a", **more),)))
    bridge.tick()
    entries = {action.text(): action.isEnabled() for action in page.centre.runs.menu_for(["a"]).actions()}
    assert entries["Train a new run with these weights (Solid)"] is False


def test_without_labels_nothing_is_forked(page, bridge, host):
    host.emit(opened(4, [1] * 4, runs=(run_record("a"),)))
    bridge.tick()
    page.centre.runs.fork_wanted.emit("a")
    assert not host.sent(ForkRun) and "one class" in page.centre.banner.words.text()


def test_a_diverged_run_goes_on_from_its_last_good_state(page, bridge, host):
    job = begin(page, bridge, host)
    failure = FailureText("user", "The loss became NaN at step 60 with learning rate 0.003.", "Try 0.0003.")
    host.emit(RunsChanged(runs=(run_record("run-1", outcome="failed", resumable=True),)))
    host.emit(JobClosed(job=job, command="Train", outcome=Outcome.FAILED, failure=failure))
    bridge.tick()
    rate = Recipe().learning_rate / 10
    assert [button.text() for button in page.centre.banner.buttons] == [f"Go on with {rate:g}", f"Train with learning rate {rate:g}"]
    page.centre.banner.buttons[0].click()
    resumed = host.sent(ResumeRun)[0]
    assert resumed.run == "run-1" and resumed.learning_rate == pytest.approx(rate) and resumed.epochs is None
    bridge.tick()
    assert not page.centre.banner.isVisible()


def test_a_failed_going_on_is_told(page, bridge, host):
    job = bridge.submit(ResumeRun("a"))
    host.finish(job, Outcome.FAILED, FailureText("user", "The run a kept no state to go on from.", "Train again."))
    bridge.tick()
    assert "kept no state" in page.centre.banner.words.text()


def test_after_a_full_disk_the_run_can_go_on(page, bridge, host):
    job = begin(page, bridge, host)
    host.emit(RunsChanged(runs=(run_record("run-1", outcome="interrupted", resumable=True),)))
    host.finish(job, Outcome.FAILED, FailureText("disk", "The disk is full.", "Free some space and try again."))
    bridge.tick()
    assert page.centre.banner.buttons[0].text() == "Go on"
    page.centre.banner.buttons[0].click()
    assert [command.run for command in host.sent(ResumeRun)] == ["run-1"]


def test_weights_that_cannot_be_fetched_lead_to_others(page, bridge, host):
    plan.keep(bridge, plan.WEIGHTS, plan.PRETRAINED)
    job = bridge.submit(Train("resnet-18", Recipe(), weights=plan.PRETRAINED))
    host.finish(job, Outcome.FAILED, FailureText("user", "a.pth could not be fetched.", "Put it there."))
    bridge.tick()
    assert [way.page for way in message(bridge.state, None).ways] == ["model"]


def test_batches_are_asked_for_with_the_plan(page, bridge, host):
    page.recipe.batches_button.click()
    bridge.tick()
    assert host.sent(FindBatch)[0].network == "lenet-5" and page.recipe.batches_button.text() == "Trying…"
    assert not page.recipe.rates_button.isEnabled()


@pytest.mark.parametrize(("changed", "offered"), [(5e-4, 5e-5), (1e6, Recipe().learning_rate / 10)])
def test_the_lower_of_the_rates_that_it_had_is_lowered(page, bridge, host, changed, offered):
    job = begin(page, bridge, host)
    bridge.submit(SteerTraining("run-1", learning_rate=changed))
    host.emit(JobClosed(job=job, command="Train", outcome=Outcome.FAILED, failure=FailureText("user", "The loss became NaN.", "Try 0.05.")))
    bridge.tick()
    assert page.centre.banner.buttons[0].text() == f"Train with learning rate {offered:g}"
    again = bridge.submit(ResumeRun("run-1", learning_rate=offered))
    host.begin(again)
    host.emit(started(job=again))
    host.finish(again, Outcome.FAILED, FailureText("user", "The loss became NaN.", "Try 0.005."))
    bridge.tick()
    assert page.centre.banner.buttons[0].text() == f"Train with learning rate {offered / 10:g}"


def test_a_rate_beyond_sense_is_followed_by_the_usual_one(page, bridge, host):
    job = begin(page, bridge, host)
    host.finish(job, Outcome.FAILED, FailureText("user", "The loss became NaN.", "Try 0.006."))
    bridge.tick()
    training = bridge.state.training
    far = msgspec.structs.replace(training.started, recipe=Recipe(preset="own", learning_rate=1e6, optimiser="sgd"))
    state = msgspec.structs.replace(bridge.state, training=msgspec.structs.replace(training, started=far))
    assert message(state, None).ways[-1].recipe.learning_rate == 0.1


def test_a_failure_is_over_when_the_run_has_gone_on(page, bridge, host):
    job = begin(page, bridge, host)
    host.finish(job, Outcome.FAILED, FailureText("user", "The loss became NaN.", "Try 0.05."))
    bridge.tick()
    assert page.centre.banner.isVisible()
    again = bridge.submit(ResumeRun("run-1", learning_rate=0.05))
    host.begin(again)
    host.emit(started(job=again))
    host.finish(again)
    bridge.tick()
    assert not page.centre.banner.isVisible()


def test_long_titles_leave_the_buttons_of_a_row_in_sight(qtbot):
    waiting = WaitingList()
    qtbot.addWidget(waiting)
    waiting.resize(400, 120)
    waiting.show_waiting([Waiting(7, "A network with a very long title " * 6, "learning rate 0.01")])
    waiting.show()
    qtbot.waitUntil(lambda: waiting.rows[0].title.text().endswith("…"))
    row = waiting.rows[0]
    assert row.width() <= 400 and row.out_button.geometry().right() <= row.width() and row.title.toolTip() == row.waiting.title
