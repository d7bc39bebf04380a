"""Changes of a project's classes, each one step of undo. They belong to the store lane and return the events that tell of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from engine.failure import UserError
from engine.project.changes import Change, ClassChange
from engine.project.opened import Events, OpenedProject, relabelled
from engine.project.records import ClassRecord
from engine.project.runs import keep_class_ids


def rename_class(project: OpenedProject, class_id: int, name: str) -> Events:
    """Give a class another name."""
    old = project.class_of(class_id).name
    if name.strip() == old:
        return ()
    name = project.free_class_name(name)
    keep_class_ids(project.folder, project.snapshot.class_names())
    return project.carry_out(f'Rename "{old}" to "{name}"', [ClassChange(class_id, name, True)], [ClassChange(class_id, old, True)])


def delete_class(project: OpenedProject, class_id: int) -> Events:
    """Take a class away; its pictures become unlabelled and keep their splits."""
    record = project.class_of(class_id)
    return _dissolve(project, f'Delete class "{record.name}"', [record], -1)


def merge_classes(project: OpenedProject, class_ids: Sequence[int], into: int) -> Events:
    """Give the pictures of some classes another class, and take those classes away."""
    kept = project.class_of(into)
    gone = [project.class_of(number) for number in dict.fromkeys(class_ids) if number != into]
    if not gone:
        return ()
    named = ", ".join(f'"{record.name}"' for record in gone[:3]) + (f" and {len(gone) - 3:,} more" if len(gone) > 3 else "")
    return _dissolve(project, f'Merge {named} into "{kept.name}"', gone, into)


def move_class(project: OpenedProject, class_id: int, place: int) -> Events:
    """Put a class at another place in the order, counted from 0; places beyond the end are the end."""
    moved = project.class_of(class_id)
    order = [record for record in project.snapshot.classes if record.id != class_id]
    order.insert(max(0, place), moved)
    places = project.store.class_places()
    forward: list[Change] = []
    backward: list[Change] = []
    for record, new in zip(order, places.values(), strict=True):
        old = places[record.id]
        if new != old:
            forward.append(ClassChange(record.id, record.name, True, place=new))
            backward.append(ClassChange(record.id, record.name, True, place=old))
    return project.carry_out(f'Move class "{moved.name}"', forward, backward)


def colour_class(project: OpenedProject, class_id: int, colour: str) -> Events:
    """Give a class another colour, "#rrggbb".

    Raises
    ------
    UserError
        If that is no colour.
    """
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise UserError(f'"{colour}" is no colour.', 'Write it as "#rrggbb", for example "#e69f00".')
    record = project.class_of(class_id)
    if colour.lower() == record.colour.lower():
        return ()
    return project.carry_out(
        f'Colour class "{record.name}"',
        [ClassChange(class_id, record.name, True, colour=colour.lower())],
        [ClassChange(class_id, record.name, True, colour=record.colour)],
    )


def set_class_key(project: OpenedProject, class_id: int, key: str) -> Events:
    """Let a letter label with a class; another class that had it loses it. "" takes it away.

    Raises
    ------
    UserError
        If that is not one letter.
    """
    key = key.strip().lower()
    if key and not (len(key) == 1 and key.isalpha()):
        raise UserError(f'"{key}" is no letter that could label.', "Choose one letter; digits belong to the classes by their order.")
    record = project.class_of(class_id)
    if key == record.key:
        return ()
    others = [other for other in project.snapshot.classes if key and other.key == key]
    return project.carry_out(
        f'Key "{key}" for class "{record.name}"' if key else f'Take the key from class "{record.name}"',
        [*(_keyed(other, "") for other in others), _keyed(record, key)],
        [_keyed(record, record.key), *(_keyed(other, key) for other in others)],
    )


def _keyed(record: ClassRecord, key: str) -> ClassChange:
    return ClassChange(record.id, record.name, True, key=key)


def _dissolve(project: OpenedProject, title: str, gone: Sequence[ClassRecord], into: int) -> Events:
    """Take classes away whose pictures get another class, or none (-1): no picture has a class that is not there, before or after."""
    keep_class_ids(project.folder, project.snapshot.class_names())
    table = project.snapshot.table
    rows = np.flatnonzero(np.isin(table.class_ids, [record.id for record in gone]))
    forward: list[Change] = [ClassChange(record.id, record.name, False) for record in gone]
    backward: list[Change] = [ClassChange(record.id, record.name, True) for record in gone]
    if len(rows):
        ahead, back = relabelled(project.snapshot, rows, np.full(len(rows), into, np.int32), table.splits[rows])
        forward.insert(0, ahead)
        backward.append(back)
    return project.carry_out(title, forward, backward)
