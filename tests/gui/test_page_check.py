"""Check: measures by itself, a cell leads to its pictures, keys relabel, and a click on a map asks for that unit."""

import msgspec
import numpy as np
import pytest
from made import started

from engine.data.preprocessing import Preprocessing
from engine.messages import (
    ClassesChanged,
    EngineReady,
    Evaluate,
    EvaluationReady,
    FeatureMapsReady,
    LabelsChanged,
    ModelReady,
    ProbeUnit,
    ProjectOpened,
    ResumeRun,
    SetLabels,
    ShowFeatureMaps,
    StepsDone,
    UnitProbed,
)
from engine.project import tables
from engine.project.records import ClassRecord, Evaluation, ProjectRecord, RunRecord, Split
from engine.training.recipe import Recipe
from gui.pages.check import CheckPage, changed_labels, default_split, rows_of
from gui.widgets.basics import percent

NAMES = ("cat", "dog", "owl")
CLASSES = tuple(ClassRecord(10 + at, name, "#e69f00") for at, name in enumerate(NAMES))
LABELS = np.array([0, 0, 1, 1, 2, 2], np.int64)
PREDICTED = np.array([0, 1, 1, 0, 2, 0], np.int64)
LOSSES = np.array([0.1, 1.5, 0.2, 3.0, 0.1, 0.9], np.float32)
IDS = np.array([3, 5, 8, 9, 12, 20], np.int64)


def evaluation() -> Evaluation:
    confusion = np.zeros((3, 3), np.int64)
    np.add.at(confusion, (LABELS, PREDICTED), 1)
    probabilities = np.full((6, 3), 0.1, np.float32)
    probabilities[np.arange(6), PREDICTED] = 0.8
    return Evaluation(
        run="mlp-1", split=Split.TEST, classes=NAMES, images=IDS, labels=LABELS, predicted=PREDICTED, probabilities=probabilities,
        losses=LOSSES, confusion=confusion, accuracy=0.5, interval=(0.188, 0.812), loss=float(LOSSES.mean()), top5=None,
        precision=(1 / 3, 0.5, 1.0), recall=(0.5, 0.5, 0.5), f1=(0.4, 0.5, None), support=(2, 2, 2), calibration_error=0.3,
    )  # fmt: skip


def record(test_accuracy: float | None = 0.5) -> RunRecord:
    return RunRecord(
        id="mlp-1", network="mlp", title="MLP", recipe=Recipe(), preprocessing=Preprocessing(8, 8, 1), classes=NAMES, created="2026",
        outcome="completed", parameters=10, device="cpu", epochs=1, steps=1, seconds=1.0, images_per_second=1.0, train_loss=0.1,
        validation_accuracy=0.6, test_accuracy=test_accuracy,
    )  # fmt: skip


@pytest.fixture
def page(qtbot, bridge, host, settings) -> CheckPage:
    made = CheckPage(bridge, settings)
    qtbot.addWidget(made)
    made.resize(1200, 760)
    made.show()
    table = tables.table(IDS, [f"{n}.jpg" for n in IDS], class_ids=LABELS + 10, splits=np.full(6, 3))
    host.emit(
        EngineReady(devices=(), torch_version="2", seconds=1.0),
        ProjectOpened(project=ProjectRecord("/p", "Animals"), classes=CLASSES, images=table, runs=(record(),), memory={}),
    )
    bridge.tick()
    return made


def measured(page, host, bridge) -> None:
    host.emit(EvaluationReady(evaluation=evaluation()))
    bridge.tick()


def listed(page) -> list[int]:
    return [page.pictures.item(row).data(0x0100) for row in range(page.pictures.count())]


def test_measures_the_test_split_once_by_itself(page, host, bridge):
    bridge.tick()
    assert [(command.run, command.split) for command in host.sent(Evaluate)] == [("mlp-1", Split.TEST)]
    measured(page, host, bridge)
    assert len(host.sent(Evaluate)) == 1
    assert page.metrics.accuracy.text() == percent(0.5)
    assert "18.8" in page.metrics.interval.text()


def test_a_run_that_learned_on_is_measured_anew(page, host, bridge):
    measured(page, host, bridge)
    job, ones = bridge.submit(ResumeRun("mlp-1")), np.ones(3, np.float32)
    told = StepsDone(job=job, run="mlp-1", first_step=1, losses=ones, accuracies=ones, learning_rate=0.1)
    host.emit(started("mlp-1", job=job), told)
    bridge.tick()
    assert len(host.sent(Evaluate)) == 1  # its weights on disk are those that were measured
    host.finish(job)
    bridge.tick()
    assert len(host.sent(Evaluate)) == 2


def test_worst_mistakes_come_first_and_a_cell_shows_its_pictures(page, host, bridge):
    measured(page, host, bridge)
    assert listed(page) == [9, 5, 20]
    page.matrix.cell_clicked.emit(2, 0)
    assert listed(page) == [20]
    assert "owl" in page.heading.text() and "cat" in page.heading.text()
    page.worst.click()
    assert listed(page) == [9, 5, 20]


def test_renamed_classes_leave_the_figures_as_they_are(page, host, bridge):
    measured(page, host, bridge)
    renamed = tuple(ClassRecord(kind.id, name, kind.colour) for kind, name in zip(CLASSES, ("dog", "lynx", "owl"), strict=True))
    host.emit(ClassesChanged(classes=renamed))
    bridge.tick()
    assert not page.again.isVisible()
    page.matrix.cell_clicked.emit(1, 0)
    assert "lynx" in page.heading.text() and "dog" in page.heading.text()


def test_number_key_relabels_and_the_page_says_that_the_figures_are_older(page, host, bridge, qtbot):
    measured(page, host, bridge)
    assert not page.again.isVisible()
    page.matrix.cell_clicked.emit(1, 0)
    page.pictures.setCurrentRow(0)
    page.pictures.item(0).setSelected(True)
    qtbot.keyClick(page.pictures, "1")
    sent = host.sent(SetLabels)[-1]
    assert (sent.images, sent.class_id) == ((9,), 10)
    host.emit(LabelsChanged(ids=np.array([9]), class_ids=np.array([10], np.int32), splits=np.array([3], np.int8)))
    bridge.tick()
    assert changed_labels(evaluation(), bridge.state) == 1
    assert "since this was measured: 1." in page.message.text()
    assert page.again.isVisible()
    page.again.click()
    assert len(host.sent(Evaluate)) == 2


def test_cell_leads_to_data(page, host, bridge, qtbot):
    measured(page, host, bridge)
    page.matrix.cell_clicked.emit(0, 1)
    with qtbot.waitSignal(page.images_wanted) as wanted:
        page.in_data.click()
    assert wanted.args == [(5,)]


def test_rows_of_all_cells_are_all_rows():
    cells = [rows_of(evaluation(), (true, predicted)) for true in range(3) for predicted in range(3)]
    assert sorted(np.concatenate(cells).tolist()) == list(range(6))


def test_inside_asks_for_maps_and_a_click_on_one_for_its_unit(page, host, bridge):
    measured(page, host, bridge)
    page.tabs.setCurrentIndex(1)
    host.emit(ModelReady(run="mlp-1", classes=NAMES, layers=("conv1", "relu1")))
    bridge.tick()
    asked = host.sent(ShowFeatureMaps)[-1]
    assert (asked.run, asked.image, asked.layer) == ("mlp-1", 9, "relu1")
    maps = np.random.default_rng(0).random((4, 6, 6), np.float32)
    host.emit(FeatureMapsReady(run="mlp-1", image=9, layer="relu1", maps=maps, picture=np.zeros((8, 8, 3), np.uint8)))
    bridge.tick()
    page.inside.maps.pixel_clicked.emit(2, 3, 4)
    probe = host.sent(ProbeUnit)[-1]
    assert (probe.layer, probe.channel, probe.row, probe.column) == ("relu1", 2, 3, 4)
    heat = np.zeros((8, 8), np.float32)
    heat[2:5, 3:6] = 1
    host.emit(
        UnitProbed(
            run="mlp-1",
            image=9,
            layer="relu1",
            channel=2,
            row=3,
            column=4,
            box=(1, 2, 6, 7),
            heat=heat,
            picture=np.zeros((8, 8, 3), np.uint8),
            activation=0.5,
        )
    )
    bridge.tick()
    assert page.inside.field.table()


def test_nothing_trained_leads_to_train(qtbot, bridge, host, settings):
    page = CheckPage(bridge, settings)
    qtbot.addWidget(page)
    page.show()
    table = tables.table(IDS, "abcdef", class_ids=LABELS + 10, splits=np.full(6, 3))
    host.emit(ProjectOpened(project=ProjectRecord("/p", "Animals"), classes=CLASSES, images=table, runs=(), memory={}))
    bridge.tick()
    assert "train a network first" in page.message.text()
    with qtbot.waitSignal(page.page_wanted) as wanted:
        page.message.button.click()
    assert wanted.args == ["train"]


def test_a_run_without_figures_is_measured_where_it_did_not_learn_and_the_heading_names_that_split(page, host, bridge):
    def split_of(*splits: Split) -> Split:
        return default_split(bare, tables.table(IDS[: len(splits)], ["a"] * len(splits), class_ids=np.full(len(splits), 10), splits=splits))

    bare = msgspec.structs.replace(record(None), validation_accuracy=None)
    assert split_of(Split.TRAIN, Split.VALIDATION, Split.TEST) is Split.TEST
    assert split_of(Split.TRAIN, Split.VALIDATION) is Split.VALIDATION and split_of(Split.TRAIN) is Split.TRAIN
    measured(page, host, bridge)
    assert page.metrics.heading.text() == "Accuracy on test pictures"


def test_while_it_waits_it_does_not_measure(page, host, bridge):
    bridge.tick()
    assert page.matrix._empty == "Waits for the training to end." and not page.message.isVisible()
    host.begin(host.commands.index(host.sent(Evaluate)[0]) + 1)
    bridge.tick()
    assert page.matrix._empty == "Measuring …" and not page.metrics.figures["top5"][0].isVisible()
