"""An open project: its store, and the snapshot that other lanes read while the store lane changes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from engine.data.looks import Look, short_digest
from engine.failure import UserError
from engine.messages import ClassesChanged, Event, HistoryChanged, LabelsChanged, ProjectChanged, RunsChanged
from engine.project import following, tables
from engine.project.changes import Change, ClassChange, LabelChange, MetaChange, PresenceChange, to_ranges
from engine.project.colours import colour
from engine.project.database import FILE, damaged
from engine.project.digests import LabelDigest, is_flat
from engine.project.dividing import divide_joining
from engine.project.incoming import INCOMING, recover, settle
from engine.project.records import ClassRecord, Division, ProjectRecord, RunRecord, Split
from engine.project.runs import RUNS, is_stale, list_runs, named
from engine.project.snapshot import Snapshot, key_of
from engine.project.store import NewImage, Store
from engine.project.thumbnails import close_thumbnails

COPY, DIVISION = "copy", "division"  # facts about a project: "" or "no"; "" or a Division as JSON
REFER = "no"

Events = tuple[Event, ...]


class Arrival(msgspec.Struct, frozen=True):
    """A picture to be added.

    Attributes
    ----------
    class_name : str or None
        Its class by name, made where it is missing.
    class_id : int or None
        Its class by id; with neither it comes unlabelled.
    split : Split
        As its source brought it; NONE lets the project choose.
    look : Look or None
        What there is to know of it; None: not looked at yet.
    """

    locator: str
    name: str
    class_name: str | None = None
    class_id: int | None = None
    split: Split = Split.NONE
    look: Look | None = None


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

    def __init__(self, folder: Path, create: bool = False, name: str = "", copy: bool = True) -> None:
        self.folder = folder.absolute()
        if create:
            self.folder.mkdir(parents=True, exist_ok=True)
        self.store = Store(self.folder, create)
        try:
            if create and not self.store.read_only and not self.store.meta("name"):
                self.store.set_meta("name", name or self.folder.name)
                self.store.set_meta(COPY, "" if copy else REFER)
            self.record = self._record()
            if not self.record.read_only and (self.folder / INCOMING).exists():
                recover(self.folder, self.store.all_locators())
            pictures = self.store.pictures()
            self.snapshot = Snapshot(
                self.store.classes(),
                pictures.table,
                pictures.locators,
                str(self.folder),
                pictures.digests,
                pictures.hashes,
                pictures.notes,
            )
        except sqlite3.DatabaseError as error:
            self.store.close()
            raise damaged(self.folder / FILE, error) from None
        except BaseException:
            self.store.close()
            raise
        self.runs_folder = self.folder / RUNS
        self._changed = float(self.store.meta("changed") or 0.0)
        self._label_digest = LabelDigest()
        self._now: frozenset[str] = frozenset()  # digests of the labelled pictures when runs were last asked for or changes looked at
        self._run_digests: frozenset[str] = frozenset()
        self._fresh_by_time = False  # whether a run that kept no digest is not stale yet
        if not self.record.read_only and (first := self.store.undivided()):
            self.divide_arrived(self.snapshot.table.ids[np.searchsorted(self.snapshot.table.ids, first) :])

    def close(self) -> None:
        """Close the store; the snapshot stays readable."""
        self.store.close()
        close_thumbnails(self.folder)

    def runs(self) -> tuple[RunRecord, ...]:
        """All runs, newest first, their classes by the names of now; stale where their labelled pictures are not those of the project now.

        Any lane may ask.
        """
        snapshot = self.snapshot
        now, names = snapshot.digest(), snapshot.class_names()
        listed = list_runs(self.folder)
        self._run_digests = frozenset(run.data_digest for run in listed if run.data_digest)
        flat = snapshot.flat_digest() if any(map(is_flat, self._run_digests)) else ""
        self._now = frozenset((now, flat))
        found = [
            msgspec.structs.replace(run, stale=is_stale(run, flat if is_flat(run.data_digest) else now, self._changed)) for run in listed
        ]
        self._fresh_by_time = any(not run.stale for run in found if not run.data_digest)
        return tuple(named(run, names) for run in found)

    def history(self) -> HistoryChanged:
        """What undo and redo would do."""
        undo, redo = self.store.next_steps()
        return HistoryChanged(undo=undo, redo=redo)

    # ------------------------------------------------------------ changes

    def carry_out(self, title: str, forward: Sequence[Change], backward: Sequence[Change]) -> Events:
        """Carry a change out as one step of undo; nothing where there is none."""
        if not forward:
            return ()
        self.store.change(title, forward, backward)
        return self._follow(forward)

    def set_labels(self, images: Sequence[int], class_id: int | None) -> Events:
        """Give pictures a class, or none; those labelled for the first time get a split."""
        return self.label_each(images, [-1 if class_id is None else class_id] * len(images))

    def label_each(self, images: Sequence[int], class_ids: Sequence[int]) -> Events:
        """Give each picture a class of its own (-1: none), as one step of undo; those labelled for the first time get a split."""
        before = self.snapshot
        names = {number: self.class_of(number).name for number in set(class_ids) if number >= 0}
        wanted = dict(zip(images, class_ids, strict=True))
        rows = before.rows(images)
        new = np.array([wanted[image] for image in before.table.ids[rows].tolist()], np.int32)
        rows, new = rows[before.table.class_ids[rows] != new], new[before.table.class_ids[rows] != new]
        splits = before.table.splits[rows]
        if ((new >= 0) & (splits == Split.NONE)).any():
            keys = [key_of(int(before.digests[row]), before.locators[row]) for row in rows.tolist()]
            splits = divide_joining(before, new.astype(np.int64), splits, keys, before.hashes[rows], rows, self.record.division)
        title = f"Label {words(len(rows))}" if names else f"Take the label from {words(len(rows))}"
        return self.relabel(f'{title} "{next(iter(names.values()))}"' if len(names) == 1 else title, rows, new, splits)

    def relabel(self, title: str, rows: np.ndarray, class_ids: np.ndarray, splits: np.ndarray) -> Events:
        """Give pictures classes and splits, as one step of undo; see `relabelled`."""
        if not len(rows):
            return ()
        forward, backward = relabelled(self.snapshot, rows, class_ids, splits)
        return self.carry_out(title, [forward], [backward])

    def add_class(self, name: str) -> Events:
        """Make a class."""
        name = self.free_class_name(name)
        number = self.store.add_class(name, colour(self.store.colours_used()))
        return self._follow([ClassChange(number, name, True)])

    def remove_images(self, images: Sequence[int]) -> Events:
        """Take pictures out; their files stay."""
        rows = self.snapshot.rows(images)
        if len(rows) == 0:
            return ()
        ids = to_ranges(self.snapshot.table.ids[rows].tolist())
        return self.carry_out(f"Remove {words(len(rows))}", [PresenceChange(ids, False)], [PresenceChange(ids, True)])

    def undo(self) -> Events:
        """Take the last change back."""
        return self._follow(self.store.undo())

    def redo(self) -> Events:
        """Do again what was taken back last."""
        return self._follow(self.store.redo())

    def add_images(self, title: str, arrivals: Sequence[Arrival], entry: int | None = None, divide: bool = True) -> tuple[Events, int]:
        """Add pictures, as a new step of undo or as part of an earlier one; gives that step's number as well.

        Files that wait for their rows in the folder incoming are in their place before anybody is told. Without `divide` pictures have the
        splits that they bring, until `divide_arrived`.
        """
        known = {record.name: record.id for record in self.snapshot.classes}
        missing = [name for name in dict.fromkeys(item.class_name for item in arrivals) if name is not None and name not in known]
        used, first = self.store.colours_used(), self.store.next_class()
        made = [(name, colour(used + number)) for number, name in enumerate(missing)]
        known.update({name: first + number for number, name in enumerate(missing)})
        class_ids = [known[item.class_name] if item.class_name is not None else item.class_id for item in arrivals]
        for class_id in {item.class_id for item in arrivals if item.class_name is None and item.class_id is not None}:
            self.class_of(class_id)
        splits = self._splits_of(arrivals, class_ids) if divide else [int(item.split) for item in arrivals]
        images = [
            NewImage(item.locator, item.name, class_id, split, item.split != Split.NONE, item.look)
            for item, class_id, split in zip(arrivals, class_ids, splits, strict=True)
        ]
        ids, entry = self.store.add_images(title, images, made, entry, divide)
        if (self.folder / INCOMING).exists():
            settle(self.folder, [item.locator for item in arrivals])
        events: list[Event] = []
        if made:
            self.snapshot = msgspec.structs.replace(self.snapshot, classes=self.store.classes())
            events.append(ClassesChanged(classes=self.snapshot.classes))
        self.snapshot, told = following.added(self.snapshot, self.store, ids)
        return (*events, *told, *self._afterwards()), entry

    def divide_arrived(self, images: np.ndarray) -> Events:
        """Give splits to pictures that came without, seen all together as the headless commands see a folder.

        Undo takes the pictures away and redo brings them back as they are, so the journal need not know.
        """
        before = self.snapshot
        rows = before.rows(images)
        splits = before.table.splits[rows]
        keys = [key_of(int(before.digests[row]), before.locators[row]) for row in rows.tolist()]
        labels = before.table.class_ids[rows].astype(np.int64)
        divided = divide_joining(before, labels, splits, keys, before.hashes[rows], rows, self.record.division)
        moved = divided != splits
        ids = before.table.ids[rows[moved]]
        self.store.set_splits(dict(zip(ids.tolist(), divided[moved].tolist(), strict=True)))
        if not len(ids):
            return ()
        table = tables.changed(before.table, ids, splits=divided[moved])
        self.snapshot = msgspec.structs.replace(before, table=table)
        told = LabelsChanged(ids=ids, class_ids=before.table.class_ids[rows[moved]], splits=divided[moved])
        return (told, *self._afterwards())

    def set_facts(self, facts: dict[int, int]) -> Events:
        """Set the marks MISSING and UNREADABLE of pictures, by id; no step of undo. Where nothing can be written they are only told."""
        if not self.record.read_only:
            self.store.set_facts(facts)
        self.snapshot, events = following.with_facts(self.snapshot, facts)
        return events

    def set_looks(self, looks: dict[int, Look]) -> Events:
        """Keep what a look at pictures gave, by id; no step of undo."""
        self.store.set_looks(looks)
        self.snapshot, events = following.with_looks(self.snapshot, looks)
        return events

    # ------------------------------------------------------------ asked by those that change

    def class_of(self, class_id: int) -> ClassRecord:
        """A class of the project.

        Raises
        ------
        UserError
            If it is in the project no longer.
        """
        for record in self.snapshot.classes:
            if record.id == class_id:
                return record
        raise UserError("This class is no longer in the project.", "Choose another class.")

    def free_class_name(self, name: str) -> str:
        """A name that no other class has, without blanks around it.

        Raises
        ------
        UserError
            If it is empty or taken.
        """
        name = name.strip()
        if not name:
            raise UserError("A class needs a name.", "Type one.")
        if any(record.name == name for record in self.snapshot.classes):
            raise UserError(f'There is a class "{name}" already.', "Choose another name.")
        return name

    # ------------------------------------------------------------ within

    def _record(self) -> ProjectRecord:
        division = self.store.meta(DIVISION)
        return ProjectRecord(
            str(self.folder),
            self.store.meta("name") or self.folder.name,
            self.store.read_only,
            self.store.meta(COPY) != REFER,
            msgspec.json.decode(division, type=Division) if division else Division(),
        )

    def _splits_of(self, arrivals: Sequence[Arrival], class_ids: Sequence[int | None]) -> list[int]:
        """Splits of pictures that come: what they bring, and what suits those that bring a label and no split."""
        splits = np.array([item.split for item in arrivals], np.int8)
        labels = np.array([-1 if number is None else number for number in class_ids], np.int64)
        if ((labels >= 0) & (splits == Split.NONE)).any():
            digests = [0 if item.look is None else short_digest(item.look.digest) for item in arrivals]
            keys = [key_of(digest, item.locator) for digest, item in zip(digests, arrivals, strict=True)]
            hashes = np.array([0 if item.look is None else item.look.hash for item in arrivals], np.uint64)
            splits = divide_joining(self.snapshot, labels, splits, keys, hashes, None, self.record.division)
        return [int(split) for split in splits.tolist()]

    def _follow(self, steps: Sequence[Change]) -> Events:
        """Bring the snapshot up to date with what was carried out; gives the events that tell of it."""
        if not steps:
            return ()
        events: list[Event] = []
        names = self.snapshot.class_names()
        for step in steps:
            self.snapshot, told = following.followed(self.snapshot, step, self.store)
            if events and isinstance(events[-1], ClassesChanged) and told and isinstance(told[0], ClassesChanged):
                events.pop()  # the later one says it all
            events.extend(told)
        if any(isinstance(step, MetaChange) for step in steps):
            self.record = self._record()
            events.append(ProjectChanged(project=self.record))
        now = self.snapshot.class_names()
        renamed = any(now.get(number, name) != name for number, name in names.items())
        return (*events, *self._afterwards(renamed))

    def _afterwards(self, renamed: bool = False) -> Events:
        self._changed = float(self.store.meta("changed") or 0.0)
        before, by_time = self._now, self._fresh_by_time
        if self._run_digests:
            flat = self.snapshot.flat_digest() if any(map(is_flat, self._run_digests)) else ""
            self._now = frozenset((self._label_digest.of(self.snapshot.table), flat))
        turned = not self._run_digests.isdisjoint(before ^ self._now)
        if not turned and not by_time and not renamed:
            return (self.history(),)  # run folders are read only where a run turns stale, or is so no longer, or is told by other names
        runs = self.runs()
        if turned or (by_time and not self._fresh_by_time) or (renamed and runs):
            return (self.history(), RunsChanged(runs=runs))
        return (self.history(),)


def relabelled(snapshot: Snapshot, rows: np.ndarray, class_ids: np.ndarray, splits: np.ndarray) -> tuple[LabelChange, LabelChange]:
    """The change, and the way back, that gives pictures classes and splits: rows ascending, class_ids (-1: none) and splits a row each."""
    table = snapshot.table
    ids = tuple(table.ids[rows].tolist())
    return (
        LabelChange(ids, _or_none(class_ids), tuple(splits.tolist())),
        LabelChange(ids, _or_none(table.class_ids[rows]), tuple(table.splits[rows].tolist())),
    )


def words(count: int) -> str:
    """So many pictures, in words."""
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _or_none(class_ids: np.ndarray) -> tuple[int | None, ...]:
    return tuple(None if number < 0 else number for number in class_ids.tolist())
