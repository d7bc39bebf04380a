"""The right column of Train: what a run learned, how its layers fared, what was kept of its epochs; and which run that is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from gui.bridge import Bridge
from gui.looked_at import looked_at, name_of, trains
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import label, rule, scrolling
from gui.widgets.layer_health import LayerHealth
from gui.widgets.learning_panel import LearningPanel
from gui.widgets.moment_scrubber import MomentScrubber

LEARNED_FROM = frozenset({"training", "unit", "project", "runs", "looked_at", "moments", "jobs", "classes"})


class RunLooks(QWidget):
    """Three tabs that show one run, named above them. They stand at the right, where a column that grows to the left does not move them."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("surface")
        self._words = ""
        self.title: QLabel = label("", "muted")
        self.title.setContentsMargins(px(12), px(8), px(12), 0)
        self.title.setMinimumWidth(1)
        self.title.setAccessibleName(self.tr("Run that is shown"))
        self.learning = LearningPanel(bridge)
        self.health = LayerHealth(bridge)
        self.moments = MomentScrubber(bridge)
        self.tabs, self.stack = QTabBar(), QStackedWidget()
        self.tabs.setDrawBase(False)
        for widget, words in (
            (self.learning, self.tr("Learned")),
            (self.health, self.tr("Layers")),
            (self.moments, self.tr("Epochs")),
        ):
            if widget is not self.learning:
                widget.setContentsMargins(px(12), px(8), px(12), px(8))
            self.stack.addWidget(scrolling(widget))
            self.tabs.addTab(words)
        self.tabs.currentChanged.connect(self.stack.setCurrentIndex)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, px(12), 0)
        row.addStretch(1)
        row.addWidget(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(2))
        column.addWidget(self.title)
        column.addLayout(row)
        column.addWidget(rule())
        column.addWidget(self.stack, 1)
        self.setMinimumWidth(px(232))

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Show the run that is looked at."""
        if changed & {"training", "runs", "looked_at", "project", "jobs"}:
            run = looked_at(state)
            words = name_of(state, run)
            self._words = self.tr("{run}, trains now").format(run=words) if trains(state, run) else words
            self._say()
        if changed & LEARNED_FROM:
            self.learning.render(state)
        self.health.render(state, changed)
        self.moments.render(state, changed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._say()

    def _say(self) -> None:
        room = self.width() - px(24)
        self.title.setText(self.title.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideMiddle, room))
        self.title.setToolTip(self._words)
