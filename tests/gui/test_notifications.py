"""Messages at the window's edge: two at once, the newest of a topic, gone in time, covering nothing for long."""

from __future__ import annotations

import pytest
from made import opened, run_record
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QPushButton

from engine.messages import (
    DeleteRun,
    FailureText,
    HistoryChanged,
    ImportFinished,
    JobClosed,
    Notice,
    OpenProject,
    Outcome,
    RestoreRun,
    Train,
    TrainingFinished,
    Undo,
    WantThumbnails,
)
from engine.project.records import Skipped
from engine.training.recipe import Recipe
from gui.app import make_window
from gui.notifications import LASTING, SECONDS, Channel, Message

FAILURE = FailureText("UserError", "The loss is not a number after step 3.", "Try a tenth of the learning rate.")


@pytest.fixture
def window(qtbot, host, settings):
    made = make_window(host, settings, Channel())
    qtbot.addWidget(made)
    made.show()
    host.emit(opened())
    made.bridge.tick()
    yield made
    made.close()


def told(window) -> list[str]:
    return [toast.message.text for toast in window.toasts.shown]


def hear(window, host, *events) -> None:
    host.emit(*events)
    while host.waiting:  # a tick takes no longer than 8 ms, and leaves the rest to the next
        window.bridge.tick()
    window.bridge.tick()


def test_what_came_before_a_window_waits_for_it():
    channel, heard = Channel(), []
    channel.post(Message("info", "early"))
    channel.listen(lambda message: heard.append(message.text))
    channel.post(Message("info", "late"))
    assert heard == ["early", "late"]


def test_two_at_once_and_none_twice(window):
    for words in ("one", "two", "two", "three"):
        window.channel.post(Message("info", words))
    assert told(window) == ["two", "three"]


def test_a_newer_one_takes_the_place_of_what_is_about_the_same(window, host):
    hear(window, host, ImportFinished(taken=1, skipped=()))
    hear(window, host, Notice(level="info", text="Made a launcher."), ImportFinished(taken=1200, skipped=()))
    assert told(window) == ["Made a launcher.", "1,200 pictures were taken."]


def test_what_holds_while_a_training_is_under_way_goes_with_it(window, host):
    hear(window, host, Notice(level="warning", text="The training goes on.", training=True), Notice(level="warning", text="It is small."))
    hear(window, host, JobClosed(job=7, command="Train", outcome=Outcome.CANCELLED))
    assert told(window) == ["It is small."]


def test_rejected_files_are_left_to_the_report(window, host):
    hear(window, host, ImportFinished(taken=1, skipped=(Skipped("a.png", "is empty"),)))
    assert told(window) == []


def test_a_training_that_ended_is_told_as_it_ended(window, host):
    hear(window, host, TrainingFinished(record=run_record(accuracy=0.987)))
    assert told(window) == ["LeNet-5 is trained: 98.7\u202f% test accuracy"]
    hear(window, host, TrainingFinished(record=run_record(outcome="cancelled", test_accuracy=None)))
    assert told(window) == ["LeNet-5 was stopped; what it learned until then is kept."]
    hear(window, host, TrainingFinished(record=run_record(outcome="cancelled", steps=0)))
    assert told(window) == ["LeNet-5 was stopped before its first step; it has learned nothing."]
    job = window.bridge.submit(Train("lenet-5", Recipe()))
    hear(window, host, TrainingFinished(record=run_record(outcome="failed", test_accuracy=None)))
    host.finish(job, Outcome.FAILED, FAILURE)
    window.bridge.tick()
    assert told(window) == [FAILURE.message]


def test_a_deletion_that_was_undone_is_no_news_any_more(window, host):
    job = window.bridge.submit(DeleteRun("a"))
    host.finish(job)
    hear(window, host)
    assert told(window) == ["a was deleted."]
    host.finish(window.bridge.submit(RestoreRun("a")))
    hear(window, host)
    assert told(window) == []


def test_the_check_page_takes_the_news_of_a_training_away(window, host, qtbot):
    window.show_page("train")
    hear(window, host, TrainingFinished(record=run_record()))
    toast = window.toasts.shown[0]
    act = next(made for made in toast.findChildren(QPushButton) if made.text() == "Check it")
    act.click()
    assert window.page_name == "check" and told(window) == []


def test_an_error_goes_when_its_command_is_given_again(window, host):
    command = OpenProject("/nowhere")
    job = window.bridge.submit(command)
    host.finish(job, Outcome.FAILED, FailureText("UserError", "There is no project in /nowhere.", "Choose another folder."))
    window.bridge.tick()
    assert told(window) == ["There is no project in /nowhere."]
    window.bridge.submit(command)
    window.bridge.tick()
    assert told(window) == []


def test_what_undo_took_back_is_named_with_a_way_to_do_it_again(window, host):
    job = window.bridge.submit(Undo())
    host.emit(HistoryChanged(undo="", redo="Import 700 pictures"))
    host.finish(job)
    window.bridge.tick()
    assert told(window) == ["Undone: Import 700 pictures"]


def test_a_cancelled_job_and_a_thumbnail_that_fails_are_not_told(window, host):
    for command, outcome in ((Train("lenet-5", Recipe()), Outcome.CANCELLED), (WantThumbnails((1,)), Outcome.FAILED)):
        host.finish(window.bridge.submit(command), outcome, FAILURE if outcome is Outcome.FAILED else None)
    window.bridge.tick()
    assert told(window) == []


def test_what_lies_over_the_window_goes_within_six_seconds_and_lasting_words_have_a_row(window, qtbot):
    assert all(seconds <= 6 for level, seconds in SECONDS.items() if level not in LASTING)
    window.channel.post(Message("error", "It failed.", "Do this."))
    window.channel.post(Message("good", "It worked."))
    lasting, glance = window.toasts.shown
    qtbot.waitUntil(lambda: place_of(window, lasting).bottom() <= place_of(window, window.stack).top())
    assert place_of(window, glance).intersects(place_of(window, window.stack))
    assert lasting._timer.interval() == 1000 * SECONDS["error"] and glance._timer.interval() == 1000 * SECONDS["good"]


def place_of(window, widget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


@pytest.mark.parametrize(("width", "height"), [(860, 560), (1280, 800), (1920, 1080)])
def test_no_message_covers_a_primary_button(window, width, height):
    window.resize(width, height)
    words = "Made /home/somebody/Desktop/fovea.desktop: a double click opens Fovea."
    for name in ("start", "data", "model", "train", "check", "use"):
        window.show_page(name)
        window.bridge.tick()
        window.channel.post(Message("info", f"{words} {name}", topic="one"))
        window.channel.post(Message("good", f"LeNet-5 is trained {name}", action="Check it", run=print, topic="other"))
        for toast in window.toasts.shown:
            for made in window.stack.currentWidget().findChildren(QPushButton):
                if made.isVisible() and made.property("look") == "primary":
                    assert not place_of(window, toast).intersects(place_of(window, made)), (name, made.text())


def test_a_message_can_be_dismissed(window):
    window.channel.post(Message("warning", "Two pictures could not be read."))
    toast = window.toasts.shown[0]
    next(made for made in toast.findChildren(QPushButton) if made.accessibleName() == "Dismiss").click()
    assert told(window) == []


@pytest.mark.parametrize(("page", "number"), [("train", 0), ("data", 1)])
def test_a_failed_training_is_told_of_once(window, host, page, number):
    window.show_page(page)
    job = window.bridge.submit(Train("lenet-5", Recipe()))
    host.begin(job)
    host.finish(job, Outcome.FAILED, FAILURE)
    hear(window, host)
    assert told(window).count(FAILURE.message) == number
