"""What can be done to layers of a network, in one table: menus, keys and tooltips are made from it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence

from gui.icons import icon


class Deed(msgspec.Struct, frozen=True):
    """An action on the selected layers; `rule` draws a line above it in menus."""

    id: str
    text: str
    shortcuts: tuple[str, ...]
    icon: str
    tip: str
    rule: bool = False


DEEDS = (
    Deed("add", "Add a layer…", ("Ins", "A"), "ph.plus", "Choose a layer to put after the selected one"),
    Deed("rename", "Rename", ("F2",), "ph.pencil-simple", "Give the layer another name"),
    Deed("duplicate", "Duplicate", ("Ctrl+D",), "ph.copy", "Put a copy after it"),
    Deed("remove", "Remove", ("Del", "Backspace"), "ph.trash", "Take the selected layers away"),
    Deed("earlier", "Move earlier", ("Alt+Up", "Alt+Left"), "ph.arrow-up", "One place towards the picture, in and out of blocks", True),
    Deed("later", "Move later", ("Alt+Down", "Alt+Right"), "ph.arrow-down", "One place towards the classes, in and out of blocks"),
    Deed("residual", "Wrap in a residual", ("Ctrl+G",), "ph.arrow-bend-up-right", "Add a shortcut around the selected layers", True),
    Deed("branches", "Wrap in branches", ("Ctrl+Shift+G",), "ph.git-branch", "Set a second branch beside the selected layers"),
    Deed("block", "Wrap in a block", ("Ctrl+B",), "ph.package", "Group the selected layers; they compute the same"),
    Deed("unwrap", "Unwrap", ("Ctrl+Shift+U",), "ph.selection-plus", "Put a container's layers in its place"),
    Deed("add_branch", "Add a branch", (), "ph.git-fork", "A branch more beside the others"),
    Deed("fit_head", "Fit to the classes", (), "ph.target", "Give the last linear layer as many units as there are classes", True),
    Deed("undo", "Undo", ("Ctrl+Z",), "ph.arrow-counter-clockwise", "Take the last change of the network back", True),
    Deed("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "ph.arrow-clockwise", "Do it again"),
)


def make_actions(owner: QObject, run: Callable[[str], object]) -> dict[str, QAction]:
    """Actions by their id. Their shortcuts show in menus; `key_of` and an event filter carry them out, for some are the window's, too."""
    made = {}
    for deed in DEEDS:
        action = QAction(icon(deed.icon), tr(deed.text), owner)
        action.setShortcuts([QKeySequence(word) for word in deed.shortcuts])
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        keys = QKeySequence(deed.shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText) if deed.shortcuts else ""
        action.setToolTip(f"{tr(deed.tip)} ({keys})" if keys else tr(deed.tip))
        action.triggered.connect(lambda _=False, chosen=deed.id: run(chosen))
        made[deed.id] = action
    return made


def deed_of(event: QKeyEvent) -> str:
    """The action that a key means; "" for none."""
    held = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.GroupSwitchModifier)
    pressed = QKeySequence(held.value | event.key())
    return next((deed.id for deed in DEEDS for word in deed.shortcuts if QKeySequence(word) == pressed), "")


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("designer", text)
