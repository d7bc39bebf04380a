"""The frame's part in the data work: actions, ways in from a browser, missing files, what is told when something was written."""

from __future__ import annotations

import numpy as np
import pytest
from made import answer_edits, opened, table
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from engine.messages import (
    CheckFiles,
    Export,
    Exported,
    FindingsReady,
    FlagsChanged,
    ImagesAdded,
    ImportAddresses,
    ImportFinished,
    ImportPaths,
    ImportPicture,
    JobProgress,
    NewProject,
    Relink,
    SaveCopy,
)
from engine.project.findings import Finding, Group
from engine.project.records import Flag
from gui.app import make_window
from gui.found import found
from gui.notifications import Channel


@pytest.fixture
def window(qtbot, host, settings):
    made = make_window(host, settings, Channel())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: host.started)
    yield made
    made.close()


@pytest.fixture
def pets(window, host):
    host.emit(opened())
    settle(window, host)
    return window


def settle(window, host):
    while host.waiting:
        window.bridge.tick()
    window.bridge.tick()


def drop(widget, mime) -> None:
    widget.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier))


def from_browser(address, image=False) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl(address)])
    if image:
        picture = QImage(4, 3, QImage.Format.Format_RGB32)
        picture.fill(Qt.GlobalColor.blue)
        mime.setImageData(picture)
    return mime


# ---------------------------------------------------------------- actions


def test_ways_out_stand_in_the_file_menu_and_are_found_by_name(pets):
    (inner,) = [action.menu() for action in pets._menus["File"].actions() if action.menu() is not None]
    assert inner.title() == "Export" and len(inner.actions()) == 6
    names = {entry.words for entry in found(pets)}
    assert {"Export as COCO JSON", "Save a copy", "Find missing files", "Import a standard set", "Doctor", "Splits"} <= names


@pytest.mark.parametrize(
    ("action", "kind", "link"),
    [
        ("export_csv", "csv", False),
        ("export_folders", "folders", False),
        ("export_links", "folders", True),
        ("export_coco", "coco", False),
        ("export_zip", "zip", False),
        ("export_project", "project", False),
    ],
)
def test_exports_ask_where_to(pets, host, monkeypatch, tmp_path, action, kind, link):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out"), ""))
    pets.actions_[action].trigger()
    (command,) = host.sent(Export)
    assert (command.kind, command.link, command.images) == (kind, link, None)


def test_ways_out_need_a_project(window, host):
    settle(window, host)
    for name in ("export_csv", "save_copy", "relink", "go_doctor"):
        assert not window.actions_[name].isEnabled()
    assert window.actions_["import_set"].isEnabled()


def test_a_copy_can_be_saved_of_what_is_read_only_but_nothing_found_again(window, host, monkeypatch, tmp_path):
    host.emit(opened(read_only="another window has it"))
    settle(window, host)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "copy"), ""))
    window.actions_["save_copy"].trigger()
    assert host.sent(SaveCopy) and not window.actions_["relink"].isEnabled()


@pytest.mark.parametrize("name", ["doctor", "division", "project"])
def test_panels_are_reached_from_anywhere(pets, name):
    pets.show_page("train")
    pets.actions_[f"go_{name}"].trigger()
    assert pets.page_name == "data" and pets.page("data").tools.shown == name


# ---------------------------------------------------------------- ways in


def test_a_picture_dragged_from_a_browser_is_imported_with_its_name(pets, host):
    drop(pets, from_browser("https://example.org/fox.jpg", image=True))
    (command,) = host.sent(ImportPicture)
    assert command.name == "fox.jpg" and command.pixels.shape == (3, 4, 3) and tuple(command.pixels[0, 0]) == (0, 0, 255)


def test_an_address_is_fetched_also_into_a_new_project(window, host):
    drop(window, from_browser("https://example.org/fox.jpg"))
    assert host.sent(NewProject) and not host.sent(ImportAddresses)
    host.emit(opened(count=0, job=len(host.commands)))
    settle(window, host)
    assert [command.addresses for command in host.sent(ImportAddresses)] == [("https://example.org/fox.jpg",)]


def test_addresses_can_be_pasted_as_text(pets, host):
    QGuiApplication.clipboard().setText("https://example.org/a.png\nhttps://example.org/b.png")
    pets.actions_["paste"].trigger()
    assert [command.addresses for command in host.sent(ImportAddresses)] == [("https://example.org/a.png", "https://example.org/b.png")]


def test_a_project_made_of_a_zip_or_a_table_has_its_name(window, host, settings):
    settings.copy_images = False
    for name in ("birds.zip", "labels.csv"):
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(f"/data/{name}")])
        drop(window, mime)
    assert [(command.name, command.copy) for command in host.sent(NewProject)] == [("birds", False), ("labels", False)]


def test_the_data_pages_folder_goes_into_the_open_project(pets, host, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    pets.show_page("data")
    pets.page("data").folder_wanted.emit()
    assert [command.paths for command in host.sent(ImportPaths)] == [(str(tmp_path),)] and not host.sent(NewProject)


def test_boxes_are_taken_as_crops_on_one_press(pets, qtbot, host):
    answer_edits(host)
    pets.projects.take_paths(("/x/coco",))
    job = len(host.commands)
    while type(host.commands[job - 1]) is not ImportPaths:
        job -= 1
    host.begin(job)
    host.emit(ImagesAdded(job=job, images=table([40, 41])), ImportFinished(job=job, taken=2, skipped=(), boxes=2))
    host.finish(job)
    settle(pets, host)
    report = pets.page("data").report
    assert report.isVisible()
    qtbot.mouseClick(report.crops, Qt.MouseButton.LeftButton)
    settle(pets, host)
    assert [command.boxes for command in host.sent(ImportPaths)] == ["labels", "crops"] and not report.isVisible()


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("read_only", ["", "another window has it"])
def test_files_are_looked_for_once_a_project_is_open(window, host, read_only):
    host.emit(opened(read_only=read_only))
    settle(window, host)
    settle(window, host)
    assert len(host.sent(CheckFiles)) == 1 and not window.status.job.isVisible()
    host.begin(host.commands.index(host.sent(CheckFiles)[0]) + 1)
    host.emit(JobProgress(job=host.commands.index(host.sent(CheckFiles)[0]) + 1, fraction=0.5, text="500 of 1,000"))
    settle(window, host)
    assert window.status.job.isVisible() and window.status.text.text() == "Looking for files · 500 of 1,000"


def flags(*values):
    return FlagsChanged(ids=np.arange(10, 10 + len(values)), flags=np.array(values, np.uint8))


def test_missing_files_are_told_above_the_page_until_found_or_put_away(pets, qtbot, host, monkeypatch, tmp_path):
    banner = pets.files_banner
    assert not banner.isVisible()
    host.emit(flags(Flag.MISSING, Flag.MISSING))
    settle(pets, host)
    assert banner.isVisible() and banner.words.text() == "2 pictures' files are missing."
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    qtbot.mouseClick(banner.find, Qt.MouseButton.LeftButton)
    assert [command.folder for command in host.sent(Relink)] == [str(tmp_path)]
    banner._put_away()
    assert not banner.isVisible()
    host.emit(flags(Flag.MISSING, 0))
    settle(pets, host)
    assert not banner.isVisible()
    host.emit(flags(Flag.MISSING, Flag.MISSING))
    settle(pets, host)
    assert banner.isVisible(), "more are missing than were known"
    host.emit(flags(0, 0))
    settle(pets, host)
    assert not banner.isVisible()


def test_what_is_read_only_is_told_of_without_a_button(window, host):
    table_ = opened(read_only="another window has it")
    host.emit(table_, flags(Flag.MISSING))
    settle(window, host)
    assert window.files_banner.isVisible() and not window.files_banner.find.isVisible()
    assert window.files_banner.words.text() == "1 picture's file is missing."


def test_an_export_is_told_of_with_a_way_to_it(pets, host):
    host.emit(Exported(kind="csv", path="/x/labels.csv", images=12))
    settle(pets, host)
    (toast,) = pets.toasts.shown
    assert (toast.message.level, toast.message.text) == ("good", "12 pictures written to /x/labels.csv.")
    assert toast.message.action == "Show in folder"


def test_the_end_of_an_examination_is_told_of_elsewhere_and_leads_to_the_doctor(pets, host):
    pets.show_page("train")
    finding = Finding("dark", "hint", "2 pictures are dark", "", (Group((10,)), Group((11,))))
    host.emit(FindingsReady(findings=(finding,), examined=12))
    settle(pets, host)
    (toast,) = pets.toasts.shown
    assert toast.message.text == "The doctor found 1 thing."
    toast.message.run()
    assert pets.page_name == "data" and pets.page("data").tools.shown == "doctor"
    host.emit(FindingsReady(findings=(), examined=12))
    settle(pets, host)
    assert len(pets.toasts.shown) == 1, "seen where it stands"


def test_an_import_with_warnings_is_left_to_the_report(pets, host):
    host.emit(ImportFinished(taken=3, skipped=(), warnings=("2 classes were new.",)))
    settle(pets, host)
    assert pets.toasts.shown == []
