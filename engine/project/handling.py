"""The store lane's commands: open and close projects, label, undo, remember. Events follow the commit, never precede it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from engine import messages, places
from engine.control import CancelToken
from engine.data.locators import read_located
from engine.data.looks import measured
from engine.data.sources import digits_source
from engine.failure import UserError
from engine.messages import Event, HistoryLoaded, ProjectClosed, ProjectOpened
from engine.project import class_changes, networks, picture_changes, runs
from engine.project.opened import Arrival, OpenedProject
from engine.project.run_changes import empty_deleted, run_of
from engine.project.store import FILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.data.sources import Item
    from engine.session import Emit, Session

RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def open_project(session: Session, command: messages.OpenProject, token: CancelToken, emit: Emit) -> None:
    """Open the project in a folder, in the place of the one that is open."""
    folder = Path(command.folder).absolute()
    if session.project is not None and session.project.folder == folder and not session.project.record.read_only:
        _tell_opened(session.project, emit)
        return
    _exchange(session, OpenedProject(folder), emit)


def new_project(session: Session, command: messages.NewProject, token: CancelToken, emit: Emit) -> None:
    """Make and open an empty project."""
    name = command.name.strip()
    if not name:
        raise UserError("A project needs a name.", "Type one.")
    folder = Path(command.folder).absolute() if command.folder else _free_folder(places.projects(), name)
    if (folder / FILE).exists():
        raise UserError(f"There is a project in {folder} already.", "Open it, or choose another folder.")
    _exchange(session, OpenedProject(folder, create=True, name=name, copy=command.copy), emit)


def open_sample(session: Session, command: messages.OpenSample, token: CancelToken, emit: Emit) -> None:
    """Open the project of a bundled sample; made on the first time."""
    if command.sample != "digits":
        raise UserError(f'There is no sample "{command.sample}".', 'Choose "digits".')
    folder = places.projects() / "Digits"
    if session.project is not None and session.project.folder == folder.absolute():
        _tell_opened(session.project, emit)
        return
    project = OpenedProject(folder, create=True, name="Digits")
    if not project.record.read_only and not project.store.meta("filled"):
        source = digits_source()
        project.add_images("Digits", [_digit(item, source.classes[item.label]) for item in source.items])
        project.store.forget_history()
        project.store.set_meta("filled", "digits")
    _exchange(session, project, emit)


def close_project(session: Session, command: messages.CloseProject, token: CancelToken, emit: Emit) -> None:
    """Close the open project, if any."""
    if session.project is not None:
        session.project.close()
        session.project = None
    session.pinned = None
    emit(ProjectClosed())


def set_labels(session: Session, command: messages.SetLabels, token: CancelToken, emit: Emit) -> None:
    """Give pictures a class, or none."""
    _tell(session.opened().set_labels(command.images, command.class_id), emit)


def label_each(session: Session, command: messages.LabelEach, token: CancelToken, emit: Emit) -> None:
    """Give each picture a class of its own."""
    _tell(session.opened().label_each(command.images, command.class_ids), emit)


def add_class(session: Session, command: messages.AddClass, token: CancelToken, emit: Emit) -> None:
    """Make a class."""
    _tell(session.opened().add_class(command.name), emit)


def rename_class(session: Session, command: messages.RenameClass, token: CancelToken, emit: Emit) -> None:
    """Give a class another name."""
    _tell(class_changes.rename_class(session.opened(), command.class_id, command.name), emit)


def delete_class(session: Session, command: messages.DeleteClass, token: CancelToken, emit: Emit) -> None:
    """Take a class away; its pictures become unlabelled."""
    _tell(class_changes.delete_class(session.opened(), command.class_id), emit)


def merge_classes(session: Session, command: messages.MergeClasses, token: CancelToken, emit: Emit) -> None:
    """Make one class of several."""
    _tell(class_changes.merge_classes(session.opened(), command.classes, command.into), emit)


def move_class(session: Session, command: messages.MoveClass, token: CancelToken, emit: Emit) -> None:
    """Put a class at another place in the order."""
    _tell(class_changes.move_class(session.opened(), command.class_id, command.place), emit)


def colour_class(session: Session, command: messages.ColourClass, token: CancelToken, emit: Emit) -> None:
    """Give a class another colour."""
    _tell(class_changes.colour_class(session.opened(), command.class_id, command.colour), emit)


def set_class_key(session: Session, command: messages.SetClassKey, token: CancelToken, emit: Emit) -> None:
    """Let a letter label with a class."""
    _tell(class_changes.set_class_key(session.opened(), command.class_id, command.key), emit)


def set_splits(session: Session, command: messages.SetSplits, token: CancelToken, emit: Emit) -> None:
    """Put pictures into a split."""
    _tell(picture_changes.set_splits(session.opened(), command.images, command.split), emit)


def set_flags(session: Session, command: messages.SetFlags, token: CancelToken, emit: Emit) -> None:
    """Set or clear marks of the user's."""
    _tell(picture_changes.set_flags(session.opened(), command.images, command.flags, command.on), emit)


def set_note(session: Session, command: messages.SetNote, token: CancelToken, emit: Emit) -> None:
    """Write a note to a picture."""
    _tell(picture_changes.set_note(session.opened(), command.image, command.text), emit)


def divide(session: Session, command: messages.Divide, token: CancelToken, emit: Emit) -> None:
    """Divide all labelled pictures anew."""
    _tell(picture_changes.divide(session.opened(), command.division, command.own_too), emit)


def remove_images(session: Session, command: messages.RemoveImages, token: CancelToken, emit: Emit) -> None:
    """Take pictures out of the project."""
    _tell(session.opened().remove_images(command.images), emit)


def undo(session: Session, command: messages.Undo, token: CancelToken, emit: Emit) -> None:
    """Take the last change back."""
    _tell(session.opened().undo(), emit)


def redo(session: Session, command: messages.Redo, token: CancelToken, emit: Emit) -> None:
    """Do again what was taken back last."""
    _tell(session.opened().redo(), emit)


def remember(session: Session, command: messages.Remember, token: CancelToken, emit: Emit) -> None:
    """Keep a word of the window's; a project that can only be read keeps none, which is no failure."""
    project = session.project
    if project is not None and not project.record.read_only:
        project.store.remember(command.key, command.value)


def load_history(session: Session, command: messages.LoadHistory, token: CancelToken, emit: Emit) -> None:
    """Read a run's curves."""
    emit(HistoryLoaded(history=runs.load_history(run_of(session.opened(), command.run).folder)))


def pin_unit(session: Session, command: messages.PinUnit, token: CancelToken, emit: Emit) -> None:
    """Let trainings probe a unit after every epoch; an empty layer ends it."""
    session.pinned = command if command.layer else None


def _digit(item: Item, class_name: str) -> Arrival:
    return Arrival(item.locator, item.name, class_name, look=measured(read_located(item.locator, "")))


def _exchange(session: Session, project: OpenedProject, emit: Emit) -> None:
    """Close what is open, but only after the new one stands."""
    if session.project is not None:
        session.project.close()
    session.project = project
    session.pinned = None
    _tell_opened(project, emit)
    empty_deleted(project, emit)


def _tell_opened(project: OpenedProject, emit: Emit) -> None:
    snapshot = project.snapshot
    emit(
        ProjectOpened(
            project=project.record,
            classes=snapshot.classes,
            images=snapshot.table,
            runs=project.runs(),
            memory=project.store.memory(),
            notes=snapshot.notes,
        )
    )
    emit(project.history())
    emit(networks.read(project.folder).event())


def _tell(events: Iterable[Event], emit: Emit) -> None:
    for event in events:
        emit(event)


def _free_folder(parent: Path, name: str) -> Path:
    """A folder that does not exist yet, named after the project as far as the system allows."""
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")[:80] or "Project"
    if RESERVED.match(plain):
        plain = f"_{plain}"
    folder, number = parent / plain, 2
    while folder.exists():
        folder, number = parent / f"{plain} {number}", number + 1
    return folder
