"""Projects and imports: what is opened, made or taken in, and what happens when the engine has done it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QWidget

from engine import messages, places
from engine.messages import Command, Event, JobClosed, Outcome
from gui.bridge import Bridge
from gui.settings import RecentProject, Settings

if TYPE_CHECKING:
    import numpy as np

ARCHIVES = (".zip", ".csv", ".tsv", ".json", ".xml", ".tar", ".tgz", ".gz")
"""Files that hold or describe many pictures: a project made of one has its name, not that of the folder it lies in."""
LISTED = 6
"""Recent projects in the sidebar's menu."""


class Projects(QObject):
    """Opens projects and imports into them.

    Parameters
    ----------
    window : QWidget
        Parent of the dialogs.
    bridge : Bridge
    settings : Settings
        Told which project is open, and of recent ones.
    show_page : callable
        Shows a page of this name.
    """

    def __init__(self, window: QWidget, bridge: Bridge, settings: Settings, show_page: Callable[[str], object]) -> None:
        super().__init__(window)
        self._window, self._bridge, self._settings, self._show_page = window, bridge, settings, show_page
        self._after_open: dict[int, Callable[[], object]] = {}
        self._reopening = ""
        self._last_page = settings.page  # before the start page is shown

    # ------------------------------------------------------------ opening

    def begin(self, folder: str = "") -> None:
        """Open the project in a folder, or else the one that was open when the window was closed."""
        self._reopening = folder or self._settings.project
        if self._reopening:
            self.open(self._reopening)

    def open(self, folder: str) -> None:
        self._bridge.submit(messages.OpenProject(folder))

    def open_sample(self) -> None:
        """Open the sample, and go where it can be trained."""
        self._after_open[self._bridge.submit(messages.OpenSample())] = lambda: self._show_page("train")

    def new(self) -> None:
        """Ask for a name, make an empty project, and go where it is filled."""
        name, wanted = QInputDialog.getText(self._window, self.tr("New project"), self.tr("Name"), text=self.tr("Project"))
        if wanted and name.strip():
            self._open_new(name.strip(), lambda: self._show_page("data"))

    def _open_new(self, name: str, then: Callable[[], object]) -> None:
        command = messages.NewProject(name, copy=self._settings.copy_images)
        self._after_open[self._bridge.submit(command)] = then

    def close(self) -> None:
        self._bridge.submit(messages.CloseProject())

    def ask_for_project(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Open the folder of a project"), str(places.projects()))
        if folder:
            self.open(folder)

    def show_folder(self) -> None:
        """Open the project's folder in the system's file manager."""
        if self._bridge.state.project is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(self._bridge.state.project.folder))

    def fill_menu(self, menu: QMenu) -> None:
        """List recent projects."""
        for entry in self._settings.recent[:LISTED]:
            menu.addAction(entry.name, lambda folder=entry.folder: self.open(folder)).setToolTip(entry.folder)

    # ------------------------------------------------------------ imports

    def ask_for_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self._window, self.tr("Pictures to import"), str(Path.home()))
        self.take_paths(tuple(files))

    def ask_for_new(self) -> None:
        """Make a project of a folder, whatever is open."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("A folder of pictures for a new project"), str(Path.home()))
        self.take_into_new((folder,) if folder else ())

    def ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("A folder of pictures"), str(Path.home()))
        self.take_paths((folder,) if folder else ())

    def take_paths(self, paths: tuple[str, ...]) -> None:
        """Import files and folders, into a new project where none is open; the folder of a project is opened."""
        self._take(paths, self._bridge.state.project is None)

    def take_into_new(self, paths: tuple[str, ...]) -> None:
        """Import files and folders into a new project, whatever is open; the folder of a project is opened."""
        self._take(paths, True)

    def _take(self, paths: tuple[str, ...], into_new: bool) -> None:
        if not paths:
            return
        if len(paths) == 1 and (Path(paths[0]) / "project.sqlite").is_file():
            self.open(paths[0])
            return
        source = Path(paths[0])
        name = source.name if source.is_dir() else source.stem if source.suffix.lower() in ARCHIVES else source.parent.name
        self._import(messages.ImportPaths(tuple(paths)), name, into_new)

    def take_picture(self, pixels: np.ndarray, name: str) -> None:
        """Import a picture, uint8 [height, width, 3], from memory."""
        self._import(messages.ImportPicture(pixels, name), "", self._bridge.state.project is None)

    def take_addresses(self, addresses: tuple[str, ...]) -> None:
        """Fetch pictures from the web, as a browser names them when one is dragged."""
        self._import(messages.ImportAddresses(addresses), "", self._bridge.state.project is None)

    def ask_for_set(self) -> None:
        """Offer the standard sets."""
        from gui.widgets.standard_sets import StandardSets

        sets = StandardSets(self._window, self._bridge)
        sets.begun.connect(lambda: self._show_page("data"))
        sets.open()

    def _import(self, command: Command, project: str, into_new: bool) -> None:
        def take() -> None:
            self._show_page("data")
            self._bridge.submit(command)

        if into_new:
            self._open_new(project or self.tr("Pictures"), take)
        else:
            take()

    # ------------------------------------------------------------ what the engine has done

    def hear(self, event: Event) -> None:
        """Go where an event leads, and remember it for the next start."""
        if isinstance(event, messages.ProjectOpened):
            self._opened(event)
            self._bridge.submit(messages.CheckFiles())
        elif isinstance(event, messages.ProjectClosed):
            self._settings.project = ""
            self._show_page("start")
        elif isinstance(event, messages.RunsChanged):
            self.remember()
        elif isinstance(event, JobClosed):
            self._after_open.pop(event.job, None)
            if event.command == "OpenProject" and event.outcome is Outcome.FAILED and self._bridge.state.project is None:
                self._settings.project = ""
                self._show_page("start")

    def _opened(self, event: messages.ProjectOpened) -> None:
        self._settings.project = event.project.folder
        self.remember()
        self._settings.save()
        page = event.memory.get("page", "data")
        then = self._after_open.pop(event.job, None)
        if then is not None:
            then()
        elif self._reopening and Path(self._reopening) == Path(event.project.folder):
            self._show_page(self._last_page if self._last_page != "start" else page)
        else:
            self._show_page(page)
        self._reopening = ""

    def remember(self) -> None:
        """Put the open project on top of the recent ones, as it is now."""
        state = self._bridge.state
        if state.project is None:
            return
        images = len(state.images.ids) if state.images is not None else 0
        accuracy = state.best.accuracy if state.best is not None else None
        self._settings.remember_project(RecentProject(state.project.folder, state.project.name, images, accuracy))
