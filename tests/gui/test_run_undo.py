"""Deleted runs come back with undo while the Train page is shown."""

from made import opened, run_record

from engine.messages import DeleteRun, EngineReady, HistoryChanged, Outcome, RestoreRun, RunsChanged
from gui.pages.train import TrainPage

RUNS = (run_record("a", title="First"), run_record("b", title="Second"), run_record("c", title="Third"))


def shown(qtbot, bridge, host, settings) -> TrainPage:
    made = TrainPage(bridge, settings)
    qtbot.addWidget(made)
    host.emit(EngineReady(devices=(), torch_version="2", seconds=1.0), opened(runs=RUNS))
    bridge.tick()
    made.show()
    return made


def delete(bridge, host, *runs: str, outcome: Outcome = Outcome.COMPLETED) -> None:
    jobs = [bridge.submit(DeleteRun(run)) for run in runs]
    for job in jobs:
        host.begin(job)
        host.finish(job, outcome)
    host.emit(RunsChanged(runs=tuple(run for run in bridge.state.runs if run.id not in runs)))
    bridge.tick()


def test_the_last_deleted_run_comes_back_first(qtbot, bridge, host, settings) -> None:
    page = shown(qtbot, bridge, host, settings)
    assert page.history() is None and not page.undo()
    delete(bridge, host, "a")
    with qtbot.waitSignal(page.history_changed):
        delete(bridge, host, "b", "c")
    assert page.history() == ("Undo deletion of 2 runs", "")
    assert page.undo() and [command.run for command in host.sent(RestoreRun)] == ["c", "b"]
    host.emit(HistoryChanged(undo="label", redo="label"))
    bridge.tick()
    assert page.history() == ("Undo deletion of First", "Redo: label")
    assert page.undo() and host.sent(RestoreRun)[-1].run == "a"
    assert page.history() is None and not page.undo()


def test_what_the_message_brought_back_or_was_not_deleted_is_not_brought_back_again(qtbot, bridge, host, settings) -> None:
    page = shown(qtbot, bridge, host, settings)
    delete(bridge, host, "a")
    bridge.submit(RestoreRun("a"))
    delete(bridge, host, "b", outcome=Outcome.FAILED)
    assert page.history() is None
    delete(bridge, host, "c")
    host.emit(opened(runs=RUNS[:1]))
    bridge.tick()
    assert page.history() is None and not page.undo()  # another project
