"""Colours of a network's drawing: one hue a kind of layer, told apart by all kinds of colour vision (Okabe and Ito)."""

from __future__ import annotations

import msgspec
from PySide6.QtGui import QColor

from gui.theme import colour, colours
from gui.widgets.canvas import between, ink
from gui.widgets.network_words import TONES

_HUES = {
    "convolution": ("#0072b2", "#56b4e9"),
    "pooling": ("#d55e00", "#e8743b"),
    "linear": ("#009e73", "#2fbf95"),
    "tokens": ("#cc79a7", "#d98cb8"),
    "gate": ("#c9bb00", "#f0e442"),
}


class Tone(msgspec.Struct, frozen=True, eq=False):
    """The colours of one kind of box."""

    front: QColor
    roof: QColor
    side: QColor
    line: QColor


class Look(msgspec.Struct, frozen=True, eq=False):
    """All colours of the drawing in the scheme in use."""

    tones: dict[str, Tone]
    wrong: Tone
    unknown: Tone
    text: QColor
    muted: QColor
    disabled: QColor
    error: QColor
    accent: QColor
    accent_text: QColor
    halo: QColor
    wire: QColor
    frame_line: QColor
    frames: tuple[QColor, QColor]
    surface: QColor
    raised: QColor


def look() -> Look:
    """The colours in the scheme in use."""
    dark = colours().dark
    surface, text = ink("surface"), ink("text")

    def tone(hue: QColor, strength: float) -> Tone:
        front = between(surface, hue, strength)
        return Tone(front, between(front, ink("raised"), 0.45), between(front, text, 0.18), between(hue, text, 0.35))

    tones = {name: tone(colour(_HUES[name][dark]), 0.62) for name in TONES if name in _HUES}
    paper = ink("raised")
    tones["meet"] = Tone(paper, paper, between(paper, text, 0.15), between(paper, text, 0.75))
    tones["quiet"] = tone(ink("muted"), 0.45)
    tones["group"] = tone(between(ink("muted"), colour(_HUES["convolution"][dark]), 0.3), 0.42)
    tones["input"] = tone(ink("text"), 0.10)
    return Look(
        tones=tones,
        wrong=tone(ink("error"), 0.45),
        unknown=tone(ink("muted"), 0.14),
        text=text,
        muted=ink("muted"),
        disabled=ink("disabled"),
        error=ink("error"),
        accent=ink("accent"),
        accent_text=ink("accent_text"),
        halo=ink("selected"),
        wire=ink("muted"),
        frame_line=ink("line"),
        frames=(ink("panel"), surface),
        surface=surface,
        raised=ink("raised"),
    )
