"""Splits: counts of the chart, linked shares, warnings, dividing again."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import CLASSES, opened, table
from PySide6.QtCore import QPointF, Qt

from engine.messages import Divide, FindingsReady, LabelsChanged, ProjectChanged
from engine.project.findings import Finding, Group
from engine.project.records import Division, Split
from gui.widgets.share_boxes import ShareBoxes, balanced, whole
from gui.widgets.split_chart import SPLITS, Bar, SplitChart, counted
from gui.widgets.splits_panel import SplitsPanel

CLASS_IDS = [1, 1, 1, 1, 2, 2, 2, 3, -1, -1]
PARTS = [1, 1, 2, 3, 1, 2, 3, 1, 0, 0]


@pytest.fixture
def panel(qtbot, host, bridge):
    made = SplitsPanel(bridge)
    qtbot.addWidget(made)
    made.resize(392, 760)
    host.emit(msgspec.structs.replace(opened(10), images=table(range(10, 20), CLASS_IDS, PARTS)))
    settle(made, host, bridge)
    return made


def settle(panel, host, bridge):
    while host.waiting:
        bridge.tick()
    panel.render(bridge.state, frozenset(bridge.state.__struct_fields__))


def test_pictures_are_counted_by_class_and_split_also_where_ids_are_in_no_order():
    classes = (CLASSES[2], CLASSES[0])
    counts = counted(table(range(5), [3, 3, 1, 2, -1], [1, 3, 2, 1, 0]), classes)
    assert counts.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 1]]
    assert counted(None, ()).tolist() == [[0, 0, 0, 0]]


@given(st.lists(st.tuples(st.sampled_from([-1, 1, 2, 3, 99]), st.integers(0, 3)), max_size=40))
def test_no_picture_is_counted_twice_or_lost(rows):
    ids, parts = [row[0] for row in rows], [row[1] for row in rows]
    counts = counted(table(range(len(rows)), ids, parts), CLASSES)
    assert counts.sum() == len(rows)
    for column, split in enumerate(SPLITS):
        assert counts[:, column].sum() == parts.count(int(split))


def test_totals_and_what_is_lacking_stand_in_words(panel):
    assert panel.totals.text() == "8 labelled pictures: 4 training (50\u202f%), 2 validation (25\u202f%), 2 test (25\u202f%)."
    assert panel.warnings.text().splitlines() == ["No validation picture: owl.", "No test picture: owl."]
    assert [bar.name for bar in panel.chart._bars] == ["cat", "dog", "owl", "unlabelled"]


def test_leaks_that_the_doctor_found_are_warned_of(panel, host, bridge):
    leak = Finding("leak", "error", "2 pictures in more than one split", "", (Group((10, 12)),))
    host.emit(FindingsReady(findings=(leak,), examined=10))
    settle(panel, host, bridge)
    assert panel.warnings.text().startswith("2 pictures in more than one split.\n")
    ids = np.array([10], np.int64)
    host.emit(LabelsChanged(ids=ids, class_ids=np.array([1], np.int32), splits=np.array([2], np.int8)))
    settle(panel, host, bridge)
    assert panel.warnings.text().startswith("2 pictures in more than one split (before the last changes).")


def test_a_project_without_labels_has_nothing_to_divide(panel, host, bridge):
    host.emit(opened(3, [-1, -1, -1]))
    settle(panel, host, bridge)
    assert "No picture has a class yet" in panel.totals.text() and not panel.warnings.isVisibleTo(panel)
    assert not panel.divide.isEnabled()


def test_dividing_sends_what_the_controls_say(panel, qtbot, host):
    panel.shares.boxes[1].setValue(10)
    panel.seed.setValue(7)
    panel.own_too.setChecked(True)
    qtbot.mouseClick(panel.divide, Qt.MouseButton.LeftButton)
    panel.by_folds.setChecked(True)
    panel.folds.setValue(4)
    panel.fold.setValue(4)
    assert not panel.shares.isVisibleTo(panel) and panel.fold_row.isVisibleTo(panel)
    panel.own_too.setChecked(False)
    panel.submit()
    first, second = host.sent(Divide)
    assert (first.division, first.own_too) == (Division((0.7, 0.1, 0.2), 7), True)
    assert (second.division, second.own_too) == (Division((0.7, 0.1, 0.2), 7, 4, 3), False)
    panel.folds.setValue(2)
    assert panel.fold.value() == 2


def test_the_projects_division_is_shown(panel, host, bridge):
    project = msgspec.structs.replace(bridge.state.project, division=Division((0.8, 0.1, 0.1), 5, 10, 2))
    host.emit(ProjectChanged(project=project))
    settle(panel, host, bridge)
    assert panel.shares.shares == (80, 10, 10) and panel.by_folds.isChecked() and (panel.folds.value(), panel.fold.value()) == (10, 3)
    assert panel.division == project.division


def test_what_is_read_only_cannot_be_divided(panel, host, bridge):
    host.emit(opened(read_only="another window has it"))
    settle(panel, host, bridge)
    assert not panel.divide.isEnabled()


def test_a_click_on_a_part_shows_its_pictures(panel, qtbot):
    chart = panel.chart
    chart.resize(360, chart.height())
    box = chart._box(chart.size().toSizeF())
    place = chart._part(box, 0, 0).center()
    assert chart.part_at(place) == (0, 0) and chart.sentence(0) == "cat: 2 training, 1 validation, 1 test"
    with qtbot.waitSignal(panel.images_wanted) as asked:
        qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert asked.args == [(10, 11), "cat · training"]
    with qtbot.waitSignal(panel.images_wanted) as asked:
        chart.part_clicked.emit(3, int(Split.NONE))
    assert asked.args == [(18, 19), "unlabelled · none"]
    assert chart.part_at(QPointF(2, -5)) is None


def test_the_chart_gives_numbers_and_pictures(qtbot, tmp_path):
    chart = SplitChart()
    qtbot.addWidget(chart)
    chart.set_bars(tuple(Bar(f"class {n}", "#e69f00", np.array([n, 2, 1, 0])) for n in range(300)))
    assert chart.csv_text().splitlines()[:2] == ["class,training,validation,test,none", "class 0,0,2,1,0"]
    assert chart.height() > 300 * 20
    chart.save_svg(tmp_path / "a.svg")
    assert chart.save_png(tmp_path / "a.png") and "training" in (tmp_path / "a.svg").read_text("utf-8")


@given(st.permutations([0, 1, 2]).map(tuple), st.lists(st.tuples(st.integers(0, 2), st.integers(-20, 130)), max_size=8))
def test_shares_always_add_up_to_a_hundred(start, changes):
    shares = tuple((60, 20, 20)[at] for at in start)
    for column, value in changes:
        shares = balanced(shares, column, value)
        assert sum(shares) == 100 and min(shares) >= 0 and shares[column] == min(max(value, 0), 100)


@given(st.integers(0, 100).flatmap(lambda a: st.tuples(st.just(a), st.integers(0, 100 - a))))
def test_whole_per_cents_survive_as_fractions(pair):
    shares = (100 - sum(pair), *pair)
    assert whole(tuple(share / 100 for share in shares)) == shares


def test_boxes_follow_each_other(qtbot):
    boxes = ShareBoxes()
    qtbot.addWidget(boxes)
    boxes.boxes[0].setValue(100)
    assert [box.value() for box in boxes.boxes] == [100, 0, 0]
    boxes.boxes[2].setValue(30)
    assert [box.value() for box in boxes.boxes] == [70, 0, 30]
