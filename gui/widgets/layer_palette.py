"""The list of layers to add: by kind, searchable; Enter adds, dragging puts where one likes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from engine.networks import editing
from engine.networks.kinds import Signal as Passing
from gui.icons import icon
from gui.theme import colour, colours, font, px, theme
from gui.widgets.basics import label
from gui.widgets.layer_words import GROUPS, KIND_WORDS, KindWords, tr
from gui.widgets.network_drop import carry
from gui.widgets.palette import rank

KIND, REASON = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class KindDelegate(QStyledItemDelegate):
    """Paints an icon, the title, and below it what the layer does; quiet where it cannot stand."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        tones, kind = colours(), index.data(KIND)
        area = QRect(option.rect).adjusted(0, px(1), 0, -px(1))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not kind:
            painter.setFont(font(11))
            painter.setPen(colour(tones.muted))
            painter.drawText(area.adjusted(px(4), 0, 0, -px(2)), Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, index.data())
            painter.restore()
            return
        words, barred = KIND_WORDS[kind], bool(index.data(REASON))
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(tones.selected if option.state & QStyle.StateFlag.State_Selected else tones.hover))
            painter.drawRoundedRect(area, px(5), px(5))
        side = px(16)
        place = QRect(area.left() + px(8), area.center().y() - side // 2, side, side)
        icon(words.icon, tones.disabled if barred else tones.muted).paint(painter, place)
        text = area.adjusted(px(34), px(4), -px(8), -px(4))
        for size, tone, shown, edge in (
            (13, tones.text, tr(words.title), Qt.AlignmentFlag.AlignTop),
            (11, tones.muted, tr(words.tip), Qt.AlignmentFlag.AlignBottom),
        ):
            painter.setFont(font(size))
            painter.setPen(colour(tones.disabled if barred else tone))
            painter.drawText(text, edge | Qt.AlignmentFlag.AlignLeft, painter.fontMetrics().elidedText(shown, _RIGHT, text.width()))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(px(160), px(44) if index.data(KIND) else px(28))


_RIGHT = Qt.TextElideMode.ElideRight


class KindList(QListWidget):
    """The list; its items can be dragged out."""

    def __init__(self) -> None:
        super().__init__()
        self.setItemDelegate(KindDelegate(self))
        self.setMouseTracking(True)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setProperty("look", "clear")
        self.setFrameShape(QFrame.Shape.NoFrame)

    def mimeTypes(self) -> list[str]:
        return carry("conv", is_new=True).formats()

    def mimeData(self, items: list[QListWidgetItem]) -> QMimeData:
        """What a drag carries: the kind of a new layer."""
        return carry(items[0].data(KIND), is_new=True) if items else QMimeData()

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction


class LayerPalette(QWidget):
    """Choose a layer to add.

    Attributes
    ----------
    kind_chosen : Signal(str)
        A kind of `engine.networks.editing.KINDS`, to put after the selection.
    left : Signal
        Esc: the keyboard goes back to where it was.
    """

    kind_chosen = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._passing: Passing | None = None
        self._editable = True
        column = self._column = QVBoxLayout(self)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Add a layer: search"))
        self.search.setAccessibleName(self.tr("Search layers"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _: self._fill())
        self.search.installEventFilter(self)
        self.list = KindList()
        self.list.setAccessibleName(self.tr("Layers to add"))
        self.list.itemDoubleClicked.connect(self._take)
        self.list.installEventFilter(self)
        self.list.currentItemChanged.connect(lambda *_: self._say())
        self.note = label("", "caption", wrap=True)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        column.addWidget(self.note)
        theme().changed.connect(self.dress)
        self.dress()
        self._fill()

    def dress(self) -> None:
        """Take over the scale."""
        self._column.setContentsMargins(px(8), px(8), px(8), px(8))
        self._column.setSpacing(px(8))
        self.note.setMinimumHeight(2 * self.note.fontMetrics().lineSpacing())
        self.list.doItemsLayout()

    def set_place(self, signal: Passing | None, editable: bool) -> None:
        """Tell what comes before the place where a layer would be added by key (None: not known), and whether any can be."""
        if (signal, editable) == (self._passing, self._editable):
            return
        self._passing, self._editable = signal, editable
        for number in range(self.list.count()):
            self._judge(self.list.item(number))
        self._say()

    def open(self) -> None:
        """Begin to choose: an empty search with the keyboard in it."""
        self.search.clear()
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # ------------------------------------------------------------ the list

    def _fill(self) -> None:
        wanted = self.search.text().strip()
        self.list.clear()
        found: list[tuple[int, QListWidgetItem]] = []
        for title, group in GROUPS:
            ranked = [(place, words) for words in group if (place := _rank(wanted, words)) is not None]
            if not ranked:
                continue
            heading = QListWidgetItem(tr(title))
            heading.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(heading)
            for place, words in ranked:
                item = QListWidgetItem(tr(words.title))
                item.setData(KIND, words.kind)
                item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, tr(words.tip))
                self._judge(item)
                self.list.addItem(item)
                found.append((place, item))
        best = min(found, key=lambda pair: (bool(pair[1].data(REASON)), pair[0]), default=None)
        if best is not None:
            self.list.setCurrentItem(best[1])
        self._say()

    def _judge(self, item: QListWidgetItem) -> None:
        """Find out whether a kind can stand after the selection."""
        kind = item.data(KIND)
        if not kind:
            return
        reason = editing.why_not(kind, self._passing)
        text = " ".join(reason) if reason is not None else ""
        if not self._editable:
            text = self.tr("This network cannot be edited; edit a copy.")
        item.setData(REASON, text)
        item.setToolTip(f"{tr(KIND_WORDS[kind].tip)}.\n{text}" if text else f"{tr(KIND_WORDS[kind].tip)}.")
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(flags | Qt.ItemFlag.ItemIsDragEnabled if self._editable else flags)

    def _say(self) -> None:
        """Below the list: why the current kind cannot be added, or how."""
        item = self.list.currentItem()
        if item is None:
            self.note.setText(self.tr("No layer is called like that."))
            return
        self.note.setText(item.data(REASON) or self.tr("Enter adds it after the selection; drag it to put it elsewhere."))

    def _take(self, item: QListWidgetItem | None = None) -> None:
        item = item or self.list.currentItem()
        if item is not None and item.data(KIND) and not item.data(REASON):
            self.kind_chosen.emit(item.data(KIND))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter adds, arrows in the search move in the list, Esc leaves."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif watched is self.search and event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._step(1 if event.key() == Qt.Key.Key_Down else -1)
        else:
            return False
        return True

    def _step(self, steps: int) -> None:
        """Move in the list, over its headings."""
        row = self.list.currentRow() + steps
        while 0 <= row < self.list.count():
            if self.list.item(row).data(KIND):
                self.list.setCurrentRow(row)
                return
            row += steps


def _rank(wanted: str, words: KindWords) -> int | None:
    """How well a kind fits what was typed: by its title, else by other words for it; every one is found by nothing."""
    by_title = rank(wanted, tr(words.title))
    if by_title is not None and by_title < 3:
        return by_title
    others = f"{words.search} {words.kind}".casefold()
    return 3 if wanted.casefold() in others else None
