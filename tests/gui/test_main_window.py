"""The window as a whole: actions, pages, projects, dropping and pasting, the palette, the device, reading only, closing."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from made import CLASSES, opened, run_record, started
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QPushButton

from engine.messages import (
    CamerasFound,
    ClassifyFiles,
    ClassifyPicture,
    CloseProject,
    DeviceRecord,
    EngineReady,
    FailureText,
    HistoryChanged,
    ImportPaths,
    ImportPicture,
    ListCameras,
    MakeLauncher,
    NewProject,
    OpenCamera,
    OpenProject,
    OpenSample,
    Outcome,
    ProjectClosed,
    Remember,
    Train,
    Undo,
)
from gui.actions import Actions
from gui.app import make_window
from gui.main_window import MainWindow
from gui.notifications import Channel
from gui.settings import Settings, load

ROOT = Path(__file__).resolve().parents[2]
READY = EngineReady(devices=(DeviceRecord("cuda:0", "H100", 1), DeviceRecord("cpu", "CPU: 2 cores")), torch_version="2.11", seconds=1.0)


@pytest.fixture
def window(qtbot, host, settings) -> MainWindow:
    made = make_window(host, settings, Channel())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: host.started)
    host.emit(READY)
    made.bridge.tick()
    yield made
    made.close()


@pytest.fixture
def pets(window, host) -> MainWindow:
    """The window with a project open."""
    host.emit(opened())
    window.bridge.tick()
    return window


def drop(widget, *paths) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    widget.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier))


# ---------------------------------------------------------------- actions


def test_every_action_has_words_a_tooltip_and_a_shortcut_of_its_own(window):
    keys = Counter()
    for record in window.actions_.records:
        action = window.actions_[record.id]
        assert action.text() and action.toolTip(), record.id
        assert record.menu in ("File", "Edit", "View", "Go", "Help"), record.id
        assert not action.icon().isNull(), record.id
        keys.update(shortcut.toString() for shortcut in action.shortcuts())
    assert [shortcut for shortcut, times in keys.items() if times > 1] == []
    assert len({record.id for record in window.actions_.records}) == len(window.actions_.records)


def test_an_action_without_a_function_is_refused_with_the_nearest_name(window):
    with pytest.raises(ValueError, match='Nothing carries out the action "undo"'):
        Actions(window, (record_of(window, "undo"),), {})
    with pytest.raises(ValueError, match='the nearest is "undo"'):
        Actions(window, (record_of(window, "undo"),), {"undo": print, "udno": print})


def record_of(window, name):
    return next(record for record in window.actions_.records if record.id == name)


def test_what_can_be_clicked_has_words_for_those_who_do_not_see_it(pets):
    for name in ("start", "data", "model", "train", "check", "use"):
        pets.show_page(name)
        for made in pets.findChildren(QPushButton):
            assert made.text() or made.accessibleName() or not made.isVisible(), (name, made)


def test_actions_that_need_a_project_wait_for_one(window, host):
    assert not window.actions_["close_project"].isEnabled() and not window.actions_["go_train"].isEnabled()
    assert window.actions_["go_use"].isEnabled()
    host.emit(opened())
    window.bridge.tick()
    assert window.actions_["close_project"].isEnabled() and window.actions_["go_train"].isEnabled()
    window.actions_["close_project"].trigger()
    assert len(host.sent(CloseProject)) == 1
    host.emit(ProjectClosed())
    window.bridge.tick()
    assert window.page_name == "start" and not window.actions_["close_project"].isEnabled()


def test_undo_says_what_it_takes_back(pets, qtbot, host):
    assert not pets.actions_["undo"].isEnabled()
    host.emit(HistoryChanged(undo="label 3 pictures", redo=""))
    pets.bridge.tick()
    assert pets.actions_["undo"].text() == "Undo: label 3 pictures"
    qtbot.keyClick(pets, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(host.sent(Undo)) == 1


def test_a_launcher_is_made_by_an_action(window, host):
    window.actions_["make_launcher"].trigger()
    assert len(host.sent(MakeLauncher)) == 1


def test_size_and_colours_are_kept(window):
    for name in ("larger", "larger", "scheme_dark"):
        window.actions_[name].trigger()
    assert (load().scale, load().scheme) == (1.25, "dark")
    window.actions_["normal_size"].trigger()
    assert load().scale == 1.0


# ---------------------------------------------------------------- pages and what leads to them


def test_control_and_a_number_go_to_a_page(pets, qtbot, host):
    for number, name in enumerate(("data", "model", "train", "check", "use"), 1):
        qtbot.keyClick(pets, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        assert pets.page_name == name and pets.sidebar.entries[name].isChecked()
    assert [(command.key, command.value) for command in host.sent(Remember)][-1] == ("page", "use")


def test_without_a_project_pages_lead_to_the_start(window):
    window.show_page("train")
    assert window.page_name == "start"


def test_find_goes_to_the_search_of_the_data_page(pets, qtbot):
    pets.show_page("train")
    pets.actions_["find"].trigger()
    assert pets.page_name == "data" and pets.page("data").search.hasFocus()


def test_pictures_chosen_on_any_page_are_shown_on_the_data_page(pets):
    pets.show_page("check")
    pets.page("check").images_wanted.emit((10, 12))
    assert pets.page_name == "data" and pets.page("data").grid.pictures.ids().tolist() == [10, 12]


def test_the_start_page_opens_the_sample_and_goes_to_train(window, qtbot, host):
    qtbot.mouseClick(window.page("start").sample.act, Qt.MouseButton.LeftButton)
    assert [command.sample for command in host.sent(OpenSample)] == ["digits"]
    host.emit(opened(job=len(host.commands)))
    window.bridge.tick()
    assert window.page_name == "train"


def test_the_camera_card_plays_the_first_camera_on_the_use_page(window, qtbot, host):
    from engine.messages import CameraInfo

    qtbot.mouseClick(window.page("start").camera.act, Qt.MouseButton.LeftButton)
    assert window.page_name == "use" and host.sent(ListCameras) and not host.sent(OpenCamera)
    host.emit(CamerasFound(cameras=(CameraInfo("3", "Webcam"),)))
    window.bridge.tick()
    assert [command.source for command in host.sent(OpenCamera)] == ["3"]


# ---------------------------------------------------------------- imports


def test_a_folder_dropped_without_a_project_makes_one_of_its_name(window, host, tmp_path):
    (tmp_path / "leaves").mkdir()
    drop(window, tmp_path / "leaves")
    assert [command.name for command in host.sent(NewProject)] == ["leaves"] and not host.sent(ImportPaths)
    host.emit(opened(count=0, job=len(host.commands)))
    window.bridge.tick()
    assert [Path(path).name for path in host.sent(ImportPaths)[0].paths] == ["leaves"] and window.page_name == "data"


def test_files_dropped_anywhere_are_imported(pets, host, tmp_path):
    pets.show_page("train")
    drop(pets, tmp_path / "a.png", tmp_path / "b.png")
    command = host.sent(ImportPaths)[0]
    assert len(command.paths) == 2 and command.class_id is None and command.copy is None and pets.page_name == "data"


def test_files_dropped_on_the_use_page_are_classified(pets, host, tmp_path):
    pets.show_page("use")
    drop(pets, tmp_path / "a.png")
    assert host.sent(ClassifyFiles) and not host.sent(ImportPaths)


def test_the_folder_of_a_project_is_opened(window, host, tmp_path):
    (tmp_path / "project.sqlite").touch()
    drop(window, tmp_path)
    assert [command.folder for command in host.sent(OpenProject)] == [str(tmp_path)] or host.sent(OpenProject)


def test_a_cancelled_dialog_imports_nothing(pets, host, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([], ""))
    for name in ("import_folder", "import_files", "open_project"):
        pets.actions_[name].trigger()
    assert not host.sent(ImportPaths) and not host.sent(OpenProject)


def test_pasted_pictures_are_imported_or_classified_and_words_are_refused(pets, host):
    clipboard = QGuiApplication.clipboard()
    image = QImage(4, 3, QImage.Format.Format_RGB888)
    image.fill(Qt.GlobalColor.red)
    clipboard.setImage(image)
    pets.show_page("data")
    pets.actions_["paste"].trigger()
    pixels = host.sent(ImportPicture)[0].pixels
    assert pixels.shape == (3, 4, 3) and np.array_equal(pixels[0, 0], (255, 0, 0))
    pets.show_page("use")
    pets.actions_["paste"].trigger()
    assert len(host.sent(ClassifyPicture)) == 1
    clipboard.setText("no picture")
    pets.actions_["paste"].trigger()
    assert [toast.message.text for toast in pets.toasts.shown] == ["The clipboard holds no picture."]


# ---------------------------------------------------------------- palette


def test_the_palette_finds_actions_classes_runs_and_networks(window, qtbot, host):
    host.emit(opened(runs=(run_record("lenet-5-7"),)))
    window.bridge.tick()
    window.actions_["palette"].trigger()
    palette = window._palette
    kinds = {(entry.words, entry.kind) for entry in palette._entries}
    assert ("Dark", "") in kinds and {(record.name, "class") for record in CLASSES} <= kinds and ("small-cnn", "network") in kinds
    assert any(kind == "run" and words.startswith("LeNet-5") for words, kind in kinds)
    qtbot.keyClicks(palette.field, "model")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.page_name == "model" and not palette.isVisible()
    window.actions_["palette"].trigger()
    qtbot.keyClicks(palette.field, "dog")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.page_name == "data" and window.page("data").classes.cards[2].isChecked()
    window.actions_["palette"].trigger()
    qtbot.keyClicks(palette.field, "small-cnn")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.page_name == "model" and ("network", "small-cnn") in [(command.key, command.value) for command in host.sent(Remember)]
    window.actions_["palette"].trigger()
    qtbot.keyClicks(palette.field, "qqqq")
    assert palette.nothing.isVisible()
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_actions_that_cannot_be_used_now_are_not_found(window):
    window.actions_["palette"].trigger()
    assert "Close project" not in {entry.words for entry in window._palette._entries}


def test_f1_explains_every_page(pets, qtbot):
    from gui.widgets.help_panel import HelpPanel

    for name in ("start", "data", "model", "train", "check", "use"):
        pets.show_page(name)
        pets.actions_["explain"].trigger()
        panel = pets.findChildren(HelpPanel)[-1]
        assert panel.isVisible() and len(panel.accessibleName()) > 80
        qtbot.keyClick(panel, Qt.Key.Key_Escape)
        assert not panel.isVisible()


# ---------------------------------------------------------------- device


def test_the_chosen_device_is_kept_and_trains(qtbot, host, window):
    host.emit(opened())
    window.bridge.tick()
    box = window.status.device
    assert [box.itemText(at) for at in range(box.count())] == ["Automatic · H100", "H100", "CPU: 2 cores"]
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert load().device == "cpu"
    window.show_page("train")
    window.page("train").train_button.click()
    assert host.sent(Train)[-1].recipe.device == "cpu"


# ---------------------------------------------------------------- starting and closing


def test_the_project_and_page_of_the_last_time_come_back(qtbot, host, tmp_path):
    window = make_window(host, Settings(project=str(tmp_path), page="model"), Channel())
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: bool(host.sent(OpenProject)))
    host.emit(opened(folder=str(tmp_path), memory={"page": "data"}))
    window.bridge.tick()
    assert window.page_name == "model"
    window.close()


def test_a_project_that_is_gone_leads_to_the_start_page_and_is_told(qtbot, host, tmp_path):
    window = make_window(host, Settings(project=str(tmp_path / "gone")), Channel())
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: bool(host.sent(OpenProject)))
    host.finish(len(host.commands), Outcome.FAILED, FailureText("UserError", "There is no project in gone.", "Open another."))
    window.bridge.tick()
    assert window.page_name == "start" and [toast.message.text for toast in window.toasts.shown] == ["There is no project in gone."]
    assert window.settings.project == ""
    window.close()


def test_a_project_that_can_only_be_looked_at_says_so(window, host):
    host.emit(opened(read_only="another Fovea has it open."))
    window.bridge.tick()
    assert window.banner.isVisible() and "another Fovea" in window.banner_words.text()
    host.emit(opened(folder="/tmp/mine"))
    window.bridge.tick()
    assert not window.banner.isVisible()


def test_closing_keeps_settings_and_stops_the_engine(pets, host):
    host.emit(started(job=7))
    pets.bridge.tick()
    pets.resize(1000, 640)
    pets.show_page("train")
    pets.close()
    kept = load()
    assert host.closed and kept.page == "train" and kept.project == "/tmp/pets" and kept.geometry
    assert (kept.recent[0].name, kept.recent[0].images) == ("Pets", 12)


def test_the_first_window_fits_the_screen(window):
    room = window.screen().availableGeometry()
    assert window.width() < room.width() or room.width() < 860
    assert window.height() < room.height() or room.height() < 560


def test_when_the_window_is_painted_nothing_heavy_is_loaded():
    program = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gui.app import make_window
from gui.notifications import Channel
from gui.settings import Settings

class NoHost:
    def start(self): pass
    def submit(self, command): return 1
    def cancel(self, number): pass
    def events(self): return iter(())
    def close(self, timeout=2.0): return True

application = QApplication([])
window = make_window(NoHost(), Settings(), Channel())

def tell():
    heavy = ("torch", "torchvision", "cv2", "pyqtgraph", "sklearn", "skimage", "onnxruntime", "scipy")
    print("painted", *[name for name in heavy if name in sys.modules])
    window.close()
    application.quit()

window.painted.connect(tell)
window.show()
sys.exit(application.exec())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["painted"], done.stderr
    assert done.returncode == 0
