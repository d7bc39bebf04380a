"""Fixtures of the window's tests: a host without an engine, a bridge on it, and nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from fake_host import FakeHost
from made import opened
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from engine.messages import EngineReady
from gui.bridge import Bridge
from gui.pages.train import TrainPage
from gui.settings import Settings
from gui.theme import theme


@pytest.fixture(autouse=True)
def nothing_left(qapp: QApplication) -> Iterator[None]:
    """Fail where a test leaves a top-level widget or a thread behind."""
    before = {id(widget) for widget in QApplication.topLevelWidgets()}
    threads = set(threading.enumerate())
    yield
    left = [widget for widget in QApplication.topLevelWidgets() if id(widget) not in before and widget.isVisible()]
    assert not left, f"visible top-level widgets are left: {left}"
    alive = [thread for thread in threading.enumerate() if thread not in threads and thread.is_alive()]
    assert not alive, f"threads are left: {alive}"


@pytest.fixture(autouse=True)
def plain_theme(qapp: QApplication) -> Iterator[None]:
    """Light and of normal size; applied only where a test before left it otherwise, for all widgets are then dressed anew."""
    if (theme().scheme, theme().scale) != ("light", 1.0) or not qapp.styleSheet():
        theme().apply("light", 1.0)
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def bridge(qapp: QApplication, host: FakeHost) -> Iterator[Bridge]:
    """A bridge on the fake host, without timer: call `bridge.tick()`."""
    made = Bridge(host)
    yield made
    made.close()


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def train_page(qtbot, bridge: Bridge, host: FakeHost, settings: Settings) -> TrainPage:
    """The Train page of an open project, with the engine there."""
    made = TrainPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1080, 700)
    host.emit(EngineReady(devices=(), torch_version="2", seconds=1.0), opened())
    bridge.tick()
    made.show()
    return made


@pytest.fixture(autouse=True)
def no_dialogs(monkeypatch):
    """A dialog that no test answers would wait for ever; tests that expect one put their answer in its place."""
    from PySide6.QtWidgets import QFileDialog

    def unexpected(*arguments):
        raise AssertionError(f"a dialog was opened: {arguments[1:2]}")

    for name in ("getExistingDirectory", "getSaveFileName", "getOpenFileName", "getOpenFileNames"):
        monkeypatch.setattr(QFileDialog, name, unexpected)
