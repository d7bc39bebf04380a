"""What narrows the pictures beyond the usual chips: one chip a condition, pressed to take it away."""

from __future__ import annotations

import datetime

from msgspec.structs import replace
from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from engine.project.records import Flag, Split
from gui.theme import px
from gui.widgets.basics import button
from gui.widgets.flow import FlowLayout
from gui.widgets.picture_filter import NO_FLAG, Filter

SPLIT_WORDS = {
    Split.TRAIN: QT_TRANSLATE_NOOP("FilterBar", "Training"),
    Split.VALIDATION: QT_TRANSLATE_NOOP("FilterBar", "Validation"),
    Split.TEST: QT_TRANSLATE_NOOP("FilterBar", "Test"),
}
FLAG_WORDS = {
    Flag.FLAGGED: QT_TRANSLATE_NOOP("FilterBar", "Flagged"),
    Flag.SKIPPED: QT_TRANSLATE_NOOP("FilterBar", "Skipped"),
    Flag.NOTED: QT_TRANSLATE_NOOP("FilterBar", "With a note"),
    Flag.CONFIRMED: QT_TRANSLATE_NOOP("FilterBar", "Confirmed"),
    Flag.MISSING: QT_TRANSLATE_NOOP("FilterBar", "File missing"),
    Flag.UNREADABLE: QT_TRANSLATE_NOOP("FilterBar", "Cannot be read"),
}


def toggled_flag(chosen: Filter, flag: Flag) -> Filter:
    """The filter with a mark wanted that was not, or no longer wanted."""
    return replace(chosen, flags=chosen.flags ^ flag, without=NO_FLAG)


def _tr(text: str) -> str:
    return QCoreApplication.translate("FilterChips", text)


def conditions(chosen: Filter, class_name: str) -> list[tuple[str, Filter]]:
    """Words for each condition that no usual chip shows, and the filter without it.

    Examples
    --------
    >>> [words for words, _ in conditions(Filter(class_id=3, shorter=(0, 64), disagrees=True), "cat")]
    ['cat', 'shorter side up to 64', 'the run says otherwise']
    """
    made: list[tuple[str, Filter]] = []
    if chosen.class_id is not None and chosen.class_id >= 0:
        made.append((class_name, replace(chosen, class_id=None)))
    for flag, words in FLAG_WORDS.items():
        if chosen.flags & flag and flag is not Flag.FLAGGED:
            made.append((QCoreApplication.translate("FilterBar", words), toggled_flag(chosen, flag)))
    if any(chosen.shorter):
        made.append((_tr("shorter side {0}").format(_range(chosen.shorter)), replace(chosen, shorter=(0, 0))))
    if any(chosen.longer):
        made.append((_tr("longer side {0}").format(_range(chosen.longer)), replace(chosen, longer=(0, 0))))
    if chosen.since is not None or chosen.until is not None:
        made.append((_dates(chosen.since, chosen.until), replace(chosen, since=None, until=None)))
    if chosen.disagrees:
        made.append((_tr("the run says otherwise"), replace(chosen, disagrees=False)))
    if chosen.confidence_below is not None:
        words = _tr("confidence below {0} %").format(round(100 * chosen.confidence_below))
        made.append((words, replace(chosen, confidence_below=None)))
    return made


def _range(bounds: tuple[int, int]) -> str:
    least, most = bounds
    if least and most:
        return _tr("{0} to {1}").format(least, most)
    return _tr("from {0}").format(least) if least else _tr("up to {0}").format(most)


def _dates(since: float | None, until: float | None) -> str:
    """Days, both ends included: `until` is the midnight after the last one."""
    first = datetime.date.fromtimestamp(since).isoformat() if since is not None else ""
    last = datetime.date.fromtimestamp(until - 1).isoformat() if until is not None else ""
    if first and last:
        return first if first == last else _tr("{0} to {1}").format(first, last)
    return _tr("from {0}").format(first) if first else _tr("until {0}").format(last)


class FilterChips(QWidget):
    """A line of chips, each with a cross; hidden where there is none.

    Attributes
    ----------
    own : QPushButton
        The chip of pictures that were chosen elsewhere.
    any_condition : bool
        Whether a condition is shown, apart from pictures chosen elsewhere and the class.
    wanted : Signal(Filter)
    """

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._flow = FlowLayout(self)
        self._chips: list[QPushButton] = []
        self.any_condition = False
        self.own = self._chip(_tr("Show all pictures again"))
        self.own.clicked.connect(lambda: self.wanted.emit(Filter()))
        self.hide()

    def _chip(self, tooltip: str) -> QPushButton:
        made = button("", "chip", tooltip)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # keys go on to the grid after a click
        self._flow.addWidget(made)
        return made

    def show_filter(self, chosen: Filter, class_name: str) -> None:
        """Show the conditions of a filter."""
        made = conditions(chosen, class_name)
        own = chosen.images is not None and bool(chosen.words)
        self.own.setText(f"{chosen.words}  ×")
        self.own.setVisible(own)
        for chip in self._chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for words, without in made:
            chip = self._chip(_tr("Show others too"))
            chip.setText(f"{words}  ×")
            chip.setAccessibleName(_tr("Filter: {0}").format(words))
            chip.clicked.connect(lambda checked=False, without=without: self.wanted.emit(without))
            chip.show()
            self._chips.append(chip)
        self.any_condition = len(made) > (chosen.class_id is not None and chosen.class_id >= 0)
        self.setVisible(own or bool(made))

    def dress(self) -> None:
        self._flow.setContentsMargins(px(12), px(8), px(12), 0)
        self._flow.setSpacing(px(6))
