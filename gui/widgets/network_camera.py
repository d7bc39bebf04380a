"""Which part of a large drawing a view shows, and how large. No widgets."""

from __future__ import annotations

from gui.widgets.network_records import Point, Span

LARGEST, SMALLEST = 6.0, 0.02
FITTED = 1.6
"""Largest enlargement by fitting: small networks do not become posters."""


class Camera:
    """Zoom and place. Scene: pixels of the design; view: pixels of the widget.

    Attributes
    ----------
    zoom : float
        Pixels of the view a pixel of the scene.
    most : float
        Largest enlargement by fitting.
    fitted : bool
        Whether the whole is shown and stays so when the view or the drawing changes.
    untouched : bool
        Whether place and zoom are those of `fit` or `read`: nobody has moved or enlarged anything since.
    """

    def __init__(self) -> None:
        self.zoom = 1.0
        self.left = 0.0
        self.top = 0.0
        self.fitted = self.untouched = True
        self.most = FITTED
        self._view = (1.0, 1.0)
        self._scene = (1.0, 1.0)

    @property
    def view(self) -> Point:
        """Width and height of the view."""
        return self._view

    @property
    def seen(self) -> Span:
        """The part of the scene that the view shows."""
        return self.left, self.top, self.left + self._view[0] / self.zoom, self.top + self._view[1] / self.zoom

    def set_sizes(self, view: Point, scene: Point) -> None:
        """The view or the drawing has another size."""
        self._view = max(view[0], 1.0), max(view[1], 1.0)
        self._scene = max(scene[0], 1.0), max(scene[1], 1.0)
        if self.fitted:
            self.fit()
        else:
            self._settle()

    def fit_zoom(self) -> float:
        """The zoom at which the whole just has room."""
        return min(self._view[0] / self._scene[0], self._view[1] / self._scene[1])

    def fit(self) -> None:
        """Show the whole."""
        self.fitted = self.untouched = True
        self.zoom = min(max(self.fit_zoom(), SMALLEST), self.most)
        self._settle()

    def read(self, smallest: float) -> None:
        """Show the beginning no smaller than words can be read at, and as much of it as there is room for."""
        if self.fit_zoom() >= smallest:
            self.fit()
            return
        self.fitted, self.untouched = False, True
        self.zoom = max(smallest, min(self._view[0] / self._scene[0], 1.5 * smallest))
        self.left = self.top = 0.0
        self._settle()

    def zoom_by(self, factor: float, about: Point | None = None) -> None:
        """Enlarge, keeping what is at a point of the view (the middle where none is given) where it is."""
        spot = about or (self._view[0] / 2, self._view[1] / 2)
        x, y = self.to_scene(*spot)
        self.fitted = self.untouched = False
        least = min(self.fit_zoom(), 1.0) * 0.8
        self.zoom = min(max(self.zoom * factor, max(least, SMALLEST)), LARGEST)
        self.left, self.top = x - spot[0] / self.zoom, y - spot[1] / self.zoom
        self._settle()

    def pan(self, dx: float, dy: float) -> None:
        """Move the drawing by pixels of the view."""
        self.fitted = self.untouched = False
        self.left -= dx / self.zoom
        self.top -= dy / self.zoom
        self._settle()

    def centre(self, x: float, y: float) -> None:
        """Bring a point of the scene into the middle."""
        self.fitted = self.untouched = False
        self.left, self.top = x - self._view[0] / self.zoom / 2, y - self._view[1] / self.zoom / 2
        self._settle()

    def reveal(self, span: Span, margin: float = 24.0) -> None:
        """Move as little as brings a part of the scene into view."""
        left, top, right, bottom = self.seen
        if span[0] - margin < left or span[2] + margin > right:
            self.fitted = self.untouched = False
            wide = right - left
            self.left = (
                (span[0] + span[2] - wide) / 2 if span[2] - span[0] + 2 * margin > wide else _moved(left, wide, span[0], span[2], margin)
            )
        if span[1] - margin < top or span[3] + margin > bottom:
            self.fitted = self.untouched = False
            tall = bottom - top
            self.top = span[1] - margin if span[3] - span[1] + 2 * margin > tall else _moved(top, tall, span[1], span[3], margin)
        self._settle()

    def hold(self, before: Point, after: Point) -> None:
        """A point of the drawing has moved from before to after: keep it where it was in the view."""
        if not self.fitted:
            self.untouched = False
            self.left += after[0] - before[0]
            self.top += after[1] - before[1]
            self._settle()

    def to_scene(self, x: float, y: float) -> Point:
        """A point of the view in the scene."""
        return self.left + x / self.zoom, self.top + y / self.zoom

    def to_view(self, x: float, y: float) -> Point:
        """A point of the scene in the view."""
        return (x - self.left) * self.zoom, (y - self.top) * self.zoom

    @property
    def larger(self) -> bool:
        """Whether there is more than the view shows."""
        wide, tall = self._view[0] / self.zoom, self._view[1] / self.zoom
        return self._scene[0] > wide * 1.001 or self._scene[1] > tall * 1.001

    @property
    def share(self) -> float:
        """How much of the drawing the view shows, from 0 to 1."""
        wide, tall = self._view[0] / self.zoom, self._view[1] / self.zoom
        return min(1.0, wide / max(1.0, self._scene[0])) * min(1.0, tall / max(1.0, self._scene[1]))

    def _settle(self) -> None:
        """Keep the drawing in view; what has room is centred."""
        self.left = _kept(self.left, self._scene[0], self._view[0] / self.zoom)
        self.top = _kept(self.top, self._scene[1], self._view[1] / self.zoom)


def _kept(start: float, length: float, seen: float) -> float:
    return (length - seen) / 2 if length <= seen else min(max(start, 0.0), length - seen)


def _moved(start: float, seen: float, first: float, last: float, margin: float) -> float:
    if first - margin < start:
        return first - margin
    return last + margin - seen if last + margin > start + seen else start
