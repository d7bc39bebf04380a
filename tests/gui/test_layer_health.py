"""Layers while they learn: what vanishes and explodes is said and drawn, steps can be gone back to, runs laid over each other."""

import numpy as np
import pytest
from made import opened, run_record, started
from PySide6.QtWidgets import QWidget

from engine.messages import FailureText, LayerStatistics, LoadStatistics, Outcome, RunsChanged, StatisticsLoaded, TrainingFinished
from gui import health
from gui.reducing.training import MOST_STATISTICS
from gui.state import FIELDS, RunSelected
from gui.theme import theme
from gui.widgets.basics import about
from gui.widgets.layer_health import LayerHealth


def statistics(run="run-1", step=1, gradients=(1.0, 1.0, 1.0, 1.0), dead=(0.0, 0.0, 0.0), saturated=None, job=0) -> LayerStatistics:
    layers, activations = len(gradients), len(dead)
    shares = np.full((layers, 8), 1 / 8, np.float32)
    return LayerStatistics(
        job=job,
        run=run,
        step=step,
        layers=tuple(f"conv{at}" for at in range(1, layers + 1)),
        gradient_norms=np.array(gradients, np.float32),
        weight_norms=np.ones(layers, np.float32),
        update_ratios=np.full(layers, 1e-3, np.float32),
        activations=tuple(f"relu{at}" for at in range(1, activations + 1)),
        dead=np.array(dead, np.float32),
        deviations=np.ones(activations, np.float32),
        weight_histograms=shares,
        weight_limits=np.tile(np.array([-1, 1], np.float32), (layers, 1)),
        activation_histograms=np.full((activations, 8), 1 / 8, np.float32),
        activation_limits=np.tile(np.array([0, step], np.float32), (activations, 1)),
        images_per_second=12345.6,
        waiting=0.012,
        memory=2_340_000_000,
        saturated=None if saturated is None else np.array(saturated, np.float32),
    )


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("gradients", "words"),
    [
        ((1e-4, 1e-2, 1.0, 5.0), "Of the gradient of conv3, conv1 gets 1/10,000: it vanishes"),
        ((4e3, 1e2, 1.0, 5.0), "The gradient grows 4,000 times from conv3 back to conv1: it explodes"),
        ((0.0, 0.0, 1.0, 5.0), "No gradient arrives at conv1"),
        ((2.0, 9.0, 1.0, 5.0), "largest in conv2, 9 times that of conv3, the smallest."),
        ((np.nan, np.nan, 0.5, 1.0), "largest in conv4, 2 times that of conv3, the smallest."),  # the first two are frozen
        ((2.0, 0.0, 1.0, 5.0), "largest in conv4; in conv2 none arrives"),
        ((1.0, 1.0, 1.05, 1.0), "of all layers are alike"),
        ((3e7, 1.0), "3.0e+07 times"),
    ],
)
def test_what_is_said_of_gradients(gradients, words):
    assert words in health.sentences(statistics(gradients=gradients))[0]


def test_nothing_is_said_where_nothing_can_be_compared():
    assert health.sentences(statistics(gradients=(np.nan, np.nan, 1.0))) == []
    assert health.sentences(statistics(gradients=(0.0, 0.0, 0.0))) == []


def test_dead_and_saturated_layers_are_named():
    told = health.sentences(statistics(dead=(0.1, 1.0, np.nan), saturated=(np.nan, np.nan, 0.83)))
    assert told[1].startswith("100") and "relu2 are dead" in told[1]
    assert told[2].startswith("83") and "relu3 are saturated" in told[2]
    assert len(health.sentences(statistics(dead=(0.1, 0.2, 0.3)))) == 1


def test_speed_waiting_and_memory_have_units():
    assert health.figures(statistics()) == "12,346 pictures/s · waiting for data 1\u202f% · 2.34 GB of memory"


# ---------------------------------------------------------------- the panel


@pytest.fixture
def panel(qtbot, bridge) -> LayerHealth:
    made = LayerHealth(bridge)
    qtbot.addWidget(made)
    made.resize(640, 700)
    return made


def update(panel, bridge, host):
    while host.waiting:
        bridge.tick()
    panel.render(bridge.state, FIELDS)


def begin(panel, bridge, host, *events, run="run-1"):
    host.emit(started(run), *events)
    update(panel, bridge, host)


def curve(panel, number=0):
    return panel.gradients._panels[0].series[number]


def test_it_teaches_before_there_is_anything(panel, bridge, host):
    panel.show()
    host.emit(opened(4))
    update(panel, bridge, host)
    assert panel.shown is None and not panel.verdict.isVisible() and not panel.slider.isVisible()
    assert not panel.gradients.grab().isNull()


def test_it_follows_the_training_and_goes_back(panel, bridge, host):
    panel.show()
    host.emit(opened(4))
    begin(panel, bridge, host, statistics(step=1), statistics(step=50, gradients=(1e-5, 1.0, 1.0, 1.0)))
    assert panel.shown.step == 50 and "vanishes" in panel.verdict.text() and panel.step.text() == "step 50"
    assert np.allclose(curve(panel).y, (1e-5, 1, 1, 1)) and curve(panel, 1).name == "step 1"
    panel.slider.setValue(0)
    assert panel.shown.step == 1 and "vanishes" not in panel.verdict.text()
    host.emit(statistics(step=90))
    update(panel, bridge, host)
    assert panel.shown.step == 1 and panel.slider.maximum() == 2  # a person who looks back is left in peace
    panel.slider.setValue(2)
    host.emit(statistics(step=120))
    update(panel, bridge, host)
    assert panel.shown.step == 120
    shares, limits = panel.answers.shown
    assert limits.tolist() == [0, 120] and len(shares) == 8 and panel.answers.table()[0] == ("from", "to", "share")


def choose(panel, words):
    place = panel.others.findText(words)
    panel.others.setCurrentIndex(place)
    panel.others.activated.emit(place)


def test_earlier_trainings_can_be_laid_over_at_the_same_step(panel, bridge, host):
    panel.show()
    host.emit(opened(4))
    plain = [statistics("plain", step, gradients=(4e3, 10.0, 1.0, 1.0)) for step in (1, 100)]
    begin(panel, bridge, host, *plain, run="plain")
    assert not panel.others.isVisible()
    host.emit(TrainingFinished(record=run_record("plain")), RunsChanged(runs=(run_record("plain"),)))
    begin(panel, bridge, host, statistics("residual", 1), run="residual")
    assert panel.others.isVisible() and len(panel.gradients._panels[0].series) == 1
    choose(panel, "Earlier runs")
    assert len(panel.gradients._panels[0].series) == 2 and curve(panel, 1).y[0] == 4e3
    assert not host.sent(LoadStatistics)
    host.emit(RunsChanged(runs=()))
    update(panel, bridge, host)
    assert not panel.others.isVisible() and len(panel.gradients._panels[0].series) == 1


def answer(host, **kept):
    def told(command, job):
        several = kept.get(command.run, ())
        return [StatisticsLoaded(job=job, run=command.run, statistics=tuple(several))] if several else []

    host.answers[LoadStatistics] = told


def test_a_run_of_another_sitting_is_shown_and_compared(panel, bridge, host):
    answer(
        host,
        plain=[statistics("plain", step, (4e3, 10.0, 1.0, 1.0), dead=(0.5, 0.5, 0.5)) for step in (1, 100)],
        residual=[statistics("residual", step) for step in (1, 90, 200)],
    )
    host.emit(opened(4, runs=(run_record("residual"), run_record("plain", title="Plain"))))
    panel.show()
    update(panel, bridge, host)
    update(panel, bridge, host)
    assert (panel.shown.run, panel.shown.step) == ("residual", 200)  # the newest
    assert [command.run for command in host.sent(LoadStatistics)] == ["residual"]
    panel.slider.setValue(1)
    choose(panel, "Plain")
    update(panel, bridge, host)
    assert (panel.shown.step, panel.compared.step) == (90, 100)
    assert [series.name for series in panel.gradients._panels[0].series] == ["LeNet-5", "Plain"]
    assert [series.name for series in panel.activations._panels[0].series] == ["dead units", "dead units, Plain"]
    assert panel.weights._title.endswith("line: Plain")
    bridge.dispatch(RunSelected(run="plain"))
    update(panel, bridge, host)
    assert (panel.shown.run, panel.shown.step) == ("plain", 100) and "explodes" in panel.verdict.text()
    assert panel.others.findText("Plain") < 0 and panel.others.currentText() == "No other run"
    begin(panel, bridge, host, statistics("new", 1), run="new")
    assert panel.shown.run == "new"  # who trains wants to see that
    bridge.dispatch(RunSelected(run="residual"))
    update(panel, bridge, host)
    assert panel.shown.run == "residual"
    assert [command.run for command in host.sent(LoadStatistics)] == ["residual", "plain"]


def test_a_run_that_is_gone_on_with_has_all_of_its_statistics(panel, bridge, host):
    answer(host, one=[statistics("one", step) for step in (1, 50, 100)])
    host.emit(opened(4, runs=(run_record("one"),)))
    panel.show()
    begin(panel, bridge, host, statistics("one", 81), statistics("one", 99), run="one")
    update(panel, bridge, host)
    assert [one.step for one in panel._statistics.of("one")] == [1, 50, 81, 99]
    begin(panel, bridge, host, statistics("one", 90), run="one")
    assert [one.step for one in panel._statistics.of("one")] == [1, 50, 81, 90]


def test_a_run_that_kept_nothing_says_so(panel, bridge, host):
    host.emit(opened(4, runs=(run_record("old"),)))
    panel.show()
    update(panel, bridge, host)
    (asked,) = host.sent(LoadStatistics)
    host.begin(1)
    host.finish(1, Outcome.FAILED, FailureText("user", "The run old kept no word of its layers.", "Others do."))
    update(panel, bridge, host)
    assert panel.shown is None and panel.gradients._empty == "The run old kept no word of its layers. Others do."
    update(panel, bridge, host)
    assert host.sent(LoadStatistics) == [asked]


def test_other_quantities_and_layers_are_chosen(panel, bridge, host):
    panel.show()
    host.emit(opened(4))
    begin(panel, bridge, host, statistics())
    panel.quantity.setCurrentIndex(1)
    panel.quantity.activated.emit(1)
    assert np.allclose(curve(panel).y, 1e-3)
    panel.layer.setCurrentIndex(2)
    host.emit(statistics(step=9))
    update(panel, bridge, host)
    assert panel.layer.currentText() == "conv3"


def test_hidden_it_draws_nothing_and_shows_the_newest_when_it_is_seen(panel, bridge, host):
    host.emit(opened(4))
    begin(panel, bridge, host, statistics(step=1))
    assert not panel.gradients._panels
    panel.show()
    assert panel.shown.step == 1 and len(panel.gradients._panels) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(360, 520), (640, 700)])
def test_it_fits_where_it_is_put(panel, bridge, host, scheme, size):
    theme().apply(scheme, 1.0)
    panel.resize(*size)
    panel.show()
    host.emit(opened(4))
    begin(panel, bridge, host, statistics(gradients=(1e-6, *[1.0] * 109), dead=[0.6] * 109, saturated=[np.nan] * 109))
    assert panel.width() <= size[0] and panel.minimumSizeHint().height() <= size[1]
    for widget in panel.findChildren(QWidget):
        if widget.parent() is panel and widget.isVisible():
            assert panel.rect().contains(widget.geometry()), widget
    assert not panel.grab().isNull()


def test_hours_of_statistics_stay_few(bridge, host):
    host.emit(opened(4), started())
    host.emit(*(statistics(step=step) for step in range(1, 2 * MOST_STATISTICS + 2)))
    while host.waiting:
        bridge.tick()
    kept = bridge.state.training.statistics
    assert len(kept) <= MOST_STATISTICS and kept[0].step == 1 and kept[-1].step == 2 * MOST_STATISTICS + 1
    steps = [one.step for one in kept]
    assert steps == sorted(set(steps))


@pytest.mark.parametrize(
    ("seconds", "deviation", "words"),
    [
        (12.3, 1.7, "12 ± 2 s"),
        (8.0, None, "8 s"),
        (8.0, 0.01, "8 ± 1 s"),
        (75.0, 8.0, "75 ± 8 s"),
        (300.0, 20.0, "5 min 0 s ± 20 s"),
        (7380.0, 290.0, "2 h 3 min ± 5 min"),
    ],
)
def test_estimates_say_how_sure_they_are(seconds, deviation, words):
    assert about(seconds, deviation) == words
