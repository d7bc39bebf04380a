"""The inspector and the list of layers: driven by keys and mouse, wired to a designer as the page does it."""

import json
from pathlib import Path

import pytest
import qtawesome
from made import opened
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFormLayout

from engine.messages import NetworksChanged
from engine.networks import editing, zoo
from engine.networks.arithmetic import analyse_partly
from engine.networks.kinds import Signal
from engine.networks.layers import LAYER_TYPES, Activation, Auxiliary, Conv, Flatten, GlobalPool, Linear, Network, Pool, Residual, Sequence
from gui import plan
from gui.designer import Designer
from gui.widgets.layer_arithmetic import facts_of_layer, facts_of_network
from gui.widgets.layer_fields import PairField, fields_of
from gui.widgets.layer_inspector import LayerInspector
from gui.widgets.layer_palette import KIND, REASON, LayerPalette
from gui.widgets.layer_words import FIELDS, KIND_WORDS, record_words
from gui.widgets.network_drop import LAYER_MIME

CONTROL = Qt.KeyboardModifier.ControlModifier
NETWORK = Network(
    "mine",
    "Mine",
    0,
    "own",
    (3, 32, 32),
    3,
    Sequence(
        "body",
        (
            Conv("conv1", 8, (3, 3), (1, 1), (1, 1)),
            Activation("relu1"),
            Residual("block1", (Conv("conv1", 8, (3, 3), (1, 1), (1, 1)),)),
            Pool("pool1", "max", (2, 2), (2, 2)),
            GlobalPool("pool2"),
            Flatten("flatten"),
            Linear("linear", 3),
        ),
    ),
)


@pytest.fixture
def designer(bridge, host) -> Designer:
    memory = {plan.NETWORK: "own:mine", plan.TYPICAL: '{"pictures":12,"channels":3,"height":32,"width":32}', plan.SIZE: "32"}
    host.emit(opened(memory=memory), NetworksChanged(networks=(NETWORK,)))
    bridge.tick()
    made = Designer(bridge)
    made.follow(bridge.state, "own:mine")
    return made


@pytest.fixture
def inspector(designer, qtbot) -> LayerInspector:
    """Wired as the page wires it."""
    made = LayerInspector()
    qtbot.addWidget(made)

    def show() -> None:
        made.show_layer(designer.network, designer.selected, designer.rows, designer.error, designer.editable, designer.why_not)

    designer.changed.connect(show)
    designer.selection_changed.connect(show)
    designer.rename_wanted.connect(made.focus_name)
    designer.refused.connect(made.show_fault)
    made.layer_changed.connect(designer.change_layer)
    made.network_changed.connect(designer.change_network)
    made.resize(320, 700)
    made.show()
    made.activateWindow()
    show()
    return made


def type_into(line, text: str) -> None:
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, text)


def type_number(spin, text: str) -> None:
    type_into(spin.lineEdit(), text)


def facts(inspector: LayerInspector) -> dict[str, str]:
    return {words.text(): figures.text() for words, figures in inspector._lines if not figures.isHidden()}


def output(designer: Designer, name: str) -> tuple:
    return next(row.output for row in designer.rows if row.name == name)


def test_a_kernel_is_typed_shapes_follow_and_undo_leads_back(designer, inspector):
    designer.select("conv1")
    assert inspector.heading.text() == "Convolution" and facts(inspector)["Parameters"] == "(3·3·3 + 1)·8 = 224"
    type_number(inspector.fields["kernel"].spins[0], "5")
    assert designer.layer("conv1").kernel == (5, 5), "both sides are locked together"
    assert output(designer, "conv1") == (8, 30, 30) and output(designer, "pool1") == (8, 15, 15)
    assert facts(inspector)["Size"] == "1 + (32 − 5 + 2·1)/1 = 30"
    assert facts(inspector)["Parameters"] == "(5·5·3 + 1)·8 = 608"
    assert facts(inspector)["Multiply-adds"] == "30·30·600 = 540,000"
    assert facts(inspector)["Activations"] == "7,200 · 4 B = 28.8 kB"
    assert (facts(inspector)["Receptive field"], facts(inspector)["Jump"], facts(inspector)["Centre"]) == ("5 × 5", "1 × 1", "1.5, 1.5")
    designer.undo()
    assert designer.network == NETWORK and inspector.fields["kernel"].value() == (3, 3)


def test_a_value_that_does_not_fit_is_told_in_place_and_heals(designer, inspector):
    designer.select("conv1")
    spin = inspector.fields["kernel"].spins[1]
    type_number(spin, "40")
    assert inspector.fault.isVisible() and "32×32 with padding 1 is smaller than its 40×40 kernel" in inspector.fault.text()
    assert spin.text() == "40" and facts(inspector) == {"Input": "3 × 32 × 32"}
    designer.select("linear")
    assert not inspector.fault.isVisible() and "does not come here" in facts(inspector)[""]
    designer.select("conv1")
    type_number(inspector.fields["kernel"].spins[1], "3")
    assert not inspector.fault.isVisible() and facts(inspector)["Output"] == "8 × 32 × 32"
    type_number(inspector.fields["groups"].spin, "2")
    assert "2 groups, which do not divide 3 channels" in inspector.fault.text()
    type_number(inspector.fields["groups"].spin, "1")
    assert not inspector.fault.isVisible()


def test_sides_can_differ(designer, inspector):
    designer.select("conv1")
    pair = inspector.fields["kernel"]
    assert isinstance(pair, PairField) and pair.lock.isChecked()
    QTest.mouseClick(pair.lock, Qt.MouseButton.LeftButton)
    type_number(pair.spins[1], "1")
    assert designer.layer("conv1").kernel == (3, 1)
    designer.select("pool1")
    designer.select("conv1")
    assert not inspector.fields["kernel"].lock.isChecked() and inspector.fields["stride"].lock.isChecked()
    QTest.mouseClick(inspector.fields["kernel"].lock, Qt.MouseButton.LeftButton)
    assert designer.layer("conv1").kernel == (3, 3)


def test_the_keyboard_stays_where_one_types(designer, inspector):
    """The layer's name changes under the form, letter by letter."""
    designer.select("conv1")
    designer.act("rename")
    line = inspector.name_line
    assert line.hasFocus() and line.selectedText() == "conv1"
    QTest.keyClicks(line, "stem")
    assert line.hasFocus() and line.text() == "stem" and designer.selection == ("stem",)
    assert designer.layer("stem") == replace(NETWORK.body.layers[0], name="stem")
    designer.undo()
    assert designer.network == NETWORK and line.text() == "conv1"


@pytest.mark.parametrize(
    ("name", "words"), [("relu1", "called relu1"), ("1", 'cannot be called "1"'), ("to", "meaning in torch"), ("a b", "cannot be called")]
)
def test_a_name_that_cannot_be_is_told_and_not_taken(designer, inspector, name, words):
    designer.select("conv1")
    type_into(inspector.name_line, name)
    assert words in inspector.fault.text() and inspector.name_line.text() == name
    QTest.keyClick(inspector.name_line, Qt.Key.Key_A, CONTROL)
    QTest.keyClicks(inspector.name_line, "fine")
    assert not inspector.fault.isVisible() and designer.layer("fine") is not None


def test_choices_switches_and_fractions(designer, inspector, qtbot):
    designer.select("relu1")
    form = inspector.fields["slope"].parentWidget().layout()
    assert isinstance(form, QFormLayout) and not form.isRowVisible(inspector.fields["slope"])
    combo = inspector.fields["kind"].combo
    assert combo.currentText() == "ReLU"
    combo.setFocus()
    QTest.keyClicks(combo, "Leaky")
    assert designer.layer("relu1").kind == "leaky-relu" and form.isRowVisible(inspector.fields["slope"])
    line = inspector.fields["slope"].line
    for text, fault in (("0,25", ""), ("1", "Slope must be less than 1."), ("x", 'Slope: "x" is not a number.'), ("1e-3", "")):
        type_into(line, text)
        assert inspector.fault.text() == fault and line.text() == text
    assert designer.layer("relu1").slope == 0.001
    designer.select("pool1")
    box = inspector.fields["ceil"].box
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert designer.layer("pool1").ceil is True
    assert designer.undo_text == "Undo: change reach beyond the edge of pool1"


def test_a_change_of_scale_keeps_what_is_shown(designer, inspector):
    designer.select("conv1")
    inspector.dress()
    assert inspector.fields["filters"].value() == 8 and inspector.fields["kernel"].lock.isChecked()
    type_number(inspector.fields["filters"].spin, "12")
    assert designer.layer("conv1").filters == 12


def test_the_wheel_turns_numbers_only_where_the_keyboard_is(designer, inspector):
    designer.select("conv1")
    spin = inspector.fields["filters"].spin
    assert not spin.hasFocus() and spin.focusPolicy() == Qt.FocusPolicy.StrongFocus


def test_connections_are_typed_as_lines(qtbot):
    network = zoo.make("lenet-5-1998", (1, 32, 32), 10)
    inspector = LayerInspector()
    qtbot.addWidget(inspector)
    changed = []
    inspector.layer_changed.connect(lambda name, record: changed.append((name, record.table)))
    rows, error = analyse_partly(network)
    inspector.show_layer(network, "conv3", rows, error, True)
    text = inspector.fields["table"].text
    assert text.toPlainText().splitlines()[0] == "0 1 2"
    text.setPlainText("0 1\n2, 3")
    assert changed == [("conv3", ((0, 1), (2, 3)))]
    for wrong, words in (
        ("0\n\n1", "Line 2 of the connections has an empty line."),
        ("0 x", 'has "x"'),
        ("", "need a line for each filter"),
    ):
        text.setPlainText(wrong)
        assert words in inspector.fault.text() and len(changed) == 1


def test_the_whole_network_has_title_and_name(designer, inspector, host, bridge):
    designer.select(())
    assert inspector.heading.text() == "Network" and inspector.title_line.isVisible() and not inspector.fields
    found = facts(inspector)
    assert (found["Input"], found["Classes"], found["Layers"], found["Depth"]) == ("3 × 32 × 32", "3", "7", "3")
    type_into(inspector.title_line, "Ours")
    assert designer.network.title == "Ours" and inspector.title_line.text() == "Ours"
    type_into(inspector.name_line, "ours")
    assert designer.network.name == "mine", "a name is taken when it is complete"
    QTest.keyClick(inspector.name_line, Qt.Key.Key_Return)
    assert designer.network.name == "ours"
    type_into(inspector.title_line, "")
    assert designer.network.title == "Ours"


def test_containers_are_told_in_sums(designer, inspector):
    designer.select("block1")
    found = facts(inspector)
    assert inspector.heading.text() == "Residual" and found["Shortcut"] == "the identity" and found["Parameters"] == "584"
    assert found["Input"] == found["Output"] == "8 × 32 × 32"
    type_into(inspector.fields["scale"].line, "0.5")
    assert designer.layer("block1").scale == 0.5
    assert set(inspector.fields) == {"scale"}
    designer.select("block1.body.conv1")
    assert inspector.path.text() == "block1.body.conv1" and inspector.path.isVisible()


def test_what_is_not_ones_own_is_shown_and_offered_as_a_copy(designer, inspector, bridge, qtbot):
    designer.follow(bridge.state, "lenet-5")
    designer.select("conv1")
    assert not inspector.fields["kernel"].isEnabled() and not inspector.name_line.isEnabled()
    assert inspector.notice.text() == designer.why_not and inspector.copy_button.isVisible()
    with qtbot.waitSignal(inspector.copy_wanted):
        QTest.mouseClick(inspector.copy_button, Qt.MouseButton.LeftButton)
    designer.edit_copy(designer.network)
    assert not inspector.copy_button.isVisible() and inspector.heading.text() == "Network"


def test_a_network_without_tree_shows_its_rows(qtbot):
    rows, _ = analyse_partly(NETWORK)
    inspector = LayerInspector()
    qtbot.addWidget(inspector)
    inspector.show_layer(None, "conv1", rows, None, False)
    assert inspector.heading.text() == "Convolution" and facts(inspector)["Output"] == "8 × 32 × 32"
    inspector.show_layer(None, "", rows, None, False)
    assert facts(inspector) == {}


@pytest.mark.parametrize("name", ["googlenet", "vit-tiny", "lenet-5-1998", "mobilenet-v2", "resnet-20"])
def test_every_layer_of_the_zoo_can_be_shown(name, qtbot):
    card = zoo.card(name)
    network = zoo.make(name, card.default_input, card.default_classes)
    rows, error = analyse_partly(network)
    inspector = LayerInspector()
    qtbot.addWidget(inspector)
    told = []
    inspector.layer_changed.connect(lambda *what: told.append(what))
    shown = {}
    for row in rows:
        shown.setdefault(row.kind, row.name)
    for row_name in shown.values():
        inspector.show_layer(network, row_name, rows, error, True)
        for field, box in inspector.fields.items():
            assert box.value() == getattr(editing.layer_at(network, row_name), field)
    assert not told and len(shown) > 4


def test_every_field_of_every_record_has_words():
    for record in LAYER_TYPES:
        assert {field.name for field in fields_of(record)} <= set(FIELDS)
    for kind in editing.KINDS:
        assert record_words(editing.plain_layer(kind, None))


def test_heads_that_only_training_uses_count_apart():
    head = Auxiliary("head", (GlobalPool("pool"), Flatten("flatten"), Linear("linear", 3)))
    network = editing.insert(NETWORK, "", 2, head)
    rows, _ = analyse_partly(network)
    found = {fact.words: fact.figures for fact in facts_of_network(network, rows)}
    plain = {fact.words: fact.figures for fact in facts_of_network(NETWORK, analyse_partly(NETWORK)[0])}
    assert found["In heads"] == "27" and found["Parameters"] == plain["Parameters"]


def test_a_stride_that_does_not_divide_is_warned_of():
    network = editing.replace_layer(NETWORK, "pool1", Pool("pool1", "max", (3, 3), (2, 2)))
    row = next(row for row in analyse_partly(network)[0] if row.name == "pool1")
    assert any(fact.look == "warning" for fact in facts_of_layer(row))


# ---------------------------------------------------------------- the list of layers


@pytest.fixture
def palette(qtbot) -> LayerPalette:
    made = LayerPalette()
    qtbot.addWidget(made)
    made.resize(320, 700)
    made.show()
    made.activateWindow()
    made.open()
    return made


def kinds(palette: LayerPalette) -> list[str]:
    return [kind for number in range(palette.list.count()) if (kind := palette.list.item(number).data(KIND))]


def item(palette: LayerPalette, kind: str):
    return next(palette.list.item(row) for row in range(palette.list.count()) if palette.list.item(row).data(KIND) == kind)


def test_a_layer_is_found_by_a_few_letters_and_added_by_enter(palette, qtbot):
    assert set(kinds(palette)) == set(KIND_WORDS) <= set(editing.KINDS)
    QTest.keyClicks(palette.search, "gelu")
    assert kinds(palette) == ["activation:gelu"]
    with qtbot.waitSignal(palette.kind_chosen) as caught:
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert caught.args == ["activation:gelu"]
    palette.open()
    QTest.keyClicks(palette.search, "dense")
    assert kinds(palette) == ["linear"]
    palette.search.setText("zzz")
    assert kinds(palette) == [] and "No layer" in palette.note.text()
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    with qtbot.waitSignal(palette.left):
        QTest.keyClick(palette.search, Qt.Key.Key_Escape)


def test_arrows_move_over_headings_and_double_click_adds(palette, qtbot):
    assert palette.list.currentItem().data(KIND) == "conv"
    for _ in range(4):
        QTest.keyClick(palette.search, Qt.Key.Key_Down)
    assert palette.list.currentItem().data(KIND) == "pool:max"
    QTest.keyClick(palette.search, Qt.Key.Key_Up)
    assert palette.list.currentItem().data(KIND) == "whitening"
    place = palette.list.visualItemRect(item(palette, "pool:mean")).center()
    QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    with qtbot.waitSignal(palette.kind_chosen) as caught:
        QTest.mouseDClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert caught.args == ["pool:mean"]


def test_what_cannot_stand_there_is_grey_and_says_why(palette, qtbot):
    palette.set_place(Signal((84, 1, 1), "flat"), True)
    assert "needs maps, but gets a row of 84 values" in item(palette, "conv").toolTip()
    assert not item(palette, "linear").data(REASON)
    palette.list.setCurrentItem(item(palette, "conv"))
    assert "needs maps" in palette.note.text()
    chosen = []
    palette.kind_chosen.connect(chosen.append)
    QTest.keyClick(palette.list, Qt.Key.Key_Return)
    assert not chosen
    assert item(palette, "conv").flags() & Qt.ItemFlag.ItemIsDragEnabled, "it may be dragged to another place"
    palette.set_place(None, True)
    QTest.keyClick(palette.list, Qt.Key.Key_Return)
    assert chosen == ["conv"]
    palette.set_place(None, False)
    assert "edit a copy" in item(palette, "conv").toolTip() and not item(palette, "conv").flags() & Qt.ItemFlag.ItemIsDragEnabled


def test_a_search_prefers_what_can_be_added(palette):
    palette.set_place(Signal((192, 64, 1), "tokens", (8, 8)), True)
    QTest.keyClicks(palette.search, "norm")
    assert palette.list.currentItem().data(KIND) == "norm:layer"


def test_a_drag_carries_the_kind(palette):
    data = palette.list.mimeData([item(palette, "attention")])
    assert json.loads(bytes(data.data(LAYER_MIME).data())) == {"new": "attention"}
    assert palette.list.mimeTypes() == [LAYER_MIME]


def test_captions_are_as_wide_as_those_that_are_shown(inspector, designer):
    inspector.show_layer(designer.network, "pool1", designer.rows, None, True)
    narrow = inspector._lines[0][0].minimumWidth()
    inspector.show_layer(designer.network, "", designer.rows, None, True)
    assert inspector._lines[0][0].minimumWidth() > narrow
    inspector.show_layer(designer.network, "pool1", designer.rows, None, True)
    assert inspector._lines[0][0].minimumWidth() == narrow


def test_every_sign_of_the_list_is_one_that_the_icons_have():
    fonts = Path(qtawesome.__file__).parent / "fonts"
    (charmap,) = fonts.glob("phosphor*charmap*.json")
    assert {words.icon.removeprefix("ph.") for words in KIND_WORDS.values()} <= set(json.loads(charmap.read_text()))
