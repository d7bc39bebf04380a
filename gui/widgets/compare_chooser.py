"""Which networks are compared: a chip each, with a cross, and a field in which another is found by a part of its name."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QComboBox, QCompleter, QPushButton, QWidget

from gui.theme import colour, colours, px, theme
from gui.widgets.basics import button
from gui.widgets.flow import FlowLayout

Option = tuple[str, str]
"""Name and title of a network."""


def colour_of(place: int) -> str:
    """The colour of the network at this place of a comparison."""
    tones = colours().curves
    return tones[place % len(tones)]


class CompareChooser(QWidget):
    """Chips and a searchable box.

    Signals
    -------
    changed(object)
        A tuple of names: one was added or taken away.
    """

    changed = Signal(object)

    def __init__(self, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most = most
        self._options: tuple[Option, ...] = ()
        self._chosen: tuple[Option, ...] = ()
        self.chips: dict[str, QPushButton] = {}
        self._flow = FlowLayout(self)
        self.box = QComboBox()
        self.box.setEditable(True)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.setAccessibleName(self.tr("Add a network to compare"))
        self.box.setToolTip(self.tr("Type a part of the name, or choose from the list"))
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(18)
        self.box.lineEdit().setPlaceholderText(self.tr("Add a network…"))
        completer = self.box.completer()
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.activated[str].connect(lambda text: self._add(self.box.findText(text)))
        self.box.activated.connect(self._add)
        self.box.lineEdit().returnPressed.connect(self._add_typed)
        self._flow.addWidget(self.box)
        theme().changed.connect(self.dress)
        self.dress()

    @property
    def names(self) -> tuple[str, ...]:
        """The networks compared, in order."""
        return tuple(name for name, _ in self._chosen)

    def set_networks(self, options: tuple[Option, ...], chosen: tuple[str, ...]) -> None:
        """Show what is compared out of what can be."""
        titles = dict(options)
        shown = tuple((name, titles.get(name, name)) for name in chosen)
        if (options, shown) == (self._options, self._chosen):
            return
        self._options, self._chosen = options, shown
        self._rebuild()

    def sizeHint(self) -> QSize:
        """Its height follows from its width; the layout's own hint has one chip a line, which is far too high."""
        return QSize(px(480), self._flow.heightForWidth(px(480)))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _rebuild(self) -> None:
        for chip in self.chips.values():
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._flow.removeWidget(self.box)
        self.chips = {}
        for name, title in self._chosen:
            alone = len(self._chosen) == 1  # something is always shown
            tip = self.tr("Add another network to compare it with") if alone else self.tr("Compare without {title}").format(title=title)
            chip = button(f" {title}" if alone else f" {title}  ×", "chip", tip)
            chip.setEnabled(not alone)
            chip.setAccessibleName(self.tr("{title}: take away").format(title=title))
            chip.clicked.connect(lambda _=False, gone=name: self._take(gone))
            self._flow.addWidget(chip)
            chip.show()
            self.chips[name] = chip
        self._flow.addWidget(self.box)
        self._fill()
        self.dress()
        self.updateGeometry()

    def _fill(self) -> None:
        self.box.blockSignals(True)
        self.box.clear()
        for name, title in self._options:
            if name not in self.chips:
                self.box.addItem(title if title == name else f"{title} ({name})", name)
        self.box.setCurrentIndex(-1)
        self.box.setEditText("")
        self.box.blockSignals(False)
        self.box.setVisible(len(self._chosen) < self._most)

    def _add(self, row: int) -> None:
        name = self.box.itemData(row) if row >= 0 else None
        if name is not None and name not in self.names:
            self.changed.emit((*self.names, name))

    def _add_typed(self) -> None:
        """Return takes what is called exactly so, else what begins so, else what has the words in it."""
        words = self.box.currentText().strip().lower()
        found: list[tuple[int, int]] = []
        for row in range(self.box.count()):
            name, text = str(self.box.itemData(row)).lower(), self.box.itemText(row).lower()
            if words and (words in text or words in name):
                exact = words in (name, text, name.partition(":")[2], text.rpartition(" (")[0])
                found.append((0 if exact else 1 if text.startswith(words) else 2, row))
        if found:
            self._add(min(found)[1])

    def _take(self, name: str) -> None:
        self.changed.emit(tuple(other for other in self.names if other != name))

    def dress(self) -> None:
        """Take over colours and scale."""
        self._flow.setSpacing(px(6))
        for place, chip in enumerate(self.chips.values()):
            dot = QPixmap(px(10), px(10))
            dot.fill(colour(colour_of(place)))
            chip.setIcon(QIcon(dot))
            chip.setIconSize(QSize(px(10), px(10)))
