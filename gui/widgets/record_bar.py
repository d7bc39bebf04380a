"""Hold to record: the camera's frames go into a class as long as a button or R is held."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout

from engine.project.records import ClassRecord, ImageTable
from gui.theme import px, theme
from gui.widgets.basics import button, count, label, set_look

KEY = Qt.Key.Key_R


class RecordBar(QFrame):
    """A class to be chosen or typed, a button to hold, and how many frames are on disk.

    Attributes
    ----------
    began : Signal(int)
        Record into this class from now on.
    ended : Signal
        No longer.
    class_wanted : Signal(str)
        There shall be a class of this name; `set_classes` with it begins the recording, if the button is still held.
    """

    began = Signal(int)
    ended = Signal()
    class_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._classes: tuple[ClassRecord, ...] = ()
        self._held = False
        self._into: int | None = None
        self._wanted = ""
        self._highest = -1
        self._images: ImageTable | None = None
        self.setProperty("look", "card")
        row = self._row = QHBoxLayout(self)
        self.words = label(self.tr("Record into"))
        row.addWidget(self.words)
        self.box = QComboBox()
        self.box.setEditable(True)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.setAccessibleName(self.tr("Class to record into"))
        self.box.lineEdit().setPlaceholderText(self.tr("a class, or type a new one"))
        self.box.setMinimumContentsLength(16)
        self.box.lineEdit().textChanged.connect(lambda _: self._enable())
        row.addWidget(self.box, 1)
        self.button = button(self.tr("Hold to record (R)"), "", self.tr("Ten frames a second go into the class while it is held"))
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.pressed.connect(self.press)
        self.button.released.connect(self.release)
        row.addWidget(self.button)
        self.counter = label("", "figure")
        row.addWidget(self.counter)
        theme().changed.connect(self.dress)
        self.dress()
        self._enable()

    def dress(self) -> None:
        """Take over the scale."""
        self._row.setContentsMargins(px(12), px(6), px(12), px(6))
        self._row.setSpacing(px(8))
        self.counter.setMinimumWidth(px(96))

    # ------------------------------------------------------------ what there is

    def set_classes(self, classes: tuple[ClassRecord, ...]) -> None:
        """Offer these; what is typed stays."""
        typed = self.box.currentText()
        self._classes = classes
        self.box.blockSignals(True)
        self.box.clear()
        for record in classes:
            self.box.addItem(record.name, record.id)
        self.box.setCurrentIndex(self.box.findText(typed, Qt.MatchFlag.MatchExactly) if typed else (0 if classes else -1))
        if typed and self.box.currentIndex() < 0:
            self.box.setEditText(typed)
        self.box.blockSignals(False)
        self._enable()
        known = self._known(self._wanted)
        if self._wanted and known is not None:
            self._wanted = ""
            if self._held:
                self._begin(known)

    def set_images(self, images: ImageTable | None) -> None:
        """Count what is in the project: frames of this recording, and all of the class."""
        self._images = images
        if images is None or self._into is None:
            self.counter.setText("")
            return
        mine = images.class_ids == self._into
        new = int(np.count_nonzero(mine & (images.ids > self._highest)))
        words = self.tr("1 frame") if new == 1 else self.tr("{0} frames").format(count(new))
        self.counter.setText(words)
        self.counter.setToolTip(self.tr("{0} pictures are in the class").format(count(int(np.count_nonzero(mine)))))

    @property
    def recording(self) -> bool:
        """Whether frames are being taken."""
        return self._held and self._into is not None

    # ------------------------------------------------------------ holding

    def press(self) -> None:
        """Begin, making the class first where it is new."""
        name = self.box.currentText().strip()
        if self._held or not name:
            return
        self._held = True
        known = self._known(name)
        if known is None:
            self._wanted = name
            self.class_wanted.emit(name)
        else:
            self._begin(known)
        self._word()

    def release(self) -> None:
        """End."""
        was, self._held = self.recording, False
        if was:
            self.ended.emit()
        self._word()

    def _begin(self, class_id: int) -> None:
        self._into = class_id
        ids = self._images.ids if self._images is not None else ()
        self._highest = int(ids[-1]) if len(ids) else -1
        self.began.emit(class_id)
        self.set_images(self._images)

    def _known(self, name: str) -> int | None:
        return next((record.id for record in self._classes if record.name == name), None)

    def _enable(self) -> None:
        self.button.setEnabled(self._held or bool(self.box.currentText().strip()))

    def _word(self) -> None:
        self.button.setText(self.tr("Recording …") if self._held else self.tr("Hold to record (R)"))
        set_look(self, "banner" if self._held else "card")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.ActivationChange, QEvent.Type.EnabledChange) and not (self.isActiveWindow() and self.isEnabled()):
            self.release()  # nobody would hear the key or the mouse being let go

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.release()
