"""Data: the pictures of the project, their classes, and what becomes of an import."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMenu, QSizePolicy, QSlider, QStackedWidget, QVBoxLayout, QWidget

from engine.messages import (
    AddClass,
    ClassifyImages,
    ImportPaths,
    PictureReady,
    RemoveImages,
    RenameClass,
    SetLabels,
    UseRun,
    WantPicture,
)
from gui.bridge import Bridge
from gui.icons import icon
from gui.label_keys import NO_CLASS, class_for_key, key_of
from gui.pages.page import Page
from gui.settings import Settings
from gui.state import AppState, ReportDismissed
from gui.theme import colours, px
from gui.widgets.basics import button, count, label, set_look
from gui.widgets.class_list import ClassList
from gui.widgets.empty_data import EmptyData
from gui.widgets.filter_bar import FilterBar
from gui.widgets.image_grid import ZOOMS, ImageGrid
from gui.widgets.import_report import ImportReport
from gui.widgets.inspector import Inspector
from gui.widgets.picture_model import Filter
from gui.widgets.preview import Preview
from gui.widgets.thumbnails import pixmap_of, shared_thumbnails

LOOK_AFTER_MILLISECONDS = 60
"""The selection must rest this long before the large picture is asked for."""

NARROW = 820
"""Width of the page in pixels of the design below which its sides are narrower."""


class DataPage(Page):
    """Class list, grid, inspector.

    Attributes
    ----------
    folder_wanted, files_wanted, camera_wanted : Signal
        Ask the window for a folder, for files, for the camera.
    """

    name, title, icon = "data", "Data", "ph.squares-four"
    help_text = (
        "All pictures of the project. Select some and press 1 to 9 to give them a class, 0 to take it away; or drag them onto a class at "
        "the left. Files and folders can be dropped anywhere, onto a class to label them at once. Space shows a picture large, Delete "
        "takes it out of the project, Ctrl+Z takes the last change back. Ctrl and the wheel change the size."
    )

    folder_wanted = Signal()
    files_wanted = Signal()
    camera_wanted = Signal()

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self._state = bridge.state
        self._filter = Filter()
        self._large = -1
        self.thumbnails = shared_thumbnails(bridge)
        self.grid = ImageGrid(self.thumbnails, settings.zoom)
        self.classes = ClassList(self.thumbnails)
        self.inspector = Inspector()
        self.report = ImportReport()
        self.empty = EmptyData()
        self.preview = Preview(self)
        self._build_header()
        self._build_body()
        self._connect()
        self.setFocusProxy(self.grid)
        self.dress()

    # ------------------------------------------------------------ building

    def _build_header(self) -> None:
        self.filters = FilterBar()
        self.header.add_filter(self.filters, 1)
        self.search = self.filters.search
        self.zoom = QSlider(Qt.Orientation.Horizontal)
        self.zoom.setRange(0, len(ZOOMS) - 1)
        self.zoom.setPageStep(1)
        self.zoom.setToolTip(self.tr("Size of the pictures (Ctrl and wheel)"))
        self.zoom.setAccessibleName(self.tr("Size of the pictures"))
        self.header.add_filter(self.zoom)
        self.import_button = button(self.tr("Import"), "primary", self.tr("Take pictures or folders into the project (Ctrl+I)"))
        menu = QMenu(self.import_button)
        menu.addAction(self.tr("Pictures…"), self.files_wanted.emit)
        menu.addAction(self.tr("A folder…"), self.folder_wanted.emit)
        menu.addAction(self.tr("From the camera"), self.camera_wanted.emit)
        self.import_button.setMenu(menu)
        self.header.add_button(self.import_button)

    def _build_body(self) -> None:
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self.classes)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        self._banner = QVBoxLayout()
        self._banner.addWidget(self.report)
        middle.addLayout(self._banner)
        self.middle = QStackedWidget()
        self.middle.addWidget(self.grid)
        self.middle.addWidget(self.empty)
        self.none = QWidget()
        column = QVBoxLayout(self.none)
        column.addStretch(1)
        self.none_words = label(self.tr("No picture matches."), "muted")
        self.none_words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.none_words)
        again = button(self.tr("Show all"))
        again.clicked.connect(lambda: self.show_filter(Filter()))
        column.addWidget(again, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self.middle.addWidget(self.none)
        middle.addWidget(self.middle, 1)
        self.count = label("", "caption")
        self.count.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        middle.addWidget(self.count)
        body.addLayout(middle, 1)
        body.addWidget(self.inspector)
        self.content.addLayout(body, 1)
        self.inspector.hide()

    def _connect(self) -> None:
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(LOOK_AFTER_MILLISECONDS)
        self._look.timeout.connect(self._ask_for_large)
        self._appear = QTimer(self)  # the grid must not move under the pointer before the second click of two
        self._appear.setSingleShot(True)
        self._appear.timeout.connect(lambda: self.inspector.setVisible(bool(self.grid.selected())))
        self.zoom.setValue(min(range(len(ZOOMS)), key=lambda at: abs(ZOOMS[at] - self.settings.zoom)))
        self.zoom.valueChanged.connect(lambda at: self._set_zoom(ZOOMS[at]))
        self.grid.zoomed.connect(lambda _: self.zoom.setValue(ZOOMS.index(self.grid.zoom)) if self.grid.zoom in ZOOMS else None)
        self.filters.wanted.connect(self.show_filter)
        self.filters.left.connect(self.grid.setFocus)
        self.filters.entered.connect(self._enter_grid)
        self.grid.label_wanted.connect(self.label_by_key)
        self.grid.remove_wanted.connect(self.remove)
        self.grid.preview_wanted.connect(lambda _: self._open_preview())
        self.grid.picked.connect(self._show_picked)
        self.grid.customContextMenuRequested.connect(self._menu)
        self.classes.chosen.connect(self._choose_class)
        self.classes.images_dropped.connect(self._label)
        self.classes.paths_dropped.connect(self._import_into)
        self.classes.class_wanted.connect(lambda name: self.bridge.submit(AddClass(name)))
        self.classes.rename_wanted.connect(lambda class_id, name: self.bridge.submit(RenameClass(class_id, name)))
        self.inspector.label_chosen.connect(lambda class_id: self._label(self.grid.selected(), class_id))
        self.inspector.preview_wanted.connect(self._open_preview)
        self.inspector.remove_wanted.connect(lambda: self.remove(self.grid.selected()))
        self.preview.stepped.connect(self._step_preview)
        self.preview.labelled.connect(lambda digit: self.label_by_key((self.grid.current_image(),), digit))
        self.preview.closed.connect(self.grid.setFocus)
        self.report.dismissed.connect(lambda: self.bridge.dispatch(ReportDismissed()))
        self.empty.zone.dropped.connect(lambda paths: self._import_into(paths, None))
        self.empty.choose.clicked.connect(self.folder_wanted)
        self.bridge.picture.connect(self._take_large)

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if "project" in changed:
            opened_other = self._state.project is None or state.project is None or self._state.project.folder != state.project.folder
            if opened_other:
                self._filter = Filter()
                self.grid.leave()
        self._state = state
        self.thumbnails.follow(state)
        if changed & {"images", "classes", "project"}:
            self.classes.render(state)
            self.classes.set_enabled_to_write(state.writable)
            self.import_button.setEnabled(state.writable)
            if changed & {"classes", "project"}:
                self.inspector.show_classes(state.classes, state.writable)
            self._show_pictures()
        if "classified" in changed:
            self._show_answer(state)
        if "import_report" in changed:
            self.report.show_report(state.import_report)

    def show_filter(self, chosen: Filter) -> None:
        """Show other pictures."""
        self._filter = chosen
        self._show_pictures()

    def show_images(self, images: tuple[int, ...], words: str = "") -> None:
        """Show these pictures alone, and select the first; `words` says what they are."""
        self.show_filter(Filter(images=images, words=words or self.tr("{0} chosen").format(count(len(images)))))
        self._enter_grid()

    def _show_pictures(self) -> None:
        self.grid.show_pictures(self._state, self._filter)
        total = len(self._state.images.ids) if self._state.images is not None else 0
        shown = self.grid.count()
        self.middle.setCurrentWidget(self.grid if shown else self.none if total else self.empty)
        self.count.setText(self._counted(shown, total))
        self.count.setVisible(bool(total))
        self.filters.show_filter(self._filter, bool(total))
        self._dress_import()
        self.classes.set_chosen(self._filter.class_id)
        self._show_picked()

    def _counted(self, shown: int, total: int) -> str:
        picked = len(self.grid.selected())
        words = self.tr("1 picture") if total == 1 else self.tr("{0} pictures").format(count(total))
        if shown != total:
            words = self.tr("{0} of {1} pictures").format(count(shown), count(total))
        return self.tr("{0} · {1} selected").format(words, count(picked)) if picked else words

    def _show_picked(self) -> None:
        picked = self.grid.selected()
        if picked and not self.inspector.isVisible() and QGuiApplication.mouseButtons():
            self._appear.start(QApplication.doubleClickInterval())
        else:
            self.inspector.setVisible(bool(picked))
        total = len(self._state.images.ids) if self._state.images is not None else 0
        self.count.setText(self._counted(self.grid.count(), total))
        pictures = self.grid.pictures
        if len(picked) == 1:
            row = pictures.row_of(picked[0])
            small = self.thumbnails.get(picked[0]) if self._large != picked[0] else None
            self.inspector.show_one(pictures.name_at(row), pictures.class_at(row), pictures.split_at(row), small)
            self._show_answer(self._state)
        elif picked:
            rows = [pictures.row_of(image) for image in picked[:5000]]
            self.inspector.show_several([pictures.class_at(row) for row in rows], self.thumbnails.get(picked[0]))
            self._large = -1
        if len(picked) == 1 or self.preview.isVisible():
            self._look.start()

    # ------------------------------------------------------------ the large picture

    def _wanted_large(self) -> int:
        picked = self.grid.selected()
        return picked[0] if len(picked) == 1 else self.grid.current_image()

    def _ask_for_large(self) -> None:
        image = self._wanted_large()
        if image >= 0 and (image != self._large or self.preview.isVisible()):
            self.bridge.submit(WantPicture(image))
            self._ask_run(image)

    def _ask_run(self, image: int) -> None:
        """Let the chosen run say what it sees; it is loaded with the first question."""
        state = self._state
        if state.run is None or state.engine is None:
            return
        if state.model is None or state.model.run != state.run.id:
            self.bridge.submit(UseRun(state.run.id))
        self.bridge.submit(ClassifyImages((image,)))

    def _show_answer(self, state: AppState) -> None:
        """What the chosen run said of the one picture that is selected."""
        picked = self.grid.selected()
        if len(picked) == 1 and state.run is not None:
            said = (one for one in state.classified if one.image == picked[0] and one.run == state.run.id)
            self.inspector.show_answer(next(said, None))

    def _take_large(self, event: PictureReady) -> None:
        if event.image != self._wanted_large():
            return
        self._large = event.image
        pixmap = pixmap_of(event.pixels) if event.pixels is not None else None
        self.inspector.show_large(event, pixmap)
        self.preview.show_picture(pixmap, event.error or self._words_of(event.image))

    def _words_of(self, image: int) -> str:
        row = self.grid.pictures.row_of(image)
        if row < 0:
            return ""
        record = self.grid.pictures.class_at(row)
        return f"{self.grid.pictures.name_at(row)} · {record.name if record is not None else self.tr('unlabelled')}"

    def _open_preview(self) -> None:
        image = self._wanted_large()
        if image >= 0:
            self.preview.show_picture(self.thumbnails.get(image), self._words_of(image))
            self.preview.open()
            self._look.start()

    def _step_preview(self, steps: int) -> None:
        image = self.grid.step(steps)
        self.preview.show_picture(self.thumbnails.get(image), self._words_of(image))

    # ------------------------------------------------------------ what the user does

    def label_by_key(self, images: tuple[int, ...], digit: int) -> None:
        """Give pictures the class of a number key, or none; a key without a class says so."""
        at = class_for_key(self._state.classes, digit)
        if at is None:
            self.count.setText(self.tr("No class has the key {0}.").format(digit))
        elif at == NO_CLASS:
            self._label(images, None)
        else:
            self._label(images, self._state.classes[at].id)

    def _label(self, images: tuple[int, ...], class_id: int | None) -> None:
        if images and self._state.writable:
            self.bridge.submit(SetLabels(tuple(images), class_id))

    def remove(self, images: tuple[int, ...]) -> None:
        """Take pictures out of the project."""
        if images and self._state.writable:
            self.bridge.submit(RemoveImages(tuple(images)))

    def _import_into(self, paths: tuple[str, ...], class_id: int | None) -> None:
        self.bridge.submit(ImportPaths(tuple(paths), class_id, self.settings.copy_images))

    def _choose_class(self, class_id: int | None) -> None:
        if class_id is None:
            self.show_filter(Filter(text=self._filter.text))
        else:
            self.show_filter(replace(self._filter, class_id=class_id, images=None, words=""))

    def _set_zoom(self, side: int) -> None:
        self.grid.set_zoom(side)
        self.settings.zoom = side

    def _menu(self, point: QPoint) -> None:
        picked = self.grid.selected()
        if not picked:
            return
        menu = QMenu(self)
        menu.setObjectName("pictures")
        menu.addAction(icon("ph.eye"), self.tr("Look at it (Space)"), self._open_preview)
        menu.addSeparator()
        for number, record in enumerate(self._state.classes[:30]):
            words = self.tr("Label: {0}").format(record.name) + f"\t{key_of(self._state.classes, number)}"
            menu.addAction(words, lambda class_id=record.id: self._label(picked, class_id))
        menu.addAction(self.tr("Take the label away") + f"\t{key_of(self._state.classes, NO_CLASS)}", lambda: self._label(picked, None))
        menu.addSeparator()
        menu.addAction(icon("ph.trash"), self.tr("Remove from the project") + "\tDel", lambda: self.remove(picked))
        menu.setEnabled(self._state.writable)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.grid.viewport().mapToGlobal(point))

    def _enter_grid(self) -> None:
        self.grid.select_row(0)
        self.grid.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._filter != Filter():
            self.show_filter(Filter())
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """In a narrow window the sides leave more to the grid."""
        narrow = self.width() < px(NARROW)
        self.classes.set_width(176 if narrow else 232)
        self.inspector.set_width(216 if narrow else 272)
        self.zoom.setVisible(not narrow)

    def dress(self) -> None:
        super().dress()
        if not hasattr(self, "preview"):
            return
        self.empty.dress()
        self.filters.dress()
        self.zoom.setFixedWidth(px(88))
        self._share_width()
        self.count.setContentsMargins(px(16), px(5), px(16), px(6))
        self._banner.setContentsMargins(px(12), px(8), px(12), 0)
        self._dress_import()

    def _dress_import(self) -> None:
        """The empty page has a primary button of its own."""
        empty = self.middle.currentWidget() is self.empty
        set_look(self.import_button, "" if empty else "primary")
        self.import_button.setIcon(icon("ph.upload-simple", colours().text if empty else colours().on_accent))
