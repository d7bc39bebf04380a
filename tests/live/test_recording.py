"""Recording frames into a class: how many, of which pixels, one step of undo; and what ends a recording."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.control import CancelToken
from engine.failure import UserError
from engine.host import EngineThread
from engine.live import camera, recording
from engine.live.recording import Recorder, record_frames
from engine.messages import (
    AddClass,
    CameraFrame,
    CameraOpened,
    Event,
    ImagesAdded,
    ImagesRemoved,
    NewProject,
    Notice,
    OpenCamera,
    RecordFrames,
    Undo,
)
from engine.project.opened import OpenedProject
from engine.session import Session

SIZE = (160, 120)


def frame_of(number: int) -> np.ndarray:
    """A frame that knows its number by its grey, red on the left: mirrored or in another order it would show."""
    frame = np.full((SIZE[1], SIZE[0], 3), 40 + number % 200, np.uint8)
    frame[:, : SIZE[0] // 2] = (0, 0, 200)  # BGR
    return frame


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        pause.wait(0.01)


def record(session: Session, on: bool, class_id: int | None = None) -> None:
    record_frames(session, RecordFrames(on, class_id), CancelToken(), lambda event: None)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session()
    made.project = OpenedProject(tmp_path / "project", create=True, name="P")
    made.project.add_class("cup")
    yield made
    if made.project is not None:
        made.project.close()


def test_a_playing_camera_fills_a_class_with_ten_frames_a_second(session: Session, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, SIZE)
    for number in range(38):
        writer.write(frame_of(number))
    writer.release()
    events: list[Event] = []

    def emit(event: Event) -> None:
        if isinstance(event, CameraFrame) and not any(isinstance(old, CameraFrame) for old in events):
            record(session, True, 1)
        events.append(event)

    camera.open_camera(session, OpenCamera(str(tmp_path / "v.avi")), CancelToken(), emit)
    assert session.recording is None
    project = session.project
    table = project.snapshot.table
    shown = sum(isinstance(event, CameraFrame) for event in events)
    assert shown >= 25, "recording held the picture up"
    assert 11 <= len(table.ids) <= 16  # 37 frames at 25 a second
    assert set(table.class_ids.tolist()) == {1} and set(table.widths.tolist()) == {SIZE[0]}
    added = [event for event in events if isinstance(event, ImagesAdded)]
    assert sum(len(event.images.ids) for event in added) == len(table.ids)
    files = sorted((project.folder / "images").iterdir())
    assert len(files) == len(table.ids) and not (project.folder / "incoming").exists()
    picture = cv2.imread(str(files[0]))
    assert abs(picture[60, 20].astype(int) - (0, 0, 200)).max() < 12 and np.ptp(picture[60, 140]) < 12
    project.undo()
    assert len(project.snapshot.table.ids) == 0, "all frames of a recording are one step"
    project.redo()
    assert len(project.snapshot.table.ids) == len(files)


def test_two_recordings_are_two_steps(session: Session) -> None:
    events: list[Event] = []
    recorder = Recorder(session, events.append)
    for _ in range(2):
        before = len(session.project.snapshot.table.ids)
        record(session, True, 1)
        recorder.take(frame_of(before))
        record(session, False)
        recorder.take(frame_of(100))  # nobody records: not taken
        wait_until(lambda before=before: len(session.project.snapshot.table.ids) == before + 1)
    recorder.close()
    session.project.undo()
    assert len(session.project.snapshot.table.ids) == 1


def test_a_slow_disk_never_holds_the_camera_up(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(recording, "PERIOD_SECONDS", 0.0)
    plain = recording.look_at
    monkeypatch.setattr(recording, "look_at", lambda *given: (gate.wait(10), plain(*given))[1])
    recorder = Recorder(session, lambda event: None)
    record(session, True, 1)
    begun = time.monotonic()
    for number in range(50):
        recorder.take(frame_of(number))
    assert time.monotonic() - begun < 0.5
    gate.set()
    recorder.close()
    assert 1 <= len(session.project.snapshot.table.ids) <= recording.WAITING + 2


def test_a_project_that_closes_ends_the_recording_with_a_sentence(session: Session) -> None:
    events: list[Event] = []
    recorder = Recorder(session, events.append)
    record(session, True, 1)
    recorder.take(frame_of(0))
    project, session.project = session.project, None
    wait_until(lambda: any(isinstance(event, Notice) for event in events))
    recorder.close()
    assert session.recording is None
    assert "recording ended" in next(event.text for event in events if isinstance(event, Notice))
    assert len(project.snapshot.table.ids) == 0 and not (project.folder / "incoming").exists()
    project.close()


def test_classes_that_are_gone_and_projects_to_be_read_are_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no longer"):
        record(session, True, 99)
    with pytest.raises(UserError, match="No project"):
        record(Session(), True, 1)
    other = Session()
    other.project = OpenedProject(session.project.folder)
    assert other.project.record.read_only
    with pytest.raises(UserError):
        record(other, True, 1)
    other.project.close()
    assert session.recording is None


def test_what_is_recorded_before_the_camera_plays_is_forgotten(session: Session, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 50, SIZE)
    for number in range(5):
        writer.write(frame_of(number))
    writer.release()
    record(session, True, 1)
    camera.open_camera(session, OpenCamera(str(tmp_path / "v.avi")), CancelToken(), lambda event: None)
    assert len(session.project.snapshot.table.ids) == 0


def test_through_the_lanes_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EngineThread, "load_torch", lambda self: None)
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, SIZE)
    for number in range(30):
        writer.write(frame_of(number))
    writer.release()
    host = EngineThread()
    host.start()
    for command in (NewProject("P", str(tmp_path / "project")), AddClass("cup")):
        list(host.wait(host.submit(command)))
    job = host.submit(OpenCamera(str(tmp_path / "v.avi")))
    added = 0
    for event in host.wait(job):
        if isinstance(event, CameraOpened):
            host.submit(RecordFrames(True, 1))
        if isinstance(event, ImagesAdded):
            assert event.job == job
            added += len(event.images.ids)
    history = [event for event in host.wait(host.submit(Undo())) if isinstance(event, ImagesRemoved)]
    assert host.close()
    assert 8 <= added <= 13 and [len(event.ids) for event in history] == [added]
    assert not any(thread.name == "fovea-record" for thread in threading.enumerate())
