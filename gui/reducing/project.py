"""The open project: opened, closed, what is kept in it, its runs."""

from __future__ import annotations

from engine import messages
from gui.reducing.registry import on, with_
from gui.state import AppState, History, Remembered, RunSelected


@on(messages.ProjectOpened)
def _project_opened(event: messages.ProjectOpened, state: AppState) -> AppState:
    kept = AppState(
        engine=state.engine,
        engine_failure=state.engine_failure,
        jobs=state.jobs,
        cameras=state.cameras,
        camera=state.camera,
        model=state.model,
        libraries=state.libraries,
        described=state.described,
    )
    return with_(
        kept, project=event.project, classes=event.classes, images=event.images, runs=event.runs, memory=event.memory, notes=event.notes
    )


@on(messages.ProjectClosed)
def _project_closed(event: messages.ProjectClosed, state: AppState) -> AppState:
    return AppState(engine=state.engine, engine_failure=state.engine_failure, jobs=state.jobs, cameras=state.cameras, camera=state.camera)


@on(messages.HistoryChanged)
def _history_changed(event: messages.HistoryChanged, state: AppState) -> AppState:
    return with_(state, history=History(event.undo, event.redo))


@on(messages.RunsChanged)
def _runs_changed(event: messages.RunsChanged, state: AppState) -> AppState:
    gone = {run.id for run in state.runs} - {run.id for run in event.runs}
    return with_(state, runs=event.runs, looked_at=None if state.looked_at in gone else state.looked_at)


@on(messages.HistoryLoaded)
def _history_loaded(event: messages.HistoryLoaded, state: AppState) -> AppState:
    return with_(state, histories={**state.histories, event.history.run: event.history})


@on(Remembered)
def _remembered(event: Remembered, state: AppState) -> AppState:
    return with_(state, memory={**state.memory, event.key: event.value})


@on(RunSelected)
def _run_selected(event: RunSelected, state: AppState) -> AppState:
    return with_(state, selected_run=event.run, looked_at=event.run)


@on(messages.ProjectChanged)
def _project_changed(event: messages.ProjectChanged, state: AppState) -> AppState:
    return with_(state, project=event.project)
