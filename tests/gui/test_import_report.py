"""The import's report: numbers, warnings, thousands of rejects, boxes taken again as crops."""

from __future__ import annotations

import time

import pytest
from made import answer_edits, opened, table
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication

from engine.messages import ImagesAdded, ImportFinished, ImportPaths, RemoveImages
from engine.project.records import Skipped
from gui.importing_again import ImportingAgain
from gui.widgets.import_report import ImportReport


@pytest.fixture
def report(qtbot):
    made = ImportReport()
    qtbot.addWidget(made)
    return made


def test_all_taken_needs_no_report_but_warnings_do(report):
    report.show_report(ImportFinished(taken=3, skipped=()))
    assert report.isHidden()
    report.show_report(ImportFinished(taken=3, skipped=(), warnings=("2 classes were new.",)))
    assert not report.isHidden() and report.warnings.text() == "2 classes were new." and report.words.text() == "3 pictures were taken."
    assert report.details.isHidden() and report.copy.isHidden() and report.crops.isHidden()
    report.show_report(None)
    assert report.isHidden()


def test_of_many_warnings_the_first_are_shown(report):
    report.show_report(ImportFinished(taken=1, skipped=(), warnings=tuple(f"Warning {n}." for n in range(9))))
    assert report.warnings.text().splitlines() == ["Warning 0.", "Warning 1.", "Warning 2.", "Warning 3.", "and 5 more"]


def test_ten_thousand_rejects_stay_calm_and_copy_as_a_table(report, qtbot):
    skipped = tuple(Skipped(f"/x/{n}.jpg", "is empty") for n in range(10_000))
    began = time.perf_counter()
    report.show_report(ImportFinished(taken=5, skipped=skipped))
    report.details.setChecked(True)
    report.resize(800, 300)
    report.grab()
    assert time.perf_counter() - began < 1.0
    assert report.words.text() == "5 pictures were taken, 10,000 files were not." and len(report.files.children()) < 40
    qtbot.mouseClick(report.copy, Qt.MouseButton.LeftButton)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[:2] == ["File\tWhy it was not taken", "/x/0.jpg\tis empty"] and len(lines) == 10_001


def test_few_rejects_are_listed_at_once_many_on_demand(report):
    report.show_report(ImportFinished(taken=0, skipped=(Skipped("/x/a.jpg", "is empty"),)))
    assert not report.files.isHidden()
    report.show_report(ImportFinished(taken=0, skipped=tuple(Skipped(f"/x/{n}.jpg", "is empty") for n in range(6))))
    assert report.files.isHidden()


def test_boxes_offer_crops(report, qtbot):
    report.show_report(ImportFinished(taken=4, skipped=(), boxes=3))
    assert report.words.text() == "4 pictures were taken. 3 pictures had boxes: each got one label." and not report.crops.isHidden()
    with qtbot.waitSignal(report.crops_wanted):
        qtbot.mouseClick(report.crops, Qt.MouseButton.LeftButton)


@pytest.fixture
def again(bridge, host):
    owner = QObject()
    made = ImportingAgain(bridge, owner)
    answer_edits(host)
    host.emit(opened(0))
    bridge.tick()
    made.owner = owner
    return made


def imported(bridge, host, *parts):
    job = bridge.submit(ImportPaths(("/x/coco",), 2))
    host.begin(job)
    for part in parts:
        host.emit(ImagesAdded(job=job, images=table(part)))
    host.emit(ImportFinished(job=job, taken=sum(map(len, parts)), skipped=(), boxes=1))
    host.finish(job)
    while host.waiting:
        bridge.tick()


def test_crops_take_the_place_of_what_the_import_took(again, bridge, host):
    imported(bridge, host, [1, 2], [5])
    again.take_crops()
    assert [command.images for command in host.sent(RemoveImages)] == [(1, 2, 5)]
    assert bridge.state.import_report is None and len(host.sent(ImportPaths)) == 1, "not before the others are out"
    while host.waiting:
        bridge.tick()
    command = host.sent(ImportPaths)[1]
    assert (command.paths, command.class_id, command.boxes) == (("/x/coco",), 2, "crops")
    again.take_crops()
    assert len(host.sent(RemoveImages)) == 1, "once"


def test_another_project_forgets_the_import(again, bridge, host):
    imported(bridge, host, [1, 2])
    host.emit(opened(folder="/tmp/other"))
    bridge.tick()
    again.take_crops()
    assert not host.sent(RemoveImages) and len(host.sent(ImportPaths)) == 1
