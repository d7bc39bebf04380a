"""Where the project's files are and how they get out: copied or referred to, missing, exported."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QButtonGroup, QComboBox, QGridLayout, QHBoxLayout, QRadioButton, QScrollArea, QVBoxLayout, QWidget

from engine.messages import Exported, KeepFiles
from engine.project.records import Flag
from gui.bridge import Bridge
from gui.state import AppState
from gui.theme import px, theme
from gui.ways_out import Kind, WaysOut, show_exported
from gui.widgets.basics import button, count, label, rule
from gui.widgets.skipped_table import SkippedTable

EXPORTS: tuple[tuple[str, Kind, bool, str], ...] = (
    ("Folder per class…", "folders", False, "Copies of the files, a folder a class"),
    ("Folders of links…", "folders", True, "Links to the files, where the system can: takes no room"),
    ("Table (CSV)…", "csv", False, "A line a picture: file, label, split"),
    ("COCO JSON…", "coco", False, "Annotations in JSON beside a folder of pictures"),
    ("Zip of folders…", "zip", False, "Folder per class, packed in one file"),
    ("Whole project (zip)…", "project", False, "Pictures, labels and runs, to open elsewhere"),
)


class ProjectPanel(QWidget):
    """Files above, ways out below.

    Parameters
    ----------
    bridge : Bridge
    selected, shown : callable
        Tell which pictures are selected, and which the grid shows.
    """

    def __init__(self, bridge: Bridge, selected: Callable[[], tuple[int, ...]], shown: Callable[[], tuple[int, ...]]) -> None:
        super().__init__()
        self._bridge, self._selected, self._shown = bridge, selected, shown
        self._exported: Exported | None = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        scroll = QScrollArea()
        scroll.setProperty("look", "clear")
        scroll.setWidgetResizable(True)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        scroll.setWidget(inner)
        outer.addWidget(scroll)
        self._build_files()
        self._column.addWidget(rule())
        self._build_exports()
        self._column.addStretch(1)
        theme().changed.connect(self.dress)
        self.dress()

    @property
    def _ways(self) -> WaysOut:
        return self.window().findChild(WaysOut) or WaysOut(self.window(), self._bridge)

    # ------------------------------------------------------------ building

    def _build_files(self) -> None:
        self._column.addWidget(label(self.tr("Pictures"), "section"))
        self.folder = label("", "caption", wrap=True)
        self._column.addWidget(self.folder)
        self.copied = QRadioButton(self.tr("Copied into the project"))
        self.referred = QRadioButton(self.tr("Referred to where they lie"))
        group = QButtonGroup(self)
        for choice in (self.copied, self.referred):
            group.addButton(choice)
            self._column.addWidget(choice)
        self.copied.clicked.connect(lambda: self._keep(True))
        self.referred.clicked.connect(lambda: self._keep(False))
        self.keeping = label("", "caption", wrap=True)
        self._column.addWidget(self.keeping)
        self.missing = label("", wrap=True)
        self._column.addWidget(self.missing)
        self.find = button(self.tr("Find them in a folder…"), "", self.tr("Looks by name and content, in all folders below too"))
        self.find.clicked.connect(lambda: self._ways.relink())
        self._column.addWidget(self.find)

    def _build_exports(self) -> None:
        self._column.addWidget(label(self.tr("Ways out"), "section"))
        copy = button(self.tr("Save a copy…"), "", self.tr("The whole project, runs included, in another folder"))
        copy.clicked.connect(lambda: self._ways.save_copy())
        self.save_copy = copy
        self._column.addWidget(copy)
        row = QHBoxLayout()
        row.addWidget(label(self.tr("Export")))
        self.which = QComboBox()
        self.which.setAccessibleName(self.tr("Which pictures to export"))
        for words in (self.tr("all pictures"), self.tr("the selected pictures"), self.tr("the pictures shown")):
            self.which.addItem(words)
        self.which.currentIndexChanged.connect(lambda at: self._dress_exports(self._bridge.state))
        row.addWidget(self.which, 1)
        self._column.addLayout(row)
        self.buttons = []
        grid = self._grid = QGridLayout()
        for number, (words, kind, link, tip) in enumerate(EXPORTS):
            made = button(self.tr(words), "", self.tr(tip))
            made.clicked.connect(lambda checked=False, kind=kind, link=link: self.export(kind, link))
            grid.addWidget(made, number // 2, number % 2)
            self.buttons.append((made, kind))
        self._column.addLayout(grid)
        self.said = label("", wrap=True)
        self._column.addWidget(self.said)
        self.show_button = button(self.tr("Show in folder"), "quiet", self.tr("Open the folder in the file manager"))
        self.show_button.clicked.connect(lambda: show_exported(self._exported) if self._exported is not None else None)
        self._column.addWidget(self.show_button)
        self.skipped = SkippedTable(self.tr("Why it was not written"))
        self._column.addWidget(self.skipped)
        self._say_exported(None)

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Take a state over."""
        if changed & {"project", "images", "jobs"}:
            self._show_files(state)
            self._dress_exports(state)
        if "exported" in changed:
            self._say_exported(state.exported)

    def _show_files(self, state: AppState) -> None:
        project = state.project
        self.folder.setText(project.folder if project is not None else "")
        copy = project is not None and project.copy
        (self.copied if copy else self.referred).setChecked(True)
        busy = state.running("KeepFiles") is not None
        for choice in (self.copied, self.referred):
            choice.setEnabled(state.writable and not busy)
        if busy:
            self.keeping.setText(self.tr("Files are being copied …"))
        elif copy:
            self.keeping.setText(self.tr("The project's folder can be moved or sent as it is."))
        else:
            self.keeping.setText(self.tr("New files stay where they are. Choosing to copy brings all of them into the project."))
        missing = missing_pictures(state)
        words = self.tr("No file is missing.") if not missing else missing_words(missing)
        self.missing.setText(words)
        self.find.setVisible(bool(missing))
        self.find.setEnabled(state.writable and state.running("Relink") is None)

    def _dress_exports(self, state: AppState) -> None:
        some = state.images is not None and len(state.images.ids) > 0
        busy = state.running("Export") is not None or state.running("SaveCopy") is not None
        self.save_copy.setEnabled(state.project is not None and not busy)
        for made, kind in self.buttons:
            made.setEnabled(some and not busy and not (kind == "project" and self.which.currentIndex()))

    def _say_exported(self, event: Exported | None) -> None:
        self._exported = event
        for widget in (self.said, self.show_button):
            widget.setVisible(event is not None)
        self.skipped.setVisible(event is not None and bool(event.skipped))
        if event is not None:
            self.said.setText(exported_words(event))
            self.said.setToolTip(event.path)
            self.skipped.show_rows(event.skipped)

    # ------------------------------------------------------------ deeds

    def _keep(self, copy: bool) -> None:
        project = self._bridge.state.project
        if project is not None and project.copy != copy:
            self._bridge.submit(KeepFiles(copy))

    def export(self, kind: Kind, link: bool = False) -> None:
        """Ask where to, and write the chosen pictures there."""
        images = (None, self._selected, self._shown)[self.which.currentIndex()]
        chosen = images() if images is not None else None
        if chosen is not None and not chosen:
            self._say_exported(None)
            self.said.setText(self.tr("No picture is selected.") if images is self._selected else self.tr("No picture is shown."))
            self.said.show()
            return
        self._ways.export(kind, chosen, link)

    def dress(self) -> None:
        self._column.setContentsMargins(px(16), px(12), px(16), px(16))
        self._column.setSpacing(px(8))
        self._grid.setSpacing(px(6))


def missing_pictures(state: AppState) -> int:
    """How many pictures' files were not there when they were looked for last."""
    return 0 if state.images is None else int(((state.images.flags & Flag.MISSING) != 0).sum())


def missing_words(number: int) -> str:
    """ "12 pictures' files are missing."."""
    if number == 1:
        return ProjectPanel.tr("1 picture's file is missing.")
    return ProjectPanel.tr("{0} pictures' files are missing.").format(count(number))


def exported_words(event: Exported) -> str:
    """What was written, where, and how many could not be."""
    pictures = ProjectPanel.tr("1 picture") if event.images == 1 else ProjectPanel.tr("{0} pictures").format(count(event.images))
    words = ProjectPanel.tr("{0} written to {1}.").format(pictures, event.path)
    if event.skipped:
        left = len(event.skipped)
        words += " " + (ProjectPanel.tr("1 could not be.") if left == 1 else ProjectPanel.tr("{0} could not be.").format(count(left)))
    return words
