"""What a command writes: its answer to stdout, how far it is to stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from engine.messages import FailureText

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PLAIN_SECONDS = 5.0  # between plain lines that only tell how far


class Output:
    """stdout for the answer (text, or with `json` exactly one object), stderr for everything else.

    On a terminal progress is a live bar; otherwise plain lines, at most one in PLAIN_SECONDS. A `silent` one only tells failures.
    """

    def __init__(self, json: bool, silent: bool = False) -> None:
        self.json = json
        self._silent = silent
        self._answered = False
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._told = -math.inf

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop_bar()

    def answer(self, values: dict[str, Any], text: Iterable[str]) -> None:
        """Write the command's answer: `values` with --json, the lines of `text` without."""
        self.stop_bar()
        if self._silent:
            return
        self._answered = True
        if self.json:
            _write(sys.stdout, json.dumps(plain(values), allow_nan=False) + "\n")
        else:
            _write(sys.stdout, "".join(f"{line}\n" for line in text))

    def line(self, text: str) -> None:
        """A line that stays, on stderr."""
        if self._silent:
            return
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            _write(sys.stderr, f"{text}\n")

    def progress(self, text: str, fraction: float | None) -> None:
        """How far: a fraction in [0, 1], or None where unknown."""
        if self._silent:
            return
        if sys.stderr is not None and sys.stderr.isatty():
            self._move_bar(text, fraction)
            return
        now = time.monotonic()
        if now - self._told >= PLAIN_SECONDS:
            self._told = now
            self.line(text if fraction is None else f"{text} ({fraction:.0%})")

    def failed(self, failure: FailureText, with_traceback: bool) -> None:
        """One line that says what failed and what to do; with --json an object with the same, if none was written yet."""
        self.stop_bar()
        if with_traceback:
            _write(sys.stderr, failure.traceback)
        message = " ".join(f"{failure.message} {failure.remedy}".split())
        _write(sys.stderr, f"fovea: {message}\n")
        if self.json and not self._answered:
            self.answer({"error": failure.message, "remedy": failure.remedy}, ())

    def stop_bar(self) -> None:
        """Take the live bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def _move_bar(self, text: str, fraction: float | None) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(text, total=None)
            self._bar.start()
        if self._task is not None:
            self._bar.update(self._task, description=text, total=None if fraction is None else 1.0, completed=fraction or 0.0)


def plain(value: Any) -> Any:
    """A value as JSON knows it: records become objects, figures that do not exist (NaN, infinity) become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        return plain(value.tolist())
    return value


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Lines of a table; columns in `right` are aligned to the right.

    Examples
    --------
    >>> table(("name", "count"), [("cat", "12")], right=frozenset({1}))
    ['name  count', 'cat      12']
    """
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for row in cells:
        sized = enumerate(zip(row, widths, strict=True))
        padded = (cell.rjust(width) if column in right else cell.ljust(width) for column, (cell, width) in sized)
        lines.append("  ".join(padded).rstrip())
    return lines


def percent(value: float | None) -> str:
    """A share in [0, 1] in per cent; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{100 * value:.2f} %"


def _write(stream: Any, text: str) -> None:
    if stream is None:  # a program without a console
        return
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
