"""The start page: the sample, a folder of one's own, the camera, and the projects that were open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QEnterEvent, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QHBoxLayout, QMenu, QScrollArea, QVBoxLayout, QWidget

from gui.bridge import Bridge
from gui.icons import icon
from gui.pages.page import Page
from gui.settings import RecentProject, Settings
from gui.state import AppState
from gui.theme import colour, colours, font, px
from gui.widgets import illustrations
from gui.widgets.basics import button, count, label, percent, repolish
from gui.widgets.drop_zone import DropZone
from gui.widgets.illustrations import Illustration

WIDEST = 1080
PROJECT_MARK = "project.sqlite"


class StartCard(DropZone):
    """A way to begin: a drawing, a title, a sentence, a button. The whole card can be clicked."""

    clicked = Signal()

    def __init__(self, draw: Callable[..., None], title: str, words: str, act: str, primary: bool = False) -> None:
        super().__init__("card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"{title}. {words}")
        column = self._column = QVBoxLayout(self)
        self.picture = Illustration(draw, 104)
        column.addWidget(self.picture)
        self.title = label(title, "section")
        column.addWidget(self.title)
        self.words = label(words, "muted", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.words, 1)
        self.act = button(act, "primary" if primary else "")
        self.act.clicked.connect(self.clicked)
        column.addWidget(self.act)

    def dress(self) -> None:
        self._column.setContentsMargins(px(20), px(20), px(20), px(20))
        self._column.setSpacing(px(8))
        self.words.setContentsMargins(0, 0, 0, px(12))
        self._make_room()
        self.picture.updateGeometry()

    def _make_room(self) -> None:
        """Scroll areas do not ask for the height that wrapped words need at a width; and a label never asks for less than its minimum."""
        margins = self._column.contentsMargins()
        room = QRect(0, 0, self.width() - margins.left() - margins.right(), px(1000))
        words = self.words.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, self.words.text())
        self.words.setMinimumHeight(words.height() + self.words.contentsMargins().bottom())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # after a change of font too
            self._make_room()
        return super().event(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._set_hover(True)

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(False)

    def _set_hover(self, over: bool) -> None:
        self.setProperty("hovered", over)
        repolish(self)


class RecentEntry(QAbstractButton):
    """A project that was open: name, folder, pictures, accuracy; told as missing where its folder is gone.

    Attributes
    ----------
    forget_wanted : Signal
        Take it off the list; the folder stays.
    """

    forget_wanted = Signal()

    def __init__(self, entry: RecentProject) -> None:
        super().__init__()
        self.entry = entry
        self.missing = not (Path(entry.folder) / PROJECT_MARK).is_file()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setText(entry.name)
        gone = self.tr(" (its folder is gone)") if self.missing else ""
        measured = self.tr(", {0} accuracy").format(percent(entry.accuracy)) if entry.accuracy is not None else ""
        self.setAccessibleName(f"{entry.name}{gone}{measured}, {entry.folder}")
        self.setToolTip(f"{entry.folder}{gone}")

    def sizeHint(self) -> QSize:
        return QSize(px(320), px(60))

    def paintEvent(self, event: QPaintEvent) -> None:
        tones = colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour(tones.accent if self.hasFocus() else tones.line), 1))
        painter.setBrush(colour(tones.hover if self.underMouse() else tones.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), px(8), px(8))
        words = self.rect().adjusted(px(16), px(9), -px(16), -px(9))
        figure, below = "", ""
        if self.missing:
            figure, below = self.tr("missing"), ""
        elif self.entry.accuracy is not None:
            figure, below = percent(self.entry.accuracy), self.tr("accuracy")
        painter.setFont(font(13, QFont.Weight.DemiBold, tabular=True))
        painter.setPen(colour(tones.error if self.missing else tones.accent_text))
        right, top = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignTop
        painter.drawText(words, (Qt.AlignmentFlag.AlignVCenter if self.missing else top) | right, figure)
        room = words.width() - max(painter.fontMetrics().horizontalAdvance(figure), px(60)) - px(12)
        painter.setPen(colour(tones.disabled if self.missing else tones.text))
        painter.setFont(font(13, QFont.Weight.DemiBold))
        painter.drawText(words, top, painter.fontMetrics().elidedText(self.entry.name, Qt.TextElideMode.ElideMiddle, room))
        painter.setFont(font(11))
        painter.setPen(colour(tones.muted))
        painter.drawText(words, Qt.AlignmentFlag.AlignBottom | right, below)
        folder = _short(self.entry.folder)
        if self.entry.images:
            folder = self.tr("{0} pictures · {1}").format(count(self.entry.images), folder)
        painter.drawText(words, Qt.AlignmentFlag.AlignBottom, painter.fontMetrics().elidedText(folder, Qt.TextElideMode.ElideMiddle, room))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() == Qt.Key.Key_Delete:
            self.forget_wanted.emit()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Open"), self.click)
        menu.addAction(icon("ph.x"), self.tr("Take off this list (the folder stays)"), self.forget_wanted.emit)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())


class StartPage(Page):
    """Where one begins.

    Attributes
    ----------
    sample_wanted, folder_wanted, camera_wanted, open_wanted, set_wanted : Signal
    paths_dropped : Signal(tuple of str)
    project_wanted : Signal(str)
        Folder of a recent project.
    """

    name, title, icon = "start", "Start", "ph.house"
    help_text = (
        "Begin with the bundled digits, with pictures of your own, with a camera, or with one of the published standard sets. "
        "Drop a folder whose sub-folders are named after what their pictures show: each becomes a class. "
        "Projects that were open before are listed below; Delete takes one off the list, its folder stays."
    )

    sample_wanted = Signal()
    folder_wanted = Signal()
    camera_wanted = Signal()
    open_wanted = Signal()
    set_wanted = Signal()
    paths_dropped = Signal(object)
    project_wanted = Signal(str)

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self.header.hide()
        self.layout().itemAt(1).widget().hide()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.content.addWidget(scroll)
        inside = QWidget()
        scroll.setWidget(inside)
        across = QHBoxLayout(inside)
        across.setContentsMargins(0, 0, 0, 0)
        across.addStretch(1)
        self._middle = QWidget()
        across.addWidget(self._middle, 100)
        across.addStretch(1)
        column = self._column = QVBoxLayout(self._middle)
        column.addWidget(label(self.tr("Show it examples. It learns to see."), "headline", wrap=True))
        column.addWidget(
            label(
                self.tr("Put pictures into classes, train a network on them, see why it errs, and use it. Everything stays here."),
                "muted",
                wrap=True,
            )
        )
        row = self._row = QHBoxLayout()
        self.sample = StartCard(
            illustrations.digits,
            self.tr("Try it now"),
            self.tr("1,797 real handwritten digits. One click, and a network can learn them in seconds."),
            self.tr("Digits"),
            primary=True,
        )
        self.sample.clicked.connect(self.sample_wanted)
        self.sample.setAcceptDrops(False)
        self.folder = StartCard(
            illustrations.photographs,
            self.tr("Your pictures"),
            self.tr("Drop a folder here. Folders inside it become classes; or sort the pictures yourself."),
            self.tr("Choose a folder…"),
        )
        self.folder.clicked.connect(self.folder_wanted)
        self.folder.dropped.connect(self.paths_dropped)
        self.camera = StartCard(
            illustrations.lens,
            self.tr("Camera"),
            self.tr("A trained network names what the camera sees; what it sees can become examples."),
            self.tr("Open the camera"),
        )
        self.camera.clicked.connect(self.camera_wanted)
        self.camera.setAcceptDrops(False)
        for card in (self.sample, self.folder, self.camera):
            row.addWidget(card, 1)
        column.addLayout(row)
        head = self._head = QHBoxLayout()
        self.recent_title = label(self.tr("Recent projects"), "section")
        head.addWidget(self.recent_title)
        head.addStretch(1)
        self.sets = button(self.tr("A standard set…"), "quiet", self.tr("MNIST, CIFAR, Pets, ImageNet and others, fetched or at hand"))
        self.sets.clicked.connect(self.set_wanted)
        head.addWidget(self.sets)
        self.open = button(self.tr("Open project…"), "quiet", self.tr("Open the folder of a project"))
        self.open.clicked.connect(self.open_wanted)
        head.addWidget(self.open)
        column.addLayout(head)
        self._recent = QGridLayout()
        column.addLayout(self._recent)
        self.nothing = label(self.tr("Projects that you open will be listed here."), "muted")
        column.addWidget(self.nothing)
        column.addStretch(1)
        self.entries: list[RecentEntry] = []
        self.dress()

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if tuple(entry.entry for entry in self.entries) != self.settings.recent or "project" in changed:
            self.show_recent()

    def show_recent(self) -> None:
        """List the recent projects anew."""
        for entry in self.entries:
            self._recent.removeWidget(entry)
            entry.deleteLater()
        self.entries = [RecentEntry(entry) for entry in self.settings.recent]
        for at, entry in enumerate(self.entries):
            entry.clicked.connect(lambda checked=False, folder=entry.entry.folder: self.project_wanted.emit(folder))
            entry.forget_wanted.connect(lambda folder=entry.entry.folder: self._forget(folder))
            self._recent.addWidget(entry, at // 2, at % 2)
            QWidget.setTabOrder(self.entries[at - 1] if at else self.open, entry)
        self.nothing.setVisible(not self.entries)
        self._dress_entries()

    def _forget(self, folder: str) -> None:
        self.settings.forget_project(folder)
        self.settings.save()
        self.show_recent()

    def _dress_entries(self) -> None:
        for entry in self.entries:
            entry.setFixedHeight(px(60))
            entry.update()

    def dress(self) -> None:
        super().dress()
        if not hasattr(self, "entries"):
            return
        self._middle.setMaximumWidth(px(WIDEST))
        self._column.setContentsMargins(px(32), px(48), px(32), px(32))
        self._column.setSpacing(px(8))
        self._row.setContentsMargins(0, px(20), 0, px(24))
        self._row.setSpacing(px(16))
        self._recent.setSpacing(px(8))
        for card in (self.sample, self.folder, self.camera):
            card.dress()
        self.open.setIcon(icon("ph.folder-open"))
        self.sets.setIcon(icon("ph.stack"))
        self._dress_entries()


def _short(folder: str) -> str:
    home = str(Path.home())
    return "~" + folder[len(home) :] if folder.startswith(home) else folder
