"""The one style sheet. Widgets ask for a look by their object name or by the property `look`; nothing is styled elsewhere.

Looks: QPushButton "primary", "quiet", "chip", "card", "danger"; QLabel "title", "section", "caption", "figure", "good", "warning", "error";
QFrame "card", "panel", "line", "banner", "drop".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import resources

if TYPE_CHECKING:
    from gui.theme import Colours

SHEET = """
QWidget#surface, QMainWindow, QDialog, QStackedWidget#pages {{ background: {surface}; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {line}; padding: {s4}px {s8}px; }}

QWidget[look="column"], QScrollArea[look="column"] {{ background: {panel}; }}
QLabel {{ background: transparent; }}
QLabel[look="title"] {{ font-size: {f20}px; font-weight: 600; }}
QLabel[look="headline"] {{ font-size: {f28}px; font-weight: 600; }}
QLabel[look="section"] {{ font-size: {f14}px; font-weight: 700; }}
QLabel[look="caption"] {{ font-size: {f11}px; color: {muted}; }}
QLabel[look="muted"] {{ color: {muted}; }}
QLabel[look="figure"] {{ font-size: {f20}px; font-weight: 600; }}
QLabel[look="good"] {{ color: {good}; }}
QLabel[look="warning"] {{ color: {warning}; }}
QLabel[look="error"] {{ color: {error}; }}
QLabel:disabled {{ color: {disabled}; }}

QFrame[look="card"] {{ background: {raised}; border: 1px solid {line}; border-radius: {s8}px; }}
QFrame[look="card"][hovered="true"] {{ border-color: {accent}; }}
QFrame[look="card"][over="true"] {{ background: {selected}; border: {s2}px dashed {accent}; }}
QFrame[look="panel"] {{ background: {panel}; border: none; }}
QFrame[look="inspector"] {{ background: {panel}; border: none; border-left: 1px solid {line}; }}
QFrame[look="side"] {{ background: {panel}; border: none; border-right: 1px solid {line}; }}
QFrame[look="status"] {{ background: {panel}; border: none; border-top: 1px solid {line}; }}
QFrame[look="line"] {{ background: {line}; border: none; max-height: 1px; min-height: 1px; }}
QFrame[look="banner"] {{ background: {selected}; border: 1px solid {accent}; border-radius: {s6}px; }}
QFrame[look="drop"] {{ background: transparent; border: {s2}px dashed {line}; border-radius: {s8}px; }}
QFrame[look="drop"][over="true"] {{ background: {selected}; border-color: {accent}; }}
QFrame[look="toast"] {{ background: {raised}; border: 1px solid {line}; border-radius: {s8}px; }}

QPushButton {{
    background: {raised}; border: 1px solid {line}; border-radius: {s6}px; padding: {s5}px {s14}px; min-height: {s20}px;
}}
QPushButton:hover {{ background: {hover}; }}
QPushButton:pressed {{ background: {pressed}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {disabled}; background: {panel}; }}
QPushButton[look="primary"] {{ background: {accent}; color: {on_accent}; border-color: {accent}; font-weight: 600; }}
QPushButton[look="primary"]:hover {{ background: {accent_hover}; border-color: {accent_hover}; }}
QPushButton[look="primary"]:pressed {{ background: {accent_pressed}; }}
QPushButton[look="primary"]:focus {{ border: 1px solid {text}; }}
QPushButton[look="primary"]:disabled {{ background: {hover}; border-color: {hover}; color: {disabled}; }}
QPushButton[look="quiet"], QToolButton {{
    background: transparent; border: 1px solid transparent; border-radius: {s6}px; padding: {s4}px {s8}px;
}}
QPushButton[look="quiet"]:hover, QToolButton:hover {{ background: {hover}; }}
QPushButton[look="quiet"]:pressed, QToolButton:pressed, QToolButton:checked {{ background: {pressed}; }}
QPushButton[look="quiet"]:focus, QToolButton:focus {{ border-color: {accent}; }}
QPushButton[look="quiet"]:disabled, QToolButton:disabled {{ color: {disabled}; background: transparent; }}
QPushButton[look="danger"] {{ color: {error}; }}
QPushButton[look="chip"] {{
    background: transparent; border: 1px solid {line}; border-radius: {r_chip}px; padding: {s2}px {s12}px; min-height: {s20}px;
}}
QPushButton[look="chip"]:hover {{ background: {hover}; }}
QPushButton[look="chip"]:checked {{ background: {selected}; border-color: {accent}; color: {accent_text}; font-weight: 600; }}
QPushButton[look="chip"]:focus {{ border-color: {accent}; }}
QPushButton[look="chip"]:disabled {{ color: {disabled}; }}
QPushButton[look="card"] {{
    background: {raised}; border: 1px solid {line}; border-radius: {s8}px; padding: {s12}px; text-align: left;
}}
QPushButton[look="card"]:hover {{ background: {hover}; }}
QPushButton[look="card"]:checked {{ background: {selected}; border-color: {accent}; }}
QPushButton[look="card"]:focus {{ border-color: {accent}; }}

QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox {{
    background: {raised}; border: 1px solid {line}; border-radius: {s6}px; padding: {s4}px {s8}px; min-height: {s20}px;
    selection-background-color: {accent}; selection-color: {on_accent};
}}
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ border-color: {accent}; }}
QLineEdit[look="wrong"], QComboBox[look="wrong"] {{ border-color: {error}; }}
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled {{ color: {disabled}; background: {panel}; }}
QComboBox::drop-down {{ border: none; width: {s24}px; }}
QComboBox::down-arrow, QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: url("{caret}"); width: {s12}px; height: {s12}px; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url("{caret_up}"); width: {s12}px; height: {s12}px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {{
    border: none; background: transparent; width: {s20}px;
}}
QSpinBox::up-button:hover, QDoubleSpinBox::up-button:hover, QSpinBox::down-button:hover, QDoubleSpinBox::down-button:hover {{
    background: {hover};
}}
QPushButton::menu-indicator {{ image: none; width: 0; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QComboBox[look="quiet"] {{ background: transparent; border-color: transparent; }}
QComboBox[look="quiet"]:hover {{ background: {hover}; }}
QComboBox QAbstractItemView {{
    background: {raised}; border: 1px solid {line}; selection-background-color: {selected}; selection-color: {text}; outline: none;
}}

QAbstractScrollArea {{ background: {surface}; border: none; }}
QPlainTextEdit, QTextEdit {{
    background: {raised}; border: 1px solid {line}; border-radius: {s6}px; padding: {s2}px {s4}px;
    selection-background-color: {accent}; selection-color: {on_accent};
}}
QPlainTextEdit:focus, QTextEdit:focus {{ border-color: {accent}; }}
QListView[look="clear"], QScrollArea[look="clear"], QScrollArea[look="clear"] > QWidget > QWidget {{ background: transparent; }}
QListView, QTreeView, QTableView {{ outline: none; alternate-background-color: {panel}; gridline-color: {line}; }}
QTableView::item {{ padding: 0 {s6}px; }}
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected {{ background: {selected}; color: {text}; }}
QTableView QTableCornerButton::section, QHeaderView::section {{
    background: {panel}; color: {muted}; border: none; border-bottom: 1px solid {line}; padding: {s4}px {s8}px; font-size: {f11}px;
}}
QHeaderView {{ background: {panel}; }}
QScrollBar:vertical {{ background: transparent; width: {s12}px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: {s12}px; margin: 0; }}
QScrollBar::handle {{ background: {line}; border-radius: {r_scroll}px; margin: {s2}px; }}
QScrollBar::handle:vertical {{ min-height: {s24}px; }}
QScrollBar::handle:horizontal {{ min-width: {s24}px; }}
QScrollBar::handle:hover {{ background: {muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle {{ background: {line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
QSplitter::handle:hover {{ background: {accent}; }}

QProgressBar {{
    background: {hover}; border: none; border-radius: {r_progress}px; min-height: {s6}px; max-height: {s6}px; text-align: center;
}}
QProgressBar::chunk {{ background: {accent}; border-radius: {r_progress}px; }}
QSlider:horizontal {{ min-height: {s20}px; }}
QSlider::groove:horizontal {{ background: {line}; height: {s4}px; border-radius: {r_groove}px; }}
QSlider::sub-page:horizontal {{ background: {accent}; border-radius: {r_groove}px; }}
QSlider::handle:horizontal {{
    background: {raised}; border: 1px solid {muted}; width: {s14}px; margin: -{s6}px 0; border-radius: {r_handle}px;
}}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ border-color: {accent}; }}
QCheckBox {{ spacing: {s8}px; }}
QCheckBox::indicator, QAbstractItemView::indicator {{
    background: {raised}; border: 1px solid {muted}; border-radius: {s3}px; width: {s14}px; height: {s14}px;
}}
QCheckBox::indicator:hover, QCheckBox::indicator:focus, QAbstractItemView::indicator:hover {{ border-color: {accent}; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {{
    background: {accent}; border-color: {accent}; image: url("{check}");
}}
QCheckBox::indicator:disabled {{ background: {panel}; border-color: {disabled}; }}
QCheckBox::indicator:checked:disabled {{ background: {disabled}; }}
QCheckBox:disabled {{ color: {disabled}; }}
QRadioButton {{ spacing: {s8}px; }}
QRadioButton::indicator {{
    background: {raised}; border: 1px solid {muted}; border-radius: {r_radio}px; width: {s14}px; height: {s14}px;
}}
QRadioButton::indicator:hover, QRadioButton::indicator:focus {{ border-color: {accent}; }}
QRadioButton::indicator:checked {{ border: {s4}px solid {accent}; width: {s8}px; height: {s8}px; }}
QRadioButton::indicator:disabled {{ border-color: {disabled}; }}
QRadioButton:disabled {{ color: {disabled}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {line}; }}
QTabBar::tab {{ background: transparent; color: {muted}; padding: {s6}px {s12}px; border: none; border-bottom: {s2}px solid transparent; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom-color: {accent}; font-weight: 600; }}
QGroupBox {{ border: none; margin-top: {s20}px; font-weight: 700; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 0; }}

QMenuBar {{ background: {panel}; border-bottom: 1px solid {line}; }}
QMenuBar::item {{ padding: {s4}px {s10}px; background: transparent; }}
QMenuBar::item:selected {{ background: {hover}; }}
QMenu {{ background: {raised}; border: 1px solid {line}; padding: {s4}px; }}
QMenu::item {{ padding: {s5}px {s24}px {s5}px {s24}px; border-radius: {s4}px; }}
QMenu::item:selected {{ background: {selected}; color: {text}; }}
QMenu::item:disabled {{ color: {disabled}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: {s4}px {s8}px; }}

QToolButton#projectButton {{ color: {muted}; margin: 0 {s10}px; padding: {s4}px {s8}px; text-align: left; }}
"""


def style_sheet(colours: Colours, px: Callable[[float], int]) -> str:
    """The style sheet for these colours; `px` scales lengths."""
    lengths = {f"s{length}": max(1, px(length)) for length in (2, 3, 4, 5, 6, 8, 10, 12, 14, 20, 24)}
    lengths |= _radii(lengths)
    fonts = {f"f{size}": px(size) for size in (11, 13, 14, 20, 28)}
    shade = "light" if colours.dark else "dark"
    carets = {name: resources.path(f"icons/{name}_{shade}.svg").as_posix() for name in ("caret", "caret_up")}
    carets["check"] = resources.path("icons/check.svg").as_posix()
    tones = {name: getattr(colours, name) for name in colours.__struct_fields__ if name not in ("dark", "curves")}
    return SHEET.format(accent_hover="#f0b35a", accent_pressed="#d8922b", **tones, **lengths, **fonts, **carets)


def _radii(lengths: dict[str, int]) -> dict[str, int]:
    """Radii of what is round at its ends: half the height of its box, and no pixel more, for Qt then draws square corners."""
    border = 2
    return {
        "r_chip": (lengths["s20"] + 2 * lengths["s2"] + border) // 2,
        "r_handle": min(lengths["s14"] + border, lengths["s4"] + 2 * lengths["s6"]) // 2,
        "r_groove": lengths["s4"] // 2,
        "r_radio": min(lengths["s14"] + border, lengths["s8"] + 2 * lengths["s4"]) // 2,
        "r_progress": lengths["s6"] // 2,
        "r_scroll": (lengths["s12"] - 2 * lengths["s2"]) // 2,
    }
