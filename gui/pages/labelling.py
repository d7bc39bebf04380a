"""Labels, marks and notes given on the Data page: what keys and drops mean, and where the selection goes afterwards."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.messages import AddClass, RemoveImages, SetFlags, SetLabels, SetNote, SetSplits
from engine.project.records import Flag, Split
from gui.bridge import Bridge
from gui.label_keys import NO_CLASS, RESERVED, class_for_key, class_for_letter
from gui.settings import Settings
from gui.state import AppState
from gui.widgets.image_grid import ImageGrid


class Labelling(QObject):
    """Carries out what the user does with selected pictures; nothing of it where the project can only be looked at.

    Attributes
    ----------
    told : Signal(str)
        A sentence about a key that does nothing.
    note_wanted, box_wanted, suggestions_wanted : Signal
        N, L (or /) and G were pressed.
    """

    told = Signal(str)
    note_wanted = Signal()
    box_wanted = Signal()
    suggestions_wanted = Signal()

    def __init__(self, bridge: Bridge, settings: Settings, grid: ImageGrid) -> None:
        super().__init__(grid)
        self._bridge, self._settings, self._grid = bridge, settings, grid
        self._waiting: tuple[str, tuple[int, ...]] | None = None  # a class that is being made, and what it shall label

    @property
    def _state(self) -> AppState:
        return self._bridge.state

    # ------------------------------------------------------------ labels

    def by_digit(self, images: tuple[int, ...], digit: int) -> None:
        """Give pictures the class of a number key, or none; a key without a class says so."""
        at = class_for_key(self._state.classes, digit)
        if at is None:
            self.told.emit(self.tr("No class has the key {0}.").format(digit))
        elif at == NO_CLASS:
            self.label(images, None)
        else:
            self.label(images, self._state.classes[at].id)

    def by_letter(self, images: tuple[int, ...], letter: str) -> None:
        """Give pictures the class of a letter, or do what the letter does on this page."""
        deeds = {"/": self.box_wanted.emit, "l": self.box_wanted.emit, "g": self.suggestions_wanted.emit, "n": self.note_wanted.emit}
        if letter in deeds:
            deeds[letter]()
        elif letter == "f":
            self.toggle(images, Flag.FLAGGED)
        elif letter == "s":
            self.skip(images)
        elif (record := class_for_letter(self._state.classes, letter)) is not None:
            self.label(images, record.id)
        elif letter not in RESERVED and images:
            self.told.emit(self.tr("No class has the key {0}; its card's menu gives it one.").format(letter.upper()))

    def label(self, images: tuple[int, ...], class_id: int | None) -> None:
        """Give pictures a class or none; after a first label of the current picture the next one that waits is selected."""
        if not images or not self._state.writable:
            return
        then = self._next(images) if class_id is not None and self._settings.move_on else -1
        self._bridge.submit(SetLabels(images, class_id))
        self._grid.select_row(then)

    def label_as_new(self, images: tuple[int, ...], name: str) -> None:
        """Make a class, and give it to pictures as soon as it is there."""
        if self._state.writable:
            self._waiting = (name, images) if images else None
            self._bridge.submit(AddClass(name))

    def follow(self, state: AppState) -> None:
        """Label with a class that has been made for that."""
        if self._waiting is None:
            return
        name, images = self._waiting
        made = next((record for record in state.classes if record.name == name), None)
        if made is not None:
            self._waiting = None
            self.label(images, made.id)
        elif state.running("AddClass") is None:
            self._waiting = None  # it was refused, and the refusal is shown

    def _next(self, images: tuple[int, ...]) -> int:
        """The row to go to when these have their label: only from one picture that had none."""
        grid = self._grid
        if images != (grid.current_image(),) or grid.selected_count() != 1:
            return -1
        row = grid.currentIndex().row()
        if grid.pictures.class_at(row) is not None:
            return -1
        return grid.pictures.next_unlabelled(row, leaving=images[0])

    # ------------------------------------------------------------ marks, notes, splits

    def set_flag(self, images: tuple[int, ...], flag: Flag, on: bool) -> None:
        if images and self._state.writable:
            self._bridge.submit(SetFlags(images, flag, on))

    def toggle(self, images: tuple[int, ...], flag: Flag) -> None:
        """Set a mark; take it away where all pictures have it."""
        self.set_flag(images, flag, not self._grid.all_have(flag))

    def skip(self, images: tuple[int, ...]) -> None:
        """Pass pictures over, and go on to the next that waits; those that are passed over already are so no longer."""
        on = not self._grid.all_have(Flag.SKIPPED)
        then = -1
        if on and self._grid.currentIndex().isValid():
            row = self._grid.currentIndex().row()
            then = self._grid.pictures.next_unlabelled(row, leaving=self._grid.current_image())
        self.set_flag(images, Flag.SKIPPED, on)
        if images and self._state.writable:
            self._grid.select_row(then)

    def note(self, image: int, text: str) -> None:
        if self._state.writable:
            self._bridge.submit(SetNote(image, text))

    def set_split(self, images: tuple[int, ...], split: Split) -> None:
        if images and self._state.writable:
            self._bridge.submit(SetSplits(images, split))

    def remove(self, images: tuple[int, ...]) -> None:
        """Take pictures out of the project."""
        if images and self._state.writable:
            self._bridge.submit(RemoveImages(images))
