"""Editing of a network that the project keeps: what may be edited, each change as a step, back and forth."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QObject, Signal

from engine.messages import DeleteNetwork
from engine.networks import editing
from engine.networks.arithmetic import NetworkError
from engine.networks.layers import Activation, Conv, Flatten, Layer, Linear, Network, Pool, Sequence, Shape
from gui import networks, plan
from gui.bridge import Bridge
from gui.design_history import History, Selection, Step
from gui.design_holder import Holder
from gui.design_keeper import Keeper
from gui.state import AppState

Change = Callable[[Network], Network]


class Editor(Holder):
    """Holds the chosen network; those of the project's own can be edited.

    Attributes
    ----------
    refused : Signal(str)
        Why something was not done; "" takes it back.
    """

    refused = Signal(str)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._name = ""
        self._folder = ""
        self._why_not = ""
        self._seen: Network | None = None
        self._history = History()
        self._histories: dict[str, History] = {}
        self._keeper = Keeper(bridge, lambda: self._network, self)
        self._keeper.renamed.connect(self._adopt)

    @property
    def name(self) -> str:
        """As `gui.networks` has it, "own:NAME" or of the zoo; "" where nothing is open."""
        return networks.OWN + self._keeper.name if self._keeper.name else self._name

    @property
    def editable(self) -> bool:
        return self._network is not None and not self._why_not

    @property
    def why_not(self) -> str:
        """Why it cannot be edited, in a sentence; "" where it can."""
        return self._why_not

    # ------------------------------------------------------------ opening

    def follow(self, state: AppState, name: str) -> None:
        """Hold the chosen network of a state, fitted to the project's pictures. Edits that are under way stay."""
        folder = state.folder
        if folder != self._folder:
            self._forget()
            self._folder = folder
        if self._keeper.renaming and name != self.name:
            return  # the plan follows when the project knows the name
        shape, classes = plan.input_shape(state, name), plan.class_number(state)
        own = networks.own(state, name)
        found = own if own is not None else networks.worked(state, name, shape, classes).tree
        if name != self.name:
            self.flush()
            self._open(name, found, shape, classes)
        elif found is not self._seen and not self._keeper.busy and (own is None or own != self._network):
            self._open(name, found, shape, classes)
        elif self._network is not None and (self._network.input, self._network.classes) != (shape, classes):
            self._put(editing.fitted(self._network, shape, classes), self._selection)
        self._seen = found
        self._permit(self._reason(state, own, found))

    def _reason(self, state: AppState, own: Network | None, found: Network | None) -> str:
        if own is None and self._keeper.name:
            return ""  # made a moment ago
        if own is None:
            return self.tr("This network comes as it is. Edit a copy.") if found is not None else self.tr("It has no layers to edit.")
        if state.project is not None and state.project.read_only:
            return self.tr("This project can only be read: {reason}").format(reason=state.project.read_only)
        return ""

    def _permit(self, why_not: str) -> None:
        if why_not != self._why_not:
            self._why_not = why_not
            self._tell()
            self.changed.emit()

    def _open(self, name: str, network: Network | None, shape: Shape, classes: int) -> None:
        if self._history.done or self._history.undone:
            self._histories[self.name] = self._history
        fitted = editing.fitted(network, shape, classes) if network is not None else None
        kept = self._histories.get(name)
        self._history = kept if kept is not None and fitted is not None and kept.ends_in(fitted) else History()
        self._name = name
        self._keeper.open(name.removeprefix(networks.OWN) if networks.is_own(name) else "")
        self._put(fitted, ())

    def _forget(self) -> None:
        """Begin anew, as when another project is open."""
        self._keeper.forget()
        self._histories.clear()
        self._history, self._name, self._seen = History(), "", None
        self._put(None, ())

    def edit_copy(self, network: Network) -> str:
        """Make a copy one's own, let the plan choose it, and edit it; gives its name, "own:NAME"."""
        title = self.tr("{title} copy").format(title=network.title or network.name)
        return self._begin(network, f"{network.name.rpartition(':')[2] or 'network'}-copy", title)

    def start_empty(self, input: Shape, classes: int) -> str:
        """Begin with a small network that works; gives its name, "own:NAME"."""
        return self._begin(small_network(input, classes), "my-network", self.tr("My network"))

    def _begin(self, network: Network, name: str, title: str) -> str:
        self.flush()
        taken = {known.name.casefold() for known in self._bridge.state.networks} | {self._keeper.name.casefold()}
        number = next(number for number in range(1, len(taken) + 2) if _numbered(name, number, "-").casefold() not in taken)
        made = msgspec.structs.replace(network, name=_numbered(name, number, "-"), title=_numbered(title, number, " "))
        self._open("", made, made.input, made.classes)
        self._keeper.touch()
        self._keeper.flush()
        self._permit("")
        self._tell()
        return self.name

    def delete(self) -> None:
        """Delete the network from the project."""
        if self.editable:
            name = self._keeper.name
            self._keeper.open("")
            self._bridge.submit(DeleteNetwork(name))
            self._permit(self.tr("This network was deleted."))

    # ------------------------------------------------------------ changes

    def _edit(self, change: Change, text: str, selection: Selection | None = None, keys: tuple[str, str] = ("", "")) -> bool:
        """Change the tree as one step.

        Parameters
        ----------
        change : function
            From tree to tree.
        text : str
            What it does, for the menu.
        selection : tuple of str, optional
            Afterwards; None: what is new.
        keys : (str, str)
            What is edited, by its name before and after; edits of the same that follow quickly become one step.

        Returns
        -------
        bool
            Whether anything has changed.
        """
        before = self._network
        if before is None or not self.editable:
            self.refused.emit(self._why_not)
            return False
        try:
            after = change(before)
        except NetworkError as error:
            self.refused.emit(str(error))
            return False
        self.refused.emit("")
        if after == before:
            return False
        chosen = selection if selection is not None else editing.new_names(before, after) or self._selection
        self._history.add(Step(before, after, self._selection, chosen, text, keys[1]), keys[0])
        self._put(after, chosen)
        self._keeper.touch()
        return True

    def change_network(self, record: Network) -> None:
        """Give the network another title, or another name, under which the project keeps it."""
        old = self._network
        if old is None or (record.title, record.name) == (old.title, old.name):
            return
        name = record.name.strip()
        others = {known.name.casefold() for known in self._bridge.state.networks if known.name not in (old.name, self._keeper.name)}
        if name.casefold() in others or not name:
            taken = self.tr('There is a network "{name}" already. Choose another name.').format(name=name)
            self.refused.emit(taken if name else self.tr("A network needs a name."))
            return
        field = "title" if record.title != old.title else "name"

        def rename(network: Network) -> Network:
            return msgspec.structs.replace(network, title=record.title, name=name)

        self._edit(rename, self.tr("rename the network"), self._selection, (f"network {field}",) * 2)

    # ------------------------------------------------------------ back and forth

    @property
    def can_undo(self) -> bool:
        return self.editable and bool(self._history.done)

    @property
    def can_redo(self) -> bool:
        return self.editable and bool(self._history.undone)

    @property
    def undo_text(self) -> str:
        """For the menu: "Undo: remove conv2"."""
        return self.tr("Undo: {what}").format(what=self._history.done[-1].text) if self.can_undo else self.tr("Undo")

    @property
    def redo_text(self) -> str:
        """For the menu: "Redo: remove conv2"."""
        return self.tr("Redo: {what}").format(what=self._history.undone[-1].text) if self.can_redo else self.tr("Redo")

    def undo(self) -> None:
        """Take the last change back."""
        step = self._history.back() if self.editable else None
        if step is not None:
            self._return_to(step.before, step.selected_before)

    def redo(self) -> None:
        """Do the change again that was taken back last."""
        step = self._history.forth() if self.editable else None
        if step is not None:
            self._return_to(step.after, step.selected_after)

    def _return_to(self, network: Network, selection: Selection) -> None:
        now = self._network
        assert now is not None
        self.refused.emit("")
        self._put(editing.fitted(network, now.input, now.classes), selection)
        self._keeper.touch()

    # ------------------------------------------------------------ keeping

    def flush(self) -> None:
        """Keep what was changed now; when the page, the network or the project is left, and before a training."""
        self._keeper.flush()

    def _adopt(self, wanted: str, kept: str) -> None:
        """Call the network as the project keeps it."""
        self._history.rename(wanted, kept)
        if self._network is not None and self._network.name == wanted:
            self._put(msgspec.structs.replace(self._network, name=kept), self._selection)


def small_network(input: Shape, classes: int) -> Network:
    """A small network that works for any picture: one convolution, pooling, one linear layer."""
    window = min(2, input[1]), min(2, input[2])
    layers: tuple[Layer, ...] = (
        Conv("conv1", 16, (3, 3), (1, 1), (1, 1)),
        Activation("relu1"),
        Pool("pool1", "max", window, window),
        Flatten("flatten"),
        Linear("linear", classes),
    )
    return Network("my-network", "My network", 0, "own", input, classes, Sequence("body", layers))


def _numbered(word: str, number: int, between: str) -> str:
    return word if number == 1 else f"{word}{between}{number}"
