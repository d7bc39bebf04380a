"""The foot of the window: the device that computes, and the running job with progress, time left and a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QMenu, QProgressBar, QSizePolicy, QWidget

from engine.messages import Lane
from gui.icons import icon
from gui.state import AppState, JobState
from gui.theme import colours, font, px, theme
from gui.widgets.basics import about, button, count, label
from gui.widgets.calm_wheel import calm_wheel

SHOWN_LANES = (Lane.JOBS, Lane.IMPORTS, Lane.LIVE)
"""Lanes whose jobs are shown, the most telling first. A keystroke's or a thumbnail's job is over before it could be read."""


def shown_jobs(state: AppState) -> list[JobState]:
    """Jobs worth showing: running ones first, then those that wait."""
    jobs = [job for job in state.jobs.values() if job.lane in SHOWN_LANES and (job.fraction is not None or not _quiet(job))]
    return sorted(jobs, key=lambda job: (not job.running, SHOWN_LANES.index(job.lane), job.number))


def _quiet(job: JobState) -> bool:
    """Jobs that are worth a line only when they take so long that they tell how far they are."""
    return job.lane is Lane.LIVE or job.command == "CheckFiles"


class StatusBar(QFrame):
    """Device chooser at the left, job at the right.

    Attributes
    ----------
    device_chosen : Signal(str)
        "auto" or a device's name.
    cancel_wanted : Signal(int)
        Number of the job to stop.
    """

    device_chosen = Signal(str)
    cancel_wanted = Signal(int)

    def __init__(self, device: str) -> None:
        super().__init__()
        self.setProperty("look", "status")
        self._chosen = device
        self._stopping: set[int] = set()
        self._jobs: list[JobState] = []
        self._row = QHBoxLayout(self)
        self.device = QComboBox()
        self.device.setProperty("look", "quiet")
        self.device.setAccessibleName(self.tr("Device that computes"))
        self.device.setToolTip(self.tr("The device that trains and measures"))
        self.device.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.device.addItem(self.tr("Engine is starting …"), device)
        self.device.setEnabled(False)
        self.device.activated.connect(self._choose)
        calm_wheel(self.device)
        self._row.addWidget(self.device)
        self._row.addStretch(1)
        self.job = QWidget()
        row = self._job_row = QHBoxLayout(self.job)
        row.setContentsMargins(0, 0, 0, 0)
        self.text = label()
        self.text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.left = label("", "muted")
        self.more = button("", "quiet", self.tr("All jobs"))
        self.more.clicked.connect(self._show_all)
        self.stop = button(self.tr("Stop"), "quiet", self.tr("Stop this job; what is done is kept"))
        self.stop.clicked.connect(self._cancel)
        for widget in (self.text, self.progress, self.left, self.more, self.stop):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        self._row.addWidget(self.job)
        self.job.hide()
        theme().changed.connect(self.dress)
        self.dress()

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if changed & {"engine", "engine_failure"}:
            self._show_devices(state)
        if "jobs" in changed or "training" in changed:
            self._jobs = shown_jobs(state)
            self._stopping &= set(state.jobs)
            self._show_job(state)

    def _show_devices(self, state: AppState) -> None:
        self.device.clear()
        if state.engine is None:
            broken = state.engine_failure is not None
            self.device.addItem(self.tr("No engine: see the log") if broken else self.tr("Engine is starting …"), self._chosen)
            self.device.setEnabled(False)
            return
        first = state.engine.devices[0]
        self.device.addItem(self.tr("Automatic · {0}").format(first.title), "auto")
        for record in state.engine.devices:
            self.device.addItem(record.title, record.name)
        at = self.device.findData(self._chosen)
        self.device.setCurrentIndex(max(at, 0))
        self.device.setEnabled(True)
        self.device.setToolTip(self.tr("The device that trains and measures (torch {0})").format(state.engine.torch_version))

    def _choose(self, index: int) -> None:
        self._chosen = self.device.itemData(index)
        self.device_chosen.emit(self._chosen)

    def _show_job(self, state: AppState) -> None:
        self.job.setVisible(bool(self._jobs))
        if not self._jobs:
            return
        job = self._jobs[0]
        self.text.setText(words(job, state))
        known = job.fraction is not None
        self.progress.setRange(0, 1000 if known else 0)
        if known:
            self.progress.setValue(round(1000 * job.fraction))
        parts = [f"{job.fraction * 100:.0f}\u202f%"] if known else []
        if held(job, state):
            parts.append(self.tr("paused"))
        elif job.seconds_left is not None:
            parts.append(self.tr("{0} left").format(about(job.seconds_left, job.seconds_deviation)))
        if job.images_per_second and not held(job, state):
            parts.append(self.tr("{0} pictures/s").format(count(round(job.images_per_second))))
        self.left.setText(" · ".join(parts))
        self.more.setVisible(len(self._jobs) > 1)
        self.more.setText(f"+{len(self._jobs) - 1}")
        stopping = job.number in self._stopping
        self.stop.setEnabled(not stopping)
        self.stop.setText(self.tr("Stopping …") if stopping else self.tr("Stop"))

    def _cancel(self) -> None:
        if self._jobs:
            self._cancel_job(self._jobs[0].number)

    def _cancel_job(self, number: int) -> None:
        self._stopping.add(number)
        if self._jobs and self._jobs[0].number == number:
            self.stop.setEnabled(False)
            self.stop.setText(self.tr("Stopping …"))
        self.cancel_wanted.emit(number)

    def _show_all(self) -> None:
        menu = QMenu(self)
        for job in self._jobs:
            state = self.tr("running") if job.running else self.tr("waits")
            action = menu.addAction(self.tr("Stop: {0} ({1})").format(job.text or job.title, state))
            action.triggered.connect(lambda checked=False, number=job.number: self._cancel_job(number))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.more.mapToGlobal(self.more.rect().topLeft()))

    def dress(self) -> None:
        self.setFixedHeight(px(40))
        self._row.setContentsMargins(px(8), 1, px(12), 0)
        self._row.setSpacing(px(8))
        self._job_row.setSpacing(px(10))
        self.progress.setFixedWidth(px(160))
        self.left.setFont(font(13, tabular=True))
        self.device.setIconSize(self.device.iconSize())
        self.stop.setIcon(icon("ph.stop", colours().text))


def held(job: JobState, state: AppState) -> bool:
    """Whether it is a training that a person has paused."""
    training = state.training
    return training is not None and training.running and training.job == job.number and training.paused


def words(job: JobState, state: AppState) -> str:
    """A job in words: what it is, and how far it says it is."""
    titles = {
        "Train": StatusBar.tr("Training"),
        "ResumeRun": StatusBar.tr("Training"),
        "ForkRun": StatusBar.tr("Training"),
        "FindLearningRate": StatusBar.tr("Trying learning rates"),
        "FindBatch": StatusBar.tr("Trying batch sizes"),
        "Evaluate": StatusBar.tr("Measuring"),
        "ImportPaths": StatusBar.tr("Importing pictures"),
        "ImportPicture": StatusBar.tr("Importing a picture"),
        "ImportAddresses": StatusBar.tr("Fetching pictures"),
        "ImportSet": StatusBar.tr("Importing a standard set"),
        "CheckFiles": StatusBar.tr("Looking for files"),
        "Relink": StatusBar.tr("Finding missing files"),
        "KeepFiles": StatusBar.tr("Copying files into the project"),
        "Export": StatusBar.tr("Exporting"),
        "SaveCopy": StatusBar.tr("Saving a copy"),
        "PackRun": StatusBar.tr("Packing a run"),
        "AddRun": StatusBar.tr("Adding a run"),
        "CombineRuns": StatusBar.tr("Combining runs"),
        "WriteReport": StatusBar.tr("Writing a report"),
        "ProbeTraining": StatusBar.tr("Measuring training steps"),
        "Examine": StatusBar.tr("Examining pictures"),
        "ScoreImages": StatusBar.tr("Judging pictures"),
        "ClassifyFiles": StatusBar.tr("Classifying files"),
        "ClassifyImages": StatusBar.tr("Classifying pictures"),
    }
    title = titles.get(job.command, job.title.capitalize())
    if state.training is not None and state.training.job == job.number and state.training.running:
        title = f"{title} {state.training.started.title}"
    if not job.running:
        return StatusBar.tr("{0} waits").format(title)
    return f"{title} · {job.text}" if job.text else title
