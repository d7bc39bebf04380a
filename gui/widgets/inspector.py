"""The right side of the Data page: what is selected, large, and its label."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QPixmap
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QSizePolicy, QVBoxLayout

from engine.messages import Classified, PictureReady
from engine.project.records import ClassRecord, Split
from gui.icons import icon
from gui.theme import px, theme
from gui.widgets.basics import button, count, label, percent
from gui.widgets.preview import FittedPicture

SPLITS = {Split.NONE: "none yet", Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test"}
ROWS = (("class", "Class"), ("split", "Split"), ("size", "Size"), ("file", "File"), ("answer", "Answer"))


class Inspector(QFrame):
    """Shows one selected picture, or how many are selected.

    Attributes
    ----------
    label_chosen : Signal(object)
        Id of a class, or None.
    preview_wanted, remove_wanted : Signal
    """

    label_chosen = Signal(object)
    preview_wanted = Signal()
    remove_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "inspector")
        self._path = ""
        self._width = 272
        self._column = QVBoxLayout(self)
        self.picture = FittedPicture()
        self.picture.setCursor(Qt.CursorShape.PointingHandCursor)
        self.picture.setToolTip(self.tr("Larger (Space)"))
        self.picture.clicked.connect(self.preview_wanted)
        self._column.addWidget(self.picture)
        self.name = label("", "section", wrap=True)
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._column.addWidget(self.name)
        self.label = QComboBox()
        self.label.setAccessibleName(self.tr("Class"))
        self.label.setToolTip(self.tr("The class of what is selected (its number key works too)"))
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
        self.show_file = button(self.tr("Show in folder"), "quiet", self.tr("Open the folder that holds this file"))
        self.show_file.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._path).parent))))
        self.remove = button(self.tr("Remove"), "quiet", self.tr("Take out of the project (Delete); undo brings it back, the file stays"))
        self.remove.clicked.connect(self.remove_wanted)
        self._column.addWidget(self.show_file, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addStretch(1)
        theme().changed.connect(self.dress)
        self.dress()

    def show_classes(self, classes: tuple[ClassRecord, ...], writable: bool) -> None:
        """Offer these classes."""
        self.label.clear()
        for record in classes:
            swatch = QPixmap(px(10), px(10))
            swatch.fill(record.colour)
            self.label.addItem(swatch, record.name, record.id)
        self.label.addItem(self.tr("unlabelled"), None)
        self.label.setEnabled(writable)
        self.remove.setEnabled(writable)

    def show_one(self, name: str, record: ClassRecord | None, split: Split, small: QPixmap | None) -> None:
        """Show one picture; `small` stands in until the large one comes."""
        self.name.setText(name)
        self.label.setCurrentIndex(self.label.findData(record.id) if record is not None else self.label.count() - 1)
        self._set("split", self.tr(SPLITS[split]))
        if small is not None:
            self.picture.show_picture(small)
        self.show_answer(None)

    def show_several(self, classes: list[ClassRecord | None], small: QPixmap | None) -> None:
        """Show how many pictures are selected and which classes they have."""
        self.name.setText(self.tr("{0} pictures selected").format(count(len(classes))))
        found = Counter(record.name if record is not None else self.tr("unlabelled") for record in classes)
        self.label.setCurrentIndex(-1)
        if len(found) == 1 and classes[0] is not None:
            self.label.setCurrentIndex(self.label.findData(classes[0].id))
        self._set("split", "\n".join(f"{name}: {count(number)}" for name, number in found.most_common(12)))
        self._path = ""
        self.picture.show_picture(small)
        self._show_rows(("class", "split"))

    def show_large(self, event: PictureReady, pixmap: QPixmap | None) -> None:
        """The large picture has come."""
        self.picture.show_picture(pixmap, event.error)
        self._path = event.path
        self._set("size", self.tr("{0} × {1} pixels").format(event.original_width, event.original_height))
        self._set("file", Path(event.path).name if event.path else self.tr("inside the project"))
        self._values["file"].setToolTip(event.path)
        self.show_file.setVisible(bool(event.path))

    def show_answer(self, answer: Classified | None) -> None:
        """Show what the run in use says of the one picture; None: nothing was asked."""
        if answer is not None and answer.probabilities is not None:
            best = int(answer.probabilities.argmax())
            self._set("answer", f"{answer.classes[best]} · {percent(float(answer.probabilities[best]))}")
            self._values["answer"].setToolTip(self.tr("{0} says so").format(answer.run))
        shown = ("class", "split", "size", "file")
        self._show_rows(shown if answer is None or answer.probabilities is None else (*shown, "answer"))

    def _set(self, key: str, words: str) -> None:
        self._values[key].setText(words)

    def _show_rows(self, shown: tuple[str, ...]) -> None:
        for row, (key, _) in enumerate(ROWS):
            for column in (0, 1):
                self._grid.itemAtPosition(row, column).widget().setVisible(key in shown)
        several = "file" not in shown
        self._grid.itemAtPosition(1, 0).widget().setText(self.tr("Classes") if several else self.tr("Split"))
        self.show_file.setVisible(bool(self._path) and not several)

    def set_width(self, width: int) -> None:
        """Width in pixels of the design."""
        self._width = width
        self.setFixedWidth(px(width))

    def dress(self) -> None:
        self.set_width(self._width)
        self._column.setContentsMargins(px(16), px(16), px(16), px(16))
        self._column.setSpacing(px(12))
        self._grid.setHorizontalSpacing(px(12))
        self._grid.setVerticalSpacing(px(8))
        self.picture.setMinimumHeight(px(80))
        self.picture.setMaximumHeight(px(240))
        self.show_file.setIcon(icon("ph.folder-open"))
        self.remove.setIcon(icon("ph.trash"))
