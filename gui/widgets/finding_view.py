"""One finding of the doctor: its groups, the current one side by side, and what can be done about it, each by one key."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLayout, QPushButton, QVBoxLayout, QWidget

from engine.messages import SetLabels
from engine.project.findings import Finding, Group, Mend
from gui import plan
from gui.bridge import Bridge
from gui.label_keys import NO_CLASS, class_for_key
from gui.mending import IN_THE_RECIPE, Follower, safe_for_all
from gui.picture_facts import class_by_id, class_of, names_of, size_of, split_words
from gui.state import AppState
from gui.theme import px, theme
from gui.widgets.basics import button, count, label, set_look
from gui.widgets.group_list import GroupList
from gui.widgets.group_strip import Cell, GroupStrip
from gui.widgets.thumbnails import shared_thumbnails

NAMES_SHOWN = 3


class FindingView(QWidget):
    """Moves through the groups of a finding and mends them.

    Attributes
    ----------
    images_wanted : Signal(tuple of int, str)
        Show these in the grid.
    picture_opened : Signal(tuple of int, int)
        Show one of these large: all of the group, and the one that was clicked.
    """

    images_wanted = Signal(object, str)
    picture_opened = Signal(object, int)

    def __init__(self, bridge: Bridge, finding: Finding, follower: Follower) -> None:
        super().__init__()
        self._bridge, self.finding, self._follower = bridge, finding, follower
        self._names = names_of(bridge.state, (image for group in finding.groups for image in group.images))
        self._keys = {mend.key.lower(): mend for mend in finding.mends if mend.key}
        self._done = np.zeros(len(finding.groups), bool)
        self._mend_buttons: dict[str, QPushButton] = {}
        self._all_buttons: dict[str, QPushButton] = {}
        thumbnails = shared_thumbnails(bridge)
        self.strip = GroupStrip(thumbnails)
        self.groups = GroupList(thumbnails)
        self._build()
        self.groups.groups.show(finding.groups, [self._words_of(group) for group in finding.groups])
        self.groups.current_changed.connect(lambda row: self._show_group())
        self.groups.key_pressed.connect(self._key)
        self.groups.doubleClicked.connect(lambda index: self._open_first())
        self.strip.clicked.connect(self._open)
        self.setFocusProxy(self.groups)
        theme().changed.connect(self.dress)
        self.dress()

    # ------------------------------------------------------------ building

    def _build(self) -> None:
        column = self._column = QVBoxLayout(self)
        column.setSizeConstraint(QLayout.SizeConstraint.SetMinAndMaxSize)
        column.addWidget(label(self.finding.text, "muted", wrap=True))
        self.words = label("", wrap=True)
        column.addWidget(self.words)
        column.addWidget(self.strip)
        self._mends = QGridLayout()
        self._build_mends()
        column.addLayout(self._mends)
        row = QHBoxLayout()
        self.place = label("", "caption")
        row.addWidget(self.place, 1)
        self.grid_button = button(self.tr("Show in grid"), "quiet", self.tr("Show all pictures of this finding in the grid"))
        self.grid_button.clicked.connect(self._want_grid)
        row.addWidget(self.grid_button)
        column.addLayout(row)
        column.addWidget(self.groups, 1)
        self.hint = label(self.tr("↑ ↓ or J K move · Space shows large · numbers label"), "caption", wrap=True)
        column.addWidget(self.hint)
        with_pictures = any(group.images for group in self.finding.groups)
        self.grid_button.setVisible(with_pictures)
        self.groups.setVisible(len(self.finding.groups) > 1)
        self.hint.setVisible(with_pictures and len(self.finding.groups) > 1)

    def _build_mends(self) -> None:
        for number, mend in enumerate(self.finding.mends):
            words = f"{mend.title}  {mend.key.upper()}" if mend.key else mend.title
            made = button(words, "", self.tr("Key {0}").format(mend.key.upper()) if mend.key else "")
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            made.clicked.connect(lambda checked=False, mend=mend: self.mend(mend))
            self._mends.addWidget(made, number // 2, number % 2)
            self._mend_buttons[mend.action] = made
        row = -(-len(self.finding.mends) // 2)
        for mend in self.finding.mends:
            if safe_for_all(self.finding, mend.action):
                made = button("", "quiet")
                made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
                made.clicked.connect(lambda checked=False, mend=mend: self.mend_all(mend))
                self._mends.addWidget(made, row, 0, 1, 2, Qt.AlignmentFlag.AlignLeft)
                self._all_buttons[mend.action] = made
                row += 1

    def _words_of(self, group: Group) -> str:
        if group.words:
            return group.words
        names = [self._names.get(image, "") for image in group.images[:NAMES_SHOWN]]
        more = len(group.images) - len(names)
        return ", ".join(name for name in names if name) + (self.tr(" and {0} more").format(more) if more > 0 else "")

    # ------------------------------------------------------------ the state

    @property
    def left(self) -> int:
        """Groups that are not mended."""
        return int(len(self._done) - self._done.sum())

    @property
    def current(self) -> int:
        return self.groups.current()

    def render(self, state: AppState, done: np.ndarray) -> None:
        """Take over which groups are mended, bool [G]: go on from one that is now, back to one that is no longer."""
        came, back = done & ~self._done, self._done & ~done
        self._done = done
        self.groups.groups.set_done(done)
        at = self.current
        if back.any():
            self.groups.go(int(np.flatnonzero(back)[0]))
        elif at < 0 or came[at]:
            self.groups.go(self._next(max(at, 0)))
        self._show_group()

    def _next(self, at: int) -> int:
        """The first group that is not mended from `at` on, else from the beginning; `at` where all are."""
        open_ = np.flatnonzero(~self._done)
        if not len(open_):
            return at
        after = open_[open_ >= at]
        return int(after[0] if len(after) else open_[0])

    def _show_group(self) -> None:
        state, at = self._bridge.state, self.current
        if at < 0:
            return
        group = self.finding.groups[at]
        self.words.setText(group.words)
        self.words.setVisible(bool(group.words))
        set_look(self.words, "muted" if self._done[at] else "")
        self.strip.set_cells([self._cell(state, group, image) for image in group.images])
        total = len(self.finding.groups)
        words = self.tr("{0} of {1}").format(count(at + 1), count(total)) if total > 1 else ""
        if self._done[at]:
            words = self.tr("{0} · mended").format(words) if words else self.tr("mended")
        elif total > 1:
            words = self.tr("{0} · {1} left").format(words, count(self.left))
        self.place.setText(words)
        self._dress_mends(state, group)

    def _dress_mends(self, state: AppState, group: Group) -> None:
        for mend in self.finding.mends:
            made = self._mend_buttons[mend.action]
            made.setEnabled(state.writable and (mend.action in IN_THE_RECIPE or not self._done[self.current]))
            if mend.action == "relabel":
                record = class_by_id(state, group.suggested)
                made.setEnabled(made.isEnabled() and record is not None)
            if mend.action in IN_THE_RECIPE:
                made.setCheckable(True)
                made.setChecked(_is_on(state, mend))
        for action, made in self._all_buttons.items():
            title = next(mend.title for mend in self.finding.mends if mend.action == action)
            made.setText(self.tr("Do this for all {0}: {1}").format(count(self.left), title[:1].lower() + title[1:]))
            made.setVisible(self.left > 1)
            made.setEnabled(state.writable)

    def _cell(self, state: AppState, group: Group, image: int) -> Cell:
        record, other = class_of(state, image), class_by_id(state, group.suggested)
        table = state.images
        row = int(table.ids.searchsorted(image)) if table is not None else 0
        there = table is not None and row < len(table.ids) and int(table.ids[row]) == image
        size = size_of(state, image)
        differs = other is not None and other != record
        return Cell(
            image,
            self._names.get(image, str(image)),
            record.name if record is not None else "",
            record.colour if record is not None else "",
            split_words(int(table.splits[row])) if table is not None and there else "",
            f"{size[0]} × {size[1]}" if all(size) else "",
            other.name if differs else "",
            other.colour if differs else "",
            gone=not there,
        )

    # ------------------------------------------------------------ deeds

    def mend(self, mend: Mend) -> None:
        """Carry a mend out for the current group."""
        if not self._bridge.state.writable:
            return
        if mend.action in IN_THE_RECIPE:
            _switch(self._bridge, mend)
        elif self.current >= 0 and not self._done[self.current]:
            for command in self._follower.commands(mend.action, (self.current,)):
                self._bridge.submit(command)

    def mend_all(self, mend: Mend) -> None:
        """Carry a mend out for all groups that are not mended."""
        if self._bridge.state.writable:
            for command in self._follower.commands(mend.action, np.flatnonzero(~self._done).tolist()):
                self._bridge.submit(command)

    def _key(self, event: QKeyEvent) -> None:
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return
        mend = self._keys.get(event.text().lower()) if event.text() else None
        if mend is not None:
            self.mend(mend)
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open_first()
        elif Qt.Key.Key_0 <= event.key() <= Qt.Key.Key_9:
            self._label(event.key() - Qt.Key.Key_0)
        else:
            return
        event.accept()

    def _label(self, digit: int) -> None:
        """Give the pictures of the current group the class of a number key."""
        state = self._bridge.state
        at = class_for_key(state.classes, digit)
        images = self._follower.images_left((self.current,)) if self.current >= 0 else ()
        if at is not None and images and state.writable:
            self._bridge.submit(SetLabels(images, None if at == NO_CLASS else state.classes[at].id))

    def _open(self, image: int) -> None:
        self.picture_opened.emit(self.finding.groups[self.current].images, image)

    def _open_first(self) -> None:
        images = self.finding.groups[self.current].images if self.current >= 0 else ()
        if images:
            self._open(images[0])

    def _want_grid(self) -> None:
        self.images_wanted.emit(self._follower.images_left(), self.finding.title)

    def dress(self) -> None:
        self._column.setContentsMargins(px(12), 0, px(12), px(12))
        self._column.setSpacing(px(8))
        self._mends.setSpacing(px(6))
        lines = min(len(self.finding.groups), 7)
        self.groups.setFixedHeight(px(40) * lines + px(2))


def _field(mend: Mend) -> str:
    return mend.action.replace("-", "_")


def _is_on(state: AppState, mend: Mend) -> bool:
    return bool(getattr(plan.recipe(state), _field(mend)))


def _switch(bridge: Bridge, mend: Mend) -> None:
    """Switch class weights or balanced sampling of the next training on or off; only one of them, for both answer the same need."""
    on = not _is_on(bridge.state, mend)
    for action in IN_THE_RECIPE:
        wanted = on and action == mend.action
        field = action.replace("-", "_")
        if getattr(plan.recipe(bridge.state), field) != wanted:
            plan.with_recipe_field(bridge, field, wanted)
