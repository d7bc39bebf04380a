"""Start: the ways to begin, recent projects, the order of the keyboard's focus, words that keep their distance."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication

from gui.pages.start import StartPage
from gui.settings import RecentProject, load
from gui.theme import px, theme


@pytest.fixture
def page(qtbot, bridge, settings, tmp_path) -> StartPage:
    for name, accuracy in (("gone", None), ("leaves", 0.925)):
        folder = tmp_path / name
        if name != "gone":
            folder.mkdir()
            (folder / "project.sqlite").touch()
        settings.remember_project(RecentProject(str(folder), name, 200, accuracy))
    made = StartPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1080, 760)
    made.show()
    bridge.tick()
    return made


@pytest.mark.parametrize(("card", "signal"), [("sample", "sample_wanted"), ("folder", "folder_wanted"), ("camera", "camera_wanted")])
def test_a_card_and_its_button_begin(page, qtbot, card, signal):
    made = getattr(page, card)
    for widget in (made, made.act):
        with qtbot.waitSignal(getattr(page, signal)):
            qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_a_folder_can_be_dropped_on_its_card(page, qtbot, tmp_path):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
    with qtbot.waitSignal(page.paths_dropped) as caught:
        page.folder.dropEvent(event)
    assert len(caught.args[0]) == 1


def test_a_recent_project_opens_and_can_be_taken_off_the_list(page, qtbot, tmp_path):
    assert [entry.text() for entry in page.entries] == ["leaves", "gone"]
    assert [entry.missing for entry in page.entries] == [False, True] and "gone" in page.entries[1].accessibleName()
    with qtbot.waitSignal(page.project_wanted) as caught:
        qtbot.keyClick(page.entries[0], Qt.Key.Key_Return)
    assert caught.args == [str(tmp_path / "leaves")]
    qtbot.keyClick(page.entries[1], Qt.Key.Key_Delete)
    assert [entry.text() for entry in page.entries] == ["leaves"] and [entry.name for entry in load().recent] == ["leaves"]


def test_accuracy_of_a_recent_project_is_told(page):
    assert "92.5" in page.entries[0].accessibleName()


def test_tab_goes_from_left_to_right_and_down(page, qtbot):
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_Tab)
    order = [page.sample.act, page.folder.act, page.camera.act, page.sets, page.open, *page.entries]
    for here, there in itertools.pairwise(order):
        assert QApplication.focusWidget() is here
        qtbot.keyClick(here, Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is there


@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.parametrize("width", [660, 1080, 1700])
def test_words_of_the_cards_keep_their_distance_from_the_buttons(page, qtbot, width, scale):
    theme().apply(scale=scale)
    page.resize(width, 760)
    for card in (page.sample, page.folder, page.camera):
        qtbot.waitUntil(lambda card=card: gap(card) >= px(12))


def test_going_back_to_the_usual_size_leaves_no_gaps(page, qtbot):
    heights = [card.height() for card in (page.sample, page.folder, page.camera)]
    for scale in (1.5, 2.0, 1.0):
        theme().apply(scale=scale)
        page.grab()
    qtbot.waitUntil(lambda: [card.height() for card in (page.sample, page.folder, page.camera)] == heights)


def gap(card) -> int:
    """Pixels between the words and the button of a card; negative where words are cut off."""
    needed = card.words.heightForWidth(card.words.width()) - card.words.contentsMargins().bottom()
    return min(card.act.y(), card.words.geometry().bottom() + px(8)) - (card.words.y() + needed)
