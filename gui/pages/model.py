"""Model: the gallery of networks; the chosen one drawn, in figures, compared, and what its units see."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSplitter, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from engine.messages import DescribeNetwork
from engine.networks.arithmetic import LayerRow
from gui import network_ways, networks, plan
from gui.bridge import Bridge
from gui.designer import Designer
from gui.network_arrivals import NetworkArrivals
from gui.network_message import FAULT, is_unknown, message
from gui.pages.page import Page
from gui.probe_strip import ProbeStrip
from gui.settings import Settings
from gui.state import AppState, RunSelected
from gui.theme import px
from gui.widgets.basics import button, label, set_look
from gui.widgets.compare_panel import ComparePanel
from gui.widgets.layer_inspector import LayerInspector
from gui.widgets.layer_palette import LayerPalette
from gui.widgets.layer_table import LayerTable
from gui.widgets.neighbour_drawing import NeighbourDrawing
from gui.widgets.network_gallery import NetworkGallery
from gui.widgets.network_heading import NetworkHeading
from gui.widgets.network_view import NetworkView
from gui.widgets.receptive_panel import ReceptivePanel

WIDE_GALLERY, NARROW_GALLERY = 316, 232
WIDE_INSPECTOR, NARROW_INSPECTOR = 340, 328
ROOMY = 1400
"""From this width on whole names of layers have room."""
LISTED = frozenset({"memory", "classes", "runs", "project", "networks", "described", "libraries"})
"""Fields of the state that the gallery depends on."""
ANSWERS = frozenset({"weights_checked", "failures", "jobs"})
"""Further ones that what is shown of the chosen network depends on."""


class ModelPage(Page):
    """Choose a network; see what it is and what it costs."""

    name, title, icon = "model", "Model", "ph.graph"
    help_text = (
        "Choose the network to train. The drawing shows its feature maps to scale; point at one to see the arithmetic, click it to find "
        "its row in the table, double-click a block to open it. The working size is the size to which every picture is brought first. "
        "Ctrl and the wheel zoom, F fits the drawing in. Compare sets networks side by side; "
        "Receptive field shows which pixels a unit can see. "
        "Nearest neighbour learns nothing: it compares with every training picture."
    )

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self._finder = plan.typical_finder(bridge)
        self._asked: tuple[object, ...] = ()
        self._fault = ""
        self.arrivals = NetworkArrivals(bridge, self)
        self.arrivals.come.connect(self._choose)
        self.arrivals.refused.connect(self._refuse)
        self.arrivals.changed.connect(self.history_changed)
        self._drawn: networks.Worked | None = None
        self._library_rows: tuple[LayerRow, ...] = ()
        self.designer = Designer(bridge, self)
        self.designer.changed.connect(self._render_network)
        self.designer.changed.connect(self.history_changed)
        self.designer.selection_changed.connect(self._render_selection)
        self.designer.refused.connect(self._refuse)
        self.designer.palette_wanted.connect(lambda: self._show_palette(True))
        self.designer.rename_wanted.connect(self._rename)
        self._build_buttons()
        self.train_button = button(self.tr("Train this network"), "primary", self.tr("Go to the Train page with this network"))
        self.train_button.clicked.connect(lambda: self.page_wanted.emit("train"))
        self.header.add_stretch()
        for made in (self.copy_button, self.layers_button, self.export_button, self.train_button):
            self.header.add_button(made)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self._build_left())
        body.addLayout(self._build_centre(), 1)
        self.inspector = LayerInspector()
        self.inspector.layer_changed.connect(self.designer.change_layer)
        self.inspector.network_changed.connect(self.designer.change_network)
        self.inspector.copy_wanted.connect(self._edit_copy)
        body.addWidget(self.inspector)
        for widget in (self.drawing, self.table, self.inspector, self.palette):
            self.designer.install_keys(widget)
        self.inspector.watch_keys(self.designer)
        self.content.addLayout(body, 1)
        self.strip = ProbeStrip(bridge, settings)
        self.content.addWidget(self.strip)

    @property
    def cards(self) -> dict:
        """The gallery's cards by the names of their networks."""
        return self.gallery.cards

    # ------------------------------------------------------------ building

    def _build_buttons(self) -> None:
        self.copy_button = button(self.tr("Edit a copy"), "", self.tr("Make a network of your own from this one, and change it"))
        self.copy_button.clicked.connect(self._edit_copy)
        self.layers_button = button(self.tr("Add a layer"), "", self.tr("Show the layers that can be added, in place of the gallery (A)"))
        self.layers_button.setCheckable(True)
        self.layers_button.clicked.connect(self._show_palette)
        self.export_button = button(self.tr("Export"), "", self.tr("Save this network as a file, a script or a picture"))
        self.export_menu = QMenu(self)
        self.export_menu.aboutToShow.connect(self._fill_export_menu)
        self.export_button.setMenu(self.export_menu)

    def _build_left(self) -> QWidget:
        self.gallery = NetworkGallery(self.bridge, lambda: self.settings.device)
        self.gallery.chosen.connect(self._choose)
        self.gallery.file_wanted.connect(self.arrivals.ask_for_file)
        self.gallery.new_wanted.connect(self._start_empty)
        self.gallery.delete_wanted.connect(self.arrivals.delete)
        self.palette = LayerPalette()
        self.palette.kind_chosen.connect(self.designer.insert_kind)
        self.palette.left.connect(lambda: self._show_palette(False))
        self.left = QStackedWidget()
        self.left.addWidget(self.gallery)
        self.left.addWidget(self.palette)
        return self.left

    def _build_centre(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(px(12), px(12), px(16), px(8))
        column.setSpacing(px(8))
        self.heading = NetworkHeading(self.bridge)
        column.addWidget(self.heading)
        self.refusal = label("", "error", wrap=True)
        self.refusal.hide()
        column.addWidget(self.refusal)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.compare = ComparePanel(self.bridge)
        self.compare.run_clicked.connect(self._show_run)
        self.receptive = ReceptivePanel(self.bridge)
        self.tabs.addTab(self._build_drawing(), self.tr("Drawing"))
        self.tabs.addTab(self.compare, self.tr("Compare"))
        self.tabs.addTab(self.receptive, self.tr("Receptive field"))
        self.tabs.currentChanged.connect(self._turn)
        column.addWidget(self.tabs, 1)
        return column

    def _build_drawing(self) -> QWidget:
        self.drawing = NetworkView()
        self.drawing.layer_clicked.connect(self.designer.click)
        self.drawing.layer_dropped.connect(self.designer.drop)
        self.drawing.menu_wanted.connect(self._open_menu)
        self.drawing.save_failed.connect(self._refuse)
        self.neighbours = NeighbourDrawing()
        self.pictures = QStackedWidget()
        self.pictures.addWidget(self.drawing)
        self.pictures.addWidget(self.neighbours)
        self.pictures.setMinimumHeight(px(160))
        self.table = LayerTable(lambda: self.width() > px(ROOMY))
        self.table.line_clicked.connect(self.designer.click)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.pictures)
        splitter.addWidget(self.table)
        splitter.setStretchFactor(0, 4)
        splitter.setStretchFactor(1, 3)
        return splitter

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.left.setFixedWidth(px(WIDE_GALLERY) if self.width() > px(1300) else px(NARROW_GALLERY))
        self.inspector.setFixedWidth(px(WIDE_INSPECTOR) if self.width() > px(1300) else px(NARROW_INSPECTOR))

    def undo(self) -> bool:
        """The last change of the network is taken back while one of the project's own can be edited; all else is the window's."""
        if self.designer.editable:
            self.designer.undo()
            return True
        return self.arrivals.restore()

    def redo(self) -> bool:
        """As `undo`."""
        if self.designer.editable:
            self.designer.redo()
        return self.designer.editable

    def history(self) -> tuple[str, str] | None:
        """What undo and redo would do here, "" for nothing; None where they are the window's."""
        designer = self.designer
        if not designer.editable:
            removed = self.arrivals.removed
            return None if removed is None else (self.tr("Undo: delete {0}").format(removed.title), "")
        return (designer.undo_text if designer.can_undo else "", designer.redo_text if designer.can_redo else "")

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.designer.flush()

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if changed & {"images", "memory", "project"}:
            self._finder.look(state)
        another = "images" in changed and not self._is_shown(state)
        if another or changed & LISTED or ("jobs" in changed and state.libraries is None):
            self.gallery.render(state)
        if another or changed & (LISTED | ANSWERS):
            self._render_chosen(state)
        if changed & {"images", "training_probed", "memory", "jobs", "failures", "engine"}:
            self.strip.render(state)
        self.compare.render(state, changed)
        self.receptive.render(state, changed)
        self.train_button.setEnabled(state.project is not None)

    def _is_shown(self, state: AppState) -> bool:
        card = self.cards.get(plan.network_name(state))
        return card is not None and card.isChecked()

    def _render_chosen(self, state: AppState) -> None:
        name = plan.network_name(state)
        shape, classes = plan.input_shape(state, name), plan.class_number(state)
        self.heading.render(state)
        worked = networks.worked(state, name, shape, classes)
        self._describe(state, name, worked)
        self.pictures.setCurrentIndex(1 if networks.is_classic(name) else 0)
        recipe = plan.recipe(state)
        self.neighbours.set_choice(recipe.neighbours, recipe.distance)
        self._library_rows = worked.analysis.layers if worked.tree is None and worked.analysis is not None else ()
        self.designer.follow(state, name)
        self._render_refusal(state, name, worked)
        self.strip.render(state)
        if worked is not self._drawn:
            self._drawn = worked
            self._render_network()
            self.table.scrollToTop()

    def _render_network(self) -> None:
        """Draw and list what the designer holds, or a network of another library."""
        designer = self.designer
        rows = designer.rows or self._library_rows
        name = plan.network_name(self.bridge.state)
        own = networks.is_own(designer.name)
        self.drawing.set_network(designer.network, rows, self.tr("input"), designer.error)
        self.drawing.set_editable(designer.editable)
        self.table.show_rows(rows)
        self.copy_button.setVisible(designer.network is not None and not own)
        self.copy_button.setEnabled(self.bridge.state.writable)
        self.layers_button.setVisible(designer.editable)
        self.export_button.setVisible(designer.network is not None or networks.is_library(name))
        if not designer.editable:
            self._show_palette(False)
        self._render_selection()
        self._render_refusal(self.bridge.state, name, self._drawn or networks.Worked())

    def _render_selection(self) -> None:
        """Show what is selected in drawing, table and inspector."""
        designer = self.designer
        selected = designer.selection[-1] if designer.selection else ""
        self.drawing.select(selected)
        self.drawing.mark_beside(designer.selection[:-1])
        self.table.select(selected)
        drawn = self.tabs.currentIndex() == 0
        self.inspector.setVisible(drawn and designer.network is not None and (bool(selected) or designer.editable))
        writable = self.bridge.state.writable
        shown = designer.selected if len(designer.selection) < 2 else selected
        self.inspector.show_layer(designer.network, shown, designer.rows, designer.error, designer.editable, designer.why_not, writable)
        self.palette.set_place(designer.signal, designer.editable)

    def _describe(self, state: AppState, name: str, worked: networks.Worked) -> None:
        """Have a network of another library worked out by the engine, once."""
        wanted = (name, plan.input_shape(state, name), plan.class_number(state))
        if networks.is_library(name) and worked.analysis is None and wanted != self._asked:
            self._asked = wanted
            self.bridge.submit(DescribeNetwork(*wanted))

    def _render_refusal(self, state: AppState, name: str, worked: networks.Worked) -> None:
        designer = self.designer
        error = worked.error if designer.network is None else designer.error
        told = designer.network is not None and self.inspector.isVisibleTo(self) and self.tabs.currentIndex() == 0
        text, look = message(state, name, None if told else error, is_unknown(name, worked) and designer.network is None)
        if not text:
            text, look = self._fault, FAULT
        self.refusal.setText(text)
        set_look(self.refusal, look)
        self.refusal.setVisible(bool(text))

    # ------------------------------------------------------------ deeds

    def _choose(self, name: str) -> None:
        self._fault = ""
        if plan.weights(self.bridge.state) not in ("", plan.PRETRAINED) and name != plan.network_name(self.bridge.state):
            plan.keep(self.bridge, plan.WEIGHTS, "")  # a file fits one network, not the next
        plan.keep(self.bridge, plan.NETWORK, name)
        if not self.bridge.state.writable:
            self.gallery.render(self.bridge.state)

    def _turn(self) -> None:
        """Another tab: what was said of the one before goes."""
        self._render_selection()
        self._refuse("")

    def _edit_copy(self) -> None:
        network = self.designer.network
        if network is not None and self.bridge.state.writable:
            self.tabs.setCurrentIndex(0)
            self.designer.edit_copy(network)

    def _start_empty(self) -> None:
        name = plan.network_name(self.bridge.state)
        self.tabs.setCurrentIndex(0)
        self.designer.start_empty(plan.input_shape(self.bridge.state, name), plan.class_number(self.bridge.state))
        self._show_palette(True)

    def _show_palette(self, shown: bool) -> None:
        if not shown and self.left.currentWidget() is self.palette:
            self.drawing.setFocus()  # else the next best card would have it, and look chosen
        self.layers_button.setChecked(shown)
        self.left.setCurrentWidget(self.palette if shown else self.gallery)
        if shown:
            self.palette.open()

    def _rename(self) -> None:
        self.inspector.show()
        self.inspector.focus_name()

    def _open_menu(self, layer: str, where: QPoint) -> None:
        if self.designer.editable:
            self.designer.popup(layer, where, self.drawing)

    def _refuse(self, text: str) -> None:
        """Say why something could not be done, until something else is; "" takes it back."""
        self._fault = text
        self._render_refusal(self.bridge.state, plan.network_name(self.bridge.state), self._drawn or networks.Worked())

    def _fill_export_menu(self) -> None:
        network_ways.fill(self.export_menu, self, self.designer, self.drawing, self._refuse)

    def _show_run(self, run: str) -> None:
        self.bridge.dispatch(RunSelected(run=run))
        self.page_wanted.emit("check")
