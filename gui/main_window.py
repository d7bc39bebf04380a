"""The window: sidebar, pages, status bar; what is dropped, pasted or opened anywhere goes through here."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QByteArray, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QGuiApplication, QIcon, QKeySequence
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QMainWindow, QMenu, QStackedWidget, QVBoxLayout

import resources
from engine import messages, places
from engine.messages import Command, Event, JobClosed, Outcome
from gui import icons
from gui.actions import ACTIONS, Actions, page_action, tooltip, translated
from gui.bridge import Bridge
from gui.notifications import Channel, Message, Toasts
from gui.pages.page import Page
from gui.settings import RecentProject, Settings
from gui.state import AppState, RunSelected
from gui.theme import px, theme
from gui.widgets.basics import label, panel, percent
from gui.widgets.picture_model import paths_of
from gui.widgets.sidebar import Sidebar
from gui.widgets.status_bar import StatusBar


class PageRecord(msgspec.Struct, frozen=True):
    """A page: its name, the word in the sidebar, its icon, and the class that makes it ("module:Class")."""

    name: str
    title: str
    icon: str
    made_by: str


START = PageRecord("start", "Start", "ph.house", "gui.pages.start:StartPage")
PAGES = (
    PageRecord("data", "Data", "ph.squares-four", "gui.pages.data:DataPage"),
    PageRecord("model", "Model", "ph.tree-structure", "gui.pages.model:ModelPage"),
    PageRecord("train", "Train", "ph.chart-line-up", "gui.pages.train:TrainPage"),
    PageRecord("check", "Check", "ph.target", "gui.pages.check:CheckPage"),
    PageRecord("use", "Use", "ph.camera", "gui.pages.use:UsePage"),
)
FREE_PAGES = ("start", "use")
"""Pages that need no project."""

SILENT = frozenset({"WantThumbnails", "WantPicture", "Remember", "PinUnit", "EngineReady"})
"""Commands whose failure the user did not ask to hear of; the log has it."""


class MainWindow(QMainWindow):
    """The whole window on one bridge.

    Attributes
    ----------
    painted : Signal
        Once, after the first paint.
    """

    painted = Signal()

    def __init__(self, bridge: Bridge, settings: Settings, channel: Channel) -> None:
        super().__init__()
        self.bridge, self.settings, self.channel = bridge, settings, channel
        self.pages: dict[str, Page] = {}
        self._records = {record.name: record for record in (START, *PAGES) if _exists(record)}
        self._page_name = ""
        self._was_painted = False
        self._after_open: dict[int, Callable[[], object]] = {}
        self._reopening = ""
        self._palette: Any = None
        self.setWindowTitle("Fovea")
        self.setAcceptDrops(True)
        self.setMinimumSize(860, 560)
        self._build()
        self.actions_ = self._make_actions()
        self._menus = self.actions_.fill(self.menuBar())
        self.sidebar.set_project_menu(self._project_menu())
        self.toasts = Toasts(self, lambda: self.status.height())
        channel.listen(self.toasts.show)
        bridge.happened.connect(self._hear)
        for view in (self, self.sidebar, self.status):
            bridge.add_view(view)
        theme().changed.connect(self._dress)
        self._dress()
        self._restore_geometry()

    # ------------------------------------------------------------ building

    def _build(self) -> None:
        self.sidebar = Sidebar()
        self.status = StatusBar(self.settings.device)
        self.status.device_chosen.connect(self._choose_device)
        self.status.cancel_wanted.connect(self.bridge.cancel)
        self.stack = QStackedWidget()
        self.stack.setObjectName("pages")
        self.banner = panel("banner")
        row = QHBoxLayout(self.banner)
        row.setContentsMargins(px(12), px(6), px(12), px(6))
        self.banner_words = label("", wrap=True)
        row.addWidget(self.banner_words, 1)
        self.banner.hide()
        self._banner_place = QVBoxLayout()
        self._banner_place.addWidget(self.banner)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(self._banner_place)
        right.addWidget(self.stack, 1)
        across = QHBoxLayout()
        across.setSpacing(0)
        across.addWidget(self.sidebar)
        across.addLayout(right, 1)
        centre = QFrame()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(across, 1)
        column.addWidget(self.status)
        self.setCentralWidget(centre)
        for number, record in enumerate(self._shown_pages(), 1):
            action = page_action(record.name, record.title, number, record.icon)
            self.sidebar.add_page(record.name, translated(record.title), record.icon, tooltip(action))
        self.sidebar.page_wanted.connect(self.show_page)

    def _shown_pages(self) -> list[PageRecord]:
        return [record for record in PAGES if record.name in self._records]

    def _make_actions(self) -> Actions:
        pages = [page_action(record.name, record.title, number, record.icon) for number, record in enumerate(self._shown_pages(), 1)]
        functions: dict[str, Callable[[], object]] = {
            "new_project": self._new_project,
            "open_project": self._ask_for_project,
            "open_sample": self.open_sample,
            "close_project": lambda: self.bridge.submit(messages.CloseProject()),
            "import_files": self.ask_for_files,
            "import_folder": self.ask_for_folder,
            "show_folder": self._show_folder,
            "quit": self.close,
            "undo": lambda: self.bridge.submit(messages.Undo()),
            "redo": lambda: self.bridge.submit(messages.Redo()),
            "paste": self.paste,
            "find": self._find,
            "larger": lambda: self._scale(1),
            "smaller": lambda: self._scale(-1),
            "normal_size": lambda: self._look(scale=1.0),
            "projector": lambda: self._look(scale=1.5),
            "scheme_system": lambda: self._look(scheme="system"),
            "scheme_light": lambda: self._look(scheme="light"),
            "scheme_dark": lambda: self._look(scheme="dark"),
            "full_screen": lambda: self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen),
            "go_start": lambda: self.show_page("start"),
            "palette": self._open_palette,
            "explain": self._explain,
            "show_log": lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(places.log_file().parent))),
            "about": self._about,
        }
        for record in self._shown_pages():
            functions[f"go_{record.name}"] = lambda name=record.name: self.show_page(name)
        before_palette = next(at for at, record in enumerate(ACTIONS) if record.id == "palette")
        return Actions(self, (*ACTIONS[:before_palette], *pages, *ACTIONS[before_palette:]), functions)

    def _project_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.aboutToShow.connect(lambda: self._fill_project_menu(menu))
        return menu

    def _fill_project_menu(self, menu: QMenu) -> None:
        menu.clear()
        for entry in self.settings.recent[:6]:
            menu.addAction(entry.name, lambda folder=entry.folder: self.open_project(folder)).setToolTip(entry.folder)
        menu.addSeparator()
        for name in ("new_project", "open_project", "show_folder", "close_project"):
            menu.addAction(self.actions_[name])

    # ------------------------------------------------------------ pages

    def page(self, name: str) -> Page:
        """The page of this name, made when it is first asked for."""
        made = self.pages.get(name)
        if made is None:
            module, _, kind = self._records[name].made_by.partition(":")
            made = self.pages[name] = getattr(importlib.import_module(module), kind)(self.bridge, self.settings)
            self._join(made)
            self.stack.addWidget(made)
        return made

    def _join(self, page: Page) -> None:
        page.images_wanted.connect(self.show_images)
        page.page_wanted.connect(self.show_page)
        reached = {
            "sample_wanted": self.open_sample,
            "folder_wanted": self.ask_for_folder,
            "files_wanted": self.ask_for_files,
            "camera_wanted": self.open_camera,
            "open_wanted": self._ask_for_project,
            "paths_dropped": self.take_paths,
            "project_wanted": self.open_project,
        }
        for name, function in reached.items():
            signal = getattr(page, name, None)
            if signal is not None:
                signal.connect(function)

    def show_page(self, name: str) -> None:
        """Show a page; without a project only those that need none."""
        if name not in self._records or (self.bridge.state.project is None and name not in FREE_PAGES):
            name = "start"
        self._page_name = name
        self.stack.setCurrentWidget(self.page(name))
        self.page(name).setFocus()
        self.sidebar.set_current(name)
        self.settings.page = name
        if self.bridge.state.writable and name != "start":
            self.bridge.submit(messages.Remember("page", name))

    @property
    def page_name(self) -> str:
        return self._page_name

    def show_images(self, images: object, words: str = "") -> None:
        """Show these pictures of the project on the Data page, where their labels can be changed."""
        self.show_page("data")
        if self._page_name == "data":
            self.pages["data"].show_images(tuple(int(image) for image in images), words)

    # ------------------------------------------------------------ starting and closing

    def begin(self, folder: str = "") -> None:
        """After the first paint: open the project that was open, or the one in `folder`, and load icons."""
        self._reopening = folder or self.settings.project
        if self._reopening:
            self.open_project(self._reopening)
        QTimer.singleShot(0, icons.load)

    def paintEvent(self, event: Any) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.settings.geometry = bytes(self.saveGeometry().toHex().data()).decode()
        self._remember_project(self.bridge.state)
        self.settings.save()
        self.hide()
        self.bridge.close()
        event.accept()

    def _restore_geometry(self) -> None:
        self.resize(1280, 800)
        if self.settings.geometry:
            self.restoreGeometry(QByteArray.fromHex(self.settings.geometry.encode("ascii", "ignore")))

    # ------------------------------------------------------------ projects

    def open_project(self, folder: str) -> None:
        self.bridge.submit(messages.OpenProject(folder))

    def open_sample(self) -> None:
        """Open the sample, and go where it can be trained."""
        job = self.bridge.submit(messages.OpenSample())
        self._after_open[job] = lambda: self.show_page("train" if "train" in self._records else "data")

    def _new_project(self) -> None:
        self._open_new(self.tr("Project"), lambda: self.show_page("data"))

    def _open_new(self, name: str, then: Callable[[], object]) -> None:
        self._after_open[self.bridge.submit(messages.NewProject(name))] = then

    def _ask_for_project(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Open the folder of a project"), str(places.projects()))
        if folder:
            self.open_project(folder)

    def _show_folder(self) -> None:
        if self.bridge.state.project is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(self.bridge.state.project.folder))

    def open_camera(self) -> None:
        """Go to the Use page and play the first camera."""
        self.show_page("use")
        self.bridge.submit(messages.ListCameras())
        self.bridge.submit(messages.OpenCamera("0"))

    # ------------------------------------------------------------ imports

    def ask_for_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, self.tr("Pictures to import"), str(Path.home()))
        self.take_paths(tuple(files))

    def ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("A folder of pictures"), str(Path.home()))
        self.take_paths((folder,) if folder else ())

    def take_paths(self, paths: tuple[str, ...]) -> None:
        """Import files and folders, into a new project where none is open; the folder of a project is opened."""
        if not paths:
            return
        if len(paths) == 1 and (Path(paths[0]) / "project.sqlite").is_file():
            self.open_project(paths[0])
            return
        self._import(messages.ImportPaths(tuple(paths), None, self.settings.copy_images), Path(paths[0]))

    def _import(self, command: Command, source: Path) -> None:
        if self.bridge.state.project is not None:
            self.bridge.submit(command)
            self.show_page("data")
            return
        name = source.name if source.is_dir() else source.parent.name

        def then() -> None:
            self.show_page("data")
            self.bridge.submit(command)

        self._open_new(name or self.tr("Pictures"), then)

    def paste(self) -> None:
        """Take files or a picture from the clipboard; the page that is shown may want them itself."""
        data = QGuiApplication.clipboard().mimeData()
        paths = paths_of(data)
        page = self.stack.currentWidget()
        if paths:
            if not (isinstance(page, Page) and page.take_files(paths)):
                self.take_paths(paths)
        elif data.hasImage():
            from gui.widgets.drop_picture import pixels_of

            pixels = pixels_of(QGuiApplication.clipboard().image())
            name = self.tr("pasted picture")
            if not (isinstance(page, Page) and page.take_picture(pixels, name)):
                self._import(messages.ImportPicture(pixels, name), Path())
        else:
            self.tell("info", self.tr("The clipboard holds no picture."), self.tr("Copy a picture or some files first."))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if paths_of(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = paths_of(event.mimeData())
        page = self.stack.currentWidget()
        if not (isinstance(page, Page) and page.take_files(paths)):
            self.take_paths(paths)
        event.acceptProposedAction()

    # ------------------------------------------------------------ what the engine says

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Title, banner, and which actions can be used."""
        if changed & {"project", "history"}:
            self.actions_.set_project_open(state.project is not None)
            for name, words, plain in (("undo", state.history.undo, self.tr("Undo")), ("redo", state.history.redo, self.tr("Redo"))):
                self.actions_[name].setEnabled(state.writable and bool(words))
                self.actions_[name].setText(f"{plain}: {words}" if words else plain)
        if "project" in changed:
            for name in ("close_project", "show_folder", "find"):
                self.actions_[name].setEnabled(state.project is not None)
            self.setWindowTitle(f"{state.project.name} – Fovea" if state.project is not None else "Fovea")
            read_only = state.project.read_only if state.project is not None else ""
            self.banner_words.setText(self.tr("This project can only be looked at: {0}").format(read_only))
            self.banner.setVisible(bool(read_only))

    def _hear(self, event: Event) -> None:
        if isinstance(event, messages.ProjectOpened):
            self._project_opened(event)
        elif isinstance(event, messages.ProjectClosed):
            self.settings.project = ""
            self.show_page("start")
        elif isinstance(event, messages.Notice):
            self.tell(event.level, event.text)
        elif isinstance(event, messages.TrainingFinished):
            self._training_finished(event)
        elif isinstance(event, messages.ImportFinished):
            self._import_finished(event)
        elif isinstance(event, messages.RunsChanged):
            self._remember_project(self.bridge.state)
        elif isinstance(event, JobClosed):
            self._job_closed(event)

    def _project_opened(self, event: messages.ProjectOpened) -> None:
        self.settings.project = event.project.folder
        self._remember_project(self.bridge.state)
        self.settings.save()
        then = self._after_open.pop(event.job, None)
        if then is not None:
            then()
        elif self._reopening and Path(self._reopening) == Path(event.project.folder):
            self.show_page(self.settings.page if self.settings.page != "start" else event.memory.get("page", "data"))
        else:
            self.show_page(event.memory.get("page", "data"))
        self._reopening = ""

    def _remember_project(self, state: AppState) -> None:
        if state.project is None:
            return
        measured = [run.validation_accuracy for run in state.runs if run.validation_accuracy is not None]
        images = len(state.images.ids) if state.images is not None else 0
        entry = RecentProject(state.project.folder, state.project.name, images, max(measured) if measured else None)
        self.settings.remember_project(entry)

    def _training_finished(self, event: messages.TrainingFinished) -> None:
        record = event.record
        accuracy = record.test_accuracy if record.test_accuracy is not None else record.validation_accuracy
        where = self.tr("test") if record.test_accuracy is not None else self.tr("validation")
        words = self.tr("{0} is trained").format(record.title)
        if accuracy is not None:
            words = self.tr("{0} is trained: {1} {2} accuracy").format(record.title, percent(accuracy), where)
        act = self.tr("Check it") if "check" in self._records and self._page_name != "check" else ""
        self.channel.post(Message("good", words, "", act, lambda: self.show_page("check")))

    def _import_finished(self, event: messages.ImportFinished) -> None:
        if event.taken and not event.skipped:
            words = self.tr("1 picture was taken.") if event.taken == 1 else self.tr("{0} pictures were taken.").format(event.taken)
            self.tell("good", words)

    def _job_closed(self, event: JobClosed) -> None:
        self._after_open.pop(event.job, None)
        if event.outcome is Outcome.FAILED and event.failure is not None and event.command not in SILENT:
            if event.command == "OpenProject" and self.bridge.state.project is None:
                self.settings.project = ""
                self.show_page("start")
            self.tell("error", event.failure.message, event.failure.remedy)
        elif event.command == "EngineReady" and event.failure is not None:
            self.tell("error", self.tr("torch could not be loaded: {0}").format(event.failure.message), event.failure.remedy)

    def tell(self, level: str, text: str, remedy: str = "") -> None:
        """Show a short message."""
        self.channel.post(Message(level, text, remedy))

    # ------------------------------------------------------------ small actions

    def _choose_device(self, name: str) -> None:
        self.settings.device = name
        self.settings.save()

    def _scale(self, steps: int) -> None:
        theme().step_scale(steps)
        self._keep_look()

    def _look(self, scheme: str | None = None, scale: float | None = None) -> None:
        theme().apply(scheme, scale)
        self._keep_look()

    def _keep_look(self) -> None:
        self.settings.scheme, self.settings.scale = theme().scheme, theme().scale
        self.settings.save()

    def _find(self) -> None:
        self.show_page("data")
        search = getattr(self.stack.currentWidget(), "search", None)
        if search is not None:
            search.setFocus()
            search.selectAll()

    def _explain(self) -> None:
        from gui.widgets.help_panel import HelpPanel

        page = self.stack.currentWidget()
        if isinstance(page, Page) and page.help_text:
            keys = [(record, self.actions_[record.id]) for record in self.actions_.records if record.shortcuts]
            rows = [(action.text(), action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)) for record, action in keys]
            HelpPanel(self, page.header.title.text(), self.tr(page.help_text), rows).open()

    def _about(self) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("fovea")
        except PackageNotFoundError:
            number = self.tr("from its sources")
        self.tell("info", self.tr("Fovea {0}").format(number), self.tr("Image classification on the desktop. Apache License 2.0."))

    def _open_palette(self) -> None:
        from gui.widgets.palette import Palette

        if self._palette is None:
            self._palette = Palette(self)
            self._palette.closed.connect(lambda: self.stack.currentWidget().setFocus())
        self._palette.open(self._found())

    def _found(self) -> list[Any]:
        from engine.networks import zoo
        from gui.widgets.palette import Entry

        entries = []
        for record in self.actions_.records:
            action = self.actions_[record.id]
            if record.id != "palette" and action.isEnabled():
                keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
                entries.append(Entry(action.text().rstrip("…"), keys, record.icon, action.trigger))
        state = self.bridge.state
        for kind in state.classes:
            entries.append(Entry(kind.name, self.tr("class"), "ph.tag", lambda class_id=kind.id: self._show_class(class_id)))
        if "check" in self._records:
            for run in state.runs:
                words = f"{run.title} · {run.created[:16].replace('T', ' ')}"
                entries.append(Entry(words, self.tr("run"), "ph.chart-line-up", lambda name=run.id: self._show_run(name)))
        if "model" in self._records and state.project is not None:
            for name in zoo.names():
                entries.append(Entry(name, self.tr("network"), "ph.tree-structure", lambda name=name: self._show_network(name)))
        return entries

    def _show_class(self, class_id: int) -> None:
        from gui.widgets.picture_model import Filter

        self.show_page("data")
        self.pages["data"].show_filter(Filter(class_id=class_id))

    def _show_run(self, run: str) -> None:
        self.bridge.dispatch(RunSelected(run=run))
        self.show_page("check")

    def _show_network(self, name: str) -> None:
        self.show_page("model")
        choose = getattr(self.pages.get("model"), "choose_network", None)
        if choose is not None:
            choose(name)

    def _dress(self) -> None:
        self.actions_.dress()
        self.setWindowIcon(QIcon(str(resources.path("icons/fovea.png"))))


def _exists(record: PageRecord) -> bool:
    """Whether the page's module is there."""
    return importlib.util.find_spec(record.made_by.partition(":")[0]) is not None
