"""The published sets, over the window: what is in each, how much there is to fetch, what is at hand; one key takes one in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from engine import places
from engine.data.standard_sets import StandardSet, at_hand, standard_sets, what_to_put
from engine.messages import Event, ImportSet, JobClosed, NewProject, Outcome, ProjectOpened
from gui.bridge import Bridge
from gui.theme import colour, colours, font, px
from gui.widgets.basics import button, count, label, rule, set_look
from gui.widgets.sheet import Sheet

RECORD, THERE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
SIDE = 12


def amount(size: int) -> str:
    """Bytes in the unit that suits.

    Examples
    --------
    >>> amount(170498071) == "170\u202fMB", amount(4996278331) == "5.0\u202fGB", amount(517) == "1\u202fkB"
    (True, True, True)
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f}\u202f{name}" if size < 10 * unit else f"{size / unit:.0f}\u202f{name}"
    return f"{max(1, round(size / 1e3))}\u202fkB"


class SetDelegate(QStyledItemDelegate):
    """Paints a set on two lines: title and what it is at the left, figures and what is to be fetched at the right."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        record: StandardSet = index.data(RECORD)
        tones = colours()
        area = QRect(option.rect).adjusted(px(2), px(1), -px(2), -px(1))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(tones.selected if option.state & QStyle.StateFlag.State_Selected else tones.hover))
            painter.drawRoundedRect(area, px(5), px(5))
        upper = QRect(area.left() + px(SIDE), area.top() + px(5), area.width() - 2 * px(SIDE), px(20))
        lower = upper.translated(0, px(20))
        right, left = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignVCenter
        figures = self.tr("{0} pictures · {1} classes").format(count(record.pictures), count(record.classes))
        state, tone = self._state(record, bool(index.data(THERE)))
        for line, words, end, size, weight, ink, end_ink in (
            (upper, record.title, figures, 13, QFont.Weight.DemiBold, tones.text, tones.text),
            (lower, f"{record.about} · {record.shape}", state, 11, QFont.Weight.Normal, tones.muted, tone),
        ):
            painter.setFont(font(11, tabular=True))
            painter.setPen(colour(end_ink))
            painter.drawText(line, right, end)
            room = line.width() - painter.fontMetrics().horizontalAdvance(end) - px(16)
            painter.setFont(font(size, weight))
            painter.setPen(colour(ink))
            painter.drawText(line, left, painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room))
        painter.restore()

    def _state(self, record: StandardSet, there: bool) -> tuple[str, str]:
        tones = colours()
        if there:
            return self.tr("at hand"), tones.good
        if record.fetchable:
            return self.tr("{0} to fetch").format(amount(record.size)), tones.muted
        return self.tr("from a copy of yours"), tones.warning

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(px(240), px(52))


class StandardSets(Sheet):
    """A list with a search field over the window; Esc or a click beside it closes it.

    Attributes
    ----------
    begun : Signal
        A set is on its way into a project; the status bar tells how far it is.
    """

    begun = Signal()

    def __init__(self, window: QWidget, bridge: Bridge) -> None:
        super().__init__(window)
        self._bridge = bridge
        self._records = standard_sets()
        self._there: dict[str, Path] = {}
        self._job = 0
        self._waiting: ImportSet | None = None
        self._build()
        for watched in (self.frame, self.field, self.list):
            watched.installEventFilter(self)
        bridge.happened.connect(self._hear)

    def _build(self) -> None:
        column = self._column = QVBoxLayout(self.frame)
        head = QHBoxLayout()
        head.addWidget(label(self.tr("Standard sets"), "title"))
        head.addStretch(1)
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Search"))
        self.field.setAccessibleName(self.tr("Search the standard sets"))
        self.field.textChanged.connect(self._fill)
        head.addWidget(self.field)
        column.addLayout(head)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Standard sets"))
        self.list.setProperty("look", "clear")
        self.list.setItemDelegate(SetDelegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(lambda _: self._tell())
        self.list.itemDoubleClicked.connect(lambda _: self.take())
        column.addWidget(self.list, 1)
        self.nothing = label(self.tr("No set is called like that."), "muted")
        column.addWidget(self.nothing)
        column.addWidget(rule())
        self.source = label("", "caption", wrap=True)
        self.source.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.source)
        self.message = label("", "muted", wrap=True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.message)
        row = QHBoxLayout()
        self.fresh = QCheckBox(self.tr("Into a new project"))
        row.addWidget(self.fresh)
        row.addStretch(1)
        self.close_button = button(self.tr("Close"), "quiet")
        self.close_button.clicked.connect(self.leave)
        row.addWidget(self.close_button)
        self.choose = button(self.tr("Choose the folder that holds it…"), "", self.tr("Take the set from files that are on this computer"))
        self.choose.clicked.connect(self._choose)
        row.addWidget(self.choose)
        self.act = button("", "primary")
        self.act.clicked.connect(self.take)
        row.addWidget(self.act)
        column.addLayout(row)

    def dress(self) -> None:
        """Take over the scale; the frame leaves a margin of the window around it."""
        room = self.parentWidget().size()
        self.frame.setFixedSize(min(px(800), room.width() - px(32)), min(px(680), room.height() - px(32)))
        self._column.setContentsMargins(px(20), px(16), px(20), px(16))
        self._column.setSpacing(px(8))
        self.field.setFixedWidth(px(240))
        self.list.doItemsLayout()

    # ------------------------------------------------------------ showing

    def open(self) -> None:
        """Show the sets; what is at hand is looked for anew."""
        folder = places.sets()
        found = {record.name: at_hand(record, folder) for record in self._records} if folder.is_dir() else {}
        self._there = {name: root for name, root in found.items() if root is not None}
        state = self._bridge.state
        self.fresh.setEnabled(state.writable)
        self.fresh.setChecked(not state.writable or (state.images is not None and len(state.images.ids) > 0))
        self.field.clear()
        self._fill("")
        self.show_over(self.field)

    def leave(self) -> None:
        """Close; a set on its way to a new project is still handed over."""
        self.hide()
        if self._waiting is None:
            self.deleteLater()

    @property
    def current(self) -> StandardSet | None:
        """The set that is selected."""
        item = self.list.currentItem()
        return None if item is None else item.data(RECORD)

    def select(self, name: str) -> None:
        """Select the set of this name."""
        for row in range(self.list.count()):
            if self.list.item(row).data(RECORD).name == name:
                self.list.setCurrentRow(row)

    def _fill(self, text: str) -> None:
        words = text.casefold().split()
        chosen = self.current
        self.list.clear()
        for record in self._records:
            if all(word in f"{record.name} {record.title} {record.about}".casefold() for word in words):
                item = QListWidgetItem(record.title)
                item.setData(RECORD, record)
                item.setData(THERE, record.name in self._there)
                told = self.tr("{0}, {1} pictures, {2} classes").format(record.title, record.pictures, record.classes)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, told)
                self.list.addItem(item)
        self.list.setCurrentRow(0)
        if chosen is not None:
            self.select(chosen.name)
        self.list.setVisible(self.list.count() > 0)
        self.nothing.setVisible(self.list.count() == 0)
        self._tell()

    def _tell(self) -> None:
        """What taking the selected set means."""
        record = self.current
        for widget in (self.source, self.choose, self.act):
            widget.setVisible(record is not None)
        self.message.setVisible(False)
        if record is None:
            return
        self.source.setText(record.source)
        there = record.name in self._there
        fetched = there or record.fetchable
        self.act.setVisible(fetched)
        self.act.setText(self.tr("Take it in") if there else self.tr("Fetch {0}").format(amount(record.size)))
        set_look(self.choose, "" if fetched else "primary")
        if not fetched:
            self._say(what_to_put(record, places.sets()), "muted")

    def _say(self, text: str, look: str) -> None:
        self.message.setText(text)
        set_look(self.message, look)
        self.message.setVisible(True)
        self._column.activate()  # the list has less room now
        self.list.scrollToItem(self.list.currentItem())

    # ------------------------------------------------------------ taking

    def take(self) -> None:
        """Take the selected set in, fetching what is not at hand."""
        record = self.current
        if record is not None and (record.fetchable or record.name in self._there):
            self._submit(ImportSet(record.name))

    def _choose(self) -> None:
        record = self.current
        if record is None:
            return
        folder = QFileDialog.getExistingDirectory(self, self.tr("The folder that holds {0}").format(record.title), str(Path.home()))
        if folder:
            self.take_from(Path(folder))

    def take_from(self, folder: Path) -> None:
        """Take the selected set from a folder, or say what is missing there."""
        record = self.current
        if record is None:
            return
        packed = [file for file in record.files if (folder / file.path).is_file() or (folder / file.name).is_file()]
        if at_hand(record, folder) is None and not packed:
            self._say(self.tr("It is not in {0}. {1}").format(folder, what_to_put(record, folder)), "warning")
            return
        self._submit(ImportSet(record.name, str(folder)))

    def _submit(self, command: ImportSet) -> None:
        record = self.current
        if self.fresh.isChecked() and record is not None:
            self._waiting = command
            self._job = self._bridge.submit(NewProject(record.title))
        else:
            self._bridge.submit(command)
            self.begun.emit()
        self.leave()

    def _hear(self, event: Event) -> None:
        if self._waiting is None or event.job != self._job:
            return
        failed = isinstance(event, JobClosed) and event.outcome is not Outcome.COMPLETED
        if isinstance(event, ProjectOpened):
            self._bridge.submit(self._waiting)
            self.begun.emit()
        if failed or isinstance(event, ProjectOpened):
            self._waiting = None
            self.deleteLater()

    # ------------------------------------------------------------ keys, mouse, ground

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        super().eventFilter(watched, event)
        if watched is self.frame and event.type() == QEvent.Type.MouseButtonPress:
            return True  # a click between the parts of the card does not close it
        if watched not in (self.field, self.list) or event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.take()
        elif watched is self.field and event.key() in steps:
            row = self.list.currentRow() + steps[Qt.Key(event.key())]
            self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
        else:
            return False
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)
