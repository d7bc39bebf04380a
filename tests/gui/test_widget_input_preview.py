"""What the network sees: a slider asks anew, an answer is drawn, and what was chosen is what is trained with."""

import msgspec
import numpy as np
import pytest
from made import opened
from PySide6.QtCore import QPointF, QSizeF, Qt
from PySide6.QtTest import QTest

from engine.messages import (
    EngineReady,
    ImagesRemoved,
    InputPreviewReady,
    JobClosed,
    Outcome,
    PreviewInput,
    ThumbnailsReady,
    Train,
    WantThumbnails,
)
from engine.project import tables
from engine.project.records import Flag, Split
from engine.training.recipe import FEW_GREY, GENTLE, STRONG, Augmentation, Recipe, check
from gui import plan
from gui.pages.train import TrainPage
from gui.widgets.input_preview import ROWS, VARIANTS, sample
from gui.widgets.picture_rows import PictureRows
from gui.widgets.resize_choice import ResizeDrawing
from gui.widgets.strengths import STRENGTHS, smaller_share
from gui.widgets.thumbnails import pixmap_of


def project(**more):
    """Twelve digits of 28 pixels, all for training."""
    event = opened(memory={"network": "lenet-5", "typical": '{"pictures":12,"channels":1,"height":28,"width":28}', **more})
    sides = np.full(12, 28, np.int32)
    images = msgspec.structs.replace(event.images, widths=sides, heights=sides, splits=np.full(12, int(Split.TRAIN), np.int8))
    return msgspec.structs.replace(event, images=images)


@pytest.fixture
def page(qtbot, bridge, host, settings) -> TrainPage:
    made = TrainPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1280, 760)
    host.emit(EngineReady(devices=(), torch_version="2", seconds=1.0), project())
    bridge.tick()
    made.show()
    return made


@pytest.fixture
def preview(qtbot, page, bridge, host):
    """The open preview, the first question asked."""
    page.preview_button.click()
    qtbot.waitUntil(lambda: bool(host.sent(PreviewInput)))
    return page.centre.preview


def answer(bridge, host, images=None, side=32, channels=1) -> InputPreviewReady:
    asked = host.sent(PreviewInput)[-1]
    shape = (len(images or asked.images), 1 + asked.variants, side, side, channels)
    made = InputPreviewReady(images=images or asked.images, pictures=np.full(shape, 90, np.uint8), seconds=0.003)
    host.emit(made)
    bridge.tick()
    return made


def test_nothing_is_asked_until_it_is_opened(qtbot, page, bridge, host):
    bridge.tick()
    assert not host.sent(PreviewInput) and page.centre.halves.isVisible() and not page.centre.preview.isVisible()
    page.preview_button.click()
    assert page.centre.preview.isVisible() and not page.centre.halves.isVisible() and not page.learning.isVisible()
    qtbot.waitUntil(lambda: bool(host.sent(PreviewInput)))
    QTest.keyClick(page.preview_button, Qt.Key.Key_Escape)
    assert page.centre.halves.isVisible() and not page.centre.preview.isVisible() and not page.preview_button.isChecked()


def test_the_question_is_the_plan(preview, host):
    asked = host.sent(PreviewInput)[0]
    assert (asked.height, asked.width, asked.channels, asked.resize, asked.ground) == (32, 32, 1, "centre", (255, 255, 255))
    assert asked.augmentation == FEW_GREY and asked.variants == VARIANTS and len(set(asked.images)) == ROWS
    assert "32 × 32 pixels, grey, as the network gets them" in preview.caption.text()
    assert preview.chips["suited"].isChecked()
    assert preview.sliders.rows["shift"].words.text().replace("\u202f", " ") == "up to 8 % of the side, 2.6 pixels"
    assert preview.sliders.rows["blur"].words.text() == "off" and not preview.sliders.rows["blur"].off.isEnabled()


def test_an_answer_is_drawn_and_a_click_leads_to_the_picture(qtbot, page, preview, bridge, host):
    made = answer(bridge, host)
    assert preview.pictures.shape == (ROWS, 1 + VARIANTS)
    image = preview.pictures.picture(1.0)
    inside = preview.pictures.cell(2, 3, QSizeF(preview.pictures.size())).center().toPoint()
    assert image.pixelColor(inside).getRgb()[:3] == (90, 90, 90)
    with qtbot.waitSignal(page.images_wanted) as caught:
        QTest.mouseClick(preview.pictures, Qt.MouseButton.LeftButton, pos=inside)
    assert caught.args == [(made.images[2],)]


def test_a_slider_s_moves_ask_once_and_land_in_plan_and_training(qtbot, page, preview, bridge, host):
    for place in range(1, 8):
        preview.sliders.rows["rotate"].slider.setValue(place)
    assert len(host.sent(PreviewInput)) == 1  # not yet: moves are gathered
    qtbot.waitUntil(lambda: len(host.sent(PreviewInput)) == 2)
    asked = host.sent(PreviewInput)[-1]
    assert asked.replaces and asked.augmentation == msgspec.structs.replace(FEW_GREY, rotate=15)
    assert preview.sliders.rows["rotate"].words.text() == "up to 15° either way"
    page.train_button.click()
    sent = host.sent(Train)[-1].recipe
    assert sent.augmentation == asked.augmentation and sent.preset == "own"
    bridge.tick()
    assert page.recipe.form.editors["augmentation.rotate"].text() == "15" and page.recipe.form.recipe.augmentation == asked.augmentation
    assert plan.augmentation_taken(bridge.state) == asked.augmentation


def test_a_resting_slider_is_kept(qtbot, preview, bridge):
    preview.sliders.rows["cutmix"].slider.setValue(7)
    qtbot.waitUntil(lambda: plan.recipe(bridge.state).augmentation.cutmix == 1.0)
    assert preview.sliders.rows["cutmix"].words.text().replace("\u202f", " ") == "25 % of another picture in the mean"


def test_buttons_set_all_and_leave_mirrors_alone(qtbot, preview, bridge, host):
    preview.sliders.boxes["flip"].click()
    for name, expected in (("gentle", GENTLE), ("strong", STRONG)):
        preview.chips[name].click()
        bridge.tick()
        assert plan.recipe(bridge.state).augmentation == msgspec.structs.replace(expected, flip=True)
        assert [other for other, chip in preview.chips.items() if chip.isChecked()] == [name]
    preview.chips["none"].click()
    bridge.tick()
    assert plan.recipe(bridge.state).augmentation == Augmentation() and not plan.recipe(bridge.state).suit_augmentation
    assert preview.sliders.augmentation == Augmentation() and preview.chips["none"].isChecked()
    preview.chips["suited"].click()
    bridge.tick()
    assert plan.recipe(bridge.state).suit_augmentation and preview.sliders.augmentation == FEW_GREY
    assert preview.chips["suited"].isChecked()


def test_turning_the_last_change_off_is_none_and_not_what_suits(preview, bridge):
    for name in ("shift", "crop"):
        preview.sliders.rows[name].off.click()
    preview.flush()
    bridge.tick()
    assert plan.augmentation_taken(bridge.state) == Augmentation() and preview.chips["none"].isChecked()


def test_resize_and_ground_are_asked_for_kept_and_trained_with(qtbot, page, preview, bridge, host):
    QTest.mouseClick(preview.resize_choice.cards["pad"], Qt.MouseButton.LeftButton)
    preview.resize_choice.grounds[(0, 0, 0)].click()
    bridge.tick()
    qtbot.waitUntil(lambda: host.sent(PreviewInput)[-1].resize == "pad")
    assert host.sent(PreviewInput)[-1].ground == (0, 0, 0) and preview.resize_choice.cards["pad"].isChecked()
    page.train_button.click()
    assert (host.sent(Train)[-1].resize, host.sent(Train)[-1].ground) == ("pad", (0, 0, 0))
    preview.resize_choice.suited.click()
    assert plan.resize(bridge.state) is None


def test_the_ground_is_offered_where_pictures_may_be_transparent(qtbot, preview, bridge, host):
    assert preview.resize_choice.ground_panel.isVisible()  # picture_10.png
    table = project().images
    renamed = msgspec.structs.replace(table, names=tuple(name.replace(".png", ".jpg") for name in table.names))
    host.emit(msgspec.structs.replace(project(), images=renamed))
    bridge.tick()
    assert not preview.resize_choice.ground_panel.isVisible()


def test_others_and_again(qtbot, preview, bridge, host):
    first = host.sent(PreviewInput)[0]
    preview.again.click()
    qtbot.waitUntil(lambda: len(host.sent(PreviewInput)) == 2)
    assert host.sent(PreviewInput)[1].seed != first.seed and host.sent(PreviewInput)[1].images == first.images
    preview.others.click()
    qtbot.waitUntil(lambda: len(host.sent(PreviewInput)) == 3)
    assert host.sent(PreviewInput)[2].images != first.images


def test_pictures_that_go_are_replaced_and_late_answers_not_drawn(qtbot, preview, bridge, host):
    asked = host.sent(PreviewInput)[0]
    answer(bridge, host)
    host.emit(ImagesRemoved(ids=np.array([asked.images[0]])))
    bridge.tick()
    qtbot.waitUntil(lambda: len(host.sent(PreviewInput)) == 2)
    assert asked.images[0] not in host.sent(PreviewInput)[1].images
    answer(bridge, host, images=(999,))
    assert preview.pictures.shape[0] == ROWS


def test_another_project_begins_anew(qtbot, preview, bridge, host):
    answer(bridge, host)
    host.emit(opened(0, folder="/tmp/other"))
    bridge.tick()
    assert preview.pictures.shape == (0, 0)


def test_a_project_that_is_only_read_shows_and_changes_nothing(qtbot, preview, bridge, host):
    host.emit(msgspec.structs.replace(project(), project=opened(read_only="another program has it open").project))
    bridge.tick()
    assert not preview.controls.isEnabled()
    qtbot.waitUntil(lambda: len(host.sent(PreviewInput)) == 2)


def test_nearest_neighbours_see_plain_pictures(qtbot, preview, bridge, host):
    plan.keep(bridge, plan.NETWORK, "nearest-neighbour")
    bridge.tick()
    qtbot.waitUntil(lambda: len(host.sent(PreviewInput)) == 2)
    asked = host.sent(PreviewInput)[-1]
    assert asked.variants == 0 and asked.augmentation == Augmentation()
    assert not preview.sliders.isEnabled() and "as they are" in preview.caption.text()


def test_a_cancelled_question_is_no_failure(preview, bridge, host):
    host.emit(JobClosed(job=1, command="PreviewInput", outcome=Outcome.CANCELLED))
    bridge.tick()
    assert "PreviewInput" not in bridge.state.failures


def test_the_drawings_show_the_picture_whose_shape_differs_most(qtbot, page, preview, bridge, host):
    event = project()
    widths = np.array([28] * 11 + [80], np.int32)
    host.emit(msgspec.structs.replace(event, images=msgspec.structs.replace(event.images, widths=widths)))
    bridge.tick()
    while event.images.ids[-1] not in preview._images:
        preview.others.click()
    qtbot.waitUntil(lambda: host.sent(WantThumbnails) and host.sent(WantThumbnails)[-1].images == (int(event.images.ids[-1]),))
    pixels = np.full((34, 96, 3), 200, np.uint8)
    host.emit(ThumbnailsReady(side=96, images=(int(event.images.ids[-1]),), pictures=(pixels,)))
    bridge.tick()
    drawing = preview.resize_choice.drawings["pad"]
    assert drawing._pixmap is not None and drawing._pixmap.width() == 96


@pytest.mark.parametrize(
    ("mode", "source", "target"),
    [("squash", (0, 0, 80, 40), (0, 0, 60, 60)), ("crop", (20, 0, 40, 40), (0, 0, 60, 60)), ("pad", (0, 0, 80, 40), (0, 15, 60, 30))],
)
def test_each_way_takes_and_fills_its_part(qtbot, mode, source, target):
    drawing = ResizeDrawing(mode)
    qtbot.addWidget(drawing)
    drawing.show_picture(pixmap_of(np.zeros((40, 80, 3), np.uint8)), (32, 32))
    frame, taken, filled = drawing.parts(QSizeF(60, 60))
    assert frame.getRect() == (0, 0, 60, 60)
    assert taken.getRect() == pytest.approx(source) and filled.getRect() == pytest.approx(target)


def test_pictures_to_show_are_of_the_training_split_of_many_classes_and_readable():
    ids = np.arange(100)
    classes = np.where(ids < 90, 1, np.where(ids < 97, 2, 3))
    splits = np.where(ids % 2, int(Split.TRAIN), int(Split.TEST))
    flags = np.where(ids == 99, int(Flag.MISSING), 0)
    table = tables.table(ids, [f"{number}.jpg" for number in ids], class_ids=classes, splits=splits, flags=flags)
    for page in range(5):
        chosen = sample(table, 6, page)
        assert len(set(chosen)) == 6 and all(number % 2 for number in chosen) and 99 not in chosen
        assert {1, 2} <= set(classes[list(chosen)].tolist())
    assert sample(table, 6, 0) == sample(table, 6, 0) != sample(table, 6, 1)
    unlabelled = tables.table(ids[:4], ["a"] * 4)
    assert set(sample(unlabelled, 6, 0)) == {0, 1, 2, 3}
    assert sample(tables.table([], []), 6, 0) == ()


def test_pixels_are_squares_where_they_are_enlarged(qtbot):
    rows = PictureRows()
    qtbot.addWidget(rows)
    rows.resize(400, 300)
    checks = np.indices((8, 8)).sum(0) % 2 * 255
    rows.set_pictures(np.broadcast_to(checks[None, None, :, :, None], (2, 3, 8, 8, 1)).astype(np.uint8))
    cell = rows.cell(1, 2, QSizeF(rows.size()))
    zoom = cell.width() / 8
    assert zoom == int(zoom) >= 10
    image = rows.picture(1.0)
    for row, column in ((0, 0), (0, 1), (5, 3), (7, 7)):
        at = QPointF(cell.left() + (column + 0.2) * zoom, cell.top() + (row + 0.8) * zoom).toPoint()
        assert image.pixelColor(at).red() == checks[row, column]


def test_sliders_reach_what_the_recipe_takes_and_begin_at_off():
    off = Augmentation()
    for strength in STRENGTHS:
        assert strength.off == getattr(off, strength.name)
        for value in strength.values:
            check(Recipe(augmentation=msgspec.structs.replace(off, **{strength.name: value})))
            assert value == strength.off or strength.words(value, (32, 48))
        assert [strength.place(value) for value in strength.values] == list(range(len(strength.values)))


def test_the_smaller_share_of_a_mixture_is_worked_out():
    generator = np.random.default_rng(0)
    for alpha in (0.1, 0.4, 1.0, 4.0):
        drawn = generator.beta(alpha, alpha, 200_000)
        assert smaller_share(alpha) == pytest.approx(np.minimum(drawn, 1 - drawn).mean(), abs=0.002)
