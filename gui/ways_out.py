"""Asks where pictures and labels shall go, or where missing files are, and hands the command over: for the File menu and the panel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from engine import places
from engine.messages import Export, Exported, Relink, SaveCopy
from gui.bridge import Bridge

Kind = Literal["csv", "folders", "coco", "zip", "project"]
FILES: dict[str, tuple[str, str]] = {
    "csv": ("-labels.csv", "*.csv"),
    "zip": ("-pictures.zip", "*.zip"),
    "project": ("-project.zip", "*.zip"),
}
"""What a kind's file is called after the project's name, and the dialog's filter; other kinds are folders."""
FOLDERS = {"folders": "-classes", "coco": "-coco"}


class WaysOut(QObject):
    """Dialogs and commands for one project; keeps nothing.

    Parameters
    ----------
    window : QWidget
        Parent of the dialogs.
    bridge : Bridge
    """

    def __init__(self, window: QWidget, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge

    @property
    def name(self) -> str:
        """The project's name."""
        project = self._bridge.state.project
        return project.name if project is not None else ""

    def export(self, kind: Kind, images: tuple[int, ...] | None = None, link: bool = False) -> None:
        """Ask where to, and write there; `images` None: all."""
        path = self._ask_file(kind) if kind in FILES else self._ask_folder(kind)
        if path:
            self._bridge.submit(Export(kind, path, images, link))

    def _ask_file(self, kind: Kind) -> str:
        ending, wanted = FILES[kind]
        path, _ = QFileDialog.getSaveFileName(self._window, self.tr("Export"), str(Path.home() / (self.name + ending)), wanted)
        suffix = wanted[1:]
        return path if not path or path.lower().endswith(suffix) else path + suffix

    def _ask_folder(self, kind: Kind) -> str:
        return self._new_folder(self.tr("A new or empty folder to write into"), Path.home(), self.name + FOLDERS[kind])

    def _new_folder(self, title: str, place: Path, name: str) -> str:
        """Ask for the name of a folder that need not exist; "" where none was given."""
        start = str(free_folder(place, name))
        path, _ = QFileDialog.getSaveFileName(self._window, title, start, "", "", QFileDialog.Option.DontConfirmOverwrite)
        return str(free_folder(Path(path), name)) if path else ""

    def save_copy(self) -> None:
        """Ask for a place, and copy the whole project there; the open one stays open."""
        folder = self._new_folder(
            self.tr("A new folder for a copy of the project"), places.projects(), self.tr("Copy of {0}").format(self.name)
        )
        if folder:
            self._bridge.submit(SaveCopy(folder))

    def relink(self) -> None:
        """Ask for a folder, and look for missing files in it and below."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("A folder that holds the missing files"), str(Path.home()))
        if folder:
            self._bridge.submit(Relink(folder))


def free_folder(chosen: Path, name: str) -> Path:
    """The chosen folder where it is empty, else one of this name in it that does not exist yet."""
    try:
        if not any(chosen.iterdir()):
            return chosen
    except OSError:
        return chosen  # the engine says why it cannot be written
    number, made = 1, chosen / name
    while made.exists():
        number += 1
        made = chosen / f"{name} {number}"
    return made


def show_exported(event: Exported) -> None:
    """Open what was written out in the system's file manager: the folder itself, or that of the file."""
    show_place(event.path)


def show_place(path: str) -> None:
    """Open a folder, or that of a file, in the system's file manager."""
    place = Path(path)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(place if place.is_dir() else place.parent)))


def show_file(path: str) -> None:
    """Open a file with what the system opens such files with."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(path))
