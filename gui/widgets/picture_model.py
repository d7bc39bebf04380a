"""Pictures of the project as rows of a Qt model: a filter over the state's table, changed in place where that is possible."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.project.records import ClassRecord, ImageTable, Split
from gui.state import AppState

if TYPE_CHECKING:
    import numpy as np

MIME = "application/x-fovea-images"
RESET_ABOVE = 200
"""More separate runs of rows than this that leave at once are a reset."""


class Filter(msgspec.Struct, frozen=True):
    """Which pictures are shown; all conditions hold at once.

    Attributes
    ----------
    class_id : int or None
        Of this class; -1: unlabelled.
    split : Split or None
    text : str
        Part of the name, in any case.
    images : tuple of int or None
        Only these, for example the cell of a confusion matrix.
    words : str
        What `images` stands for.
    """

    class_id: int | None = None
    split: Split | None = None
    text: str = ""
    images: tuple[int, ...] | None = None
    words: str = ""


def filtered_rows(table: ImageTable, chosen: Filter) -> np.ndarray:
    """Rows of the table that the filter shows, int64, ascending."""
    import numpy as np

    keep = np.ones(len(table.ids), bool)
    if chosen.images is not None:
        keep &= np.isin(table.ids, np.asarray(chosen.images, np.int64))
    if chosen.class_id is not None:
        keep &= table.class_ids == chosen.class_id
    if chosen.split is not None:
        keep &= table.splits == int(chosen.split)
    if chosen.text:
        wanted = chosen.text.casefold()
        keep &= np.fromiter((wanted in name.casefold() for name in table.names), bool, len(table.names))
    return np.flatnonzero(keep)


class PictureModel(QAbstractListModel):
    """The pictures that a filter shows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table: ImageTable | None = None
        self._rows: np.ndarray | None = None
        self._ids: np.ndarray | None = None
        self._classes: dict[int, tuple[int, ClassRecord]] = {}
        self._filter = Filter()

    @property
    def filter(self) -> Filter:
        return self._filter

    def show(self, state: AppState, chosen: Filter) -> None:
        """Take over a state and a filter. Rows that only left are removed one by one, so that scrolling and selection stay."""
        self._classes = {record.id: (number, record) for number, record in enumerate(state.classes)}
        same_filter = chosen == self._filter
        self._filter = chosen
        if state.images is None:
            if self._rows is not None:
                self.beginResetModel()
                self._table = self._rows = self._ids = None
                self.endResetModel()
            return
        rows = filtered_rows(state.images, chosen)
        ids = state.images.ids[rows]
        if self._ids is None or not same_filter or not self._follow(state.images, rows, ids):
            self.beginResetModel()
            self._table, self._rows, self._ids = state.images, rows, ids
            self.endResetModel()

    def _follow(self, table: ImageTable, rows: np.ndarray, ids: np.ndarray) -> bool:
        """Go over to new rows without a reset; False where that is not worth it."""
        import numpy as np

        old = self._ids
        assert old is not None
        if np.array_equal(old, ids):
            self._table, self._rows, self._ids = table, rows, ids
            if len(ids):
                self.dataChanged.emit(self.index(0), self.index(len(ids) - 1))
            return True
        if len(ids) > len(old) and np.array_equal(ids[: len(old)], old):
            self.beginInsertRows(QModelIndex(), len(old), len(ids) - 1)
            self._table, self._rows, self._ids = table, rows, ids
            self.endInsertRows()
            return True
        gone = np.flatnonzero(~np.isin(old, ids, assume_unique=True))
        if len(old) - len(gone) != len(ids):
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
            self.endRemoveRows()
        self._table, self._rows, self._ids = table, rows, ids
        if len(ids):
            self.dataChanged.emit(self.index(0), self.index(len(ids) - 1))
        return True

    # ------------------------------------------------------------ asked by delegate and pages

    def id_at(self, row: int) -> int:
        return int(self._ids[row]) if self._ids is not None else -1

    def ids(self) -> np.ndarray | None:
        """Ids shown, int64, ascending; None without a project."""
        return self._ids

    def row_of(self, image: int) -> int:
        """The row of a picture, or -1."""
        if self._ids is None or not len(self._ids):
            return -1
        row = int(self._ids.searchsorted(image))
        return row if row < len(self._ids) and int(self._ids[row]) == image else -1

    def name_at(self, row: int) -> str:
        return self._table.names[self._rows[row]] if self._table is not None and self._rows is not None else ""

    def class_at(self, row: int) -> ClassRecord | None:
        """The picture's class, or None."""
        if self._table is None or self._rows is None:
            return None
        entry = self._classes.get(int(self._table.class_ids[self._rows[row]]))
        return entry[1] if entry is not None else None

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
