"""An open project: its store, and the snapshot that other lanes read while the store lane changes it."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from engine.data.sources import Item, Source
from engine.data.splits import key_of
from engine.failure import UserError
from engine.messages import ClassesChanged, Event, HistoryChanged, ImagesAdded, ImagesRemoved, LabelsChanged, RunsChanged
from engine.project import tables
from engine.project.changes import Change, ClassChange, LabelChange, PresenceChange, from_ranges, to_ranges
from engine.project.dividing import divide_joining
from engine.project.records import ClassRecord, ImageTable, ProjectRecord, RunRecord, Split
from engine.project.runs import RUNS, digest, is_stale, list_runs
from engine.project.snapshot import Snapshot
from engine.project.store import ImageRow, NewImage, Store

IMAGES = "images"
# Okabe and Ito, "Color Universal Design" (2008): told apart by colour-blind people. Their black is left to the text.
PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999")
GOLDEN = 0.618033988749895

Events = tuple[Event, ...]


class Arrival(msgspec.Struct, frozen=True):
    """A picture to be added: its class by name (made where it is missing) or by id, or none; NONE as split lets the project choose."""

    locator: str
    name: str
    class_name: str | None = None
    class_id: int | None = None
    split: Split = Split.NONE


class OpenedProject:
    """A project between opening and closing.

    Everything but `snapshot` and `runs` belongs to the store lane. Methods that change return the events that tell of it, and return
    only after the change is on disk.

    Attributes
    ----------
    folder : Path
        Absolute.
    record : ProjectRecord
    snapshot : Snapshot
        Replaced whole after each change.
    """

    def __init__(self, folder: Path, create: bool = False, name: str = "") -> None:
        self.folder = folder.absolute()
        if create:
            self.folder.mkdir(parents=True, exist_ok=True)
        self.store = Store(self.folder, create)
        if create and not self.store.read_only and not self.store.meta("name"):
            self.store.set_meta("name", name or self.folder.name)
        self.record = ProjectRecord(str(self.folder), self.store.meta("name") or self.folder.name, self.store.read_only)
        self.runs_folder = self.folder / RUNS
        self.snapshot = self._read()
        self._changed = float(self.store.meta("changed") or 0.0)
        self._digest = ""  # of the labelled pictures, when runs were last asked for or changes looked at
        self._run_digests: frozenset[str] = frozenset()
        self._fresh_by_time = False  # whether a run that kept no digest is not stale yet

    def close(self) -> None:
        """Close the store; the snapshot stays readable."""
        self.store.close()

    def runs(self) -> tuple[RunRecord, ...]:
        """All runs, newest first; stale where their labelled pictures are not those of the project now. Any lane may ask."""
        now = self.snapshot.digest()
        runs = tuple(msgspec.structs.replace(run, stale=is_stale(run, now, self._changed)) for run in list_runs(self.folder))
        self._digest = now
        self._run_digests = frozenset(run.data_digest for run in runs if run.data_digest)
        self._fresh_by_time = any(not run.stale for run in runs if not run.data_digest)
        return runs

    def history(self) -> HistoryChanged:
        """What undo and redo would do."""
        undo, redo = self.store.next_steps()
        return HistoryChanged(undo=undo, redo=redo)

    # ------------------------------------------------------------ changes

    def set_labels(self, images: Sequence[int], class_id: int | None) -> Events:
        """Give pictures a class, or none; those labelled for the first time get a split."""
        before = self.snapshot
        if class_id is not None:
            name = self._class(class_id).name
        new = -1 if class_id is None else class_id
        rows = before.rows(images)
        rows = rows[before.table.class_ids[rows] != new]
        if len(rows) == 0:
            return ()
        splits = before.table.splits[rows]
        if class_id is not None:
            keys = [key_of(before.locators[row], name, before.table.names[row]) for row in rows]
            splits = divide_joining(before, class_id, splits, keys, exclude=rows)
        ids = tuple(before.table.ids[rows].tolist())
        forward = LabelChange(ids, (class_id,) * len(ids), tuple(splits.tolist()))
        old = tuple(None if number < 0 else number for number in before.table.class_ids[rows].tolist())
        backward = LabelChange(ids, old, tuple(before.table.splits[rows].tolist()))
        title = f"Take the label from {_pictures(len(ids))}" if class_id is None else f'Label {_pictures(len(ids))} "{name}"'
        self.store.change(title, [forward], [backward])
        return self._follow([forward])

    def add_class(self, name: str) -> Events:
        """Make a class."""
        name = self._free_class_name(name)
        number = self.store.add_class(name, colour(self.store.colours_used()))
        return self._follow([ClassChange(number, name, True)])

    def rename_class(self, class_id: int, name: str) -> Events:
        """Give a class another name."""
        old = self._class(class_id).name
        if name.strip() == old:
            return ()
        name = self._free_class_name(name)
        forward, backward = ClassChange(class_id, name, True), ClassChange(class_id, old, True)
        self.store.change(f'Rename "{old}" to "{name}"', [forward], [backward])
        return self._follow([forward])

    def remove_images(self, images: Sequence[int]) -> Events:
        """Take pictures out; their files stay."""
        rows = self.snapshot.rows(images)
        if len(rows) == 0:
            return ()
        ids = to_ranges(self.snapshot.table.ids[rows].tolist())
        self.store.change(f"Remove {_pictures(len(rows))}", [PresenceChange(ids, False)], [PresenceChange(ids, True)])
        return self._follow([PresenceChange(ids, False)])

    def undo(self) -> Events:
        """Take the last change back."""
        return self._follow(self.store.undo())

    def redo(self) -> Events:
        """Do again what was taken back last."""
        return self._follow(self.store.redo())

    def add_images(self, title: str, arrivals: Sequence[Arrival], entry: int | None = None) -> tuple[Events, int]:
        """Add pictures, as a new step of undo or as part of an earlier one; gives that step's number as well."""
        known = {record.name: record.id for record in self.snapshot.classes}
        missing = [name for name in dict.fromkeys(item.class_name for item in arrivals) if name is not None and name not in known]
        used = self.store.colours_used()
        made = [(name, colour(used + number)) for number, name in enumerate(missing)]
        known.update({name: -1 - number for number, name in enumerate(missing)})
        ids_of = [known[item.class_name] if item.class_name is not None else item.class_id for item in arrivals]
        for class_id in {number for number in ids_of if number is not None and number > 0}:
            self._class(class_id)
        splits = np.array([item.split for item in arrivals], np.int8)
        names = {number: name for name, number in known.items()}
        for class_id in {number for number in ids_of if number is not None}:
            rows = np.array([row for row, number in enumerate(ids_of) if number == class_id])
            keys = [key_of(arrivals[row].locator, names[class_id], arrivals[row].name) for row in rows]
            splits[rows] = divide_joining(self.snapshot, class_id, splits[rows], keys)
        images = [
            NewImage(item.locator, item.name, class_id, split)
            for item, class_id, split in zip(arrivals, ids_of, splits.tolist(), strict=True)
        ]
        ids, entry = self.store.add_images(title, images, made, entry)
        events: list[Event] = []
        if made:
            self.snapshot = msgspec.structs.replace(self.snapshot, classes=self.store.classes())
            events.append(ClassesChanged(classes=self.snapshot.classes))
        now = {record.name: record.id for record in self.snapshot.classes}
        final = [now[item.class_name] if item.class_name is not None else item.class_id for item in arrivals]
        rows_added = [
            (number, item.locator, item.name, class_id, split)
            for number, item, class_id, split in zip(ids, arrivals, final, splits.tolist(), strict=True)
        ]
        added = _table(rows_added)
        table = self.snapshot.table
        locators = self.snapshot.locators + tuple(item.locator for item in arrivals)
        self.snapshot = msgspec.structs.replace(self.snapshot, table=tables.joined(table, added), locators=locators)
        events.append(ImagesAdded(images=added))
        return (*events, *self._afterwards()), entry

    # ------------------------------------------------------------ within

    def _class(self, class_id: int) -> ClassRecord:
        for record in self.snapshot.classes:
            if record.id == class_id:
                return record
        raise UserError("This class is no longer in the project.", "Choose another class.")

    def _free_class_name(self, name: str) -> str:
        name = name.strip()
        if not name:
            raise UserError("A class needs a name.", "Type one.")
        if any(record.name == name for record in self.snapshot.classes):
            raise UserError(f'There is a class "{name}" already.', "Choose another name.")
        return name

    def _read(self) -> Snapshot:
        rows = self.store.images()
        return Snapshot(self.store.classes(), _table(rows), tuple(row[1] for row in rows), str(self.folder))

    def _follow(self, steps: Sequence[Change]) -> Events:
        """Bring the snapshot up to date with what was carried out; gives the events that tell of it."""
        if not steps:
            return ()
        events: list[Event] = []
        for step in steps:
            told = self._followed(step)
            if events and isinstance(events[-1], ClassesChanged) and isinstance(told[0], ClassesChanged):
                events.pop()  # the later one says it all
            events.extend(told)
        return (*events, *self._afterwards())

    def _followed(self, step: Change) -> Events:
        before = self.snapshot
        if isinstance(step, ClassChange):
            self.snapshot = msgspec.structs.replace(before, classes=self.store.classes())
            return (ClassesChanged(classes=self.snapshot.classes),)
        if isinstance(step, LabelChange):
            return self._followed_labels(step)
        ids = from_ranges(step.ids)
        if step.present:
            self.snapshot = after = self._read()
            rows = np.setdiff1d(after.rows(ids), after.rows(before.table.ids.tolist()), assume_unique=True)
            return (ImagesAdded(images=tables.taken(after.table, rows)),)
        keep = np.ones(len(before.table.ids), np.bool_)
        keep[before.rows(ids)] = False
        kept = np.flatnonzero(keep)
        table = tables.taken(before.table, kept)
        self.snapshot = msgspec.structs.replace(before, table=table, locators=tuple(before.locators[row] for row in kept))
        return (ImagesRemoved(ids=before.table.ids[~keep]),)

    def _followed_labels(self, step: LabelChange) -> Events:
        table = self.snapshot.table
        rows = self.snapshot.rows(step.ids)
        chosen = np.searchsorted(np.array(step.ids, np.int64), table.ids[rows])
        class_ids, splits = table.class_ids.copy(), table.splits.copy()
        class_ids[rows] = np.array([-1 if number is None else number for number in step.class_ids], np.int32)[chosen]
        splits[rows] = np.array(step.splits, np.int8)[chosen]
        self.snapshot = msgspec.structs.replace(self.snapshot, table=msgspec.structs.replace(table, class_ids=class_ids, splits=splits))
        return (LabelsChanged(ids=table.ids[rows], class_ids=class_ids[rows], splits=splits[rows]),)

    def _afterwards(self) -> Events:
        self._changed = float(self.store.meta("changed") or 0.0)
        before, by_time = self._digest, self._fresh_by_time
        if self._run_digests:
            self._digest = self.snapshot.digest()
        turned = self._digest != before and not self._run_digests.isdisjoint((self._digest, before))
        if not turned and not by_time:
            return (self.history(),)  # run folders are read only where a run turns stale, or is so no longer
        runs = self.runs()
        if turned or not self._fresh_by_time:
            return (self.history(), RunsChanged(runs=runs))
        return (self.history(),)


def colour(number: int) -> str:
    """The colour of the class made as the number-th (from 0): the palette first, then hues spread by the golden ratio."""
    if number < len(PALETTE):
        return PALETTE[number]
    red, green, blue = colorsys.hls_to_rgb((number * GOLDEN) % 1.0, 0.55, 0.65)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def read_source(folder: Path) -> Source:
    """A project as data for the headless commands; reads, changes nothing, and needs no lock.

    Raises
    ------
    UserError
        If the project is damaged or holds no pictures.
    """
    store = Store(folder, write=False)
    try:
        rows, classes, name = store.images(), store.classes(), store.meta("name")
    finally:
        store.close()
    if not rows:
        raise UserError(f"The project {folder} holds no pictures.", "Import some first.")
    used = {row[3] for row in rows}
    present = [record for record in classes if record.id in used]
    index = {record.id: number for number, record in enumerate(present)}
    items = tuple(
        Item(locator, index.get(class_id, -1) if class_id is not None else -1, Split(split), shown)
        for _, locator, shown, class_id, split in rows
    )
    images = _table(rows)
    return Source(
        name=name or folder.name,
        kind="project",
        root=str(folder),
        classes=tuple(record.name for record in present),
        items=items,
        digest=digest(images.ids, images.class_ids, images.splits),
    )


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _table(rows: Sequence[ImageRow]) -> ImageTable:
    return tables.table(
        [row[0] for row in rows],
        [row[2] for row in rows],
        class_ids=[-1 if row[3] is None else row[3] for row in rows],
        splits=[row[4] for row in rows],
    )
