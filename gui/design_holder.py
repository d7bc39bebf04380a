"""A network that is looked at or edited: its tree, its arithmetic as far as it goes, and what of it is selected."""

from __future__ import annotations

import time
from collections.abc import Iterable

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from engine.networks import editing
from engine.networks.arithmetic import LayerRow, NetworkError, analyse_partly
from engine.networks.kinds import Signal as Passing
from engine.networks.layers import Auxiliary, Flatten, GlobalPool, Layer, Network, Sequence
from gui.design_history import Selection

QUICK_SECONDS = 0.016
"""A network that takes longer to work out is worked out when the keys rest."""
REST_MILLISECONDS = 40


class Holder(QObject):
    """Holds a tree.

    Attributes
    ----------
    changed : Signal
        Another network, other rows, or another permission to edit.
    selection_changed : Signal
    """

    changed = Signal()
    selection_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._network: Network | None = None
        self._rows: tuple[LayerRow, ...] = ()
        self._error: NetworkError | None = None
        self._stale = False
        self._cost = 0.0
        self._selection: Selection = ()
        self._anchor = ""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._settle)

    @property
    def network(self) -> Network | None:
        """The tree as it is now; None for networks without one."""
        return self._network

    @property
    def rows(self) -> tuple[LayerRow, ...]:
        """As far as the signal comes."""
        self._work_out()
        return self._rows

    @property
    def error(self) -> NetworkError | None:
        """Why it comes no further."""
        self._work_out()
        return self._error

    def _put(self, network: Network | None, selection: Iterable[str]) -> None:
        """Hold a tree and a selection of it; `changed` follows, at once unless it is a large one."""
        self._network, self._stale = network, True
        self._set_selection(selection)
        if self._cost > QUICK_SECONDS:
            if not self._rest.isActive():
                self._rest.start()
            return
        self._settle()

    def _settle(self) -> None:
        self._rest.stop()
        self._work_out()
        self._tell()
        self.changed.emit()

    def _tell(self) -> None:
        """Bring what depends on tree and selection up to date."""

    def _work_out(self) -> None:
        if not self._stale:
            return
        self._stale = False
        begin = time.perf_counter()
        self._rows, self._error = analyse_partly(self._network) if self._network is not None else ((), None)
        self._cost = time.perf_counter() - begin

    # ------------------------------------------------------------ selection

    @property
    def selection(self) -> Selection:
        """Dotted names, those of a range in its order."""
        return self._selection

    @property
    def selected(self) -> str:
        """The one selected layer; "" where none is, or several are."""
        return self._selection[0] if len(self._selection) == 1 else ""

    def select(self, names: Iterable[str] | str) -> None:
        """Select layers by their dotted names; those that are not there are passed over."""
        self._anchor = ""
        self._set_selection((names,) if isinstance(names, str) else names)
        self._tell()

    def click(self, name: str) -> None:
        """A layer was clicked: with Shift the selection reaches to it, with Ctrl it joins or leaves the selection."""
        held = QGuiApplication.keyboardModifiers()
        if held & Qt.KeyboardModifier.ControlModifier and name:
            rest = tuple(other for other in self._selection if other != name)
            self.select(rest if len(rest) < len(self._selection) else (*self._selection, name))
        elif held & Qt.KeyboardModifier.ShiftModifier and self._selection:
            anchor = self._anchor or self._selection[0]
            self.select(self._between(anchor, name))
            self._anchor = anchor
        else:
            self.select(name)

    def _between(self, anchor: str, name: str) -> Selection:
        container, _ = editing.split_name(anchor)
        if self._network is None or container != editing.split_name(name)[0]:
            return (name,)
        low, high = sorted(editing.number_of(self._network, one) for one in (anchor, name))
        return tuple(editing.joined(container, layer.name) for layer in editing.contents(self._network, container)[low : high + 1])

    def _set_selection(self, names: Iterable[str]) -> None:
        found = tuple(name for name in names if name and self.layer(name) is not None)
        if found != self._selection:
            self._selection = found
            self.selection_changed.emit()

    # ------------------------------------------------------------ places

    def layer(self, name: str) -> Layer | None:
        """The record of a layer; None where there is none of this name."""
        return editing.find(self._network, name) if self._network is not None else None

    @property
    def place(self) -> tuple[str, int]:
        """Where a layer is added by key: after what is selected; without selection before the maps become a row."""
        if self._network is None:
            return "", 0
        if not self._selection:
            return "", self._before_head()
        name = self._selection[-1]
        container, _ = editing.split_name(name)
        layer = self.layer(name)
        if editing.is_branching(self._network, container) or (isinstance(layer, Sequence | Auxiliary) and not layer.layers):
            return name, len(editing.contents(self._network, name))
        return container, editing.number_of(self._network, name) + 1

    def _before_head(self) -> int:
        assert self._network is not None
        layers = self._network.body.layers
        for number, layer in enumerate(layers):
            after = self.signal_at("", number + 1)
            if isinstance(layer, GlobalPool | Flatten) or (after is not None and after.form == "flat"):
                return number
        return len(layers)

    def signal_at(self, container: str, index: int) -> Passing | None:
        """What enters at a place; None where the signal does not come that far."""
        if self._network is None:
            return None
        try:
            return editing.signal_at(self._network, container, index, {row.name: row for row in self.rows})
        except NetworkError:
            return None

    @property
    def signal(self) -> Passing | None:
        """What would enter a layer that is added by key."""
        return self.signal_at(*self.place)
