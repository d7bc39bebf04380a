"""Class cards: what their menu asks for, letters as keys, another order, and many of them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from made import CLASSES, opened
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QMenu

from engine.messages import (
    ClassesChanged,
    ColourClass,
    DeleteClass,
    LabelsChanged,
    MergeClasses,
    MoveClass,
    SetClassKey,
)
from engine.project.records import ClassRecord
from gui.label_keys import can_be_key, class_for_letter, keys_of
from gui.pages.data import DataPage
from gui.theme import CLASS_COLOURS
from gui.widgets.class_card import CLASS_MIME


@pytest.fixture
def page(qtbot, bridge, host, settings) -> DataPage:
    """Twelve pictures: four cats, four dogs, no owl."""
    made = DataPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    host.emit(opened())
    bridge.tick()
    return made


class Watcher(QObject):
    """Keeps which cards are painted."""

    def __init__(self, painted: list[int]) -> None:
        super().__init__()
        self._painted = painted

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._painted.append(watched.class_id)
        return False


def menu_of(page, class_id) -> QMenu:
    page.classes._menu(class_id, QPoint(0, 0))
    return page.classes.findChild(QMenu, "class")


def action(menu, words):
    return next(action for action in menu.actions() if action.text().replace("&", "").startswith(words))


def drop_card(page, class_id, y) -> None:
    mime = QMimeData()
    mime.setData(CLASS_MIME, str(class_id).encode())
    column = page.classes._cards
    none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    column.dropEvent(QDropEvent(QPointF(5, y), Qt.DropAction.MoveAction, mime, *none))


def test_the_menu_colours_merges_moves_and_deletes(page, host):
    menu = menu_of(page, 1)
    colours = action(menu, "Colour").menu().actions()
    colours[4].trigger()
    assert (host.sent(ColourClass)[-1].class_id, host.sent(ColourClass)[-1].colour) == (1, CLASS_COLOURS[4])
    assert [entry.text() for entry in action(menu, "Merge").menu().actions()] == ["dog", "owl"]
    action(menu, "Merge").menu().actions()[0].trigger()
    assert (host.sent(MergeClasses)[-1].classes, host.sent(MergeClasses)[-1].into) == ((1,), 2)
    assert not action(menu, "Move up").isEnabled()
    action(menu, "Move down").trigger()
    assert (host.sent(MoveClass)[-1].class_id, host.sent(MoveClass)[-1].place) == (1, 1)
    assert "4 pictures become unlabelled" in action(menu, "Delete").toolTip()
    action(menu, "Delete").trigger()
    assert host.sent(DeleteClass)[-1].class_id == 1
    menu.close()


def test_a_letter_is_pressed_on_the_card_and_those_of_the_page_are_refused(page, qtbot, host):
    card = page.classes.cards[2]
    card.ask_for_key()
    qtbot.keyClick(card, "s")
    assert "skip" in card._asking and not host.sent(SetClassKey)
    qtbot.keyClick(card, "d")
    assert (host.sent(SetClassKey)[-1].class_id, host.sent(SetClassKey)[-1].key) == (2, "d")
    host.emit(ClassesChanged(classes=(CLASSES[0], ClassRecord(2, "dog", "#56b4e9", "d"), CLASSES[2])))
    page.bridge.tick()
    assert card._key == "d2"
    card.ask_for_key()
    qtbot.keyClick(card, Qt.Key.Key_Delete)
    assert host.sent(SetClassKey)[-1].key == ""


def test_keys_that_are_taken_label_nothing():
    classes = (ClassRecord(1, "fish", "", "f"), ClassRecord(2, "cat", "", "C"))
    assert class_for_letter(classes, "f") is None
    assert class_for_letter(classes, "c").id == 2
    assert keys_of(classes, 1) == "C2"
    assert not any(can_be_key(letter) for letter in ("f", "S", "n", "L", "g", "7", "", "ab", " ", "/"))


@pytest.mark.parametrize(("y", "place"), [(-5, 0), (10_000, 2)])
def test_a_dragged_card_comes_to_stand_where_it_is_dropped(page, host, y, place):
    dragged = 2
    drop_card(page, dragged, y)
    assert (host.sent(MoveClass)[-1].class_id, host.sent(MoveClass)[-1].place) == (dragged, place)


def test_a_card_dropped_where_it_was_moves_nothing(page, host):
    card = page.classes.cards[2]
    drop_card(page, 2, card.geometry().center().y() + 3)
    drop_card(page, 2, card.geometry().center().y() - 3)
    assert not host.sent(MoveClass)


def test_cards_follow_the_order_of_the_classes(page, host, bridge):
    host.emit(ClassesChanged(classes=CLASSES[::-1]))
    bridge.tick()
    assert [page.classes._cards.card_at(place).class_id for place in range(3)] == [3, 2, 1]


def test_the_pictures_on_a_card_stay_as_long_as_they_are_of_its_class(page, host, bridge):
    assert page.classes.cards[1].strip == (11, 14, 17, 20)
    host.emit(LabelsChanged(ids=np.array([10, 14]), class_ids=np.array([1, 2], np.int32), splits=np.array([1, 1], np.int8)))
    bridge.tick()
    assert page.classes.cards[1].strip == (10, 11, 17, 20)


def test_a_thousand_classes_come_without_holding_the_window_up(page, qtbot, host, bridge):
    classes = tuple(ClassRecord(at + 1, f"class {at}", "#e69f00") for at in range(1000))
    begun = time.perf_counter()
    host.emit(ClassesChanged(classes=classes))
    bridge.tick()
    assert time.perf_counter() - begun < 1.0, "0.05 s here; all cards at once take 0.8 s"
    assert 20 < len(page.classes.cards) < 200
    qtbot.waitUntil(lambda: len(page.classes.cards) == 1000, timeout=20_000)
    assert [page.classes._cards.card_at(place).text() for place in (0, 500, 999)] == ["class 0", "class 500", "class 999"]
    page.grab()
    painted: list[int] = []
    watcher = Watcher(painted)
    for card in page.classes.cards.values():
        card.installEventFilter(watcher)
    for image, class_id in ((10, 3), (13, 4), (16, 5), (19, 6)):  # with the first ones comes all that was still to be painted
        painted.clear()
        host.emit(LabelsChanged(ids=np.array([image]), class_ids=np.array([class_id], np.int32), splits=np.array([1], np.int8)))
        bridge.tick()
        qtbot.waitUntil(lambda class_id=class_id: class_id in painted)
    assert set(painted) == {6}, "only what changed is painted"
    assert page.classes.cards[900].height() < page.classes.all.height() * 1.2, "lines without pictures"


def test_with_many_classes_the_one_to_merge_into_is_found_by_typing(page, qtbot, host, bridge):
    classes = tuple(ClassRecord(at + 1, f"class {at}", "#e69f00") for at in range(40))
    host.emit(ClassesChanged(classes=classes))
    bridge.tick()
    menu = menu_of(page, 5)
    action(menu, "Merge").trigger()
    menu.close()
    qtbot.keyClicks(page.editing.box.field, "class 39")
    qtbot.keyClick(page.editing.box.field, Qt.Key.Key_Return)
    assert (host.sent(MergeClasses)[-1].classes, host.sent(MergeClasses)[-1].into) == ((5,), 40)
