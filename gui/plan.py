"""What the next training will be: network, working size and recipe as kept in the project, and what still stands in its way.

Other parts of the window change the plan by `with_recipe_field(bridge, "class_weights", True)`, or by `keep` with a key from below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from PySide6.QtCore import QCoreApplication, QObject

from engine.data.preprocessing import RESIZE_MODES, WHITE, ResizeMode, suited_resize
from engine.messages import PictureReady, Remember, WantPicture
from engine.networks import zoo
from engine.networks.arithmetic import Analysis, NetworkError
from engine.networks.layers import CONVOLUTIONS, Dropout, Network, RbfOutput, Residual, Shape, walk
from engine.project.records import Split
from engine.training.presets import PRESETS
from engine.training.recipe import Augmentation, Recipe, check, suited_augmentation, with_field
from engine.training.sizes import batch_size
from gui import networks
from gui.bridge import Bridge
from gui.state import AppState
from gui.widgets.recipe_fields import Known

if TYPE_CHECKING:
    import numpy as np

NETWORK, SIZE, RECIPE, TYPICAL = "network", "network.size", "recipe", "typical"
RESIZE, GROUND = "network.resize", "network.ground"
WEIGHTS, FREEZE = "network.weights", "network.freeze"
"""Keys of Remember."""
PRETRAINED = "pretrained"
"""The weights that a library offers, which may have to be fetched."""
SAMPLE = 5
LARGEST_SIDE = 4096


class Typical(msgspec.Struct, frozen=True):
    """What the pictures are like, judged by a few of them: of how many pictures in all, and their median size."""

    pictures: int
    channels: Literal[1, 3]
    height: int
    width: int


class Obstacle(msgspec.Struct, frozen=True):
    """Why nothing can be trained yet: a sentence, and the page that helps with the word for its button."""

    text: str
    page: str
    act: str


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("plan", text)


def typical(state: AppState) -> Typical | None:
    """What was found out about this project's pictures; None where nothing was."""
    try:
        return msgspec.json.decode(state.memory.get(TYPICAL, ""), type=Typical)
    except msgspec.MsgspecError:
        return None


def network_name(state: AppState) -> str:
    """The chosen network; where none was chosen the one of the newest run, or what suits the pictures."""
    kept = state.memory.get(NETWORK, "")
    if networks.exists(state, kept):
        return kept
    newest = next((run.network for run in state.runs if run.network in zoo.names()), "")
    like = typical(state)
    return newest or ("small-cnn" if like is not None and like.channels == 3 else "lenet-5")


def size(state: AppState) -> int | None:
    """The chosen side of the network's input in pixels; None where it is left to the network and the data."""
    kept = state.memory.get(SIZE, "")
    return int(kept) if kept.isdigit() and 1 <= int(kept) <= LARGEST_SIDE else None


def resize(state: AppState) -> ResizeMode | None:
    """How pictures come to that size; None where it is left to the engine."""
    kept = state.memory.get(RESIZE, "")
    return next((mode for mode in RESIZE_MODES if mode == kept), None)


def resize_taken(state: AppState, height: int, width: int) -> ResizeMode:
    """How pictures come to a size, in pixels: what was chosen, or what the engine will take."""
    like = typical(state)
    chosen = resize(state)
    if chosen is not None or like is None or state.images is None:
        return chosen or "squash"
    known = state.images.widths > 0
    sizes = (state.images.heights[known], state.images.widths[known])
    uniform = bool(known.any()) and all(bool((side == side[0]).all()) for side in sizes)
    return suited_resize(like.height, like.width, uniform, height, width)


def ground(state: AppState) -> tuple[int, int, int]:
    """The colour on which transparent pictures lie, 0 to 255 each; white unless another was chosen."""
    kept = state.memory.get(GROUND, "")
    try:
        values = bytes.fromhex(kept.removeprefix("#"))
    except ValueError:
        return WHITE
    return (values[0], values[1], values[2]) if len(values) == 3 else WHITE


def input_shape(state: AppState, name: str) -> Shape:
    """(channels, height, width) that a network would get."""
    like = typical(state)
    side = size(state)
    default = networks.card(state, name).default_input
    channels = like.channels if like is not None else default[0]
    if side is not None:
        return channels, side, side
    if weights(state) and name == network_name(state):
        return channels, *default[1:]  # learned weights suit pictures of the size that they were learned on
    height, width = (like.height, like.width) if like is not None else default[1:]
    return channels, *networks.suggest_size(state, name, height, width)


def class_number(state: AppState) -> int:
    """Classes that the network must tell apart; ten where the project has none yet."""
    return len(state.classes) or 10


def analysis(state: AppState, name: str) -> Analysis | None:
    """The arithmetic of a network on this project's pictures; None for classifiers without layers and where it is not known yet.

    Raises
    ------
    NetworkError
        If it cannot take them.
    """
    found = networks.worked(state, name, input_shape(state, name), class_number(state))
    if found.error is not None:
        raise found.error
    return found.analysis


def tree(state: AppState, name: str) -> Network | None:
    """A network's layers, fitted to this project's pictures; None where it has none that can be shown, or cannot take them."""
    return networks.worked(state, name, input_shape(state, name), class_number(state)).tree


def weights(state: AppState) -> str:
    """The weights to begin with: a file, "pretrained", or "" for none."""
    return state.memory.get(WEIGHTS, "")


def freeze(state: AppState) -> bool:
    """Whether all but the last layer keeps those weights."""
    return bool(weights(state)) and state.memory.get(FREEZE, "") == "yes"


def known(state: AppState) -> Known:
    """What the recipe form must know of the network; where it has no tree, or cannot take these pictures, most of it is not known."""
    name = network_name(state)
    learned = bool(weights(state))
    network = None if networks.is_classic(name) else tree(state, name)
    if network is None:
        return Known(name, learned)
    layers = [layer for _, layer in walk(network.body)]
    dropout, residual = (any(isinstance(layer, kind) for layer in layers) for kind in (Dropout, Residual))
    names = () if networks.is_library(name) else tuple(path for path, _ in walk(network.body))
    return Known(name, learned, isinstance(next(reversed(layers), None), RbfOutput), dropout, residual, names)


def recipe(state: AppState, device: str = "auto") -> Recipe:
    """The recipe as kept in the project, else one that suits new or learned weights, for a device."""
    learned = bool(weights(state)) and not networks.is_classic(network_name(state))
    kept = PRESETS["fine-tune" if learned else "solid"].recipe
    try:
        found = msgspec.json.decode(state.memory.get(RECIPE, ""), type=Recipe)
        check(found)
        kept = found
    except (msgspec.MsgspecError, ValueError):
        pass
    return msgspec.structs.replace(kept, device=device)


def augmentation_taken(state: AppState) -> Augmentation:
    """What a training would do to its pictures: what the recipe says or, where that is left to the engine, what suits."""
    name = network_name(state)
    chosen = recipe(state)
    if networks.is_classic(name):
        return Augmentation()
    shape = input_shape(state, name)
    found = networks.worked(state, name, shape, class_number(state))
    if found.error is not None:
        return chosen.augmentation
    convolutional = found.tree is None or any(isinstance(layer, CONVOLUTIONS) for _, layer in walk(found.tree.body))
    return suited_augmentation(chosen, convolutional, shape[0], training_pictures(state))


def keep(bridge: Bridge, key: str, value: str) -> None:
    """Keep a choice in the open project, if there is one that can be written."""
    if bridge.state.writable:
        bridge.submit(Remember(key, value))


def keep_recipe(bridge: Bridge, chosen: Recipe) -> None:
    """Keep a recipe in the open project."""
    keep(bridge, RECIPE, msgspec.json.encode(chosen).decode())


def with_recipe_field(bridge: Bridge, name: str, value: Any) -> None:
    """Change one field of the kept recipe, "class_weights" or "augmentation.shift" for example; pages show it at once.

    Raises
    ------
    ValueError
        If the value is out of its range.
    """
    changed = msgspec.structs.replace(with_field(recipe(bridge.state), name, value), preset="own")
    check(changed)
    keep_recipe(bridge, changed)


def batch_taken(state: AppState) -> int:
    """Pictures that a training would show at once: the recipe's batch, or fewer where there are few."""
    pictures = training_pictures(state)
    return batch_size(recipe(state), pictures) if pictures else recipe(state).batch


def last_layer_alone(state: AppState) -> bool:
    """Whether only the last layer would learn, on what the others make of the pictures."""
    return freeze(state) or (bool(weights(state)) and recipe(state).probe)


def memory_estimate(worked: Analysis, batch: int, last_alone: bool = False) -> int:
    """Bytes that a training takes at least: weights, gradients and AdamW's two moments, and all activations with their gradients.

    float32 throughout; a library's working memory and the decoded pictures come on top. Where the last layer alone learns, the others
    keep nothing for a way back: then it is the weights and what goes into and comes out of the largest layer.
    """
    if last_alone:
        largest = max((row.activations for row in worked.layers), default=0)
        return 4 * (worked.parameters + worked.auxiliary_parameters + 2 * batch * largest)
    return 4 * (4 * (worked.parameters + worked.auxiliary_parameters) + 2 * batch * worked.activations)


def device_memory(state: AppState, device: str) -> int:
    """Bytes of a device's memory, "auto" the first one's; 0 where they are not known."""
    if state.engine is None:
        return 0
    known = {record.name: record.memory for record in state.engine.devices}
    return known.get(device, next(iter(known.values()), 0))


def obstacle(state: AppState) -> Obstacle | None:
    """What is missing before anything can be trained."""
    if state.project is None:
        return Obstacle(tr("No project is open."), "start", tr("Open one"))
    if state.project.read_only:
        return Obstacle(tr("This project can only be read: {reason}").format(reason=state.project.read_only), "start", tr("Open another"))
    images = state.images
    if images is None or not len(images.ids):
        return Obstacle(tr("There are no pictures yet."), "data", tr("Add pictures"))
    used = images.class_ids[images.class_ids >= 0]
    if not len(used):
        text = tr("None of the {number} pictures has a class yet.").format(number=len(images.ids))
        return Obstacle(text, "data", tr("Label pictures"))
    if (used == used[0]).all():
        return Obstacle(tr("All labelled pictures are of one class; telling apart needs two."), "data", tr("Add a class"))
    try:
        analysis(state, network_name(state))
    except NetworkError as error:
        return Obstacle(str(error), "model", tr("Change it"))
    failure = state.failures.get("CheckWeights")
    if weights(state) and failure is not None and state.running("CheckWeights") is None:
        return Obstacle(f"{failure.message} {failure.remedy}".strip(), "model", tr("Change it"))
    return None


def training_pictures(state: AppState) -> int:
    """Labelled pictures of the training split; before splits are made, three fifths of the labelled ones."""
    if state.images is None:
        return 0
    labelled = state.images.class_ids >= 0
    split = int((labelled & (state.images.splits == Split.TRAIN)).sum())
    return split or int(labelled.sum()) * 3 // 5


def picture_to_pin(state: AppState) -> int | None:
    """The first picture of the validation split, which the network does not learn from; else the first labelled one."""
    if state.images is None:
        return None
    labelled = state.images.class_ids >= 0
    for wanted in (labelled & (state.images.splits == Split.VALIDATION), labelled):
        if wanted.any():
            return int(state.images.ids[wanted.argmax()])
    return None


class TypicalFinder(QObject):
    """Looks at a few pictures of the project, once, and again when their number has doubled; keeps what it finds in the project."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._bridge = bridge
        self._waiting: list[int] = []
        self._seen: list[tuple[int, int, bool]] = []
        bridge.picture.connect(self._take)

    def look(self, state: AppState) -> None:
        """Begin where it is needed; call when a page that shows networks is rendered."""
        number = 0 if state.images is None else len(state.images.ids)
        known = typical(state)
        if self._waiting or not number or not state.writable or (known is not None and known.pictures <= number < 2 * known.pictures):
            return
        assert state.images is not None
        rows = sorted({round(at * (number - 1) / max(1, SAMPLE - 1)) for at in range(min(SAMPLE, number))})
        self._waiting = [int(state.images.ids[row]) for row in rows]
        self._seen = []
        self._bridge.submit(WantPicture(self._waiting[0], 64))

    def _take(self, event: PictureReady) -> None:
        if not self._waiting or event.image != self._waiting[0]:
            return
        self._waiting.pop(0)
        if event.pixels is not None:
            self._seen.append((event.original_height, event.original_width, _is_grey(event.pixels)))
        if self._waiting:
            self._bridge.submit(WantPicture(self._waiting[0], 64))
        elif self._seen and self._bridge.state.images is not None:
            heights, widths, greys = zip(*self._seen, strict=True)
            middle = len(self._seen) // 2
            found = Typical(len(self._bridge.state.images.ids), 1 if all(greys) else 3, sorted(heights)[middle], sorted(widths)[middle])
            keep(self._bridge, TYPICAL, msgspec.json.encode(found).decode())


def typical_finder(bridge: Bridge) -> TypicalFinder:
    """The one finder of this bridge; made on first use."""
    return bridge.findChild(TypicalFinder) or TypicalFinder(bridge)


def _is_grey(pixels: np.ndarray) -> bool:
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
