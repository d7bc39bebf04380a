"""The left side of the window: name of the project, the pages in the order in which data travels, and a small mark on each."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QHBoxLayout, QMenu, QToolButton, QVBoxLayout

import resources
from gui.icons import icon, icon_size
from gui.page_records import FREE_PAGES
from gui.run_names import run_names
from gui.state import AppState
from gui.theme import colour, colours, font, px, theme
from gui.widgets.basics import count, label, percent


class Mark(msgspec.Struct, frozen=True):
    """What stands at the right of an entry: a few words, or a ring that fills (fraction in [0, 1], or -1: unknown)."""

    text: str = ""
    tip: str = ""
    ring: float | None = None


class SidebarEntry(QAbstractButton):
    """A page's entry: icon, word, mark."""

    def __init__(self, title: str, glyph: str, tip: str) -> None:
        super().__init__()
        self._glyph = glyph
        self._tip = tip
        self._mark = Mark()
        self.setText(title)
        self.setCheckable(True)
        self.setToolTip(tip)
        self.setAccessibleName(title)
        self.setAccessibleDescription(tip)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    @property
    def mark(self) -> Mark:
        return self._mark

    def set_mark(self, mark: Mark) -> None:
        if mark != self._mark:
            self._mark = mark
            self.setToolTip(f"{self._tip}\n{mark.tip}" if mark.tip else self._tip)
            self.setAccessibleDescription(f"{self._tip}. {mark.tip}" if mark.tip else self._tip)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(px(168), px(38))

    def paintEvent(self, event: QPaintEvent) -> None:
        tones = colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(px(8), px(1), -px(8), -px(1))
        ground = ""
        if self.isChecked():
            ground = tones.selected
        elif self.isDown():
            ground = tones.pressed
        elif self.underMouse() and self.isEnabled():
            ground = tones.hover
        if ground:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(ground))
            painter.drawRoundedRect(area, px(6), px(6))
        if self.hasFocus():
            painter.setPen(QPen(colour(tones.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), px(6), px(6))
        tone = tones.disabled if not self.isEnabled() else tones.accent_text if self.isChecked() else tones.text
        side = px(20)
        place = QRectF(area.left() + px(10), area.center().y() - side / 2, side, side)
        icon(self._glyph, tone).paint(painter, place.toRect())
        painter.setPen(colour(tone))
        painter.setFont(font(13, QFont.Weight.DemiBold if self.isChecked() else QFont.Weight.Normal))
        words = area.adjusted(px(40), 0, -px(10), 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        self._paint_mark(painter, words)
        painter.end()

    def _paint_mark(self, painter: QPainter, area: QRectF) -> None:
        tones = colours()
        if self._mark.ring is not None:
            side = px(14)
            ring = QRectF(area.right() - side, area.center().y() - side / 2, side, side)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour(tones.line), px(2.5)))
            painter.drawEllipse(ring)
            painter.setPen(QPen(colour(tones.accent), px(2.5)))
            fraction = self._mark.ring if self._mark.ring >= 0 else 0.25
            painter.drawArc(ring, 90 * 16, -round(fraction * 360 * 16))
        elif self._mark.text:
            painter.setFont(font(11, tabular=True))
            painter.setPen(colour(tones.muted if self.isEnabled() else tones.disabled))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._mark.text)


def marks(state: AppState) -> dict[str, Mark]:
    """The small marks of the pages, by page name."""
    made: dict[str, Mark] = {}
    if state.images is not None:
        unlabelled = int((state.images.class_ids < 0).sum())
        if unlabelled:
            made["data"] = Mark(count(unlabelled), f"{count(unlabelled)} unlabelled")
    job = state.job_of_training
    if job is not None:
        made["train"] = Mark(ring=job.fraction if job.fraction is not None else -1.0, tip=job.text)
    best = state.best_tested
    if best is not None and best.accuracy is not None:
        split = "validation" if best.test_accuracy is None else "test"
        words = f"{run_names(state.runs)[best.id]}, best on the validation split: {percent(best.accuracy, 2)} {split} accuracy"
        made["check"] = Mark(percent(best.accuracy), words)
    if state.camera.playing:
        made["use"] = Mark("●", "The camera is on")
    return made


class Sidebar(QFrame):
    """Name of the program and of the project, then the pages.

    Attributes
    ----------
    page_wanted : Signal(str)
        Name of the page whose entry was clicked.
    """

    page_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "side")
        self._column = QVBoxLayout(self)
        self._column.setSpacing(0)
        head = QHBoxLayout()
        self._logo = label()
        self._name = label("Fovea", "section")
        head.addWidget(self._logo)
        head.addWidget(self._name)
        head.addStretch(1)
        self._head = head
        self._column.addLayout(head)
        self.project = QToolButton()
        self.project.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.project.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.project.setObjectName("projectButton")
        self.project.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._column.addWidget(self.project)
        self._entries = QVBoxLayout()
        self._entries.setSpacing(0)
        self._column.addLayout(self._entries)
        self._column.addStretch(1)
        self._group = QButtonGroup(self)
        self.entries: dict[str, SidebarEntry] = {}
        self._project_name = ""
        self._source = QPixmap(str(resources.path("icons/fovea.png")))
        theme().changed.connect(self.dress)
        self.dress()

    def set_project_menu(self, menu: QMenu) -> None:
        self.project.setMenu(menu)

    def add_page(self, name: str, title: str, glyph: str, tip: str) -> SidebarEntry:
        """Add a page's entry below the others."""
        entry = SidebarEntry(title, glyph, tip)
        entry.setEnabled(name in FREE_PAGES)
        entry.clicked.connect(lambda: self.page_wanted.emit(name))
        self._group.addButton(entry)
        self._entries.addWidget(entry)
        self.entries[name] = entry
        return entry

    def set_current(self, name: str) -> None:
        """Mark the page that is shown; a name without an entry marks none."""
        self._group.setExclusive(False)
        for other, entry in self.entries.items():
            entry.setChecked(other == name)
        self._group.setExclusive(True)

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if "project" in changed:
            for name, entry in self.entries.items():
                entry.setEnabled(state.project is not None or name in FREE_PAGES)
            self._project_name = state.project.name if state.project is not None else ""
            self._show_project()
        if changed & {"images", "jobs", "runs", "camera"}:
            made = marks(state)
            for name, entry in self.entries.items():
                entry.set_mark(made.get(name, Mark()))

    def dress(self) -> None:
        self.setFixedWidth(px(200))
        self._head.setContentsMargins(px(18), px(16), px(16), px(6))
        self._head.setSpacing(px(8))
        side = px(22)
        ratio = self.devicePixelRatioF()
        logo = self._source.scaledToWidth(round(side * ratio), Qt.TransformationMode.SmoothTransformation)
        logo.setDevicePixelRatio(ratio)
        self._logo.setPixmap(logo)
        self._column.setContentsMargins(0, 0, 1, px(8))
        self._entries.setContentsMargins(0, px(8), 0, 0)
        self.project.setIconSize(icon_size(12))
        self._show_project()
        for entry in self.entries.values():
            entry.updateGeometry()
            entry.update()

    def _show_project(self) -> None:
        room = px(200) - px(56)
        words = self._project_name or self.tr("No project")
        self.project.setText(self.project.fontMetrics().elidedText(words, Qt.TextElideMode.ElideMiddle, room) + "  ▾")
        self.project.setToolTip(self._project_name or self.tr("Open or make a project"))
        self.project.setAccessibleName(self.tr("Project: {0}").format(words))
