"""What stands in the header of the Data page: filters, order, size of the pictures, suggestions, panels, import."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMenu, QSlider

from gui.icons import icon
from gui.pages.page import PageHeader
from gui.theme import colours, px
from gui.widgets.basics import button, set_look
from gui.widgets.data_tools import DataTools
from gui.widgets.filter_bar import FilterBar
from gui.widgets.image_grid import ZOOMS, ImageGrid
from gui.widgets.picture_filter import Filter, Order
from gui.widgets.sort_menu import SortMenu
from gui.widgets.tool_buttons import ToolButtons

NARROW, WIDE = 820, 1500
"""Widths of the page in pixels of the design: below the first its sides are narrower, from the second on buttons have words."""


class DataControls(QObject):
    """Fills a header.

    Attributes
    ----------
    filters : FilterBar
    sort : SortMenu
    zoom : QSlider
        Index into ZOOMS, joined to a grid.
    suggest, import_button : QPushButton
    tool_buttons : ToolButtons
    folder_wanted, files_wanted, set_wanted, camera_wanted : Signal
        From the menu of the import button.
    zoom_chosen : Signal(int)
        Side of the pictures in pixels of the design.
    """

    folder_wanted = Signal()
    files_wanted = Signal()
    set_wanted = Signal()
    camera_wanted = Signal()
    zoom_chosen = Signal(int)

    def __init__(self, header: PageHeader, grid: ImageGrid) -> None:
        super().__init__(header)
        self._header = header
        self._any_pictures = False
        self.filters = FilterBar()
        header.add_filter(self.filters, 1)
        self.sort = SortMenu()
        header.add_filter(self.sort)
        self.zoom = self._make_zoom(grid)
        header.add_filter(self.zoom)
        self.suggest = button(self.tr("Suggest labels"), "quiet", self.tr("Label what is least certain first, with suggestions (G)"))
        self.suggest.setAccessibleName(self.tr("Suggest labels"))
        self.suggest.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        header.add_filter(self.suggest)
        self.tool_buttons = ToolButtons(DataTools.PANELS)
        header.add_filter(self.tool_buttons)
        self._narrow = False
        self._suggest_there = self.tool_buttons.all.menu().addAction(self.suggest.text(), self.suggest.click)
        self.import_button = button(self.tr("Import"), "primary", self.tr("Take pictures or folders into the project (Ctrl+I)"))
        menu = QMenu(self.import_button)
        for words, wanted in (
            (self.tr("Pictures…"), self.files_wanted),
            (self.tr("A folder…"), self.folder_wanted),
            (self.tr("A zip, table or annotations…"), self.files_wanted),
            (self.tr("A standard set…"), self.set_wanted),
            (self.tr("From the camera"), self.camera_wanted),
        ):
            menu.addAction(words, wanted.emit)
        self.import_button.setMenu(menu)
        header.add_button(self.import_button)

    def _make_zoom(self, grid: ImageGrid) -> QSlider:
        made = QSlider(Qt.Orientation.Horizontal)
        made.setRange(0, len(ZOOMS) - 1)
        made.setPageStep(1)
        made.setToolTip(self.tr("Size of the pictures (Ctrl and wheel)"))
        made.setAccessibleName(self.tr("Size of the pictures"))
        made.setValue(min(range(len(ZOOMS)), key=lambda at: abs(ZOOMS[at] - grid.zoom)))
        made.valueChanged.connect(lambda at: grid.set_zoom(ZOOMS[at]))
        made.valueChanged.connect(lambda at: self.zoom_chosen.emit(ZOOMS[at]))
        grid.zoomed.connect(lambda _: made.setValue(ZOOMS.index(grid.zoom)) if grid.zoom in ZOOMS else None)
        return made

    def show(self, chosen: Filter, order: Order, class_name: str, any_pictures: bool, any_run: bool) -> None:
        """Show a filter and an order; without any picture there is nothing to filter, to sort or to suggest."""
        self.filters.show_filter(chosen, any_pictures, class_name, any_run)
        self.sort.show_order(order, any_run)
        self.sort.setVisible(any_pictures)
        self._any_pictures = any_pictures
        self._show_suggest()

    def _show_suggest(self) -> None:
        """In a narrow page suggestions are asked for in the menu of the panels."""
        self.suggest.setVisible(self._any_pictures and not self._narrow)
        self._suggest_there.setVisible(self._any_pictures)

    def set_writable(self, writable: bool) -> None:
        self.import_button.setEnabled(writable)
        self.suggest.setEnabled(writable)

    def share_width(self, width: int) -> None:
        """In a narrow page buttons do without words."""
        narrow, wide = width < px(NARROW), width >= px(WIDE)
        self._narrow = narrow
        self._show_suggest()
        self._header.title.setVisible(not narrow)  # the sidebar says it too
        self.zoom.setVisible(not narrow)
        self.sort.set_narrow(narrow)
        self.tool_buttons.set_width(narrow, wide)
        self.suggest.setText(self.tr("Suggest labels") if wide else "")

    def dress(self, empty: bool) -> None:
        """Take over colours and scale; an empty page has a primary button of its own."""
        self.filters.dress()
        self.zoom.setFixedWidth(px(88))
        self.suggest.setIcon(icon("ph.magic-wand"))
        set_look(self.import_button, "" if empty else "primary")
        self.import_button.setIcon(icon("ph.upload-simple", colours().text if empty else colours().on_accent))
