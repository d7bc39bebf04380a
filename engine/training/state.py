"""All that a training's future depends on, as one record: what is kept so that it can go on with the same bits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

from engine.training import checkpoint
from engine.training.checkpoint import State
from engine.training.limits import Limits
from engine.training.telling import Epoch, Mark

if TYPE_CHECKING:
    from engine.training.loop import _Run

MISFITS = (RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError)
"""What loading the state of another training raises."""


def state_of(run: _Run) -> State:
    """The state of a training between two steps; nothing of it is changed by later ones."""
    generators = {"cpu": torch.get_rng_state()}
    if run.device.type != "cpu":
        generators[run.device.type] = torch.get_device_module(run.device).get_rng_state(run.device)
    return {
        "step": run.done,
        "epochs": [list(epoch[:6]) for epoch in run.epochs],
        "best": 0 if run.best is None else run.best.number,
        "finishing": run.finishing,
        "pieces": run.stepper.pieces,
        "seconds": run.seconds,
        "marks": [list(mark) for mark in run.marks],
        "order": run.order.place(run.done),
        "generators": generators,
        "module": checkpoint.copied(run.module.state_dict()),
        "best_state": {name: value.cpu() for name, value in run.best_state.items()},
        "parts": {name: checkpoint.copied(part.state_dict()) for name, part in run.stepper.parts().items()},
        **run.pace.state_dict(),
        **run.figures.state_dict(run.done),
    }


def load(run: _Run, state: State) -> None:
    """Be as that training was; raises one of MISFITS where the state is of another one."""
    run.module.load_state_dict(state["module"])
    run.stepper.load(state["parts"])
    run.order.go_to(state["order"])
    run.done, run.seconds = int(state["step"]), float(state["seconds"])
    run.stepper.pieces, run.finishing = int(state["pieces"]), bool(state["finishing"])
    run.pace.load_state_dict(state)
    run.figures.make_room(max(run.pace.steps, run.done))
    run.figures.load_state_dict(state, run.done)
    run.marks = [Mark(*mark) for mark in state["marks"]]
    run.epochs = [Epoch._make((*figures, None)) for figures in state["epochs"]]
    run.best = run.epochs[state["best"] - 1] if state["best"] else None
    run.best_state = {name: value.to(run.device) for name, value in state["best_state"].items()}
    run.kept_epochs = len(run.epochs)
    run.limits = Limits(run.recipe)
    for epoch in run.epochs:  # they know patience by what they were told
        run.limits.after(epoch.validation_loss, epoch.validation_accuracy, 0.0)
    run.rate = float(run.figures.rates[run.done - 1]) if run.done else 0.0
    run.whole = True
    torch.set_rng_state(state["generators"]["cpu"])
    if run.device.type != "cpu" and run.device.type in state["generators"]:
        torch.get_device_module(run.device).set_rng_state(state["generators"][run.device.type], run.device)


def take_up(run: _Run, states: Iterable[State]) -> bool:
    """Be as the first of these states that fits."""
    for state in states:
        with contextlib.suppress(*MISFITS):
            load(run, state)
            return True
    return False
