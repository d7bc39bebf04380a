"""Receptive fields: numbers put in, boxes exact to the pixel, a field that grows, and what a trained unit does see."""

import re

import msgspec
import numpy as np
import pytest
from made import opened, run_record
from PySide6.QtCore import QPointF, QSizeF, Qt
from PySide6.QtTest import QTest

from engine.data.preprocessing import Preprocessing
from engine.messages import EngineReady, InputPreviewReady, NetworkDescribed, PreviewInput, ProbeUnit, UnitProbed
from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.receptive import unit_box
from gui import fields, plan
from gui.state import FIELDS
from gui.theme import theme
from gui.widgets.receptive_panel import ReceptivePanel


def worked(name: str, classes: int = 10):
    return analyse(zoo.make(name, zoo.card(name).default_input, classes))


# ---------------------------------------------------------------- numbers and words


@pytest.mark.parametrize(
    ("network", "layer", "words"),
    [
        ("alexnet", "conv3", ("field = 67 + (3 − 1)·16 = 99 px", "jump = 16·1 = 16 px")),
        ("alexnet", "pool1", ("field = 11 + (3 − 1)·4 = 19 px", "jump = 4·2 = 8 px")),
        ("alexnet", "relu3", ("each unit sees what the one before it sees: field = 99 px", "jump = 16 px")),
        ("alexnet", "flatten", ("every unit sees all 6 × 6 places before it: field = 195 + (6 − 1)·32 = 355 px", "")),
        ("googlenet", "inception3a", ("what its paths see together, 27, 43, 59, 43 px: field = 59 px", "jump = 8 px")),
        ("vit-tiny", "block1.attention.body.attention", (None, "jump = 0: all units see the same")),
        ("vit-tiny", "block2.mlp.body.linear1", ("all units see the same already: field = 32 px", "")),
    ],
)
def test_the_recurrence_with_its_numbers(network, layer, words):
    analysis = worked(network)
    for found, wanted in zip(fields.recurrence(analysis, analysis.row(layer)), words, strict=True):
        assert wanted is None or found == wanted


@pytest.mark.parametrize(
    "name", ["lenet-5", "alexnet", "googlenet", "resnet-20", "mobilenet-v3-small", "vit-tiny", "inception-v3", "xception"]
)
def test_every_sum_comes_out_at_the_field_of_its_layer(name):
    analysis = worked(name)
    for row in fields.rows_of(analysis):
        field, jump = fields.recurrence(analysis, row)
        numbers = re.findall(r"= (\d+)", field)
        assert int(numbers[-1]) in row.receptive_field
        for base, kernel, spread, step, total in re.findall(r"(\d+) \+ \((\d+) − 1\)(?:·(\d+))?·(\d+) = (\d+)", field):
            assert int(base) + (int(kernel) - 1) * int(spread or 1) * int(step) == int(total)
        for before, stride, after in re.findall(r"(\d+)·(\d+) = (\d+)", jump):
            assert int(before) * int(stride) == int(after)


@pytest.mark.parametrize("name", ["lenet-5", "alexnet", "resnet-20", "vit-tiny"])
def test_what_is_seen_is_the_window_within_the_picture(name):
    analysis = worked(name)
    _, height, width = analysis.input
    for row in fields.rows_of(analysis):
        rows, columns = fields.grid(row)
        for at in {(0, 0), (rows - 1, 0), (rows // 2, columns // 2)}:
            seen = fields.seen(analysis, row, at)
            assert seen.box == unit_box(analysis, row.name, *fields.unit_index(row, at), height, width)
            top, left, bottom, right = seen.window
            assert (max(top, 0), max(left, 0)) <= seen.box[:2] and seen.box[2:] <= (min(bottom, height), min(right, width))
            assert fields.unit_words(row, at, seen, height, width)[0]


def test_a_unit_is_found_again_by_its_centre():
    analysis = worked("alexnet")
    for name in ("conv1", "conv3", "pool5"):
        row = analysis.row(name)
        for at in ((0, 0), (2, 5), (5, 1)):
            assert fields.unit_near(row, fields.seen(analysis, row, at).centre, 227, 227) == at


@pytest.mark.parametrize(("place", "layer", "side"), [(0, "conv2", 5), (1, "conv3", 7), (2, "conv1", 5), (3, "conv2", 7), (5, "conv2", 7)])
def test_small_examples_see_what_they_are_there_to_show(place, layer, side):
    analysis = fields.example(place)
    row = analysis.row(layer)
    rows, columns = fields.grid(row)
    top, left, bottom, right = fields.seen(analysis, row, (rows // 2, columns // 2)).box
    assert (bottom - top, right - left) == (side, side) == row.receptive_field


def test_padding_is_told_by_side():
    analysis = worked("alexnet")
    row = analysis.row("pool5")
    seen = fields.seen(analysis, row, (0, 0))
    assert seen.window == (-64, -64, 131, 131) and seen.box == (0, 0, 131, 131)
    assert fields.unit_words(row, (0, 0), seen, 227, 227)[1].endswith("64 above, 64 left")


def test_the_made_picture_has_any_size():
    for height, width in ((1, 1), (15, 15), (224, 128)):
        picture = fields.made_picture(height, width)
        assert picture.shape == (height, width, 3) and picture.dtype == np.uint8


# ---------------------------------------------------------------- the panel


@pytest.fixture
def panel(qtbot, bridge) -> ReceptivePanel:
    made = ReceptivePanel(bridge)
    qtbot.addWidget(made)
    made.resize(900, 640)
    return made


def update(panel, bridge):
    bridge.tick()
    panel.render(bridge.state, FIELDS)


def show(panel, bridge, host, network="lenet-5", count=12, **more):
    host.emit(EngineReady(devices=(), torch_version="2", seconds=1.0))
    host.emit(opened(count, memory={"network": network, **more.pop("memory", {})}, **more))
    update(panel, bridge)
    panel.show()


def answer(panel, bridge, host, value=255):
    job = max(number for number, command in enumerate(host.commands, 1) if isinstance(command, PreviewInput))
    asked = host.commands[job - 1]
    pictures = np.full((1, 1, asked.height, asked.width, asked.channels), value, np.uint8)
    host.emit(InputPreviewReady(job=job, images=asked.images, pictures=pictures, seconds=0.0))
    update(panel, bridge)
    return asked


def layer(panel, name):
    panel._choose_row(next(number for number, row in enumerate(panel._rows) if row.name == name))


def test_a_picture_of_the_project_is_asked_for_as_the_network_gets_it(panel, bridge, host):
    show(panel, bridge, host, memory={"typical": '{"pictures":12,"channels":1,"height":28,"width":28}'})
    asked = host.sent(PreviewInput)[0]
    assert (asked.channels, asked.height, asked.width) == plan.input_shape(bridge.state, "lenet-5") and asked.variants == 0
    assert asked.images == (plan.picture_to_pin(bridge.state),) and panel.source.picture is None
    host.emit(InputPreviewReady(job=999, images=asked.images, pictures=np.zeros((1, 1, 32, 32, 1), np.uint8), seconds=0.0))
    update(panel, bridge)
    assert panel.source.picture is None  # another part of the window asked
    answer(panel, bridge, host, 200)
    assert panel.source.picture.shape == (asked.height, asked.width, 3) and (panel.source.picture == 200).all()
    update(panel, bridge)
    assert len(host.sent(PreviewInput)) == 1
    panel.following.click()
    assert host.sent(PreviewInput)[-1].images != asked.images


def test_hidden_it_asks_for_nothing_and_without_pictures_one_is_made(panel, bridge, host):
    host.emit(opened(0))
    update(panel, bridge)
    assert not panel._rows
    panel.show()
    assert not host.sent(PreviewInput) and panel.source.picture.shape == (32, 32, 3) and not panel.effective.button.isEnabled()


def test_a_picture_that_cannot_be_read_is_replaced_by_a_made_one(panel, bridge, host):
    show(panel, bridge, host)
    host.emit(InputPreviewReady(job=len(host.commands), images=(), pictures=np.zeros((0, 1, 32, 32, 1), np.uint8), seconds=0.0))
    update(panel, bridge)
    assert panel.source.picture is not None


@pytest.mark.parametrize(("size", "at"), [((500, 420), (0, 0)), ((733, 611), (4, 7)), ((260, 300), (9, 9))])
def test_the_box_is_drawn_exact_to_the_pixel(panel, bridge, host, size, at):
    show(panel, bridge, host, memory={"network.size": "32"})
    answer(panel, bridge, host)
    layer(panel, "conv3")
    panel._choose_unit(*at)
    top, left, bottom, right = panel.seen.box
    assert (top, left) == (2 * at[0], 2 * at[1]) and (bottom - top, right - left) == (14, 14)
    picture = panel.picture
    picture.resize(*size)
    area = QSizeF(picture.size())
    place, box = picture.place(area), picture.rect_of(panel.seen.box, area)
    zoom = place.width() / 32
    assert zoom == int(zoom) >= 3
    assert box.getRect() == (place.left() + left * zoom, place.top() + top * zoom, 14 * zoom, 14 * zoom)
    image = picture.picture(1.0)

    def shade(y: float, x: float) -> int:
        return image.pixelColor(QPointF(place.left() + x * zoom, place.top() + y * zoom).toPoint()).red()

    assert shade(top + 1.5, left + 1.5) == 255 and shade(bottom - 1.5, right - 1.5) == 255
    for y, x in ((top + 7, right + 1.5), (bottom + 1.5, left + 7), (top + 7, left - 1.5), (top - 1.5, left + 7)):
        if 0 <= y < 32 and 0 <= x < 32:
            assert shade(y, x) < 200  # dimmed


def test_the_point_looked_at_stays_from_layer_to_layer(panel, bridge, host):
    show(panel, bridge, host, "alexnet")
    layer(panel, "pool5")
    panel._choose_unit(0, 5)
    centre = panel.seen.centre
    layer(panel, "conv1")
    assert panel.unit == (7, 47) and np.allclose(panel.seen.centre, centre, atol=4)
    layer(panel, "pool5")
    assert panel.unit == (0, 5)
    panel._look_at(200.0, 10.0)
    assert panel.unit == (5, 0)


def test_grid_and_picture_can_be_clicked(panel, bridge, host):
    show(panel, bridge, host)
    answer(panel, bridge, host)
    layer(panel, "conv3")
    cell = panel.grid.cell(7, 2, QSizeF(panel.grid.size()))
    QTest.mouseClick(panel.grid, Qt.MouseButton.LeftButton, pos=cell.center().toPoint())
    assert panel.unit == (7, 2) and "row 7, column 2" in panel.words.text() and panel.grid._chosen == (7, 2)
    box = panel.picture.rect_of((4, 20, 5, 21), QSizeF(panel.picture.size()))
    QTest.mouseClick(panel.picture, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    top, left, bottom, right = panel.seen.box
    assert top <= 4 < bottom and left <= 20 < right and panel.unit != (7, 2)


def test_keys_step_and_space_plays_to_the_end(qtbot, panel, bridge, host):
    show(panel, bridge, host)
    answer(panel, bridge, host)
    panel._choose_row(0)
    panel.picture.setFocus()
    QTest.keyClick(panel.picture, Qt.Key.Key_Right)
    assert panel.row.name == panel._rows[1].name
    QTest.keyClick(panel.table, Qt.Key.Key_Right)
    QTest.keyClick(panel.table, Qt.Key.Key_Left)
    QTest.keyClick(panel.table, Qt.Key.Key_Left)
    assert panel.row is panel._rows[0] and panel.player.slider.value() == 0
    seen = []
    panel.player.timer.timeout.connect(lambda: seen.append(panel.row.receptive_field[0]))
    QTest.keyClick(panel.table, Qt.Key.Key_Space)
    assert panel.player.playing and panel.player.play.text() == "Pause"
    panel.player.timer.setInterval(1)
    qtbot.waitUntil(lambda: not panel.player.playing)
    assert seen[:-1] == sorted(seen[:-1]) and seen[-1] == panel._worked.receptive_field[0] and panel.player.play.text() == "Play"
    panel.player.play.click()
    assert panel.player.playing and panel.row is panel._rows[0]  # from the start again
    QTest.keyClick(panel.table, Qt.Key.Key_Space)
    assert not panel.player.playing
    panel.player.play.click()
    panel.player.slider.setValue(4)
    assert not panel.player.playing and panel.row is panel._rows[4]
    panel.player.play.click()
    panel.hide()
    assert not panel.player.playing


def test_the_curve_marks_the_layer(panel, bridge, host):
    show(panel, bridge, host, "vgg-16")
    layer(panel, "block5.conv3")
    (curve,) = panel.plot._panels[0].series
    (mark,) = panel.plot._marks
    assert curve.y[int(mark.x) - 1] == 196 and mark.text == "block5.conv3"


def test_tokens_are_grid_places_and_see_all_after_attention(panel, bridge, host):
    like = Preprocessing(32, 32, 3)
    run = run_record("r1", network="vit-tiny", preprocessing=like)
    show(panel, bridge, host, "vit-tiny", runs=(run,), memory={"typical": '{"pictures":12,"channels":3,"height":32,"width":32}'})
    answer(panel, bridge, host)
    layer(panel, "token")
    panel._choose_unit(2, 3)
    assert panel.seen.box == (8, 12, 12, 16) and panel.grid._rows == 8
    panel.effective.button.click()
    probe = host.sent(ProbeUnit)[-1]
    assert (probe.layer, probe.row, probe.column) == ("token", 1 + 2 * 8 + 3, 0)
    layer(panel, "block1.attention")
    assert panel.seen.box == (0, 0, 32, 32) and "Every unit sees the whole picture" in panel.words.text() and panel.grid._all
    panel._choose_unit(7, 0)
    assert panel.unit == (7, 0)


def test_what_a_trained_unit_does_see_is_laid_over(panel, bridge, host):
    run = run_record("r1", preprocessing=Preprocessing(32, 32, 1))
    show(panel, bridge, host, runs=(run,), memory={"typical": '{"pictures":12,"channels":1,"height":32,"width":32}'})
    asked = answer(panel, bridge, host)
    layer(panel, "conv3")
    panel.effective.channel_box.setValue(5)
    assert panel.effective.button.isEnabled()
    panel.effective.button.click()
    probe = host.sent(ProbeUnit)[-1]
    assert (probe.run, probe.image, probe.layer, probe.channel) == ("r1", asked.images[0], "conv3", 5) and (
        probe.row,
        probe.column,
    ) == panel.unit
    heat = np.zeros((32, 32), np.float32)
    heat[10:14, 10:14] = 1
    values = {name: getattr(probe, name) for name in ("run", "image", "layer", "channel", "row", "column")}
    event = UnitProbed(**values, box=panel.seen.box, heat=heat, picture=np.zeros((32, 32, 3), np.uint8), activation=0.5, epoch=0)
    host.emit(msgspec.structs.replace(event, channel=4))
    update(panel, bridge)
    assert panel.picture._heat is None
    host.emit(event)
    update(panel, bridge)
    assert panel.picture._heat is heat and "4 × 4 px" in panel.effective.words.text() and not panel.picture.picture(1.0).isNull()
    panel._choose_unit(0, 0)
    assert panel.picture._heat is None and (panel.picture._picture == 255).all() and not panel.effective.words.text()
    panel.effective.button.click()
    silent = {**values, "row": 0, "column": 0}
    host.emit(UnitProbed(**silent, box=(0, 0, 14, 14), heat=heat * 0, picture=event.picture, activation=0.0, epoch=0))
    update(panel, bridge)
    assert "silent" in panel.effective.words.text()


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ((), "Train this network"),
        ((run_record("r1", network="mlp"),), "Train this network"),
        ((run_record("r1", preprocessing=Preprocessing(28, 28, 1)),), "28 × 28"),
    ],
)
def test_without_a_run_it_says_what_is_missing(panel, bridge, host, runs, words):
    show(panel, bridge, host, runs=runs, memory={"typical": '{"pictures":12,"channels":1,"height":32,"width":32}'})
    assert not panel.effective.button.isEnabled() and words in panel.effective.words.text()


def test_networks_without_fields_say_so(panel, bridge, host):
    show(panel, bridge, host, "nearest-neighbour")
    assert "compares whole pictures" in panel.refusal.text() and not panel.body.isVisible()
    plan.keep(bridge, plan.NETWORK, "timm:resnet50")
    update(panel, bridge)
    assert "not worked out yet" in panel.refusal.text()
    analysis = worked("resnet-18")
    rows = tuple(msgspec.structs.replace(row, receptive_field=None, jump=None, offset=None) for row in analysis.layers)
    shape = plan.input_shape(bridge.state, "timm:resnet50")
    host.emit(
        NetworkDescribed(
            network="timm:resnet50", input=shape, classes=3, analysis=msgspec.structs.replace(analysis, layers=rows, receptive_field=None)
        )
    )
    update(panel, bridge)
    assert "not known" in panel.refusal.text() and not panel.body.isVisible()
    plan.keep(bridge, plan.NETWORK, "vgg-16")
    plan.keep(bridge, plan.SIZE, "20")
    update(panel, bridge)
    assert "too small" in panel.refusal.text()
    plan.keep(bridge, plan.SIZE, "")
    update(panel, bridge)
    assert panel.refusal.isHidden() and panel.body.isVisible() and panel.row is not None


def test_examples_are_looked_at_at_their_own_size(panel, bridge, host):
    show(panel, bridge, host)
    panel.which.setCurrentIndex(1)
    panel.which.activated.emit(1)
    assert host.sent(PreviewInput)[-1].height == fields.SMALL and panel.row.name == "conv2"
    answer(panel, bridge, host)
    top, left, bottom, right = panel.seen.box
    assert (bottom - top, right - left) == (5, 5) and "field = 3 + (3 − 1)·1 = 5 px" in panel.words.text()
    assert not panel.effective.button.isEnabled()
    panel.which.setCurrentIndex(0)
    panel.which.activated.emit(0)
    assert len(panel._rows) > 6


def test_the_deepest_network_steps_fast_and_draws(qtbot, panel, bridge, host):
    show(panel, bridge, host, "resnet-1001")
    answer(panel, bridge, host)
    panel._choose_row(len(panel._rows) - 1)
    panel.player.toggle()
    assert panel.player.timer.interval() <= 60
    panel.player._advance()
    assert panel.row.receptive_field[0] >= 3
    panel.player.stop()
    theme().apply("dark", 1.5)
    assert not panel.grab().isNull()
    assert panel.picture.table()[1][0] == "box"


@pytest.mark.parametrize("height", [390, 440])
def test_a_low_window_lets_nothing_lie_over_the_words(panel, bridge, host, height):
    show(panel, bridge, host)
    panel.setFixedSize(800, height)  # as in a window that is lower than the page would like
    panel.show()
    assert panel.picture.geometry().bottom() < panel.words.geometry().top()
    assert panel.plot.isVisible() == (height > 400)
