"""A network in the gallery: small drawing, title, year, size, what it is for, and whether it fits the data."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from engine.networks.zoo import Card
from gui.network_figures import scale_of
from gui.theme import px
from gui.widgets.basics import count, label, set_look
from gui.widgets.neighbour_drawing import NeighbourDrawing
from gui.widgets.network_drawing import Box, NetworkDrawing


class ChoiceCard(QPushButton):
    """A checkable card whose contents are laid out; as high as its words need at its width."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(px(12), px(10), px(12), px(10))
        self.column.setSpacing(px(4))

    def silence(self) -> None:
        """Let the mouse through to the card."""
        for child in self.findChildren(QWidget):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def fit_height(self) -> None:
        """Be as high as the words need at this width; call when they have changed."""
        layout = self.layout()
        self.setFixedHeight(layout.totalHeightForWidth(self.width()) if layout.hasHeightForWidth() else layout.totalSizeHint().height())
        self.layout().setGeometry(self.rect())  # Qt lays a card that was hidden out at its old size

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.fit_height()

    def event(self, event: QEvent) -> bool:
        """Words of another size or number ask for another height."""
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest and self.width() > 0:
            self.fit_height()
        return done

    def sizeHint(self) -> QSize:
        return self.layout().totalSizeHint()


class NetworkCard(ChoiceCard):
    """The card of one network of the zoo."""

    def __init__(self, card: Card) -> None:
        super().__init__()
        self.name, self.title = card.name, card.title
        self.searched = f"{card.title} {card.family} {card.year or ''} {card.summary}"
        self.column.addWidget(label(card.title.replace("_", "_\u200b"), "section", wrap=True))  # long names may break there
        top = QHBoxLayout()
        top.setSpacing(px(12))
        self._about = label(str(card.year) if card.year else "…", "caption", wrap=True)
        self.drawing: NetworkDrawing | NeighbourDrawing
        self.drawing = NeighbourDrawing(small=True) if card.kind == "classic" else NetworkDrawing(small=True)
        self.drawing.setFixedSize(px(84), px(48))
        top.addWidget(self._about, 1, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.drawing)
        self.column.addLayout(top)
        self.column.addWidget(label(card.summary, "muted", wrap=True))
        self._fit = label("…", "caption", wrap=True)  # a line, so that the card keeps its height when the words come
        self.column.addWidget(self._fit)
        self._year = str(card.year) if card.year else ""
        self.setAccessibleName(f"{card.title}. {card.summary}")
        self.silence()

    def show_fit(self, boxes: tuple[Box, ...], parameters: int | None, size: tuple[int, int], refusal: str, warning: str = "") -> None:
        """Show what the network is for the data at hand: its parameters (None: it has none), working size, or why it does not fit."""
        if isinstance(self.drawing, NetworkDrawing) and boxes:
            self.drawing.set_boxes(boxes)
        self.drawing.show()
        weights = self.tr("no parameters") if parameters is None else self.tr("{number} parameters").format(number=scale_of(parameters))
        fits = self.tr("fits, at {height} × {width} pixels").format(height=size[0], width=size[1])
        self._about.setToolTip("" if parameters is None else self.tr("{number} parameters").format(number=count(parameters)))
        self._tell("" if refusal else weights, refusal or warning or fits, "warning" if refusal or warning else "caption")

    def show_unknown(self, size: tuple[int, int]) -> None:
        """A network of another library that was not worked out yet."""
        words = self.tr("takes {height} × {width} pixels; worked out when you choose it").format(height=size[0], width=size[1])
        self.drawing.hide()
        self._tell("", words, "caption")

    def _tell(self, about: str, fit: str, look: str) -> None:
        self._about.setText(" · ".join(part for part in (self._year, about) if part))
        self._fit.setText(fit)
        set_look(self._fit, look)
        self.fit_height()
