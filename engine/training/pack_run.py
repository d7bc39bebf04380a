"""The command PackRun: a run of the open project, packed to be trained on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine import messages
from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import RunPacked
from engine.project.run_changes import run_of
from engine.training import packed

if TYPE_CHECKING:
    from engine.session import Emit, Session


def pack_run(session: Session, command: messages.PackRun, token: CancelToken, emit: Emit) -> None:
    """Answer PackRun; what is not written whole is not there.

    Raises
    ------
    UserError
        If the run is none that can be trained anew, its pictures cannot be read, or the place cannot be written.
    Cancelled
        If it was cancelled.
    """
    project = session.opened()
    record, out = run_of(project, command.run), Path(command.path).absolute()
    if record.members or not record.parameters:
        what = "an ensemble" if record.members else "without a network"
        raise UserError(f'"{record.title}" is {what}, which is not trained elsewhere.', "Choose a run that learns by gradients.")
    if project.folder.resolve() in (place := out.resolve(), *place.parents):
        raise UserError(f"{out} lies in the project's own folder.", "Choose a place outside of it.")
    wanted = packed.of_run(Path(record.folder))
    try:
        packed.pack(wanted, out, token, emit)
        size = size_of(out)
    except OSError as error:
        raise UserError(f"{out} could not be written ({error.strerror or error}).", "Choose another place.") from None
    emit(RunPacked(run=command.run, path=str(out), pictures=len(wanted.dataset.labels), bytes=size))


def size_of(out: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in (out.rglob("*") if out.is_dir() else (out,)) if file.is_file())
