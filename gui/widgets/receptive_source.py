"""The picture on which receptive fields are shown: one of the project, as the network gets it; a made one where there is none."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.messages import PreviewInput
from engine.networks.layers import Shape
from gui import plan
from gui.bridge import Bridge
from gui.fields import made_picture
from gui.picture_facts import row_of
from gui.state import AppState


class PictureSource(QObject):
    """Asks the engine for one picture at working size, and keeps it.

    Attributes
    ----------
    changed : Signal
        There is another picture.
    image : int
        Its id in the project; -1 for a made one.
    picture : uint8 [height, width, 3] or None
        None until the engine has answered.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._asked: tuple[object, ...] | None = None
        self._job = 0
        self._answered = False
        self.image = -1
        self.picture: np.ndarray | None = None

    def follow(self, state: AppState, shape: Shape) -> None:
        """See to it that there is a picture of this shape (channels, height, width)."""
        channels, height, width = shape
        if row_of(state.images, self.image) < 0:
            self.image = self._first(state)
        if self.image < 0:
            wanted: tuple[object, ...] = ("made", height, width)
        else:
            wanted = (self.image, height, width, channels, plan.resize_taken(state, height, width), plan.ground(state))
        if wanted == self._asked:
            return
        self._asked, self._answered = wanted, self.image < 0
        self.picture = made_picture(height, width) if self.image < 0 else None
        if self.image >= 0:
            command = PreviewInput(
                images=(self.image,),
                height=height,
                width=width,
                channels=3 if channels == 3 else 1,
                resize=plan.resize_taken(state, height, width),
                ground=plan.ground(state),
                variants=0,
            )
            self._job = self._bridge.submit(command)
        self.changed.emit()

    def take(self, state: AppState) -> None:
        """Look whether the engine has answered; the preview of the Train page asks for the same kind of pictures."""
        answer = state.input_preview
        if self._answered or answer is None or answer.job != self._job or self._asked is None:
            return
        self._answered = True
        if len(answer.images) and len(answer.pictures):
            plain = answer.pictures[0, 0]
            self.picture = np.repeat(plain, 3, axis=2) if plain.shape[2] == 1 else plain
        else:  # it cannot be read
            _, height, width = self._asked[:3]
            self.picture = made_picture(int(str(height)), int(str(width)))
        self.changed.emit()

    def leave(self) -> None:
        """Nobody looks any more: what was not answered is asked for again at the next look."""
        if not self._answered:
            self._asked = None

    def choose(self, image: int) -> None:
        """Show this picture at the next `follow`."""
        self.image = image

    def step(self, state: AppState, steps: int) -> None:
        """Choose a picture further on in the project."""
        images = state.images
        if images is not None and len(images.ids):
            self.image = int(images.ids[(max(0, row_of(images, self.image)) + steps) % len(images.ids)])

    def words(self, state: AppState) -> str:
        """The picture's name."""
        row = row_of(state.images, self.image)
        return state.images.names[row] if state.images is not None and row >= 0 else self.tr("a made picture")

    def _first(self, state: AppState) -> int:
        pinned = plan.picture_to_pin(state)
        if pinned is not None:
            return pinned
        return int(state.images.ids[0]) if state.images is not None and len(state.images.ids) else -1
