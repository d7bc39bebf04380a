"""The large picture of the Data page: asked for when the selection rests, shown in the inspector and over the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from engine.messages import ClassifyImages, PictureReady, UseRun, WantPicture
from gui.bridge import Bridge
from gui.widgets.image_grid import ImageGrid
from gui.widgets.inspector import Inspector
from gui.widgets.preview import Preview
from gui.widgets.thumbnails import Thumbnails, pixmap_of

LOOK_AFTER_MILLISECONDS = 60
"""The selection must rest this long before the large picture is asked for."""


class Looking(QObject):
    """Shows the one selected picture, or else the current one.

    Attributes
    ----------
    preview : Preview
    large : int
        The picture that the inspector shows large, or -1.
    """

    def __init__(self, page: QWidget, bridge: Bridge, grid: ImageGrid, inspector: Inspector, thumbnails: Thumbnails) -> None:
        super().__init__(page)
        self._bridge, self._grid, self._inspector, self._thumbnails = bridge, grid, inspector, thumbnails
        self.large = -1
        self.preview = Preview(page)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_AFTER_MILLISECONDS)
        self._timer.timeout.connect(self._ask)
        self.preview.stepped.connect(self.step)
        self.preview.larger_wanted.connect(lambda side: bridge.submit(WantPicture(self._wanted(), side)))
        self.preview.closed.connect(grid.setFocus)
        bridge.picture.connect(self._take)

    def look(self) -> None:
        """Ask for the large picture soon."""
        if self._grid.selected_count() == 1 or self.preview.isVisible():
            self._timer.start()

    def open(self) -> None:
        """Show the picture over the whole window."""
        if self._wanted() >= 0:
            self._show(self._wanted())
            self.preview.open()
            self._timer.start()

    def step(self, steps: int) -> None:
        """Go some pictures on."""
        self._show(self._grid.step(steps))

    def label(self, deed: Callable[[tuple[int, ...]], object]) -> None:
        """Do something with the picture that is looked at; where that moves on, so does the view."""
        deed((self._grid.current_image(),))
        if self.preview.isVisible():
            self._show(self._grid.current_image())

    def refresh(self) -> None:
        """The picture that is looked at may have another label."""
        if self.preview.isVisible():
            self._show(self._grid.current_image())

    def _wanted(self) -> int:
        picked = self._grid.selected_ids()
        return int(picked[0]) if len(picked) == 1 else self._grid.current_image()

    def _show(self, image: int) -> None:
        row = self._grid.pictures.row_of(image)
        facts = self._grid.pictures.facts_at(row) if row >= 0 else None
        size = (facts.width, facts.height) if facts is not None else (0, 0)
        self.preview.show_picture(self._thumbnails.get(image), self._words_of(image), image, size)

    def _ask(self) -> None:
        image = self._wanted()
        if image >= 0 and (image != self.large or self.preview.isVisible()):
            self._bridge.submit(WantPicture(image))
            self._ask_run(image)

    def _ask_run(self, image: int) -> None:
        """Let the chosen run say what it sees; it is loaded with the first question."""
        state = self._bridge.state
        if state.run is None or state.engine is None:
            return
        if state.model is None or state.model.run != state.run.id:
            self._bridge.submit(UseRun(state.run.id))
        self._bridge.submit(ClassifyImages((image,)))

    def _take(self, event: PictureReady) -> None:
        if event.image != self._wanted():
            return
        self.large = event.image
        self._inspector.show_large(event, pixmap_of(event.pixels) if event.pixels is not None else None)
        self.preview.show_ready(event, self._words_of(event.image))

    def _words_of(self, image: int) -> str:
        row = self._grid.pictures.row_of(image)
        if row < 0:
            return ""
        record = self._grid.pictures.class_at(row)
        return f"{self._grid.pictures.name_at(row)} · {record.name if record is not None else self.tr('unlabelled')}"
