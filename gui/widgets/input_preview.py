"""What the network sees: pictures of the project at its size, as they are and as training changes them, and what decides on that."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from engine.messages import InputPreviewReady, PreviewInput
from engine.project.records import Flag, ImageTable, Split
from engine.training.recipe import GENTLE, STRONG, Augmentation
from gui import networks, plan
from gui.bridge import Bridge
from gui.state import AppState
from gui.theme import px
from gui.widgets.augmentation_sliders import AugmentationSliders
from gui.widgets.basics import button, label, scrolling
from gui.widgets.picture_rows import PictureRows
from gui.widgets.resize_choice import ResizeChoice
from gui.widgets.thumbnails import shared_thumbnails

ROWS, VARIANTS = 6, 6
LARGE_SIDE, LARGE_ROWS, LARGE_VARIANTS = 128, 4, 4
"""From this side on, in pixels, fewer pictures are asked for, so that a slider is answered at once."""
LOOKED_AT = 10_000
"""Candidates among which pictures of different classes are looked for."""
ASK_MILLISECONDS, KEEP_MILLISECONDS = 40, 300
OWNER = "input preview"
TRANSPARENT = (".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif", ".tga", ".ico", ".psd")


def sample(images: ImageTable, number: int, page: int) -> tuple[int, ...]:
    """Ids of some pictures to show: of the training split where there is one, of as many classes as can be; another page, others."""
    readable = (images.flags & int(Flag.MISSING | Flag.UNREADABLE)) == 0
    labelled = readable & (images.class_ids >= 0)
    candidates = next((rows for rows in (labelled & (images.splits == Split.TRAIN), labelled, readable) if rows.any()), readable)
    rows = np.random.default_rng(page).permutation(np.flatnonzero(candidates))[:LOOKED_AT]
    _, first = np.unique(images.class_ids[rows], return_index=True)
    first.sort()
    chosen = [*rows[first].tolist(), *np.delete(rows, first).tolist()][:number]
    return tuple(int(images.ids[row]) for row in chosen)


class InputPreview(QWidget):
    """Controls at the left, pictures at the right. Asks the engine only while it is open.

    Signals
    -------
    images_wanted(object)
        A picture was clicked: a tuple of its id.
    """

    images_wanted = Signal(object)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._thumbnails = shared_thumbnails(bridge)
        self._thumbnails.arrived.connect(self._draw_modes)
        self._open = False
        self._page = self._seed = 0
        self._images: tuple[int, ...] = ()
        self._odd = -1
        self._alike = False
        self._names: tuple[str, ...] = ()
        self._transparent = False
        self._pending: Augmentation | None = None
        self._asked: PreviewInput | None = None
        self._shown: InputPreviewReady | None = None
        self._ask_timer = self._timer(ASK_MILLISECONDS, self.ask)
        self._keep_timer = self._timer(KEEP_MILLISECONDS, self.flush)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(16))
        row.addWidget(self._build_controls())
        row.addLayout(self._build_pictures(), 1)

    def _timer(self, milliseconds: int, deed: object) -> QTimer:
        made = QTimer(self)
        made.setSingleShot(True)
        made.setInterval(milliseconds)
        made.timeout.connect(deed)
        return made

    def _build_controls(self) -> QWidget:
        self.controls = QWidget()
        self.controls.setObjectName("surface")
        column = QVBoxLayout(self.controls)
        column.setContentsMargins(0, 0, px(8), 0)
        column.setSpacing(px(8))
        self.resize_choice = ResizeChoice()
        self.resize_choice.resize_chosen.connect(lambda mode: plan.keep(self._bridge, plan.RESIZE, mode))
        self.resize_choice.ground_chosen.connect(lambda ground: plan.keep(self._bridge, plan.GROUND, "#" + bytes(ground).hex()))
        column.addWidget(self.resize_choice)
        column.addSpacing(px(4))
        column.addWidget(label(self.tr("Changed at random"), "section"))
        chips = QHBoxLayout()
        chips.setSpacing(px(4))
        self.chips: dict[str, QPushButton] = {}
        for name, title, tip in (
            ("suited", self.tr("As suits"), self.tr("Leave it to the program: what suits the pictures and the network")),
            ("none", self.tr("None"), self.tr("Show the pictures as they are")),
            ("gentle", self.tr("Gentle"), self.tr("A little of what changes in most pictures; mirroring stays as it is")),
            ("strong", self.tr("Strong"), self.tr("Much of it, for few pictures and long trainings; mirroring stays as it is")),
        ):
            chip = button(title, "chip", tip)
            chip.setCheckable(True)
            chip.clicked.connect(lambda _=False, chosen=name: self._take(chosen))
            self.chips[name] = chip
            chips.addWidget(chip)
        chips.addStretch(1)
        column.addLayout(chips)
        self.sliders = AugmentationSliders()
        self.sliders.changed.connect(self._moved)
        column.addWidget(self.sliders)
        column.addStretch(1)
        self._area = scrolling(self.controls)
        self.dress()
        return self._area

    def dress(self) -> None:
        """Take over the scale."""
        self._area.setFixedWidth(px(292))

    def _build_pictures(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(px(8))
        head = QHBoxLayout()
        head.setSpacing(px(8))
        self.others = button(self.tr("Other pictures"), "quiet", self.tr("Show other pictures of the training split"))
        self.others.clicked.connect(self._turn_page)
        self.again = button(self.tr("Draw again"), "quiet", self.tr("Change the same pictures in other ways"))
        self.again.clicked.connect(self._draw_again)
        head.addWidget(self.others)
        head.addWidget(self.again)
        head.addStretch(1)
        self.caption = label("", "caption", wrap=True)
        column.addWidget(self.caption)
        column.addLayout(head)
        self.pictures = PictureRows()
        self.pictures.setAccessibleName(self.tr("What the network sees"))
        self.pictures.set_empty_text(self.tr("Pictures of the project appear here as the network gets them."))
        self.pictures.row_clicked.connect(self._clicked)
        column.addWidget(self.pictures, 1)
        return column

    # ------------------------------------------------------------ opening and rendering

    def set_open(self, on: bool) -> None:
        """Begin to ask, or stop."""
        self.flush()
        self._open = on
        if on:
            self._render(self._bridge.state)
        else:
            self._thumbnails.want(OWNER, ())

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Follow the project and the plan, and draw what the engine has answered."""
        if "project" in changed:
            self._pending, self._asked, self._shown, self._images = None, None, None, ()
            self.pictures.set_pictures(None)
        if self._open and changed & {"project", "images", "memory", "runs", "classes"}:
            self._render(state)
        answer = state.input_preview
        if self._open and "input_preview" in changed and answer is not None and answer is not self._shown:
            self._draw(answer)

    def _render(self, state: AppState) -> None:
        name = plan.network_name(state)
        channels, height, width = plan.input_shape(state, name)
        classic = networks.is_classic(name)
        self.controls.setEnabled(state.writable)
        self._choose(state, height, width)
        augmentation = plan.augmentation_taken(state) if self._pending is None else self._pending
        if augmentation != self.sliders.augmentation or self._pending is None:
            self.sliders.set_augmentation(augmentation, (height, width))
        for widget in (self.sliders, *self.chips.values(), self.again):
            widget.setEnabled(not classic and state.writable)
        self._mark_chips(state)
        chosen, taken = plan.resize(state), plan.resize_taken(state, height, width)
        self.resize_choice.set_choice(chosen, taken, self._alike)
        ground = plan.ground(state)
        self.resize_choice.set_ground(ground, ground != plan.WHITE or self._may_be_transparent(state))
        self._draw_modes()
        kind = self.tr("colour") if channels == 3 else self.tr("grey")
        words = self.tr("{width} × {height} pixels, {kind}, as the network gets them").format(width=width, height=height, kind=kind)
        if classic:
            words += ". " + self.tr("Nearest neighbours are shown pictures as they are: random changes are for networks.")
        self.caption.setText(words)
        self._soon()

    def _choose(self, state: AppState, height: int, width: int) -> None:
        images = state.images
        number = ROWS if max(height, width) < LARGE_SIDE else LARGE_ROWS
        if images is None or not len(images.ids):
            self._images, self._odd, self._alike = (), -1, False
            return
        rows = np.minimum(np.searchsorted(images.ids, self._images), len(images.ids) - 1)
        if len(rows) != min(number, len(images.ids)) or (images.ids[rows] != self._images).any():
            self._images = sample(images, number, self._page)
            rows = np.searchsorted(images.ids, self._images)
        known = [row for row in rows.tolist() if images.widths[row] > 0 and images.heights[row] > 0]
        stretch = {row: abs(math.log(images.widths[row] * height / (images.heights[row] * width))) for row in known}
        odd = max(known, key=stretch.__getitem__, default=-1)
        self._alike = odd >= 0 and stretch[odd] * max(height, width) < 0.5  # less than half a pixel
        self._odd = int(images.ids[odd]) if odd >= 0 else (self._images[0] if self._images else -1)
        self._thumbnails.follow(state)
        self._thumbnails.want(OWNER, (self._odd,) if self._odd >= 0 else ())

    def _draw_modes(self) -> None:
        if self._open:
            state = self._bridge.state
            _, height, width = plan.input_shape(state, plan.network_name(state))
            self.resize_choice.show_picture(self._thumbnails.get(self._odd), (height, width))

    def _may_be_transparent(self, state: AppState) -> bool:
        names = () if state.images is None else state.images.names
        if names is not self._names:  # labelling changes the table and leaves the names
            self._names = names
            self._transparent = any(name.lower().endswith(TRANSPARENT) for name in names)
        return self._transparent

    def _mark_chips(self, state: AppState) -> None:
        recipe = plan.recipe(state)
        shown = self.sliders.augmentation
        suited = self._pending is None and recipe.suit_augmentation and recipe.augmentation == Augmentation()
        marked = {
            "suited": suited,
            "none": not suited and shown == Augmentation(),
            "gentle": not suited and shown == _mirrored_as(shown, GENTLE),
            "strong": not suited and shown == _mirrored_as(shown, STRONG),
        }
        for name, chip in self.chips.items():
            chip.setChecked(marked[name])

    # ------------------------------------------------------------ deeds

    def _take(self, name: str) -> None:
        shown = self.sliders.augmentation
        chosen = {"gentle": _mirrored_as(shown, GENTLE), "strong": _mirrored_as(shown, STRONG)}.get(name, Augmentation())
        self._keep(chosen, suited=name == "suited")
        self._render(self._bridge.state)

    def _moved(self, augmentation: Augmentation) -> None:
        self._pending = augmentation
        self._mark_chips(self._bridge.state)
        self._keep_timer.start()
        self._soon()

    def _keep(self, augmentation: Augmentation, suited: bool) -> None:
        self._pending = None
        self._keep_timer.stop()
        recipe = plan.recipe(self._bridge.state)
        changed = msgspec.structs.replace(recipe, augmentation=augmentation, suit_augmentation=suited)
        if changed != recipe:
            plan.keep_recipe(self._bridge, msgspec.structs.replace(changed, preset="own"))

    def flush(self) -> None:
        """Keep what a slider was moved to; called once it rests, and before a training begins."""
        if self._pending is not None:
            recipe = plan.recipe(self._bridge.state)
            self._keep(self._pending, suited=recipe.suit_augmentation and self._pending != Augmentation())

    def _turn_page(self) -> None:
        self._page += 1
        self._images = ()
        self._render(self._bridge.state)

    def _draw_again(self) -> None:
        self._seed += 1
        self._soon()

    def _clicked(self, row: int) -> None:
        if self._shown is not None and row < len(self._shown.images):
            self.images_wanted.emit((self._shown.images[row],))

    # ------------------------------------------------------------ asking and drawing

    def _soon(self) -> None:
        if not self._ask_timer.isActive():
            self._ask_timer.start()

    def ask(self) -> None:
        """Ask for the pictures as they are wanted now, unless they were asked for already."""
        state = self._bridge.state
        if not self._open or not self._images:
            return
        name = plan.network_name(state)
        channels, height, width = plan.input_shape(state, name)
        classic = networks.is_classic(name)
        large = max(height, width) >= LARGE_SIDE
        wanted = PreviewInput(
            images=self._images,
            height=height,
            width=width,
            channels=3 if channels == 3 else 1,
            resize=plan.resize_taken(state, height, width),
            ground=plan.ground(state),
            augmentation=Augmentation() if classic else self.sliders.augmentation,
            variants=0 if classic else LARGE_VARIANTS if large else VARIANTS,
            seed=self._seed,
        )
        if self._asked is None or msgspec.structs.astuple(wanted) != msgspec.structs.astuple(self._asked):
            self._asked = wanted
            self._bridge.submit(wanted)

    def _draw(self, answer: InputPreviewReady) -> None:
        asked = self._asked
        if asked is None or not set(answer.images) <= set(asked.images):
            return
        if answer.pictures.shape[1:4] != (1 + asked.variants, asked.height, asked.width):  # another part of the window asked
            return
        self._shown = answer
        self.pictures.set_pictures(answer.pictures)


def _mirrored_as(like: Augmentation, strength: Augmentation) -> Augmentation:
    """A strength with the mirroring of another augmentation."""
    return msgspec.structs.replace(strength, flip=like.flip, flip_vertical=like.flip_vertical)
