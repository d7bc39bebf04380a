"""What can be done with the runs of a list: the commands, dialogs and sheets behind its signals."""

from __future__ import annotations

import zipfile
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from engine.messages import AddRun, Evaluate, PackRun, WriteReport
from engine.project.incoming import plain_name
from engine.project.records import RunRecord, Split
from engine.project.runs import RECORD
from gui.bridge import Bridge
from gui.state import AppState, RunSelected
from gui.widgets.run_compare import RunCompare
from gui.widgets.run_list import RunList

ZIP = ".zip"


class RunDeeds(QObject):
    """Carries out what a list of runs asks for.

    Parameters
    ----------
    bridge : Bridge
    runs : RunList
    page : QWidget
        Whose window dialogs and sheets belong to.

    Signals
    -------
    check_wanted
        The selected run shall be looked at closely.
    fork_wanted(str)
        A run shall begin with the weights of this one.
    """

    check_wanted = Signal()
    fork_wanted = Signal(str)

    def __init__(self, bridge: Bridge, runs: RunList, page: QWidget) -> None:
        super().__init__(page)
        self._bridge, self._page = bridge, page
        self.compare: RunCompare | None = None
        runs.wanted.connect(bridge.submit)
        runs.fork_wanted.connect(self.fork_wanted)
        runs.compare_wanted.connect(self._compare)
        runs.report_wanted.connect(self._report)
        runs.pack_wanted.connect(self._pack)
        runs.add_wanted.connect(self.add)
        runs.folder_wanted.connect(self._show_folder)
        runs.open_wanted.connect(self._open)

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Take what was measured to the comparison that is open."""
        if self.compare is not None and changed & {"evaluations"}:
            self.compare.set_evaluations(state.evaluations)
        if self.compare is not None and changed & {"project"}:
            self.compare.leave()

    def _run(self, name: str) -> RunRecord | None:
        return next((run for run in self._bridge.state.runs if run.id == name), None)

    def _open(self, run: str) -> None:
        self._bridge.dispatch(RunSelected(run=run))
        self.check_wanted.emit()

    def _compare(self, names: tuple[str, ...]) -> None:
        runs = [run for run in map(self._run, names) if run is not None]
        if self.compare is None:
            self.compare = RunCompare(self._page.window())
            self.compare.evaluation_wanted.connect(lambda run, split: self._bridge.submit(Evaluate(run, Split(split))))
        self.compare.open(runs, self._bridge.state.evaluations)

    def _report(self, name: str) -> None:
        run = self._run(name)
        if run is None:
            return
        proposed = Path.home() / plain_name(f"{run.title}-{run.id}.html")
        path, _ = QFileDialog.getSaveFileName(self._page.window(), self.tr("Report"), str(proposed), "*.html")
        if path:
            self._bridge.submit(WriteReport(name, path if path.lower().endswith((".html", ".htm")) else f"{path}.html"))

    def _pack(self, name: str) -> None:
        """A file ending in .zip is an archive, any other name a folder; what is there already is not written over."""
        run = self._run(name)
        if run is None:
            return
        archive, folder = self.tr("Archive (*.zip)"), self.tr("Folder (*)")
        proposed = str(Path.home() / plain_name(f"{run.title}-{run.id}{ZIP}"))
        path, kind = QFileDialog.getSaveFileName(
            self._page.window(),
            self.tr("Pack for another machine"),
            proposed,
            f"{archive};;{folder}",
            archive,
            QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            plain = path[: -len(ZIP)] if path.lower().endswith(ZIP) else path
            self._bridge.submit(PackRun(name, plain if kind == folder else f"{plain}{ZIP}"))

    def add(self) -> None:
        """Ask for a run that was trained elsewhere, and take it into the project."""
        wanted = self.tr("Runs ({0} *.zip)").format(RECORD)
        title = self.tr("A run: the file {0} in its folder, or an archive of the folder").format(RECORD)
        path, _ = QFileDialog.getOpenFileName(self._page.window(), title, str(Path.home()), wanted)
        if path:
            self._bridge.submit(AddRun(path))

    def take(self, paths: tuple[str, ...]) -> bool:
        """Take what was dropped, if all of it are runs; tells whether it is."""
        if not self._bridge.state.writable or not all(map(holds_run, paths)):
            return False
        for path in paths:
            self._bridge.submit(AddRun(path))
        return True

    def _show_folder(self, name: str) -> None:
        run = self._run(name)
        if run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(run.folder))


def holds_run(path: str) -> bool:
    """Whether this is the folder of a run, its record, or an archive of the folder; of archives only the list of names is read."""
    place = Path(path)
    if place.name == RECORD or (place / RECORD).is_file():
        return True
    try:
        with zipfile.ZipFile(place) as archive:
            return any(name.rpartition("/")[2] == RECORD for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
