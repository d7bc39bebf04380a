"""The command Examine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.control import CancelToken
from engine.doctor.examining import examined
from engine.doctor.material import checked, of_project
from engine.messages import Examine, FindingsReady, JobProgress
from engine.progress import PROGRESS_SECONDS

if TYPE_CHECKING:
    from engine.session import Emit, Session


def examine(session: Session, command: Examine, token: CancelToken, emit: Emit) -> None:
    """Answer Examine, for the pictures and labels of this moment.

    Raises
    ------
    UserError
        If there is no such run, or it is damaged.
    Cancelled
        If it was cancelled.
    """
    project = session.opened()
    told = 0.0

    def tell(fraction: float, text: str) -> None:
        nonlocal told
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            emit(JobProgress(fraction=fraction, text=text))

    run = None if command.run is None else project.runs_folder / Path(command.run).name
    result = examined(checked(of_project(project.snapshot), token), token, tell, run)
    emit(FindingsReady(findings=result.findings, examined=result.examined, unchecked=result.unchecked))
