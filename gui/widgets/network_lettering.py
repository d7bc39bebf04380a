"""The words of a network's drawing: laid out once each and painted a colour at a time, so that thousands take milliseconds."""

from __future__ import annotations

from collections import defaultdict

import msgspec
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFont, QFontDatabase, QFontMetricsF, QPainter, QStaticText

from gui.theme import set_tabular
from gui.widgets.network_colours import Look
from gui.widgets.network_records import LINE, NOTE_LINE, Box, Frame, Tag
from gui.widgets.network_sight import BADGE

CAPTION, SMALL = 11, 10


def words(size: float) -> QFont:
    """A font of the drawing; its size is in pixels of the design, for the painter is scaled as a whole."""
    made = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    made.setPixelSize(round(size))
    set_tabular(made)
    return made


class Word(msgspec.Struct, frozen=True, eq=False):
    """A word in its place; `ink` names a colour of `Look`."""

    text: QStaticText
    place: QPointF
    size: int
    ink: str


class Lettering:
    """Makes and paints the words of one drawing."""

    def __init__(self) -> None:
        self._fonts = {size: words(size) for size in (CAPTION, SMALL)}
        self._metrics = {size: QFontMetricsF(font) for size, font in self._fonts.items()}
        self._texts: dict[tuple[str, int], tuple[QStaticText, float]] = {}
        self._words: dict[int, tuple[Word, ...]] = {}

    def paint(self, painter: QPainter, look: Look, boxes: list[Box], frames: list[Frame], tags: list[Tag]) -> None:
        """All words of what is seen."""
        sorted_out: dict[tuple[int, str], list[Word]] = defaultdict(list)
        things: list[Box | Frame | Tag] = [*frames, *boxes, *tags]
        for thing in things:
            for word in self._of(thing):
                sorted_out[word.size, word.ink].append(word)
        for (size, ink), found in sorted_out.items():
            painter.setFont(self._fonts[size])
            painter.setPen(getattr(look, ink))
            for word in found:
                painter.drawStaticText(word.place, word.text)

    def _of(self, thing: Box | Frame | Tag) -> tuple[Word, ...]:
        if id(thing) not in self._words:
            make = {Box: self._of_box, Frame: self._of_frame, Tag: self._of_tag}[type(thing)]
            self._words[id(thing)] = tuple(make(thing))
        return self._words[id(thing)]

    def _of_box(self, box: Box) -> list[Word]:
        x, y = box.middle
        made = []
        if box.lead:
            wire = box.left - 8 - box.aside - (box.lead - box.aside - 12) / 2
            made.append(self._word(box.above, wire, y - LINE - 2, CAPTION, _ink(box.state, "text")))
            made.append(self._word(box.below, wire, y + 2, CAPTION, _ink(box.state, "muted")))
        for number, text in enumerate(box.captions):
            usual = "text" if number == 0 and box.tone in ("group", "input") else "muted"
            made.append(self._word(text, x, box.bottom + 3 + LINE * number, CAPTION, _ink(box.state, usual)))
        for number, note in enumerate(box.notes):
            made.append(self._word(note.text, x, box.note_span(number)[1], SMALL, _ink(note.state, "muted"), NOTE_LINE))
        return made

    def _of_frame(self, frame: Frame) -> list[Word]:
        left, top, _, _ = frame.span
        across = left + BADGE + 9
        title = self._word(frame.title, across, top + 2, CAPTION, _ink(frame.state, "text"), centred=False)
        if not frame.word:
            return [title]
        wide = self._static(frame.title, CAPTION)[1]
        return [title, self._word(frame.word, across + wide + 8, top + 2, CAPTION, "muted", centred=False)]

    def _of_tag(self, tag: Tag) -> list[Word]:
        return [self._word(tag.text, tag.left, tag.top, SMALL, "muted", NOTE_LINE, centred=False)]

    def _word(self, text: str, x: float, top: float, size: int, ink: str, line: float = LINE, centred: bool = True) -> Word:
        made, wide = self._static(text, size)
        down = top + (line - self._metrics[size].height()) / 2
        return Word(made, QPointF(x - wide / 2 if centred else x, down), size, ink)

    def _static(self, text: str, size: int) -> tuple[QStaticText, float]:
        key = text, size
        if key not in self._texts:
            made = QStaticText(text)
            made.setTextFormat(Qt.TextFormat.PlainText)
            self._texts[key] = made, self._metrics[size].horizontalAdvance(text)
        return self._texts[key]


def _ink(state: str, usual: str) -> str:
    return {"wrong": "error", "unknown": "disabled"}.get(state, usual)
