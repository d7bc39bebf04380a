"""Data: the pictures of the project, their classes, and what becomes of an import."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from engine.messages import ImportPaths, ScoreImages
from gui.bridge import Bridge
from gui.pages.class_editing import ClassEditing
from gui.pages.data_controls import NARROW, DataControls
from gui.pages.labelling import Labelling
from gui.pages.looking import Looking
from gui.pages.page import Page
from gui.pages.suggesting import Suggesting
from gui.settings import Settings
from gui.state import AppState, ReportDismissed
from gui.theme import px
from gui.widgets.basics import count
from gui.widgets.class_list import ClassList
from gui.widgets.count_line import CountLine
from gui.widgets.data_tools import DataTools
from gui.widgets.empty_data import EmptyData, NoMatch
from gui.widgets.image_grid import ImageGrid
from gui.widgets.import_report import ImportReport
from gui.widgets.inspector import Inspector
from gui.widgets.picture_filter import NO_FLAG, Filter, Order
from gui.widgets.picture_menu import PictureDeeds, picture_menu
from gui.widgets.suggestion_bar import SuggestionBar
from gui.widgets.thumbnails import shared_thumbnails


class DataPage(Page):
    """Class list, grid, inspector or a panel.

    Attributes
    ----------
    folder_wanted, files_wanted, set_wanted, camera_wanted : Signal
        Ask the window for a folder, for files, for a standard set, for the camera.
    """

    name, title, icon = "data", "Data", "ph.squares-four"
    help_text = (
        "All pictures of the project. Select some and press 1 to 9, or the letter of a class, to label them, 0 to take the label away; L "
        "or / finds a class by its name; or drag them onto a class at the left. G suggests labels, Return accepts them. S skips, F flags, "
        "N writes a note. Files and folders can be dropped anywhere, onto a class to label them at once. Space shows a picture large, "
        "Delete takes it out of the project, Ctrl+Z takes the last change back. Ctrl+A selects all, Ctrl+Shift+A the others. Ctrl and the "
        "wheel change the size."
    )

    folder_wanted = Signal()
    files_wanted = Signal()
    set_wanted = Signal()
    camera_wanted = Signal()

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self._state = bridge.state
        self._filter, self._order = Filter(), Order()
        self._asked = ""  # the run that was asked about every picture since filter or order were chosen
        self._told = ""  # a sentence in the place of the count, until something happens
        self.thumbnails = shared_thumbnails(bridge)
        self.grid = ImageGrid(self.thumbnails, settings.zoom)
        self.labelling = Labelling(bridge, settings, self.grid)
        self.classes = ClassList(self.thumbnails)
        self.inspector = Inspector()
        self.tools = DataTools(bridge)
        self.report = ImportReport()
        self.empty, self.none = EmptyData(), NoMatch()
        self.suggestion_bar = SuggestionBar()
        self.suggesting = Suggesting(bridge, self.grid, self.suggestion_bar)
        self.count_line = CountLine(settings.move_on)
        self.count = self.count_line.words
        self.looking = Looking(self, bridge, self.grid, self.inspector, self.thumbnails)
        self.preview = self.looking.preview
        self.editing = ClassEditing(bridge, self.classes, self.grid, self.labelling)
        self.controls = DataControls(self.header, self.grid)
        self.filters, self.import_button = self.controls.filters, self.controls.import_button
        self.search = self.filters.search
        self._build_body()
        self._connect()
        self._connect_labelling()
        self.setFocusProxy(self.grid)
        self.dress()

    # ------------------------------------------------------------ building

    def _build_body(self) -> None:
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self.classes)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        self._banner = QVBoxLayout()
        self._banner.addWidget(self.report)
        self._banner.addWidget(self.suggestion_bar)
        middle.addLayout(self._banner)
        middle.addWidget(self.filters.active)
        self.middle = QStackedWidget()
        for widget in (self.grid, self.empty, self.none):
            self.middle.addWidget(widget)
        middle.addWidget(self.middle, 1)
        middle.addWidget(self.count_line)
        body.addLayout(middle, 1)
        body.addWidget(self.inspector)
        body.addWidget(self.tools)
        self.content.addLayout(body, 1)
        self.inspector.hide()

    def _connect(self) -> None:
        self._appear = QTimer(self)  # the grid must not move under the pointer before the second click of two
        self._appear.setSingleShot(True)
        self._appear.timeout.connect(self._show_inspector)
        controls = self.controls
        for made, wanted in (
            (controls.folder_wanted, self.folder_wanted),
            (controls.files_wanted, self.files_wanted),
            (controls.set_wanted, self.set_wanted),
            (controls.camera_wanted, self.camera_wanted),
        ):
            made.connect(wanted)
        controls.zoom_chosen.connect(self._keep_zoom)
        controls.sort.wanted.connect(self.show_order)
        controls.suggest.clicked.connect(self._suggest)
        controls.tool_buttons.chosen.connect(self.show_panel)
        self.filters.wanted.connect(self.show_filter)
        self.filters.left.connect(self.grid.setFocus)
        self.filters.entered.connect(self._enter_grid)
        self.none.again.clicked.connect(lambda: self.show_filter(Filter()))
        self.suggesting.filter_wanted.connect(self._show_queue)
        self.tools.closed.connect(lambda: self.show_panel(""))
        self.tools.images_wanted.connect(self.show_images)
        self.tools.selected_images = self.grid.selected
        self.tools.shown_images = self.grid.shown
        self.grid.preview_wanted.connect(lambda _: self.looking.open())
        self.grid.entered.connect(lambda _: self.suggesting.accept(self.grid.selected()) if self.suggesting.active else self.looking.open())
        self.grid.picked.connect(self._show_picked)
        self.grid.customContextMenuRequested.connect(self._menu)
        self.report.dismissed.connect(lambda: self.bridge.dispatch(ReportDismissed()))
        self.empty.zone.dropped.connect(lambda paths: self._import_into(paths, None))
        self.empty.choose.clicked.connect(self.folder_wanted)
        self.count_line.train_wanted.connect(lambda: self.page_wanted.emit("train"))
        self.count_line.move_on_chosen.connect(self._set_move_on)

    def _connect_labelling(self) -> None:
        labelling, classes, grid = self.labelling, self.classes, self.grid
        grid.label_wanted.connect(labelling.by_digit)
        grid.letter_pressed.connect(lambda letter: labelling.by_letter(grid.selected(), letter))
        grid.remove_wanted.connect(labelling.remove)
        self.preview.labelled.connect(lambda digit: self.looking.label(lambda images: labelling.by_digit(images, digit)))
        self.preview.key_labelled.connect(lambda letter: self.looking.label(lambda images: labelling.by_letter(images, letter)))
        labelling.told.connect(self._tell)
        labelling.note_wanted.connect(self._write_note)
        labelling.suggestions_wanted.connect(self._suggest)
        self.inspector.label_chosen.connect(lambda class_id: labelling.label(grid.selected(), class_id))
        self.inspector.flag_wanted.connect(lambda flag, on: labelling.set_flag(grid.selected(), flag, on))
        self.inspector.preview_wanted.connect(self.looking.open)
        self.inspector.remove_wanted.connect(lambda: labelling.remove(grid.selected()))
        self.inspector.note.written.connect(labelling.note)
        self.inspector.note.left.connect(grid.setFocus)
        classes.chosen.connect(self._choose_class)
        classes.paths_dropped.connect(self._import_into)

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if "project" in changed:
            opened_other = self._state.project is None or state.project is None or self._state.project.folder != state.project.folder
            if opened_other:
                self.suggesting.forget()
                self._filter, self._order = Filter(), Order()
                self.grid.leave()
        self._state = state
        if "scores" in changed and self._asked not in state.scores:  # forgotten: it learned on since
            self._asked = ""
        if "classes" in changed and self._filter.class_id not in (None, -1, *(record.id for record in state.classes)):
            self._filter = replace(self._filter, class_id=None)  # the class that was shown has been merged or deleted
        self.thumbnails.follow(state)
        self.labelling.follow(state)
        if changed & {"images", "classes", "project"}:
            self.classes.render(state)
            self.classes.set_enabled_to_write(state.writable)
            self.controls.set_writable(state.writable)
            if changed & {"classes", "project"}:
                self.inspector.show_classes(state.classes, state.writable)
        self.suggesting.render(state, changed)
        self.tools.render(state, changed)
        asked = self._filter.needs_scores or self._order.needs_scores
        if changed & {"images", "classes", "project"} or (asked and changed & {"scores", "runs", "selected_run"}):
            self._show_pictures()
        elif changed & {"notes", "scores"} or (asked and "jobs" in changed):
            self._show_picked(look=False)
        if "runs" in changed:
            self.count_line.show_stale(tuple(run.id for run in state.runs if run.stale))
            self._show_controls()
        if "classified" in changed:
            self._show_answer(state)
        if "import_report" in changed:
            self.report.show_report(state.import_report)

    def show_filter(self, chosen: Filter) -> None:
        """Show other pictures."""
        if not self.suggesting.shows(chosen):
            self.suggesting.forget()
        self._filter, self._asked = chosen, ""
        self._show_pictures()

    def show_order(self, order: Order) -> None:
        """Show the pictures in another order."""
        self._order, self._asked = order, ""
        self._show_pictures()

    def show_images(self, images: tuple[int, ...], words: str = "") -> None:
        """Show these pictures alone, in this order, and select the first; `words` says what they are."""
        self._order = Order()
        self.show_filter(Filter(images=tuple(images), words=words or self.tr("{0} chosen").format(count(len(images)))))
        self._enter_grid()

    def _show_queue(self, chosen: Filter) -> None:
        """Show suggestions in the order in which they were made."""
        self._order = Order()
        self.show_filter(chosen)
        self.grid.setFocus()

    def show_panel(self, name: str) -> None:
        """Show one of the panels in the place of the inspector; "" shows none."""
        self.tools.show_panel(name)
        self.controls.tool_buttons.show_panel(name)
        self._show_inspector()
        if not name:
            self.grid.setFocus()

    def _show_pictures(self) -> None:
        self._told = ""
        self._ask_for_scores()
        self.grid.show_pictures(self._state, self._filter, self._order)
        total = len(self._state.images.ids) if self._state.images is not None else 0
        self.middle.setCurrentWidget(self.grid if self.grid.count() or self.suggesting.active else self.none if total else self.empty)
        self.count_line.setVisible(bool(total))
        self._show_controls()
        self.controls.dress(self.middle.currentWidget() is self.empty)
        self.classes.set_chosen(self._filter.class_id)
        self._show_picked()
        self.suggesting.shown(self._state)

    def _show_controls(self) -> None:
        any_pictures = self._state.images is not None and len(self._state.images.ids) > 0
        any_run = self._state.run is not None
        name = next((record.name for record in self._state.classes if record.id == self._filter.class_id), "")
        self.controls.show(self._filter, self._order, name, any_pictures, any_run)

    def _ask_for_scores(self) -> None:
        """Filters and orders by what the run says need its word about every picture; it is asked once each time one is chosen."""
        state = self.bridge.state  # what was asked a moment ago is in no rendered state yet
        run, asked = state.run, self._filter.needs_scores or self._order.needs_scores
        if not asked or run is None or run.id == self._asked or state.running("ScoreImages") is not None:
            return
        scores, images = state.scores.get(run.id), state.images
        added_since = (
            scores is not None and images is not None and len(images.ids) and images.ids[-1] > (scores.ids[-1] if len(scores.ids) else -1)
        )
        if scores is None or added_since:
            self._asked = run.id
            self.bridge.submit(ScoreImages(run.id))

    def _counted(self, shown: int, total: int) -> str:
        if self._told:
            return self._told
        picked = self.grid.selected_count()
        words = self.tr("1 picture") if total == 1 else self.tr("{0} pictures").format(count(total))
        if shown != total:
            words = self.tr("{0} of {1} pictures").format(count(shown), count(total))
        parts = [words]
        if picked:
            parts.append(self.tr("{0} selected").format(count(picked)))
        run = self._state.run
        if run is not None and (self._filter.needs_scores or self._order.needs_scores) and run.id not in self._state.scores:
            waiting = self._state.running("ScoreImages") is not None or "ScoreImages" not in self._state.failures
            parts.append((self.tr("{0} is looking at every picture…") if waiting else self.tr("{0} could not look at them")).format(run.id))
        return " · ".join(parts)

    def _tell(self, words: str) -> None:
        """Say something in the place of the count."""
        self._told = words
        self.count_line.say(words)

    def _show_picked(self, look: bool = True) -> None:
        number = self.grid.selected_count()
        if number and not self.inspector.isVisible() and not self.tools.shown and QGuiApplication.mouseButtons():
            self._appear.start(QApplication.doubleClickInterval())
        else:
            self._show_inspector()
        total = len(self._state.images.ids) if self._state.images is not None else 0
        self.count_line.say(self._counted(self.grid.count(), total))
        pictures = self.grid.pictures
        if number == 1:
            rows = self.grid.selected_rows()
            facts = pictures.facts_at(int(rows[0]))
            small = self.thumbnails.get(facts.id) if self.looking.large != facts.id else None
            self.inspector.show_one(facts, small, self._state.notes.get(facts.id, ""))
            self._show_answer(self._state)
        elif number:
            rows = self.grid.selected_rows()
            self.inspector.show_several(
                pictures.class_counts(rows), pictures.common_flags(rows), self.thumbnails.get(pictures.id_at(int(rows[0])))
            )
            self.looking.large = -1
        if look:
            self.looking.look()

    def _show_inspector(self) -> None:
        self.inspector.setVisible(bool(self.grid.selected_count()) and not self.tools.shown)

    def _show_answer(self, state: AppState) -> None:
        """What the chosen run said of the one picture that is selected."""
        picked = self.grid.selected_ids()
        if len(picked) == 1 and state.run is not None:
            said = (one for one in state.classified if one.image == picked[0] and one.run == state.run.id)
            self.inspector.show_answer(next(said, None))

    # ------------------------------------------------------------ what the user does

    def _suggest(self) -> None:
        if self._state.writable:
            self.suggesting.toggle()
            self.grid.setFocus()

    def _write_note(self) -> None:
        """Go to the note of the one selected picture."""
        if self.grid.selected_count() == 1:
            self.show_panel("")
            self.inspector.show()
            self.inspector.note.setFocus()
        else:
            self._tell(self.tr("Select one picture to write a note to it."))

    def _import_into(self, paths: tuple[str, ...], class_id: int | None) -> None:
        self.bridge.submit(ImportPaths(tuple(paths), class_id))

    def _choose_class(self, class_id: int | None) -> None:
        if class_id is None:
            self.show_filter(Filter(text=self._filter.text))
        else:
            self.show_filter(replace(self._filter, class_id=class_id, images=None, words="", without=NO_FLAG))

    def _keep_zoom(self, side: int) -> None:
        self.settings.zoom = side

    def _set_move_on(self, on: bool) -> None:
        self.settings.move_on = on
        self.settings.save()

    def _menu(self, point: QPoint) -> None:
        picked = self.grid.selected()
        if not picked:
            return
        deeds = PictureDeeds(
            look=self.looking.open,
            label=lambda class_id: self.labelling.label(picked, class_id),
            find_class=self.editing.find_class,
            flag=lambda flag: self.labelling.toggle(picked, flag),
            note=self._write_note,
            split=lambda split: self.labelling.set_split(picked, split),
            remove=lambda: self.labelling.remove(picked),
        )
        menu = picture_menu(self, self._state.classes, self._state.writable, len(picked) == 1, deeds)
        menu.popup(self.grid.viewport().mapToGlobal(point))

    def _enter_grid(self) -> None:
        self.grid.select_row(0)
        self.grid.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.suggesting.active:
            self.suggesting.leave()
        elif self._filter != Filter():
            self.show_filter(Filter())
        elif self.tools.shown:
            self.show_panel("")
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """In a narrow window the sides leave more to the grid, and buttons do without words."""
        narrow = self.width() < px(NARROW)
        self.classes.set_width(176 if narrow else 232)
        self.inspector.set_width(216 if narrow else 272)
        self.controls.share_width(self.width())

    def dress(self) -> None:
        super().dress()
        if not hasattr(self, "middle"):
            return
        self.empty.dress()
        self.controls.dress(self.middle.currentWidget() is self.empty)
        self._share_width()
        self._banner.setContentsMargins(px(12), px(8), px(12), 0)
        self._banner.setSpacing(px(8))
