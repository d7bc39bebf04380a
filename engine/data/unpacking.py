"""Unpacking the archives of standard sets: all of it or nothing, plain files and folders alone, nothing outside the folder."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from engine.control import CancelToken
from engine.data.downloading import FULL, put_here
from engine.failure import UserError

PIECE = 1 << 20
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)

Tell = Callable[[int, int], None]
Member = tuple[str, Callable[[], IO[bytes] | None]]


def unpack(archive: Path, folder: Path, token: CancelToken, tell: Tell | None = None) -> None:
    """Unpack a tar (packed or not) or a zip.

    What is unpacked lies in a folder beside the archive until all of it is there; what a killed program left there is taken away.

    Parameters
    ----------
    archive : Path
        The archive.
    folder : Path
        Where its files and folders go; those that are there already are joined, files of the same name replaced.
    token : CancelToken
        Looked at for every piece.
    tell : callable, optional
        Called with bytes read of the archive and its size.

    Raises
    ------
    UserError
        If the archive is damaged, holds what does not belong into a set, or the disk is full.
    Cancelled
    """
    half = archive.with_name(f".{archive.name}.unpacking")
    shutil.rmtree(half, ignore_errors=True)
    try:
        half.mkdir(parents=True)
        size = archive.stat().st_size
        with archive.open("rb") as stream:
            for name, opened in _members(stream, archive.name):
                token.check()
                _write(half, name, opened, token, archive)
                if tell is not None:
                    tell(min(stream.tell(), size), size)
        folder.mkdir(parents=True, exist_ok=True)
        _join(half, folder)
    except DAMAGE as error:
        raise UserError(f"{archive.name} is damaged ({error}).", f"Delete it and get it anew. {put_here(archive)}") from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"The disk is full: {archive.name} was not unpacked.", f"Free some space on the disk of {archive.parent} and try again."
        ) from None
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _members(stream: IO[bytes], name: str) -> Iterator[Member]:
    """The files of an archive in their order, each with what opens it."""
    if zipfile.is_zipfile(stream):
        stream.seek(0)
        with zipfile.ZipFile(stream) as packed:
            for entry in packed.infolist():
                if not entry.is_dir():
                    yield entry.filename, lambda entry=entry: packed.open(entry)  # type: ignore[misc]
        return
    stream.seek(0)
    with tarfile.open(fileobj=stream, mode="r:*") as unpacked:
        for member in unpacked:
            if member.isfile():
                yield member.name, lambda member=member: unpacked.extractfile(member)  # type: ignore[misc]
            elif not member.isdir():
                raise ValueError(f"{member.name} is a link or a device")


def _write(base: Path, name: str, opened: Callable[[], IO[bytes] | None], token: CancelToken, archive: Path) -> None:
    place = PurePosixPath(name.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or re.match(r"[A-Za-z]:", name):
        raise ValueError(f"{name} would lie outside its folder")
    target = base.joinpath(*place.parts)
    source = opened()
    if source is None or target == base:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as file:
        while piece := source.read(PIECE):
            token.check()
            file.write(piece)


def _join(source: Path, folder: Path) -> None:
    """Move everything into a folder; folders that are there on both sides become one."""
    for entry in sorted(source.iterdir()):
        target = folder / entry.name
        if entry.is_dir() and target.is_dir():
            _join(entry, target)
        else:
            os.replace(entry, target)
