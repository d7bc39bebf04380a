"""The window: sidebar, pages, status bar; what is dropped, pasted or opened anywhere goes through here."""

from __future__ import annotations

import importlib
from typing import Any

from PySide6.QtCore import QByteArray, QSize, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QIcon, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QMenu, QStackedWidget, QVBoxLayout

import resources
from engine import messages
from gui.actions import ACTIONS, Actions, page_action, tooltip, translated
from gui.announcer import TRAINING, Announcer
from gui.bridge import Bridge
from gui.dropped import may_hold
from gui.importing_again import ImportingAgain
from gui.intake import Intake
from gui.notifications import Channel, Toasts
from gui.page_records import BY_NAME, FREE_PAGES, PAGES
from gui.pages.page import Page
from gui.projects import Projects
from gui.settings import Settings
from gui.state import AppState
from gui.theme import px, theme
from gui.ways_out import WaysOut
from gui.widgets.basics import label, panel
from gui.widgets.files_banner import FilesBanner
from gui.widgets.sidebar import Sidebar
from gui.widgets.status_bar import StatusBar
from gui.window_actions import functions_of

FRAME_WIDTH, FRAME_HEIGHT = 16, 48
"""Room in pixels left for the frame that the system puts around a window."""


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
        self._page_name = ""
        self._was_painted = False
        self._palette: Any = None
        self.setWindowTitle("Fovea")
        self.setAcceptDrops(True)
        self.setMinimumSize(860, 560)
        self.projects = Projects(self, bridge, settings, self.show_page)
        self.announcer = Announcer(
            channel,
            bridge,
            check=lambda: self.show_page("check"),
            checking=lambda: self._page_name == "check",
            parent=self,
            doctor=lambda: self.show_tool("doctor"),
            consulting=lambda: self._page_name == "data" and self.pages["data"].tools.shown == "doctor",
            forget=lambda topic: self.toasts.forget(topic),
            training=lambda: self._page_name == "train",
        )
        self.intake = Intake(self, self.projects, lambda: self.stack.currentWidget(), self.announcer.tell)
        self.ways_out = WaysOut(self, bridge)
        self.importing_again = ImportingAgain(bridge, self)
        self._build()
        self.actions_ = self._make_actions()
        self._menus = self.actions_.fill(self.menuBar())
        self.sidebar.set_project_menu(self._project_menu())
        self.toasts = Toasts(self, self._banner_place, lambda: self.status.height())
        channel.listen(self.toasts.show)
        for listener in (self.projects, self.announcer):
            bridge.happened.connect(listener.hear)
        for view in (self, self.sidebar, self.status):
            bridge.add_view(view)
        self.files_banner.find_wanted.connect(self.ways_out.relink)
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
        self.files_banner = FilesBanner()
        self._banner_place.addWidget(self.files_banner)
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
        for number, record in enumerate(PAGES, 1):
            action = page_action(record.name, record.title, number, record.icon)
            self.sidebar.add_page(record.name, translated(record.title), record.icon, tooltip(action))
        self.sidebar.page_wanted.connect(self.show_page)

    def _make_actions(self) -> Actions:
        pages = [page_action(record.name, record.title, number, record.icon) for number, record in enumerate(PAGES, 1)]
        before_palette = next(at for at, record in enumerate(ACTIONS) if record.id == "palette")
        return Actions(self, (*ACTIONS[:before_palette], *pages, *ACTIONS[before_palette:]), functions_of(self))

    def _project_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.aboutToShow.connect(lambda: self._fill_project_menu(menu))
        return menu

    def _fill_project_menu(self, menu: QMenu) -> None:
        menu.clear()
        self.projects.fill_menu(menu)
        menu.addSeparator()
        for name in ("new_project", "open_project", "show_folder", "close_project"):
            menu.addAction(self.actions_[name])

    # ------------------------------------------------------------ pages

    def page(self, name: str) -> Page:
        """The page of this name, made when it is first asked for."""
        made = self.pages.get(name)
        if made is None:
            module, _, kind = BY_NAME[name].made_by.partition(":")
            made = self.pages[name] = getattr(importlib.import_module(module), kind)(self.bridge, self.settings)
            self._join(made)
            self.stack.addWidget(made)
        return made

    def _join(self, page: Page) -> None:
        page.images_wanted.connect(self.show_images)
        page.page_wanted.connect(self.show_page)
        page.history_changed.connect(self._render_history)
        reached = {
            "sample_wanted": self.projects.open_sample,
            "folder_wanted": self.projects.ask_for_new if page.name == "start" else self.projects.ask_for_folder,
            "files_wanted": self.projects.ask_for_files,
            "camera_wanted": self.open_camera,
            "open_wanted": self.projects.ask_for_project,
            "paths_dropped": self.projects.take_into_new,
            "project_wanted": self.projects.open,
            "set_wanted": self.projects.ask_for_set,
        }
        for name, function in reached.items():
            signal = getattr(page, name, None)
            if signal is not None:
                signal.connect(function)
        if page.name == "data":
            page.report.crops_wanted.connect(self.importing_again.take_crops)

    def show_page(self, name: str) -> None:
        """Show a page; without a project only those that need none."""
        if name not in BY_NAME or (self.bridge.state.project is None and name not in FREE_PAGES):
            name = "start"
        self._page_name = name
        self.stack.setCurrentWidget(self.page(name))
        self.page(name).setFocus()
        self._render_history()
        self.sidebar.set_current(name)
        if name == "check":
            self.toasts.forget(TRAINING, ("good", "info"))
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

    def show_tool(self, name: str) -> None:
        """Show a panel of the Data page, one of `DataTools.PANELS`, or none."""
        self.show_page("data")
        if self._page_name == "data":
            self.pages["data"].show_panel(name)

    # ------------------------------------------------------------ starting and closing

    def begin(self, folder: str = "") -> None:
        """After the first paint: open the project that was open, or the one in `folder`."""
        self.projects.begin(folder)

    def paintEvent(self, event: Any) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.settings.geometry = bytes(self.saveGeometry().toHex().data()).decode()
        self.projects.remember()
        self.settings.save()
        self.hide()
        self.bridge.close()
        event.accept()

    def _restore_geometry(self) -> None:
        room = self.screen().availableSize() - QSize(FRAME_WIDTH, FRAME_HEIGHT)
        self.resize(QSize(1280, 800).boundedTo(room))
        if self.settings.geometry:
            self.restoreGeometry(QByteArray.fromHex(self.settings.geometry.encode("ascii", "ignore")))

    def open_camera(self) -> None:
        """Go to the Use page and play the first camera."""
        self.show_page("use")
        self.page("use").start_camera()

    # ------------------------------------------------------------ dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if may_hold(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.intake.drop(event)

    # ------------------------------------------------------------ what the engine says

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Title, banner, and which actions can be used."""
        if changed & {"project", "history"}:
            self.actions_.set_project_open(state.project is not None)
            self._render_history()
        self.files_banner.render(state, changed)
        if "failures" in changed:
            self.toasts.forget_errors(state.failures)
        if "project" in changed:
            self.actions_["relink"].setEnabled(state.writable)
            self.setWindowTitle(f"{state.project.name} – Fovea" if state.project is not None else "Fovea")
            read_only = state.project.read_only if state.project is not None else ""
            self.banner_words.setText(read_only)
            self.banner.setVisible(bool(read_only))

    def _render_history(self) -> None:
        """What undo and redo would do now: on this page or, where it leaves that to the window, to the project."""
        state = self.bridge.state
        page = self.pages.get(self._page_name)
        own = page.history() if page is not None else None
        for place, (name, plain) in enumerate((("undo", self.tr("Undo")), ("redo", self.tr("Redo")))):
            words = (state.history.undo, state.history.redo)[place]
            text = (f"{plain}: {words}" if words else plain) if own is None else own[place] or plain
            self.actions_[name].setEnabled(state.writable and bool(words if own is None else own[place]))
            self.actions_[name].setText(text)

    # ------------------------------------------------------------ small actions

    def _choose_device(self, name: str) -> None:
        self.settings.device = name
        self.settings.save()

    def find(self) -> None:
        """Go to the search of the Data page."""
        self.show_page("data")
        search = getattr(self.stack.currentWidget(), "search", None)
        if search is not None:
            search.setFocus()
            search.selectAll()

    def explain(self) -> None:
        """Say what can be done on the page that is shown, and with which keys."""
        from gui.widgets.help_panel import HelpPanel

        page = self.stack.currentWidget()
        if isinstance(page, Page) and page.help_text:
            keys = [(record, self.actions_[record.id]) for record in self.actions_.records if record.shortcuts]
            rows = [(action.text(), action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)) for record, action in keys]
            HelpPanel(self, page.header.title.text(), self.tr(page.help_text), rows).open()

    def about(self) -> None:
        """Tell the version."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("fovea")
        except PackageNotFoundError:
            number = self.tr("from its sources")
        self.announcer.tell(
            "info", self.tr("Fovea {0}").format(number), self.tr("Image classification on the desktop. Apache License 2.0.")
        )

    def open_palette(self) -> None:
        """Let anything be found by its name."""
        from gui.found import found
        from gui.widgets.palette import Palette

        if self._palette is None:
            self._palette = Palette(self)
            self._palette.closed.connect(lambda: self.stack.currentWidget().setFocus())
        self._palette.open(found(self))

    def _dress(self) -> None:
        self.actions_.dress()
        self.setWindowIcon(QIcon(str(resources.path("icons/fovea.png"))))
