"""What the last import took, what it warns of, and each file that it did not take with the reason, inline above the pictures."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from engine.messages import ImportFinished
from gui.theme import px, theme
from gui.widgets.basics import button, count, label
from gui.widgets.skipped_table import SkippedTable

OPEN_UP_TO = 5
"""So few files are listed without being asked for."""
WARNINGS_SHOWN = 4


class ImportReport(QFrame):
    """A banner that opens into a list.

    Attributes
    ----------
    dismissed : Signal
    crops_wanted : Signal
        The pictures had boxes: take one cut-out a box instead of one label a picture.
    """

    dismissed = Signal()
    crops_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "banner")
        self._column = QVBoxLayout(self)
        row = self._row = QHBoxLayout()
        self.words = label("", wrap=True)
        row.addWidget(self.words, 1)
        self.details = button(self.tr("Which?"), "quiet", self.tr("Each file that was not taken, and why"))
        self.details.setCheckable(True)
        self.details.toggled.connect(self._open)
        row.addWidget(self.details)
        self.copy = button(self.tr("Copy as table"), "quiet", self.tr("Copy files and reasons as a table"))
        row.addWidget(self.copy)
        self.crops = button(self.tr("Take cut-outs instead"), "", self.tr("Takes these pictures out again and imports one cut-out a box"))
        self.crops.clicked.connect(self.crops_wanted)
        row.addWidget(self.crops)
        close = button(self.tr("Done"), "quiet", self.tr("Put this away"))
        close.clicked.connect(self.dismissed)
        row.addWidget(close)
        self._column.addLayout(row)
        self.warnings = label("", "muted", wrap=True)
        self._column.addWidget(self.warnings)
        self.files = SkippedTable(self.tr("Why it was not taken"))
        self.copy.clicked.connect(self.files.copy)
        self._column.addWidget(self.files)
        self.hide()
        theme().changed.connect(self.dress)
        self.dress()

    def show_report(self, report: ImportFinished | None) -> None:
        """Show a report that says more than that all was taken; another needs no banner."""
        worth = report is not None and bool(report.skipped or report.warnings or report.boxes or report.unseen)
        self.setVisible(worth)
        if report is None or not worth:
            return
        self.words.setText(self._summary(report))
        warnings = report.warnings[:WARNINGS_SHOWN]
        more = len(report.warnings) - len(warnings)
        lines = [*warnings, self.tr("and {0} more").format(count(more))] if more else list(warnings)
        self.warnings.setText("\n".join(lines))
        self.warnings.setVisible(bool(lines))
        self.crops.setVisible(bool(report.boxes))
        self.files.show_rows(report.skipped)
        few = 0 < len(report.skipped) <= OPEN_UP_TO
        self.details.setVisible(bool(report.skipped))
        self.details.setChecked(few)
        self._open(few)

    def _summary(self, report: ImportFinished) -> str:
        not_taken = len(report.skipped) - report.known
        parts = [self.tr("1 picture was taken") if report.taken == 1 else self.tr("{0} pictures were taken").format(count(report.taken))]
        if not_taken:
            parts.append(self.tr("1 file was not") if not_taken == 1 else self.tr("{0} files were not").format(count(not_taken)))
        if report.known:
            known = self.tr("1 was in the project already") if report.known == 1 else self.tr("{0} were in the project already")
            parts.insert(1, known.format(count(report.known)))
        words = ", ".join(parts) + "."
        if report.unseen:
            total = report.taken + len(report.skipped) + report.unseen
            words = self.tr("Stopped after {0} of {1}: ").format(count(total - report.unseen), count(total)) + words
        if report.boxes == 1:
            words += " " + self.tr("1 picture had boxes and got one label.")
        elif report.boxes:
            words += " " + self.tr("{0} pictures had boxes: each got one label.").format(count(report.boxes))
        return words

    def _open(self, opened: bool) -> None:
        self.files.setVisible(opened)
        self.copy.setVisible(opened)

    def dress(self) -> None:
        self._column.setContentsMargins(px(12), px(6), px(8), px(6))
        self._column.setSpacing(px(6))
        self._row.setSpacing(px(4))
