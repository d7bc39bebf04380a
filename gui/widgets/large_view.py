"""The big view on a list of pictures of the project: asks for them, steps among them, labels them by keys."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from engine.messages import PictureReady, SetLabels, WantPicture
from gui.bridge import Bridge
from gui.label_keys import NO_CLASS, class_for_key, class_for_letter
from gui.picture_facts import class_of, row_of, size_of
from gui.state import AppState
from gui.widgets.preview import Preview
from gui.widgets.thumbnails import shared_thumbnails

FIRST_SIDE = 1600


class LargeView(QObject):
    """Opens a Preview over a window for some pictures.

    Attributes
    ----------
    closed : Signal
    """

    closed = Signal()

    def __init__(self, bridge: Bridge, window: QWidget) -> None:
        super().__init__(window)
        self._bridge = bridge
        self._images: tuple[int, ...] = ()
        self._at = 0
        self.preview = Preview(window)
        self.preview.stepped.connect(self._step)
        self.preview.labelled.connect(self._label_by_digit)
        self.preview.key_labelled.connect(self._label_by_letter)
        self.preview.larger_wanted.connect(lambda side: self._bridge.submit(WantPicture(self.image, side)))
        self.preview.closed.connect(self.closed)
        bridge.picture.connect(self._take)

    @property
    def image(self) -> int:
        """The picture that is shown, or -1."""
        return self._images[self._at] if self._images else -1

    def open(self, images: tuple[int, ...], image: int) -> None:
        """Show one of these pictures; arrows go to the others."""
        self._images, self._at = images, images.index(image)
        self._show()
        self.preview.open()

    def render(self, state: AppState) -> None:
        """Labels may have changed."""
        if self.preview.isVisible() and self._images:
            self._show_words()

    def _step(self, steps: int) -> None:
        at = min(max(self._at + steps, 0), len(self._images) - 1)
        if at != self._at:
            self._at = at
            self._show()

    def _show(self) -> None:
        self._show_words()
        self._bridge.submit(WantPicture(self.image, FIRST_SIDE))

    def _show_words(self) -> None:
        small = shared_thumbnails(self._bridge).get(self.image)
        self.preview.show_picture(small, self._words(), self.image, size_of(self._bridge.state, self.image))

    def _take(self, event: PictureReady) -> None:
        if self.preview.isVisible() and event.image == self.image:
            self.preview.show_ready(event, self._words())

    def _words(self) -> str:
        state = self._bridge.state
        row = row_of(state.images, self.image)
        if row < 0 or state.images is None:
            return self.tr("removed")
        record = class_of(state, self.image)
        name = record.name if record is not None else self.tr("unlabelled")
        place = self.tr("{0} of {1}").format(self._at + 1, len(self._images)) if len(self._images) > 1 else ""
        return " · ".join(part for part in (place, state.images.names[row], name) if part)

    def _label_by_digit(self, digit: int) -> None:
        classes = self._bridge.state.classes
        at = class_for_key(classes, digit)
        if at is not None:
            self._label(None if at == NO_CLASS else classes[at].id)

    def _label_by_letter(self, letter: str) -> None:
        record = class_for_letter(self._bridge.state.classes, letter)
        if record is not None:
            self._label(record.id)

    def _label(self, class_id: int | None) -> None:
        if self._bridge.state.writable and row_of(self._bridge.state.images, self.image) >= 0:
            self._bridge.submit(SetLabels((self.image,), class_id))
