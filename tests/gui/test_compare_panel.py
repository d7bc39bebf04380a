"""Networks side by side: figures as published, work in idle time, choices that are kept, points that are never mixed."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import opened, run_record
from PySide6.QtCore import QPointF, QSizeF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from engine.data.preprocessing import Preprocessing
from engine.messages import EngineReady, NetworkDescribed, Remember
from engine.messages.network_messages import DescribeNetwork
from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.published import PUBLISHED
from gui import comparing
from gui.label_places import overlap, place_labels
from gui.state import FIELDS, AppState
from gui.theme import theme
from gui.widgets.compare_panel import ComparePanel
from gui.widgets.idle_work import IdleWork

PAIR = ["alexnet", "vgg-16"]


def worked(name: str):
    card = zoo.card(name)
    return analyse(zoo.make(name, card.default_input, card.default_classes))


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("name", "depth", "field"),
    [
        ("lenet-5", 5, (32, 32)),
        ("alexnet", 8, (163, 163)),
        ("vgg-16", 16, (196, 196)),
        ("vgg-19", 19, (252, 252)),
        ("googlenet", 22, None),
        ("resnet-20", 20, None),
        ("plain-20", 20, None),
        ("resnet-50", 50, (427, 427)),
        ("resnet-152", 152, (1451, 1451)),
        ("mobilenet-v1", 28, (315, 315)),
    ],
)
def test_depth_and_field_are_those_that_publications_tell(name, depth, field):
    found = comparing.figures(worked(name))
    assert found.depth == depth
    assert field is None or found.field == field


def test_most_of_alexnet_sits_in_its_first_linear_layer_and_its_work_does_not():
    analysis = worked("alexnet")
    parameters, work = comparing.parts(analysis, "parameters"), comparing.parts(analysis, "multiply_adds")
    most = comparing.largest(parameters)
    assert (most.value, most.group) == (37_752_832, "linear") and most.formula.endswith("= 37,752,832")
    assert most.share == pytest.approx(37_752_832 / 60_965_224)
    assert sum(part.share for part in work if part.group == "convolution") > 0.9
    vgg = comparing.parts(worked("vgg-16"), "multiply_adds")
    assert sum(part.share for part in vgg if part.group == "convolution") > 0.99


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.card(name).kind == "network" and name not in ("resnet-1202",)])
def test_parts_add_up_for_every_network(name):
    analysis = worked(name)
    for quantity in ("parameters", "multiply_adds"):
        found = comparing.parts(analysis, quantity)
        assert sum(part.value for part in found) == comparing.cost(analysis, quantity)
        assert sum(part.share for part in found) == pytest.approx(1)
        assert len({part.name for part in found}) == len(found)
    shown = comparing.profile(analysis)
    assert list(shown.depths) == sorted(shown.depths) and len(shown.depths) == len(shown.fields) == len(shown.sides)


def test_very_deep_ones_are_shown_by_block():
    names = [part.name for part in comparing.parts(worked("resnet-152"), "parameters")]
    assert "stage3" in names and len(names) <= comparing.MOST_PARTS
    assert "stage1.block1" in [part.name for part in comparing.parts(worked("resnet-50"), "parameters")]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("alexnet", "alexnet-one-tower"),
        ("alexnet-one-tower", "alexnet"),
        ("inception-naive", "inception-reduced"),
        ("plain-20", "resnet-20"),
        ("resnet-56", "plain-56"),
        ("resnet-18", "resnet-34"),
        ("vit-l-16", "vit-b-16"),
    ],
)
def test_a_network_is_first_compared_with_its_twin(name, other):
    assert comparing.rival(AppState(), name) == other


def test_with_nothing_open_there_is_something_to_compare():
    assert comparing.start(AppState()) == ("lenet-5", "lenet-5-1998")
    assert len(comparing.start(AppState(memory={"network": "nearest-neighbour"}))) == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), max_size=25),
    st.floats(10, 90),
)
def test_words_beside_points_never_overlap(points, width):
    bounds, radius = (0.0, 0.0, 400.0, 300.0), 5.0
    places = place_labels(points, [(width, 14.0)] * len(points), bounds, radius)
    found = [place for place in places if place is not None]
    for number, place in enumerate(found):
        assert place[0] >= 0 and place[2] <= 400 and place[1] >= 0 and place[3] <= 300
        assert not any(overlap(place, other) for other in found[:number])
        assert not any(overlap(place, (x - radius, y - radius, x + radius, y + radius)) for x, y in points)
    assert len(points) != 1 or found or not (20 < points[0][0] < 380)


# ---------------------------------------------------------------- the panel


@pytest.fixture
def panel(qtbot, bridge, host) -> ComparePanel:
    made = ComparePanel(bridge)
    qtbot.addWidget(made)
    made.resize(900, 620)
    return made


def open_project(qtbot, panel, bridge, host, **more):
    host.emit(EngineReady(devices=(), torch_version="2", seconds=1.0), opened(**more))
    bridge.tick()
    panel.show()
    panel.render(bridge.state, FIELDS)
    qtbot.waitUntil(lambda: not panel._work.waiting)


def update(panel, bridge):
    bridge.tick()
    panel.render(bridge.state, FIELDS)


def texts(panel):
    return panel.table.rows_of_text()[1:]


def test_figures_come_one_network_after_the_other(qtbot, panel, bridge, host):
    host.emit(opened(memory={"network": "vgg-16"}))
    bridge.tick()
    done = []
    panel._work.done.connect(lambda: done.append(panel._work.waiting))
    panel.show()
    assert panel.compared == ("vgg-16", "vgg-19") and panel._work.waiting == 2
    assert all(row[1:7] == ["…"] * 6 for row in texts(panel))
    qtbot.waitUntil(lambda: not panel._work.waiting)
    assert done == [1, 0]
    assert [row[0] for row in texts(panel)] == ["VGG-16", "VGG-19"]
    assert texts(panel)[0][1].replace(",", "") == "138357544" and texts(panel)[0][3] == "16"
    assert texts(panel)[0][6].replace(",", "") == "3 × 224 × 224 → 1000"


def test_a_hidden_panel_works_nothing_out(panel, bridge, host):
    host.emit(opened())
    update(panel, bridge)
    assert not panel._work.waiting and not panel.chooser.chips


def test_what_is_compared_is_kept_in_the_project(qtbot, panel, bridge, host):
    open_project(qtbot, panel, bridge, host, memory={"network": "alexnet"})
    assert panel.compared == ("alexnet", "alexnet-one-tower")
    row = panel.chooser.box.findData("googlenet")
    panel.chooser.box.activated.emit(row)
    assert host.sent(Remember)[-1].key == comparing.COMPARED
    assert json.loads(host.sent(Remember)[-1].value) == ["alexnet", "alexnet-one-tower", "googlenet"]
    panel.chooser.chips["alexnet-one-tower"].click()
    assert panel.compared == ("alexnet", "googlenet") == panel.chooser.names
    assert panel.chooser.box.findData("googlenet") < 0 <= panel.chooser.box.findData("alexnet-one-tower")
    panel.chooser.chips["alexnet"].click()
    assert panel.compared == ("googlenet",)
    panel.chooser.chips["googlenet"].click()
    assert panel.compared == ("googlenet",), "the last one stays"


@pytest.mark.parametrize("typed", ["plain-20", "Plain-20", "plain-2", "lain-20"])
def test_return_adds_what_is_typed(qtbot, panel, bridge, host, typed):
    open_project(qtbot, panel, bridge, host, memory={"network": "alexnet"})
    edit = panel.chooser.box.lineEdit()
    edit.setFocus()
    edit.setText(typed)
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert panel.compared[-1] == "plain-20"


def test_the_box_finds_a_network_by_a_part_of_its_name(qtbot, panel, bridge, host):
    open_project(qtbot, panel, bridge, host, memory={"network": "alexnet"})
    edit = panel.chooser.box.lineEdit()
    edit.setFocus()
    QTest.keyClicks(edit, "mobile")
    completer = panel.chooser.box.completer()
    found = [completer.completionModel().index(row, 0).data() for row in range(completer.completionCount())]
    assert found and all("mobile" in text.lower() for text in found)
    completer.activated[str].emit(found[0])
    assert len(panel.compared) == 3 and panel.compared[-1].startswith("mobilenet")
    completer.popup().hide()


def test_no_more_than_can_be_told_apart(qtbot, panel, bridge, host):
    open_project(
        qtbot, panel, bridge, host, memory={comparing.COMPARED: json.dumps([*PAIR, "vgg-19", "mlp", "softmax", "lenet-5", "small-cnn"])}
    )
    assert len(panel.compared) == comparing.MOST and panel.chooser.box.isHidden()
    panel.add("googlenet")
    assert len(panel.compared) == comparing.MOST and panel.compared[-1] == "googlenet"


def test_a_project_that_is_only_read_is_compared_in_but_not_written(qtbot, panel, bridge, host):
    open_project(qtbot, panel, bridge, host, read_only="another program has it open", memory={"network": "alexnet"})
    panel.choose(("mlp", "softmax"))
    panel.input.chips["project"].click()
    assert panel.compared == ("mlp", "softmax") and not panel.own_input and not host.sent(Remember)
    host.emit(opened(folder="/tmp/other"))
    update(panel, bridge)
    assert panel.compared != ("mlp", "softmax") and panel.own_input


@pytest.mark.parametrize("kept", ["", "nonsense", "[1]", '["no-such-network"]', "[]"])
def test_what_cannot_be_read_is_as_if_nothing_was_chosen(qtbot, panel, bridge, host, kept):
    open_project(qtbot, panel, bridge, host, memory={"network": "alexnet", comparing.COMPARED: kept})
    assert panel.compared == ("alexnet", "alexnet-one-tower")


def test_all_at_the_project_s_input_and_one_that_does_not_fit(qtbot, panel, bridge, host):
    open_project(qtbot, panel, bridge, host, memory={comparing.COMPARED: json.dumps(["mlp", "vgg-16"]), "network.size": "20"})
    panel.input.chips["project"].click()
    qtbot.waitUntil(lambda: not panel._work.waiting)
    assert bridge.state.memory[comparing.INPUT] == "project"
    small, large = texts(panel)
    assert small[6].endswith("20 × 20 → 3") and small[1] != "–"
    assert large[1:6] == ["–"] * 5 and "too small" in panel.table.model().index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "too small" in panel.bars._bars[1].note


def test_bars_tell_their_arithmetic(qtbot, panel, bridge, host):
    open_project(qtbot, panel, bridge, host, memory={comparing.COMPARED: json.dumps(PAIR)})
    bar = panel.bars._bars[0]
    number = next(at for at, part in enumerate(bar.parts) if part.value == 37_752_832)
    places = panel.bars.places(QSizeF(panel.bars.size()))
    assert panel.bars.part_at(places[0][number].center()) == (0, number)
    words = panel.bars.words_at(0, number).replace("\u202f", "")
    assert "(9,216 + 1)·4,096 = 37,752,832" in words and "61.9%" in words
    widths = [sum(place.width() for place in row) for row in places]
    assert widths[0] / widths[1] == pytest.approx(60_965_224 / 138_357_544, abs=0.01)
    panel.scale.chips["shares"].click()
    widths = [sum(place.width() for place in row) for row in panel.bars.places(QSizeF(panel.bars.size()))]
    assert widths[0] == pytest.approx(widths[1])
    panel.quantity.chips["multiply_adds"].click()
    assert panel.bars.table()[0][3] == "multiply-adds a picture"
    assert sum(row[3] for row in panel.bars.table()[1:] if row[0] == "VGG-16") == 15_470_264_320
    QTest.mouseMove(panel.bars, panel.bars.places(QSizeF(panel.bars.size()))[1][3].center().toPoint())
    assert not panel.bars.picture(1.0).isNull()


def test_numbers_copy_as_a_table_and_plots_save(qtbot, panel, bridge, host, tmp_path):
    open_project(qtbot, panel, bridge, host, memory={comparing.COMPARED: json.dumps(PAIR)})
    panel.table.setFocus()
    QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().splitlines()[1].startswith("AlexNet\t60")
    for plot, view in ((panel.bars, "layers"), (panel.depth, "depth"), (panel.accuracy.plot, "accuracy")):
        panel.show_view(view)
        qtbot.waitUntil(lambda: not panel._work.waiting)
        plot.save_svg(tmp_path / "plot.svg")
        assert "<svg" in (tmp_path / "plot.svg").read_text()
        assert plot.save_png(tmp_path / "plot.png")
        plot.save_csv(tmp_path / "plot.csv")
        assert len((tmp_path / "plot.csv").read_text().splitlines()) > 5


def test_depth_shows_fields_growing_and_maps_shrinking(qtbot, panel, bridge, host):
    open_project(qtbot, panel, bridge, host, memory={comparing.COMPARED: json.dumps(PAIR)})
    panel.show_view("depth")
    fields, sides = panel.depth._panels
    vgg = fields.series[1]
    assert vgg.name == "VGG-16" and vgg.x.tolist() == list(range(1, 14)) and vgg.y[-1] == 196  # conv5_3; 212 is after the pooling
    assert (vgg.y[1:] >= vgg.y[:-1]).all() and (sides.series[1].y[1:] <= sides.series[1].y[:-1]).all()
    assert panel.depth.table()[0] == ("quantity", "network", "layer", "value")


# ---------------------------------------------------------------- accuracy


def accuracy(qtbot, panel, bridge, host, **more):
    open_project(qtbot, panel, bridge, host, memory={comparing.COMPARED: json.dumps(PAIR)}, **more)
    panel.show_view("accuracy")
    qtbot.waitUntil(lambda: not panel._work.waiting)
    return panel.accuracy


def test_published_errors_stand_at_what_the_zoo_counts(qtbot, panel, bridge, host):
    view = accuracy(qtbot, panel, bridge, host)
    points = {point.name: point for point in view.plot._points}
    assert points["AlexNet"].x == 60_965_224 and points["AlexNet"].y == 40.7 and points["AlexNet"].ringed
    assert points["ViT-H/14 (JFT)"].marker == "diamond" and not points["ViT-H/14 (JFT)"].ringed
    assert "PReLU-net 21.59" in view.caption.text() and view.plot._level is None
    assert len(view.plot.table()) == 1 + len(PUBLISHED) + 1  # header, all of them, and a person
    view.quantity.chips["multiply_adds"].click()
    points = {point.name: point for point in view.plot._points}
    assert points["VGG-19 (v5)"].x == 19_632_062_464
    assert points["ViT-L/16 (21k)"].x > 3 * 61_554_712_576  # measured at 512 pixels, not at 224


def test_top_5_has_a_person_s_line_and_names_ensembles(qtbot, panel, bridge, host):
    view = accuracy(qtbot, panel, bridge, host)
    view.error.chips["top5"].click()
    qtbot.waitUntil(lambda: not panel._work.waiting)
    assert view.plot._level[0] == 5.1 and "Ensembles" in view.caption.text() and "ResNet 3.57" in view.caption.text()
    assert {point.name for point in view.plot._points} >= {"AlexNet", "GoogLeNet", "ResNet-152"}
    assert not any(point.name.startswith("ViT") for point in view.plot._points)
    image = view.plot.picture(1.0)
    assert not image.isNull()


def runs():
    like = Preprocessing(32, 32, 1)
    return (
        run_record("r3", 0.97, parameters=61111, preprocessing=like),
        run_record("r2", 0.91, parameters=999, preprocessing=like),
        run_record("r1", 0.88, network="nearest-neighbour", title="Nearest neighbour", parameters=0),
        run_record("r0", None, parameters=61111),
    )


def test_runs_stand_on_an_axis_of_their_own_and_a_click_selects(qtbot, panel, bridge, host):
    view = accuracy(qtbot, panel, bridge, host, runs=runs())
    view.whose.chips["runs"].click()
    assert [(point.key, point.x, point.y) for point in view.plot._points] == [("r3", 61111, 97.0), ("r2", 999, 91.0)]
    assert view.plot._points[0].ringed and "1 left out" in view.caption.text() and view.error.isHidden()
    assert not any(record.title in point.name for record in PUBLISHED for point in view.plot._points)
    at = view.plot.where(view.plot._points[1], QSizeF(view.plot.size())).toPoint()
    with qtbot.waitSignal(panel.run_clicked) as caught:
        QTest.mouseClick(view.plot, Qt.MouseButton.LeftButton, pos=at)
    assert caught.args == ["r2"] and bridge.state.selected_run == "r2"
    update(panel, bridge)
    assert [point.ringed for point in view.plot._points] == [False, True]
    view.quantity.chips["multiply_adds"].click()
    qtbot.waitUntil(lambda: not panel._work.waiting)
    assert [point.key for point in view.plot._points] == ["r3"] and "2 left out" in view.caption.text()
    assert view.plot.point_near(QPointF(-50, -50)) is None


def test_without_runs_it_says_what_would_stand_there(qtbot, panel, bridge, host):
    view = accuracy(qtbot, panel, bridge, host)
    view.whose.chips["runs"].click()
    assert not view.plot._points and "Train a network" in view.plot._empty and not view.plot.picture(1.0).isNull()


# ---------------------------------------------------------------- other libraries, own networks, looks


def test_a_network_of_a_library_is_compared_once_it_is_described(qtbot, panel, bridge, host):
    open_project(qtbot, panel, bridge, host, memory={"network": "alexnet"})
    name = "timm:resnet50"
    assert name not in [option for option, _ in comparing.options(bridge.state)]
    rows = worked("resnet-50").layers[:1]
    unknown = msgspec.structs.replace(rows[0], receptive_field=None, jump=None, offset=None)
    analysis = msgspec.structs.replace(worked("resnet-50"), layers=(unknown,), parameters=9408, receptive_field=None)
    host.emit(NetworkDescribed(network=name, input=(3, 224, 224), classes=1000, analysis=analysis))
    update(panel, bridge)
    panel.add(name)
    qtbot.waitUntil(lambda: not panel._work.waiting)
    assert texts(panel)[-1][0] == "resnet50" and texts(panel)[-1][5] == "–"
    panel.show_view("depth")
    assert len(panel.depth._panels[0].series) == 2 and len(panel.depth._panels[1].series) == 3
    panel.input.chips["project"].click()
    qtbot.waitUntil(lambda: bool(host.sent(DescribeNetwork)))
    assert host.sent(DescribeNetwork)[0].network == name


def test_an_own_network_that_changes_is_worked_out_again(qtbot, panel, bridge, host):
    from engine.messages import NetworksChanged

    tree = msgspec.structs.replace(zoo.make("mlp", (1, 28, 28), 10), name="mine", title="Mine")
    open_project(qtbot, panel, bridge, host)
    host.emit(NetworksChanged(networks=(tree,)))
    update(panel, bridge)
    panel.choose(("own:mine", "mlp"))
    qtbot.waitUntil(lambda: not panel._work.waiting)
    assert texts(panel)[0][:2] == ["Mine", texts(panel)[1][1]]
    host.emit(NetworksChanged(networks=()))
    update(panel, bridge)
    assert panel.compared == ("mlp",)


def test_it_is_drawn_in_the_dark_and_large(qtbot, panel, bridge, host):
    view = accuracy(qtbot, panel, bridge, host, runs=runs())
    theme().apply("dark", 1.5)
    for name in ("layers", "depth", "accuracy"):
        panel.show_view(name)
        assert not panel.grab().isNull()
    assert view.plot._points


def test_idle_work_does_one_piece_at_a_time_and_forgets(qtbot):
    work = IdleWork()
    order = []
    for key in "abc":
        assert work.get(key, lambda key=key: order.append(key) or key.upper()) is IdleWork.PENDING
    work.done.connect(lambda: order.append(work.waiting))
    qtbot.waitUntil(lambda: not work.waiting)
    assert order == ["a", 2, "b", 1, "c", 0] and work.get("b", pytest.fail) == "B"
    work.get("d", pytest.fail)
    work.drop_waiting()
    work.forget()
    assert work.get("b", lambda: "new") is IdleWork.PENDING
    qtbot.waitUntil(lambda: work.get("b", pytest.fail) == "new")
