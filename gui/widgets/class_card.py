"""A card for one class: colour, name, count, key and a few of its pictures; pictures and files can be dropped on it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFocusEvent,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QSizePolicy

from engine.project.records import ClassRecord
from gui.label_keys import RESERVED, can_be_key
from gui.theme import colour, colours, font, px
from gui.widgets.basics import count
from gui.widgets.picture_model import images_of, paths_of
from gui.widgets.thumbnails import Thumbnails
from gui.widgets.tiles import paint_fitted

CLASS_MIME = "application/x-fovea-class"
"""A card that is dragged to another place; its data is the class's id in digits."""


class ClassCard(QAbstractButton):
    """One class, or all or the unlabelled pictures.

    Attributes
    ----------
    images_dropped, paths_dropped : Signal(tuple)
        Pictures of the project, or files, were dropped here.
    rename_wanted : Signal(str)
        The new name.
    key_wanted : Signal(str)
        The letter that shall label with this class; "" for none.
    class_id : int
        Identity of the class; -1 for none.
    menu_wanted : Signal(QPoint)
        The menu is wanted, at this place of the screen.
    """

    images_dropped = Signal(object)
    paths_dropped = Signal(object)
    rename_wanted = Signal(str)
    key_wanted = Signal(str)
    menu_wanted = Signal(QPoint)

    def __init__(self, thumbnails: Thumbnails | None, class_id: int = -1) -> None:
        super().__init__()
        self.class_id = class_id
        self._thumbnails = thumbnails
        self._record: ClassRecord | None = None
        self._count = 0
        self._key = ""
        self._strip: tuple[int, ...] = ()
        self._over = False
        self._editor: QLineEdit | None = None
        self._plain = thumbnails is None
        self._compact = False
        self._asking = ""  # words in the place of the name while a key is asked for
        self._pressed_at: QPoint | None = None
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # as wide as the list, however narrow that is
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAcceptDrops(not self._plain)

    def show_class(self, record: ClassRecord, key: str, images: int, strip: tuple[int, ...]) -> None:
        """Show a class; `key` labels with it, "" where none does."""
        if (record, images, strip, key) == (self._record, self._count, self._strip, self._key):
            return
        self._asking = ""
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
            key = self.tr(" Key {0} labels what is selected.").format(" / ".join(self._key.upper())) if self._key else ""
            self.setToolTip(self.tr("{0} pictures. Drop pictures here to label them; double-click to rename.").format(self._count) + key)
        self.update()

    def set_compact(self, compact: bool) -> None:
        """Show a line without pictures, for lists of many classes."""
        if compact != self._compact:
            self._compact = compact
            self.fit()

    def fit(self) -> None:
        """Take the height that is due."""
        self.setFixedHeight(self.sizeHint().height())

    @property
    def strip(self) -> tuple[int, ...]:
        return self._strip

    def sizeHint(self) -> QSize:
        return QSize(px(200), px(36) if self._plain else px(32) if self._compact else px(76))

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
        line = QRect(px(12), 0, self.width() - px(22), px(32) if self._compact else px(36))
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
        name = painter.fontMetrics().elidedText(self._asking or self.text(), Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
        if not self._plain and not self._compact:
            self._paint_strip(painter)
        painter.end()

    def _paint_key(self, painter: QPainter, line: QRect) -> int:
        """Paint a cap for each key; gives where the words may end."""
        tones = colours()
        side, right = px(18), line.right()
        painter.setFont(font(11, tabular=True))
        for key in reversed(self._key):
            cap = QRectF(right - side, line.center().y() - side / 2, side, side)
            painter.setPen(QPen(colour(tones.line), 1))
            painter.setBrush(colour(tones.panel))
            painter.drawRoundedRect(cap, px(4), px(4))
            painter.setPen(colour(tones.muted))
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, key.upper())
            right -= side + px(3)
        if not self._key:
            return right - px(24) if not self._plain else right
        return right - px(5)

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
        else:
            event.ignore()  # a dragged card is for the list

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
        if self._record is not None:
            self.menu_wanted.emit(event.globalPos())

    # ------------------------------------------------------------ a letter as key

    def ask_for_key(self) -> None:
        """Wait for the letter that shall label with this class; Delete takes its key away, Esc leaves all as it is."""
        self._say(self.tr("Press a letter…"))
        self.setFocus()

    def _say(self, words: str) -> None:
        self._asking = words
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._asking:
            if event.key() == Qt.Key.Key_F2:
                self.rename()
            elif event.key() == Qt.Key.Key_Menu and self._record is not None:
                self.menu_wanted.emit(self.mapToGlobal(self.rect().center()))
            else:
                super().keyPressEvent(event)
            return
        letter = event.text().lower()
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._take_key("")
        elif event.key() == Qt.Key.Key_Escape:
            self._say("")
        elif can_be_key(letter):
            self._take_key(letter)
        elif letter in RESERVED:
            self._say(self.tr("{0} is taken: {1}").format(letter.upper(), self.tr(RESERVED[letter])))
        elif letter.isdigit():
            self._say(self.tr("Numbers go by place"))

    def _take_key(self, letter: str) -> None:
        self._say("")
        if self._record is not None and letter != self._record.key:
            self.key_wanted.emit(letter)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._say("")
        super().focusOutEvent(event)

    # ------------------------------------------------------------ dragging to another place

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed_at = event.position().toPoint() if event.button() == Qt.MouseButton.LeftButton else None
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        far = QApplication.startDragDistance()
        if (
            self._record is None
            or self._pressed_at is None
            or not self.acceptDrops()
            or (event.position().toPoint() - self._pressed_at).manhattanLength() < far
        ):
            super().mouseMoveEvent(event)
            return
        drag = QDrag(self)
        data = QMimeData()
        data.setData(CLASS_MIME, str(self._record.id).encode())
        drag.setMimeData(data)
        drag.setPixmap(self.grab())
        drag.setHotSpot(self._pressed_at)
        self._pressed_at = None
        self.setDown(False)
        drag.exec(Qt.DropAction.MoveAction)
