"""A project as data for the headless commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.data.sources import Item, Source
from engine.failure import UserError
from engine.project.digests import digest
from engine.project.records import Split
from engine.project.snapshot import Snapshot
from engine.project.store import Store


def read_source(folder: Path) -> Source:
    """A project as data for the headless commands; reads, changes nothing, and needs no lock.

    Raises
    ------
    UserError
        If the project is damaged or holds no pictures.
    """
    store = Store(folder, write=False)
    try:
        pictures, classes, name = store.pictures(), store.classes(), store.meta("name")
    finally:
        store.close()
    table = pictures.table
    if not len(table.ids):
        raise UserError(f"The project {folder} holds no pictures.", "Import some first.")
    used = set(np.unique(table.class_ids).tolist())
    present = [record for record in classes if record.id in used]
    index = {record.id: number for number, record in enumerate(present)}
    rows = zip(pictures.locators, table.class_ids.tolist(), table.splits.tolist(), table.names, strict=True)
    items = tuple(Item(locator, index.get(class_id, -1), Split(split), shown) for locator, class_id, split, shown in rows)
    return Source(
        name=name or folder.name,
        kind="project",
        root=str(folder),
        classes=tuple(record.name for record in present),
        items=items,
        digest=digest(table.ids, table.class_ids, table.splits),
    )


def read_snapshot(folder: Path) -> Snapshot:
    """A project at this moment, with its marks; reads, changes nothing, and needs no lock.

    Raises
    ------
    UserError
        If the project is damaged.
    """
    store = Store(folder, write=False)
    try:
        pictures, classes = store.pictures(), store.classes()
    finally:
        store.close()
    return Snapshot(classes, pictures.table, pictures.locators, str(folder), pictures.digests, pictures.hashes, pictures.notes)
