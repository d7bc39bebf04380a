"""Colours, sizes and the one style sheet. Light, dark and the system's choice by Qt's own colour schemes."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from gui.style_sheet import style_sheet

SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
SCHEMES = ("system", "light", "dark")

CLASS_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Okabe and Ito's palette for all kinds of colour vision, without black."""


class Colours(msgspec.Struct, frozen=True):
    """The colours of a scheme, "#rrggbb". Text on surface, panel and raised has a contrast of at least 4.5:1.

    Attributes
    ----------
    surface : str
        Behind everything; the centre of a page.
    panel : str
        Sidebar, inspector, status bar.
    raised : str
        Cards, inputs, buttons.
    hover, pressed : str
        A raised thing under the pointer, and held down.
    line : str
        Borders.
    text, muted, disabled : str
        Words; captions; what cannot be used now (exempt from the contrast rule).
    accent : str
        Fill of primary button, selection and progress; as a line on surface.
    on_accent : str
        Words on accent.
    accent_text : str
        Words and icons in the accent's hue on surface.
    selected : str
        Background of what is selected.
    grid : str
        Lines behind curves.
    good, warning, error : str
        Words and marks.
    curves : tuple of str
        Colours of runs in plots, first one first.
    """

    dark: bool
    surface: str
    panel: str
    raised: str
    hover: str
    pressed: str
    line: str
    text: str
    muted: str
    disabled: str
    accent: str
    on_accent: str
    accent_text: str
    selected: str
    grid: str
    good: str
    warning: str
    error: str
    curves: tuple[str, ...]


LIGHT = Colours(
    dark=False,
    surface="#fbfbfa",
    panel="#f1f2f3",
    raised="#ffffff",
    hover="#e8eaec",
    pressed="#dcdfe2",
    line="#d9dce0",
    text="#1d232a",
    muted="#5a6470",
    disabled="#a3abb4",
    accent="#e8a33d",
    on_accent="#241a08",
    accent_text="#8a5300",
    selected="#faecd2",
    grid="#e4e6e9",
    good="#1b6e43",
    warning="#8a5300",
    error="#b3261e",
    curves=("#b86e00", "#0072b2", "#007a5a", "#a63d7a", "#c04a00", "#4a5fc1", "#5b6670"),
)

DARK = Colours(
    dark=True,
    surface="#171b20",
    panel="#1e2329",
    raised="#262c33",
    hover="#303740",
    pressed="#39424c",
    line="#353d47",
    text="#e7eaed",
    muted="#a0aab4",
    disabled="#65707b",
    accent="#e8a33d",
    on_accent="#241a08",
    accent_text="#f0b558",
    selected="#3d3422",
    grid="#2b323a",
    good="#66c795",
    warning="#f0b558",
    error="#ff8a7e",
    curves=("#e8a33d", "#56b4e9", "#3cc79d", "#e08fbd", "#f0803c", "#93a5ff", "#b6c0ca"),
)


class Theme(QObject):
    """The look of the running program: scheme and scale. `changed` asks everything that paints itself to paint anew."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._scheme = "system"
        self._scale = 1.0
        self._points = 0.0
        self._colours = LIGHT

    @property
    def scheme(self) -> str:
        return self._scheme

    @property
    def scale(self) -> float:
        return self._scale

    def colours(self) -> Colours:
        return self._colours

    def apply(self, scheme: str | None = None, scale: float | None = None) -> None:
        """Set scheme and scale (None: as they are) and dress the application in them."""
        application = QApplication.instance()
        if not isinstance(application, QApplication):
            return
        hints = application.styleHints()
        if not self._points:
            base = application.font()
            self._points = base.pointSizeF() if base.pointSizeF() > 0 else 10.0
            application.setStyle("Fusion")
            hints.colorSchemeChanged.connect(self._follow)
        if scheme is not None and scheme in SCHEMES:
            self._scheme = scheme
        if scale is not None:
            self._scale = min(max(scale, SCALES[0]), SCALES[-1])
        wanted = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(self._scheme, Qt.ColorScheme.Unknown)
        hints.colorSchemeChanged.disconnect(self._follow)
        hints.setColorScheme(wanted)
        hints.colorSchemeChanged.connect(self._follow)
        self._dress()

    def step_scale(self, steps: int) -> None:
        """Make everything larger (1) or smaller (-1)."""
        nearest = min(range(len(SCALES)), key=lambda index: abs(SCALES[index] - self._scale))
        self.apply(scale=SCALES[min(max(nearest + steps, 0), len(SCALES) - 1)])

    def _follow(self) -> None:
        self._dress()

    def _dress(self) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        dark = application.styleHints().colorScheme() == Qt.ColorScheme.Dark if self._scheme == "system" else self._scheme == "dark"
        self._colours = DARK if dark else LIGHT
        application.setFont(font())
        application.setPalette(_palette(self._colours))
        application.setStyleSheet(style_sheet(self._colours, px))
        self.changed.emit()


_theme: Theme | None = None


def theme() -> Theme:
    """The one Theme of the program; made on first use, with the application."""
    global _theme
    if _theme is None:
        _theme = Theme()
    return _theme


def colours() -> Colours:
    """The colours in use now."""
    return theme().colours()


def px(length: float) -> int:
    """A length of the design, in pixels at scale 1, as pixels now."""
    return round(length * theme().scale)


def font(size: float = 13, weight: QFont.Weight = QFont.Weight.Normal, tabular: bool = False) -> QFont:
    """The system's font. size in pixels of the design: page title 20, section 14, text 13, captions 11."""
    made = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    made.setPixelSize(max(1, px(size)))
    made.setWeight(weight)
    if tabular:
        set_tabular(made)
    return made


def set_tabular(made: QFont) -> None:
    """Ask for figures of one width where Qt (6.7 on) and the font have them."""
    made.setFeature(QFont.Tag("tnum"), 1)


def colour(name: str, alpha: float = 1.0) -> QColor:
    """A colour "#rrggbb" as QColor, alpha in [0, 1]."""
    made = QColor(name)
    made.setAlphaF(alpha)
    return made


def class_colour(index: int) -> str:
    """The colour of class `index`: Okabe and Ito's first, then hues spaced by the golden angle."""
    if index < len(CLASS_COLOURS):
        return CLASS_COLOURS[index]
    hue = (0.13 + (index - len(CLASS_COLOURS)) * 0.618034) % 1.0
    return QColor.fromHsvF(hue, 0.55, 0.85).name()


def readable_on(background: str) -> str:
    """Black or white, whichever reads better on a colour."""
    return "#000000" if contrast("#000000", background) >= contrast("#ffffff", background) else "#ffffff"


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG 2.2, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(name: str) -> float:
    channels = [int(name[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _palette(tones: Colours) -> QPalette:
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, name in (
        (roles.Window, tones.surface),
        (roles.WindowText, tones.text),
        (roles.Base, tones.raised),
        (roles.AlternateBase, tones.panel),
        (roles.ToolTipBase, tones.raised),
        (roles.ToolTipText, tones.text),
        (roles.PlaceholderText, tones.muted),
        (roles.Text, tones.text),
        (roles.Button, tones.raised),
        (roles.ButtonText, tones.text),
        (roles.BrightText, tones.error),
        (roles.Link, tones.accent_text),
        (roles.LinkVisited, tones.accent_text),
        (roles.Highlight, tones.accent),
        (roles.HighlightedText, tones.on_accent),
        (roles.Light, tones.hover),
        (roles.Midlight, tones.hover),
        (roles.Mid, tones.line),
        (roles.Dark, tones.line),
        (roles.Shadow, tones.line),
        (roles.Accent, tones.accent),
    ):
        palette.setColor(role, QColor(name))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tones.disabled))
    return palette
