"""The classes of the project: a card each with colour, name, count, key and a few of its pictures; things can be dropped on it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QFrame, QLineEdit, QMenu, QScrollArea, QVBoxLayout, QWidget

from engine.project.records import ClassRecord
from gui.icons import icon
from gui.state import AppState
from gui.theme import colour, colours, font, px, theme
from gui.widgets.basics import button, count
from gui.widgets.image_grid import paint_fitted
from gui.widgets.picture_model import images_of, paths_of
from gui.widgets.thumbnails import Thumbnails

STRIP = 4
"""Pictures shown on a card."""


class ClassCard(QAbstractButton):
    """One class, or all or the unlabelled pictures.

    Attributes
    ----------
    images_dropped, paths_dropped : Signal(tuple)
        Pictures of the project, or files, were dropped here.
    rename_wanted : Signal(str)
        The new name.
    """

    images_dropped = Signal(object)
    paths_dropped = Signal(object)
    rename_wanted = Signal(str)

    def __init__(self, thumbnails: Thumbnails | None) -> None:
        super().__init__()
        self._thumbnails = thumbnails
        self._record: ClassRecord | None = None
        self._count = 0
        self._key = ""
        self._strip: tuple[int, ...] = ()
        self._over = False
        self._editor: QLineEdit | None = None
        self._plain = thumbnails is None
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAcceptDrops(not self._plain)

    def show_class(self, record: ClassRecord, number: int, images: int, strip: tuple[int, ...]) -> None:
        """Show a class; number counts from 1 and is its key up to 9."""
        key = str(number) if number <= 9 else ""
        if (record, images, strip, key) == (self._record, self._count, self._strip, self._key):
            return
        self._record, self._count, self._strip, self._key = record, images, strip, key
        self.setText(record.name)
        self._describe()

    def show_words(self, words: str, images: int, key: str = "") -> None:
        """Show all pictures or the unlabelled ones."""
        self._count, self._key = images, key
        self.setText(words)
        self._describe()

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("{0}: {1} pictures").format(self.text(), self._count))
        if self._record is not None:
            key = self.tr(" Key {0} labels what is selected.").format(self._key) if self._key else ""
            self.setToolTip(self.tr("{0} pictures. Drop pictures here to label them; double-click to rename.").format(self._count) + key)
        self.update()

    @property
    def strip(self) -> tuple[int, ...]:
        return self._strip

    def sizeHint(self) -> QSize:
        return QSize(px(200), px(36) if self._plain else px(76))

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        tones = colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        ground = tones.selected if self.isChecked() or self._over else tones.hover if self.underMouse() else tones.raised
        if self._plain and ground == tones.raised:
            ground = tones.panel
        painter.setBrush(colour(ground))
        edge = tones.accent if self.isChecked() or self._over or self.hasFocus() else tones.line
        painter.setPen(QPen(colour(edge), px(2) if self._over else 1) if not self._plain or edge == tones.accent else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(area, px(6), px(6))
        line = QRect(px(12), 0, self.width() - px(22), px(36))
        if self._record is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(self._record.colour))
            painter.drawEllipse(QRectF(px(12), line.center().y() - px(5), px(11), px(11)))
            line.setLeft(px(31))
        line.setRight(self._paint_key(painter, line))
        painter.setFont(font(12, tabular=True))
        painter.setPen(colour(tones.muted))
        words = count(self._count)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, words)
        line.setRight(line.right() - painter.fontMetrics().horizontalAdvance(words) - px(8))
        painter.setFont(font(13, QFont.Weight.DemiBold if self.isChecked() else QFont.Weight.Normal))
        painter.setPen(colour(tones.accent_text if self.isChecked() else tones.text))
        name = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
        if not self._plain:
            self._paint_strip(painter)
        painter.end()

    def _paint_key(self, painter: QPainter, line: QRect) -> int:
        """Paint the key's number; gives where the words may end."""
        if not self._key:
            return line.right() - px(24) if not self._plain else line.right()
        tones = colours()
        side = px(18)
        cap = QRectF(line.right() - side, line.center().y() - side / 2, side, side)
        painter.setPen(QPen(colour(tones.line), 1))
        painter.setBrush(colour(tones.panel))
        painter.drawRoundedRect(cap, px(4), px(4))
        painter.setFont(font(11, tabular=True))
        painter.setPen(colour(tones.muted))
        painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, self._key)
        return line.right() - px(26)

    def _paint_strip(self, painter: QPainter) -> None:
        tones = colours()
        side = px(30)
        for at, image in enumerate(self._strip):
            place = QRect(px(12) + at * (side + px(5)), px(38), side, side)
            pixmap = self._thumbnails.get(image) if self._thumbnails is not None else None
            if pixmap is not None and not pixmap.isNull():
                paint_fitted(painter, pixmap, place)
            else:
                painter.fillRect(place, colour(tones.panel))
        if not self._strip:
            painter.setFont(font(11))
            painter.setPen(colour(tones.muted))
            place = QRect(px(12), px(38), self.width() - px(24), side)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.tr("Drop pictures here"))

    # ------------------------------------------------------------ dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if images_of(event.mimeData()) or paths_of(event.mimeData()):
            event.acceptProposedAction()
            self._set_over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._set_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._set_over(False)
        images, paths = images_of(event.mimeData()), paths_of(event.mimeData())
        if images:
            self.images_dropped.emit(images)
        elif paths:
            self.paths_dropped.emit(paths)
        event.acceptProposedAction()

    def _set_over(self, over: bool) -> None:
        self._over = over
        self.update()

    # ------------------------------------------------------------ renaming

    def rename(self) -> None:
        """Let the user type another name in place."""
        if self._record is None or self._editor is not None:
            return
        editor = self._editor = QLineEdit(self._record.name, self)
        editor.setGeometry(px(26), px(4), self.width() - px(34), px(30))
        editor.setAccessibleName(self.tr("Name of the class"))
        editor.installEventFilter(self)
        editor.editingFinished.connect(self._renamed)
        editor.show()
        editor.selectAll()
        editor.setFocus()

    def _renamed(self) -> None:
        editor, self._editor = self._editor, None
        if editor is None:
            return
        name = editor.text().strip()
        editor.deleteLater()
        if name and self._record is not None and name != self._record.name:
            self.rename_wanted.emit(name)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            editor, self._editor = self._editor, None
            if editor is not None:
                editor.deleteLater()
            return True
        return False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.rename()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._record is None:
            return
        menu = QMenu(self)
        menu.addAction(icon("ph.pencil-simple"), self.tr("Rename"), self.rename)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())


class ClassList(QFrame):
    """All classes, one below the other.

    Attributes
    ----------
    chosen : Signal(object)
        Id of the class to show, -1 for the unlabelled pictures, None for all.
    images_dropped, paths_dropped : Signal(tuple, int)
        What was dropped, and the id of the class.
    class_wanted : Signal(str)
        A new class of this name.
    rename_wanted : Signal(int, str)
    """

    chosen = Signal(object)
    images_dropped = Signal(object, int)
    paths_dropped = Signal(object, int)
    class_wanted = Signal(str)
    rename_wanted = Signal(int, str)

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.setProperty("look", "side")
        self._thumbnails = thumbnails
        self.cards: dict[int, ClassCard] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 1, 0)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setProperty("look", "column")
        outer.addWidget(self._scroll)
        inside = QWidget()
        inside.setProperty("look", "column")
        self._column = QVBoxLayout(inside)
        self._scroll.setWidget(inside)
        self.all = ClassCard(None)
        self.all.clicked.connect(lambda: self.chosen.emit(None))
        self.unlabelled = ClassCard(None)
        self.unlabelled.clicked.connect(lambda: self.chosen.emit(-1))
        self._column.addWidget(self.all)
        self._column.addWidget(self.unlabelled)
        self._cards = QVBoxLayout()
        self._column.addLayout(self._cards)
        self.new = button(self.tr("New class"), "quiet", self.tr("Make a class"))
        self.new.clicked.connect(self.ask_for_class)
        self._column.addWidget(self.new)
        self.editor = QLineEdit()
        self.editor.setPlaceholderText(self.tr("Name of the class, then Return"))
        self.editor.setAccessibleName(self.tr("Name of the new class"))
        self.editor.returnPressed.connect(self._make)
        self.editor.installEventFilter(self)
        self.editor.hide()
        self._column.addWidget(self.editor)
        self._column.addStretch(1)
        thumbnails.arrived.connect(self._arrived)
        theme().changed.connect(self.dress)
        self.dress()

    def render(self, state: AppState) -> None:
        """Show classes and counts."""
        import numpy as np

        for gone in set(self.cards) - {record.id for record in state.classes}:
            card = self.cards.pop(gone)
            self._cards.removeWidget(card)
            card.deleteLater()
        class_ids = state.images.class_ids if state.images is not None else np.empty(0, np.int32)
        self.all.show_words(self.tr("All pictures"), len(class_ids))
        self.unlabelled.show_words(self.tr("Unlabelled"), int((class_ids < 0).sum()), "0")
        wanted: list[int] = []
        for at, record in enumerate(state.classes):
            rows = np.flatnonzero(class_ids == record.id)
            strip = tuple(state.images.ids[rows[:STRIP]].tolist()) if state.images is not None else ()
            card = self.cards.get(record.id) or self._add(record.id)
            if self._cards.indexOf(card) != at:
                self._cards.insertWidget(at, card)
            card.show_class(record, at + 1, len(rows), strip)
            wanted.extend(strip)
        self._thumbnails.want("classes", tuple(wanted[:200]))

    def set_enabled_to_write(self, writable: bool) -> None:
        """Allow changes, or only looking."""
        self.new.setEnabled(writable)
        for card in self.cards.values():
            card.setAcceptDrops(writable)

    def set_chosen(self, class_id: int | None) -> None:
        """Mark what the grid shows: a class, -1 for the unlabelled, None for all."""
        self.all.setChecked(class_id is None)
        self.unlabelled.setChecked(class_id == -1)
        for other, card in self.cards.items():
            card.setChecked(other == class_id)

    def ask_for_class(self) -> None:
        """Let the user type the name of a new class."""
        self.new.hide()
        self.editor.show()
        self.editor.setFocus()
        self._scroll.ensureWidgetVisible(self.editor)

    def _add(self, class_id: int) -> ClassCard:
        card = ClassCard(self._thumbnails)
        card.setFixedHeight(card.sizeHint().height())
        card.clicked.connect(lambda: self.chosen.emit(class_id))
        card.images_dropped.connect(lambda images: self.images_dropped.emit(images, class_id))
        card.paths_dropped.connect(lambda paths: self.paths_dropped.emit(paths, class_id))
        card.rename_wanted.connect(lambda name: self.rename_wanted.emit(class_id, name))
        self.cards[class_id] = card
        return card

    def _make(self) -> None:
        name = self.editor.text().strip()
        if name:
            self.class_wanted.emit(name)
        self.editor.clear()
        if not name:
            self._leave()

    def _leave(self) -> None:
        self.editor.clear()
        self.editor.hide()
        self.new.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self._leave()
            return True
        if event.type() == QEvent.Type.FocusOut and not self.editor.text().strip():
            self._leave()
        return False

    def _arrived(self, images: frozenset[int]) -> None:
        for card in self.cards.values():
            if not images.isdisjoint(card.strip):
                card.update()

    def dress(self) -> None:
        self.setFixedWidth(px(232))
        self._column.setContentsMargins(px(12), px(12), px(12), px(12))
        self._column.setSpacing(px(6))
        self._cards.setContentsMargins(0, px(6), 0, 0)
        self._cards.setSpacing(px(6))
        self.new.setIcon(icon("ph.plus"))
        for card in (self.all, self.unlabelled, *self.cards.values()):
            card.setFixedHeight(card.sizeHint().height())
            card.update()
