"""The doctor: examining, findings by severity, groups mended by keys, undone, shown large and in the grid."""

from __future__ import annotations

import numpy as np
import pytest
from made import answer_edits, opened, run_record, table
from PySide6.QtCore import Qt

from engine.messages import (
    DeviceRecord,
    EngineReady,
    Examine,
    FindingsReady,
    ImagesAdded,
    JobProgress,
    Remember,
    RemoveImages,
    RunsChanged,
    SetFlags,
    SetLabels,
    WantPicture,
)
from engine.project.findings import Finding, Group, Mend
from engine.project.records import Flag
from gui import plan
from gui.widgets.data_tools import DataTools

KEEP, FLAG = Mend("keep-first", "Keep the first", "f"), Mend("flag", "Mark for later", "m")
DUPLICATES = Finding(
    "duplicate",
    "warning",
    "3 pictures are there twice",
    "Keep one.",
    tuple(Group((10 + 2 * i, 11 + 2 * i)) for i in range(3)),
    (KEEP, FLAG),
)
SUSPECT = Finding(
    "suspect",
    "error",
    "1 label is probably wrong",
    "Look at it.",
    (Group((20,), 'labelled "cat", looks like "dog" (93 %)', 2, 0.9),),
    (Mend("relabel", "Relabel", "r"), Mend("confirm", "It is right", "c")),
)
UNEVEN = Finding(
    "imbalance",
    "hint",
    "Classes differ in size",
    "Weights even that out.",
    (Group((), "cat 9, dog 1"),),
    (Mend("class-weights", "Class weights", "w"), Mend("balanced-sampling", "Balanced sampling", "b")),
)
ENGINE = EngineReady(devices=(DeviceRecord("cpu", "CPU"),), torch_version="2.12", seconds=1.0)


@pytest.fixture
def tools(qtbot, host, bridge):
    made = DataTools(bridge)
    qtbot.addWidget(made)
    answer_edits(host)
    made.resize(400, 800)
    host.emit(ENGINE, opened())
    settle(made, host, bridge)
    made.show_panel("doctor")
    return made


def settle(tools, host, bridge):
    while host.waiting:
        bridge.tick()
    tools.render(bridge.state, frozenset())


@pytest.fixture
def found(tools, host, bridge):
    """The panel with three findings."""
    host.emit(FindingsReady(findings=(DUPLICATES, SUSPECT, UNEVEN), examined=12, unchecked=("Nothing was judged by a run.",)))
    settle(tools, host, bridge)
    return tools.panel("doctor")


def test_examine_asks_with_the_chosen_run_tells_how_far_and_can_be_stopped(tools, qtbot, host, bridge):
    panel = tools.panel("doctor")
    assert "Nothing is changed" in panel.says.text() and not panel.progress_row.isVisibleTo(panel)
    host.emit(RunsChanged(runs=(run_record("run-7"),)))
    settle(tools, host, bridge)
    qtbot.mouseClick(panel.examine, Qt.MouseButton.LeftButton)
    assert [command.run for command in host.sent(Examine)] == ["run-7"]
    host.begin(len(host.commands))
    host.emit(JobProgress(job=len(host.commands), fraction=0.25, text="Comparing pictures", seconds_left=8.0))
    settle(tools, host, bridge)
    assert panel.progress.value() == 250 and panel.doing.text() == "Comparing pictures · 8 s left" and not panel.examine.isEnabled()
    qtbot.mouseClick(panel.stop, Qt.MouseButton.LeftButton)
    assert host.cancelled == [len(host.commands)]


def test_nothing_found_says_what_was_examined(tools, host, bridge):
    host.emit(FindingsReady(findings=(), examined=1234))
    settle(tools, host, bridge)
    assert tools.panel("doctor").says.text() == "1,234 pictures were examined: nothing found."


def test_findings_stand_worst_first_and_fold_one_at_a_time(found, qtbot):
    assert [row.finding.severity for row in found.rows] == ["error", "warning", "hint"]
    found.toggle(found.rows[0], True)
    found.toggle(found.rows[1], True)
    assert [row.is_open for row in found.rows] == [False, True, False]
    found.toggle(found.rows[1], False)
    assert not any(row.is_open for row in found.rows)


def test_a_key_mends_the_group_and_goes_on_and_undo_brings_it_back(tools, found, qtbot, host, bridge):
    row = found.rows[1]
    found.toggle(row, True)
    view = row.view
    assert view.current == 0 and [cell.image for cell in view.strip.cells] == [10, 11]
    qtbot.keyClick(view.groups, "f")
    assert [command.images for command in host.sent(RemoveImages)] == [(11,)]
    settle(tools, host, bridge)
    assert view.current == 1 and view.groups.groups.is_done(0) and view.left == 2 and row.left.text() == "1 mended"
    qtbot.keyClick(view.groups, "f")
    settle(tools, host, bridge)
    assert view.current == 2 and view.place.text() == "3 of 3 · 1 left"
    host.emit(ImagesAdded(images=table([13], [2])))  # as undo does
    settle(tools, host, bridge)
    assert view.current == 1 and not view.groups.groups.is_done(1) and view.groups.groups.is_done(0)
    assert found.stale.isVisibleTo(found) and "examine again" in found.stale.text()


def test_arrows_and_j_k_move_and_a_mended_group_is_not_mended_twice(tools, found, qtbot, host, bridge):
    found.toggle(found.rows[1], True)
    view = found.rows[1].view
    for key, expected in ((Qt.Key.Key_J, 1), (Qt.Key.Key_Down, 2), (Qt.Key.Key_K, 1), (Qt.Key.Key_Up, 0)):
        qtbot.keyClick(view.groups, key)
        assert view.current == expected
    qtbot.keyClick(view.groups, "f")
    settle(tools, host, bridge)
    qtbot.keyClick(view.groups, "k")
    qtbot.keyClick(view.groups, "f")
    assert len(host.sent(RemoveImages)) == 1 and view.place.text().endswith("mended")


def test_all_are_mended_at_once_where_that_is_safe(tools, found, qtbot, host, bridge):
    found.toggle(found.rows[1], True)
    view = found.rows[1].view
    safe = view._all_buttons["keep-first"]
    assert safe.text() == "Do this for all 3: keep the first"
    qtbot.mouseClick(safe, Qt.MouseButton.LeftButton)
    assert [command.images for command in host.sent(RemoveImages)] == [(11, 13, 15)]
    settle(tools, host, bridge)
    assert view.left == 0 and found.rows[1].left.text() == "all mended" and not safe.isVisibleTo(view)
    found.toggle(found.rows[0], True)
    assert "relabel" not in found.rows[0].view._all_buttons


def test_a_suspect_shows_both_classes_and_is_relabelled_confirmed_or_labelled_by_a_number(tools, found, qtbot, host, bridge):
    found.toggle(found.rows[0], True)
    view = found.rows[0].view
    (cell,) = view.strip.cells
    assert (cell.class_name, cell.other_name) == ("cat", "dog")
    assert "93 %" in view.words.text()
    qtbot.keyClick(view.groups, "c")
    assert [(c.images, c.flags, c.on) for c in host.sent(SetFlags)] == [((20,), Flag.CONFIRMED, True)]
    qtbot.keyClick(view.groups, "r")
    qtbot.keyClick(view.groups, "3")
    assert [(c.images, c.class_id) for c in host.sent(SetLabels)] == [((20,), 2), ((20,), 3)]


def test_weights_are_switched_on_and_off_in_the_recipe_one_at_a_time(tools, found, qtbot, host, bridge):
    found.toggle(found.rows[2], True)
    view = found.rows[2].view
    weights, balanced = view._mend_buttons["class-weights"], view._mend_buttons["balanced-sampling"]
    qtbot.mouseClick(weights, Qt.MouseButton.LeftButton)
    settle(tools, host, bridge)
    assert plan.recipe(bridge.state).class_weights and weights.isChecked()
    qtbot.mouseClick(balanced, Qt.MouseButton.LeftButton)
    settle(tools, host, bridge)
    recipe = plan.recipe(bridge.state)
    assert (recipe.class_weights, recipe.balanced_sampling, weights.isChecked()) == (False, True, False)
    qtbot.mouseClick(balanced, Qt.MouseButton.LeftButton)
    assert not plan.recipe(bridge.state).balanced_sampling and host.sent(Remember)


def test_pictures_are_shown_in_the_grid_and_large(tools, found, qtbot, host, bridge):
    found.toggle(found.rows[1], True)
    view = found.rows[1].view
    with qtbot.waitSignal(tools.images_wanted) as asked:
        qtbot.mouseClick(view.grid_button, Qt.MouseButton.LeftButton)
    assert asked.args == [(10, 11, 12, 13, 14, 15), "3 pictures are there twice"]
    view.strip.clicked.emit(11)
    large = found._large
    assert large.preview.isVisibleTo(tools) and large.image == 11 and host.sent(WantPicture)[-1].image == 11
    qtbot.keyClick(large.preview, Qt.Key.Key_Left)
    qtbot.keyClick(large.preview, "1")
    assert host.sent(WantPicture)[-1].image == 10 and host.sent(SetLabels)[-1].images == (10,)
    qtbot.keyClick(large.preview, Qt.Key.Key_Escape)
    assert not large.preview.isVisible()


def test_what_is_read_only_can_only_be_looked_at(qtbot, host, bridge):
    tools = DataTools(bridge)
    qtbot.addWidget(tools)
    host.emit(ENGINE, opened(read_only="another window has it"), FindingsReady(findings=(DUPLICATES,), examined=12))
    settle(tools, host, bridge)
    tools.show_panel("doctor")
    panel = tools.panel("doctor")
    panel.toggle(panel.rows[0], True)
    qtbot.keyClick(panel.rows[0].view.groups, "f")
    assert not host.sent(RemoveImages) and not panel.rows[0].view._mend_buttons["keep-first"].isEnabled()
    assert panel.examine.isEnabled()


def test_ten_thousand_groups_open_at_once(tools, host, bridge):
    groups = tuple(Group((2 * i, 2 * i + 1)) for i in range(10_000))
    host.emit(opened(0), ImagesAdded(images=table(range(20_000), np.zeros(20_000))))
    host.emit(FindingsReady(findings=(Finding("duplicate", "error", "many", "Keep one.", groups, (KEEP,)),), examined=20_000))
    settle(tools, host, bridge)
    panel = tools.panel("doctor")
    panel.toggle(panel.rows[0], True)
    view = panel.rows[0].view
    assert view.groups.groups.rowCount() == 10_000 and len(view.groups.children()) < 60
    (removing,) = view._follower.commands("keep-first", range(10_000))
    assert len(removing.images) == 10_000


def test_another_project_starts_without_findings(tools, found, host, bridge):
    host.emit(opened(folder="/tmp/other"))
    settle(tools, host, bridge)
    assert found.rows == [] and found.examine.text() == "Examine"


def test_escape_and_the_cross_close_the_panel(tools, qtbot):
    with qtbot.waitSignal(tools.closed):
        qtbot.keyClick(tools, Qt.Key.Key_Escape)
    assert tools.isHidden() and tools.shown == ""
    tools.show_panel("no such panel")
    assert tools.isHidden()
