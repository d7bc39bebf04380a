"""What the last import took, and each file that it did not take with the reason, inline above the pictures."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout

from engine.messages import ImportFinished
from gui.theme import px, theme
from gui.widgets.basics import button, count, label


class ImportReport(QFrame):
    """A banner that opens into a list.

    Attributes
    ----------
    dismissed : Signal
    """

    dismissed = Signal()

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
        self.copy = button(self.tr("Copy list"), "quiet", self.tr("Copy files and reasons as a table"))
        self.copy.clicked.connect(self._copy)
        row.addWidget(self.copy)
        close = button(self.tr("Done"), "quiet", self.tr("Put this away"))
        close.clicked.connect(self.dismissed)
        row.addWidget(close)
        self._column.addLayout(row)
        self.files = QTreeWidget()
        self.files.setRootIsDecorated(False)
        self.files.setUniformRowHeights(True)
        self.files.setHeaderLabels([self.tr("File"), self.tr("Why it was not taken")])
        self.files.setAccessibleName(self.tr("Files that were not taken"))
        self.files.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self._column.addWidget(self.files)
        self._report: ImportFinished | None = None
        self.hide()
        theme().changed.connect(self.dress)
        self.dress()

    def show_report(self, report: ImportFinished | None) -> None:
        """Show a report with rejected files; one without needs no banner."""
        self._report = report
        self.setVisible(report is not None and bool(report.skipped))
        if report is None or not report.skipped:
            return
        not_taken = len(report.skipped)
        taken = self.tr("1 picture was taken") if report.taken == 1 else self.tr("{0} pictures were taken").format(count(report.taken))
        left = self.tr("1 file was not") if not_taken == 1 else self.tr("{0} files were not").format(count(not_taken))
        self.words.setText(f"{taken}, {left}.")
        self.files.clear()
        for skipped in report.skipped:
            item = QTreeWidgetItem([Path(skipped.file).name, skipped.reason])
            item.setToolTip(0, skipped.file)
            item.setToolTip(1, skipped.reason)
            self.files.addTopLevelItem(item)
        self.details.setChecked(not_taken <= 5)
        self._open(not_taken <= 5)

    def _open(self, opened: bool) -> None:
        self.files.setVisible(opened)
        self.copy.setVisible(opened)
        self.dress()

    def _copy(self) -> None:
        if self._report is not None:
            lines = [f"{skipped.file}\t{skipped.reason}" for skipped in self._report.skipped]
            QGuiApplication.clipboard().setText("\n".join(lines))

    def dress(self) -> None:
        self._column.setContentsMargins(px(12), px(6), px(8), px(6))
        self._column.setSpacing(px(6))
        self._row.setSpacing(px(4))
        lines = self.files.topLevelItemCount()
        self.files.setFixedHeight(px(30) + min(lines, 8) * px(24))
        self.files.setColumnWidth(0, px(260))
