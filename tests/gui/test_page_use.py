"""Use: answers of dropped pictures and the camera, the threshold, and putting a wrong one into its class."""

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QImage

from engine import messages
from engine.messages import (
    CameraClosed,
    CameraFrame,
    CameraInfo,
    CameraOpened,
    CamerasFound,
    Classified,
    ClassifyFiles,
    ClassifyPicture,
    ImportFinished,
    ImportPaths,
    ImportPicture,
    ModelReady,
    OpenCamera,
    ProjectOpened,
    UseRun,
)
from engine.project import tables
from engine.project.records import ClassRecord, ProjectRecord, RunRecord
from engine.training.recipe import Recipe
from gui.pages.use import UsePage

CLASSES = (ClassRecord(1, "healthy", "#e69f00"), ClassRecord(2, "spotted", "#56b4e9"))
NAMES = ("healthy", "spotted")


def run_record(name: str = "small-cnn-1") -> RunRecord:
    return RunRecord(
        id=name, network="small-cnn", title="Small CNN", recipe=Recipe(), preprocessing=messages_preprocessing(), classes=NAMES,
        created="2026-01-01T00:00:00", outcome="completed", parameters=1000, device="cpu", epochs=3, steps=30, seconds=1.0,
        images_per_second=100.0, train_loss=0.1, validation_accuracy=0.95, test_accuracy=0.925,
    )  # fmt: skip


def messages_preprocessing():
    from engine.data.preprocessing import Preprocessing

    return Preprocessing(64, 64, 3)


def opened(*runs: RunRecord) -> ProjectOpened:
    table = tables.table((), ())
    return ProjectOpened(project=ProjectRecord("/p", "Leaves"), classes=CLASSES, images=table, runs=runs, memory={})


def answer(name: str, *probabilities: float, path: str = "", error: str = "") -> Classified:
    return Classified(
        run="small-cnn-1", name=name, path=path, image=-1, picture=None if error else np.full((20, 30, 3), 90, np.uint8), classes=NAMES,
        probabilities=None if error else np.array(probabilities, np.float32), seconds=0.004, error=error,
    )  # fmt: skip


@pytest.fixture
def page(qtbot, bridge, host, settings) -> UsePage:
    made = UsePage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    host.emit(opened(run_record()), ModelReady(run="small-cnn-1", classes=NAMES, layers=()))
    bridge.tick()
    return made


def test_runs_are_called_as_elsewhere_and_their_figures_say_of_which_pictures(page, host, bridge):
    plain, named, alike = run_record("small-cnn-1"), run_record("small-cnn-2"), run_record("small-cnn-3")
    unmeasured = replace(alike, test_accuracy=None, validation_accuracy=None)
    runs = replace(plain, test_accuracy=None), replace(named, title="exploded"), unmeasured
    host.emit(messages.RunsChanged(runs=runs), answer("a.png", 0.9, 0.1))
    bridge.tick()
    listed = [page.run_box.itemText(row).replace("\u202f", " ") for row in range(3)]
    assert listed == ["Small CNN · small-cnn-1 · 95.0 % validation", "exploded · 92.5 % test", "Small CNN · small-cnn-3"]
    assert page.side.speed.text().startswith("Small CNN · small-cnn-1 answered in")


def test_the_newest_run_is_loaded_once(page, host, bridge):
    assert [command.run for command in host.sent(UseRun)] in (["small-cnn-1"], [])
    host.emit(ModelReady(run="small-cnn-1", classes=NAMES, layers=()))
    bridge.tick()
    bridge.tick()
    assert len(host.sent(UseRun)) <= 1


def test_dropped_file_is_classified_and_the_answer_shown(page, host, bridge, tmp_path):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "leaf.jpg"))])
    assert page.view.take(mime)
    assert host.sent(ClassifyFiles)[-1].paths == (str(tmp_path / "leaf.jpg"),)
    host.emit(answer("leaf.jpg", 0.2, 0.8, path="/x/leaf.jpg"))
    bridge.tick()
    assert page.side.answer.text() == "spotted"
    assert [(name, round(share, 3)) for name, share, _ in page.side.bars.rows()] == [("spotted", 0.8), ("healthy", 0.2)]


def test_below_the_threshold_it_is_unknown_and_the_threshold_is_kept(page, host, bridge):
    host.emit(answer("leaf.jpg", 0.4, 0.6))
    bridge.tick()
    assert page.list.count() == 1
    page.side.threshold.setValue(70)
    assert page.list.item(0).text() == "unknown\nleaf.jpg"
    assert page.side.answer.text() == "unknown"
    assert (host.sent(messages.Remember)[-1].key, host.sent(messages.Remember)[-1].value) == ("use.unknown_below", "70")
    page.side.threshold.setValue(50)
    assert page.side.answer.text() == "spotted"


def test_unreadable_file_says_why_and_the_others_are_listed(page, host, bridge):
    host.emit(answer("a.jpg", 0.9, 0.1, path="/x/a.jpg"), answer("b.png", error="b.png is empty (0 bytes)."))
    bridge.tick()
    assert page.list.count() == 2
    assert "not read" in page.list.item(0).text()
    page.list.setCurrentRow(1)
    assert page.side.answer.text() == "healthy"


def test_a_wrong_answer_is_put_into_its_class_and_told_when_it_is_on_disk(page, host, bridge):
    host.emit(answer("a.jpg", 0.9, 0.1, path="/x/a.jpg"))
    bridge.tick()
    page.side.buttons.chosen.emit(2)
    sent = host.sent(ImportPaths)[-1]
    assert (sent.paths, sent.class_id) == (("/x/a.jpg",), 2)
    assert page.side.put_label.text() == "Putting it into spotted …"
    host.emit(ImportFinished(taken=1, skipped=()))
    bridge.tick()
    assert "It is in spotted now" in page.side.put_label.text()


def test_a_pasted_picture_keeps_its_full_size_when_put_into_a_class(page, host, bridge):
    mime = QMimeData()
    image = QImage(1203, 401, QImage.Format.Format_RGB32)
    image.fill(0x336699)
    mime.setImageData(image)
    assert page.view.take(mime)
    sent = host.sent(ClassifyPicture)[-1]
    assert sent.pixels.shape == (401, 1203, 3)
    assert sent.pixels[0, 0].tolist() == [0x33, 0x66, 0x99]
    host.emit(answer(sent.name, 0.9, 0.1))
    bridge.tick()
    page.side.buttons.chosen.emit(1)
    assert host.sent(ImportPicture)[-1].pixels.shape == (401, 1203, 3)


def test_camera_plays_answers_and_says_why_it_stopped(page, host, bridge, qtbot):
    host.emit(CamerasFound(cameras=(CameraInfo("0", "Built-in camera"),)))
    bridge.tick()
    page.camera_button.click()
    job = len(host.commands)
    assert host.sent(OpenCamera)[-1].source == "0"
    host.begin(job)
    frame = np.zeros((48, 64, 3), np.uint8)
    host.emit(CameraOpened(job=job, source="0", width=64, height=48))
    host.emit(
        CameraFrame(
            job=job,
            frame=frame,
            run="small-cnn-1",
            classes=NAMES,
            probabilities=np.array([0.7, 0.3], np.float32),
            frames_per_second=24.6,
            seconds=0.01,
        )
    )
    bridge.tick()
    assert page.side.answer.text() == "healthy"
    assert page.caption.text() == "25 frames/s"
    assert page.camera_button.text() == "Stop camera"
    page.camera_button.click()
    assert host.cancelled == [job]
    host.emit(CameraClosed(job=job, source="0", reason="The camera gives no pictures any more; was it unplugged?"))
    host.finish(job)
    bridge.tick()
    assert "unplugged" in page.message.text()
    assert page.camera_button.text() == "Start camera"


def test_without_a_camera_a_sentence_and_a_way_on(page, host, bridge):
    host.emit(CamerasFound(cameras=()))
    bridge.tick()
    page.camera_button.click()
    assert "No camera was found" in page.message.text()
    page.camera_box.setEditText("http://127.0.0.1:9/stream.mjpg")
    page.camera_button.click()
    assert host.sent(OpenCamera)[-1].source == "http://127.0.0.1:9/stream.mjpg"


def test_nothing_trained_yet_leads_to_train(qtbot, bridge, host, settings):
    page = UsePage(bridge, settings)
    qtbot.addWidget(page)
    page.show()
    host.emit(opened())
    bridge.tick()
    assert "Nothing is trained yet" in page.message.text()
    with qtbot.waitSignal(page.page_wanted) as wanted:
        page.message.button.click()
    assert wanted.args == ["train"]


def test_answers_of_another_run_go_and_the_pictures_are_asked_again(page, host, bridge):
    host.emit(answer("a.jpg", 0.9, 0.1, path="/x/a.jpg"), answer("b.jpg", 0.8, 0.2, path="/x/b.jpg"))
    bridge.tick()
    host.emit(ModelReady(run="small-cnn-2", classes=NAMES, layers=()))
    bridge.tick()
    bridge.tick()
    assert [command.paths for command in host.sent(ClassifyFiles)] == [("/x/a.jpg",), ("/x/b.jpg",)]
    assert bridge.state.classified == ()
    assert page.view.empty
