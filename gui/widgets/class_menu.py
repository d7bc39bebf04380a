"""What one can do with a class: the menu of its card."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QColorDialog, QMenu, QWidget

from engine.project.records import ClassRecord
from gui.icons import icon
from gui.theme import CLASS_COLOURS, colour, px
from gui.widgets.basics import count

LISTED = 30
"""Classes listed for merging; where there are more they are found by typing."""
COLOUR_NAMES = ("Orange", "Sky blue", "Green", "Yellow", "Blue", "Vermilion", "Purple")


class ClassDeeds:
    """What the menu calls; each function gets the class it is for."""

    def __init__(
        self,
        rename: Callable[[int], object],
        colour: Callable[[int, str], object],
        key: Callable[[int], object],
        merge: Callable[[int, int], object],
        find_merge: Callable[[int], object],
        move: Callable[[int, int], object],
        delete: Callable[[int], object],
    ) -> None:
        self.rename, self.colour, self.key, self.merge, self.find_merge = rename, colour, key, merge, find_merge
        self.move, self.delete = move, delete


def class_menu(parent: QWidget, record: ClassRecord, classes: tuple[ClassRecord, ...], pictures: int, deeds: ClassDeeds) -> QMenu:
    """The menu of one class; it deletes itself when it closes."""
    menu = QMenu(parent)
    menu.setObjectName("class")
    menu.setToolTipsVisible(True)
    menu.aboutToHide.connect(menu.deleteLater)
    menu.addAction(icon("ph.pencil-simple"), _tr("Rename") + "\tF2", lambda: deeds.rename(record.id))
    _add_colours(menu, parent, record, deeds)
    words = _tr("Key: {0}…").format(record.key.upper()) if record.key else _tr("Key…")
    menu.addAction(icon("ph.keyboard"), words, lambda: deeds.key(record.id)).setToolTip(_tr("A letter that labels with this class"))
    others = [other for other in classes if other.id != record.id]
    if len(others) > LISTED:
        menu.addAction(icon("ph.git-merge"), _tr("Merge into…"), lambda: deeds.find_merge(record.id))
    elif others:
        into = menu.addMenu(icon("ph.git-merge"), _tr("Merge into"))
        for other in others:
            into.addAction(swatch(other.colour), other.name, lambda other=other: deeds.merge(record.id, other.id))
    at = next(number for number, other in enumerate(classes) if other.id == record.id)
    menu.addSeparator()
    menu.addAction(icon("ph.arrow-up"), _tr("Move up"), lambda: deeds.move(record.id, at - 1)).setEnabled(at > 0)
    menu.addAction(icon("ph.arrow-down"), _tr("Move down"), lambda: deeds.move(record.id, at + 1)).setEnabled(at < len(classes) - 1)
    menu.addSeparator()
    delete = menu.addAction(icon("ph.trash"), _tr("Delete"), lambda: deeds.delete(record.id))
    becomes = _tr("1 picture becomes unlabelled") if pictures == 1 else _tr("{0} pictures become unlabelled").format(count(pictures))
    delete.setToolTip(_tr("{0}; undo brings it back").format(becomes) if pictures else _tr("No picture has this class"))
    return menu


def _add_colours(menu: QMenu, parent: QWidget, record: ClassRecord, deeds: ClassDeeds) -> None:
    palette = menu.addMenu(icon("ph.palette"), _tr("Colour"))
    for name, words in zip(CLASS_COLOURS, COLOUR_NAMES, strict=True):
        action = palette.addAction(swatch(name), _tr(words), lambda name=name: deeds.colour(record.id, name))
        action.setCheckable(True)
        action.setChecked(name == record.colour)
    palette.addSeparator()
    palette.addAction(_tr("Another…"), lambda: _ask_for_colour(parent, record, deeds))


def _ask_for_colour(parent: QWidget, record: ClassRecord, deeds: ClassDeeds) -> None:
    dialog = QColorDialog(QColor(record.colour), parent)
    dialog.setWindowTitle(_tr("Colour of “{0}”").format(record.name))
    dialog.colorSelected.connect(lambda chosen: deeds.colour(record.id, chosen.name()))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def swatch(name: str) -> QIcon:
    """A small square of a colour."""
    made = QPixmap(px(12), px(12))
    made.fill(colour(name))
    return QIcon(made)


def _tr(text: str) -> str:
    return QCoreApplication.translate("ClassMenu", text)
