"""Model: shapes at once, refusals in the arithmetic's words, the choice kept in the project."""

import sys

import msgspec
import pytest
from made import opened
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from engine.messages import (
    CheckWeights,
    DeleteNetwork,
    FailureText,
    NetworksChanged,
    Outcome,
    ReadNetwork,
    Remember,
    SaveNetwork,
    WeightsChecked,
)
from engine.networks import zoo
from engine.training.presets import PRESETS
from gui import plan
from gui.network_figures import scale_of
from gui.pages.model import ModelPage


@pytest.fixture
def page(qtbot, bridge, host, settings) -> ModelPage:
    made = ModelPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1080, 700)
    host.emit(opened())
    bridge.tick()
    made.show()
    return made


def kept(host) -> dict[str, str]:
    return {command.key: command.value for command in host.sent(Remember)}


def test_every_network_has_a_card_and_the_chosen_one_is_drawn(page):
    assert set(page.cards) == set(zoo.names())
    assert [name for name, card in page.cards.items() if card.isChecked()] == ["lenet-5"]
    assert page.table.rows_of_text()[1][:4] == ["conv1", "Convolution, 5×5, stride 1, 6 filters", "6 × 28 × 28", "(5·5·1 + 1)·6 = 156"]
    worked = plan.analysis(page.bridge.state, "lenet-5")
    assert page.strip.text("parameters").replace(",", "") == str(worked.parameters)
    assert "3 classes" in page.strip.text("input → output")


def test_a_click_on_a_card_is_kept_and_shown_at_once(page, bridge, host):
    QTest.mouseClick(page.cards["mlp"], Qt.MouseButton.LeftButton)
    bridge.tick()
    assert kept(host)[plan.NETWORK] == "mlp"
    assert page.heading.title.text() == zoo.card("mlp").title and page.cards["mlp"].isChecked()


def test_a_refused_size_is_told_inline_and_can_be_taken_back(page, bridge):
    page.heading.size_box.setValue(20)
    bridge.tick()
    assert "20×20 is too small for layer conv5" in page.refusal.text() and page.refusal.isVisible()
    assert page.drawing.place_of("conv1") is None
    page.heading.suggested_button.click()
    bridge.tick()
    assert not page.refusal.isVisible() and page.heading.size_box.value() == 32 and page.drawing.place_of("conv1") is not None


def test_drawing_and_table_select_each_other(page):
    page.drawing.layer_clicked.emit("conv3")
    assert page.table.currentIndex().row() == 3
    page.table.selectRow(0)
    assert page.drawing.selected == "conv1"


def test_nearest_neighbour_has_its_own_controls(page, bridge, host):
    page._choose("nearest-neighbour")
    bridge.tick()
    assert page.heading.k_box.isVisible() and not page.table.isVisible()
    page.heading.k_box.setValue(5)
    page.heading.distance_box.setCurrentIndex(0)
    page.heading.distance_box.activated.emit(0)
    bridge.tick()
    recipe = plan.recipe(bridge.state)
    assert (recipe.neighbours, recipe.distance) == (5, "l1")
    assert page.strip.text("parameters") == "0"


def test_the_primary_button_leads_to_train(qtbot, page):
    with qtbot.waitSignal(page.page_wanted) as caught:
        page.train_button.click()
    assert caught.args == ["train"]


def test_without_a_project_the_gallery_still_shows(qtbot, bridge, settings):
    page = ModelPage(bridge, settings)
    qtbot.addWidget(page)
    page.show()
    assert not page.train_button.isEnabled() and "10 classes" in page.strip.text("input → output")


def test_large_numbers_have_three_digits():
    assert [scale_of(value) for value in (0, 999, 61706, 1.234e6, 4.56e9)] == ["0", "999", "61.7 k", "1.23 M", "4.56 G"]
    assert scale_of(17.06e6, "B") == "17.1 MB"


def test_cards_are_as_high_as_their_words(page):
    for card in page.cards.values():
        assert card.height() >= card.layout().totalHeightForWidth(card.width())


def test_no_torch_is_needed():
    import subprocess

    code = "import sys, gui.pages.model, gui.pages.train; assert not {'torch', 'cv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def own(page, bridge, host):
    """The page with a copy of LeNet-5 that can be edited."""
    host.answers[SaveNetwork] = lambda command, job: [NetworksChanged(job=job, networks=(command.network,), added=command.network.name)]
    page._edit_copy()
    bridge.tick()
    bridge.tick()
    network = host.sent(SaveNetwork)[-1].network
    assert page.designer.editable and plan.network_name(bridge.state) == f"own:{network.name}"
    return page


def test_what_was_typed_is_taken_back_from_within_the_field(own):
    own.designer.click("conv1")
    field = own.inspector.fields["kernel"].findChildren(QLineEdit)[0]
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "7")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert own.designer.layer("conv1").kernel[0] == 7
    QTest.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert own.designer.layer("conv1").kernel == (5, 5)


def test_escape_leads_back_to_the_network_as_a_whole(own):
    own.drawing.layer_clicked.emit("conv1")
    assert own.designer.selected == "conv1" and not own.inspector.title_line.isVisible()
    own.drawing.setFocus()
    QTest.keyClick(own.drawing, Qt.Key.Key_Escape)
    assert own.designer.selection == () and own.inspector.title_line.isVisible()


def test_undo_of_the_window_is_the_designers_here(own):
    assert own.history() == ("", "")
    own.designer.click("relu1")
    own.designer.act("remove")
    assert own.history()[0].endswith("remove relu1") and own.undo()
    assert own.designer.layer("relu1") is not None and own.history()[0] == ""
    assert own.undo(), "with nothing left to take back, the project's changes are not touched from here"


def test_without_a_network_of_ones_own_undo_is_the_windows(page):
    assert page.history() is None and not page.undo() and not page.redo()


def test_a_file_that_was_read_is_chosen_and_one_that_cannot_be_is_told(page, bridge, host, monkeypatch):
    monkeypatch.setattr("gui.network_arrivals.QFileDialog.getOpenFileName", lambda *_: ("/a/mine.json", ""))
    made = zoo.make("lenet-5", (1, 32, 32), 3)
    mine = msgspec.structs.replace(made, name="mine", title="Mine")
    host.answers[ReadNetwork] = lambda command, job: [NetworksChanged(job=job, networks=(mine,), added="mine")]
    page.gallery.file_button.click()
    bridge.tick()
    bridge.tick()
    assert plan.network_name(bridge.state) == "own:mine" and page.heading.title.text() == "Mine"
    del host.answers[ReadNetwork]
    page.gallery.file_button.click()
    host.finish(len(host.commands), Outcome.FAILED, FailureText("user", "mine.json is not a network.", "Choose another."))
    bridge.tick()
    assert page.refusal.isVisible() and "mine.json is not a network. Choose another." in page.refusal.text()


def test_a_deleted_network_comes_back_by_undo(own, bridge, host):
    network = own.designer.network
    host.answers[DeleteNetwork] = lambda command, job: [NetworksChanged(job=job, networks=(), removed=network)]
    own.designer.delete()
    bridge.tick()
    bridge.tick()
    assert own.history() == (f"Undo: delete {network.title}", "")
    assert own.undo()
    bridge.tick()
    assert host.sent(SaveNetwork)[-1].network == network and own.history() != (f"Undo: delete {network.title}", "")


def test_with_learned_weights_the_size_is_the_one_that_is_trained(page, bridge, host):
    page._choose("mobilenet-v2")
    plan.keep(bridge, plan.TYPICAL, msgspec.json.encode(plan.Typical(700, 3, 150, 150)).decode())
    bridge.tick()
    assert plan.input_shape(bridge.state, "mobilenet-v2")[1:] != (224, 224)
    plan.keep(bridge, plan.WEIGHTS, "/weights.pth")
    bridge.tick()
    assert plan.input_shape(bridge.state, "mobilenet-v2")[1:] == (224, 224)


def test_weights_that_are_not_at_hand_are_said_to_be_to_come(page, bridge, host):
    page._choose("mobilenet-v2")
    plan.keep(bridge, plan.WEIGHTS, plan.PRETRAINED)
    bridge.tick()
    found = {"network": "mobilenet-v2", "weights": plan.PRETRAINED, "source": "torchvision's", "taken": 9, "total": 10}
    found |= {"new": ("linear",), "unused": ("a", "b")}
    job = host.commands.index(host.sent(CheckWeights)[-1]) + 1
    host.emit(WeightsChecked(**found, at_hand=False))
    host.finish(job)
    bridge.tick()
    note, freeze = page.heading.weights.note, page.heading.weights.freeze
    assert freeze.isEnabled() and not freeze.isChecked()
    plan.keep_recipe(bridge, PRESETS["linear-probe"].recipe)
    bridge.tick()
    assert freeze.isChecked() and not freeze.isEnabled()  # a probe trains the last layer alone anyway
    assert "9 of 10 parameters would come from" in note.text() and "fit nothing" not in note.text()
    host.emit(WeightsChecked(**found))
    bridge.tick()
    assert "9 of 10 parameters come from" in note.text() and "2 entries of the file fit nothing" in note.text()


def test_the_chosen_network_is_in_view_until_somebody_scrolls(qtbot, page, bridge):
    page.resize(1000, 520)
    plan.keep(bridge, plan.NETWORK, "mobilenet-v2")
    bridge.tick()
    gallery = page.gallery
    view, card = gallery.area.viewport(), gallery.cards["mobilenet-v2"]

    def in_view() -> bool:
        top = card.mapTo(view, card.rect().topLeft()).y()
        return not gallery._timer.isActive() and top >= 0 and top + card.height() <= view.height()

    qtbot.waitUntil(in_view)
    bar = gallery.area.verticalScrollBar()
    bar.triggerAction(bar.SliderAction.SliderToMinimum)
    qtbot.waitUntil(lambda: not gallery._timer.isActive())
    assert bar.value() == 0
