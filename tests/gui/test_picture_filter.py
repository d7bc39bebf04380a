"""Filters and orders give the rows that a plain loop over the pictures would give."""

from __future__ import annotations

import math
import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from made import CLASSES, opened, run_record, table

from engine.messages import RunsChanged, ScoresReady
from engine.project import tables
from engine.project.records import Flag, Split
from gui.reducing import reduce
from gui.state import AppState
from gui.widgets.filter_chips import conditions, toggled_flag
from gui.widgets.picture_filter import Arrangement, Filter, Order, SortBy, filtered_rows, row_scores
from gui.widgets.picture_model import PictureModel
from gui.widgets.picture_names import NameIndex

ALL, AS_ADDED = Filter(), Order()
PICTURES = tables.table(
    [3, 5, 8, 9, 20, 21],
    ("b10.jpg", "B2.jpg", "a.jpg", "b1.jpg", "Ä7.png", "a.jpg"),
    class_ids=[2, -1, 1, 2, -1, 3],
    splits=[1, 0, 1, 2, 0, 3],
    flags=[Flag.FLAGGED, Flag.SKIPPED, Flag.FLAGGED | Flag.NOTED, 0, Flag.MISSING, 0],
    widths=[100, 30, 0, 640, 200, 64],
    heights=[50, 40, 0, 480, 200, 64],
    sizes=[900, 100, 0, 5000, 700, 700],
    times=[10.0, 20.0, math.nan, 5.0, 30.0, 20.0],
)
SCORES = ScoresReady(
    run="run-1",
    ids=np.array([3, 8, 9, 20, 99]),
    predicted=np.array([2, 2, 2, 1, 1], np.int32),
    confidence=np.array([0.9, 0.6, 0.5, 0.8, 1.0], np.float32),
    own=np.array([0.9, 0.3, 0.5, math.nan, 1.0], np.float32),
)


def shown(chosen=ALL, order=AS_ADDED, scores=None) -> list[int]:
    rows = Arrangement().rows(PICTURES, CLASSES, chosen, order, scores)
    return PICTURES.ids[rows].tolist()


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (Filter(flags=Flag.FLAGGED), [3, 8]),
        (Filter(flags=Flag.FLAGGED | Flag.NOTED), [8]),
        (Filter(without=Flag.SKIPPED | Flag.MISSING), [3, 8, 9, 21]),
        (Filter(shorter=(40, 0)), [3, 9, 20, 21]),
        (Filter(shorter=(0, 50)), [3, 5]),
        (Filter(longer=(64, 200)), [3, 20, 21]),
        (Filter(since=20.0), [5, 20, 21]),
        (Filter(since=5.0, until=20.0), [3, 9]),
        (Filter(disagrees=True), [8]),
        (Filter(confidence_below=0.7), [8, 9]),
        (Filter(class_id=2, split=Split.TRAIN), [3]),
        (Filter(text="ä"), [20]),
        (Filter(images=(21, 5, 77, 5), class_id=-1), [5]),
    ],
)
def test_filters(chosen, ids):
    assert shown(chosen, scores=SCORES) == ids


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        (Order(), [3, 5, 8, 9, 20, 21]),
        (Order(descending=True), [21, 20, 9, 8, 5, 3]),
        (Order(SortBy.NAME), [8, 21, 9, 5, 3, 20]),
        (Order(SortBy.CLASS), [8, 3, 9, 21, 5, 20]),
        (Order(SortBy.CLASS, True), [21, 3, 9, 8, 5, 20]),
        (Order(SortBy.DATE), [9, 3, 5, 21, 20, 8]),
        (Order(SortBy.DATE, True), [20, 5, 21, 3, 9, 8]),
        (Order(SortBy.PIXELS), [5, 21, 3, 20, 9, 8]),
        (Order(SortBy.BYTES, True), [9, 3, 20, 21, 5, 8]),
        (Order(SortBy.CONFIDENCE), [9, 8, 20, 3, 5, 21]),
        (Order(SortBy.UNCERTAINTY, True), [9, 8, 20, 3, 5, 21]),
        (Order(SortBy.OWN), [8, 9, 3, 5, 20, 21]),
    ],
)
def test_orders_put_what_is_unknown_last(order, ids):
    assert shown(order=order, scores=SCORES) == ids


def test_pictures_chosen_elsewhere_keep_their_order_until_another_is_wanted():
    chosen = Filter(images=(20, 3, 8))
    assert shown(chosen) == [20, 3, 8]
    assert shown(chosen, Order(SortBy.NAME)) == [8, 3, 20]


def test_without_scores_nothing_fits_a_condition_on_them_and_order_is_that_of_arrival():
    assert shown(Filter(disagrees=True)) == []
    assert shown(order=Order(SortBy.OWN, True)) == [3, 5, 8, 9, 20, 21]


def test_a_label_changed_since_the_run_was_asked_cannot_have_more_than_is_left():
    changed = tables.changed(PICTURES, np.array([3, 8]), class_ids=np.array([1, 2], np.int32))
    own = row_scores(changed, SCORES).own
    assert own[0] == pytest.approx(0.1)
    assert own[2] == pytest.approx(0.6)
    assert math.isnan(own[1])


@given(names=st.lists(st.text(max_size=8), max_size=30), text=st.text(min_size=1, max_size=3))
@hypothesis_settings(deadline=None)
def test_the_search_finds_what_a_loop_finds(names, text):
    expected = [text.casefold() in name.replace("\0", " ").casefold() for name in names]
    if "\0" not in text:
        assert NameIndex(tuple(names)).holding(text).tolist() == expected


@given(names=st.lists(st.from_regex(r"[a-c]{0,2}[0-9]{1,4}[a-c]?", fullmatch=True), max_size=30))
@hypothesis_settings(deadline=None)
def test_numbers_in_names_sort_as_numbers(names):
    def key(name: str) -> list[object]:
        return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"[0-9]+|[^0-9]+", name)]

    order = np.argsort(NameIndex(tuple(names)).ranks())
    numbers = [key(names[at]) for at in order]
    assert numbers == sorted(numbers)


def test_a_million_names_are_searched_in_a_blink():
    index = NameIndex(tuple(f"holiday_{at}.jpg" for at in range(200_000)))
    index.holding("x")
    begun = time.perf_counter()
    assert index.holding("99.J").sum() == 2000
    assert time.perf_counter() - begun < 0.2


@given(
    labels=st.lists(st.sampled_from([-1, 1, 2, 3]), min_size=12, max_size=12),
    by=st.sampled_from(list(SortBy)),
    descending=st.booleans(),
    class_id=st.sampled_from([None, -1, 2]),
)
@hypothesis_settings(deadline=None)
def test_the_model_knows_where_each_picture_is_in_any_order(qapp, labels, by, descending, class_id):
    """Through a change of labels the model follows, and never tells a row wrongly."""
    model, chosen, order = PictureModel(), Filter(class_id=class_id), Order(by, descending)
    scores = ScoresReady(
        run="run-1",
        ids=np.arange(10, 22),
        predicted=np.full(12, 1, np.int32),
        confidence=np.linspace(1, 0.4, 12, dtype=np.float32),
        own=np.linspace(0, 0.6, 12, dtype=np.float32),
    )
    state = reduce(reduce(reduce(AppState(), opened()), RunsChanged(runs=(run_record(),))), scores)
    for class_ids in (None, labels):
        if class_ids is not None:
            state = reduce(state, opened(class_ids=class_ids, runs=(run_record(),)))
            state = reduce(state, scores)
        model.show(state, chosen, order)
        ids = model.ids()
        expected = Arrangement().rows(state.images, state.classes, chosen, order, scores)
        assert ids.tolist() == state.images.ids[expected].tolist()
        assert model.rows_of(ids).tolist() == list(range(len(ids)))
        assert [model.row_of(image) for image in (9, 22)] == [-1, -1]
        for row in range(model.rowCount()):
            record = model.class_at(row)
            assert (record.id if record is not None else -1) == state.images.class_ids[model.id_at(row) - 10]


def test_the_next_unlabelled_picture_is_below_then_above_and_skipped_ones_are_last(qapp):
    pictures = tables.table(range(6), "abcdef", class_ids=[-1, 1, -1, 1, -1, -1], flags=[0, 0, 0, 0, int(Flag.SKIPPED), 0])
    model = PictureModel()
    model.show(AppState(images=pictures), Filter())
    assert [model.next_unlabelled(row) for row in range(6)] == [2, 2, 5, 5, 5, 0]
    assert model.next_unlabelled(2, leaving=5) == 0
    only = tables.table(range(2), "ab", class_ids=[1, -1], flags=[0, int(Flag.SKIPPED)])
    model.show(AppState(images=only), Filter())
    assert (model.next_unlabelled(0), model.next_unlabelled(0, leaving=1)) == (1, -1)


def test_each_condition_has_words_and_can_be_taken_away_alone():
    chosen = Filter(class_id=1, flags=Flag.NOTED, longer=(10, 20), since=0.0, disagrees=True, confidence_below=0.7)
    made = conditions(chosen, "cat")
    assert [words for words, _ in made][:3] == ["cat", "With a note", "longer side 10 to 20"]
    assert len(made) == 6
    for _, without in made:
        assert len(conditions(without, "cat")) == 5
    assert toggled_flag(toggled_flag(chosen, Flag.NOTED), Flag.NOTED) == chosen


def test_a_table_of_none_is_filtered_too():
    assert filtered_rows(table([]), Filter(text="a", shorter=(1, 2), images=(1,))).tolist() == []
