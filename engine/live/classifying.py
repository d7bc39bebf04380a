"""Classifying what is dropped, pasted or seen by the camera, with the run in use. Never waits for a training.

The model in use is a copy of its own, guarded by a lock: the live lane and the camera lane share it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine import device as devices
from engine.control import CancelToken
from engine.data import locators
from engine.data.decoding import Picture, UnreadablePicture, at_working_size, read_picture, to_working_size
from engine.data.preprocessing import Preprocessing
from engine.data.sources import walk
from engine.failure import UserError
from engine.insight.fields import layer_names
from engine.live.showing import small
from engine.messages import Classified, ClassifyFiles, ClassifyImages, ClassifyPicture, ModelReady, Notice, UseRun
from engine.project.runs import named
from engine.training.saved import LoadedRun, load_run

if TYPE_CHECKING:
    from engine.session import Emit, Session

SHOWN_SIDE = 512  # pixels


FromFile = Callable[[Preprocessing], Picture]


class LiveModel:
    """A run ready to classify one picture at a time, from any lane."""

    def __init__(self, run: LoadedRun) -> None:
        self.run = run
        self._lock = threading.Lock()

    def classify(self, picture: Picture, file: FromFile | None = None) -> tuple[np.ndarray, float]:
        """Probabilities float32 [K] of a picture uint8 [any height, any width, 3], and the seconds that it took.

        Where a contract decodes files at a fraction of their size, `file` reads it anew that way; frames have no file.
        """
        begun = time.perf_counter()
        pixels = self.run.taken(lambda pre: file(pre) if file is not None and pre.reduced else to_working_size(picture, pre))
        with self._lock:
            _one_thread()
            probabilities = self.run.probabilities(pixels[None])[0]
        return probabilities, time.perf_counter() - begun


_threads = threading.local()


def _one_thread() -> None:
    """Classify on one processor, beside a training on the others. OpenMP keeps the number for each thread by itself."""
    if not getattr(_threads, "set", False):
        torch.set_num_threads(1)
        _threads.set = True


def use_run(session: Session, command: UseRun, token: CancelToken, emit: Emit) -> None:
    """Answer UseRun.

    Raises
    ------
    UserError
        If there is no such run, or it is damaged; the one in use stays.
    """
    if command.run is None:
        session.live = None
        emit(ModelReady(run=None, classes=(), layers=()))
        return
    folder = session.opened().runs_folder / Path(command.run).name
    run = load_run(folder, devices.choose("auto"))
    session.live = LiveModel(run)
    layers = layer_names(run.network) if run.network is not None else ()
    emit(ModelReady(run=command.run, classes=run.classes, layers=layers))


def classify_files(session: Session, command: ClassifyFiles, token: CancelToken, emit: Emit) -> None:
    """Answer ClassifyFiles: each file with probabilities or with the reason why it cannot be read.

    Raises
    ------
    UserError
        If no run is in use.
    Cancelled
        If it was cancelled.
    """
    model = _in_use(session)
    for path in _files(command.paths, token):
        token.check()
        try:
            picture = read_picture(path, ground=model.run.record.preprocessing.ground)
            answer = _answer(model, picture, path.name, str(path), -1, partial(at_working_size, path))
        except UnreadablePicture as error:
            emit(_failed(model, path.name, str(path), -1, error.reason))
            continue
        emit(answer)


def classify_picture(session: Session, command: ClassifyPicture, token: CancelToken, emit: Emit) -> None:
    """Answer ClassifyPicture.

    Raises
    ------
    UserError
        If no run is in use.
    """
    emit(_answer(_in_use(session), command.pixels, command.name, "", -1))


def classify_images(session: Session, command: ClassifyImages, token: CancelToken, emit: Emit) -> None:
    """Answer ClassifyImages; pictures that left the project are passed over, with a word.

    Raises
    ------
    UserError
        If no run is in use, or no project is open.
    Cancelled
        If it was cancelled.
    """
    model, snapshot = _in_use(session), session.opened().snapshot
    gone = 0
    for image in command.images:
        token.check()
        row = snapshot.row(image)
        if row is None:
            gone += 1
            continue
        name, locator = snapshot.table.names[row], snapshot.locators[row]
        path = str(locators.path_of(locator, snapshot.root) or "")
        try:
            picture = locators.read_located(locator, snapshot.root, model.run.record.preprocessing.ground)
            file = partial(locators.located_at_working_size, locator, snapshot.root)
            answer = _answer(model, picture, name, path, image, file)
        except UnreadablePicture as error:
            emit(_failed(model, name, path, image, error.reason))
            continue
        emit(answer)
    if gone:
        emit(Notice(level="info", text=f"{gone:,} of these pictures are no longer in the project."))


def classify_frame(session: Session, frame: Picture) -> tuple[str | None, tuple[str, ...], np.ndarray | None, float]:
    """Classify a camera's frame, uint8 [height, width, 3] in RGB: run, classes, probabilities float32 [K], seconds; None without a run."""
    model = session.live
    if model is None:
        return None, (), None, 0.0
    _call_by_names_of_now(session, model)
    probabilities, seconds = model.classify(frame)
    return model.run.record.id, model.run.classes, probabilities, seconds


def _call_by_names_of_now(session: Session, model: LiveModel) -> None:
    """Classes may have been renamed since the run was loaded."""
    project, record = session.project, model.run.record
    if project is not None and Path(record.folder).parent == project.runs_folder:
        now = named(record, project.snapshot.class_names())
        if now.classes != record.classes:
            model.run = model.run._replace(record=now)


def _in_use(session: Session) -> LiveModel:
    if session.live is None:
        raise UserError("No model is in use.", "Train one, or choose a run.")
    _call_by_names_of_now(session, session.live)
    return session.live


def _files(paths: tuple[str, ...], token: CancelToken) -> Iterator[Path]:
    for name in paths:
        path = Path(name)
        if path.is_dir():
            yield from walk(path, token)
        else:
            yield path


def _answer(model: LiveModel, picture: Picture, name: str, path: str, image: int, file: FromFile | None = None) -> Classified:
    probabilities, seconds = model.classify(picture, file)
    return Classified(
        run=model.run.record.id,
        name=name,
        path=path,
        image=image,
        picture=small(picture, SHOWN_SIDE),
        classes=model.run.classes,
        probabilities=probabilities,
        seconds=seconds,
    )


def _failed(model: LiveModel, name: str, path: str, image: int, reason: str) -> Classified:
    return Classified(
        run=model.run.record.id,
        name=name,
        path=path,
        image=image,
        picture=None,
        classes=model.run.classes,
        probabilities=None,
        seconds=0.0,
        error=reason,
    )
