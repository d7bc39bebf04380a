"""Keeps the network that is edited in the project, soon after each change, and lets the plan follow its name."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from engine.messages import Event, JobClosed, NetworksChanged, Outcome, SaveNetwork
from engine.networks.layers import Network
from gui import networks, plan
from gui.bridge import Bridge

KEPT_MILLISECONDS = 300


class Save(msgspec.Struct, frozen=True):
    """A SaveNetwork on its way: the names before and after, and whether the plan should follow."""

    before: str
    name: str
    chosen: bool


class Keeper(QObject):
    """Sends a network to the project.

    Attributes
    ----------
    name : str
        Under which the project keeps it, or will; "" for none of the project's own.
    dirty : bool
        Whether there are changes that were not sent.
    renamed : Signal(str, str)
        The project keeps it by another name than was wanted: the one wanted, the one kept.
    """

    renamed = Signal(str, str)

    def __init__(self, bridge: Bridge, network: Callable[[], Network | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._network = network
        self.name = ""
        self.dirty = False
        self._saves: dict[int, Save] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(KEPT_MILLISECONDS)
        self._timer.timeout.connect(self.flush)
        bridge.happened.connect(self._heard)

    @property
    def busy(self) -> bool:
        """Whether anything is on its way."""
        return self.dirty or bool(self._saves)

    @property
    def renaming(self) -> bool:
        """Whether the project does not know the newest name yet."""
        return any(save.before != save.name for save in self._saves.values())

    def open(self, name: str) -> None:
        """From now on keep what is known by this name."""
        self._timer.stop()
        self.name, self.dirty = name, False

    def forget(self) -> None:
        """Let go of everything, as when another project is open."""
        self.open("")
        self._saves.clear()

    def touch(self) -> None:
        """The network has changed."""
        self.dirty = True
        if not self._timer.isActive():
            self._timer.start()

    def flush(self) -> None:
        """Send what was changed now."""
        self._timer.stop()
        network = self._network()
        if not self.dirty or network is None:
            return
        self.dirty = False
        before, self.name = self.name, network.name
        chosen = not before or plan.network_name(self._bridge.state) == networks.OWN + before
        self._saves[self._bridge.submit(SaveNetwork(network, before))] = Save(before, network.name, chosen)

    def _heard(self, event: Event) -> None:
        if isinstance(event, NetworksChanged):
            self._kept(event)
        elif isinstance(event, JobClosed) and event.job in self._saves:
            save = self._saves.pop(event.job)
            if event.outcome is not Outcome.COMPLETED and self.name == save.name:
                self.name, self.dirty = save.before, True  # the next change tries again

    def _kept(self, event: NetworksChanged) -> None:
        """What the project has: the plan follows one that was made or renamed; one that was deleted is not sent again."""
        names = {network.name for network in event.networks}
        save = self._saves.get(event.job)
        if save is not None:
            kept = event.added or save.name
            if kept != save.name and self.name == save.name:
                self.name = kept
                self.renamed.emit(save.name, kept)
            if save.chosen and kept != save.before and kept in names:
                plan.keep(self._bridge, plan.NETWORK, networks.OWN + kept)
        elif not self._saves and self.name and self.name not in names:
            self.open("")
