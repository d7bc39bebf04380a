"""Which pictures are shown: chips for all, the unlabelled and the splits, one for pictures chosen elsewhere, and a search by name."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QSizePolicy, QWidget

from engine.project.records import Split
from gui.theme import px
from gui.widgets.basics import button
from gui.widgets.picture_model import Filter

SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


class FilterBar(QWidget):
    """Shows a filter and lets the user want another one.

    Attributes
    ----------
    wanted : Signal(Filter)
    left, entered : Signal
        Esc in the search field; Return or the arrow down in it, for the first picture found.
    """

    wanted = Signal(object)
    left = Signal()
    entered = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._filter = Filter()
        self._any_pictures = False
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self.chips: dict[object, QPushButton] = {}
        for name, words in (
            ("all", self.tr("All")),
            ("unlabelled", self.tr("Unlabelled")),
            (Split.TRAIN, self.tr("Training")),
            (Split.VALIDATION, self.tr("Validation")),
            (Split.TEST, self.tr("Test")),
        ):
            chip = self.chips[name] = button(words, "chip")
            chip.setCheckable(True)
            chip.clicked.connect(lambda checked=False, name=name: self._press(name))
            self._row.addWidget(chip)
        self.own = button("", "chip", self.tr("Show all pictures again"))
        self.own.setCheckable(True)
        self.own.clicked.connect(lambda: self.wanted.emit(Filter()))
        self.own.hide()
        self._row.addWidget(self.own)
        self._row.addStretch(1)
        self.search = QLineEdit()
        self.search.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.search.setPlaceholderText(self.tr("Find by name"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Find a picture by name"))
        self.search.installEventFilter(self)
        self.search.textEdited.connect(self._type)
        self._row.addWidget(self.search, 100)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(160), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        """Leave out the splits' chips where there is no room for them, but for one that filters."""
        gap = self._row.spacing()
        always = (
            [self.chips["all"], self.chips["unlabelled"], self.own] if self._filter.images is not None else list(self.chips.values())[:2]
        )
        splits = [self.chips[split] for split in SPLITS]
        needed = self.search.minimumWidth() + sum(chip.sizeHint().width() + gap for chip in [*always, *splits])
        for split, chip in zip(SPLITS, splits, strict=True):
            chip.setVisible(self._any_pictures and (self.width() >= needed or self._filter.split == split))

    def show_filter(self, chosen: Filter, any_pictures: bool) -> None:
        """Show what is filtered; without any picture in the project the splits' chips are left out."""
        self._filter = chosen
        if self.search.text().strip() != chosen.text:
            self.search.setText(chosen.text)
        self.chips["all"].setChecked(chosen == Filter(text=chosen.text))
        self.chips["unlabelled"].setChecked(chosen.class_id == -1)
        for split in SPLITS:
            self.chips[split].setChecked(chosen.split == split)
        self._any_pictures = any_pictures
        self.own.setVisible(chosen.images is not None)
        self.own.setChecked(True)
        self.own.setText(f"{chosen.words}  ×")
        self._fold()

    def _type(self, text: str) -> None:
        self.wanted.emit(replace(self._filter, text=text.strip()))

    def _press(self, name: object) -> None:
        chosen = replace(self._filter, images=None, words="")
        if name == "all":
            self.wanted.emit(Filter(text=chosen.text))
        elif name == "unlabelled":
            self.wanted.emit(replace(chosen, class_id=None if chosen.class_id == -1 else -1))
        else:
            self.wanted.emit(replace(chosen, split=None if chosen.split == name else Split(name)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape:
                self._type("")
                self.left.emit()
                return True
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.entered.emit()
                return True
        return False

    def dress(self) -> None:
        self._row.setSpacing(px(8))
        self.search.setMinimumWidth(px(90))
        self.search.setMaximumWidth(px(150))
