"""The doctor: looks through the project, and shows what it found by severity, each with ways to mend it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from engine.messages import Examine, FindingsReady
from gui.bridge import Bridge
from gui.mending import Follower
from gui.state import AppState, JobState
from gui.theme import px, theme
from gui.widgets.basics import button, count, duration, label
from gui.widgets.finding_row import FindingRow
from gui.widgets.large_view import LargeView

SEVERITIES = ("error", "warning", "hint")


class DoctorPanel(QWidget):
    """Examines, and shows the findings.

    Attributes
    ----------
    images_wanted : Signal(tuple of int, str)
        Show these pictures in the grid.
    """

    images_wanted = Signal(object, str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._shown: FindingsReady | None = None
        self._large: LargeView | None = None
        self.rows: list[FindingRow] = []
        self._build()
        theme().changed.connect(self.dress)
        self.dress()

    def _build(self) -> None:
        self._outer = QVBoxLayout(self)
        self._top = QVBoxLayout()
        row = self._button_row = QHBoxLayout()
        self.examine = button(self.tr("Examine"), "", self.tr("Look for what is wrong with the pictures and labels of this project"))
        self.examine.clicked.connect(self.start)
        row.addWidget(self.examine)
        self.judge = label("", "caption", wrap=True)
        row.addWidget(self.judge, 1)
        self._top.addLayout(row)
        self.progress_row = QWidget()
        progress = QHBoxLayout(self.progress_row)
        progress.setContentsMargins(0, 0, 0, 0)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        progress.addWidget(self.progress, 1)
        self.stop = button(self.tr("Stop"), "quiet", self.tr("Stop looking"))
        self.stop.clicked.connect(self._cancel)
        progress.addWidget(self.stop)
        self._top.addWidget(self.progress_row)
        self.doing = label("", "caption", wrap=True)
        self._top.addWidget(self.doing)
        self.stale = label(self.tr("Labels changed since: examine again."), "warning", wrap=True)
        self._top.addWidget(self.stale)
        self.says = label("", "muted", wrap=True)
        self._top.addWidget(self.says)
        self._outer.addLayout(self._top)
        self.scroll = QScrollArea()
        self.scroll.setProperty("look", "clear")
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._list = QVBoxLayout(inner)
        self.scroll.setWidget(inner)
        self._outer.addWidget(self.scroll, 1)

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Take a state over."""
        if "findings" in changed and state.findings is not self._shown:
            self._take(state)
        if changed & {"jobs", "findings", "images", "project", "runs", "selected_run"}:
            self._dress_top(state)
        self.stale.setVisible(state.findings is not None and state.findings_stale)
        if changed & {"images", "findings", "classes", "memory", "project"}:
            for row in self.rows:
                row.render(state, row.follower.follow(state.images))
        if self._large is not None:
            self._large.render(state)

    def _take(self, state: AppState) -> None:
        self._shown = state.findings
        for row in self.rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = []
        found = state.findings.findings if state.findings is not None else ()
        for finding in sorted(found, key=lambda one: SEVERITIES.index(one.severity)):
            row = FindingRow(self._bridge, finding, Follower(finding, state.images))
            row.toggled.connect(lambda on, row=row: self.toggle(row, on))
            self._list.addWidget(row)
            self.rows.append(row)

    def _dress_top(self, state: AppState) -> None:
        job = state.running("Examine")
        number = 0 if state.images is None else len(state.images.ids)
        self.examine.setEnabled(job is None and number > 0 and state.engine is not None)
        self.examine.setText(self.tr("Examine again") if state.findings is not None else self.tr("Examine"))
        run = state.run
        self.judge.setText(self.tr("Suspect labels are judged by the run {0}.").format(run.title) if run is not None else "")
        self.progress_row.setVisible(job is not None)
        self.doing.setVisible(job is not None)
        if job is not None:
            self._show_job(job)
        self.says.setText(self._said(state, job is not None))
        self.says.setVisible(bool(self.says.text()))

    def _show_job(self, job: JobState) -> None:
        self.progress.setRange(0, 1000 if job.fraction is not None else 0)
        if job.fraction is not None:
            self.progress.setValue(round(1000 * job.fraction))
        words = job.text if job.running else self.tr("Waits for the job before it.")
        if job.seconds_left is not None:
            words = self.tr("{0} · {1} left").format(words, duration(job.seconds_left))
        self.doing.setText(words)

    def _said(self, state: AppState, running: bool) -> str:
        if state.findings is None:
            if running:
                return ""
            return self.tr(
                "Looks for files that cannot be read, duplicates (also across splits), labels that are probably wrong, classes with too "
                "few pictures, and pictures that are dark, blurred, tiny or unlike all others. Nothing is changed; mends can be undone."
            )
        examined = self.tr("1 picture was examined") if state.findings.examined == 1 else self.tr("{0} pictures were examined")
        words = examined.format(count(state.findings.examined))
        parts = [f"{words}." if state.findings.findings else self.tr("{0}: nothing found.").format(words)]
        return " ".join([*parts, *state.findings.unchecked])

    # ------------------------------------------------------------ deeds

    def start(self) -> None:
        """Let the doctor look, with the chosen run where there is one."""
        run = self._bridge.state.run
        self._bridge.submit(Examine(run.id if run is not None else None))

    def _cancel(self) -> None:
        job = self._bridge.state.running("Examine")
        if job is not None:
            self.doing.setText(self.tr("Stopping …"))
            self._bridge.cancel(job.number)

    def toggle(self, row: FindingRow, on: bool) -> None:
        """Open one finding, which folds the others, or fold it."""
        for other in self.rows:
            if other.is_open and (other is not row or not on):
                other.close_()
        if on and not row.is_open:
            view = row.open()
            view.images_wanted.connect(self.images_wanted)
            view.picture_opened.connect(self._open_large)
            row.render(self._bridge.state, row.follower.follow(self._bridge.state.images))
            view.setFocus()
            QTimer.singleShot(0, row, lambda: self._bring_up(row))

    def _bring_up(self, row: FindingRow) -> None:
        """Scroll a finding to the top, now that its height is known."""
        inner, room = self.scroll.widget(), self.scroll.viewport().size()
        self._list.activate()
        inner.resize(room.width(), max(room.height(), self._list.totalHeightForWidth(room.width())))
        self.scroll.verticalScrollBar().setValue(row.y() - px(4))

    def _open_large(self, images: tuple[int, ...], image: int) -> None:
        if self._large is None:
            self._large = LargeView(self._bridge, self.window())
            self._large.closed.connect(self._refocus)
        self._large.open(tuple(images), image)

    def _refocus(self) -> None:
        view = next((row.view for row in self.rows if row.view is not None), None)
        if view is not None:
            view.setFocus()

    def dress(self) -> None:
        self._outer.setContentsMargins(0, 0, 0, 0)
        self._outer.setSpacing(px(4))
        self._top.setContentsMargins(px(16), px(12), px(16), px(4))
        self._top.setSpacing(px(8))
        self._button_row.setSpacing(px(12))
        self._list.setContentsMargins(px(10), px(4), px(10), px(12))
        self._list.setSpacing(px(8))
        for row in self.rows:
            row.dress()
