"""The right side of the Data page: what is selected, large, and its label."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QPixmap
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from engine.messages import Classified, PictureReady
from engine.project.records import ClassRecord, Flag, Split
from gui.icons import icon
from gui.theme import px, theme
from gui.widgets.basics import button, count, label, percent
from gui.widgets.flow import FlowLayout
from gui.widgets.note_field import NoteField
from gui.widgets.picture_model import Facts
from gui.widgets.preview import FittedPicture

SPLITS = {Split.NONE: "none yet", Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test"}
ROWS = (("class", "Class"), ("split", "Split"), ("size", "Size"), ("date", "Date"), ("file", "File"), ("answer", "Answer"))
LISTED = 12
"""Classes of several selected pictures that are named."""


class Inspector(QFrame):
    """Shows one selected picture, or how many are selected.

    Attributes
    ----------
    label_chosen : Signal(object)
        Id of a class, or None.
    flag_wanted : Signal(Flag, bool)
        Set or clear a mark.
    preview_wanted, remove_wanted : Signal
    note : NoteField
    """

    label_chosen = Signal(object)
    flag_wanted = Signal(object, bool)
    preview_wanted = Signal()
    remove_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "inspector")
        self._path = ""
        self._width = 272
        self._image = -1
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 0, 0, 0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setProperty("look", "column")
        inside = QWidget()
        inside.setProperty("look", "column")
        scroll.setWidget(inside)
        outer.addWidget(scroll)
        self._column = QVBoxLayout(inside)
        self.picture = FittedPicture()
        self.picture.setCursor(Qt.CursorShape.PointingHandCursor)
        self.picture.setToolTip(self.tr("Larger (Space)"))
        self.picture.clicked.connect(self.preview_wanted)
        self._column.addWidget(self.picture)
        self.name = label("", "section", wrap=True)
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._column.addWidget(self.name)
        self._build_rows()
        self._build_flags()
        self.note = NoteField()
        self._column.addWidget(self.note)
        self.show_file = button(self.tr("Show in folder"), "quiet", self.tr("Open the folder that holds this file"))
        self.show_file.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._path).parent))))
        self.remove = button(self.tr("Remove"), "quiet", self.tr("Take out of the project (Delete); undo brings it back, the file stays"))
        self.remove.clicked.connect(self.remove_wanted)
        self._column.addWidget(self.show_file, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addStretch(1)
        theme().changed.connect(self.dress)
        self.dress()

    def _build_rows(self) -> None:
        self.label = QComboBox()
        self.label.setAccessibleName(self.tr("Class"))
        self.label.setToolTip(self.tr("The class of what is selected (its key works too)"))
        self.label.activated.connect(lambda at: self.label_chosen.emit(self.label.itemData(at)))
        grid = self._grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        self._values = {}
        for row, (key, words) in enumerate(ROWS):
            side = Qt.AlignmentFlag.AlignVCenter if key == "class" else Qt.AlignmentFlag.AlignTop
            grid.addWidget(label(self.tr(words), "muted"), row, 0, side)
            value = self._values[key] = self.label if key == "class" else label("", wrap=True)
            value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            grid.addWidget(value, row, 1)
        self._column.addLayout(grid)

    def _build_flags(self) -> None:
        """A chip for each mark that the user may set."""
        row = QWidget()
        self._marks = FlowLayout(row)
        self.flags: dict[Flag, QPushButton] = {}
        for flag, words, tip in (
            (Flag.FLAGGED, self.tr("Flag"), self.tr("Mark to come back to it (F)")),
            (Flag.SKIPPED, self.tr("Skip"), self.tr("Pass it over while labelling (S)")),
            (Flag.CONFIRMED, self.tr("Confirm"), self.tr("The label was looked at and is right")),
        ):
            chip = self.flags[flag] = button(words, "chip", tip)
            chip.setCheckable(True)
            chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # keys go on to the grid after a click
            chip.clicked.connect(lambda on, flag=flag: self.flag_wanted.emit(flag, on))
            self._marks.addWidget(chip)
        self._column.addWidget(row)

    def show_classes(self, classes: tuple[ClassRecord, ...], writable: bool) -> None:
        """Offer these classes."""
        self.label.clear()
        for record in classes:
            swatch = QPixmap(px(10), px(10))
            swatch.fill(record.colour)
            self.label.addItem(swatch, record.name, record.id)
        self.label.addItem(self.tr("unlabelled"), None)
        for widget in (self.label, self.remove, *self.flags.values()):
            widget.setEnabled(writable)
        self.note.setReadOnly(not writable)

    def show_one(self, facts: Facts, small: QPixmap | None, note: str = "") -> None:
        """Show one picture; `small` stands in until the large one comes."""
        record = facts.record
        other = facts.id != self._image
        self._image = facts.id
        self.name.setText(facts.name)
        self.label.setCurrentIndex(self.label.findData(record.id) if record is not None else self.label.count() - 1)
        self._set("split", self.tr(SPLITS[facts.split]))
        self._set("date", _moment(facts.time))
        if facts.width or other:
            self._set("size", _size(facts.width, facts.height, facts.bytes))
        self._show_flags(facts.flags, facts.flags)
        self.note.show_note(facts.id, note)
        if small is not None:
            self.picture.show_picture(small)
        elif other:
            self.picture.show_picture(None)
        if other:
            self._set("answer", "")
        if facts.predicted is not None:
            self._say(facts.predicted.record.name, facts.predicted.probability)
        self._show_rows(several=False)

    def show_several(self, counts: list[tuple[ClassRecord | None, int]], flags: tuple[Flag, Flag], small: QPixmap | None) -> None:
        """Show how many pictures are selected and which classes they have, most frequent first.

        `flags`: marks that all of them have, and marks that any has.
        """
        self._image = -1
        self.name.setText(self.tr("{0} pictures selected").format(count(sum(number for _, number in counts))))
        self.label.setCurrentIndex(-1)
        if len(counts) == 1 and counts[0][0] is not None:
            self.label.setCurrentIndex(self.label.findData(counts[0][0].id))
        shown = [(record.name if record is not None else self.tr("unlabelled"), number) for record, number in counts[:LISTED]]
        if len(counts) > LISTED:
            shown.append((self.tr("{0} more classes").format(len(counts) - LISTED), sum(number for _, number in counts[LISTED:])))
        self._set("split", "\n".join(f"{name}: {count(number)}" for name, number in shown))
        self._show_flags(*flags)
        self._path = ""
        self.note.show_note(-1, "")
        self.picture.show_picture(small)
        self._show_rows(several=True)

    def _show_flags(self, every: Flag, any_: Flag) -> None:
        for flag, chip in self.flags.items():
            chip.setChecked(bool(every & flag))
            words = chip.text().rstrip(" …")
            chip.setText(f"{words} …" if any_ & flag and not every & flag else words)

    def show_large(self, event: PictureReady, pixmap: QPixmap | None) -> None:
        """The large picture has come."""
        self.picture.show_picture(pixmap, event.error)
        self._path = event.path
        if event.original_width and not self._values["size"].text():
            self._set("size", _size(event.original_width, event.original_height, 0))
        self._set("file", Path(event.path).name if event.path else self.tr("inside the project"))
        self._values["file"].setToolTip(event.path)
        self._show_rows(several=False)

    def show_answer(self, answer: Classified | None) -> None:
        """Show what the run in use says of the one picture; None: nothing more than is known already."""
        if answer is not None and answer.probabilities is not None:
            best = int(answer.probabilities.argmax())
            self._say(answer.classes[best], float(answer.probabilities[best]))
            self._values["answer"].setToolTip(self.tr("{0} says so").format(answer.run))
            self._show_rows(several=False)

    def _say(self, name: str, probability: float) -> None:
        self._set("answer", f"{name} · {percent(probability)}")

    def _set(self, key: str, words: str) -> None:
        self._values[key].setText(words)

    def _show_rows(self, several: bool) -> None:
        """Rows that say something; of several pictures only the classes."""
        for row, (key, _) in enumerate(ROWS):
            shown = key == "class" or (bool(self._values[key].text()) and (not several or key == "split"))
            for column in (0, 1):
                self._grid.itemAtPosition(row, column).widget().setVisible(shown)
        self._grid.itemAtPosition(1, 0).widget().setText(self.tr("Classes") if several else self.tr("Split"))
        self.show_file.setVisible(bool(self._path) and not several)

    def set_width(self, width: int) -> None:
        """Width in pixels of the design."""
        self._width = width
        self.setFixedWidth(px(width))

    def dress(self) -> None:
        self.set_width(self._width)
        self._column.setContentsMargins(px(15), px(16), px(16), px(16))
        self._column.setSpacing(px(12))
        self._grid.setHorizontalSpacing(px(12))
        self._grid.setVerticalSpacing(px(6))
        self._marks.setSpacing(px(6))
        self.picture.setMinimumHeight(px(80))
        self.picture.setMaximumHeight(px(240))
        self.note.dress()
        self.show_file.setIcon(icon("ph.folder-open"))
        self.remove.setIcon(icon("ph.trash"))


def _size(width: int, height: int, size: int) -> str:
    parts = [f"{width} × {height} px"] if width and height else []
    if size:
        parts.append(bytes_words(size))
    return " · ".join(parts)


def bytes_words(size: int) -> str:
    """A number of bytes in the unit that suits.

    Examples
    --------
    >>> bytes_words(512), bytes_words(48_300), bytes_words(3_240_000)
    ('512 B', '48 kB', '3.2 MB')
    """
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def _moment(seconds: float) -> str:
    """A date and time as they are here; "" where unknown."""
    if math.isnan(seconds):
        return ""
    try:
        return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return ""  # some cameras write years that no calendar has
