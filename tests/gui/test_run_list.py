"""The list of runs: what it says, what it asks for; runs side by side; what is told of deleted ones."""

from __future__ import annotations

import math
import zipfile

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import opened, run_record
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFileDialog, QLabel, QLineEdit, QStyleOptionViewItem, QWidget
from scipy import stats

from engine.evaluation.evaluate import summarise
from engine.messages import (
    AddRun,
    CombineRuns,
    DeleteRun,
    EditRun,
    Evaluate,
    EvaluationReady,
    FailureText,
    JobClosed,
    ModelReady,
    NetworksChanged,
    Outcome,
    PackRun,
    ReportWritten,
    RestoreRun,
    ResumeRun,
    RunAdded,
    RunPacked,
    RunsChanged,
    WriteReport,
)
from engine.project.records import Split
from engine.training.differences import differences, recipe_in_words
from engine.training.recipe import Augmentation, Recipe
from gui.announcer import Announcer
from gui.notifications import Channel
from gui.run_comparing import mcnemar, paired, recalls, verdict
from gui.run_deeds import RunDeeds
from gui.widgets.basics import count
from gui.widgets.run_list import NOTE, RUN, STAR, STATE, RunList
from gui.widgets.see_inside import SeeInside

RUNS = (
    run_record("both-1", 0.98, title="Both", network="ensemble", members=("b", "a"), epochs=0, steps=0),
    run_record("b", 0.96, recipe=Recipe(learning_rate=0.01, augmentation=Augmentation(flip=True)), starred=True, note="good\none"),
    run_record("a", 0.9, outcome="interrupted", resumable=True, stale=True),
    run_record("near", 0.95, network="nearest-neighbour", title="Nearest neighbour", parameters=0, epochs=0, steps=0),
)


@pytest.fixture
def runs(qtbot) -> RunList:
    made = RunList()
    qtbot.addWidget(made)
    made.resize(1200, 260)
    made.show_runs(RUNS, {"b": "#ff0000"})
    made.show()
    qtbot.waitExposed(made)
    return made


def asked(runs: RunList) -> list[object]:
    found: list[object] = []
    runs.wanted.connect(found.append)
    return found


def pick(runs: RunList, *keys: str) -> None:
    runs.select(keys[0])
    runs._choose(list(keys))


def entry(runs: RunList, words: str):
    menu = runs.menu_for(runs.chosen())
    return next(action for action in menu.actions() if action.text().partition("\t")[0] == words)


# ---------------------------------------------------------------- what it says


def test_a_row_says_what_the_run_reached_and_in_what_it_differs(runs: RunList) -> None:
    rows = {row[0]: row for row in runs.rows_of_text()[1:]}
    assert list(rows) == [
        "Both",
        "LeNet-5 · b",
        "LeNet-5 · a",
        "Nearest neighbour",
    ]
    both, first, second, near = rows.values()
    assert both[4] == "mean of LeNet-5 · b, LeNet-5 · a" and near[4] == "–"
    assert first[1] == "★" and second[1] == "☆"
    assert first[4] == "learning rate 0.01, flip" and second[4] == "learning rate 0.006"
    assert first[9] == "good one"
    assert (both[10], first[10], second[10]) == ("ensemble of 2", "", "interrupted, can go on, labels changed since")
    assert runs.said_of("b") == "LeNet-5 · b · good one" and not runs.said_of("near")


def test_a_state_is_read_in_a_narrow_list_and_takes_no_room_where_there_is_none(qtbot, runs: RunList) -> None:
    runs.show_runs((run_record("a", outcome="cancelled", resumable=True), run_record("b")), {})
    runs.resize(376, 140)
    index = runs.model().index(0, STATE)
    assert runs.columnWidth(STATE) >= runs.fontMetrics().horizontalAdvance("stopped, can go on")
    assert runs.viewport().rect().contains(runs.visualRect(index))
    runs.show_runs((run_record("b"),), {})
    assert runs.isColumnHidden(STATE)


def test_a_run_that_is_resumed_is_not_said_to_be_stopped(runs: RunList) -> None:
    stopped = run_record("a", outcome="cancelled", resumable=True)
    runs.show_runs((stopped,), {}, training="a")
    assert runs.marks(stopped) == ["is being trained"] and not runs.can_go_on(stopped)


def test_an_ensemble_called_so_is_not_said_to_be_one_twice(runs: RunList) -> None:
    assert runs.marks(run_record("e", title="Ensemble of 2", members=("a", "b"))) == []


def test_the_chip_of_a_chosen_row_keeps_its_colour(runs: RunList) -> None:
    index = runs.model().index(1, RUN)
    option = QStyleOptionViewItem()
    runs.itemDelegate().initStyleOption(option, index)
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        assert option.icon.pixmap(10, 10, mode).toImage().pixelColor(4, 4).name() == "#ff0000"


def test_a_run_that_was_stopped_before_its_first_step_says_so(qtbot) -> None:
    made = RunList()
    qtbot.addWidget(made)
    assert made.marks(run_record(outcome="cancelled", steps=0, epochs=0)) == ["stopped at step 0"]
    assert made.marks(run_record(outcome="cancelled")) == ["stopped"]


def test_what_a_sweep_varies_stands_first_and_then_what_tells_most_runs_apart() -> None:
    plain = [run_record(name, recipe=replace(Recipe(), epochs=epochs, batch=128)) for name, epochs in (("a", 3), ("b", 30))]
    own = replace(Recipe(), epochs=4, batch=96)
    swept = [
        run_record(f"s{rate:g}", recipe=replace(own, learning_rate=rate), sweep=f"then learning_rate={rate:g}") for rate in (0.002, 0.1)
    ]
    without = run_record("d", recipe=replace(own, dropout=0.0), sweep="later dropout=off")
    found = differences((*plain, *swept, without))
    assert found["s0.002"][:2] == ("learning rate 0.002", "epochs 4") and found["d"][0] == "dropout 0"
    assert found["a"] == ("epochs 3", f"learning rate {Recipe().learning_rate:g}", "batch 128")


def test_differences_are_those_of_the_network_and_leave_out_what_changes_nothing() -> None:
    like = run_record("a")
    other = msgspec.structs.replace(like, id="b", recipe=Recipe(device="cuda", preset="own"))
    assert differences((like, other)) == {"a": (), "b": ()}
    bigger = msgspec.structs.replace(like, id="c", preprocessing=msgspec.structs.replace(like.preprocessing, height=64, width=64))
    assert differences((like, bigger)) == {"a": ("32 × 32 px",), "c": ("64 × 64 px",)}
    tanh, relu = (msgspec.structs.replace(like, id=kind, sweep=f"now activation={kind}") for kind in ("tanh", "relu"))
    assert differences((tanh, relu)) == {"tanh": ("activation tanh",), "relu": ("activation relu",)}
    still = msgspec.structs.replace(like, id="s", recipe=Recipe(momentum=0.5, focal=3.0))
    assert differences((like, still)) == {"a": (), "s": ()}, "AdamW has no such momentum, cross-entropy no such power"
    dropped = msgspec.structs.replace(like, id="d", recipe=Recipe(augmentation=Augmentation(flip=True)))
    assert differences((like, dropped)) == {"a": ("no flip",), "d": ("flip",)}
    near = run_record("n", network="nearest-neighbour", parameters=0, epochs=0, steps=0, recipe=Recipe(neighbours=3, learning_rate=9.0))
    assert differences((like, near)) == {"a": (), "n": ()}
    assert dict(recipe_in_words(near, {})) == {"neighbours": "3", "distance": "l2", "working size": "32 × 32", "resize": "squash"}
    child = msgspec.structs.replace(like, id="e", parent="a", begun_with="weights.pth", frozen=True)
    assert differences((like, child))["e"] == ("only the last layer learns", "begun with weights.pth", "goes on from LeNet-5")


def test_it_sorts_by_value(runs: RunList) -> None:
    runs.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert runs.keys() == ["both-1", "b", "near", "a"]


# ---------------------------------------------------------------- what it asks for


def test_f2_renames_in_place_and_typing_is_not_disturbed(qtbot, runs: RunList) -> None:
    found = asked(runs)
    runs.select("b")
    runs.setCurrentIndex(runs.currentIndex().siblingAtColumn(RUN))
    qtbot.keyClick(runs, Qt.Key.Key_F2)
    editor = runs.findChild(QLineEdit)
    assert editor.text() == "LeNet-5"
    editor.selectAll()
    qtbot.keyClicks(editor, "Bright")
    runs.show_runs((*RUNS, run_record("new")), {})
    assert editor.text() == "Bright" and len(runs.keys()) == 4
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(runs.keys()) == 5)  # what came meanwhile is shown once nothing is typed any more
    assert [(command.run, command.title) for command in found] == [("b", "Bright")]
    assert runs.chosen() == ["b"]


def test_f2_on_the_note_writes_one_and_an_unchanged_text_asks_for_nothing(qtbot, runs: RunList) -> None:
    found = asked(runs)
    runs.select("a")
    runs.setCurrentIndex(runs.currentIndex().siblingAtColumn(NOTE))
    qtbot.keyClick(runs, Qt.Key.Key_F2)
    qtbot.keyClicks(runs.findChild(QLineEdit), "to repeat")
    qtbot.keyClick(runs.findChild(QLineEdit), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: runs.findChild(QLineEdit) is None)
    assert [(command.run, command.note, command.title) for command in found] == [("a", "to repeat", None)]
    runs.rename()
    qtbot.keyClick(runs.findChild(QLineEdit), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: runs.findChild(QLineEdit) is None)
    assert len(found) == 1


@pytest.mark.parametrize("deed", ["rename", "write_note"])
def test_return_that_ends_typing_does_nothing_else(qtbot, runs: RunList, deed: str) -> None:
    found, opened_runs = asked(runs), []
    runs.open_wanted.connect(opened_runs.append)
    runs.select("b")
    getattr(runs, deed)()
    editor = runs.findChild(QLineEdit)
    qtbot.waitUntil(editor.hasFocus)
    qtbot.keyClicks(editor, "Bright")
    qtbot.keyClick(runs.window().windowHandle(), Qt.Key.Key_Return)  # to the window, as a keyboard does
    qtbot.waitUntil(lambda: runs.findChild(QLineEdit) is None)
    assert len(found) == 1 and not opened_runs
    qtbot.waitUntil(runs.hasFocus)
    qtbot.keyClick(runs.window().windowHandle(), Qt.Key.Key_Return)
    assert opened_runs == ["b"]


@pytest.mark.parametrize("scrolled", [0, 10_000])
def test_a_note_is_typed_where_it_is_seen_however_narrow_the_list(qtbot, runs: RunList, scrolled: int) -> None:
    runs.resize(376, 140)
    runs.horizontalScrollBar().setValue(scrolled)
    runs.select("a")
    runs.write_note()
    editor = runs.findChild(QLineEdit)
    qtbot.waitUntil(editor.isVisible)
    qtbot.keyClicks(editor, "a sentence")
    assert runs.viewport().rect().contains(editor.geometry()) and editor.width() >= 340
    assert editor.placeholderText() == "Note to LeNet-5"


def test_a_click_on_the_star_and_a_key_star(qtbot, runs: RunList) -> None:
    found = asked(runs)
    place = runs.visualRect(runs.model().index(1, STAR)).center()
    qtbot.mouseClick(runs.viewport(), Qt.MouseButton.LeftButton, pos=place)
    pick(runs, "a", "near")
    qtbot.keyClick(runs, Qt.Key.Key_S)
    assert [(command.run, command.starred) for command in found] == [("b", False), ("a", True), ("near", True)]


def test_delete_takes_ensembles_before_the_runs_that_they_need(qtbot, runs: RunList) -> None:
    found = asked(runs)
    pick(runs, "b", "both-1", "a")
    qtbot.keyClick(runs, Qt.Key.Key_Delete)
    assert [type(command) for command in found] == [DeleteRun] * 3
    assert found[0].run == "both-1" and {command.run for command in found[1:]} == {"a", "b"}


def test_the_menu_offers_what_can_be_done_with_so_many_runs(qtbot, runs: RunList) -> None:
    found = asked(runs)
    pick(runs, "b")
    assert not entry(runs, "Combine into an ensemble").isEnabled() and not entry(runs, "Go on").isEnabled()
    pick(runs, "a")
    entry(runs, "Go on").trigger()
    pick(runs, "a", "near")
    entry(runs, "Combine into an ensemble").trigger()
    assert [type(command) for command in found] == [ResumeRun, CombineRuns] and set(found[1].runs) == {"a", "near"}
    assert not entry(runs, "Report…").isEnabled() and not entry(runs, "Rename").isEnabled()
    with qtbot.waitSignal(runs.compare_wanted) as caught:
        entry(runs, "Compare").trigger()
    assert set(caught.args[0]) == {"a", "near"}


def test_where_nothing_can_be_written_nothing_is_asked_for(qtbot, runs: RunList) -> None:
    found = asked(runs)
    runs.show_runs(RUNS, {}, writable=False)
    pick(runs, "b")
    for key in (Qt.Key.Key_S, Qt.Key.Key_Delete, Qt.Key.Key_F2):
        qtbot.keyClick(runs, key)
    assert not found and runs.findChild(QLineEdit) is None
    assert entry(runs, "Report…").isEnabled() and not entry(runs, "Delete").isEnabled()


# ---------------------------------------------------------------- deeds


@pytest.fixture
def page(qtbot, bridge, host, runs: RunList) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.show()
    host.emit(opened(runs=RUNS))
    bridge.tick()
    made.deeds = RunDeeds(bridge, runs, made)
    return made


def evaluation(run: str, right: np.ndarray, labels: np.ndarray, split=Split.VALIDATION):
    shares = np.full((len(labels), 3), 0.1, np.float32)
    shares[np.arange(len(labels)), np.where(right, labels, (labels + 1) % 3)] = 0.8
    return summarise(run, split, ("cat", "dog", "owl"), np.arange(len(labels)) + 10, labels, shares)


def test_a_comparison_measures_what_was_not_measured_and_says_what_may_be_chance(qtbot, bridge, host, runs, page) -> None:
    runs.compare_wanted.emit(("a", "b"))
    assert [(command.run, command.split) for command in host.sent(Evaluate)] == [("a", Split.VALIDATION), ("b", Split.VALIDATION)]
    sheet = page.deeds.compare
    assert "being measured" in sheet.words.text()
    labels = np.arange(60) % 3
    good = np.ones(60, bool)
    bad = np.arange(60) >= 12
    host.emit(EvaluationReady(evaluation=evaluation("a", bad, labels)), EvaluationReady(evaluation=evaluation("b", good, labels)))
    bridge.tick()
    page.deeds.render(bridge.state, frozenset({"evaluations"}))
    assert "hardly chance (p = 0.00049)" in sheet.words.text()
    shown = {row[0]: row[1:] for row in sheet.figures.rows_of_text()}
    assert shown["Learning rate"] == ["0.006", "0.01"] and shown["Flip"] == ["no", "yes"]
    assert len(sheet.recall.rows_of_text()) == 4
    sheet.split.chips["test"].click()
    assert [command.split for command in host.sent(Evaluate)][2:] == [Split.TEST, Split.TEST]
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_a_report_is_asked_for_with_its_ending(bridge, host, runs, page, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/tmp/mine", ""))
    runs.report_wanted.emit("b")
    assert host.sent(WriteReport)[0].path == "/tmp/mine.html"


@pytest.mark.parametrize(
    ("typed", "kind", "meant"),
    [
        ("/tmp/mine", "Archive (*.zip)", "/tmp/mine.zip"),
        ("/tmp/mine.ZIP", "Archive (*.zip)", "/tmp/mine.zip"),
        ("/tmp/mine.zip", "Folder (*)", "/tmp/mine"),
        ("/tmp/mine.v2", "Folder (*)", "/tmp/mine.v2"),
    ],
)
def test_a_run_is_packed_as_the_kind_that_was_chosen(bridge, host, runs, page, monkeypatch, typed, kind, meant) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (typed, kind))
    pick(runs, "b")
    entry(runs, "Pack for another machine…").trigger()
    assert [(command.run, command.path) for command in host.sent(PackRun)] == [("b", meant)]


def test_only_runs_of_networks_are_packed(runs: RunList) -> None:
    for key, possible in (("b", True), ("a", True), ("near", False), ("both-1", False)):
        pick(runs, key)
        assert entry(runs, "Pack for another machine…").isEnabled() is possible
    pick(runs, "a", "b")
    assert not entry(runs, "Pack for another machine…").isEnabled()


def test_a_run_from_elsewhere_is_asked_for_even_where_there_is_none_yet(qtbot, bridge, host, runs, page, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/tmp/there/run.json", ""))
    runs.show_runs((), {})
    entry(runs, "Add a run…").trigger()
    assert [command.path for command in host.sent(AddRun)] == ["/tmp/there/run.json"]
    runs.show_runs((), {}, writable=False)
    assert not entry(runs, "Add a run…").isEnabled()


def test_dropped_runs_are_taken_and_other_things_left(bridge, host, page, tmp_path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").touch()
    (tmp_path / "picture.png").touch()
    for name, inside in (("run.zip", "a/b/run.json"), ("other.zip", "a/other.run.json")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "{}")
    runs_there = tuple(str(tmp_path / name) for name in ("run", "run.zip"))
    assert not page.deeds.take((*runs_there, str(tmp_path / "picture.png"))) and not page.deeds.take((str(tmp_path / "other.zip"),))
    assert not host.sent(AddRun)
    assert page.deeds.take(runs_there) and tuple(command.path for command in host.sent(AddRun)) == runs_there


def test_a_double_click_looks_at_the_run(qtbot, bridge, runs, page) -> None:
    with qtbot.waitSignal(page.deeds.check_wanted):
        runs.open_wanted.emit("a")
    assert bridge.state.run.id == "a"


# ---------------------------------------------------------------- told


@pytest.fixture
def told(bridge, host, qapp):
    channel = Channel()
    found = []
    channel.listen(found.append)
    announcer = Announcer(channel, bridge, lambda: None, lambda: True, bridge)
    bridge.happened.connect(announcer.hear)
    host.emit(opened(runs=RUNS))
    bridge.tick()
    return found


def test_several_deleted_runs_are_told_of_together_and_come_back_together(bridge, host, told) -> None:
    jobs = [bridge.submit(DeleteRun(name)) for name in ("both-1", "a")]
    for job in jobs:
        host.begin(job)
        host.emit(RunsChanged(runs=RUNS[1:2]))
        host.finish(job)
    bridge.tick()
    (message,) = told
    assert message.text == "2 runs were deleted." and message.action == "Undo"
    message.run()
    assert [command.run for command in host.sent(RestoreRun)] == ["a", "both-1"]


def test_a_run_that_could_not_be_deleted_is_no_news_but_why(bridge, host, told) -> None:
    job = bridge.submit(DeleteRun("b"))
    host.begin(job)
    host.emit(
        JobClosed(
            job=job, command="DeleteRun", outcome=Outcome.FAILED, failure=FailureText("user", '"Both" needs it.', "Delete that first.")
        )
    )
    bridge.tick()
    assert [message.level for message in told] == ["error"] and "needs it" in told[0].text


def test_a_report_that_is_written_can_be_opened(bridge, host, told) -> None:
    host.emit(ReportWritten(run="b", path="/tmp/mine.html"))
    bridge.tick()
    assert told[0].action == "Open" and told[0].remedy == "/tmp/mine.html"


def test_a_file_that_is_no_network_is_told_of_once(bridge, host, told) -> None:
    for _ in range(2):
        host.emit(NetworksChanged(networks=(), broken=(("mine.json", "Its name is empty."), ("b.json", "It is not a file."))))
    bridge.tick()
    (message,) = told
    assert message.text == "networks/mine.json is no network: Its name is empty." and message.remedy == "So it is with 1 more."


def test_what_is_packed_says_where_it_lies_and_what_to_type_there(bridge, host, told) -> None:
    host.emit(RunPacked(run="b", path="/tmp/my runs/Le Net.zip", pictures=1797, bytes=1_900_000))
    bridge.tick()
    assert told[0].text == f"The run is packed with {count(1797)} pictures (1.9 MB)." and told[0].action == "Show in folder"
    assert told[0].seconds > 30  # long enough to copy the line
    where, line = told[0].remedy.split("\n")
    assert where == "/tmp/my runs/Le Net.zip" and line.endswith('torchrun --nproc-per-node N main.py train "Le Net.zip"')


def test_a_run_that_was_added_is_the_one_to_look_at(bridge, host, told) -> None:
    host.emit(RunsChanged(runs=RUNS), RunAdded(run="near", title="Nearest neighbour", but="It cannot go on here."))
    bridge.tick()
    assert told[0].text == "Nearest neighbour was added." and told[0].remedy == "It cannot go on here."
    assert bridge.state.run.id == "near"


def test_a_star_is_no_news(bridge, host, told) -> None:
    job = bridge.submit(EditRun("b", starred=True))
    host.begin(job)
    host.finish(job)
    bridge.tick()
    assert not told


# ---------------------------------------------------------------- arithmetic


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_the_exact_binomial_test(one: int, other: int) -> None:
    expected = stats.binomtest(min(one, other), one + other, 0.5).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_mcnemar_of_very_many_pictures_is_near_the_normal_approximation() -> None:
    one, other = 50_500, 49_500
    normal = 2 * stats.norm.sf((abs(one - other) - 1) / math.sqrt(one + other))
    assert mcnemar(one, other) == pytest.approx(normal, rel=1e-2)
    assert mcnemar(100_000, 0) == 0.0


def test_only_pictures_that_both_were_measured_on_with_the_same_label_count() -> None:
    labels = np.array([0, 1, 2, 0])
    first = evaluation("a", np.array([True, True, False, True]), labels)
    second = evaluation("b", np.array([False, True, True, True]), labels)
    second = msgspec.structs.replace(second, images=np.array([10, 11, 12, 99]))
    found = paired(first, second)
    assert (found.pictures, found.only_first, found.only_second, found.p) == (3, 1, 1, 1.0)
    assert "may well be chance" in verdict("A", "B", found, 1)
    nothing = paired(first, msgspec.structs.replace(second, images=second.images + 1000))
    assert nothing.pictures == 0 and "not measured on the same pictures" in verdict("A", "B", nothing, 1)


def test_classes_on_which_runs_differ_most_come_first() -> None:
    labels = np.arange(30) % 3
    rows = recalls([evaluation("a", np.ones(30, bool), labels), evaluation("b", labels != 1, labels)])
    assert [name for name, _, _ in rows] == ["dog", "cat", "owl"] and rows[0][1:] == ([1.0, 0.0], 1.0)


def test_see_inside_says_that_an_ensemble_has_no_layers(qtbot, bridge, host) -> None:
    widget = SeeInside(bridge)
    qtbot.addWidget(widget)
    host.emit(opened(runs=RUNS), ModelReady(run="both-1", classes=("cat", "dog", "owl"), layers=()))
    bridge.tick()
    widget.render(bridge.state, frozenset({"model", "runs", "project", "classes", "images", "selected_run"}))
    words = [label.text() for label in widget.findChildren(QLabel)]
    assert any("An ensemble has no layers of its own" in text for text in words)
