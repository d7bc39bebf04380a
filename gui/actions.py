"""Every action of the window in one table: menus, shortcuts, tooltips and the Ctrl+K palette are made from it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

import msgspec
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from gui.icons import icon

CONTEXT = "actions"


class ActionRecord(msgspec.Struct, frozen=True):
    """An action.

    Attributes
    ----------
    id : str
    menu : str
        Title of the menu that holds it; "" for none.
    text : str
        As in the menu; ends in "…" where more is asked.
    shortcuts : tuple of str
        In Qt's portable spelling; the first one is shown.
    tip : str
        One clause for the tooltip; also the accessible description.
    icon : str
        qtawesome name, or "".
    project : bool
        Needs an open project.
    rule : bool
        A line above it in the menu.
    submenu : str
        Title of the menu within the menu that holds it; "" for none.
    """

    id: str
    menu: str
    text: str
    shortcuts: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""
    project: bool = False
    rule: bool = False
    submenu: str = ""


FILE, EDIT, VIEW, GO, HELP = "File", "Edit", "View", "Go", "Help"
EXPORT = "Export"

ACTIONS: tuple[ActionRecord, ...] = (
    ActionRecord("new_project", FILE, "New project…", ("Ctrl+N",), "Make an empty project", "ph.plus"),
    ActionRecord("open_project", FILE, "Open project…", ("Ctrl+O",), "Open the folder of a project", "ph.folder-open"),
    ActionRecord("open_sample", FILE, "Open the sample digits", (), "1,797 handwritten digits, ready to train", "ph.sparkle"),
    ActionRecord("close_project", FILE, "Close project", ("Ctrl+W",), "Back to the start page", "ph.x", project=True),
    ActionRecord("import_files", FILE, "Import pictures…", ("Ctrl+I",), "Take pictures into the project", "ph.image-square", rule=True),
    ActionRecord("import_folder", FILE, "Import a folder…", ("Ctrl+Shift+I",), "A folder of folders makes classes", "ph.folder-notch-plus"),
    ActionRecord("import_set", FILE, "Import a standard set…", (), "MNIST, CIFAR, Pets, ImageNet and others", "ph.stack"),
    ActionRecord(
        "save_copy", FILE, "Save a copy…", ("Ctrl+Shift+S",), "The whole project in another folder", "ph.copy", project=True, rule=True
    ),
    ActionRecord(
        "export_csv", FILE, "Export as table (CSV)…", ("Ctrl+E",), "A line a picture: file, label, split", "ph.table", True, submenu=EXPORT
    ),
    ActionRecord(
        "export_folders", FILE, "Export as folder per class…", (), "Copies of the files, sorted", "ph.folders", True, submenu=EXPORT
    ),
    ActionRecord("export_links", FILE, "Export as folder per class, linked…", (), "Takes no room", "ph.link", True, submenu=EXPORT),
    ActionRecord(
        "export_coco",
        FILE,
        "Export as COCO JSON…",
        (),
        "Annotations beside a folder of pictures",
        "ph.brackets-curly",
        True,
        submenu=EXPORT,
    ),
    ActionRecord("export_zip", FILE, "Export as zip of folders…", (), "Folder per class, packed", "ph.package", True, submenu=EXPORT),
    ActionRecord(
        "export_project", FILE, "Export the whole project as zip…", (), "Pictures, labels, runs", "ph.archive", True, submenu=EXPORT
    ),
    ActionRecord("add_run", FILE, "Add a run…", (), "One that was trained elsewhere", "ph.folder-notch-plus", project=True),
    ActionRecord("relink", FILE, "Find missing files…", (), "Search a folder for files that are gone", "ph.link-break", project=True),
    ActionRecord(
        "show_folder", FILE, "Show project folder", (), "Open the project's folder in the file manager", "ph.folder", project=True
    ),
    ActionRecord("make_launcher", FILE, "Make a launcher", (), "An icon on this computer that opens Fovea", "ph.app-window"),
    ActionRecord("quit", FILE, "Quit", ("Ctrl+Q",), "Close the window; everything is kept", "ph.sign-out", rule=True),
    ActionRecord("undo", EDIT, "Undo", ("Ctrl+Z",), "Take the last change back", "ph.arrow-counter-clockwise", project=True),
    ActionRecord("redo", EDIT, "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Do it again", "ph.arrow-clockwise", project=True),
    ActionRecord("paste", EDIT, "Paste pictures", ("Ctrl+V",), "Pictures or files from the clipboard", "ph.clipboard", rule=True),
    ActionRecord(
        "find", EDIT, "Find a picture by name", ("Ctrl+F",), "Search the pictures of the project", "ph.magnifying-glass", project=True
    ),
    ActionRecord(
        "larger", VIEW, "Larger", ("Ctrl++", "Ctrl+="), "Everything larger, up to twice for a projector", "ph.magnifying-glass-plus"
    ),
    ActionRecord("smaller", VIEW, "Smaller", ("Ctrl+-",), "Everything smaller", "ph.magnifying-glass-minus"),
    ActionRecord("normal_size", VIEW, "Normal size", ("Ctrl+0",), "Everything as designed", "ph.frame-corners"),
    ActionRecord("projector", VIEW, "Size for a projector", (), "One and a half times as large", "ph.projector-screen"),
    ActionRecord("scheme_system", VIEW, "Colours of the system", (), "Light or dark as the system is", "ph.desktop", rule=True),
    ActionRecord("scheme_light", VIEW, "Light", (), "Dark words on a light ground", "ph.sun"),
    ActionRecord("scheme_dark", VIEW, "Dark", (), "Light words on a dark ground", "ph.moon"),
    ActionRecord("full_screen", VIEW, "Full screen", ("F11",), "Use the whole screen", "ph.arrows-out", rule=True),
    ActionRecord("go_doctor", GO, "Doctor", ("Ctrl+D",), "What is wrong with the data", "ph.first-aid-kit", project=True),
    ActionRecord("go_division", GO, "Splits", (), "Which pictures train, validate and test", "ph.chart-bar-horizontal", project=True),
    ActionRecord("go_project", GO, "Files and ways out", (), "Where the pictures are; exports", "ph.folder-open", project=True),
    ActionRecord("go_start", GO, "Start", ("Ctrl+Home",), "The start page", "ph.house"),
    ActionRecord("palette", GO, "Find anything…", ("Ctrl+K",), "Any action, class, run or network by name", "ph.command", rule=True),
    ActionRecord("explain", HELP, "Explain this page", ("F1",), "What one can do here", "ph.question"),
    ActionRecord("show_log", HELP, "Show the log", (), "Open the folder with the log", "ph.article"),
    ActionRecord("about", HELP, "About Fovea", (), "Version and licence", "ph.info"),
)


def page_action(name: str, title: str, number: int, glyph: str) -> ActionRecord:
    """The action that shows a page."""
    return ActionRecord(f"go_{name}", GO, title, (f"Ctrl+{number}",), "", glyph, project=name != "use")


class Actions:
    """The QActions of a window, made from records and joined to functions by id.

    Raises
    ------
    ValueError
        If a record has no function or a function no record; names the nearest id.
    """

    def __init__(self, owner: QWidget, records: tuple[ActionRecord, ...], functions: Mapping[str, Callable[[], object]]) -> None:
        self.records = records
        self._actions: dict[str, QAction] = {}
        known = [record.id for record in records]
        for name in functions:
            if name not in known:
                raise ValueError(f'No action is called "{name}"{_nearest(name, known)}.')
        for record in records:
            if record.id not in functions:
                raise ValueError(f'Nothing carries out the action "{record.id}"{_nearest(record.id, list(functions))}.')
            self._actions[record.id] = self._make(owner, record, functions[record.id])
        owner.addActions(list(self._actions.values()))

    def _make(self, owner: QWidget, record: ActionRecord, function: Callable[[], object]) -> QAction:
        action = QAction(translated(record.text), owner)
        action.setObjectName(record.id)
        action.setShortcuts([QKeySequence(keys) for keys in record.shortcuts])
        action.setToolTip(tooltip(record))
        action.setStatusTip(translated(record.tip))
        action.setMenuRole(QAction.MenuRole.QuitRole if record.id == "quit" else QAction.MenuRole.NoRole)
        action.triggered.connect(lambda checked=False: function())
        return action

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def fill(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Make the menus; gives them by their untranslated title."""
        menus: dict[str, QMenu] = {}
        inner: dict[str, QMenu] = {}
        for record in self.records:
            if not record.menu:
                continue
            menu = menus.get(record.menu)
            if menu is None:
                menu = menus[record.menu] = bar.addMenu(translated(record.menu))
            elif record.rule:
                menu.addSeparator()
            if record.submenu:
                menu = inner.get(record.submenu) or inner.setdefault(record.submenu, menu.addMenu(translated(record.submenu)))
            menu.addAction(self._actions[record.id])
        return menus

    def dress(self) -> None:
        """Renew the icons for the colours in use."""
        for record in self.records:
            self._actions[record.id].setIcon(icon(record.icon))

    def set_project_open(self, opened: bool) -> None:
        for record in self.records:
            if record.project:
                self._actions[record.id].setEnabled(opened)


def translated(text: str) -> str:
    """A text of the table in the user's language."""
    return QCoreApplication.translate(CONTEXT, text) if text else ""


def tooltip(record: ActionRecord) -> str:
    """What the action does, and its shortcut as this system spells it."""
    keys = QKeySequence(record.shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText) if record.shortcuts else ""
    words = translated(record.tip or record.text)
    return f"{words} ({keys})" if keys else words


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f'; the nearest is "{near[0]}"' if near else ""
