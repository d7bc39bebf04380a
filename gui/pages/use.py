"""Use: a dropped or pasted picture, or the camera, and what the chosen run says of it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from engine.messages import (
    AddClass,
    Classified,
    ClassifyFiles,
    ClassifyPicture,
    ImportPaths,
    ImportPicture,
    ListCameras,
    OpenCamera,
    RecordFrames,
    Remember,
    UseRun,
)
from gui.bridge import Bridge
from gui.looked_at import name_of
from gui.pages.page import Page
from gui.run_names import run_names
from gui.settings import Settings
from gui.state import AnswersCleared, AppState, FailureDismissed, RunSelected
from gui.theme import px
from gui.widgets.answer_list import AnswerList
from gui.widgets.answer_panel import AnswerPanel
from gui.widgets.basics import button, label, percent
from gui.widgets.drop_picture import DropPicture
from gui.widgets.message_row import MessageRow
from gui.widgets.record_bar import KEY as RECORD_KEY
from gui.widgets.record_bar import RecordBar

PICTURES = "*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff *.gif *.heic *.heif *.avif *.pgm *.ppm"
THRESHOLD = "use.unknown_below"
EMPTY = "Drop pictures here, paste one, or start the camera."


class UsePage(Page):
    """Pictures and camera on the left, the answer on the right."""

    name, title, icon = "use", "Use", "ph.camera"
    help_text = (
        "Drop pictures here, paste one, or start a camera: the chosen run answers at once. "
        "An answer less probable than the threshold is called unknown. "
        "Where the answer is wrong, put the picture into its class: it is then in the project and the next training learns from it. "
        "While a camera plays, hold the button below it, or R, to record its frames into a class; this needs no trained network."
    )

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self._shown: Classified | None = None
        self._asked: str | None = None
        self._wanted_camera = False
        self._listed: tuple[Classified, ...] = ()
        self._pasted: dict[str, np.ndarray] = {}
        self._putting = ""
        self._build_header()
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addLayout(self._build_picture(), 1)
        self.side = AnswerPanel()
        self.side.threshold_moved.connect(self._threshold_moved)
        self.side.threshold_kept.connect(self._keep_threshold)
        self.side.class_chosen.connect(self._put_into)
        body.addWidget(self.side)
        self.content.addLayout(body, 1)

    # ------------------------------------------------------------ building

    def _build_header(self) -> None:
        self.run_box = QComboBox()
        self.run_box.setAccessibleName(self.tr("Run that answers"))
        self.run_box.setToolTip(self.tr("The run that answers"))
        self.run_box.setMinimumContentsLength(32)
        self.run_box.activated.connect(lambda row: self.bridge.dispatch(RunSelected(run=self.run_box.itemData(row))))
        self.header.add_filter(self.run_box)
        self.header.add_stretch()
        self.camera_box = QComboBox()
        self.camera_box.setAccessibleName(self.tr("Camera"))
        self.camera_box.setToolTip(self.tr("A camera of this machine; or type the address of a stream or the path of a video file"))
        self.camera_box.setEditable(True)
        self.camera_box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.camera_box.lineEdit().setPlaceholderText(self.tr("Camera, video file or http://…"))
        self.camera_box.setMinimumContentsLength(24)
        self.camera_box.lineEdit().returnPressed.connect(self._start_camera)
        self.header.add_filter(self.camera_box)
        self.camera_button = button(self.tr("Start camera"), tooltip=self.tr("Classify what the camera sees"))
        self.camera_button.clicked.connect(self._toggle_camera)
        self.header.add_button(self.camera_button)
        self.choose_button = button(self.tr("Choose pictures…"), "primary", self.tr("Classify files"))
        self.choose_button.clicked.connect(self._choose)
        self.header.add_button(self.choose_button)

    def _build_picture(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(px(16), px(16), px(16), px(16))
        column.setSpacing(px(8))
        self.message = MessageRow()
        self.message.pressed.connect(self._remedy)
        column.addWidget(self.message)
        self.view = DropPicture()
        self.view.set_empty_text(self.tr(EMPTY))
        self.view.files_dropped.connect(self.classify)
        self.view.picture_dropped.connect(self._classify_pixels)
        column.addWidget(self.view, 1)
        self.caption = label("", "caption")
        self.caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.caption)
        self.record = RecordBar()
        self.record.began.connect(lambda class_id: self.bridge.submit(RecordFrames(True, class_id)))
        self.record.ended.connect(lambda: self.bridge.submit(RecordFrames(False)))
        self.record.class_wanted.connect(lambda name: self.bridge.submit(AddClass(name)))
        self.record.hide()
        column.addWidget(self.record)
        self.list = AnswerList(self._word)
        self.list.picked.connect(self._pick)
        column.addWidget(self.list)
        return column

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if changed & {"runs", "selected_run", "project", "model"}:
            self._render_runs(state)
        if "model" in changed:
            self._ask_again(state)
        if "memory" in changed:
            kept = state.memory.get(THRESHOLD, "0")
            self.side.set_threshold(int(kept) if kept.isdigit() else 0)
        if "classes" in changed:
            self.side.set_classes(state.classes)
            self.record.set_classes(state.classes)
        if "images" in changed:
            self.record.set_images(state.images)
        if changed & {"camera", "project"}:
            self.record.setVisible(state.camera.playing and state.writable)
        if changed & {"cameras", "camera", "jobs"}:
            self._render_camera(state)
        if changed & {"classified"}:
            self._render_classified(state)
        if changed & {"classified", "camera", "model", "runs", "project"}:
            self._render_answer(state)
        if changed & {"camera", "failures", "runs", "project", "engine"}:
            self._render_message(state)
        if "import_report" in changed:
            self._tell_put(state)
        if self._wanted_camera and state.cameras is not None:
            self._wanted_camera = False
            self._start_camera()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        if self.bridge.state.cameras is None and self.bridge.state.running("ListCameras") is None:
            self.bridge.submit(ListCameras())

    def start_camera(self) -> None:
        """Start the first camera as soon as the cameras are known; the start page asks for it."""
        self._wanted_camera = True
        if self.bridge.state.cameras is not None:
            self._wanted_camera = False
            self._start_camera()

    def _render_runs(self, state: AppState) -> None:
        self.run_box.blockSignals(True)
        self.run_box.clear()
        names = run_names(state.runs)
        for run in state.runs:
            figure = "" if run.accuracy is None else self.tr("{0} validation" if run.test_accuracy is None else "{0} test")
            self.run_box.addItem(" · ".join(filter(None, (names[run.id], figure.format(percent(run.accuracy or 0.0))))), run.id)
        chosen = state.run
        if chosen is not None:
            self.run_box.setCurrentIndex(self.run_box.findData(chosen.id))
        self.run_box.blockSignals(False)
        self.run_box.setVisible(bool(state.runs))
        wanted = chosen.id if chosen is not None else None
        if state.project is not None and wanted != (state.model.run if state.model else None) and wanted != self._asked:
            self._asked = wanted
            self.bridge.submit(UseRun(wanted))
        elif state.model is not None and state.model.run == wanted:
            self._asked = None

    def _ask_again(self, state: AppState) -> None:
        """Another run is in use: it answers for the pictures that are listed; the other run's answers go."""
        run = state.model.run if state.model is not None else None
        old = [answer for answer in reversed(self._listed) if answer.run != run]
        if run is None or not old:
            return
        self.bridge.dispatch(AnswersCleared())
        for answer in old:
            if answer.path:
                self.bridge.submit(ClassifyFiles((answer.path,)))
            elif answer.name in self._pasted:
                self.bridge.submit(ClassifyPicture(self._pasted[answer.name], answer.name))

    def hideEvent(self, event: QHideEvent) -> None:
        """What failed here was read; it is not told again when the page is shown again."""
        super().hideEvent(event)
        for command in ("OpenCamera", "ClassifyFiles", "ClassifyPicture"):
            self.bridge.dispatch(FailureDismissed(command=command))

    def _render_camera(self, state: AppState) -> None:
        opening = state.running("OpenCamera")
        self.camera_button.setText(self.tr("Stop camera") if opening else self.tr("Start camera"))
        if state.cameras is None or self.camera_box.property("cameras") == state.cameras:
            return
        self.camera_box.setProperty("cameras", state.cameras)
        typed = self.camera_box.currentText() if self.camera_box.currentIndex() < 0 else ""
        self.camera_box.clear()
        for camera in state.cameras:
            self.camera_box.addItem(camera.name, camera.source)
        if typed or not state.cameras:
            self.camera_box.setCurrentIndex(-1)
            self.camera_box.setEditText(typed)

    def _render_classified(self, state: AppState) -> None:
        answers = tuple(answer for answer in state.classified if answer.image < 0)
        if answers != self._listed:
            self._listed = answers
            self.list.set_answers(answers)
            self._shown = answers[0] if answers else None

    def _word(self, answer: Classified) -> str:
        return self.tr("not read") if answer.probabilities is None else self.side.word(answer.classes, answer.probabilities)

    def _render_answer(self, state: AppState) -> None:
        frame = state.camera.frame if state.camera.playing else None
        shown = self._shown
        if frame is not None:
            self.view.set_pixels(frame.frame)
            self.caption.setText(self.tr("{rate:.0f} frames/s").format(rate=frame.frames_per_second))
            self.side.show_answer(name_of(state, frame.run or ""), frame.classes, frame.probabilities, frame.seconds)
        elif shown is not None:
            self.view.set_pixels(shown.picture)
            self.view.set_empty_text(f"{shown.name}: {shown.error}" if shown.error else self.tr(EMPTY))
            self.caption.setText(shown.name)
            self.caption.setToolTip(shown.path)
            self.side.show_answer(name_of(state, shown.run), shown.classes, shown.probabilities, shown.seconds)
        else:
            self.view.set_pixels(None)
            self.view.set_empty_text(self.tr(EMPTY))
            self.caption.setText("")
            self.side.show_answer("", (), None, 0.0)
        readable = frame is not None or (shown is not None and not shown.error)
        can_put = readable and state.writable and bool(state.classes)
        answered = frame.probabilities is not None if frame is not None else shown is not None and shown.probabilities is not None
        self.side.offer_classes(can_put)
        self.side.setVisible(can_put or answered)

    def _render_message(self, state: AppState) -> None:
        failure = state.failures.get("OpenCamera") or state.failures.get("ClassifyFiles") or state.failures.get("ClassifyPicture")
        text, remedy, look = "", "", "warning"
        if failure is not None:
            text = f"{failure.message} {failure.remedy}"
        elif state.camera.reason:
            text, remedy = state.camera.reason, self.tr("Start again")
        elif state.project is None:
            text, remedy, look = (
                self.tr("No project is open: the camera shows pictures, but nothing answers yet."),
                self.tr("Start page"),
                "",
            )
        elif not state.runs:
            text, remedy, look = self.tr("Nothing is trained yet, so nothing answers."), self.tr("Train"), ""
        self.message.say(text, remedy, look)

    # ------------------------------------------------------------ recording

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """R records as long as it is held; elsewhere than in a field where it is a letter."""
        if event.key() == RECORD_KEY and not event.modifiers() and self.record.isVisible():
            if not event.isAutoRepeat():
                self.record.press()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """The key was let go."""
        if event.key() == RECORD_KEY and self.record.isVisible():
            if not event.isAutoRepeat():
                self.record.release()
        else:
            super().keyReleaseEvent(event)

    # ------------------------------------------------------------ deeds

    def _remedy(self) -> None:
        state = self.bridge.state
        if state.camera.reason:
            self._start_camera()
        else:
            self.page_wanted.emit("train" if state.project is not None else "start")

    def _toggle_camera(self) -> None:
        job = self.bridge.state.running("OpenCamera")
        if job is None:
            self._start_camera()
        else:
            self.bridge.cancel(job.number)

    def _start_camera(self) -> None:
        typed = self.camera_box.currentText().strip()
        row = self.camera_box.findText(typed)
        source = self.camera_box.itemData(row) if row >= 0 else typed
        if not source:
            words = self.tr("No camera was found. Connect one, or type the address of a stream or the path of a video file.")
            self.message.say(words, look="warning")
            self.bridge.submit(ListCameras())
            return
        self.bridge.submit(OpenCamera(str(source)))

    def _choose(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose pictures"), "", self.tr("Pictures") + f" ({PICTURES});;(*)")
        self.classify(tuple(paths))

    def classify(self, paths: tuple[str, ...]) -> None:
        """Classify files and folders."""
        if paths:
            self._stop_camera()
            self.bridge.submit(ClassifyFiles(paths))

    def take_files(self, paths: tuple[str, ...]) -> bool:
        self.classify(paths)
        return True

    def take_picture(self, pixels: np.ndarray, name: str) -> bool:
        self._classify_pixels(pixels)
        return True

    def _classify_pixels(self, pixels: np.ndarray) -> None:
        self._stop_camera()
        name = self.tr("pasted picture {number}").format(number=len(self._pasted) + 1)
        self._pasted[name] = pixels
        self.bridge.submit(ClassifyPicture(pixels, name))

    def _stop_camera(self) -> None:
        job = self.bridge.state.running("OpenCamera")
        if job is not None:
            self.bridge.cancel(job.number)

    def _pick(self, answer: Classified) -> None:
        self._shown = answer
        self._render_answer(self.bridge.state)

    def _put_into(self, class_id: int) -> None:
        state = self.bridge.state
        title = next(record.name for record in state.classes if record.id == class_id)
        frame = state.camera.frame if state.camera.playing else None
        if frame is not None:
            self.bridge.submit(ImportPicture(frame.frame, "camera.png", class_id))
        elif self._shown is not None and self._shown.path:
            self.bridge.submit(ImportPaths((self._shown.path,), class_id, self.settings.copy_images))
        elif self._shown is not None and self._shown.name in self._pasted:
            self.bridge.submit(ImportPicture(self._pasted[self._shown.name], "pasted.png", class_id))
        else:
            return
        self._putting = title
        self.side.put_label.setText(self.tr("Putting it into {title} …").format(title=title))

    def _tell_put(self, state: AppState) -> None:
        """Say that the picture is in its class once it is on disk, or why it is not."""
        report = state.import_report
        if not self._putting or report is None:
            return
        done = self.tr("It is in {title} now; the next training learns from it.").format(title=self._putting)
        refused = report.skipped[0].reason if report.skipped else ""
        self.side.put_label.setText(done if report.taken else self.tr("Not taken: {reason}.").format(reason=refused))
        self._putting = ""

    def _threshold_moved(self) -> None:
        self.list.reword()
        self._render_answer(self.bridge.state)

    def _keep_threshold(self, per_cent: int) -> None:
        if self.bridge.state.project is not None:
            self.bridge.submit(Remember(THRESHOLD, str(per_cent)))
