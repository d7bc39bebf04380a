"""What Ctrl+K finds: actions, classes, runs and networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QKeySequence

from gui import networks, plan
from gui.state import RunSelected
from gui.widgets.palette import Entry
from gui.widgets.picture_model import Filter

if TYPE_CHECKING:
    from gui.main_window import MainWindow


def found(window: MainWindow) -> list[Entry]:
    """All that can be found in a window now; actions that cannot be used now are left out."""
    entries = []
    for record in window.actions_.records:
        action = window.actions_[record.id]
        if record.id != "palette" and action.isEnabled():
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            entries.append(Entry(action.text().rstrip("…"), keys, record.icon, action.trigger))
    state = window.bridge.state
    for kind in state.classes:
        entries.append(Entry(kind.name, _words("class"), "ph.tag", lambda class_id=kind.id: _show_class(window, class_id)))
    for run in state.runs:
        words = f"{run.title} · {run.created[:16].replace('T', ' ')}"
        entries.append(Entry(words, _words("run"), "ph.chart-line-up", lambda name=run.id: _show_run(window, name)))
    if state.project is not None:
        for name in networks.names(state):
            title = networks.card(state, name).title if networks.is_own(name) else name
            entries.append(Entry(title, _words("network"), "ph.tree-structure", lambda name=name: _show_network(window, name)))
    return entries


def _words(text: str) -> str:
    return QCoreApplication.translate("found", text)


def _show_class(window: MainWindow, class_id: int) -> None:
    window.show_page("data")
    window.page("data").show_filter(Filter(class_id=class_id))


def _show_run(window: MainWindow, run: str) -> None:
    window.bridge.dispatch(RunSelected(run=run))
    window.show_page("check")


def _show_network(window: MainWindow, name: str) -> None:
    window.show_page("model")
    plan.keep(window.bridge, plan.NETWORK, name)
