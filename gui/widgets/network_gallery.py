"""The gallery of networks: cards under headings, a search, and beyond them what torchvision and timm offer.

Cards are worked out when they come into view, one at a time, for all together would take half a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from engine.messages import ListLibraries
from gui import networks, plan
from gui.bridge import Bridge
from gui.network_figures import scale_of
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import button, label, scrolling
from gui.widgets.network_card import NetworkCard
from gui.widgets.network_drawing import boxes_of

MOST_FOUND = 40
"""Networks of other libraries shown for a search; more are told by number."""
HEADINGS = (
    ("simple", ("neighbours", "linear", "perceptron")),
    ("convolutional", ("convolutional", "historic", "neocognitron")),
    ("inception", ("inception",)),
    ("residual", ("plain", "residual")),
    ("light", ("separable", "mobile")),
    ("transformers", ("transformer",)),
)
"""Groups of the gallery, and the families of the zoo in each; a family that is not named stands last."""


class NetworkGallery(QWidget):
    """Choose a network; `device` tells on which one it would be trained.

    Signals
    -------
    chosen(str)
        Name of a network, as `gui.networks` has it.
    new_wanted, file_wanted
        A network of one's own is wanted, from nothing or from a file.
    delete_wanted(str)
        A network of the project's own is to go.
    """

    chosen = Signal(str)
    new_wanted = Signal()
    file_wanted = Signal()
    delete_wanted = Signal(str)

    def __init__(self, bridge: Bridge, device: Callable[[], str]) -> None:
        super().__init__()
        self.setObjectName("surface")
        self._bridge, self._device = bridge, device
        self.cards: dict[str, NetworkCard] = {}
        self._stale: set[str] = set()
        self._headings: dict[str, QLabel] = {}
        self._found: list[str] = []
        self._kept_in_view = ""
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(16), px(4), 0)
        column.setSpacing(px(8))
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search networks"))
        self.search.setAccessibleName(self.tr("Search networks"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._searched)
        self.search.returnPressed.connect(self._take_first)
        column.addWidget(self.search)
        inside = QWidget()
        inside.setObjectName("surface")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, px(8), px(16))
        self._column.setSpacing(px(8))
        self._column.addStretch(1)  # few cards stay at the top
        self.new_button = button(self.tr("New network"), "", self.tr("Begin with a small network and build on it"))
        self.new_button.clicked.connect(self.new_wanted)
        self.file_button = button(self.tr("Open a network file…"), "quiet", self.tr("Read a network from a JSON file into this project"))
        self.file_button.clicked.connect(self.file_wanted)
        self.libraries_button = button(
            self.tr("Search torchvision and timm"), "quiet", self.tr("Over a thousand more networks, many with weights learned elsewhere")
        )
        self.libraries_button.clicked.connect(self._ask_libraries)
        self.libraries_note = label("", "caption", wrap=True)
        self.area: QScrollArea = scrolling(inside)
        self.area.viewport().installEventFilter(self)
        self.area.verticalScrollBar().valueChanged.connect(lambda _: self._timer.start())
        self.area.verticalScrollBar().actionTriggered.connect(lambda _: self._let_go())
        column.addWidget(self.area, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._fill_one)

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState) -> None:
        """Show the networks of a state; the chosen one is brought into view when it has changed."""
        chosen = plan.network_name(state)
        before = next((name for name, card in self.cards.items() if card.isChecked()), "")
        wanted = networks.names(state)
        if networks.is_library(chosen) and chosen not in self._found:
            self._found = [chosen, *self._found]
        self._keep_cards(state, wanted)
        self._stale = set(self.cards)
        for name, card in self.cards.items():
            card.setChecked(name == chosen)
        self.new_button.setEnabled(state.writable)
        self.file_button.setEnabled(state.writable)
        self._arrange()
        if chosen != before and chosen in self.cards:
            self._kept_in_view = chosen
        self._timer.start()

    def reveal(self, name: str) -> None:
        """Bring a card into view, once cards have the size that they will have."""
        if name in self.cards:
            self.area.ensureWidgetVisible(self.cards[name], 0, px(16))

    def _let_go(self) -> None:
        """Somebody scrolls."""
        self._kept_in_view = ""

    def _keep_cards(self, state: AppState, wanted: tuple[str, ...]) -> None:
        """Make the cards that are missing, and take away those of networks that are gone."""
        for name in [known for known in self.cards if known not in wanted and known not in self._found]:
            card = self.cards.pop(name)
            self._group.removeButton(card)
            card.hide()
            card.deleteLater()
        for name in (*wanted, *self._found):
            known = networks.card(state, name)
            card = self.cards.get(name)
            if card is not None and card.title == known.title:
                continue
            if card is not None:
                self._group.removeButton(card)
                card.hide()
                card.deleteLater()
            card = NetworkCard(known)
            card.clicked.connect(lambda _=False, name=name: self.chosen.emit(name))
            if networks.is_own(name):
                card.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
                delete = QAction(self.tr("Delete this network"), card)
                delete.triggered.connect(lambda _=False, name=name: self.delete_wanted.emit(name))
                card.addAction(delete)
            self._group.addButton(card)
            self.cards[name] = card
        if state.libraries is not None:
            self._find_in_libraries(state)

    def _find_in_libraries(self, state: AppState) -> None:
        assert state.libraries is not None
        missing = state.libraries.missing
        words = words_of(self.search.text())
        number = len(state.libraries.networks)
        text = self.tr("{number} networks of torchvision and timm: type a part of a name above.").format(number=number)
        if words:
            hits = [known.name for known in state.libraries.networks if names_it(known.name, words)]
            if len(hits) > MOST_FOUND:
                text = self.tr("{number} more match in torchvision and timm; type more of the name.").format(number=len(hits) - MOST_FOUND)
            else:
                text = self.tr("{number} match in torchvision and timm.").format(number=len(hits))
            chosen = plan.network_name(state)
            found = hits[:MOST_FOUND]
            self._found = found if chosen in found or not networks.is_library(chosen) else [chosen, *found]
        if missing:
            text += " " + self.tr("Not installed: {names}.").format(names=", ".join(missing))
        self.libraries_note.setText(text)

    # ------------------------------------------------------------ arranging

    def _arrange(self) -> None:
        """Order headings and cards; hide those that the search does not name."""
        state = self._bridge.state
        if state.libraries is not None:
            before = list(self._found)
            self._find_in_libraries(state)
            if self._found != before:
                self._keep_cards(state, networks.names(state))
                self._stale |= set(self._found) - set(before)
        words = words_of(self.search.text())
        place = 0
        for heading, names in self._groups(state):
            visible = [name for name in names if self._matches(name, words)]
            title = self._headings.get(heading)
            if title is None:
                title = self._headings[heading] = label(self._words(heading), "section")
            extra: list[QWidget] = []
            if heading == "own":
                extra = [self.new_button, self.file_button]
            elif heading == "libraries":
                extra = [self.libraries_button] if state.libraries is None else [self.libraries_note]
                asking = state.running("ListLibraries") is not None
                words = self.tr("Asking torchvision and timm …") if asking else self.tr("Search torchvision and timm")
                self.libraries_button.setText(words)
                self.libraries_button.setEnabled(not asking)
                self.libraries_button.setVisible(state.libraries is None)
                self.libraries_note.setVisible(state.libraries is not None)
            title.setVisible(bool(visible) or bool(extra))
            for widget in (title, *extra, *(self.cards[name] for name in names)):
                if self._column.indexOf(widget) != place:
                    self._column.insertWidget(place, widget)
                place += 1
            for name in names:
                self.cards[name].setVisible(name in visible)
        self._timer.start()

    def _searched(self) -> None:
        self._let_go()
        self._arrange()
        QTimer.singleShot(0, self, lambda: self.area.verticalScrollBar().setValue(0))

    def _take_first(self) -> None:
        """Return in the search takes what stands first."""
        first = next((name for name in self._in_order() if self.cards[name].isVisibleTo(self.area)), "")
        if first and self.search.text().strip():
            self.chosen.emit(first)

    def _rank(self, name: str, words: str) -> int:
        """How well a name meets what is searched for; the less the better."""
        plain = [text.lower() for text in (name.partition(":")[2] or name, self.cards[name].title)]
        if words in plain:
            return 0
        return 1 if any(text.startswith(words) for text in plain) else 2 if any(words in text for text in plain) else 3

    def _groups(self, state: AppState) -> list[tuple[str, list[str]]]:
        groups: dict[str, list[str]] = {"own": [], **{heading: [] for heading, _ in HEADINGS}, "libraries": []}
        of_family = {family: heading for heading, families in HEADINGS for family in families}
        for name in self.cards:
            if networks.is_own(name):
                groups["own"].append(name)
            elif networks.is_library(name):
                groups["libraries"].append(name)
            else:
                groups[of_family.get(networks.card(state, name).family, HEADINGS[-1][0])].append(name)
        order = {name: place for place, name in enumerate((*networks.names(state), *self._found))}
        words = self.search.text().lower().strip()
        if not words:
            return [(heading, sorted(names, key=lambda name: order.get(name, 0))) for heading, names in groups.items()]
        ranked = [
            (heading, sorted(names, key=lambda name: (self._rank(name, words), order.get(name, 0)))) for heading, names in groups.items()
        ]
        return sorted(ranked, key=lambda group: min((self._rank(name, words) for name in group[1]), default=4))

    def _matches(self, name: str, words: list[str]) -> bool:
        text = f"{name} {self.cards[name].searched}".lower()
        return names_it(text, words) or (networks.is_library(name) and self.cards[name].isChecked())

    def _words(self, heading: str) -> str:
        return {
            "own": self.tr("Your own"),
            "simple": self.tr("The simplest"),
            "convolutional": self.tr("Convolutional"),
            "inception": self.tr("Inception"),
            "residual": self.tr("Residual, and plain twins"),
            "light": self.tr("Light"),
            "transformers": self.tr("Transformers"),
            "libraries": self.tr("Other libraries"),
        }[heading]

    # ------------------------------------------------------------ working out what is in view

    def _fill_one(self) -> None:
        """Work out one card that is in view and not up to date; what they show makes cards taller, which moves those below."""
        if self._kept_in_view:
            self.reveal(self._kept_in_view)
        view = self.area.viewport()
        for name in self._in_order():
            card = self.cards[name]
            if name not in self._stale or not card.isVisibleTo(self.area):
                continue
            top = card.mapTo(view, card.rect().topLeft()).y()
            if top > view.height() + px(160) or top + card.height() < -px(160):
                continue
            self._stale.discard(name)
            self._fill(name, card)
            self._timer.start()
            return

    def _in_order(self) -> list[str]:
        return sorted(self.cards, key=lambda name: self.cards[name].y())

    def _fill(self, name: str, card: NetworkCard) -> None:
        state = self._bridge.state
        shape = plan.input_shape(state, name)
        worked = networks.worked(state, name, shape, plan.class_number(state))
        size = (shape[1], shape[2])
        if worked.error is not None:
            card.show_fit((), None, size, worked.error.message)
        elif worked.analysis is not None:
            needed = plan.memory_estimate(worked.analysis, plan.batch_taken(state), plan.last_layer_alone(state))
            room = plan.device_memory(state, self._device())
            large = self.tr("needs ≈ {needed} in training, this device has {room}")
            warning = large.format(needed=scale_of(needed, "B"), room=scale_of(room, "B")) if room and needed > room else ""
            card.show_fit(boxes_of(worked.analysis, self.tr("input")), worked.analysis.parameters, size, "", warning)
        elif networks.is_classic(name):
            card.show_fit((), None, size, "")
        else:
            card.show_unknown(size)

    def _ask_libraries(self) -> None:
        self._bridge.submit(ListLibraries())
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._timer.start()
        return super().eventFilter(watched, event)


def words_of(text: str) -> list[str]:
    """What is searched for: letters and figures, whatever stands between them."""
    return re.findall(r"[a-z0-9]+", text.lower())


def names_it(text: str, words: list[str]) -> bool:
    """Whether a text has all the words, or all of them joined: "resnet-18" finds resnet18, too."""
    plain = text.lower()
    return all(word in plain for word in words) or "".join(words) in re.sub(r"[^a-z0-9]", "", plain)
