"""What mends do, and when a group is mended: also by other ways, and no longer once that is undone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import table

from engine.messages import RemoveImages, SetFlags, SetLabels, SetSplits
from engine.project import tables
from engine.project.findings import Finding, Group, Mend
from engine.project.records import Flag, Split
from gui.mending import Follower, safe_for_all

IDS = range(10, 30)


def finding(kind, groups, *actions) -> Finding:
    mends = tuple(Mend(action, action, action[0]) for action in actions)
    return Finding(kind, "warning", "title", "text", tuple(groups), mends)


def without(images, *ids):
    return tables.taken(images, np.flatnonzero(~np.isin(images.ids, ids)))


def changed(images, ids, **columns):
    return tables.changed(images, np.asarray(ids), **{name: np.asarray(values) for name, values in columns.items()})


def test_keeping_the_first_removes_the_others_in_one_step():
    images = table(IDS)
    follower = Follower(finding("duplicate", [Group((10, 11)), Group((12, 13, 14))], "keep-first"), images)
    one, all_ = follower.commands("keep-first", [1]), follower.commands("keep-first", [0, 1])
    assert [(type(c), c.images) for c in one] == [(RemoveImages, (13, 14))]
    assert [(type(c), c.images) for c in all_] == [(RemoveImages, (11, 13, 14))]
    assert follower.follow(without(images, 13, 14)).tolist() == [False, True]
    assert follower.follow(images).tolist() == [False, False]


def test_the_first_that_is_left_is_kept_where_the_first_has_gone():
    images = table(IDS)
    follower = Follower(finding("duplicate", [Group((10, 11, 12))], "keep-first"), images)
    follower.follow(without(images, 10))
    assert [c.images for c in follower.commands("keep-first", [0])] == [(12,)]


def test_a_relabelled_picture_is_mended_and_every_class_is_one_step():
    images = table(IDS, [1] * 20)
    groups = [Group((10,), suggested=2), Group((11,), suggested=3), Group((12,), suggested=2)]
    follower = Follower(finding("suspect", groups, "relabel", "confirm"), images)
    commands = follower.commands("relabel", [0, 1, 2])
    assert [(type(c), c.images, c.class_id) for c in commands] == [(SetLabels, (10, 12), 2), (SetLabels, (11,), 3)]
    assert follower.follow(changed(images, [10, 11], class_ids=[2, 1])).tolist() == [True, False, False]
    confirmed = changed(images, [12], flags=[Flag.CONFIRMED])
    assert follower.follow(confirmed).tolist() == [False, False, True]


def test_one_side_is_the_split_of_the_first_and_leaves_what_has_none():
    images = table(IDS, splits=[1, 2, 3, 0, 1, 1] + [1] * 14)
    follower = Follower(finding("leak", [Group((10, 11, 12, 13)), Group((14, 15))], "one-side"), images)
    assert [(type(c), c.images, c.split) for c in follower.commands("one-side", [0])] == [(SetSplits, (11, 12), Split.TRAIN)]
    assert follower.follow(images).tolist() == [False, False], "what held before is no mend"
    assert follower.follow(changed(images, [11, 12], splits=[1, 1])).tolist() == [True, False]


def test_flags_are_set_and_marks_of_before_do_not_count():
    images = changed(table(IDS), [10], flags=[Flag.FLAGGED])
    follower = Follower(finding("dark", [Group((10,)), Group((11,))], "flag", "remove"), images)
    assert follower.follow(images).tolist() == [False, False]
    (command,) = follower.commands("flag", [0, 1])
    assert (type(command), command.images, command.flags, command.on) == (SetFlags, (10, 11), Flag.FLAGGED, True)
    assert follower.follow(changed(images, [11], flags=[Flag.FLAGGED])).tolist() == [False, True]
    assert follower.follow(without(images, 10)).tolist() == [True, False]


def test_groups_without_pictures_and_projects_without_pictures_are_no_error():
    follower = Follower(finding("imbalance", [Group((), "cat 9, dog 1")], "class-weights"), None)
    assert follower.follow(None).tolist() == [False] and follower.commands("remove", [0]) == []


@pytest.mark.parametrize(
    ("kind", "action", "safe"),
    [("duplicate", "keep-first", True), ("suspect", "relabel", False), ("suspect", "flag", False), ("near-duplicate", "keep-first", False)],
)
def test_only_what_is_never_wrong_is_offered_for_all(kind, action, safe):
    assert safe_for_all(finding(kind, [Group((10,)), Group((11,))], action), action) is safe
    assert not safe_for_all(finding(kind, [Group((10,))], action), action)


@given(st.lists(st.sets(st.sampled_from(list(IDS)), min_size=2, max_size=4), min_size=1, max_size=6))
def test_after_keeping_the_first_of_all_every_group_is_mended_and_no_group_is_lost(groups):
    images = table(IDS)
    follower = Follower(finding("duplicate", [Group(tuple(sorted(group))) for group in groups], "keep-first"), images)
    follower.follow(images)
    gone = [image for c in follower.commands("keep-first", range(len(groups))) for image in c.images]
    assert len(gone) == len(set(gone))
    assert follower.follow(without(images, *gone)).all()
