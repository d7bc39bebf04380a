"""The command ScoreImages: what a run says of every picture of the project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine import device as devices
from engine.control import CancelToken
from engine.doctor.by_run import answers, columns_of
from engine.messages import ScoreImages, ScoresReady
from engine.progress import Progress
from engine.training.saved import load_run

if TYPE_CHECKING:
    from engine.session import Emit, Session


def score_images(session: Session, command: ScoreImages, token: CancelToken, emit: Emit) -> None:
    """Answer ScoreImages, for the pictures and labels of this moment; pictures that cannot be read are left out.

    Raises
    ------
    UserError
        If there is no such run, or it is damaged.
    Cancelled
        If it was cancelled.
    """
    project = session.opened()
    snapshot = project.snapshot
    table = snapshot.table
    run = load_run(project.runs_folder / Path(command.run).name, devices.choose("auto"))
    columns = columns_of(run, [record.name for record in snapshot.classes])
    class_ids = np.array([record.id for record in snapshot.classes] + [-1], np.int32)[columns]  # -1 stands last
    rows = np.arange(len(table.ids), dtype=np.int64)
    predicted = np.full(len(rows), -1, np.int32)
    confidence = np.zeros(len(rows), np.float32)
    own = np.full(len(rows), np.nan, np.float32)
    readable = np.zeros(len(rows), np.bool_)
    progress = Progress(emit)
    for start, shares, _, ok in answers(run, snapshot.locators, snapshot.root, rows, token):
        block = slice(start, start + len(shares))
        readable[block] = ok
        predicted[block] = class_ids[shares.argmax(axis=1)]
        confidence[block] = shares.max(axis=1)
        mine = (class_ids == table.class_ids[block, None]) & (class_ids >= 0)
        knows = mine.any(axis=1)
        own[block][knows] = (shares * mine).sum(axis=1)[knows]
        progress.tell(start + len(shares), len(rows), "Judging pictures")
    emit(
        ScoresReady(
            run=command.run, ids=table.ids[readable], predicted=predicted[readable], confidence=confidence[readable], own=own[readable]
        )
    )
