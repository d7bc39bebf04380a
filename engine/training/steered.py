"""What a person wants of a training under way, carried out between two of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.training.steering import Steering, Wishes, rate_words

if TYPE_CHECKING:
    from engine.training.loop import _Run


def steer(run: _Run, steering: Steering, number: int) -> None:
    """Fulfil what is wanted, and hold as long as that is; `number` is the epoch at hand."""
    run.tell(run.done)
    held = False
    while steering.asked:
        fulfil(run, steering.take(), number)
        if steering.paused and not held:
            held = True
            run.mark("Paused")
            run.keep()
            run.watcher.held(True, run.done)
        steering.hold(run.token)
    if held:
        run.mark("Went on")
        run.watcher.held(False, run.done)


def fulfil(run: _Run, wishes: Wishes, number: int) -> None:
    """Change the rate, the number of epochs, or the end."""
    if wishes.learning_rate is not None:
        words = rate_words(run.pace.peak, wishes.learning_rate)
        run.pace.to_peak(wishes.learning_rate)
        run.mark(words)
    if wishes.epochs is not None:
        run.stretch(max(wishes.epochs, number))
    if wishes.finish and not run.finishing:
        run.finishing = True
        run.mark("Ends after this epoch")
    if wishes != Wishes():
        run.keep()
