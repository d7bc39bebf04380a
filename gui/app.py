"""Starts the window: log, hooks for what nobody caught, the first paint, and only then the engine."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from engine import places
from engine.control import wait_passively
from gui import icons
from gui.bridge import Bridge, Host
from gui.main_window import MainWindow
from gui.notifications import Channel, Message
from gui.settings import Settings, load
from gui.theme import theme

log = logging.getLogger("fovea.gui")

LOG_BYTES = 1_000_000
LOGS_KEPT = 3


def run(arguments: list[str]) -> int:
    """Show the window and stay until it is closed; gives the exit status. A folder after the program's name is opened as project."""
    start_log()
    channel = Channel()
    install_hooks(channel)
    wait_passively()
    application = QApplication(arguments[:1] or ["fovea"])
    application.setApplicationName("Fovea")
    application.setDesktopFileName("fovea")
    settings = load()
    from engine.host import EngineThread

    folder = next((argument for argument in arguments[1:] if Path(argument).is_dir()), "")
    window = make_window(EngineThread(), settings, channel, folder)
    window.show()
    status = application.exec()
    log.info("closed")
    return status


def make_window(host: Host, settings: Settings, channel: Channel, folder: str = "") -> MainWindow:
    """The window on a host; the host starts after the first paint."""
    icons.load()
    theme().apply(settings.scheme, settings.scale)
    bridge = Bridge(host)
    window = MainWindow(bridge, settings, channel)
    bridge.setParent(window)
    window.show_page("start")

    def begin() -> None:
        bridge.start()
        window.begin(folder)

    window.painted.connect(lambda: QTimer.singleShot(0, begin))
    return window


def start_log() -> None:
    """Write the log to the user's place for logs, a few files of a megabyte; without such a place to stderr."""
    root = logging.getLogger("fovea")
    root.setLevel(logging.INFO)
    if root.handlers:
        return
    place = places.log_file()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            place, maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(threadName)s %(message)s"))
    root.addHandler(handler)


def install_hooks(channel: Channel) -> None:
    """What nobody caught goes to the log, and the user is told once; the window stays."""

    def tell(error: BaseException, trace: TracebackType | None) -> None:
        log.error("not caught", exc_info=(type(error), error, trace))
        words = f"Something went wrong in the window: {type(error).__name__}: {error}"
        channel.post(Message("error", words, "Your data is on disk. The log has the details (Help → Show the log)."))

    def in_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            application = QApplication.instance()
            if application is not None:
                application.quit()
            return
        tell(error, trace)

    def in_thread(details: threading.ExceptHookArgs) -> None:
        if details.exc_value is not None:
            tell(details.exc_value, details.exc_traceback)

    sys.excepthook = in_main
    threading.excepthook = in_thread
