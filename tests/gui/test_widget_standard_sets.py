"""The list of standard sets: searching, keys, what it sends with and without a project, and that nothing is cut off."""

from pathlib import Path

import pytest
from made import opened
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from engine import places
from engine.messages import ImportSet, NewProject, Outcome, ProjectOpened
from engine.project.records import ProjectRecord
from gui.theme import theme
from gui.widgets import standard_sets as module
from gui.widgets.standard_sets import StandardSets, amount


@pytest.fixture
def window(qtbot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    return made


def offered(window, bridge) -> StandardSets:
    made = StandardSets(window, bridge)
    made.open()
    return made


def titles(sets: StandardSets) -> list[str]:
    return [sets.list.item(row).text() for row in range(sets.list.count())]


def test_the_search_finds_sets_by_title_and_by_what_they_show(window, bridge, qtbot):
    sets = offered(window, bridge)
    assert {"MNIST", "CIFAR-10", "ImageNet-1k", "COCO 2017", "CUB-200-2011"} <= set(titles(sets))
    qtbot.keyClicks(sets.field, "cats dogs")
    assert titles(sets) == ["Oxford-IIIT Pets"]
    sets.field.setText("no such thing")
    assert not titles(sets) and sets.nothing.isVisible() and not sets.act.isVisible()
    sets.leave()


def test_keys_choose_and_take_a_set_into_the_open_project(window, bridge, host, qtbot):
    host.emit(opened(0))
    bridge.tick()
    sets = offered(window, bridge)
    assert not sets.fresh.isChecked()
    qtbot.keyClick(sets.field, Qt.Key.Key_Down)
    assert sets.current.name == "fashion-mnist" and "31" in sets.act.text()
    with qtbot.waitSignal(sets.begun):
        qtbot.keyClick(sets.field, Qt.Key.Key_Return)
    sent = host.sent(ImportSet)[-1]
    assert (sent.name, sent.folder) == ("fashion-mnist", "") and not sets.isVisible() and not host.sent(NewProject)


def test_beside_other_pictures_a_set_gets_a_project_of_its_own(window, bridge, host, qtbot):
    host.emit(opened(12))
    bridge.tick()
    sets = offered(window, bridge)
    assert sets.fresh.isChecked() and sets.fresh.isEnabled()
    sets.select("mnist")
    sets.take()
    assert host.sent(NewProject)[-1].name == "MNIST" and not host.sent(ImportSet)
    new = opened(0)
    host.emit(
        ProjectOpened(job=len(host.commands), project=ProjectRecord("/m", "MNIST"), classes=(), images=new.images, runs=(), memory={})
    )
    bridge.tick()
    assert [command.name for command in host.sent(ImportSet)] == ["mnist"]


def test_a_project_that_cannot_be_made_leaves_nothing_behind(window, bridge, host):
    sets = offered(window, bridge)
    assert sets.fresh.isChecked() and not sets.fresh.isEnabled()
    sets.take()
    host.finish(len(host.commands), Outcome.FAILED)
    bridge.tick()
    assert not host.sent(ImportSet)


def test_a_set_that_no_program_can_fetch_says_which_files_to_put_where(window, bridge, host, tmp_path):
    sets = offered(window, bridge)
    sets.select("cub-200")
    assert not sets.act.isVisible() and sets.choose.property("look") == "primary"
    assert str(places.sets() / "CUB_200_2011.tgz") in sets.message.text()
    sets.take()
    assert not host.commands
    sets.take_from(tmp_path)
    assert sets.isVisible() and str(tmp_path / "CUB_200_2011.tgz") in sets.message.text() and not host.commands
    (tmp_path / "CUB_200_2011.tgz").write_bytes(b"x")
    sets.fresh.setChecked(False)
    sets.take_from(tmp_path)
    assert host.sent(ImportSet)[-1].folder == str(tmp_path)


def test_what_is_at_hand_is_told(window, bridge, own_home):
    folder = places.sets() / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"):
        (folder / name).touch()
    sets = offered(window, bridge)
    assert sets.act.text() == "Take it in" and sets.list.item(0).data(module.THERE) and not sets.list.item(1).data(module.THERE)
    sets.leave()


def test_a_folder_is_chosen_by_dialog_and_escape_closes(window, bridge, host, qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(module.QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "elsewhere"))
    sets = offered(window, bridge)
    qtbot.mouseClick(sets.choose, Qt.MouseButton.LeftButton)
    assert str(Path("elsewhere", "MNIST")) in sets.message.text()
    qtbot.keyClick(sets.field, Qt.Key.Key_Escape)
    assert not sets.isVisible()


def whole(sets: StandardSets) -> bool:
    """Whether the selected set, all words and all buttons are to be seen entirely."""
    selected = sets.list.visualItemRect(sets.list.currentItem()).bottom() <= sets.list.viewport().height()
    shown = [words for words in (sets.source, sets.message) if words.isVisible()]
    buttons = [widget for widget in (sets.close_button, sets.choose, sets.act, sets.fresh) if widget.isVisible()]
    return (
        selected
        and all(words.height() >= words.heightForWidth(words.width()) for words in shown)
        and all(widget.width() >= widget.minimumSizeHint().width() for widget in buttons)
        and all(sets.frame.rect().contains(widget.geometry()) for widget in buttons)
    )


@pytest.mark.parametrize(("width", "height", "scale"), [(1280, 800, 1.0), (1280, 800, 1.5), (860, 560, 1.0)])
def test_nothing_is_cut_off(window, bridge, qtbot, width, height, scale):
    theme().apply("dark", scale)
    window.resize(width, height)
    sets = offered(window, bridge)
    for row in range(sets.list.count()):
        sets.list.setCurrentRow(row)
        qtbot.waitUntil(lambda: whole(sets))
    sets.leave()


def test_amounts():
    assert [amount(size) for size in (502, 28_881, 9_912_422, 170_498_071, 20_405_354_669)] == [
        "1\u202fkB", "29\u202fkB", "9.9\u202fMB", "170\u202fMB", "20\u202fGB",
    ]  # fmt: skip
