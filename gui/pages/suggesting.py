"""Labelling what somebody suggests: a queue of pictures, accepted one by one or all at once, and asked for anew when it is done."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.messages import LabelEach, SuggestionsReady, SuggestLabels
from engine.project.records import Flag
from gui.bridge import Bridge
from gui.state import AppState
from gui.widgets.image_grid import ImageGrid
from gui.widgets.picture_filter import NO_FLAG, Filter
from gui.widgets.picture_model import Suggestion
from gui.widgets.suggestion_bar import SuggestionBar

SURE = 0.95
"""Probability from which on suggestions can be accepted all at once."""


class Suggesting(QObject):
    """The queue, while it is open.

    A picture leaves it when it has a label, wherever that came from, or when it is skipped; so no suggestion outlives its picture.

    Attributes
    ----------
    active : bool
    filter_wanted : Signal(Filter)
        The grid shall show these: the queue in its order, or all pictures when it is left.
    """

    filter_wanted = Signal(object)

    def __init__(self, bridge: Bridge, grid: ImageGrid, bar: SuggestionBar) -> None:
        super().__init__(bar)
        self._bridge, self._grid, self._bar = bridge, grid, bar
        self.active = False
        self._job = 0
        self._queue: SuggestionsReady | None = None
        self._choices: dict[int, Suggestion] = {}
        self._filter = Filter()
        self._before = Filter()
        bar.accept_wanted.connect(lambda: self.accept(grid.selected()))
        bar.accept_sure_wanted.connect(self.accept_sure)
        bar.left.connect(self.leave)

    # ------------------------------------------------------------ opening and leaving

    def toggle(self) -> None:
        """Open the queue, or leave it."""
        if self.active:
            self.leave()
        elif self._bridge.state.images is not None:
            self.active = True
            self._before = self._grid.pictures.filter
            self._ask()

    def leave(self) -> None:
        """Show what was shown before."""
        if self.active:
            self._close()
            self.filter_wanted.emit(self._before)

    def forget(self) -> None:
        """Something else is to be shown: the queue closes."""
        if self.active:
            self._close()

    def shows(self, chosen: Filter) -> bool:
        """Whether this is the filter of the queue."""
        return self.active and chosen == self._filter

    def _close(self) -> None:
        if self._job in self._bridge.state.jobs:
            self._bridge.cancel(self._job)
        self.active, self._job, self._queue, self._choices = False, 0, None, {}
        self._filter = Filter()
        self._grid.pictures.set_suggestions({})
        self._bar.hide()

    def _ask(self) -> None:
        run = self._bridge.state.run
        self._queue, self._choices = None, {}
        self._job = self._bridge.submit(SuggestLabels(run.id if run is not None else None))
        self._bar.show_words(self.tr("Looking for what is least certain…"))

    # ------------------------------------------------------------ what happens

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Follow the state; called before the grid shows it."""
        if not self.active:
            return
        if "suggestions" in changed and state.suggestions is not None and state.suggestions.job == self._job:
            self._take(state, state.suggestions)
        elif self._queue is None:
            self._follow_asking(state)
        elif "classes" in changed:
            self._choose(state)

    def shown(self, state: AppState) -> None:
        """The grid shows the state: say what is left, and ask for more when nothing is."""
        if not self.active or self._queue is None:
            return
        left, remaining = self._grid.count(), _unlabelled(state)
        if left:
            sure = len(self._sure())
            self._bar.show_queue(self._queue.source, left, remaining, sure, SURE, state.writable)
        elif not remaining:
            self._bar.show_words(self.tr("Every picture has a label."))
        elif len(self._queue.ids):
            self._ask()
        else:
            self._bar.show_words(self.tr("There is nothing more to suggest."))

    def _follow_asking(self, state: AppState) -> None:
        if self._job not in state.jobs and "SuggestLabels" in state.failures:
            self.leave()  # why, is said where all failures are

    def _take(self, state: AppState, event: SuggestionsReady) -> None:
        self._queue = event
        self._choose(state)
        images = tuple(event.ids.tolist())
        flags = self._flags(state, images)
        waiting = sum(1 for flag in flags if not flag & Flag.SKIPPED)
        without = Flag.SKIPPED if waiting else NO_FLAG  # skipped ones are asked about last, and are then all that is left
        self._filter = Filter(class_id=-1, images=images, without=without)
        self.filter_wanted.emit(self._filter)
        self._grid.select_row(0)

    def _flags(self, state: AppState, images: tuple[int, ...]) -> list[Flag]:
        import numpy as np

        from gui.widgets.picture_filter import rows_of

        if state.images is None:
            return []
        rows = rows_of(state.images.ids, np.asarray(images, np.int64))
        return [Flag(flag) for flag in state.images.flags[rows].tolist()]

    def _choose(self, state: AppState) -> None:
        """Suggestions as the grid shows them; those of classes that are gone are dropped."""
        assert self._queue is not None
        classes = {record.id: record for record in state.classes}
        each = zip(self._queue.ids.tolist(), self._queue.class_ids.tolist(), self._queue.probabilities.tolist(), strict=True)
        self._choices = {image: Suggestion(classes[class_id], probability) for image, class_id, probability in each if class_id in classes}
        self._grid.pictures.set_suggestions(self._choices)

    # ------------------------------------------------------------ accepting

    def accept(self, images: tuple[int, ...]) -> None:
        """Give pictures what is suggested for them, as one step of undo; the selection moves on to what follows."""
        accepted: dict[int, int] = {}
        for image in images:
            choice = self._choices.get(image)
            if choice is not None and self._grid.pictures.row_of(image) >= 0:
                accepted[image] = choice.record.id
        if not accepted or not self._bridge.state.writable:
            return
        ids = self._grid.pictures.ids()
        shown = ids.tolist() if ids is not None else []
        last = max(row for row, image in enumerate(shown) if image in accepted)
        then = next((row for row in (*range(last + 1, len(shown)), *range(last)) if shown[row] not in accepted), -1)
        self._bridge.submit(LabelEach(tuple(accepted), tuple(accepted.values())))
        self._grid.select_row(then)

    def accept_sure(self) -> None:
        """Give all pictures with a nearly certain suggestion that class."""
        self.accept(self._sure())

    def _sure(self) -> tuple[int, ...]:
        ids = self._grid.pictures.ids()
        shown = set(ids.tolist()) if ids is not None else set()
        return tuple(image for image, choice in self._choices.items() if choice.probability >= SURE and image in shown)


def _unlabelled(state: AppState) -> int:
    return int((state.images.class_ids < 0).sum()) if state.images is not None else 0
