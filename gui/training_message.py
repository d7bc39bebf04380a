"""What the Train page has to say: what stands in the way of a training, or how the last one failed, what was left in
line, and the ways on. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.messages import Command, Outcome, ResumeRun
from engine.training import sizes
from engine.training.differences import learned_nothing
from engine.training.presets import lower_rate
from engine.training.recipe import Recipe
from gui import networks, plan
from gui.plan import Obstacle
from gui.run_names import run_names
from gui.state import TRAININGS, AppState, TrainingState
from gui.training_line import recipe_words, title_of
from gui.widgets.basics import count, duration

MOST_NAMED = 3


class Way(msgspec.Struct, frozen=True):
    """A way on: words for its button and a tooltip, and what it does.

    Attributes
    ----------
    page : str
        To go to, or "".
    recipe : Recipe or None
        To train with.
    command : Command or None
        To submit.
    line : str
        "take up" or "forget" what was left in line, or "".
    """

    words: str
    tip: str = ""
    page: str = ""
    recipe: Recipe | None = None
    command: Command | None = None
    line: str = ""


class Said(msgspec.Struct, frozen=True):
    """A sentence or two, whether something went wrong, and the ways on."""

    text: str = ""
    wrong: bool = False
    ways: tuple[Way, ...] = ()


def tr(text: str) -> str:
    """In the user's language."""
    return QCoreApplication.translate("TrainingMessage", text)


def message(state: AppState, obstacle: Obstacle | None, left: Sequence[Command] = ()) -> Said:
    """What is to be said now; an obstacle comes first, while something is trained nothing failed; `left` was left in line."""
    if state.job_of_training is not None:
        return Said()
    if obstacle is not None:
        return Said(obstacle.text, ways=(Way(obstacle.act, page=obstacle.page),))
    if state.engine_failure is not None:
        return Said(f"{state.engine_failure.message} {state.engine_failure.remedy}")
    training = state.training
    found = next((state.failures[name] for name in TRAININGS if name in state.failures), None)
    failure = training.failure if training is not None and training.outcome is Outcome.FAILED else found
    if failure is None:
        return _left(state, left) if left else Said()
    text = f"{failure.message} {failure.remedy}".strip()
    if training is None or training.failure is not failure:  # it failed before it began
        fetching = failure.kind == "user" and plan.weights(state) == plan.PRETRAINED
        choose = Way(tr("Choose other weights"), tr("On the page Model: a file that you have, or new weights"), page="model")
        return Said(text, True, (choose,) if fetching else ())
    if failure.kind == "disk" and _resumable(state, training):
        later = tr("Once there is room, from the last state that was kept")
        return Said(text, True, (Way(tr("Go on"), later, command=ResumeRun(training.run)),))
    return Said(text, True, _lower(state, training) if failure.kind == "user" else ())


def _lower(state: AppState, training: TrainingState) -> tuple[Way, ...]:
    """Going on from the last good state, where there is one, or beginning anew; both at a tenth of the rate, or at the usual one."""
    rate = lower_rate(training.started.recipe, training.peak_rate)
    lower = msgspec.structs.replace(training.started.recipe, learning_rate=rate, preset="own")
    anew = Way(tr("Train with learning rate {rate:g}").format(rate=rate), tr("Begin anew with this learning rate"), recipe=lower)
    if not _resumable(state, training):
        return (anew,)
    words, tip = tr("Go on with {rate:g}"), tr("Go on from the last good state, with this learning rate")
    return Way(words.format(rate=rate), tip, command=ResumeRun(training.run, learning_rate=rate)), anew


def _resumable(state: AppState, training: TrainingState) -> bool:
    return any(run.id == training.run and run.resumable for run in state.runs)


def _left(state: AppState, left: Sequence[Command]) -> Said:
    number, called = len(left), [_called(state, command) for command in left[:MOST_NAMED]]
    if number > MOST_NAMED:
        called.append(tr("{number} more").format(number=number - MOST_NAMED))
    words = tr("{number} trainings were under way or waiting when this project was closed: {names}.")
    if number == 1:
        words = tr("{names} was under way or waiting when this project was closed.")
    lost = tr("It is taken out of the line. Nothing that was learned is lost: a run that was under way can go on from the list.")
    train = Way(tr("Train it") if number == 1 else tr("Train them"), tr("Put in line again what waited"), line="take up")
    forget = Way(tr("Forget it") if number == 1 else tr("Forget them"), lost, line="forget")
    return Said(words.format(number=number, names="; ".join(called)), ways=(train, forget))


def _called(state: AppState, command: Command) -> str:
    """What a training that was left in line is called, and how it was to be trained."""
    if isinstance(command, ResumeRun):
        return run_names(state.runs).get(command.run, command.run)
    return ", ".join(part for part in (title_of(state, command), recipe_words(command)) if part)


def rest_words(state: AppState) -> tuple[str, ...]:
    """What stands where progress would: how the last training ended, else how many pictures there are to learn from; shorter ones last."""
    training = state.training
    if training is not None and training.record is not None:
        record = training.record
        name = run_names(state.runs).get(record.id, record.title)
        if record.outcome == "cancelled" and learned_nothing(record):
            short = tr("Stopped at step 0")
            return tr("Stopped before the first step: {0} has learned nothing").format(name), f"{short}: {name}", short
        ended = {"completed": tr("Trained"), "cancelled": tr("Stopped and kept"), "failed": tr("Failed")}[record.outcome]
        return f"{ended}: {name} · {duration(record.seconds)}", f"{ended}: {name}", f"{ended} · {duration(record.seconds)}"
    if state.engine is None and state.engine_failure is None:
        return tr("The engine is loading; Train begins as soon as it is there."), tr("The engine is loading")
    number = plan.training_pictures(state)
    words = tr("{number} pictures to learn from").format(number=count(number))
    if not number or networks.is_classic(plan.network_name(state)):
        return (words,)
    return f"{words} · {sizes.words(plan.recipe(state), number)}", words
