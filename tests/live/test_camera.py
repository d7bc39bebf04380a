"""Cameras without a camera: generated videos, a stream on loopback, and everything that goes wrong with them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.control import Cancelled, CancelToken
from engine.failure import UserError
from engine.live import camera, capture
from engine.live.capture import Capture, Kind, resolve
from engine.live.showing import small
from engine.messages import CameraClosed, CameraFrame, CameraOpened, CamerasFound, Event, ListCameras, OpenCamera
from engine.session import Session

RED = (0, 0, 200)  # OpenCV's order: blue, green, red
BOUNDARY = "part"


def make_video(path: Path, frames: int, rate: float = 50.0, size: tuple[int, int] = (160, 120)) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
    for index in range(frames):
        picture = np.full((size[1], size[0], 3), RED, np.uint8)
        picture[:, : size[0] // 4] = 8 * index % 256
        writer.write(picture)
    writer.release()
    return path


def play(source: str, session: Session | None = None, token: CancelToken | None = None) -> list[Event]:
    events: list[Event] = []
    camera.open_camera(session or Session(), OpenCamera(source=source), token or CancelToken(), events.append)
    return events


def no_capture_threads() -> bool:
    return not any(thread.name == "fovea-capture" for thread in threading.enumerate())


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        pause.wait(0.01)


class _Sender(ThreadingHTTPServer):
    daemon_threads = True
    frames = 20  # a connection; then it closes or, with `silent`, says nothing more
    silent = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _SendFrames)
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/live"


class _SendFrames(BaseHTTPRequestHandler):
    server: _Sender

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        data = cv2.imencode(".jpg", np.full((240, 320, 3), RED, np.uint8))[1].tobytes()
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        try:
            for _ in range(self.server.frames):
                self.wfile.write(head + data + b"\r\n")
                self.server.stopped.wait(0.02)
        except OSError:  # the viewer has gone
            return
        if self.server.silent:
            self.server.stopped.wait(20)


@pytest.fixture
def sender() -> Iterator[_Sender]:
    server = _Sender()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.stopped.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_video_plays_in_rgb_at_its_own_rate_and_ends_without_reason(tmp_path: Path) -> None:
    video = make_video(tmp_path / "short.avi", frames=25, rate=50)
    begun = time.monotonic()
    events = play(str(video))
    seconds = time.monotonic() - begun

    assert isinstance(events[0], CameraOpened) and (events[0].width, events[0].height) == (160, 120)
    assert isinstance(events[-1], CameraClosed) and events[-1].reason == ""
    frames = [event for event in events if isinstance(event, CameraFrame)]
    assert len(frames) >= 10
    red, green, blue = frames[0].frame[60, 150]
    assert red > 150 and green < 60 and blue < 60
    assert frames[0].run is None and frames[0].probabilities is None
    assert 24 / 50 <= seconds < 4
    assert 10 < frames[-1].frames_per_second < 75
    assert no_capture_threads()


def test_large_frames_are_shown_smaller_and_keep_their_shape(tmp_path: Path) -> None:
    events = play(str(make_video(tmp_path / "large.avi", frames=3, size=(1280, 720))))
    frame = next(event for event in events if isinstance(event, CameraFrame)).frame
    assert frame.shape == (360, 640, 3) and frame.dtype == np.uint8
    assert small(np.zeros((4000, 10, 3), np.uint8), 640).shape == (640, 2, 3)
    assert small(np.zeros((4, 6), np.uint8), 640).shape == (4, 6, 3)


def test_frames_go_to_the_model_at_full_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifying = pytest.importorskip("engine.live.classifying")
    seen: list[tuple[int, ...]] = []

    def classify(session: Session, frame: np.ndarray) -> tuple[str, tuple[str, ...], np.ndarray, float]:
        seen.append(frame.shape)
        return "run-1", ("cat", "dog"), np.array([0.25, 0.75], np.float32), 0.001

    monkeypatch.setattr(classifying, "classify_frame", classify)
    session = Session()
    session.live = object()  # type: ignore[assignment]
    events = play(str(make_video(tmp_path / "v.avi", frames=3, size=(1280, 720))), session)
    answer = next(event for event in events if isinstance(event, CameraFrame))
    assert seen[0] == (720, 1280, 3)
    assert answer.run == "run-1" and answer.classes == ("cat", "dog") and answer.probabilities is not None


def test_slow_taker_gets_the_newest_frame(tmp_path: Path) -> None:
    reader = Capture(resolve(str(make_video(tmp_path / "v.avi", frames=30, rate=100))))
    reader.start()
    wait_until(lambda: not reader.is_alive())
    frame = reader.take(0)
    assert frame is not None and abs(int(frame[60, 5, 0]) - 8 * 29) < 12
    assert reader.take(0) is None


def test_frames_are_skipped_while_the_window_is_behind(tmp_path: Path) -> None:
    session = Session()
    session.backlog = lambda: 1000
    events = play(str(make_video(tmp_path / "v.avi", frames=20)), session)
    assert not any(isinstance(event, CameraFrame) for event in events)
    assert isinstance(events[-1], CameraClosed)


def test_cancel_closes_within_a_second(tmp_path: Path) -> None:
    video = make_video(tmp_path / "long.avi", frames=100, rate=5)
    token, events = CancelToken(), []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, CameraFrame):
            token.cancel()

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        camera.open_camera(Session(), OpenCamera(source=str(video)), token, emit)
    assert time.monotonic() - begun < 1.5  # opening included
    assert isinstance(events[-1], CameraClosed) and events[-1].reason == ""
    wait_until(no_capture_threads)


def test_stream_plays_and_its_end_is_told(sender: _Sender) -> None:
    events = play(sender.url)
    assert sum(isinstance(event, CameraFrame) for event in events) >= 5
    closed = events[-1]
    assert isinstance(closed, CameraClosed) and sender.url in closed.reason and "start it again" in closed.reason


def test_silent_stream_is_given_up(sender: _Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "READ_MILLISECONDS", 600)
    sender.silent = True
    begun = time.monotonic()
    closed = play(sender.url)[-1]
    assert isinstance(closed, CameraClosed) and "fell silent" in closed.reason
    assert time.monotonic() - begun < 8


def test_reader_that_hangs_in_the_driver_is_left_behind(sender: _Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "READ_MILLISECONDS", 3000)
    monkeypatch.setattr(camera, "STALL_SECONDS", 0.5)
    sender.silent = True
    closed = play(sender.url)[-1]
    assert isinstance(closed, CameraClosed) and closed.reason
    sender.stopped.set()
    wait_until(no_capture_threads)


def test_stream_without_sender_fails_with_a_way_on() -> None:
    with pytest.raises(UserError, match="cannot be opened") as failure:
        play("http://127.0.0.1:9/live")
    assert failure.value.remedy


def test_missing_camera_fails_with_a_way_on() -> None:
    with pytest.raises(UserError, match="camera 99") as failure:
        play("99")
    assert failure.value.remedy


@pytest.mark.parametrize("content", [b"", b"these are words and no moving pictures\n" * 50, b"RIFF\x10\0\0\0AVI LIST"])
def test_file_that_is_no_video_fails_with_a_way_on(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "video.avi").write_bytes(content)
    with pytest.raises(UserError, match=r"video\.avi cannot be played") as failure:
        play(str(tmp_path / "video.avi"))
    assert failure.value.remedy


def test_cut_video_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    video = make_video(tmp_path / "cut.avi", frames=20)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    events = play(str(video))
    assert any(isinstance(event, CameraFrame) for event in events)
    assert isinstance(events[-1], CameraClosed)


@pytest.mark.parametrize("source", ["", "nowhere.mp4", "-1", "ftp://host/video.avi", "²"])
def test_sources_that_are_none(source: str) -> None:
    with pytest.raises(UserError, match="no camera, no video file and no stream"):
        resolve(source)


def test_sources(tmp_path: Path) -> None:
    assert resolve("rtsp://host/1").kind is Kind.STREAM
    assert resolve(str(make_video(tmp_path / "v.avi", frames=1))).kind is Kind.FILE


class _FakeDevice:
    """Stands for cv2.VideoCapture: delivers so many frames, then none, as an unplugged camera does."""

    def __init__(self, frames: int) -> None:
        self.left = frames
        self.released = False

    def isOpened(self) -> bool:
        return True

    def get(self, what: int) -> float:
        return 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (True, np.zeros((4, 6, 3), np.uint8)) if self.left >= 0 else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.mark.parametrize("frames", [0, 5])
def test_unplugged_and_occupied_camera(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    device = _FakeDevice(frames)
    monkeypatch.setattr(capture, "_open", lambda source: device)
    monkeypatch.setattr(capture, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(camera, "resolve", lambda text: capture.Source(Kind.DEVICE, text))
    if frames == 0:
        with pytest.raises(UserError, match="missing or in use"):
            play("0")
    else:
        closed = play("0")[-1]
        assert isinstance(closed, CameraClosed) and "unplugged" in closed.reason
    assert device.released


def test_no_cameras_and_a_lister_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2_enumerate_cameras

    def fail(backend: int) -> list[object]:
        raise OSError("the driver does not answer")

    monkeypatch.setattr(cv2_enumerate_cameras, "enumerate_cameras", fail)
    events: list[Event] = []
    camera.list_cameras(Session(), ListCameras(), CancelToken(), events.append)
    assert isinstance(events[0], CamerasFound)
    expected = sorted(Path("/dev").glob("video*")) if sys.platform == "linux" else [Path("0")]
    assert len(events[0].cameras) == len(expected)
    monkeypatch.setattr(cv2_enumerate_cameras, "enumerate_cameras", lambda backend: [])
    assert camera.found_cameras() == ()
