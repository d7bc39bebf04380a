"""How pictures come to the network's size, each way with a small drawing of what it does to one of them; and the ground behind them."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QButtonGroup, QColorDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.theme import colour, px
from gui.widgets.basics import button, label
from gui.widgets.canvas import Canvas, ink
from gui.widgets.network_card import ChoiceCard

MODES = (
    ("squash", "Squash", "Both sides are scaled to fit: all is seen, its shape is lost"),
    ("crop", "Crop", "The short side is scaled to fit: the shape is kept, the ends are cut off"),
    ("pad", "Pad", "The long side is scaled to fit: all is seen in its shape, with black beside it"),
)
GROUNDS = (("White", (255, 255, 255)), ("Grey", (128, 128, 128)), ("Black", (0, 0, 0)))
SIDE = 52


class ResizeDrawing(Canvas):
    """A picture at the network's aspect in one of the modes; an empty frame where there is none."""

    file_name = "resize"

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode
        self._pixmap: QPixmap | None = None
        self._sides = (1, 1)
        self.setFixedHeight(px(SIDE))

    def restyle(self) -> None:
        self.setFixedHeight(px(SIDE))
        super().restyle()

    def show_picture(self, pixmap: QPixmap | None, sides: tuple[int, int]) -> None:
        """Draw a picture for a network's height and width."""
        self._pixmap, self._sides = pixmap, sides
        self.update()

    def parts(self, size: QSizeF) -> tuple[QRectF, QRectF, QRectF]:
        """The network's input on the widget; what of the picture is drawn, in its pixels; and where."""
        height, width = self._sides
        zoom = min(size.width() / width, size.height() / height)
        frame = QRectF((size.width() - width * zoom) / 2, (size.height() - height * zoom) / 2, width * zoom, height * zoom)
        if self._pixmap is None or self._pixmap.isNull():
            return frame, QRectF(), QRectF()
        across, down = self._pixmap.width(), self._pixmap.height()
        if self._mode == "squash":
            return frame, QRectF(0, 0, across, down), frame
        ratios = frame.width() / across, frame.height() / down
        scale = max(ratios) if self._mode == "crop" else min(ratios)
        shown = QSizeF(min(across, frame.width() / scale), min(down, frame.height() / scale))
        source = QRectF((across - shown.width()) / 2, (down - shown.height()) / 2, shown.width(), shown.height())
        drawn = QSizeF(shown.width() * scale, shown.height() * scale)
        middle = frame.center()
        return frame, source, QRectF(middle.x() - drawn.width() / 2, middle.y() - drawn.height() / 2, drawn.width(), drawn.height())

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        frame, source, target = self.parts(size)
        if source.isEmpty() or self._pixmap is None:
            painter.setPen(ink("line"))
            painter.drawRect(frame.adjusted(0, 0, -1, -1))
            return
        painter.fillRect(frame, Qt.GlobalColor.black)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(target, self._pixmap, source)

    def paintEvent(self, event: object) -> None:
        """On the card, whose colour shows through."""
        painter = QPainter(self)
        self.paint(painter, QSizeF(self.size()))
        painter.end()

    def has_table(self) -> bool:
        return False


class ResizeChoice(QWidget):
    """Three ways as cards, a word on what is taken, and the ground where pictures may be transparent.

    Signals
    -------
    resize_chosen(str)
        A mode, or "": what suits.
    ground_chosen(object)
        (red, green, blue), 0 to 255 each.
    """

    resize_chosen = Signal(str)
    ground_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ground = GROUNDS[0][1]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        head = QHBoxLayout()
        head.addWidget(label(self.tr("To the network's size"), "section"), 1)
        self.suited = button(self.tr("As suits"), "quiet", self.tr("Leave it to the program"))
        self.suited.clicked.connect(lambda: self.resize_chosen.emit(""))
        head.addWidget(self.suited)
        column.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(px(6))
        self.cards: dict[str, ChoiceCard] = {}
        self.drawings: dict[str, ResizeDrawing] = {}
        self._group = QButtonGroup(self)
        for mode, title, tip in MODES:
            card = ChoiceCard()
            card.column.setContentsMargins(px(6), px(6), px(6), px(6))
            drawing = ResizeDrawing(mode)
            words = label(self.tr(title))
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            card.column.addWidget(drawing)
            card.column.addWidget(words)
            card.setToolTip(self.tr(tip))
            card.setAccessibleName(f"{self.tr(title)}. {self.tr(tip)}")
            card.silence()
            card.clicked.connect(lambda _=False, chosen=mode: self.resize_chosen.emit(chosen))
            self._group.addButton(card)
            self.cards[mode], self.drawings[mode] = card, drawing
            row.addWidget(card, 1)
        column.addLayout(row)
        self.words = label("", "caption", wrap=True)
        column.addWidget(self.words)
        column.addWidget(self._build_ground())

    def _build_ground(self) -> QWidget:
        self.ground_panel = QWidget()
        column = QVBoxLayout(self.ground_panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        column.addWidget(label(self.tr("Transparent pictures lie on"), "caption"))
        row = QHBoxLayout()
        row.setSpacing(px(4))
        self.grounds: dict[tuple[int, int, int], QPushButton] = {}
        for title, value in GROUNDS:
            chip = button(self.tr(title), "chip")
            chip.setCheckable(True)
            chip.clicked.connect(lambda _=False, chosen=value: self.ground_chosen.emit(chosen))
            self.grounds[value] = chip
            row.addWidget(chip)
        self.own_ground = button(self.tr("Own…"), "chip", self.tr("Choose a colour"))
        self.own_ground.setCheckable(True)
        self.own_ground.clicked.connect(self._ask_ground)
        row.addWidget(self.own_ground)
        row.addStretch(1)
        column.addLayout(row)
        return self.ground_panel

    # ------------------------------------------------------------ setters

    def set_choice(self, chosen: str | None, taken: str, alike: bool) -> None:
        """Show what the user chose (None: nothing), what is taken, and whether all ways do the same to these pictures."""
        self._group.setExclusive(False)
        for mode, card in self.cards.items():
            card.setChecked(mode == taken)
        self._group.setExclusive(True)
        self.suited.setEnabled(chosen is not None)
        framed = self.tr("The pictures have about this size: they are framed in black, not scaled")
        words = next((self.tr(tip) for mode, _, tip in MODES if mode == taken), framed)
        if alike and taken in self.cards:
            words = self.tr("These pictures have the network's shape already: all three do the same")
        elif chosen is None:
            words = self.tr("As suits the pictures: {words}").format(words=words[:1].lower() + words[1:])
        self.words.setText(words + ".")

    def show_picture(self, pixmap: QPixmap | None, sides: tuple[int, int]) -> None:
        """Draw what the ways do to a picture, for a network's height and width."""
        for drawing in self.drawings.values():
            drawing.show_picture(pixmap, sides)

    def set_ground(self, ground: tuple[int, int, int], visible: bool) -> None:
        self._ground = ground
        self.ground_panel.setVisible(visible)
        for value, chip in self.grounds.items():
            chip.setChecked(value == ground)
        self.own_ground.setChecked(ground not in self.grounds)

    def _ask_ground(self) -> None:
        self.own_ground.setChecked(self._ground not in self.grounds)
        dialog = QColorDialog(colour(QColor(*self._ground).name()), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda made: self.ground_chosen.emit((made.red(), made.green(), made.blue())))
        dialog.open()
