"""Zip archives: unpacked with care into a folder, whole or not at all; then they are what that folder is."""

from __future__ import annotations

import errno
import hashlib
import lzma
import os
import shutil
import time
import uuid
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine import places
from engine.data.sources.entries import check_count, fault_of, is_bomb, name_of, place_of
from engine.data.sources.names import readable
from engine.data.sources.records import Search
from engine.failure import UserError
from engine.project.records import Skipped

ENDING = ".zip"
RESERVE = 1_000_000_000  # bytes of the disk that stay free
KEPT = 5  # unpacked archives in the cache
OLD_SECONDS = 86_400.0  # after which a part that nobody finished is taken away
PIECE = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)
# What zipfile and its decoders raise on damaged entries; bz2 raises OSError.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


class Unpacked(msgspec.Struct, frozen=True):
    """An archive on disk: what was left out, and by how many files and bytes one sees that all is still there."""

    skipped: tuple[Skipped, ...]
    files: int
    size: int


def unpack(path: Path, search: Search, folder: Path | None = None) -> tuple[Path, tuple[Skipped, ...]]:
    """Unpack an archive.

    Archives in it are unpacked as well, into folders of their names; those in these are left as they are.

    Parameters
    ----------
    path : Path
        The archive.
    search : Search
        Its token is checked with every piece; its progress tells entries.
    folder : Path, optional
        New or empty; by default one in the user's cache, which serves again as long as the archive is the same.

    Returns
    -------
    tuple of (Path, tuple of Skipped)
        The folder, and the entries that were not unpacked.

    Raises
    ------
    UserError
        If the archive is damaged, a bomb, or too large for the disk. Nothing is left behind then.
    Cancelled
        If the token was cancelled. Nothing is left behind then.
    """
    status = path.stat()
    cached = folder is None
    if folder is None:
        key = f"{path}\0{status.st_size}\0{status.st_mtime_ns}".encode("utf-8", "surrogateescape")
        folder = places.cache() / "unpacked" / hashlib.blake2b(key, digest_size=16).hexdigest()
        kept = _kept(folder)
        if kept is not None:
            return folder, kept.skipped
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"The folder {folder} is not empty.", "Choose a new one.")
    part = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.mkdir(parents=True)
        unpacking = _Unpacking(path, part, search)
        unpacking.run()
        if cached:
            _mark(folder).write_bytes(msgspec.json.encode(Unpacked(tuple(unpacking.skipped), *_measured(part))))
        if folder.exists():
            folder.rmdir()
        os.replace(part, folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if error.errno in FULL:
            raise UserError(f"The disk is full: {path.name} could not be unpacked.", "Free some space and try again.") from None
        raise
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    if cached:
        _tidy(folder)
    return folder, tuple(unpacking.skipped)


class _Unpacking:
    def __init__(self, path: Path, folder: Path, search: Search) -> None:
        self._path, self._folder, self._search = path, folder, search
        free = shutil.disk_usage(folder).free
        self._room = max(0, free - min(RESERVE, free // 10))
        self.skipped: list[Skipped] = []

    def run(self) -> None:
        """Unpack the archive, then the archives in it."""
        taken = self._unpack(self._path, self._folder, "")
        for inner in [file for file in taken if file.suffix.casefold() == ENDING]:
            shown = f"{inner.relative_to(self._folder).as_posix()}/"
            place = inner.with_suffix("") if not inner.with_suffix("").exists() else inner.with_name(f"{inner.name} unpacked")
            try:
                place.mkdir()
                for deeper in self._unpack(inner, place, shown):
                    if deeper.suffix.casefold() == ENDING:
                        self._leave(shown + deeper.relative_to(place).as_posix(), "is an archive in an archive in an archive")
                        deeper.unlink()
            except UserError as error:
                shutil.rmtree(place, ignore_errors=True)
                self._leave(shown.rstrip("/"), f"is an archive that was not unpacked: {error.message.rstrip('.')}")
            inner.unlink()

    def _unpack(self, path: Path, folder: Path, shown: str) -> list[Path]:
        """The files of one archive, on disk."""
        check_count(path)
        try:
            with zipfile.ZipFile(path) as archive:
                return self._take(archive, path, folder, shown)
        except zipfile.BadZipFile as error:
            reason = str(error).rstrip(".")
            raise UserError(f"{path.name} is damaged or cut off ({reason}).", "Get it anew from where it came.") from None

    def _take(self, archive: zipfile.ZipFile, path: Path, folder: Path, shown: str) -> list[Path]:
        chosen: list[tuple[zipfile.ZipInfo, Path]] = []
        left = len(self.skipped)
        for entry in archive.infolist():
            self._search.token.check()
            name = name_of(entry)
            try:
                parts = place_of(name)
            except ValueError as error:
                self._leave(shown + name, str(error))
                continue
            if not parts or name.endswith("/"):
                continue
            fault = fault_of(entry)
            if fault:
                self._leave(shown + name, fault)
            else:
                chosen.append((entry, folder.joinpath(*parts)))
        self._check_size(path, chosen)
        if not chosen and len(self.skipped) > left:
            first = self.skipped[left]
            remedy = "Unpack it with its password, and choose the folder." if "encrypted" in first.reason else "Choose another archive."
            raise UserError(f"Nothing in {path.name} can be unpacked: {first.file} {first.reason}.", remedy)
        taken = []
        for number, (entry, place) in enumerate(chosen):
            self._search.tell(number, len(chosen))
            if self._write(archive, entry, place, shown):
                taken.append(place)
        return taken

    def _check_size(self, path: Path, chosen: list[tuple[zipfile.ZipInfo, Path]]) -> None:
        total = sum(entry.file_size for entry, _ in chosen)
        packed = path.stat().st_size
        if is_bomb(packed, total) or any(is_bomb(entry.compress_size, entry.file_size) for entry, _ in chosen):
            sizes = f"{_bytes(packed)} would become {_bytes(total)}"
            raise UserError(f"{path.name} is not unpacked: {sizes}, which no pictures do.", "Unpack it yourself if you trust it.")
        if total > self._room:
            sizes = f"it needs {_bytes(total)}, and {_bytes(self._room)} of the disk can be used"
            raise UserError(f"{path.name} does not fit: {sizes}.", "Free some space and try again.")
        self._room -= total

    def _write(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path, shown: str) -> bool:
        name = shown + name_of(entry)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            target = place.open("xb")
        except FileExistsError:
            self._leave(name, "is in the archive more than once, or has the name of a folder there")
            return False
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._leave(name, f"has a name that this system does not take ({reason})")
            return False
        with target:
            whole = self._copy(archive, entry, target)
        if not whole:
            place.unlink(missing_ok=True)
            self._leave(name, "is damaged in the archive")
        return whole

    def _copy(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: BinaryIO) -> bool:
        """Whether the entry could be read to its end."""
        try:
            source = archive.open(entry)
        except DAMAGED:
            return False
        with source:
            while True:
                self._search.token.check()
                try:
                    piece = source.read(PIECE)
                except DAMAGED:
                    return False
                if not piece:
                    return True
                target.write(piece)

    def _leave(self, name: str, reason: str) -> None:
        self.skipped.append(Skipped(readable(name), reason))


def _bytes(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 1e3:,.1f} kB"


# ---------------------------------------------------------------- what is kept


def _mark(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _measured(folder: Path) -> tuple[int, int]:
    """Number of files and their bytes."""
    sizes = [os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names]
    return len(sizes), sum(sizes)


def _kept(folder: Path) -> Unpacked | None:
    """What was unpacked earlier, if all of it is still there."""
    try:
        kept = msgspec.json.decode(_mark(folder).read_bytes(), type=Unpacked)
        whole = folder.is_dir() and _measured(folder) == (kept.files, kept.size)
        if whole:
            os.utime(_mark(folder))
    except (OSError, msgspec.MsgspecError):
        return None
    return kept if whole else None


def _tidy(newest: Path) -> None:
    """Take away what was not used for longest, and parts of long ago."""
    times = {}
    for entry in os.scandir(newest.parent):
        try:
            mark = _mark(Path(entry.path))
            times[entry.path] = mark.stat().st_mtime if mark.exists() else entry.stat().st_mtime
        except OSError:
            continue
    folders = [path for path in times if not path.endswith((".part", ".json")) and path != str(newest)]
    doomed = sorted(folders, key=times.__getitem__)[: max(0, len(folders) - KEPT + 1)]
    doomed += [path for path, then in times.items() if path.endswith(".part") and then < time.time() - OLD_SECONDS]
    for path in doomed:
        shutil.rmtree(path, ignore_errors=True)
        _mark(Path(path)).unlink(missing_ok=True)
