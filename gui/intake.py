"""What is dropped on the window or pasted: the page that is shown may want it itself, else it is imported."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QObject
from PySide6.QtGui import QDropEvent, QGuiApplication

from gui import dropped
from gui.pages.page import Page
from gui.projects import Projects


class Intake(QObject):
    """Leads files, pictures and addresses to where they belong.

    Parameters
    ----------
    parent : QObject
    projects : Projects
        Imports what no page wants.
    page : callable
        The page that is shown.
    tell : callable
        Tells the user a sentence and what to do.
    """

    def __init__(self, parent: QObject, projects: Projects, page: Callable[[], object], tell: Callable[[str, str, str], object]) -> None:
        super().__init__(parent)
        self._projects, self._page, self._tell = projects, page, tell

    def paste(self) -> None:
        """Take what is on the clipboard."""
        if not self.take(QGuiApplication.clipboard().mimeData(), self.tr("pasted picture")):
            self._tell("info", self.tr("The clipboard holds no picture."), self.tr("Copy a picture or some files first."))

    def drop(self, event: QDropEvent) -> None:
        """Take what was dropped."""
        if self.take(event.mimeData(), self.tr("dropped picture")):
            event.acceptProposedAction()

    def take(self, mime: QMimeData, name: str) -> bool:
        """Take what there is, a picture without a name of its own under `name`; tells whether there was something."""
        found = dropped.read(mime)
        if found.nothing:
            return False
        page = self._page()
        if found.paths:
            if not (isinstance(page, Page) and page.take_files(found.paths)):
                self._projects.take_paths(found.paths)
        elif found.image is not None:
            pixels, words = found.pixels(), found.name or name
            if not (isinstance(page, Page) and page.take_picture(pixels, words)):
                self._projects.take_picture(pixels, words)
        else:
            self._projects.take_addresses(found.addresses)
        return True
