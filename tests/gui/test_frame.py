"""The foot and the side of the window: device, running jobs, marks; every page in every look."""

import pytest
from made import opened, run_record, started
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from engine import messages
from engine.messages import DeviceRecord, EngineReady, FailureText, JobClosed, JobProgress, JobStarted, Lane, Outcome
from engine.training.recipe import Recipe
from gui import icons
from gui.app import make_window
from gui.notifications import Channel
from gui.page_records import PAGES
from gui.settings import load
from gui.theme import theme


@pytest.fixture
def window(qtbot, host, settings, monkeypatch):
    monkeypatch.setattr(icons, "load", lambda: None)
    made = make_window(host, settings, Channel())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: host.started)
    yield made
    made.close()


def say(window, host, *events):
    host.emit(*events)
    settle(window, host)


def settle(window, host):
    """Tick until everything was taken, and once more so that it is rendered."""
    while host.waiting:
        window.bridge.tick()
    window.bridge.tick()


DEVICES = (DeviceRecord("cuda:0", "CUDA: H100", 80 * 2**30), DeviceRecord("cpu", "CPU: 2 cores"))


def test_the_device_is_shown_chosen_and_kept(window, host, settings):
    chooser = window.status.device
    assert not chooser.isEnabled()
    say(window, host, EngineReady(devices=DEVICES, torch_version="2.12", seconds=1.0))
    assert chooser.isEnabled()
    assert [chooser.itemText(at) for at in range(3)] == ["Automatic · CUDA: H100", "CUDA: H100", "CPU: 2 cores"]
    chooser.setCurrentIndex(2)
    chooser.activated.emit(2)
    assert settings.device == load().device == "cpu"


def test_a_device_that_is_gone_becomes_automatic(window, host, settings):
    window.status._chosen = settings.device = "cuda:7"
    say(window, host, EngineReady(devices=DEVICES[1:], torch_version="2.12", seconds=1.0))
    assert window.status.device.currentData() == "auto"


def test_a_running_job_shows_how_far_and_how_long_and_can_be_stopped(window, host, qtbot):
    say(window, host, opened())
    status = window.status
    assert not status.job.isVisible()
    job = window.bridge.submit(messages.Train("lenet-5", Recipe()))
    window.bridge.tick()
    assert "waits" in status.text.text()
    progress = JobProgress(job=job, fraction=0.41, text="epoch 3 of 8", seconds_left=75, images_per_second=12345.6)
    say(window, host, JobStarted(job=job, command="Train", lane=Lane.JOBS, title="train"), started(job=job), progress)
    assert status.text.text() == "Training LeNet-5 · epoch 3 of 8"
    assert status.progress.value() == 410
    for part in ("41", "1 min 15 s", "12,346 pictures/s"):
        assert part in status.left.text()
    assert window.sidebar.entries["train"].mark.ring == 0.41
    qtbot.mouseClick(status.stop, Qt.MouseButton.LeftButton)
    assert host.cancelled == [job]
    assert not status.stop.isEnabled() and "Stopping" in status.stop.text()
    say(window, host, JobProgress(job=job, fraction=0.42, text="epoch 3 of 8"))
    assert "Stopping" in status.stop.text()
    host.finish(job, Outcome.CANCELLED)
    settle(window, host)
    assert not status.job.isVisible()
    assert window.sidebar.entries["train"].mark.ring is None


def test_thumbnails_and_labels_are_no_jobs_to_show(window, host):
    say(window, host, opened())
    window.bridge.submit(messages.WantThumbnails((10, 11)))
    window.bridge.submit(messages.SetLabels((10,), 1))
    window.bridge.tick()
    assert not window.status.job.isVisible()


def test_the_sidebar_tells_the_unlabelled_and_the_best_accuracy(window, host):
    say(window, host, opened(12, runs=(run_record("a", 0.8), run_record("b", 0.95))))
    assert window.sidebar.entries["data"].mark.text == "4"
    assert "95.0" in window.sidebar.entries["check"].mark.text
    window.sidebar.grab()


def test_an_engine_that_cannot_start_is_told_in_the_bar(window, host):
    failure = FailureText("ImportError", "torch is broken.", "Install it again.")
    say(window, host, JobClosed(command="EngineReady", outcome=Outcome.FAILED, failure=failure))
    assert "No engine" in window.status.device.currentText()
    assert not window.status.device.isEnabled()


def test_jobs_that_wait_are_counted_and_can_be_stopped_from_the_list(window, host, qtbot):
    say(window, host, opened())
    first, second = (window.bridge.submit(messages.Train("lenet-5", Recipe())) for _ in range(2))
    say(window, host, JobStarted(job=first, command="Train", lane=Lane.JOBS, title="train"))
    assert window.status.more.text() == "+1"
    qtbot.mouseClick(window.status.more, Qt.MouseButton.LeftButton)
    (menu,) = window.status.findChildren(QMenu)
    menu.actions()[1].trigger()
    menu.close()
    assert host.cancelled == [second]
    assert window.status.stop.isEnabled()


def test_an_unknown_end_is_a_moving_bar(window, host):
    say(window, host, opened())
    job = window.bridge.submit(messages.ImportPaths(("/pictures",)))
    say(
        window,
        host,
        JobStarted(job=job, command="ImportPaths", lane=Lane.IMPORTS, title="import paths"),
        JobProgress(job=job, fraction=None, text="looking for pictures"),
    )
    assert window.status.progress.maximum() == 0
    assert window.status.text.text() == "Importing pictures · looking for pictures"


def test_entries_that_need_a_project_cannot_be_clicked_from_the_first_paint_on(qtbot, host, settings):
    window = make_window(host, settings, Channel())
    qtbot.addWidget(window)
    assert [name for name, entry in window.sidebar.entries.items() if entry.isEnabled()] == ["use"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_every_page_paints_in_every_look(window, host, scheme, scale):
    say(window, host, opened(runs=(run_record(),)))
    theme().apply(scheme, scale)
    for record in PAGES:
        window.show_page(record.name)
        assert not window.grab().isNull()
