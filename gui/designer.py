"""The designer: what can be done to the layers of a network, by drag, by key and in the inspector.

Everything is worked out here, without engine and torch; each change is kept in the project within a third of a second.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget

from engine.networks import editing
from engine.networks.arithmetic import NetworkError
from engine.networks.layers import Branches, Layer, Network
from gui.bridge import Bridge
from gui.design_actions import DEEDS, deed_of, make_actions
from gui.design_editor import Editor
from gui.icons import icon
from gui.theme import theme
from gui.widgets.layer_words import field_words

RARE = ("unwrap", "add_branch")
"""Actions that only menus of containers show."""


class Designer(Editor):
    """Edits networks of the project's own; shows all others.

    The page calls `follow` when it renders, and hands over what drawing, palette and inspector tell: `click`, `drop`, `insert_kind`,
    `change_layer`, `change_network`.

    Attributes
    ----------
    palette_wanted, rename_wanted : Signal
        A layer to add is to be chosen; the name of the selected one is to be typed.
    actions : dict of str to QAction
        By id, see `gui.design_actions`.
    """

    palette_wanted = Signal()
    rename_wanted = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(bridge, parent)
        self.actions = make_actions(self, self.act)
        self._deeds: dict[str, Callable[[], object]] = {
            "add": self.palette_wanted.emit,
            "rename": self.rename_wanted.emit,
            "duplicate": lambda: self._on_selection(editing.duplicate, self.tr("duplicate {name}")),
            "remove": self._remove,
            "earlier": lambda: self._step(-1),
            "later": lambda: self._step(1),
            "residual": lambda: self._on_selection(self._wrapping(editing.wrap_residual), self.tr("wrap {name}")),
            "branches": lambda: self._on_selection(self._wrapping(editing.wrap_branches), self.tr("wrap {name}")),
            "block": lambda: self._on_selection(editing.wrap_sequence, self.tr("wrap {name}")),
            "unwrap": lambda: self._on_selection(lambda network, names: editing.unwrap(network, names[0]), self.tr("unwrap {name}")),
            "add_branch": self._add_branch,
            "fit_head": lambda: self._edit(editing.fit_head, self.tr("fit to the classes"), self._selection),
            "undo": self.undo,
            "redo": self.redo,
        }
        theme().changed.connect(self._dress)
        self._tell()

    def _dress(self) -> None:
        for deed in DEEDS:
            self.actions[deed.id].setIcon(icon(deed.icon))

    # ------------------------------------------------------------ what drawing, palette and inspector tell

    def change_layer(self, name: str, record: Layer) -> None:
        """Put another record in a layer's place; quick edits of one field are one step."""
        old = self.layer(name)
        if old is None:
            return
        after = editing.joined(editing.split_name(name)[0], record.name)
        fields = [field for field in record.__struct_fields__ if getattr(record, field) != getattr(old, field, None)]
        if record.name != old.name:
            text = self.tr("rename {name}").format(name=name)
        else:
            words = ", ".join(field_words(field).lower() for field in fields)
            text = self.tr("change {what} of {name}").format(what=words, name=name)
        chosen = tuple(after + one[len(name) :] if f"{one}.".startswith(f"{name}.") else one for one in self._selection)
        self._edit(lambda network: editing.replace_layer(network, name, record), text, chosen, (f"{name} {fields}", f"{after} {fields}"))

    def drop(self, source: str, is_new: bool, container: str, index: int) -> None:
        """A layer was dropped before number `index` of a container: a new one of a kind, or one of the network's."""
        if is_new:
            self.insert_kind(source, (container, index))
            return
        stays = editing.split_name(source)[0] == container
        text = self.tr("move {name}").format(name=source)
        self._edit(lambda network: editing.move(network, source, container, index), text, (source,) if stays else None)

    def insert_kind(self, kind: str, place: tuple[str, int] | None = None) -> None:
        """Add a layer of a kind at a place, else after what is selected; one that does not fit there is added, too, and `error` tells."""
        container, index = self.place if place is None else place
        signal = self.signal_at(container, index)

        def change(network: Network) -> Network:
            return editing.insert(network, container, index, editing.plain_layer(kind, signal, network.classes))

        self._edit(change, self.tr("add {kind}").format(kind=kind.partition(":")[2] or kind))

    # ------------------------------------------------------------ actions

    def act(self, deed: str) -> None:
        """Carry out an action on what is selected, if it can be done now."""
        if self.actions[deed].isEnabled():
            self._deeds[deed]()

    def _on_selection(self, change: Callable[[Network, tuple[str, ...]], Network], text: str) -> None:
        chosen = self._selection
        self._edit(lambda network: change(network, chosen), text.format(name=_listed(chosen)))

    def _wrapping(self, wrap: Callable[..., Network]) -> Callable[[Network, tuple[str, ...]], Network]:
        return lambda network, names: wrap(network, names, self.rows)

    def _add_branch(self) -> None:
        name = self.selected
        self._edit(lambda network: editing.add_branch(network, name, self.rows), self.tr("add a branch to {name}").format(name=name))

    def _remove(self) -> None:
        """Take the selected layers away, and select what comes in their place."""
        gone, network = editing.topmost(self._selection), self._network
        if network is None or not gone:
            return
        container, _ = editing.split_name(gone[0])
        at = min(editing.number_of(network, name) for name in gone if editing.split_name(name)[0] == container)
        try:
            left = editing.contents(editing.remove(network, gone), container)
        except NetworkError:
            left = ()  # the container has gone with its last branch
        chosen = (editing.joined(container, left[min(at, len(left) - 1)].name),) if left else ()
        self._edit(lambda network: editing.remove(network, gone), self.tr("remove {name}").format(name=_listed(gone)), chosen)

    def _step(self, steps: int) -> None:
        """Move the selected layers of one container by one place, the foremost first."""
        network, chosen = self._network, editing.topmost(self._selection)
        if network is None or len({editing.split_name(name)[0] for name in chosen}) != 1:
            return
        ordered = sorted(chosen, key=lambda name: editing.number_of(network, name), reverse=steps > 0)
        moved: list[str] = []
        after = network
        for name in ordered:
            before, after = after, editing.step(after, name, steps)
            moved.append((editing.new_names(before, after) or (name,))[0])
        text = self.tr("move {name}").format(name=_listed(chosen))
        self._edit(lambda _: after, text, tuple(moved if steps < 0 else moved[::-1]))

    def _tell(self) -> None:
        """Let actions be what they can be."""
        chosen, network = self._selection, self._network
        layer = self.layer(self.selected)
        some, one = bool(chosen), len(chosen) == 1
        branch = one and network is not None and editing.is_branching(network, editing.split_name(chosen[0])[0])
        limits = {
            "rename": one,
            "unwrap": editing.is_container(layer) and not branch,
            "add_branch": isinstance(layer, Branches),
            "undo": self.can_undo,
            "redo": self.can_redo,
        }
        for name, action in self.actions.items():
            action.setEnabled(self.editable and limits.get(name, some or name in ("add", "fit_head")))
        self.actions["undo"].setText(self.undo_text)
        self.actions["redo"].setText(self.redo_text)

    def action_list(self) -> list[QAction]:
        """The actions in the order of the menu."""
        return [self.actions[deed.id] for deed in DEEDS]

    def menu_for(self, name: str, parent: QWidget | None = None) -> QMenu:
        """What can be done with a layer, which is selected if it is not; the menu deletes itself when it closes."""
        if name and name not in self._selection:
            self.select(name)
        menu = QMenu(parent)
        menu.setObjectName("layers")
        menu.aboutToHide.connect(menu.deleteLater)
        for deed in DEEDS:
            if deed.rule:
                menu.addSeparator()
            if deed.id not in RARE or self.actions[deed.id].isEnabled():
                menu.addAction(self.actions[deed.id])
        return menu

    def popup(self, name: str, where: QPoint, parent: QWidget) -> None:
        """Open that menu at a point of the screen."""
        self.menu_for(name, parent).popup(where)

    # ------------------------------------------------------------ keys

    def install_keys(self, widget: QWidget) -> None:
        """Let keys that a widget gets act on the selected layers, before the window's own shortcuts."""
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the table are ours while the network can be edited."""
        if not isinstance(event, QKeyEvent) or event.type() not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        deed = deed_of(event)
        if not deed or not self.actions[deed].isEnabled():
            return False
        if isinstance(watched, QLineEdit) and deed not in ("undo", "redo"):
            return False  # letters and Delete are the line's own; what is typed applies at once, so undo is ours
        if event.type() == QEvent.Type.KeyPress:
            self.act(deed)
        event.accept()
        return True


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + ("…" if len(names) > 3 else "")
