"""What the actions of the table do in a window: a function for each id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices

from engine import messages, places
from gui.page_records import PAGES
from gui.settings import Settings
from gui.theme import theme

if TYPE_CHECKING:
    from gui.main_window import MainWindow

Function = Callable[[], object]


def functions_of(window: MainWindow) -> dict[str, Function]:
    """The functions of a window by the ids of their actions."""
    submit, projects, ways_out = window.bridge.submit, window.projects, window.ways_out
    functions: dict[str, Function] = {
        "new_project": projects.new,
        "open_project": projects.ask_for_project,
        "open_sample": projects.open_sample,
        "close_project": projects.close,
        "import_files": projects.ask_for_files,
        "import_folder": projects.ask_for_folder,
        "import_set": projects.ask_for_set,
        "save_copy": ways_out.save_copy,
        "export_links": lambda: ways_out.export("folders", link=True),
        "add_run": lambda: add_run(window),
        "relink": ways_out.relink,
        "show_folder": projects.show_folder,
        "make_launcher": lambda: submit(messages.MakeLauncher()),
        "quit": window.close,
        "undo": lambda: window.page(window.page_name).undo() or submit(messages.Undo()),
        "redo": lambda: window.page(window.page_name).redo() or submit(messages.Redo()),
        "paste": window.intake.paste,
        "find": window.find,
        "full_screen": lambda: window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen),
        "go_start": lambda: window.show_page("start"),
        "palette": window.open_palette,
        "explain": window.explain,
        "show_log": lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(places.log_file().parent))),
        "about": window.about,
        **looks(window.settings),
    }
    for kind in ("csv", "folders", "coco", "zip", "project"):
        functions[f"export_{kind}"] = lambda kind=kind: ways_out.export(kind)
    for name in ("doctor", "division", "project"):
        functions[f"go_{name}"] = lambda name=name: window.show_tool(name)
    for record in PAGES:
        functions[f"go_{record.name}"] = lambda name=record.name: window.show_page(name)
    return functions


def add_run(window: MainWindow) -> None:
    """Ask for a run, where it will be listed."""
    window.show_page("train")
    window.page("train").centre.run_deeds.add()


def looks(settings: Settings) -> dict[str, Function]:
    """Size and colours, kept in the settings."""

    def keep() -> None:
        settings.scheme, settings.scale = theme().scheme, theme().scale
        settings.save()

    def step(steps: int) -> None:
        theme().step_scale(steps)
        keep()

    def wear(scheme: str | None = None, scale: float | None = None) -> None:
        theme().apply(scheme, scale)
        keep()

    return {
        "larger": lambda: step(1),
        "smaller": lambda: step(-1),
        "normal_size": lambda: wear(scale=1.0),
        "projector": lambda: wear(scale=1.5),
        "scheme_system": lambda: wear(scheme="system"),
        "scheme_light": lambda: wear(scheme="light"),
        "scheme_dark": lambda: wear(scheme="dark"),
    }
