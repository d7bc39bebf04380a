"""What trying batch sizes has shown, and taking the suggestion into the recipe."""

import numpy as np
import pytest
from made import opened

from engine.messages import BatchesTried
from gui import plan
from gui.pages.train import TrainPage
from gui.widgets.batch_panel import BatchPanel

SPEEDS = np.array([700, 1400, 2500, 2600], np.float32)


def tried(**changes) -> BatchesTried:
    values = {"sizes": (8, 16, 32, 64), "speeds": SPEEDS, "memory": (None,) * 4, "ended": "", "suggested": 32, "network": "lenet-5"}
    return BatchesTried(**{**values, **changes})


@pytest.fixture
def panel(qtbot) -> BatchPanel:
    made = BatchPanel()
    qtbot.addWidget(made)
    made.resize(600, 400)
    made.show()
    return made


def test_speed_stands_over_the_size(panel):
    panel.show_batches(tried())
    (speed,) = panel.plot._panels
    assert speed.title == "pictures a second" and speed.series[0].x.tolist() == [3, 4, 5, 6]
    assert panel.plot.view == (2.75, 6.25)
    assert panel.plot.table()[:2] == [("quantity", "curve", "batch", "value"), ("pictures a second", "speed", "8", "700")]
    assert panel.plot._marks[0].x == 5 and panel.take_button.text() == "Use 32"
    assert not panel.plot.grab().isNull()


def test_memory_is_shown_where_the_device_tells(panel):
    panel.show_batches(tried(memory=(10**9, 2 * 10**9, 4 * 10**9, None)))
    memory = panel.plot._panels[1]
    assert memory.title == "memory (GB)" and memory.series[0].y[:3].tolist() == [1, 2, 4] and np.isnan(memory.series[0].y[3])


@pytest.mark.parametrize(
    ("ended", "words"), [("memory", "no memory for 128"), ("slow", "too long"), ("pictures", "too few steps"), ("", "")]
)
def test_it_is_said_why_no_larger_ones_were_tried(panel, ended, words):
    panel.show_batches(tried(ended=ended))
    assert words in panel.words.text() and "higher learning rate" in panel.words.text()


def test_the_largest_is_not_said_to_be_as_fast_as_larger_ones(panel):
    panel.show_batches(tried(suggested=64))
    assert "fastest that were tried" in panel.words.text()


def test_a_slower_size_is_said_to_be_slower(panel):
    panel.show_batches(tried(sizes=(8, 16), speeds=np.array([148, 189], np.float32), memory=(None,) * 2, suggested=8, spread=0.23))
    assert panel.words.text().startswith("Batches of 8 were 22 % slower than those of 16, but speeds of one size differed by 23 % too")


def test_a_size_alone_can_be_drawn(panel):
    panel.show_batches(tried(sizes=(5,), speeds=SPEEDS[:1], memory=(None,), suggested=5))
    assert not panel.plot.grab().isNull()


def test_the_suggestion_becomes_the_recipes_and_the_rate_stays(qtbot, bridge, host, settings):
    page = TrainPage(bridge, settings)
    qtbot.addWidget(page)
    host.emit(opened())
    bridge.tick()
    page.show()
    before = plan.recipe(bridge.state).learning_rate
    host.emit(tried())
    bridge.tick()
    assert page.centre.place.shown == "batches" and page.centre.batches.isVisible() and not page.centre.plot.isVisible()
    host.emit(opened(folder="/tmp/others"), tried())
    bridge.tick()
    assert page.centre.place.shown == "batches"
    host.emit(opened())
    bridge.tick()
    assert not page.centre.place.shown  # what suits those pictures need not suit these
    host.emit(tried())
    bridge.tick()
    page.centre.batches.take_button.click()
    bridge.tick()
    recipe = plan.recipe(bridge.state)
    assert (recipe.batch, recipe.learning_rate) == (32, before) and page.centre.plot.isVisible()
