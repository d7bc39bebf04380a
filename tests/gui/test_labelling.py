"""Labelling on the Data page: letters, the type-ahead box, moving on, marks and notes, suggestions."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from made import CLASSES, answer_edits, opened, run_record
from PySide6.QtCore import Qt

from engine.messages import (
    AddClass,
    ClassesChanged,
    FailureText,
    FlagsChanged,
    LabelEach,
    LabelsChanged,
    NotesChanged,
    Outcome,
    RunsChanged,
    ScoreImages,
    ScoresReady,
    SetFlags,
    SetLabels,
    SetNote,
    SuggestionsReady,
    SuggestLabels,
)
from engine.project.records import ClassRecord, Flag
from gui.pages.data import DataPage
from gui.widgets.class_box import matching
from gui.widgets.picture_filter import Filter, Order, SortBy

LETTERED = tuple(msgspec.structs.replace(record, key=letter) for record, letter in zip(CLASSES, "cdo", strict=True))


@pytest.fixture
def page(qtbot, bridge, host, settings) -> DataPage:
    """Twelve pictures, ids 10 to 21: unlabelled, cat, dog, and again; C, D and O label with cat, dog and owl."""
    made = DataPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    answer_edits(host)

    def flag(command: SetFlags, job: int):
        ids = np.array(sorted(command.images))
        old = bridge.state.images.flags[np.searchsorted(bridge.state.images.ids, ids)]
        new = old | int(command.flags) if command.on else old & ~np.uint8(int(command.flags))
        return [FlagsChanged(job=job, ids=ids, flags=new)]

    host.answers[SetFlags] = flag
    host.answers[SetNote] = lambda command, job: [NotesChanged(job=job, notes={command.image: command.text})]
    host.emit(opened(), ClassesChanged(classes=LETTERED))
    bridge.tick()
    return made


def shown(page) -> list[int]:
    return page.grid.pictures.ids().tolist()


def last(host) -> tuple[tuple[int, ...], int | None]:
    command = host.sent(SetLabels)[-1]
    return command.images, command.class_id


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(("key", "class_id"), [("c", 1), ("D", 2), ("o", 3)])
def test_a_letter_labels_what_is_selected(page, qtbot, host, key, class_id):
    page.grid.select_images((11, 12))
    qtbot.keyClicks(page.grid, key.lower())
    assert last(host) == ((11, 12), class_id)


def test_a_letter_without_a_class_says_so(page, qtbot, host):
    page.grid.select_row(0)
    qtbot.keyClick(page.grid, "x")
    assert "X" in page.count.text() and not host.sent(SetLabels)


def test_after_a_first_label_the_next_unlabelled_picture_is_selected(page, qtbot, host, bridge):
    page.grid.select_row(0)
    for expected in (13, 16, 19):
        qtbot.keyClick(page.grid, "1")
        bridge.tick()
        assert page.grid.selected() == (expected,)
    qtbot.keyClick(page.grid, "1")
    bridge.tick()
    assert page.grid.selected() == (19,), "nothing is left to move on to"


def test_a_label_that_is_corrected_and_several_that_are_given_stay_selected(page, qtbot, bridge):
    page.grid.select_row(1)
    qtbot.keyClick(page.grid, "2")
    bridge.tick()
    assert page.grid.selected() == (11,)
    page.grid.select_images((10, 13))
    qtbot.keyClick(page.grid, "2")
    bridge.tick()
    assert page.grid.selected() == (10, 11, 13)


def test_moving_on_can_be_switched_off_and_is_remembered(page, qtbot, bridge, settings):
    page.count_line.move_on.click()
    assert settings.move_on is False
    page.grid.select_row(0)
    qtbot.keyClick(page.grid, "1")
    bridge.tick()
    assert page.grid.selected() == (10,)


def test_moving_on_follows_the_order_that_is_shown(page, qtbot, bridge):
    page.show_order(Order(SortBy.NAME, True))
    page.grid.select_images((19,))
    page.grid.select_row(page.grid.pictures.row_of(19))
    qtbot.keyClick(page.grid, "1")
    bridge.tick()
    assert page.grid.selected() == (16,)


def test_s_skips_and_moves_on_and_skipped_ones_come_last(page, qtbot, host, bridge):
    page.grid.select_row(0)
    qtbot.keyClick(page.grid, "s")
    bridge.tick()
    assert (host.sent(SetFlags)[-1].images, host.sent(SetFlags)[-1].flags, page.grid.selected()) == ((10,), Flag.SKIPPED, (13,))
    for expected in (16, 19, 10):
        qtbot.keyClick(page.grid, "1")
        bridge.tick()
        assert page.grid.selected() == (expected,)


def test_f_flags_and_f_again_takes_it_away(page, qtbot, host, bridge):
    page.grid.select_images((11, 12))
    for on in (True, False):
        qtbot.keyClick(page.grid, "f")
        assert (host.sent(SetFlags)[-1].flags, host.sent(SetFlags)[-1].on) == (Flag.FLAGGED, on)
        bridge.tick()
    qtbot.keyClick(page.grid, "f")
    bridge.tick()
    qtbot.mouseClick(page.filters.chips["FLAGGED"], Qt.MouseButton.LeftButton)
    assert shown(page) == [11, 12]


def test_n_writes_a_note_that_is_kept_on_leaving(page, qtbot, host, bridge):
    page.grid.select_row(2)
    qtbot.keyClick(page.grid, "n")
    note = page.inspector.note
    qtbot.waitUntil(note.hasFocus)
    qtbot.keyClicks(note, "too dark")
    qtbot.keyClick(note, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(page.grid.hasFocus)
    assert [(command.image, command.text) for command in host.sent(SetNote)] == [(12, "too dark")]
    bridge.tick()
    qtbot.keyClick(page.grid, "n")
    qtbot.keyClicks(note, "!")
    page.grid.select_row(3)
    assert [(command.image, command.text.count("!")) for command in host.sent(SetNote)][-1] == (12, 1)
    assert note.toPlainText() == ""
    page.grid.select_row(2)
    bridge.tick()
    assert "too dark" in note.toPlainText()


def test_letters_in_the_preview_label_and_move_on(page, qtbot, host, bridge):
    page.grid.select_row(0)
    qtbot.keyClick(page.grid, Qt.Key.Key_Space)
    qtbot.keyClick(page.preview, "d")
    bridge.tick()
    assert last(host) == ((10,), 2)
    assert page.grid.current_image() == 13


# ---------------------------------------------------------------- the type-ahead box


def test_names_that_begin_with_what_is_typed_come_first():
    classes = tuple(ClassRecord(at, name, "#000000") for at, name in enumerate(("hot dog", "adog", "Dog")))
    assert [record.name for record in matching(classes, "dog")] == ["Dog", "hot dog", "adog"]
    assert len(matching(classes, "")) == 3


@pytest.mark.parametrize("key", ["l", "/"])
def test_a_class_is_found_by_a_part_of_its_name(page, qtbot, host, key):
    page.grid.select_images((10, 11))
    qtbot.keyClick(page.grid, key)
    box = page.editing.box
    qtbot.waitUntil(box.field.hasFocus)
    qtbot.keyClicks(box.field, "O")
    assert [box.list.item(row).text() for row in range(2)] == ["owl", "dog"]
    qtbot.keyClick(box.field, Qt.Key.Key_Down)
    qtbot.keyClick(box.field, Qt.Key.Key_Return)
    assert last(host) == ((10, 11), 2) and not box.isVisible()
    qtbot.waitUntil(page.grid.hasFocus)


def test_an_unknown_name_makes_the_class_and_labels_with_it(page, qtbot, host, bridge):
    host.answers[AddClass] = lambda command, job: [ClassesChanged(job=job, classes=(*LETTERED, ClassRecord(9, command.name, "#000000")))]
    page.grid.select_images((10, 11))
    qtbot.keyClick(page.grid, "l")
    qtbot.keyClicks(page.editing.box.field, "fox")
    qtbot.keyClick(page.editing.box.field, Qt.Key.Key_Return)
    bridge.tick()
    assert host.sent(AddClass)[-1].name == "fox"
    assert last(host) == ((10, 11), 9)


def test_escape_leaves_the_box(page, qtbot, host):
    page.grid.select_row(0)
    qtbot.keyClick(page.grid, "l")
    qtbot.keyClick(page.editing.box.field, Qt.Key.Key_Escape)
    assert not page.editing.box.isVisible() and not host.sent(SetLabels)


# ---------------------------------------------------------------- suggestions


def suggest(host, bridge, ids, class_ids, probabilities, remaining=4) -> None:
    """Answer the last question."""
    job = next(number for number in range(len(host.commands), 0, -1) if isinstance(host.commands[number - 1], SuggestLabels))
    host.emit(
        SuggestionsReady(
            job=job,
            ids=np.array(ids, np.int64),
            class_ids=np.array(class_ids, np.int32),
            probabilities=np.array(probabilities, np.float32),
            source="run-1",
            remaining=remaining,
        )
    )
    host.finish(job)
    bridge.tick()


@pytest.fixture
def queue(page, qtbot, host, bridge) -> DataPage:
    qtbot.keyClick(page.grid, "g")
    bridge.tick()
    suggest(host, bridge, [16, 10, 19, 13], [2, 1, 2, 1], [0.4, 0.62, 0.96, 0.99])
    return page


def accepted(host) -> list[dict[int, int]]:
    """Pictures and their classes, as suggestions were accepted."""
    return [dict(zip(command.images, command.class_ids, strict=True)) for command in host.sent(LabelEach)]


def test_suggestions_are_shown_in_their_order_and_accepted_by_return(queue, qtbot, host, bridge):
    assert host.sent(SuggestLabels)[-1].run is None
    assert shown(queue) == [16, 10, 19, 13] and queue.grid.selected() == (16,)
    assert queue.grid.pictures.suggestion_at(1).record.name == "cat"
    qtbot.keyClick(queue.grid, Qt.Key.Key_Return)
    assert accepted(host) == [{16: 2}] and queue.grid.selected() == (10,)
    bridge.tick()
    assert shown(queue) == [10, 19, 13] and queue.grid.selected() == (10,)


def test_several_are_accepted_in_one_step_of_undo(queue, qtbot, host, bridge):
    queue.grid.selectAll()
    qtbot.keyClick(queue.grid, Qt.Key.Key_Return)
    assert accepted(host) == [{16: 2, 10: 1, 19: 2, 13: 1}]


def test_a_key_gives_another_class_and_the_queue_goes_on(queue, qtbot, host, bridge):
    qtbot.keyClick(queue.grid, "o")
    bridge.tick()
    assert last(host) == ((16,), 3)
    assert shown(queue) == [10, 19, 13] and queue.grid.selected() == (10,)


def test_all_that_are_nearly_certain_are_accepted_at_once(queue, qtbot, host, bridge):
    assert "95" in queue.suggestion_bar.sure.text() and "(2)" in queue.suggestion_bar.sure.text()
    qtbot.mouseClick(queue.suggestion_bar.sure, Qt.MouseButton.LeftButton)
    assert accepted(host) == [{19: 2, 13: 1}]
    bridge.tick()
    assert shown(queue) == [16, 10] and not queue.suggestion_bar.sure.isVisible()


def test_a_picture_labelled_elsewhere_leaves_the_queue(queue, host, bridge):
    host.emit(LabelsChanged(ids=np.array([10]), class_ids=np.array([3], np.int32), splits=np.array([1], np.int8)))
    bridge.tick()
    assert shown(queue) == [16, 19, 13]


def test_a_suggested_class_that_is_gone_is_no_suggestion(queue, qtbot, host, bridge):
    host.emit(ClassesChanged(classes=LETTERED[:1]))
    bridge.tick()
    assert queue.grid.pictures.suggestion_at(0) is None
    qtbot.keyClick(queue.grid, Qt.Key.Key_Return)
    assert not host.sent(LabelEach)


def test_a_skipped_picture_leaves_the_queue_and_when_it_is_done_more_is_asked_for(queue, qtbot, host, bridge):
    qtbot.keyClick(queue.grid, "s")
    bridge.tick()
    assert shown(queue) == [10, 19, 13] and queue.grid.selected() == (10,)
    queue.grid.selectAll()
    qtbot.keyClick(queue.grid, Qt.Key.Key_Return)
    bridge.tick()
    assert len(host.sent(SuggestLabels)) == 2
    suggest(host, bridge, [16], [1], [0.7], remaining=1)
    assert shown(queue) == [16], "skipped ones are asked about last"
    qtbot.keyClick(queue.grid, Qt.Key.Key_Return)
    bridge.tick()
    assert len(host.sent(SuggestLabels)) == 2
    assert queue.suggestion_bar.words.text() == "Every picture has a label."


def test_escape_leaves_the_suggestions(queue, qtbot):
    qtbot.keyClick(queue.grid, Qt.Key.Key_Escape)  # the selection first
    qtbot.keyClick(queue.grid, Qt.Key.Key_Escape)
    assert len(shown(queue)) == 12 and not queue.suggestion_bar.isVisible()
    assert queue.grid.pictures.suggestion_at(0) is None


def test_another_filter_closes_the_suggestions(queue, qtbot):
    qtbot.mouseClick(queue.filters.chips["unlabelled"], Qt.MouseButton.LeftButton)
    assert shown(queue) == [10, 13, 16, 19] and not queue.suggesting.active


def test_suggestions_that_fail_are_left(page, qtbot, host, bridge):
    qtbot.keyClick(page.grid, "g")
    bridge.tick()
    assert page.suggestion_bar.isVisible()
    host.finish(len(host.commands), Outcome.FAILED, FailureText("UserError", "Nothing is labelled yet.", "Label a few pictures."))
    bridge.tick()
    assert not page.suggestion_bar.isVisible() and not page.suggesting.active


def test_nothing_to_suggest_is_said_and_not_asked_again(page, qtbot, host, bridge):
    qtbot.keyClick(page.grid, "g")
    bridge.tick()
    suggest(host, bridge, [], [], [])
    bridge.tick()
    assert page.suggestion_bar.words.text() == "There is nothing more to suggest." and len(host.sent(SuggestLabels)) == 1


# ---------------------------------------------------------------- what the run says, stale runs


def test_an_order_by_the_run_asks_it_once_and_says_that_it_looks(page, host, bridge):
    host.emit(RunsChanged(runs=(run_record(),)))
    bridge.tick()
    page.show_order(Order(SortBy.UNCERTAINTY, True))
    page.show_filter(Filter(class_id=1))
    assert [command.run for command in host.sent(ScoreImages)] == ["run-1"]
    bridge.tick()
    assert "run-1 is looking" in page.count.text()
    ids = np.arange(10, 22)
    confidence = np.linspace(0.4, 1, 12, dtype=np.float32)[::-1]
    host.emit(ScoresReady(run="run-1", ids=ids, predicted=np.full(12, 2, np.int32), confidence=confidence, own=1 - confidence))
    bridge.tick()
    assert shown(page) == [20, 17, 14, 11] and "looking" not in page.count.text()
    page.grid.select_row(0)
    assert page.inspector._values["answer"].text().startswith("dog")
    page.show_filter(Filter(disagrees=True))
    assert shown(page) == [20, 17, 14, 11]


def test_a_run_that_could_not_be_asked_is_not_asked_with_every_label(page, qtbot, host, bridge):
    host.emit(RunsChanged(runs=(run_record(),)))
    bridge.tick()
    page.show_order(Order(SortBy.OWN))
    host.finish(len(host.commands), Outcome.FAILED, FailureText("UserError", "The run is gone.", "Train again."))
    bridge.tick()
    assert "could not look" in page.count.text()
    page.grid.select_row(0)
    qtbot.keyClick(page.grid, "2")
    bridge.tick()
    assert len(host.sent(ScoreImages)) == 1
    page.show_order(Order(SortBy.CONFIDENCE))
    assert len(host.sent(ScoreImages)) == 2


def test_stale_runs_are_named_and_lead_to_training(page, qtbot, host, bridge):
    assert not page.count_line.train.isVisible()
    host.emit(RunsChanged(runs=(run_record("run-2", stale=True), run_record("run-1"))))
    bridge.tick()
    assert page.count_line.stale.text() == "run-2 is stale"
    with qtbot.waitSignal(page.page_wanted) as wanted:
        page.count_line.train.click()
    assert wanted.args == ["train"]


def test_what_can_only_be_looked_at_is_not_marked_noted_or_suggested(page, qtbot, host, bridge):
    host.emit(opened(folder="/tmp/other", read_only="somebody else has it open"))
    bridge.tick()
    page.grid.select_row(0)
    for key in "fsgl1":
        qtbot.keyClick(page.grid, key)
    assert not (host.sent(SetFlags) or host.sent(SuggestLabels) or host.sent(SetLabels))
    assert page.inspector.note.isReadOnly() and not page.editing.box.isVisible()


def test_marks_are_painted_for_the_eye_and_named_in_the_inspector(page, host, bridge):
    host.emit(FlagsChanged(ids=np.array([10, 11]), flags=np.array([int(Flag.FLAGGED | Flag.NOTED), int(Flag.MISSING)], np.uint8)))
    bridge.tick()
    page.grid.grab()
    page.grid.select_row(0)
    assert page.inspector.flags[Flag.FLAGGED].isChecked() and not page.inspector.flags[Flag.SKIPPED].isChecked()
    page.grid.select_images((11,))
    assert page.inspector.flags[Flag.FLAGGED].text() == "Flag …"


def test_sizes_and_dates_are_typed(page, qtbot, host, bridge):
    page.filters.open_ranges()
    box = page.filters.ranges
    box.sides["shorter"][1].setValue(64)
    box.dates[0].setText("2024-02")
    box.dates[1].setText("2024-02")
    box.dates[1].editingFinished.emit()
    box.hide()
    chosen = page.grid.pictures.filter
    assert chosen.shorter == (0, 64)
    assert (chosen.until - chosen.since) / 86_400 == pytest.approx(29, abs=0.1)
    words = [chip.text() for chip in page.filters.active._chips]
    assert words == ["shorter side up to 64  ×", "2024-02-01 to 2024-02-29  ×"]
    qtbot.mouseClick(page.filters.active._chips[1], Qt.MouseButton.LeftButton)
    assert page.grid.pictures.filter == Filter(shorter=(0, 64))


def test_the_menu_of_filters_shows_what_is_chosen(page, qtbot):
    choices = page.filters.choices
    choices["SKIPPED"].trigger()
    choices["FLAGGED"].trigger()
    assert page.grid.pictures.filter.flags == Flag.SKIPPED | Flag.FLAGGED
    page.filters._check_menu()
    assert choices["SKIPPED"].isChecked() and not choices["NOTED"].isChecked()
    assert not choices["disagrees"].isEnabled(), "without a run nobody can say otherwise"
    assert page.filters.chips["FLAGGED"].isChecked()
    qtbot.keyClick(page.grid, Qt.Key.Key_Escape)
    assert page.grid.pictures.filter == Filter()
