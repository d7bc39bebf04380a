"""The line of a training says as much as has room, and never half a figure."""

import pytest
from PySide6.QtWidgets import QWidget

from engine.messages import Lane
from gui.state import JobState
from gui.widgets.training_progress import TrainingProgress


@pytest.mark.parametrize("width", [1000, 420, 330, 240, 60])
def test_what_has_no_room_is_left_out_not_cut_off(qtbot, width: int) -> None:
    progress = TrainingProgress(QWidget())
    qtbot.addWidget(progress)
    progress.resize(width, 60)
    progress.show()
    qtbot.waitExposed(progress)
    job = JobState(
        number=1, command="Train", lane=Lane.JOBS, title="Train", text="Epoch 25 of 3000", running=True, fraction=0.1,
        seconds_left=667.0, seconds_deviation=30.0,
        images_per_second=1234.0,
    )  # fmt: skip
    progress.show_job(job)
    words = progress.words.text()
    assert progress.words.fontMetrics().horizontalAdvance(words) <= progress.words.width()
    whole = progress.words.toolTip()
    assert "± 30 s left" in whole and "pictures/s" in whole
    ways = (whole, whole.rpartition(" · ")[0], "Epoch 25 of 3000 · 11 min 7 s left", "Epoch 25 of 3000")
    assert words in ways if width > 60 else words.endswith("…")
    progress.resize(1000, 60)
    qtbot.waitUntil(lambda: progress.words.text() == whole)


@pytest.mark.parametrize("width", [600, 200])
def test_what_is_said_at_rest_has_shorter_ways_too(qtbot, width: int) -> None:
    progress = TrainingProgress(QWidget())
    qtbot.addWidget(progress)
    progress.resize(width, 60)
    progress.show()
    ways = "The engine is loading; Train begins as soon as it is there.", "The engine is loading"
    progress.show_rest(*ways)
    assert progress.words.text() == ways[width < 600] and progress.words.toolTip() == ways[0]
