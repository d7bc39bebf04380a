"""A run keeps to its classes, whatever they are called: renamed, reordered, coloured; and it tells when they are others."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from engine import messages as m
from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.sources import scan
from engine.evaluation.evaluate import evaluate_run
from engine.failure import UserError
from engine.project.records import Split
from engine.project.runs import list_runs, named, save_record
from engine.training.recipe import Recipe


@pytest.fixture
def trained(bench) -> str:
    bench.run(m.OpenSample())
    bench.run(m.Train("softmax", Recipe(epochs=1)))
    return bench.only(m.TrainingFinished).record.id


def test_a_rename_changes_no_run(bench, trained: str) -> None:
    bench.run(m.Evaluate(trained, Split.TEST))
    before = bench.only(m.EvaluationReady).evaluation
    bench.run(m.RenameClass(4, "drei"))
    assert [run.stale for run in bench.only(m.RunsChanged).runs] == [False]
    assert bench.only(m.RunsChanged).runs[0].classes == ("0", "1", "2", "drei", *"456789")
    bench.run(m.RenameClass(5, "3"))  # another class now has the name that the first one had
    for command in (m.MoveClass(1, 9), m.ColourClass(2, "#123456"), m.SetClassKey(3, "k")):
        bench.run(command)
        assert not any(isinstance(event, m.RunsChanged) for event in bench.events)
    assert [run.stale for run in bench.session.project.runs()] == [False]
    bench.run(m.Evaluate(trained, Split.TEST))
    after = bench.only(m.EvaluationReady).evaluation
    assert after.classes == ("0", "1", "2", "drei", "3", *"56789")
    assert np.array_equal(after.confusion, before.confusion)
    bench.run(m.UseRun(trained))
    bench.run(m.RenameClass(10, "neun"))
    bench.run(m.ClassifyImages((1,)))
    assert bench.only(m.Classified).classes == (*after.classes[:9], "neun")

    folder = bench.session.project.folder
    for source in (scan(folder), scan("digits")):  # the commands know the names of now and those of the training
        dataset = data.from_source(source)
        if source.kind == "digits":
            dataset = msgspec.structs.replace(dataset, classes=("0", "1", "2", "drei", "3", *"56789"))
        evaluation = evaluate_run(folder / "runs" / trained, dataset, dataset.rows(Split.TEST), CancelToken())
        assert evaluation.confusion.sum() > 0
        if source.kind == "project":
            assert np.array_equal(evaluation.confusion, before.confusion)


def test_runs_that_kept_no_ids_get_them_before_names_change(bench, trained: str) -> None:
    folder = bench.session.project.folder
    record = list_runs(folder)[0]
    save_record(record.folder, msgspec.structs.replace(record, class_ids=()))
    bench.run(m.RenameClass(1, "null"))
    bench.run(m.Evaluate(trained, Split.TEST))
    assert bench.only(m.EvaluationReady).evaluation.classes[0] == "null"
    assert list_runs(folder)[0].class_ids == tuple(range(1, 11))


@pytest.mark.parametrize("command", [m.MergeClasses((2,), 1), m.DeleteClass(2), m.SetSplits((1, 2, 3), Split.NONE)])
def test_other_changes_turn_runs_stale_until_they_are_taken_back(bench, trained: str, command) -> None:
    bench.run(command)
    assert [run.stale for run in bench.only(m.RunsChanged).runs] == [True]
    bench.run(m.Undo())
    assert [run.stale for run in bench.only(m.RunsChanged).runs] == [False]


def test_a_run_with_a_class_that_is_gone_can_be_used(bench, trained: str) -> None:
    bench.run(m.MergeClasses((2, 3), 1))
    bench.run(m.Evaluate(trained, Split.TEST))
    evaluation = bench.only(m.EvaluationReady).evaluation
    assert evaluation.classes == tuple("0123456789")
    assert evaluation.support[1] == evaluation.support[2] == 0
    bench.run(m.AddClass("new"))
    bench.run(m.SetLabels(tuple(range(1, 500)), 11))
    with pytest.raises(UserError, match='does not know the class "new"'):
        bench.run(m.Evaluate(trained, Split.TEST))


def test_names_stay_apart(run_record) -> None:
    run = msgspec.structs.replace(run_record, classes=("cat", "dog", "cow"), class_ids=(1, 2, 3))
    assert named(run, {1: "cat", 2: "dog", 3: "cow"}) == run
    assert named(run, {2: "cat", 3: "cow"}).classes == ("cat (deleted)", "cat", "cow")
    assert named(run, {1: "dog", 2: "cat", 9: "cow"}).classes == ("dog", "cat", "cow")
    assert named(msgspec.structs.replace(run, class_ids=()), {1: "x"}).classes == ("cat", "dog", "cow")
