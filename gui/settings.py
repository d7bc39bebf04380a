"""What the window remembers between two starts. Settings that cannot be read never block the start: they are put aside."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path

import msgspec

from engine import places

log = logging.getLogger("fovea.gui")

RECENT_KEPT = 12


class RecentProject(msgspec.Struct, frozen=True):
    """A project that was open: folder, name, pictures, and the accuracy of its best run in [0, 1] (None: no run)."""

    folder: str
    name: str
    images: int = 0
    accuracy: float | None = None


class Settings(msgspec.Struct):
    """The user's choices in this window; `save` writes them.

    Attributes
    ----------
    scheme : {"system", "light", "dark"}
    scale : float
        Size of everything, from 0.8 to 2.
    device : str
        "auto" or a name of DeviceRecord; recipes are made with it.
    project : str
        Folder of the project that was open; "" for the start page.
    page : str
        Name of the page that was shown.
    geometry : str
        QWidget.saveGeometry as hexadecimal digits.
    zoom : int
        Side of thumbnails in the grid, in pixels of the design.
    copy_images : bool
        Imports copy files into the project; otherwise they are referred to.
    move_on : bool
        After a label the next unlabelled picture is selected.
    recent : tuple of RecentProject
        Newest first.
    """

    scheme: str = "system"
    scale: float = 1.0
    device: str = "auto"
    project: str = ""
    page: str = "start"
    geometry: str = ""
    zoom: int = 96
    copy_images: bool = True
    move_on: bool = True
    recent: tuple[RecentProject, ...] = ()

    def save(self) -> None:
        """Write the settings; a disk that refuses is a line in the log."""
        place = settings_file()
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = place.with_suffix(".part")
            beside.write_bytes(msgspec.json.format(msgspec.json.encode(self)))
            os.replace(beside, place)
        except OSError as error:
            log.warning("The settings were not written: %s", error)

    def remember_project(self, entry: RecentProject) -> None:
        """Put a project on top of the recent ones."""
        others = [old for old in self.recent if old.folder != entry.folder]
        self.recent = (entry, *others)[:RECENT_KEPT]

    def forget_project(self, folder: str) -> None:
        self.recent = tuple(entry for entry in self.recent if entry.folder != folder)


def settings_file() -> Path:
    """Where the settings are kept."""
    return places.settings() / "window.json"


def load() -> Settings:
    """The saved settings, or fresh ones; what cannot be read is renamed with the time, so that nothing of it is lost."""
    place = settings_file()
    try:
        return msgspec.json.decode(place.read_bytes(), type=Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("The settings could not be read and were put aside: %s", error)
        with contextlib.suppress(OSError):
            place.rename(place.with_name(f"window.{time.strftime('%Y%m%d-%H%M%S')}.bad.json"))
        return Settings()
