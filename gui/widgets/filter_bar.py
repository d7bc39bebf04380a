"""Which pictures are shown: chips for the usual choices, a menu with all others, and a search by name."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QPushButton, QSizePolicy, QWidget

from engine.project.records import Flag, Split
from gui.theme import px
from gui.widgets.basics import button
from gui.widgets.filter_chips import FLAG_WORDS, SPLIT_WORDS, FilterChips, toggled_flag
from gui.widgets.picture_model import Filter
from gui.widgets.range_box import RangeBox

SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)
FLAGGED = "FLAGGED"
"""Marks are named by their words here: as numbers some of them are equal to splits."""
CONFIDENCES = (0.5, 0.7, 0.9, 0.95)


class FilterBar(QWidget):
    """Shows a filter and lets the user want another one.

    Attributes
    ----------
    active : FilterChips
        A line of chips for the conditions that no chip here shows; it stands where its owner puts it.
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
            *((split, self.tr(SPLIT_WORDS[split])) for split in SPLITS),
            (FLAGGED, self.tr(FLAG_WORDS[Flag.FLAGGED])),
        ):
            chip = self.chips[name] = button(words, "chip")
            chip.setCheckable(True)
            chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # keys go on to the grid after a click
            chip.clicked.connect(lambda checked=False, name=name: self._press(name))
            self._row.addWidget(chip)
        self.more = button(self.tr("More ▾"), "chip", self.tr("Show by mark, size, date or what the run says"))
        self.more.setCheckable(True)
        self.more.setMenu(self._menu())
        self._row.addWidget(self.more)
        self.active = FilterChips()
        self.active.wanted.connect(self.wanted)
        self.own = self.active.own
        self.ranges = RangeBox(self)
        self.ranges.wanted.connect(self.wanted)
        self._row.addStretch(1)
        self.search = QLineEdit()
        self.search.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.search.setPlaceholderText(self.tr("Find by name"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Find a picture by name"))
        self.search.installEventFilter(self)
        self.search.textEdited.connect(self._type)
        self._row.addWidget(self.search, 100)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.choices: dict[object, QAction] = {}

        def choice(name: object, words: str) -> QAction:
            action = self.choices[name] = menu.addAction(words, lambda: self._press(name))
            action.setCheckable(True)
            return action

        for split in SPLITS:
            choice(split, self.tr(SPLIT_WORDS[split]))
        menu.addSeparator()
        for flag, words in FLAG_WORDS.items():
            choice(flag.name, self.tr(words))
        menu.addSeparator()
        choice("disagrees", self.tr("The run says otherwise"))
        below = menu.addMenu(self.tr("The run's confidence"))
        for bound in CONFIDENCES:
            words = self.tr("below {0} %").format(round(100 * bound))
            action = self.choices[bound] = below.addAction(words, lambda bound=bound: self._press(bound))
            action.setCheckable(True)
        menu.addSeparator()
        menu.addAction(self.tr("Size and date…"), self.open_ranges)
        menu.aboutToShow.connect(self._check_menu)
        return menu

    def _check_menu(self) -> None:
        chosen = self._filter
        for name, action in self.choices.items():
            if isinstance(name, Split):
                action.setChecked(chosen.split == name)
            elif isinstance(name, float):
                action.setChecked(chosen.confidence_below == name)
            else:
                action.setChecked(chosen.disagrees if name == "disagrees" else bool(chosen.flags & Flag[str(name)]))

    def open_ranges(self) -> None:
        """Ask for sizes and dates, below the menu's button."""
        self.ranges.ask(self._filter, self.more)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(160), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        """Leave out chips where there is no room for them, but for one that filters; the menu has them too."""
        gap = self._row.spacing()
        always = [self.chips["all"], self.chips["unlabelled"], *([self.more] if self._any_pictures else [])]
        room = self.width() - self.search.minimumWidth() - gap - sum(chip.sizeHint().width() + gap for chip in always)
        flagged = self.chips[FLAGGED]
        width = flagged.sizeHint().width() + gap
        shown = self._any_pictures and (room >= width or flagged.isChecked())
        flagged.setVisible(shown)
        room -= width if shown else 0
        all_splits = room >= sum(self.chips[split].sizeHint().width() + gap for split in SPLITS)
        for split in SPLITS:
            self.chips[split].setVisible(self._any_pictures and (all_splits or self._filter.split == split))
        self.more.setVisible(self._any_pictures)

    def show_filter(self, chosen: Filter, any_pictures: bool, class_name: str = "", any_run: bool = False) -> None:
        """Show what is filtered; without any picture in the project most chips are left out."""
        self._filter = chosen
        if self.search.text().strip() != chosen.text:
            self.search.setText(chosen.text)
        self.chips["all"].setChecked(chosen == Filter(text=chosen.text))
        self.chips["unlabelled"].setChecked(chosen.class_id == -1 and chosen.images is None)
        for split in SPLITS:
            self.chips[split].setChecked(chosen.split == split)
        self.chips[FLAGGED].setChecked(bool(chosen.flags & Flag.FLAGGED))
        for name in ("disagrees", *CONFIDENCES):
            self.choices[name].setEnabled(any_run)
            self.choices[name].setToolTip("" if any_run else self.tr("Train first: a run must say what it sees"))
        self._any_pictures = any_pictures
        self.active.show_filter(chosen, class_name)
        self.more.setChecked(self.active.any_condition)
        self._fold()

    def _type(self, text: str) -> None:
        self.wanted.emit(replace(self._filter, text=text.strip()))

    def _press(self, name: object) -> None:
        old = self._filter
        chosen = replace(old, images=None, words="", without=Flag(0))
        if name == "all":
            chosen = Filter(text=chosen.text)
        elif name == "unlabelled":
            chosen = replace(chosen, class_id=None if chosen.class_id == -1 and old.images is None else -1)
        elif name == "disagrees":
            chosen = replace(old, disagrees=not old.disagrees)
        elif isinstance(name, str):
            chosen = toggled_flag(old, Flag[name])
        elif isinstance(name, Split):
            chosen = replace(chosen, split=None if chosen.split == name else name)
        elif isinstance(name, float):
            chosen = replace(old, confidence_below=None if old.confidence_below == name else name)
        self.wanted.emit(chosen)
        if chosen == old:
            self.show_filter(old, self._any_pictures)  # a chip that was pressed although it was down stays down

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
        self.active.dress()
