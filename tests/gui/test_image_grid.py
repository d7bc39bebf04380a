"""The grid: any number of pictures, keys, selection that stays, thumbnails of what is seen."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from made import opened, table
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt

from engine.messages import ImagesAdded, ImagesRemoved, LabelsChanged, ThumbnailsReady, WantThumbnails
from engine.project.records import Split
from gui.reducing import reduce
from gui.state import AppState
from gui.widgets.image_grid import ImageGrid
from gui.widgets.picture_filter import Order, SortBy
from gui.widgets.picture_model import Filter, PictureModel, filtered_rows, images_of, mime_of
from gui.widgets.thumbnails import ASKED_AT_ONCE, Thumbnails

ALL = Filter()


def labelled(state, images, class_id):
    ids = np.array(sorted(images), np.int64)
    event = LabelsChanged(ids=ids, class_ids=np.full(len(ids), class_id, np.int32), splits=np.zeros(len(ids), np.int8))
    return reduce(state, event)


@pytest.fixture
def grid(qtbot, bridge):
    made = ImageGrid(Thumbnails(bridge), 96)
    qtbot.addWidget(made)
    made.resize(640, 480)
    made.show()
    return made


def show(grid, count, chosen=ALL, class_ids=None):
    state = reduce(AppState(), opened(count, class_ids))
    grid.show_pictures(state, chosen)
    return state


def select(grid, *rows):
    for row in rows:
        grid.selectionModel().select(grid.pictures.index(row), QItemSelectionModel.SelectionFlag.Select)


# ---------------------------------------------------------------- many pictures


def test_a_hundred_thousand_pictures_are_fluid(grid):
    begun = time.perf_counter()
    show(grid, 100_000)
    grid.grab()
    assert time.perf_counter() - begun < 1.0
    paints = []
    for place in np.linspace(0, grid.verticalScrollBar().maximum(), 20).astype(int):
        begun = time.perf_counter()
        grid.verticalScrollBar().setValue(int(place))
        grid.viewport().grab()
        paints.append(time.perf_counter() - begun)
    assert grid.seen_rows()[1] == 100_000
    assert sorted(paints)[len(paints) // 2] < 0.05
    begun = time.perf_counter()
    grid.resize(500, 480)
    grid.set_zoom(160)
    grid.grab()
    assert time.perf_counter() - begun < 0.3


def test_a_label_among_a_hundred_thousand_is_quick(grid):
    state = show(grid, 100_000)
    grid.select_row(50_000)
    begun = time.perf_counter()
    grid.show_pictures(labelled(state, [50_010], 3), Filter())
    assert time.perf_counter() - begun < 0.2
    assert grid.current_image() == 50_010
    assert grid.pictures.class_at(50_000).name == "owl"


@given(count=st.integers(0, 300), width=st.integers(150, 900), zoom=st.sampled_from([48, 96, 208]))
@hypothesis_settings(max_examples=25, deadline=None)
def test_every_place_is_its_own(made_grid, count, width, zoom):
    grid = made_grid
    show(grid, count)
    grid.resize(width, 400)
    grid.set_zoom(zoom)
    for row in {0, count // 2, count - 1} & set(range(count)):
        index = grid.pictures.index(row)
        grid.scrollTo(index)
        area = grid.visualRect(index)
        assert grid.viewport().rect().adjusted(0, -area.height(), 0, area.height()).contains(area)
        assert grid.indexAt(area.center()).row() == row
        first, end = grid.seen_rows()
        assert first <= row < end


@pytest.fixture(scope="module")
def made_grid(qapp):
    from fake_host import FakeHost

    from gui.bridge import Bridge

    bridge = Bridge(FakeHost())
    grid = ImageGrid(Thumbnails(bridge), 96)
    yield grid
    grid.deleteLater()


# ---------------------------------------------------------------- what is seen is asked for


def test_thumbnails_are_asked_for_what_is_seen_and_the_next_screen(grid, qtbot, host, bridge):
    show(grid, 5000)
    qtbot.waitUntil(lambda: bool(host.sent(WantThumbnails)))
    wanted = host.sent(WantThumbnails)[-1].images
    first, end = grid.seen_rows()
    assert wanted[: end - first] == tuple(range(10, 10 + end))
    assert len(wanted) <= 2 * end
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    qtbot.waitUntil(lambda: 5009 in host.sent(WantThumbnails)[-1].images)
    assert len(host.sent(WantThumbnails)[-1].images) <= ASKED_AT_ONCE


def test_thumbnails_are_shown_when_they_come_and_not_asked_for_again(grid, qtbot, host, bridge):
    show(grid, 3)
    qtbot.waitUntil(lambda: bool(host.sent(WantThumbnails)))
    red = np.zeros((96, 96, 3), np.uint8)
    red[..., 0] = 200
    host.emit(ThumbnailsReady(side=96, images=(10, 11, 12), pictures=(red, None, red)))
    bridge.tick()
    picture = grid.viewport().grab().toImage()
    ratio = picture.devicePixelRatio()
    middle = grid.visualRect(grid.pictures.index(0)).center() * ratio
    assert picture.pixelColor(middle).getRgb()[:3] == (200, 0, 0)
    asked = len(host.sent(WantThumbnails))
    grid.ask_for_thumbnails()
    qtbot.wait(60)
    assert len(host.sent(WantThumbnails)) == asked
    grid.set_zoom(320)
    qtbot.waitUntil(lambda: host.sent(WantThumbnails)[-1].side == 320)


# ---------------------------------------------------------------- keys and selection


@pytest.mark.parametrize(("key", "digit"), [(Qt.Key.Key_1, 1), (Qt.Key.Key_9, 9), (Qt.Key.Key_0, 0)])
def test_number_keys_label_what_is_selected(grid, qtbot, key, digit):
    show(grid, 12)
    select(grid, 1, 3)
    with qtbot.waitSignal(grid.label_wanted) as wanted:
        qtbot.keyClick(grid, key)
    assert wanted.args == [(11, 13), digit]


def test_keys_without_a_selection_do_nothing(grid, qtbot):
    show(grid, 12)
    with qtbot.assertNotEmitted(grid.label_wanted), qtbot.assertNotEmitted(grid.remove_wanted):
        qtbot.keyClick(grid, Qt.Key.Key_1)
        qtbot.keyClick(grid, Qt.Key.Key_Delete)


def test_delete_space_escape_and_arrows(grid, qtbot):
    show(grid, 12)
    grid.select_row(0)
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    assert grid.selected() == (11,)
    qtbot.keyClick(grid, Qt.Key.Key_Down)
    assert grid.current_image() == 11 + grid.columns()
    with qtbot.waitSignal(grid.preview_wanted) as wanted:
        qtbot.keyClick(grid, Qt.Key.Key_Space)
    assert wanted.args == [11 + grid.columns()]
    qtbot.keyClick(grid, Qt.Key.Key_Home, Qt.KeyboardModifier.ShiftModifier)
    assert grid.selected() == tuple(range(10, 12 + grid.columns()))
    with qtbot.waitSignal(grid.remove_wanted) as gone:
        qtbot.keyClick(grid, Qt.Key.Key_Delete)
    assert gone.args == [tuple(range(10, 12 + grid.columns()))]
    qtbot.keyClick(grid, Qt.Key.Key_Escape)
    assert grid.selected() == ()


def test_control_a_selects_all_that_is_shown(grid, qtbot):
    show(grid, 30, Filter(class_id=1))
    qtbot.keyClick(grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert grid.selected() == tuple(range(11, 40, 3))


@given(rows=st.sets(st.integers(0, 29)))
@hypothesis_settings(max_examples=25, deadline=None)
def test_inverting_selects_the_others(made_grid, rows):
    show(made_grid, 30)
    made_grid.clearSelection()
    select(made_grid, *rows)
    made_grid.invert_selection()
    assert made_grid.selected() == tuple(10 + row for row in range(30) if row not in rows)
    assert made_grid.selected_count() == 30 - len(rows)


def test_a_hundred_thousand_are_selected_and_inverted_at_once(grid, qtbot):
    show(grid, 100_000)
    begun = time.perf_counter()
    qtbot.keyClick(grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert grid.selected_count() == 100_000
    qtbot.keyClick(grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert grid.selected_count() == 0
    assert time.perf_counter() - begun < 0.3


def test_a_selection_stays_when_the_order_changes_under_it(grid):
    by_class = Order(SortBy.CLASS)
    state = reduce(AppState(), opened(30))
    grid.show_pictures(state, ALL, by_class)
    grid.select_row(0)
    select(grid, 3)
    chosen, current = grid.selected(), grid.current_image()
    grid.show_pictures(labelled(state, [current], 3), ALL, by_class)
    assert (grid.selected(), grid.current_image()) == (chosen, current)
    assert grid.pictures.row_of(current) == 19, "behind the other two classes, before the unlabelled"


def test_a_rubber_band_selects_a_block(grid, qtbot):
    show(grid, 40)
    columns = grid.columns()
    start = grid.visualRect(grid.pictures.index(0)).topLeft() - QPoint(4, 4)
    end = grid.visualRect(grid.pictures.index(columns + 1)).center()
    qtbot.mousePress(grid.viewport(), Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(grid.viewport(), end)
    qtbot.mouseRelease(grid.viewport(), Qt.MouseButton.LeftButton, pos=end)
    assert grid.selected() == (10, 11, 10 + columns, 11 + columns)


def test_shift_click_selects_in_reading_order(grid, qtbot):
    show(grid, 40)
    for row, modifier in ((1, Qt.KeyboardModifier.NoModifier), (grid.columns(), Qt.KeyboardModifier.ShiftModifier)):
        place = grid.visualRect(grid.pictures.index(row)).center()
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, modifier, place)
    assert grid.selected() == tuple(range(11, 11 + grid.columns()))


def test_a_labelled_picture_leaves_the_unlabelled_and_the_next_one_is_selected(grid):
    state = show(grid, 30, Filter(class_id=-1))
    assert [grid.pictures.id_at(row) for row in range(3)] == [10, 13, 16]
    grid.select_row(1)
    state = labelled(state, [13], 2)
    grid.show_pictures(state, Filter(class_id=-1))
    assert grid.pictures.row_of(13) == -1
    assert grid.selected() == (16,)
    grid.select_row(grid.count() - 1)
    last = grid.current_image()
    grid.show_pictures(labelled(state, [last], 2), Filter(class_id=-1))
    assert grid.selected() == (last - 3,)


def test_place_and_selection_stay_when_pictures_come_and_go(grid):
    state = show(grid, 3000)
    grid.select_row(2000)
    place = grid.verticalScrollBar().value()
    state = reduce(state, ImagesAdded(images=table([9000, 9001])))
    grid.show_pictures(state, Filter())
    assert (grid.selected(), grid.verticalScrollBar().value(), grid.count()) == ((2010,), place, 3002)
    state = reduce(state, ImagesRemoved(ids=np.array([2500, 2600])))
    grid.show_pictures(state, Filter())
    assert (grid.selected(), grid.verticalScrollBar().value(), grid.count()) == ((2010,), place, 3000)
    state = reduce(state, ImagesAdded(images=table([2500, 2600])))
    grid.show_pictures(state, Filter())
    assert (grid.selected(), grid.count()) == ((2010,), 3002)


def test_what_is_selected_can_be_asked_for_while_it_goes(grid):
    """The page looks at the selection in the middle of a removal; of all pictures, as when another project is opened, too."""
    state = show(grid, 12)
    seen = []
    grid.picked.connect(lambda: seen.extend(grid.pictures.class_at(grid.pictures.row_of(image)) for image in grid.selected()))
    select(grid, 2, 3, 7)
    state = reduce(state, ImagesRemoved(ids=np.arange(12, 15)))
    grid.show_pictures(state, ALL)
    select(grid, 3)
    grid.show_pictures(reduce(state, ImagesRemoved(ids=np.arange(10, 30))), ALL)
    assert seen
    assert grid.selected() == ()


def test_another_project_starts_without_a_selection(grid):
    state = show(grid, 500)
    grid.select_row(400)
    grid.leave()
    assert (grid.count(), grid.selected()) == (0, ())
    grid.show_pictures(state, ALL)
    assert (grid.count(), grid.selected(), grid.verticalScrollBar().value()) == (500, (), 0)


# ---------------------------------------------------------------- the model


@given(
    old=st.sets(st.integers(0, 40)),
    new=st.sets(st.integers(0, 40)),
    class_ids=st.lists(st.sampled_from([-1, 1, 2]), min_size=41, max_size=41),
)
@hypothesis_settings(deadline=None)
def test_the_model_follows_any_change_of_the_pictures(qapp, old, new, class_ids):
    """Row counts told in advance, ids, names and classes are right after each step, whichever way the model took."""
    model = PictureModel()
    told = []
    model.rowsInserted.connect(lambda _, first, last: told.append(last - first + 1))
    model.rowsRemoved.connect(lambda _, first, last: told.append(first - last - 1))
    state = reduce(AppState(), opened(0))
    for ids in (old, new):
        pictures = table(sorted(ids), [class_ids[image] for image in sorted(ids)])
        before, resets = model.rowCount(), []
        model.modelReset.connect(lambda resets=resets: resets.append(1))
        told.clear()
        state = reduce(reduce(state, ImagesRemoved(ids=np.arange(41))), ImagesAdded(images=pictures))
        model.show(state, Filter())
        assert resets or before + sum(told) == model.rowCount()
        assert [model.id_at(row) for row in range(model.rowCount())] == sorted(ids)
        assert [model.name_at(row) for row in range(model.rowCount())] == [f"picture_{image}.png" for image in sorted(ids)]
        for row, image in enumerate(sorted(ids)):
            record = model.class_at(row)
            assert (record.id if record is not None else -1) == class_ids[image]
            assert model.row_of(image) == row


def test_filters_hold_all_at_once():
    pictures = table(range(6), [1, 1, -1, 2, 1, -1], [1, 2, 1, 1, 1, 3])
    assert filtered_rows(pictures, Filter()).tolist() == [0, 1, 2, 3, 4, 5]
    assert filtered_rows(pictures, Filter(class_id=-1)).tolist() == [2, 5]
    assert filtered_rows(pictures, Filter(class_id=1, split=Split.TRAIN)).tolist() == [0, 4]
    assert filtered_rows(pictures, Filter(text="URE_3.P")).tolist() == [3]
    assert filtered_rows(pictures, Filter(images=(4, 5, 99), class_id=1)).tolist() == [4]


def test_dragged_pictures_arrive_as_they_left(qapp):
    assert images_of(mime_of((3, 17))) == (3, 17)


def test_rows_tell_what_they_are_to_a_screen_reader(grid):
    show(grid, 3)
    index = grid.pictures.index(1)
    assert index.data() == "picture_11.png"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "picture_11.png · cat"
    assert grid.accessibleName()
