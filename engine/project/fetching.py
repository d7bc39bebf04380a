"""The imports lane: what comes over the network. Standard sets and pictures by their addresses."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import msgspec

from engine import messages, places
from engine.control import CancelToken
from engine.data.addresses import fetch_picture
from engine.data.downloading import Meter, Wanted, checksum, fetch
from engine.data.sources import Item, Source, scan
from engine.data.standard_sets import SetFile, StandardSet, at_hand, find_set, what_to_put
from engine.data.unpacking import unpack
from engine.data.unreadable import UnreadablePicture
from engine.failure import UserError
from engine.messages import JobProgress
from engine.progress import PROGRESS_SECONDS, Progress
from engine.project.incoming import INCOMING, plain_name
from engine.project.records import Split
from engine.project.store import READ_ONLY_REMEDY

if TYPE_CHECKING:
    from engine.project.opened import OpenedProject
    from engine.session import Emit, Session


COPY_BYTES = 500_000_000
"""A set whose files are larger stays where it is, and the project refers to it; so do those from a copy of the user's own, all large."""

Read = Callable[[Path, str, CancelToken], "Source | None"]


def import_set(session: Session, command: messages.ImportSet, token: CancelToken, emit: Emit) -> None:
    """Take a standard set into the project; what is not at hand is fetched first."""
    from engine.project.importing import import_sources

    project = _writable(session)
    record = find_set(command.name)
    if record is None:
        raise UserError(f'There is no standard set "{command.name}".', "Choose one from the list.")
    folder = Path(command.folder).expanduser().absolute() if command.folder else places.sets()
    source = get_set(record, folder, token, emit)
    refer = (record.size > COPY_BYTES or not record.fetchable) and project.record.copy
    if refer:
        sentence = f"{record.title} is large: its files stay in {source.root}, and the project refers to them."
        source = msgspec.structs.replace(source, warnings=(*source.warnings, sentence))
    import_sources(session, (source,), token, emit, copy=False if refer else None)


def import_addresses(session: Session, command: messages.ImportAddresses, token: CancelToken, emit: Emit) -> None:
    """Take pictures from the web into the project; their content is kept as it came."""
    from engine.project.importing import import_sources

    project = _writable(session)
    incoming = project.folder / INCOMING  # on the project's disk, where what a kill leaves is taken away at the next opening
    incoming.mkdir(exist_ok=True)
    sources: list[Source] = []
    refused: list[UserError] = []
    progress = Progress(emit)
    try:
        with TemporaryDirectory(prefix="fetched ", dir=incoming) as folder:
            for number, address in enumerate(dict.fromkeys(command.addresses)):
                progress.tell(number, len(command.addresses), "Fetching pictures")
                try:
                    name, content = fetch_picture(address, token)
                except UnreadablePicture as error:
                    refused.append(error)
                    continue
                place = Path(folder, str(number))
                place.mkdir()
                place.joinpath(plain_name(name)).write_bytes(content)
                item = Item(f"file:{plain_name(name)}", -1, Split.NONE, plain_name(name))
                sources.append(Source(item.name, "file", str(place), (), (item,), temporary=True))
            import_sources(session, sources, token, emit, command.class_id, refused=refused)
    finally:
        with suppress(OSError):  # others may be using it
            incoming.rmdir()


def _writable(session: Session) -> OpenedProject:
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    return project


def get_set(record: StandardSet, folder: Path, token: CancelToken, emit: Emit) -> Source:
    """The pictures of a set, fetched and unpacked where that is needed.

    Parameters
    ----------
    record : StandardSet
        The set.
    folder : Path
        Where it lies or shall lie.
    token : CancelToken
        Looked at with every piece that is fetched or unpacked.
    emit : callable
        Takes JobProgress.

    Raises
    ------
    UserError
        If it is not at hand and cannot be fetched; the remedy names the files and where to put them.
    Cancelled
    """
    root = at_hand(record, folder)
    source = _read(record, root or folder, token) if folder.is_dir() else None
    whole = source is not None and (root is not None or not record.fetchable or len(source.items) >= record.pictures)
    if source is not None and whole:
        return source
    for file in record.files:
        _get_file(record, file, folder, token, emit)
    source = _read(record, folder, token)
    if source is None:
        raise UserError(f"The files of {record.title} in {folder} are not complete.", what_to_put(record, folder))
    return source


def _read(record: StandardSet, root: Path, token: CancelToken) -> Source | None:
    if not record.reader:
        place = next((root / part for part in (record.folder, "") if (root / part).is_dir()), root)
        return scan(place, token) if at_hand(record, root) is not None else None
    module, _, name = record.reader.partition(":")
    return cast("Read", getattr(importlib.import_module(module), name))(root, record.option, token)


def _get_file(record: StandardSet, file: SetFile, root: Path, token: CancelToken, emit: Emit) -> None:
    """Have a file of the set at hand, and unpacked where it is an archive."""
    path = next((place for place in (root / file.path, root / file.name) if place.is_file()), root / file.path)
    there = path.is_file()
    if there and file.unpack is None and path != root / file.path:
        return  # a reader looks there as well
    if there and file.md5 and checksum(path, token) != file.md5:
        raise UserError(
            f"{path} is not the file of {record.title} that it should be, or damaged.", "Move it away; it is then fetched anew."
        )
    if not there:
        if not file.addresses:
            raise UserError(f"{record.title} cannot be fetched by a program and is not in {root}.", what_to_put(record, root))
        fetch(Wanted(path, file.addresses, file.size, file.md5), token, _teller(f"Fetching {record.title}, {file.name}", emit))
    if file.unpack is not None:
        target = root / file.unpack
        unpack(path, target, token, _teller(f"Unpacking {file.name}", emit))
        for inner in file.inner:
            unpack(root / inner, target, token, _teller(f"Unpacking {inner.rpartition('/')[2]}", emit))
        if not there:  # what was fetched here takes its room only once
            path.unlink(missing_ok=True)


def _teller(text: str, emit: Emit) -> Callable[[int, int | None], None]:
    """Says at most ten times a second how far it is, how fast, and how long still."""
    meter = Meter()
    told = 0.0

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told < PROGRESS_SECONDS:
            return
        told = now
        meter.add(done)
        of = f" of {_amount(total)}" if total else ""
        emit(
            JobProgress(
                fraction=min(1.0, done / total) if total else None,
                text=f"{text}: {_amount(done)}{of}, {_amount(meter.speed)}/s",
                seconds_left=meter.seconds_left(done, total),
            )
        )

    return tell


def _amount(count: float) -> str:
    """Bytes in the unit that suits.

    Examples
    --------
    >>> _amount(170498071), _amount(5120), _amount(4996278331)
    ('170 MB', '5 kB', '5.00 GB')
    """
    if count >= 1e9:
        return f"{count / 1e9:.2f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e7 else f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
