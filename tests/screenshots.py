"""Pictures for README, made by the program itself from the bundled digits and from leaves that the project draws.

    python -m tests.screenshots [FOLDER] [--dark] [--size 1280x800]

Starts the real window in a folder of its own, does what a person would do, and saves what is on the screen.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "resources" / "screenshots"
TICK_MILLISECONDS = 50
SETTLE_TICKS = 12
LONGEST_TICKS = 3600

Step = Callable[[], bool]


def story(window: Any, shoot: Callable[[str], None], leaves: Path) -> Iterator[Step]:
    """What is done, one condition to wait for after each deed."""
    import numpy as np

    from engine.messages import ClassifyFiles, ImportPaths, NewProject, OpenSample, Train, Undo
    from engine.training.recipe import Recipe
    from gui.widgets.doctor_panel import DoctorPanel

    bridge = window.bridge

    def state() -> Any:
        return bridge.state

    def idle() -> bool:
        return not state().jobs

    yield lambda: state().engine is not None
    shoot("start")
    bridge.submit(OpenSample())
    yield lambda: state().project is not None and idle()
    window.show_page("data")
    yield settled()
    window.show_page("model")
    yield settled()
    shoot("model")
    window.show_page("train")
    yield settled()
    start_training(window)
    yield lambda: state().training is not None and len(state().training.epochs) >= 6
    shoot("train")
    yield lambda: bool(state().runs) and idle()
    window.show_page("check")
    yield lambda: bool(state().evaluations) and idle()
    page = window.page("check")
    confusion = next(iter(state().evaluations.values())).confusion.copy()
    for row in range(len(confusion)):
        confusion[row, row] = 0
    row, column = divmod(int(confusion.argmax()), len(confusion))
    page.matrix.cell_clicked.emit(row, column)
    yield settled()
    shoot("check")
    page.tabs.setCurrentIndex(1)
    yield lambda: page.inside.layer_box.findText("relu3") >= 0 and idle()
    page.inside.choose_layer("relu3")
    yield lambda: state().feature_maps is not None and state().feature_maps.layer == "relu3" and idle()
    maps = state().feature_maps.maps
    page.inside.maps.pixel_clicked.emit(*(int(at) for at in np.unravel_index(maps.argmax(), maps.shape)))
    yield lambda: state().unit is not None and idle()
    yield settled()
    shoot("inside")
    window.show_page("train")
    vary_activation(window)
    yield lambda: len(state().runs) >= 4 and idle()
    yield settled()
    shoot("sweep")
    bridge.submit(NewProject("Leaves"))
    yield lambda: state().project.name == "Leaves" and idle()
    bridge.submit(ImportPaths((str(leaves),)))
    yield lambda: len(state().images.ids) > 0 and idle()
    window.show_page("data")
    yield settled()
    window.page("data").grid.select_row(3)
    yield settled()
    shoot("leaves")
    spoil(state(), bridge)
    yield lambda: state().history.undo.startswith("Label") and idle()
    window.page("data").show_panel("doctor")
    panel = window.page("data").tools.findChild(DoctorPanel)
    panel.start()
    yield lambda: state().findings is not None and idle()
    panel.toggle(next(row for row in panel.rows if row.finding.kind == "suspect"), True)
    yield settled()
    shoot("doctor")
    bridge.submit(Undo())
    yield lambda: state().history.redo.startswith("Label") and idle()
    window.page("data").show_panel("")
    window.show_page("train")
    window.page("train").preview_button.setChecked(True)
    yield lambda: state().input_preview is not None and idle()
    yield settled()
    shoot("sees")
    window.page("train").preview_button.setChecked(False)
    bridge.submit(Train("small-cnn", Recipe(epochs=12)))
    yield lambda: bool(state().runs) and idle()
    window.show_page("use")
    yield lambda: state().model is not None and state().model.run == state().runs[0].id and idle()
    bridge.submit(ClassifyFiles(tuple(str(path) for path in sorted((leaves.parent / "new").rglob("*.jpg")))))
    yield lambda: bool(state().classified) and idle()
    yield settled()
    shoot("use")


def spoil(state: Any, bridge: Any) -> None:
    """Give a few leaves the wrong label, for the doctor to find."""
    from engine.messages import SetLabels

    first, second = (record.id for record in state.classes)
    ids = state.images.ids[state.images.class_ids == first]
    bridge.submit(SetLabels(tuple(ids[[5, 17, 40]].tolist()), second))


def settled() -> Step:
    """A wait for paints and thumbnails to be done: so many quiet ticks."""
    left = [SETTLE_TICKS]

    def wait() -> bool:
        left[0] -= 1
        return left[0] <= 0

    return wait


def start_training(window: Any) -> None:
    """Press the primary button of the Train page."""
    from PySide6.QtWidgets import QPushButton

    buttons = window.page("train").findChildren(QPushButton)
    next(button for button in buttons if button.property("look") == "primary" and button.isVisible()).click()


def vary_activation(window: Any) -> None:
    """LeNet-5 with ReLU, tanh and sigmoid, laid side by side."""
    page = window.page("train")
    page.recipe.sweep_button.click()
    panel = page.sweeps.panel
    panel.set_field("activation")
    for value, chip in list(panel.chips.items()):
        if chip.isChecked() != (value in ("relu", "tanh", "sigmoid")):
            chip.click()
    panel.train_button.click()


def main() -> int:
    """Make the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots")
    parser.add_argument("folder", nargs="?", type=Path, default=PICTURES)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--size", default="1280x800")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    options.folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["FOVEA_HOME"] = home
        from tests.leaves import make_leaves

        leaves = make_leaves(Path(home) / "pictures" / "leaves", 120)
        make_leaves(Path(home) / "pictures" / "new", 4, seed=7)
        return photograph(options.folder, "dark" if options.dark else "light", width, height, leaves)


def photograph(folder: Path, scheme: str, width: int, height: int, leaves: Path) -> int:
    """Run the program through the story; gives its exit status."""
    from PySide6.QtCore import QTimer

    from gui import app
    from gui.notifications import Toast
    from gui.theme import theme

    make_window = app.make_window
    kept: list[Any] = []

    def watched(*arguments: Any) -> Any:
        window = make_window(*arguments)
        theme().apply(scheme)
        window.resize(width, height)

        def shoot(name: str) -> None:
            for toast in window.findChildren(Toast):
                toast.hide()
            window.grab().save(str(folder / f"{name}.png"))
            print(name, flush=True)

        steps = story(window, shoot, leaves)
        waiting: list[Any] = [next(steps), 0]
        timer = QTimer(window)

        def tick() -> None:
            waiting[1] += 1
            if waiting[1] > LONGEST_TICKS:
                raise SystemExit("a step of the story did not come to its end")
            if waiting[0]():
                try:
                    waiting[:] = [next(steps), 0]
                except StopIteration:
                    timer.stop()
                    window.close()

        timer.timeout.connect(tick)
        timer.start(TICK_MILLISECONDS)
        kept.append(timer)
        return window

    app.make_window = watched
    return app.run(["fovea"])


if __name__ == "__main__":
    sys.exit(main())
