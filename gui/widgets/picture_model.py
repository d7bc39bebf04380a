"""Pictures of the project as rows of a Qt model: what a filter and an order show, changed in place where that is possible."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.project.records import ClassRecord, Flag, ImageTable, Split
from gui.state import AppState
from gui.widgets.picture_filter import Arrangement, Filter, Order, RowScores, filtered_rows, rows_of

if TYPE_CHECKING:
    import numpy as np

__all__ = ["AS_ADDED", "Facts", "Filter", "Order", "PictureModel", "Suggestion", "filtered_rows", "images_of", "mime_of", "paths_of"]

AS_ADDED = Order()
MIME = "application/x-fovea-images"
RESET_ABOVE = 200
"""More separate runs of rows than this that leave at once are a reset."""


class Facts(msgspec.Struct, frozen=True):
    """What is known of a picture without reading it; units as in ImageTable. `predicted`: what the run said of it, if it was asked."""

    id: int
    name: str
    record: ClassRecord | None
    split: Split
    flags: Flag
    width: int
    height: int
    bytes: int
    time: float
    predicted: Suggestion | None


class Suggestion(msgspec.Struct, frozen=True):
    """A class that somebody suggests for a picture, and its probability in [0, 1]."""

    record: ClassRecord
    probability: float


class PictureModel(QAbstractListModel):
    """The pictures that a filter shows, in an order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table: ImageTable | None = None
        self._rows: np.ndarray | None = None
        self._ids: np.ndarray | None = None
        self._places: np.ndarray | None = None  # of each row of the table among those shown; made when it is asked for
        self._ascending = True
        self._classes: dict[int, ClassRecord] = {}
        self._class_records: tuple[ClassRecord, ...] = ()
        self._filter, self._order = Filter(), Order()
        self._arrangement = Arrangement()
        self._scores: RowScores | None = None
        self._suggestions: dict[int, Suggestion] = {}

    @property
    def filter(self) -> Filter:
        return self._filter

    @property
    def order(self) -> Order:
        return self._order

    def show(self, state: AppState, chosen: Filter, order: Order = AS_ADDED) -> None:
        """Take over a state, a filter and an order. Rows that only left are removed one by one, so that scrolling and selection stay."""
        if state.classes is not self._class_records:
            self._class_records = state.classes
            self._classes = {record.id: record for record in state.classes}
        same = chosen == self._filter and order == self._order
        self._filter, self._order = chosen, order
        if state.images is None:
            if self._rows is not None:
                self.beginResetModel()
                self._table = self._rows = self._ids = self._places = self._scores = None
                self.endResetModel()
            return
        scores = state.scores.get(state.run.id) if state.run is not None else None
        rows = self._arrangement.rows(state.images, state.classes, chosen, order, scores)
        ids = state.images.ids[rows]
        self._scores = self._arrangement.row_scores(state.images, scores)
        if self._ids is None or not same or not self._follow(state.images, rows, ids):
            self.beginResetModel()
            self._take(state.images, rows, ids)
            self.endResetModel()

    def _take(self, table: ImageTable, rows: np.ndarray, ids: np.ndarray) -> None:
        self._table, self._rows, self._ids, self._places = table, rows, ids, None
        self._ascending = len(ids) < 2 or bool((ids[1:] > ids[:-1]).all())

    def _follow(self, table: ImageTable, rows: np.ndarray, ids: np.ndarray) -> bool:
        """Go over to new rows without a reset; False where that is not worth it."""
        import numpy as np

        old = self._ids
        assert old is not None
        if np.array_equal(old, ids):
            self._table, self._rows, self._ids, self._places = table, rows, ids, None
            if len(ids):
                self.dataChanged.emit(self.index(0), self.index(len(ids) - 1))
            return True
        if len(ids) > len(old) and np.array_equal(ids[: len(old)], old):
            self.beginInsertRows(QModelIndex(), len(old), len(ids) - 1)
            self._take(table, rows, ids)
            self.endInsertRows()
            return True
        if len(ids) > len(old):
            return False
        gone = np.flatnonzero(~np.isin(old, ids, assume_unique=True))
        if not np.array_equal(np.delete(old, gone), ids):
            return False
        parts = np.split(gone, np.flatnonzero(np.diff(gone) != 1) + 1)
        if len(parts) > RESET_ABOVE:
            return False
        assert self._rows is not None
        for part in reversed(parts):  # in the old table, for rows are still asked for while they are told to go
            first, last = int(part[0]), int(part[-1])
            self.beginRemoveRows(QModelIndex(), first, last)
            self._rows = np.delete(self._rows, slice(first, last + 1))
            self._ids = np.delete(self._ids, slice(first, last + 1))
            self._places = None
            self.endRemoveRows()
        self._take(table, rows, ids)
        if len(ids):
            self.dataChanged.emit(self.index(0), self.index(len(ids) - 1))
        return True

    def set_suggestions(self, suggestions: dict[int, Suggestion]) -> None:
        """Suggest classes for some pictures, by id; for no others."""
        self._suggestions = suggestions
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    # ------------------------------------------------------------ asked by grid and pages

    def id_at(self, row: int) -> int:
        return int(self._ids[row]) if self._ids is not None else -1

    def ids(self) -> np.ndarray | None:
        """Ids as they are shown, int64; None without a project."""
        return self._ids

    def row_of(self, image: int) -> int:
        """The row of a picture, or -1."""
        import numpy as np

        rows = self.rows_of(np.array([image], np.int64))
        return int(rows[0]) if len(rows) else -1

    def rows_of(self, images: np.ndarray) -> np.ndarray:
        """Rows of those of the pictures that are shown, int64, in the order given."""
        import numpy as np

        if self._ids is None or self._rows is None or self._table is None:
            return np.empty(0, np.int64)
        if self._ascending:
            return rows_of(self._ids, images)
        if self._places is None:
            self._places = np.full(len(self._table.ids), -1, np.int64)
            self._places[self._rows] = np.arange(len(self._rows))
        places = self._places[rows_of(self._table.ids, images)]
        return places[places >= 0]

    def class_ids(self) -> np.ndarray:
        """Class of each row, int32, -1 where unlabelled."""
        import numpy as np

        return self._table.class_ids[self._rows] if self._table is not None else np.empty(0, np.int32)

    def next_unlabelled(self, row: int, leaving: int = -1) -> int:
        """The next row after `row` that waits for a label, from the start again where there is none below; -1 without any.

        Pictures that were skipped come last. `leaving`: an id that does not count any more.
        """
        import numpy as np

        if self._table is None or self._ids is None:
            return -1
        open_ = (self.class_ids() < 0) & (self._ids != leaving)
        skipped = (self._table.flags[self._rows] & int(Flag.SKIPPED)) > 0
        for waiting in (np.flatnonzero(open_ & ~skipped), np.flatnonzero(open_ & skipped)):
            if len(waiting):
                at = int(waiting.searchsorted(row + 1))
                return int(waiting[at]) if at < len(waiting) else int(waiting[0])
        return -1

    def suggestion_at(self, row: int) -> Suggestion | None:
        return self._suggestions.get(self.id_at(row)) if self._suggestions else None

    def flags_at(self, row: int) -> Flag:
        return Flag(int(self._table.flags[self._rows[row]])) if self._table is not None and self._rows is not None else Flag(0)

    def flags_of(self, rows: np.ndarray) -> np.ndarray:
        """Marks of rows, uint8, bits of Flag."""
        import numpy as np

        return self._table.flags[self._rows[rows]] if self._table is not None and self._rows is not None else np.empty(0, np.uint8)

    def common_flags(self, rows: np.ndarray) -> tuple[Flag, Flag]:
        """Marks that all of these rows have, and marks that any has."""
        import numpy as np

        flags = self.flags_of(rows)
        return Flag(int(np.bitwise_and.reduce(flags))), Flag(int(np.bitwise_or.reduce(flags)))

    def class_counts(self, rows: np.ndarray) -> list[tuple[ClassRecord | None, int]]:
        """Classes of these rows (None: unlabelled) and how many have them, most frequent first."""
        import numpy as np

        counts = np.bincount(self.class_ids()[rows] + 1)
        order = sorted(np.flatnonzero(counts).tolist(), key=lambda at: -counts[at])
        return [(self._classes.get(at - 1), int(counts[at])) for at in order]

    def facts_at(self, row: int) -> Facts:
        """All that is known of a picture without reading it."""
        assert self._table is not None
        assert self._rows is not None
        at, table = self._rows[row], self._table
        said = None
        if self._scores is not None and (predicted := self._classes.get(int(self._scores.predicted[at]))) is not None:
            said = Suggestion(predicted, float(self._scores.confidence[at]))
        return Facts(
            id=int(table.ids[at]),
            name=table.names[at],
            record=self.class_at(row),
            split=self.split_at(row),
            flags=self.flags_at(row),
            width=int(table.widths[at]),
            height=int(table.heights[at]),
            bytes=int(table.sizes[at]),
            time=float(table.times[at]),
            predicted=said,
        )

    def name_at(self, row: int) -> str:
        return self._table.names[self._rows[row]] if self._table is not None and self._rows is not None else ""

    def class_at(self, row: int) -> ClassRecord | None:
        """The picture's class, or None."""
        if self._table is None or self._rows is None:
            return None
        return self._classes.get(int(self._table.class_ids[self._rows[row]]))

    def split_at(self, row: int) -> Split:
        return Split(int(self._table.splits[self._rows[row]])) if self._table is not None and self._rows is not None else Split.NONE

    # ------------------------------------------------------------ QAbstractListModel

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return len(self._ids) if self._ids is not None and not (parent is not None and parent.isValid()) else 0

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.name_at(index.row())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            record = self.class_at(index.row())
            return f"{self.name_at(index.row())} · {record.name if record is not None else self.tr('unlabelled')}"
        return None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return base | Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else base

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        return mime_of(tuple(self.id_at(index.row()) for index in indexes))


def mime_of(images: tuple[int, ...]) -> QMimeData:
    """Pictures of the project as something that can be dragged."""
    made = QMimeData()
    made.setData(MIME, json.dumps(images).encode())
    return made


def images_of(data: QMimeData) -> tuple[int, ...]:
    """Pictures of the project in something that was dragged; none where it is something else."""
    if not data.hasFormat(MIME):
        return ()
    return tuple(int(image) for image in json.loads(data.data(MIME).data()))


def paths_of(data: QMimeData) -> tuple[str, ...]:
    """Local files and folders in something that was dragged or copied."""
    return tuple(url.toLocalFile() for url in data.urls() if url.isLocalFile())
