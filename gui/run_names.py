"""What runs are called: the same in the list, the curves and the messages. No Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.project.records import RunRecord


def run_names(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Names by ids: titles, followed by ids where several runs have the same title."""
    titles = Counter(run.title for run in runs)
    return {run.id: f"{run.title} · {run.id}" if titles[run.title] > 1 else run.title for run in runs}
