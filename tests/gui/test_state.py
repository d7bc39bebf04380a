import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import CLASSES, opened, run_record, started, table

from engine import messages
from engine.messages import FailureText, JobClosed, JobProgress, JobStarted, Lane, Outcome
from engine.project.records import RunHistory, Skipped, Split
from engine.project.tables import merged
from gui.curves import Curve
from gui.reducing import reduce
from gui.state import (
    FIELDS,
    AppState,
    FailureDismissed,
    JobState,
    JobSubmitted,
    ReportDismissed,
    RunSelected,
    changed_fields,
)


def after(*events, state=None):
    state = state or AppState()
    for event in events:
        state = reduce(state, event)
    return state


def job_events(number):
    return [
        JobSubmitted(job=number, command="Train", lane=Lane.JOBS, title="train"),
        JobStarted(job=number, command="Train", lane=Lane.JOBS, title="train"),
        JobProgress(job=number, fraction=0.25, text="epoch 1", seconds_left=3.0, images_per_second=50.0),
        JobProgress(job=number, fraction=0.5, text="epoch 2"),
        JobClosed(job=number, command="Train", outcome=Outcome.COMPLETED),
    ]


def test_a_job_is_queued_then_runs_then_is_gone():
    events = job_events(4)
    assert not after(events[0]).jobs[4].running
    running = after(*events[:4]).jobs[4]
    assert (running.running, running.fraction, running.text, running.seconds_left) == (True, 0.5, "epoch 2", None)
    assert running.images_per_second == 50.0
    assert after(*events).jobs == {}


def test_what_was_measured_of_a_run_is_forgotten_once_it_learned_on():
    old = RunHistory("run-1", *(np.ones(2, np.float32) for _ in range(7)))
    state = AppState(
        histories={"run-1": old, "other": old},
        evaluations={("run-1", Split.TEST): None, ("other", Split.TEST): None},
        scores={"run-1": None},
        jobs={4: JobState(4, "ResumeRun", Lane.JOBS, "resume")},
    )
    losses = np.ones(9, np.float32)
    told = messages.StepsDone(run="run-1", first_step=1, losses=losses, accuracies=losses, learning_rate=0.1)
    learning = after(started(job=4), told, state=state)
    assert learning.evaluations == state.evaluations and learning.histories == state.histories
    ended = after(JobClosed(job=4, command="ResumeRun", outcome=Outcome.CANCELLED), state=learning)
    assert set(ended.evaluations) == {("other", Split.TEST)} and not ended.scores
    assert len(ended.histories["run-1"].step_losses) == 9 and ended.histories["other"] is old


@given(st.permutations([0, 1, 2] * 5), st.data())
def test_how_events_of_different_jobs_interleave_does_not_matter(order, data):
    cut = data.draw(st.integers(0, 4))
    waiting = {job: job_events(job) for job in range(3)}
    for job in range(3):
        waiting[job] = waiting[job][: cut + job if cut + job <= 5 else 5]
    straight = after(*(event for job in range(3) for event in waiting[job]))
    mixed = []
    for job in order:
        if waiting[job]:
            mixed.append(waiting[job].pop(0))
    assert after(*mixed).jobs == straight.jobs


def test_late_progress_of_a_closed_job_does_not_bring_it_back():
    events = job_events(4)
    assert after(*events, events[2]).jobs == {}


def test_a_failure_stays_until_the_command_is_tried_again_or_put_away():
    failure = FailureText("user", "There is only one class.", "Add another.")
    closed = JobClosed(job=1, command="Train", outcome=Outcome.FAILED, failure=failure)
    state = after(closed)
    assert state.failures == {"Train": failure}
    assert after(job_events(2)[0], state=state).failures == {}
    assert after(FailureDismissed(command="Train"), state=state).failures == {}


def test_fields_that_did_not_change_keep_their_identity():
    state = after(opened())
    same = after(messages.HistoryChanged(undo="a", redo=""), state=state)
    assert changed_fields(state, same) == {"history"}
    assert changed_fields(None, state) == FIELDS


def test_another_project_brings_a_clean_state_but_keeps_engine_and_camera():
    ready = messages.EngineReady(devices=(), torch_version="2.12", seconds=1.0)
    camera = messages.CameraOpened(job=3, source="0", width=4, height=4)
    state = after(ready, camera, opened(), started(), messages.RunsChanged(runs=(run_record(),)), opened(3, folder="/tmp/other"))
    assert state.engine is ready
    assert state.camera.playing
    assert state.training is None
    assert state.runs == ()
    assert len(state.images.ids) == 3
    closed = after(messages.ProjectClosed(), state=state)
    assert closed.project is None
    assert closed.images is None


def test_labels_change_only_known_pictures_and_leave_the_old_table_alone():
    state = after(opened(4, class_ids=[-1, -1, -1, -1]))
    event = messages.LabelsChanged(ids=np.array([5, 11, 99]), class_ids=np.array([1, 2, 3], np.int32), splits=np.array([1, 2, 3], np.int8))
    changed = after(event, state=state)
    assert changed.images.class_ids.tolist() == [-1, 2, -1, -1]
    assert changed.images.splits.tolist() == [0, 2, 0, 0]
    assert state.images.class_ids.tolist() == [-1, -1, -1, -1]


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_merging_gives_the_union_in_order_and_the_new_rows_win(old, new):
    both = merged(table(sorted(old), [1] * len(old), prefix="old"), table(sorted(new), [2] * len(new), prefix="new"))
    assert both.ids.tolist() == sorted(old | new)
    assert both.class_ids.tolist() == [2 if image in new else 1 for image in sorted(old | new)]
    assert both.names == tuple(f"{'new' if image in new else 'old'}_{image}.png" for image in sorted(old | new))


@given(st.sets(st.integers(10, 21)))
def test_removing_and_adding_again_gives_the_same_pictures(gone):
    state = after(opened(12))
    ids = np.array(sorted(gone), np.int64)
    rows = np.flatnonzero(np.isin(state.images.ids, ids))
    removed = after(messages.ImagesRemoved(ids=ids), state=state)
    assert removed.images.ids.tolist() == [image for image in range(10, 22) if image not in gone]
    back = table(sorted(gone), state.images.class_ids[rows])
    again = after(messages.ImagesAdded(images=back), state=removed)
    assert again.images.ids.tolist() == state.images.ids.tolist()
    assert again.images.class_ids.tolist() == state.images.class_ids.tolist()
    assert again.images.names == state.images.names


def steps(first, values, run="run-1"):
    values = np.asarray(values, np.float32)
    return messages.StepsDone(run=run, first_step=first, losses=values, accuracies=values / 2, learning_rate=0.1)


def test_training_grows_and_earlier_states_stay_as_they_were():
    one = after(started(job=7), steps(1, [3, 2]))
    two = after(steps(3, [1.0]), state=one)
    assert one.training.losses.values.tolist() == [3, 2]
    assert two.training.losses.values.tolist() == [3, 2, 1]
    assert two.training.accuracies.values.tolist() == [1.5, 1, 0.5]
    assert two.training.steps == 3
    assert after(steps(4, [9.0], run="another"), state=two) is two
    with pytest.raises(ValueError, match="read-only"):
        two.training.losses.values[0] = 5


def test_a_training_ends_with_its_outcome_once():
    record = run_record()
    state = after(started(job=7), steps(1, [3]), messages.TrainingFinished(job=7, record=record))
    assert state.training.running
    done = after(JobClosed(job=7, command="Train", outcome=Outcome.CANCELLED), state=state)
    assert (done.training.outcome, done.training.record) == (Outcome.CANCELLED, record)
    again = after(JobClosed(job=7, command="Train", outcome=Outcome.FAILED), state=done)
    assert again.training.outcome is Outcome.CANCELLED


def test_the_newest_confusion_matrix_is_shown():
    matrix = np.eye(3, dtype=np.int64)
    common = {"run": "run-1", "train_loss": 1.0, "train_accuracy": 0.5, "validation_loss": 1.0, "validation_accuracy": 0.5}
    state = after(
        started(),
        messages.EpochDone(epoch=1, step=10, confusion=matrix, **common),
        messages.EpochDone(epoch=2, step=20, confusion=None, **common),
    )
    assert state.training.confusion is matrix
    assert len(state.training.epochs) == 2


def test_probes_of_a_training_and_of_a_finished_run_do_not_mix():
    common = {"run": "run-1", "image": 10, "layer": "c1", "channel": 0, "row": 0, "column": 0, "box": (0, 0, 5, 5), "activation": 1.0}
    arrays = {"heat": np.zeros((8, 8), np.float32), "picture": np.zeros((8, 8, 3), np.uint8)}
    state = after(started(), messages.UnitProbed(epoch=2, **common, **arrays), messages.UnitProbed(**common, **arrays))
    assert state.training.unit.epoch == 2
    assert state.unit.epoch == 0


def frame(job):
    return messages.CameraFrame(
        job=job, frame=np.zeros((2, 2, 3), np.uint8), run=None, classes=(), probabilities=None, frames_per_second=30.0, seconds=0.0
    )


def test_frames_of_a_camera_that_was_left_are_dropped():
    camera = messages.CameraOpened(job=3, source="0", width=2, height=2)
    state = after(camera, frame(2), frame(3))
    assert state.camera.frame.job == 3
    unplugged = after(messages.CameraClosed(job=3, source="0", reason="The camera was unplugged."), state=state)
    assert not unplugged.camera.playing
    assert unplugged.camera.reason == "The camera was unplugged."
    assert after(frame(3), state=unplugged).camera is unplugged.camera
    assert after(messages.CameraClosed(job=2, source="1"), state=state).camera.playing


def test_selected_run_falls_back_to_the_newest():
    runs = (run_record("new"), run_record("old"))
    state = after(opened(runs=runs))
    assert state.run.id == "new"
    chosen = after(RunSelected(run="old"), state=state)
    assert chosen.run.id == "old"
    assert after(messages.RunsChanged(runs=runs[:1]), state=chosen).run.id == "new"
    assert AppState().run is None


def test_import_report_is_put_away():
    state = after(messages.ImportFinished(taken=3, skipped=(Skipped("a.png", "is empty"),)))
    assert state.import_report.taken == 3
    assert after(ReportDismissed(), state=state).import_report is None


def test_read_only_projects_cannot_be_written():
    assert after(opened()).writable
    assert not after(opened(read_only="Another Fovea has it open.")).writable
    assert not AppState().writable


def test_classes_and_unknown_events():
    state = after(opened())
    assert after(messages.ClassesChanged(classes=CLASSES[:1]), state=state).classes == CLASSES[:1]
    assert after(messages.Notice(level="info", text="hello"), state=state) is state


@given(st.lists(st.lists(st.floats(0, 10, width=32), min_size=1, max_size=40), max_size=30))
def test_a_curve_is_the_sum_of_its_parcels(parcels):
    curve, whole = Curve(), []
    for parcel in parcels:
        curve = curve.extended(len(whole), parcel)
        whole += parcel
    assert curve.values.tolist() == whole


def test_a_curve_with_a_gap_and_one_that_goes_back():
    curve = Curve().extended(2, [5.0])
    assert np.isnan(curve.values[:2]).all()
    back = curve.extended(1, [7.0])
    assert back.values[1:].tolist() == [7.0]
    assert curve.values[2] == 5.0
    fork = Curve().extended(0, [1.0, 2.0])
    left, right = fork.extended(2, [3.0]), fork.extended(2, [4.0])
    assert (left.values[2], right.values[2]) == (3.0, 4.0)


def test_a_million_steps_cost_no_more_each_than_a_thousand():
    import time

    curve = Curve().extended(0, np.zeros(1_000_000, np.float32)).extended(1_000_000, [1.0])
    begun = time.perf_counter()
    for step in range(1000):
        curve = curve.extended(1_000_001 + step, [1.0])
    assert time.perf_counter() - begun < 0.5
