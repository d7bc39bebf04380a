"""Networks of the project that come from a file, and those that were deleted and can be brought back."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from engine.messages import DeleteNetwork, Event, JobClosed, NetworksChanged, ProjectClosed, ProjectOpened, ReadNetwork, SaveNetwork
from engine.networks.layers import Network
from gui import networks
from gui.bridge import Bridge


class NetworkArrivals(QObject):
    """Reads, deletes, restores.

    Attributes
    ----------
    removed : Network or None
        The one that was deleted last, as long as it can be brought back.

    Signals
    -------
    come(str)
        Name of a network that was read or brought back: it is to be chosen.
    refused(str)
        Why a file could not be read.
    changed
        `removed` may be another now.
    """

    come = Signal(str)
    refused = Signal(str)
    changed = Signal()

    def __init__(self, bridge: Bridge, page: QWidget) -> None:
        super().__init__(page)
        self._bridge, self._page = bridge, page
        self._reading = 0
        self.removed: Network | None = None
        bridge.happened.connect(self._heard)

    def ask_for_file(self) -> None:
        """Let a file be chosen, and read it."""
        path, _ = QFileDialog.getOpenFileName(self._page, self.tr("Open a network file"), "", self.tr("Networks (*.json)"))
        if path:
            self._reading = self._bridge.submit(ReadNetwork(str(Path(path))))

    def delete(self, name: str) -> None:
        """Delete one of the project's own, named with or without what marks those."""
        self._bridge.submit(DeleteNetwork(name.removeprefix(networks.OWN)))

    def restore(self) -> bool:
        """Bring the deleted one back; tells whether there was one."""
        removed, self.removed = self.removed, None
        if removed is None:
            return False
        self._bridge.submit(SaveNetwork(removed))
        self.come.emit(networks.OWN + removed.name)
        self.changed.emit()
        return True

    def _heard(self, event: Event) -> None:
        if isinstance(event, NetworksChanged):
            kept = {network.name for network in event.networks}
            if event.removed is not None:
                self.removed = event.removed
            elif self.removed is not None and self.removed.name in kept:
                self.removed = None
            self.changed.emit()
        elif isinstance(event, ProjectOpened | ProjectClosed):
            self.removed = None
        if not self._reading or event.job != self._reading:
            return
        if isinstance(event, NetworksChanged) and event.added:
            self.come.emit(networks.OWN + event.added)
        elif isinstance(event, JobClosed) and event.failure is not None:
            self.refused.emit(f"{event.failure.message} {event.failure.remedy}".strip())
