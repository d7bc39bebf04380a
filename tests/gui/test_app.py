"""The start: the log, and what nobody caught."""

import logging
import logging.handlers
import sys
import threading

import pytest

from engine import places
from gui.app import LOG_BYTES, install_hooks, start_log
from gui.notifications import Channel


@pytest.fixture
def fovea_log(monkeypatch):
    """The program's logger without the handlers that other tests gave it."""
    logger = logging.getLogger("fovea")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logger.level)
    yield logger
    for handler in logger.handlers:
        handler.close()


@pytest.fixture
def messages(monkeypatch):
    """What the hooks tell."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    channel, told = Channel(), []
    channel.listen(told.append)
    install_hooks(channel)
    return told


def test_the_log_is_written_where_logs_belong_and_turns_over(fovea_log):
    start_log()
    start_log()
    (handler,) = fovea_log.handlers
    logging.getLogger("fovea.gui").info("hello")
    handler.flush()
    assert "hello" in places.log_file().read_text(encoding="utf-8")
    for _ in range(12):
        logging.getLogger("fovea.gui").info("x" * (LOG_BYTES // 10))
    assert places.log_file().stat().st_size <= LOG_BYTES
    assert places.log_file().with_name("fovea.log.1").exists()


def test_a_place_that_cannot_be_written_does_not_block_the_start(fovea_log, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FOVEA_HOME", str(tmp_path / "file"))
    start_log()
    (handler,) = fovea_log.handlers
    assert type(handler) is logging.StreamHandler


def test_what_nobody_caught_is_logged_and_told(messages, caplog):
    try:
        raise ValueError("a bad figure")
    except ValueError as error:
        with caplog.at_level(logging.ERROR, "fovea.gui"):
            sys.excepthook(type(error), error, error.__traceback__)
    (message,) = messages
    assert (message.level, "a bad figure" in message.text, "log" in message.remedy) == ("error", True, True)
    assert "test_what_nobody_caught" in caplog.text


def test_so_is_what_nobody_caught_in_a_thread(messages, qtbot, caplog):
    def fail():
        raise OSError("no room")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(messages) == 1)
    assert "no room" in messages[0].text


def test_the_interrupt_key_closes_the_program_quietly(messages, qapp, monkeypatch):
    quits = []
    monkeypatch.setattr(type(qapp), "quit", lambda *_: quits.append(1))
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert (quits, messages) == ([1], [])
