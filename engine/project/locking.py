"""One writer a project: a lock of the operating system's on a file in its folder, released even when the process is killed."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

LOCK_FILE = "project.lock"
LOCKED_BYTE = 1 << 20  # beyond the text: Windows lets nobody read a locked region


class ProjectLock:
    """Held from `take` to `release`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self._descriptor: int | None = None

    def take(self) -> str:
        """Take the lock.

        Returns
        -------
        str
            Empty where this process may write; else why it may not, in a sentence.
        """
        try:
            _write_something(self._path.parent)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            return f"The project's folder cannot be written ({error.strerror})."
        try:
            _lock(descriptor)
        except OSError:
            holder = _holder(descriptor)
            os.close(descriptor)
            return f"This project is open in another Fovea window{holder}: here it can be looked at, not changed."
        with suppress(OSError):  # a full disk: the number is only told, the lock holds
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return ""

    def release(self) -> None:
        """Let another process write."""
        if self._descriptor is not None:
            os.close(self._descriptor)  # closing unlocks
            self._descriptor = None


def hold(path: Path) -> int | None:
    """Lock a file, which is made where it is missing.

    Returns
    -------
    int or None
        A descriptor: closing it unlocks, and so does the end of the process. None where somebody else holds it.

    Raises
    ------
    OSError
        If the file cannot be opened for writing.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _write_something(folder: Path) -> None:
    """See whether files can be made, by making one: SQLite needs some beside the database, and not every system tells by asking."""
    probe = folder / f".{LOCK_FILE}.{os.getpid()}"
    os.close(os.open(probe, os.O_RDWR | os.O_CREAT, 0o644))
    probe.unlink(missing_ok=True)


def _holder(descriptor: int) -> str:
    text = os.read(descriptor, 20).decode(errors="replace").strip()
    return f" (process {text})" if text.isdecimal() else ""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import errno
    import fcntl

    UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)

    def _lock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in UNSUPPORTED:  # some network drives have no locks: go without
                raise
