"""Files and ways out: how files are kept, what is missing, exports of all, of the selected, of the shown."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from made import opened
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from engine.messages import Export, Exported, FlagsChanged, KeepFiles, ProjectChanged, Relink, SaveCopy
from engine.project.records import Flag, Skipped
from gui.ways_out import free_folder
from gui.widgets.data_tools import DataTools


@pytest.fixture
def tools(qtbot, host, bridge):
    made = DataTools(bridge)
    qtbot.addWidget(made)
    host.emit(opened())
    settle(made, host, bridge)
    made.show_panel("project")
    return made


@pytest.fixture
def panel(tools):
    return tools.panel("project")


def settle(tools, host, bridge):
    while host.waiting:
        bridge.tick()
    tools.render(bridge.state, frozenset())


def button_of(panel, kind):
    return next(made for made, known in panel.buttons if known == kind)


def test_the_way_of_keeping_files_is_shown_and_changed(tools, panel, qtbot, host, bridge):
    assert panel.copied.isChecked()
    panel.copied.click()
    assert not host.sent(KeepFiles)
    panel.referred.click()
    assert [command.copy for command in host.sent(KeepFiles)] == [False]
    host.finish(len(host.commands))
    host.emit(ProjectChanged(project=msgspec.structs.replace(bridge.state.project, copy=False)))
    settle(tools, host, bridge)
    assert panel.referred.isChecked() and "stay where they are" in panel.keeping.text()


def test_missing_files_are_counted_and_looked_for(tools, panel, host, bridge, monkeypatch, tmp_path):
    assert panel.missing.text() == "No file is missing." and not panel.find.isVisibleTo(panel)
    ids = np.arange(10, 22)
    host.emit(FlagsChanged(ids=ids, flags=np.full(12, Flag.MISSING | Flag.FLAGGED, np.uint8)))
    settle(tools, host, bridge)
    assert panel.missing.text() == "12 pictures' files are missing." and panel.find.isVisibleTo(panel)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    panel.find.click()
    assert [command.folder for command in host.sent(Relink)] == [str(tmp_path)]


@pytest.mark.parametrize(("kind", "ending"), [("csv", ".csv"), ("zip", ".zip"), ("project", ".zip")])
def test_files_get_their_ending(panel, host, monkeypatch, tmp_path, kind, ending):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out"), ""))
    button_of(panel, kind).click()
    (command,) = host.sent(Export)
    assert (command.kind, command.path, command.images, command.link) == (kind, str(tmp_path / "out") + ending, None, False)


def test_folders_are_new_where_the_chosen_one_is_not_empty(panel, host, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path), ""))
    (tmp_path / "something").touch()
    button_of(panel, "coco").click()
    assert host.sent(Export)[0].path == str(tmp_path / "Pets-coco")
    panel.save_copy.setEnabled(True)
    panel.save_copy.click()
    assert host.sent(SaveCopy)[0].folder == str(tmp_path / "Copy of Pets")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "typed"), ""))
    button_of(panel, "coco").click()
    assert host.sent(Export)[1].path == str(tmp_path / "typed")  # a name that does not exist yet is taken as it is


def test_a_free_folder_is_the_empty_one_or_has_a_new_name(tmp_path):
    assert free_folder(tmp_path, "a") == tmp_path
    (tmp_path / "a").mkdir()
    (tmp_path / "a 2").mkdir()
    assert free_folder(tmp_path, "a") == tmp_path / "a 3"
    assert free_folder(tmp_path / "gone", "a") == tmp_path / "gone"


def test_only_the_selected_or_the_shown_are_exported_if_wanted(tools, panel, host, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out.csv"), ""))
    panel.which.setCurrentIndex(1)
    button_of(panel, "csv").click()
    assert not host.sent(Export) and panel.said.text() == "No picture is selected."
    assert not button_of(panel, "project").isEnabled()
    tools.selected_images = lambda: (11, 12)
    tools.shown_images = lambda: (10, 11, 12)
    panel.export("csv")
    panel.which.setCurrentIndex(2)
    panel.export("csv")
    assert [command.images for command in host.sent(Export)] == [(11, 12), (10, 11, 12)]


def test_a_cancelled_dialog_writes_nothing(panel, host, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    for made, _ in panel.buttons:
        made.click()
    panel.save_copy.click()
    assert not host.sent(Export) and not host.sent(SaveCopy)


def test_what_was_written_is_told_with_what_was_not_and_shown_in_its_folder(tools, panel, qtbot, host, bridge, monkeypatch, tmp_path):
    opened_places = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened_places.append(url.toLocalFile()))
    assert not panel.said.isVisibleTo(panel) and not panel.show_button.isVisibleTo(panel)
    skipped = (Skipped("/x/a.png", "the file is missing"),)
    host.emit(Exported(kind="csv", path=str(tmp_path / "out.csv"), images=11, skipped=skipped))
    settle(tools, host, bridge)
    assert panel.said.text() == f"11 pictures written to {tmp_path / 'out.csv'}. 1 could not be."
    assert panel.skipped.rows.rowCount() == 1 and panel.skipped.isVisibleTo(panel)
    qtbot.mouseClick(panel.show_button, Qt.MouseButton.LeftButton)
    assert opened_places == [str(tmp_path).replace("\\", "/")]


def test_what_is_read_only_can_be_exported_but_not_changed(tools, panel, host, bridge):
    host.emit(opened(read_only="another window has it"))
    settle(tools, host, bridge)
    assert not panel.copied.isEnabled() and all(made.isEnabled() for made, _ in panel.buttons)
