"""The bridge: events become state, frames collapse, a tick stays short, each view renders once."""

import time

import numpy as np
import pytest
from made import opened
from PySide6.QtWidgets import QWidget

from engine.messages import (
    AddClass,
    CameraClosed,
    CameraFrame,
    CameraOpened,
    HistoryChanged,
    Notice,
    PictureReady,
    Remember,
    ThumbnailsReady,
)
from gui import bridge as bridge_module
from gui.bridge import BUSY_MILLISECONDS, IDLE_MILLISECONDS, IDLE_TICKS, Bridge


class Seen(QWidget):
    def __init__(self, bridge):
        super().__init__()
        self.changes = []
        bridge.add_view(self)

    def render(self, state, changed):
        self.changes.append(changed)


@pytest.fixture
def view(qtbot, bridge):
    made = Seen(bridge)
    qtbot.addWidget(made)
    made.show()
    return made


def frame(number, job=1):
    picture = np.full((2, 2, 3), number, np.uint8)
    return CameraFrame(job=job, frame=picture, run=None, classes=(), probabilities=None, frames_per_second=30.0, seconds=0.0)


def test_many_events_of_a_tick_are_rendered_once(bridge, host, view):
    bridge.tick()
    host.emit(*(HistoryChanged(undo=str(number), redo="") for number in range(50)))
    bridge.tick()
    assert len(view.changes) == 2
    assert view.changes[-1] == {"history"}
    assert bridge.state.history.undo == "49"
    bridge.tick()
    assert len(view.changes) == 2


def test_only_the_newest_frame_is_shown_and_the_end_comes_after_it(bridge, host, view):
    heard = []
    bridge.happened.connect(heard.append)
    host.emit(CameraOpened(job=1, source="0", width=2, height=2), frame(1), frame(2), frame(3))
    bridge.tick()
    assert bridge.state.camera.frame.frame.max() == 3
    host.emit(frame(4), frame(5), CameraClosed(job=1, source="0", reason="It was unplugged."))
    bridge.tick()
    assert not bridge.state.camera.playing
    assert bridge.state.camera.frame.frame.max() == 5
    assert [type(event).__name__ for event in heard] == ["CameraOpened", "CameraClosed"]


def test_a_tick_ends_when_its_time_is_over_and_loses_nothing(bridge, host, view, monkeypatch):
    def slow(state, event):
        deadline = time.perf_counter() + 0.003
        while time.perf_counter() < deadline:
            pass
        return reduced(state, event)

    reduced = bridge_module.reduce
    monkeypatch.setattr(bridge_module, "reduce", slow)
    host.emit(*(HistoryChanged(undo=str(number), redo="") for number in range(12)))
    begun = time.perf_counter()
    bridge.tick()
    assert time.perf_counter() - begun < 0.05
    assert bridge.state.history.undo not in ("", "11")
    for _ in range(12):
        bridge.tick()
    assert bridge.state.history.undo == "11"


def test_pictures_go_past_the_state(bridge, host, view, qtbot):
    before = bridge.state
    host.emit(
        ThumbnailsReady(side=96, images=(1,), pictures=(None,)),
        PictureReady(image=1, pixels=None, original_width=1, original_height=1, path="", error="It is gone."),
    )
    with qtbot.waitSignals([bridge.thumbnails, bridge.picture]), qtbot.assertNotEmitted(bridge.happened):
        bridge.tick()
    assert bridge.state is before


def test_a_submitted_command_waits_in_the_state_at_once(bridge, host):
    number = bridge.submit(AddClass("owl"))
    assert host.commands[0].name == "owl"
    assert bridge.state.jobs[number].command == "AddClass"
    assert not bridge.state.jobs[number].running
    host.finish(number)
    bridge.tick()
    assert bridge.state.jobs == {}


def test_what_is_remembered_is_in_the_state_at_once(bridge, host):
    host.emit(opened(memory={"page": "data"}))
    bridge.tick()
    bridge.submit(Remember("page", "train"))
    assert bridge.state.memory["page"] == "train"


def test_a_view_that_fails_does_not_keep_the_others_from_rendering(bridge, host, view, qtbot):
    class Broken(Seen):
        def render(self, state, changed):
            raise RuntimeError("broken")

    broken = Broken(bridge)
    qtbot.addWidget(broken)
    bridge._views.insert(0, bridge._views.pop())
    broken.show()
    with pytest.raises(RuntimeError):
        bridge.tick()
    bridge.tick()
    assert len(view.changes) == 1
    bridge.remove_view(broken)


def test_the_timer_slows_down_when_nothing_comes_and_hurries_again(qtbot, host):
    made = Bridge(host)
    made.start()
    assert host.started
    for _ in range(IDLE_TICKS + 1):
        made.tick()
    assert made._timer.interval() == IDLE_MILLISECONDS
    made.submit(AddClass("owl"))
    assert made._timer.interval() == BUSY_MILLISECONDS
    host.emit(Notice(level="info", text="hello"))
    with qtbot.waitSignal(made.happened):
        pass
    assert made.close()
    assert host.closed
