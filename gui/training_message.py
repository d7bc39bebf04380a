"""What the Train page has to say: what stands in the way of a training, or how the last one failed, and the ways on. Draws nothing."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.messages import Outcome
from engine.training.recipe import Recipe
from gui import plan
from gui.plan import Obstacle
from gui.state import AppState
from gui.widgets.basics import count, duration

LOWER = 10
"""By this much a learning rate is divided that was too high."""


class Way(msgspec.Struct, frozen=True):
    """A way on: words for its button, a tooltip, and either a page to go to or a recipe to train with."""

    words: str
    tip: str = ""
    page: str = ""
    recipe: Recipe | None = None


class Said(msgspec.Struct, frozen=True):
    """A sentence or two, whether something went wrong, and the ways on."""

    text: str = ""
    wrong: bool = False
    ways: tuple[Way, ...] = ()


def tr(text: str) -> str:
    """In the user's language."""
    return QCoreApplication.translate("TrainingMessage", text)


def message(state: AppState, obstacle: Obstacle | None) -> Said:
    """What is to be said now; an obstacle comes first, and while something is trained nothing failed."""
    if state.job_of_training is not None:
        return Said()
    if obstacle is not None:
        return Said(obstacle.text, ways=(Way(obstacle.act, page=obstacle.page),))
    if state.engine_failure is not None:
        return Said(f"{state.engine_failure.message} {state.engine_failure.remedy}")
    training = state.training
    failure = training.failure if training is not None and training.outcome is Outcome.FAILED else state.failures.get("Train")
    if failure is None:
        return Said()
    text = f"{failure.message} {failure.remedy}".strip()
    if training is None or training.failure is not failure or failure.kind != "user":
        return Said(text, wrong=True)
    rate = training.started.recipe.learning_rate / LOWER
    lower = msgspec.structs.replace(training.started.recipe, learning_rate=rate, preset="own")
    return Said(
        text, True, (Way(tr("Train with learning rate {rate:g}").format(rate=rate), tr("Begin anew with a lower rate"), recipe=lower),)
    )


def rest_words(state: AppState) -> str:
    """What stands where progress would: how the last training ended, else how many pictures there are to learn from."""
    training = state.training
    if training is not None and training.record is not None:
        record = training.record
        ended = {"completed": tr("Trained"), "cancelled": tr("Stopped and kept"), "failed": tr("Failed")}[record.outcome]
        return f"{ended}: {record.id} · {duration(record.seconds)}"
    if state.engine is None and state.engine_failure is None:
        return tr("The engine is loading; Train begins as soon as it is there.")
    return tr("{number} pictures to learn from").format(number=count(plan.training_pictures(state)))
