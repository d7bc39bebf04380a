"""Holding a button or R records into a class: chosen, or made first; letting go, leaving and closing end it."""

import numpy as np
import pytest
from made import CLASSES, opened, table
from PySide6.QtCore import Qt

from engine.messages import AddClass, CameraClosed, CameraFrame, CameraOpened, ClassesChanged, ImagesAdded, RecordFrames
from engine.project.records import ClassRecord
from gui.pages.use import UsePage


@pytest.fixture
def page(qtbot, bridge, host, settings) -> UsePage:
    made = UsePage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    host.emit(opened(6))
    play(host, bridge)
    return made


def play(host, bridge) -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    host.emit(CameraOpened(job=77, source="0", width=64, height=48))
    host.emit(CameraFrame(job=77, frame=frame, run=None, classes=(), probabilities=None, frames_per_second=25, seconds=0))
    bridge.tick()


def sent(host) -> list[tuple[bool, int | None]]:
    return [(command.on, command.class_id) for command in host.sent(RecordFrames)]


def test_without_any_run_the_bar_is_there_while_a_camera_plays(page, host, bridge):
    assert page.record.isVisible() and not page.side.answer.isVisible()
    host.emit(CameraClosed(job=77, source="0"))
    bridge.tick()
    assert not page.record.isVisible()


def test_the_button_records_as_long_as_it_is_held_and_counts_what_is_on_disk(page, host, bridge, qtbot):
    page.record.box.setCurrentText("dog")
    qtbot.mousePress(page.record.button, Qt.MouseButton.LeftButton)
    assert sent(host) == [(True, 2)] and page.record.recording
    assert page.record.counter.text() == "0 frames"
    host.emit(ImagesAdded(images=table([100, 101, 102, 103], [2, 2, 2, 1])))
    bridge.tick()
    assert page.record.counter.text() == "3 frames"
    assert "5" in page.record.counter.toolTip()
    qtbot.mouseRelease(page.record.button, Qt.MouseButton.LeftButton)
    assert sent(host) == [(True, 2), (False, None)] and not page.record.recording
    host.emit(ImagesAdded(images=table([104], [2])))  # the last ones come after the button was let go
    bridge.tick()
    assert page.record.counter.text() == "4 frames"


def test_r_does_the_same_and_repeats_of_the_key_change_nothing(page, host, qtbot):
    qtbot.keyPress(page, Qt.Key.Key_R)
    qtbot.keyPress(page, Qt.Key.Key_R)
    assert sent(host) == [(True, 1)]
    qtbot.keyRelease(page, Qt.Key.Key_R)
    assert sent(host) == [(True, 1), (False, None)]


def test_r_is_a_letter_in_the_field(page, host, qtbot):
    page.record.box.lineEdit().clear()
    qtbot.keyClicks(page.record.box.lineEdit(), "robin")
    assert page.record.box.currentText() == "robin" and not sent(host)


def test_a_new_class_is_made_first(page, host, bridge, qtbot):
    page.record.box.setEditText("mug")
    page.record.press()
    assert [command.name for command in host.sent(AddClass)] == ["mug"] and not sent(host)
    host.emit(ClassesChanged(classes=(*CLASSES, ClassRecord(9, "mug", "#123456"))))
    bridge.tick()
    assert sent(host) == [(True, 9)] and page.record.box.currentText() == "mug"
    page.record.release()
    assert sent(host)[-1] == (False, None)


def test_a_new_class_that_comes_after_letting_go_records_nothing(page, host, bridge):
    page.record.box.setEditText("mug")
    page.record.press()
    page.record.release()
    host.emit(ClassesChanged(classes=(*CLASSES, ClassRecord(9, "mug", "#123456"))))
    bridge.tick()
    assert not sent(host)


def test_a_camera_that_closes_or_a_page_that_is_left_ends_the_recording(page, host, bridge):
    page.record.press()
    host.emit(CameraClosed(job=77, source="0", reason="unplugged"))
    bridge.tick()
    assert sent(host) == [(True, 1), (False, None)]
    play(host, bridge)
    page.record.press()
    page.hide()
    assert sent(host)[-1] == (False, None) and len(sent(host)) == 4


def test_without_a_class_there_is_nothing_to_hold(page, host):
    page.record.box.setEditText("  ")
    assert not page.record.button.isEnabled()
    page.record.press()
    assert not sent(host) and not host.sent(AddClass)


def test_a_project_that_can_only_be_read_offers_no_recording(page, host, bridge):
    host.emit(opened(6, read_only="Another window has it open."))
    bridge.tick()
    assert not page.record.isVisible()
