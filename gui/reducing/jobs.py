"""Jobs: submitted, under way, closed; the engine as a whole."""

from __future__ import annotations

from typing import Any

import msgspec

from engine import messages
from gui.reducing.registry import on, with_
from gui.state import TRAININGS, AppState, CameraState, FailureDismissed, JobHurried, JobState, JobSubmitted, TrainingState
from gui.training_curves import history_of


@on(messages.EngineReady)
def _engine_ready(event: messages.EngineReady, state: AppState) -> AppState:
    return with_(state, engine=event, engine_failure=None)


@on(JobSubmitted)
def _job_submitted(event: JobSubmitted, state: AppState) -> AppState:
    over = TRAININGS if event.command in TRAININGS else (event.command,)
    failures = {name: failure for name, failure in state.failures.items() if name not in over}
    if len(failures) == len(state.failures):
        failures = state.failures
    job = JobState(event.job, event.command, event.lane, event.title, asked=event.asked)
    return with_(state, jobs={**state.jobs, event.job: job}, failures=failures, training=_steered(state.training, event.asked))


def _steered(training: TrainingState | None, asked: messages.Command | None) -> TrainingState | None:
    """The training with the learning rate that it was asked to go up to, and the epochs that it was asked to have."""
    if training is None or not isinstance(asked, messages.SteerTraining) or asked.run != training.run:
        return training
    peak = training.peak if asked.learning_rate is None else asked.learning_rate
    planned = training.planned if asked.epochs is None else asked.epochs
    return msgspec.structs.replace(training, peak=peak, planned=planned)


@on(JobHurried)
def _job_hurried(event: JobHurried, state: AppState) -> AppState:
    job = state.jobs.get(event.job)
    if job is None or job.running:
        return state
    running = {number: other for number, other in state.jobs.items() if other.running}
    return with_(state, jobs={**running, event.job: job, **state.jobs})


@on(messages.JobStarted)
def _job_started(event: messages.JobStarted, state: AppState) -> AppState:
    asked = state.jobs[event.job].asked if event.job in state.jobs else None
    job = JobState(event.job, event.command, event.lane, event.title, running=True, asked=asked)
    return with_(state, jobs={**state.jobs, event.job: job})


@on(messages.JobProgress)
def _job_progress(event: messages.JobProgress, state: AppState) -> AppState:
    job = state.jobs.get(event.job)
    if job is None:
        return state
    speed = event.images_per_second if event.images_per_second is not None else job.images_per_second
    job = msgspec.structs.replace(
        job,
        running=True,
        fraction=event.fraction,
        text=event.text,
        seconds_left=event.seconds_left,
        seconds_deviation=event.seconds_deviation,
        images_per_second=speed,
    )
    return with_(state, jobs={**state.jobs, event.job: job})


@on(messages.JobClosed)
def _job_closed(event: messages.JobClosed, state: AppState) -> AppState:
    if event.command == "EngineReady":
        return with_(state, engine_failure=event.failure)
    changes: dict[str, Any] = {}
    if event.job in state.jobs:
        changes["jobs"] = {number: job for number, job in state.jobs.items() if number != event.job}
    if event.failure is not None:
        changes["failures"] = {**state.failures, event.command: event.failure}
    training = state.training
    if training is not None and training.job == event.job and training.outcome is None:
        changes["training"] = msgspec.structs.replace(training, outcome=event.outcome, failure=event.failure)
        if training.steps:
            changes |= _outdated(state, training)
    if event.command == "OpenCamera" and state.camera.opened is not None and state.camera.opened.job == event.job:
        reason = event.failure.message if event.failure is not None else ""
        changes["camera"] = CameraState(frame=state.camera.frame, reason=reason)
    return with_(state, **changes) if changes else state


@on(FailureDismissed)
def _failure_dismissed(event: FailureDismissed, state: AppState) -> AppState:
    if event.command not in state.failures:
        return state
    return with_(state, failures={name: failure for name, failure in state.failures.items() if name != event.command})


def _outdated(state: AppState, training: TrainingState) -> dict[str, Any]:
    """A run that was gone on with has other weights and longer curves: what was measured of it before is forgotten."""
    run = training.run
    changes: dict[str, Any] = {}
    if run in state.histories:
        changes["histories"] = {**state.histories, run: history_of(training)}
    if any(measured == run for measured, _ in state.evaluations):
        changes["evaluations"] = {key: found for key, found in state.evaluations.items() if key[0] != run}
    if run in state.scores:
        changes["scores"] = {other: found for other, found in state.scores.items() if other != run}
    if state.model is not None and state.model.run == run:
        changes["model"] = None
    return changes
