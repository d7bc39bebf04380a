"""Steps of editing a network, back and forth. Trees share what did not change, so a step takes little room."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from engine.networks.layers import Network

MERGED_SECONDS = 1.0
"""Edits of one field that follow each other faster are one step."""
Selection = tuple[str, ...]


class Step(msgspec.Struct, frozen=True, eq=False):
    """One change.

    Attributes
    ----------
    before, after : Network
    selected_before, selected_after : tuple of str
        Dotted names.
    text : str
        What it did, "remove conv2".
    key : str
        What was edited, by its name afterwards; "" where the next change is a step of its own.
    """

    before: Network
    after: Network
    selected_before: Selection
    selected_after: Selection
    text: str
    key: str = ""


class History:
    """Steps done and steps taken back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = 0.0
        self.done: list[Step] = []
        self.undone: list[Step] = []

    def add(self, step: Step, continues: str = "") -> None:
        """Keep a step; within a second it continues the one before, where that has the key `continues`."""
        now = self._clock()
        last = self.done[-1] if self.done else None
        if last is not None and continues and last.key == continues and not self.undone and now - self._last < MERGED_SECONDS:
            self.done[-1] = msgspec.structs.replace(step, before=last.before, selected_before=last.selected_before)
        else:
            self.done.append(step)
        self.undone.clear()
        self._last = now

    def back(self) -> Step | None:
        """Take the last step back; gives it."""
        return self._pass(self.done, self.undone)

    def forth(self) -> Step | None:
        """Do the step that was taken back last again; gives it."""
        return self._pass(self.undone, self.done)

    def _pass(self, source: list[Step], target: list[Step]) -> Step | None:
        self._last = 0.0
        if not source:
            return None
        target.append(source.pop())
        return target[-1]

    def rename(self, old: str, new: str) -> None:
        """Call the network by another name in all steps; of what was saved under another name than was wanted."""
        for steps in (self.done, self.undone):
            steps[:] = [
                msgspec.structs.replace(step, before=_called(step.before, old, new), after=_called(step.after, old, new)) for step in steps
            ]

    def ends_in(self, network: Network) -> bool:
        """Whether these steps led to a network, whatever its input."""
        now = self.done[-1].after if self.done else self.undone[-1].before if self.undone else None
        return now is not None and now.body == network.body and now.title == network.title


def _called(network: Network, old: str, new: str) -> Network:
    return msgspec.structs.replace(network, name=new) if network.name == old else network
