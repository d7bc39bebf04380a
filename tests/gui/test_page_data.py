"""Data: labelling by keys, filters, dropping and dragging, imports and their report, the large picture, a hundred thousand pictures."""

from __future__ import annotations

import time

import numpy as np
import pytest
from made import CLASSES, answer_edits, opened, run_record, table
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from engine.messages import (
    AddClass,
    Classified,
    ClassifyImages,
    EngineReady,
    ImagesAdded,
    ImportFinished,
    ImportPaths,
    PictureReady,
    RemoveImages,
    RenameClass,
    RunsChanged,
    SetLabels,
    UseRun,
    WantPicture,
    WantThumbnails,
)
from engine.project.records import Skipped, Split
from gui.pages.data import DataPage
from gui.theme import px, theme
from gui.widgets.picture_model import Filter, mime_of


@pytest.fixture
def page(qtbot, bridge, host, settings) -> DataPage:
    """Twelve pictures, ids 10 to 21: unlabelled, cat, dog, and again."""
    made = DataPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    answer_edits(host)
    host.emit(opened())
    bridge.tick()
    return made


def shown(page) -> list[int]:
    return page.grid.pictures.ids().tolist()


def paths_as_mime(*paths) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def drop(widget, mime: QMimeData) -> None:
    none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    widget.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, *none))


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(("key", "class_id"), [("1", 1), ("2", 2), ("3", 3), ("0", None)])
def test_number_keys_label_what_is_selected(page, qtbot, host, bridge, key, class_id):
    page.grid.select_images((11, 12, 15))
    qtbot.keyClick(page.grid, key)
    assert host.sent(SetLabels)[-1].images == (11, 12, 15) and host.sent(SetLabels)[-1].class_id == class_id
    bridge.tick()
    rows = [page.grid.pictures.row_of(image) for image in (11, 12, 15)]
    assert {getattr(page.grid.pictures.class_at(row), "id", None) for row in rows} == {class_id}
    assert page.grid.selected() == (11, 12, 15)


def test_a_number_without_a_class_or_a_selection_changes_nothing(page, qtbot, host):
    qtbot.keyClick(page.grid, "1")
    page.grid.select_images((11,))
    qtbot.keyClick(page.grid, "9")
    assert not host.sent(SetLabels)


def test_delete_removes_and_the_next_picture_is_selected(page, qtbot, host, bridge):
    page.grid.select_row(3)
    qtbot.keyClick(page.grid, Qt.Key.Key_Delete)
    assert host.sent(RemoveImages)[-1].images == (13,)
    bridge.tick()
    assert 13 not in shown(page) and page.grid.count() == 11


def test_what_is_read_only_is_not_changed(page, qtbot, host, bridge):
    host.emit(opened(read_only="another program has it open", folder="/tmp/other"))
    bridge.tick()
    page.grid.select_row(0)
    qtbot.keyClick(page.grid, "1")
    qtbot.keyClick(page.grid, Qt.Key.Key_Delete)
    assert not host.sent(SetLabels) and not host.sent(RemoveImages)
    assert not page.import_button.isEnabled() and not page.classes.new.isEnabled()


# ---------------------------------------------------------------- filters


def test_chips_classes_and_search_filter(page, qtbot, host, bridge):
    host.emit(ImagesAdded(images=table([30, 31], [1, 2], [int(Split.TEST)] * 2, prefix="late")))
    bridge.tick()
    chips = page.filters.chips
    qtbot.mouseClick(chips["unlabelled"], Qt.MouseButton.LeftButton)
    assert shown(page) == [10, 13, 16, 19] and chips["unlabelled"].isChecked() and not chips["all"].isChecked()
    qtbot.mouseClick(chips["unlabelled"], Qt.MouseButton.LeftButton)
    assert len(shown(page)) == 14 and chips["all"].isChecked()
    qtbot.mouseClick(page.classes.cards[1], Qt.MouseButton.LeftButton)
    assert shown(page) == [11, 14, 17, 20, 30] and page.classes.cards[1].isChecked()
    qtbot.mouseClick(chips[Split.TEST], Qt.MouseButton.LeftButton)
    assert shown(page) == [30]
    qtbot.mouseClick(chips["all"], Qt.MouseButton.LeftButton)
    qtbot.keyClicks(page.search, "LATE")
    assert shown(page) == [30, 31] and "2" in page.count.text() and "14" in page.count.text()
    qtbot.keyClicks(page.search, "xyz")
    assert shown(page) == [] and page.middle.currentWidget() is page.none
    qtbot.keyClick(page.search, Qt.Key.Key_Escape)
    assert len(shown(page)) == 14 and page.search.text() == ""


def test_return_in_the_search_goes_to_the_first_picture_found(page, qtbot):
    qtbot.keyClicks(page.search, "_15")
    qtbot.keyClick(page.search, Qt.Key.Key_Return)
    assert page.grid.selected() == (15,)


def test_pictures_chosen_elsewhere_are_shown_alone_until_escape(page, qtbot):
    page.show_images((12, 18), "dog taken for cat")
    assert shown(page) == [12, 18] and page.grid.selected() == (12,)
    assert page.filters.own.isVisible() and page.filters.own.text().startswith("dog taken for cat")
    qtbot.keyClick(page.grid, Qt.Key.Key_Escape)  # the selection first
    qtbot.keyClick(page.grid, Qt.Key.Key_Escape)
    assert len(shown(page)) == 12 and not page.filters.own.isVisible()


def test_a_label_that_a_filter_hides_takes_the_picture_out_of_view(page, qtbot, bridge):
    page.show_filter(Filter(class_id=-1))
    page.grid.select_images((10,))
    qtbot.keyClick(page.grid, "2")
    bridge.tick()
    assert shown(page) == [13, 16, 19]


# ---------------------------------------------------------------- classes, dropping, dragging


def test_files_dropped_on_a_class_are_imported_into_it(page, host, tmp_path):
    drop(page.classes.cards[2], paths_as_mime(tmp_path / "a.png", tmp_path / "b.png"))
    command = host.sent(ImportPaths)[-1]
    assert command.class_id == 2 and [path.rsplit("/", 1)[-1] for path in command.paths] == ["a.png", "b.png"]


def test_pictures_dragged_onto_a_class_are_labelled(page, host):
    drop(page.classes.cards[3], mime_of((10, 11)))
    command = host.sent(SetLabels)[-1]
    assert command.images == (10, 11) and command.class_id == 3


def test_a_new_class_is_typed_in_place(page, qtbot, host):
    qtbot.mouseClick(page.classes.new, Qt.MouseButton.LeftButton)
    assert page.classes.editor.isVisible()
    qtbot.keyClicks(page.classes.editor, "  fox ")
    qtbot.keyClick(page.classes.editor, Qt.Key.Key_Return)
    assert [command.name for command in host.sent(AddClass)] == ["fox"]
    qtbot.keyClick(page.classes.editor, Qt.Key.Key_Escape)
    assert not page.classes.editor.isVisible() and page.classes.new.isVisible()


def test_a_class_is_renamed_by_a_double_click_and_left_alone_by_escape(page, qtbot, host):
    card = page.classes.cards[1]
    for name, key in (("lion", Qt.Key.Key_Return), ("tiger", Qt.Key.Key_Escape)):
        qtbot.mouseDClick(card, Qt.MouseButton.LeftButton)
        editor = card._editor
        editor.clear()
        qtbot.keyClicks(editor, name)
        qtbot.keyClick(editor, key)
    assert [(command.class_id, command.name) for command in host.sent(RenameClass)] == [(1, "lion")]


def test_cards_tell_how_many_pictures_a_class_has(page):
    for record, number in zip(CLASSES, (4, 4, 0), strict=True):
        assert page.classes.cards[record.id].accessibleName() == f"{record.name}: {number} pictures"


# ---------------------------------------------------------------- imports


def test_the_report_names_each_rejected_file_with_its_reason(page, qtbot, host, bridge):
    skipped = (Skipped("/x/empty.jpg", "is empty (0 bytes)"), Skipped("/x/note.png", "is not a picture (it holds text)"))
    host.emit(ImportFinished(taken=1, skipped=skipped))
    bridge.tick()
    assert page.report.isVisible() and page.report.words.text() == "1 picture was taken, 2 files were not."
    rows = page.report.files.rows
    told = [[rows.index(row, column).data(role) for column, role in ((0, 0), (1, 0), (0, 3))] for row in range(rows.rowCount())]
    assert told == [
        ["empty.jpg", "is empty (0 bytes)", "/x/empty.jpg"],
        ["note.png", "is not a picture (it holds text)", "/x/note.png"],
    ]
    page.report.dismissed.emit()
    bridge.tick()
    assert not page.report.isVisible()


def test_an_import_without_rejects_needs_no_report(page, host, bridge):
    host.emit(ImportFinished(taken=3, skipped=()))
    bridge.tick()
    assert not page.report.isVisible()


def test_an_empty_project_teaches_with_one_primary_button(page, qtbot, host, bridge):
    host.emit(opened(count=0, folder="/tmp/empty"))
    bridge.tick()
    assert page.empty.isVisible() and page.import_button.property("look") == ""
    with qtbot.waitSignal(page.folder_wanted):
        qtbot.mouseClick(page.empty.choose, Qt.MouseButton.LeftButton)
    drop(page.empty.zone, paths_as_mime("/x/pictures"))
    assert host.sent(ImportPaths)[-1].class_id is None
    host.emit(ImagesAdded(images=table([1])))
    bridge.tick()
    assert page.grid.isVisible() and page.import_button.property("look") == "primary" and page.count.text() == "1 picture"


# ---------------------------------------------------------------- large pictures


def test_space_opens_the_preview_arrows_and_digits_work_in_it_and_escape_leaves(page, qtbot, host, bridge):
    page.grid.select_row(2)
    qtbot.keyClick(page.grid, Qt.Key.Key_Space)
    assert page.preview.isVisible()
    qtbot.keyClick(page.preview, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: any(command.image == 13 for command in host.sent(WantPicture)))
    qtbot.keyClick(page.preview, "1")
    assert (host.sent(SetLabels)[-1].images, host.sent(SetLabels)[-1].class_id) == ((13,), 1)
    qtbot.keyClick(page.preview, Qt.Key.Key_Escape)
    assert not page.preview.isVisible()


def test_the_inspector_shows_one_picture_and_counts_several(page, qtbot, host, bridge):
    page.grid.select_row(1)
    qtbot.waitUntil(lambda: bool(host.sent(WantPicture)))
    assert page.inspector.isVisible() and page.inspector.name.text() == "picture_11.png" and page.inspector.label.currentText() == "cat"
    pixels = np.full((20, 30, 3), 90, np.uint8)
    host.emit(PictureReady(image=11, pixels=pixels, original_width=3000, original_height=2000, path="/x/picture_11.png"))
    bridge.tick()
    assert page.inspector.picture.pixmap.width() == 30
    page.grid.select_images((10, 11, 12))
    assert page.inspector.name.text() == "3 pictures selected"
    page.grid.clearSelection()
    assert not page.inspector.isVisible()


def test_a_picture_that_cannot_be_read_is_told_in_words(page, qtbot, host, bridge):
    page.grid.select_row(0)
    error = "The file is gone: /x/picture_10.png."
    host.emit(PictureReady(image=10, pixels=None, original_width=0, original_height=0, path="", error=error))
    bridge.tick()
    assert page.inspector.picture._words == error


def test_a_double_click_opens_the_picture_that_was_clicked(page, qtbot, host):
    place = page.grid.visualRect(page.grid.pictures.index(4)).center()
    view = page.grid.viewport()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=place)
    assert page.preview.isVisible() and page.grid.current_image() == 14


# ---------------------------------------------------------------- many pictures


def test_a_hundred_thousand_pictures_paint_at_once_and_ask_only_for_what_is_seen(qtbot, bridge, host, settings):
    made = DataPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    host.emit(opened(count=100_000, class_ids=np.zeros(100_000, np.int32) - 1))
    made.show()
    begun = time.perf_counter()
    bridge.tick()
    made.grab()
    assert time.perf_counter() - begun < 2, "0.1 s here; a layout of all cells would take half a minute"
    qtbot.waitUntil(lambda: bool(host.sent(WantThumbnails)))
    first, end = made.grid.seen_rows()
    asked = set(host.sent(WantThumbnails)[-1].images)
    assert set(range(10 + first, 10 + end)) <= asked and len(asked) <= 2 * (end - first) + 10
    bar = made.grid.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    qtbot.waitUntil(lambda: max(host.sent(WantThumbnails)[-1].images) > 40_000)
    assert len(host.sent(WantThumbnails)[-1].images) <= 2 * (end - first) + 10


def test_the_grid_keeps_its_place_when_its_width_changes(qtbot, page, host, bridge):
    host.emit(opened(count=5000, folder="/tmp/many"))
    bridge.tick()
    page.grid.select_row(2500)
    page.resize(700, 700)
    first, end = page.grid.seen_rows()
    assert first <= 2500 < end
    page.grid.clearSelection()
    page.resize(1100, 700)
    first, end = page.grid.seen_rows()
    assert first <= 2500 < end


def test_names_stand_below_the_pictures_at_every_width(page, qtbot):
    for width in (700, 845, 1000, 1300):
        page.resize(width, 700)
        area = page.grid.visualRect(page.grid.pictures.index(0))
        assert area.height() - page.grid._tiles.caption >= page.grid.zoom


def test_the_context_menu_labels(page, qtbot, host):
    page.grid.select_images((10, 11))
    page._menu(QPoint(5, 5))
    menu = page.findChild(type(page.import_button.menu()), "pictures")
    action = next(action for action in menu.actions() if action.text().startswith("Label: dog"))
    action.trigger()
    menu.close()
    assert (host.sent(SetLabels)[-1].images, host.sent(SetLabels)[-1].class_id) == ((10, 11), 2)


@pytest.mark.parametrize(("width", "scale"), [(660, 1.0), (980, 1.5), (1080, 1.0)])
def test_nothing_is_cut_off_in_a_narrow_window(page, qtbot, width, scale):
    theme().apply(scale=scale)
    page.resize(width, round(560 * scale))
    page.grid.select_row(0)
    for chip in page.filters.chips.values():
        qtbot.waitUntil(lambda chip=chip: not chip.isVisible() or chip.width() >= chip.sizeHint().width())
    assert page.filters.chips["unlabelled"].isVisible() and page.search.width() >= px(90)
    assert page.grid.columns() >= 2
    inspector = page.inspector
    qtbot.waitUntil(lambda: inspector.picture.geometry().bottom() < inspector.name.y())


def test_the_chosen_run_says_what_it_sees_in_the_selected_picture(page, qtbot, host, bridge):
    run = run_record()
    host.emit(EngineReady(devices=(), torch_version="2", seconds=1.0), RunsChanged(runs=(run,)))
    bridge.tick()
    page.grid.select_row(1)
    qtbot.waitUntil(lambda: bool(host.sent(ClassifyImages)))
    assert host.sent(UseRun)[-1].run == run.id
    assert host.sent(ClassifyImages)[-1].images == (11,)
    value = page.inspector._values["answer"]
    assert not value.isVisible()
    for image, shares in ((12, (0.9, 0.1, 0.0)), (11, (0.2, 0.1, 0.7))):
        host.emit(
            Classified(
                run=run.id,
                name="x",
                path="",
                image=image,
                picture=None,
                classes=("cat", "dog", "owl"),
                probabilities=np.array(shares, np.float32),
                seconds=0.001,
            )
        )
    bridge.tick()
    qtbot.waitUntil(page.inspector.isVisible)
    assert value.isVisible()
    assert value.text().startswith("owl · 70")
