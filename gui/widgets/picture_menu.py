"""What one can do with selected pictures: the menu of the grid."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMenu, QWidget

from engine.project.records import ClassRecord, Flag, Split
from gui.icons import icon
from gui.label_keys import NO_CLASS, key_of, keys_of
from gui.widgets.class_menu import swatch
from gui.widgets.filter_chips import SPLIT_WORDS

LISTED = 30
"""Classes listed; where there are more the others are found by typing."""


class PictureDeeds(msgspec.Struct, frozen=True):
    """What the menu calls."""

    look: Callable[[], object]
    label: Callable[[int | None], object]
    find_class: Callable[[], object]
    flag: Callable[[Flag], object]
    note: Callable[[], object]
    split: Callable[[Split], object]
    remove: Callable[[], object]


def picture_menu(parent: QWidget, classes: tuple[ClassRecord, ...], writable: bool, one: bool, deeds: PictureDeeds) -> QMenu:
    """The menu for one picture or several; it deletes itself when it closes."""
    menu = QMenu(parent)
    menu.setObjectName("pictures")
    menu.aboutToHide.connect(menu.deleteLater)
    menu.addAction(icon("ph.eye"), _tr("Look at it (Space)"), deeds.look)
    menu.addSeparator()
    for number, record in enumerate(classes[:LISTED]):
        words = _tr("Label: {0}").format(record.name) + f"\t{' '.join(keys_of(classes, number).upper())}"
        menu.addAction(swatch(record.colour), words, lambda class_id=record.id: deeds.label(class_id)).setEnabled(writable)
    for words, key, act in (
        (_tr("Label: find or make a class…"), "L", deeds.find_class),
        (_tr("Take the label away"), key_of(classes, NO_CLASS), lambda: deeds.label(None)),
    ):
        menu.addAction(words + f"\t{key}", act).setEnabled(writable)
    menu.addSeparator()
    for flag, words, key, glyph in (
        (Flag.FLAGGED, _tr("Flag"), "F", "ph.flag"),
        (Flag.SKIPPED, _tr("Skip"), "S", "ph.skip-forward"),
        (Flag.CONFIRMED, _tr("Confirm the label"), "", "ph.check"),
    ):
        menu.addAction(icon(glyph), words + (f"\t{key}" if key else ""), lambda flag=flag: deeds.flag(flag)).setEnabled(writable)
    if one:
        menu.addAction(icon("ph.note"), _tr("Write a note") + "\tN", deeds.note).setEnabled(writable)
    splits = menu.addMenu(_tr("Put into split"))
    splits.setEnabled(writable)
    for split, words in SPLIT_WORDS.items():
        splits.addAction(QCoreApplication.translate("FilterBar", words), lambda split=split: deeds.split(split))
    menu.addSeparator()
    menu.addAction(icon("ph.trash"), _tr("Remove from the project") + "\tDel", deeds.remove).setEnabled(writable)
    return menu


def _tr(text: str) -> str:
    return QCoreApplication.translate("PictureMenu", text)
