"""Which pictures are shown, and in which order: a filter and an order as records, and the rows of a table that they give."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING

import msgspec

from engine.project.records import Flag, ImageTable, Split
from gui.widgets.picture_names import NameIndex

if TYPE_CHECKING:
    import numpy as np

    from engine.messages import ScoresReady
    from engine.project.records import ClassRecord

NO_FLAG = Flag(0)


class SortBy(enum.Enum):
    """What pictures are sorted by."""

    ADDED = "added"
    """As they came into the project; pictures chosen elsewhere as they were chosen."""
    NAME = "name"
    """Numbers in names count as numbers."""
    CLASS = "class"
    DATE = "date"
    PIXELS = "pixels"
    BYTES = "bytes"
    CONFIDENCE = "confidence"
    """Probability of the class that the run gives."""
    OWN = "own"
    """Probability that the run gives the picture's label."""
    UNCERTAINTY = "uncertainty"
    """One minus the confidence."""


BY_RUN = frozenset({SortBy.CONFIDENCE, SortBy.OWN, SortBy.UNCERTAINTY})


class Order(msgspec.Struct, frozen=True):
    """In which order pictures are shown; what is not known comes last in both directions."""

    by: SortBy = SortBy.ADDED
    descending: bool = False

    @property
    def needs_scores(self) -> bool:
        return self.by in BY_RUN


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
    flags, without : Flag
        All of these marks; none of those.
    shorter, longer : tuple of int
        Least and most pixels of the shorter and of the longer side; 0: no bound.
    since, until : float or None
        When the picture was taken, in seconds since 1970: from the first on, and before the second.
    disagrees : bool
        The run gives another class than the label.
    confidence_below : float or None
        The run's confidence is below this, in [0, 1].
    """

    class_id: int | None = None
    split: Split | None = None
    text: str = ""
    images: tuple[int, ...] | None = None
    words: str = ""
    flags: Flag = NO_FLAG
    without: Flag = NO_FLAG
    shorter: tuple[int, int] = (0, 0)
    longer: tuple[int, int] = (0, 0)
    since: float | None = None
    until: float | None = None
    disagrees: bool = False
    confidence_below: float | None = None

    @property
    def needs_scores(self) -> bool:
        return self.disagrees or self.confidence_below is not None


class RowScores(msgspec.Struct, frozen=True, eq=False):
    """What a run says of each row of a table: predicted int32 (-1: nothing), confidence and own float32 (NaN: nothing)."""

    predicted: np.ndarray
    confidence: np.ndarray
    own: np.ndarray


def row_scores(table: ImageTable, scores: ScoresReady) -> RowScores:
    """Scores in the order of the table.

    A label that was changed since the run was asked has the rest of the confidence at most, and all of it where it is the prediction.
    """
    import numpy as np

    count = len(table.ids)
    predicted = np.full(count, -1, np.int32)
    confidence, own = np.full(count, np.nan, np.float32), np.full(count, np.nan, np.float32)
    if count and len(scores.ids):
        at = np.minimum(np.searchsorted(table.ids, scores.ids), count - 1)
        known = table.ids[at] == scores.ids
        rows = at[known]
        predicted[rows], confidence[rows], own[rows] = scores.predicted[known], scores.confidence[known], scores.own[known]
    agrees = predicted == table.class_ids
    own = np.where(agrees, confidence, np.fmin(own, 1 - confidence))
    own[table.class_ids < 0] = np.nan
    return RowScores(predicted, confidence, own)


def filtered_rows(table: ImageTable, chosen: Filter, names: NameIndex | None = None, scores: RowScores | None = None) -> np.ndarray:
    """Rows of the table that the filter shows, int64, ascending. Conditions on scores hold for no picture while there are none."""
    import numpy as np

    return np.flatnonzero(kept(table, chosen, names, scores))


def kept(table: ImageTable, chosen: Filter, names: NameIndex | None = None, scores: RowScores | None = None) -> np.ndarray:
    """Which rows the filter shows, bool [N]."""
    import numpy as np

    keep = np.ones(len(table.ids), bool)
    if chosen.images is not None:
        keep[:] = False
        keep[rows_of(table.ids, np.asarray(chosen.images, np.int64))] = True
    if chosen.class_id is not None:
        keep &= table.class_ids == chosen.class_id
    if chosen.split is not None:
        keep &= table.splits == int(chosen.split)
    if chosen.flags:
        keep &= (table.flags & int(chosen.flags)) == int(chosen.flags)
    if chosen.without:
        keep &= (table.flags & int(chosen.without)) == 0
    _keep_within(keep, np.minimum, table, chosen.shorter)
    _keep_within(keep, np.maximum, table, chosen.longer)
    if chosen.since is not None:
        keep &= table.times >= chosen.since  # no comparison holds for an unknown time
    if chosen.until is not None:
        keep &= table.times < chosen.until
    if chosen.needs_scores:
        if scores is None:
            keep[:] = False
        else:
            if chosen.disagrees:
                keep &= (scores.predicted >= 0) & (table.class_ids >= 0) & (scores.predicted != table.class_ids)
            if chosen.confidence_below is not None:
                keep &= scores.confidence < chosen.confidence_below
    if chosen.text:
        keep &= (names or NameIndex(table.names)).holding(chosen.text)
    return keep


def _keep_within(keep: np.ndarray, side: np.ufunc, table: ImageTable, bounds: tuple[int, int]) -> None:
    least, most = bounds
    if least or most:
        sides = side(table.widths, table.heights)
        keep &= (sides >= max(least, 1)) & (sides <= (most or math.inf))


def rows_of(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rows of those of `wanted` that are among `ids` (ascending), in the order of `wanted`."""
    import numpy as np

    if not len(ids):
        return np.empty(0, np.int64)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return at[ids[at] == wanted]


class Arrangement:
    """Gives the rows that filter and order show; keeps what is dear to work out for as long as the pictures stay the same."""

    def __init__(self) -> None:
        self._names: NameIndex | None = None
        self._scores: tuple[object, object, RowScores] | None = None
        self._order: tuple[Order, tuple[object, ...], np.ndarray] | None = None

    def rows(
        self, table: ImageTable, classes: tuple[ClassRecord, ...], chosen: Filter, order: Order, scores: ScoresReady | None = None
    ) -> np.ndarray:
        """Rows of the table as they are shown, int64. Without scores an order that needs them is that of arrival."""
        import numpy as np

        said = self.row_scores(table, scores)
        if chosen == Filter() and order == Order():
            return np.arange(len(table.ids))
        keep = kept(table, chosen, self._named(table), said)
        if order.by is SortBy.ADDED and chosen.images is not None:
            given = rows_of(table.ids, np.asarray(tuple(dict.fromkeys(chosen.images)), np.int64))
            given = given[keep[given]]
            return given[::-1] if order.descending else given
        if order.by is SortBy.ADDED or (order.needs_scores and said is None):
            rows = np.flatnonzero(keep)
            return rows[::-1] if order.descending and order.by is SortBy.ADDED else rows
        whole = self._sorted(table, classes, order, said)
        return whole[keep[whole]]

    def row_scores(self, table: ImageTable, scores: ScoresReady | None) -> RowScores | None:
        """What the run says of each row of the table; None without scores."""
        if scores is None:
            return None
        if self._scores is None or self._scores[0] is not table or self._scores[1] is not scores:
            self._scores = table, scores, row_scores(table, scores)
        return self._scores[2]

    def _named(self, table: ImageTable) -> NameIndex:
        if self._names is None or self._names.names is not table.names:
            self._names = NameIndex(table.names)
        return self._names

    def _sorted(self, table: ImageTable, classes: tuple[ClassRecord, ...], order: Order, said: RowScores | None) -> np.ndarray:
        sources: dict[SortBy, tuple[object, ...]] = {
            SortBy.NAME: (table.names,),
            SortBy.CLASS: (table.class_ids, classes),
            SortBy.DATE: (table.times,),
            SortBy.PIXELS: (table.widths, table.heights),
            SortBy.BYTES: (table.sizes,),
        }
        made_of = sources.get(order.by, (said,))
        kept_order = self._order
        if kept_order is not None and kept_order[0] == order and all(a is b for a, b in zip(kept_order[1], made_of, strict=True)):
            return kept_order[2]
        if order.by is SortBy.CLASS:
            whole = _class_order(table, classes, order.descending)
        else:
            whole = _order_of(self._key(table, order.by, said), order.descending)
        self._order = order, made_of, whole
        return whole

    def _key(self, table: ImageTable, by: SortBy, said: RowScores | None) -> np.ndarray:
        """Numbers to sort by, one a row; NaN where unknown."""
        import numpy as np

        if by is SortBy.NAME:
            return self._named(table).ranks()
        if by is SortBy.DATE:
            return table.times
        if by in (SortBy.PIXELS, SortBy.BYTES):
            amount = table.sizes if by is SortBy.BYTES else table.widths.astype(np.int64) * table.heights
            return np.where(amount > 0, amount, np.nan)
        assert said is not None
        return said.own if by is SortBy.OWN else said.confidence if by is SortBy.CONFIDENCE else 1 - said.confidence


def _class_order(table: ImageTable, classes: tuple[ClassRecord, ...], descending: bool) -> np.ndarray:
    """Rows by the place of their class, unlabelled ones last; numbers of 16 bits, for numpy sorts those by radix."""
    import numpy as np

    count = len(classes)
    places = np.full(max((record.id for record in classes), default=0) + 2, count, np.uint16 if count < 2**16 else np.uint32)
    places[[record.id + 1 for record in classes]] = np.arange(count)[::-1] if descending else np.arange(count)
    return np.argsort(places[np.minimum(table.class_ids + 1, len(places) - 1)], kind="stable")


def _order_of(key: np.ndarray, descending: bool) -> np.ndarray:
    """Rows by key; equal ones as they came, NaN at the end in both directions."""
    import numpy as np

    return np.argsort(-key if descending else key, kind="stable")
