"""Classified pictures in a row, newest first, each with its answer or with the reason why it could not be read."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from engine.messages import Classified
from gui.theme import px
from gui.widgets.canvas import image_of
from gui.widgets.picture_list import plain_icon

SIDE = 72


class AnswerList(QListWidget):
    """One line of thumbnails; hidden as long as there is at most one.

    Attributes
    ----------
    picked : Signal(Classified)
        Another answer is to be shown.
    """

    picked = Signal(object)

    def __init__(self, word: Callable[[Classified], str]) -> None:
        super().__init__()
        self._word = word
        self._answers: tuple[Classified, ...] = ()
        self.setAccessibleName(self.tr("Classified pictures"))
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setFlow(QListWidget.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListWidget.Movement.Static)
        self.setUniformItemSizes(True)
        self.setWordWrap(True)
        self.setIconSize(QSize(px(SIDE), px(SIDE)))
        self.setGridSize(QSize(px(112), px(116)))
        self.setFixedHeight(px(136))
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.currentRowChanged.connect(lambda row: self.picked.emit(self._answers[row]) if 0 <= row < len(self._answers) else None)
        self.hide()

    def set_answers(self, answers: tuple[Classified, ...]) -> None:
        """Show these, newest first; those shown already keep their place."""
        old = self._answers
        fresh = next((at for at, answer in enumerate(answers) if old and answer is old[0]), len(answers))
        self.blockSignals(True)
        if fresh == len(answers):
            self.clear()
        for answer in reversed(answers[:fresh]):
            self.insertItem(0, self._item(answer))
        while self.count() > len(answers):
            self.takeItem(self.count() - 1)
        self._answers = answers
        self.setCurrentRow(0)
        self.blockSignals(False)
        self.setVisible(len(answers) > 1)

    def reword(self) -> None:
        """The threshold has moved: say again what each is."""
        for row, answer in enumerate(self._answers):
            self.item(row).setText(f"{self._word(answer)}\n{answer.name}")

    def _item(self, answer: Classified) -> QListWidgetItem:
        item = QListWidgetItem(f"{self._word(answer)}\n{answer.name}")
        item.setToolTip(answer.error or answer.path or answer.name)
        if answer.picture is not None:
            pixmap = QPixmap.fromImage(image_of(answer.picture))
            item.setIcon(plain_icon(pixmap.scaled(px(SIDE), px(SIDE), Qt.AspectRatioMode.KeepAspectRatio)))
        return item
