"""Fetching files over http and https: progress, cancelling, going on after a cut, checksums, mirrors; nothing half fetched takes the name.

The bytes are read by a thread of its own, so that a silent server, a slow name server or a lost connection never delays a cancel.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from engine.control import CancelToken
from engine.data.streaming import Refused, Stream
from engine.failure import UserError

PIECE = 1 << 20
TRIES = 4  # of one address in a row that bring less than GAIN
GAIN = 1 << 16  # bytes; a server that gives some and falls silent, again and again, is given up
FULL = (errno.ENOSPC, errno.EDQUOT)
PAUSE_SECONDS = 0.25

Tell = Callable[[int, "int | None"], None]


class Wanted(msgspec.Struct, frozen=True):
    """A file to be fetched.

    Attributes
    ----------
    path : Path
        Where it shall lie.
    addresses : tuple of str
        Of the same bytes, best first.
    size : int
        Bytes; 0 where unknown.
    md5 : str
        Hexadecimal; empty where none is published.
    """

    path: Path
    addresses: tuple[str, ...]
    size: int = 0
    md5: str = ""


class _Begun(msgspec.Struct, frozen=True):
    """What is known of a part: the address it came from, its validator (ETag, else date) and the size of the whole."""

    address: str
    validator: str
    total: int | None


def fetch(wanted: Wanted, token: CancelToken, tell: Tell | None = None) -> None:
    """Fetch a file; what was fetched before a cut, a cancel or a crash is not fetched again.

    Parameters
    ----------
    wanted : Wanted
        The file.
    token : CancelToken
        Looked at some 30 times a second, also while the server is silent.
    tell : callable, optional
        Called with bytes there and bytes in all (None: unknown), for every piece.

    Raises
    ------
    UserError
        If no address gives the file, or the disk is full. The remedy names the file and where to put it.
    Cancelled
        If the token was cancelled; the part stays for the next time.
    """
    part = Path(f"{wanted.path}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _check_room(wanted, part)
        reason = "no address is known"
        for address in wanted.addresses:
            refusal = _from_address(address, wanted, part, token, tell)
            if refusal is None:
                return
            reason = refusal
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"The disk is full: {wanted.path.name} was fetched only in part.",
            f"Free some space on the disk of {part.parent} and try again.",
        ) from None
    raise UserError(f"{wanted.path.name} could not be fetched: {reason}.", put_here(wanted.path))


def put_here(path: Path) -> str:
    """The sentence that says which file to put where."""
    return f"Check the network, or get the file elsewhere and put it here: {path}"


def checksum(path: Path, token: CancelToken) -> str:
    """MD5 of a file, hexadecimal; it guards against damage, not against forgery."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            token.check()
            digest.update(piece)
    return digest.hexdigest()


def _check_room(wanted: Wanted, part: Path) -> None:
    there = part.stat().st_size if part.is_file() else 0
    free = shutil.disk_usage(part.parent).free
    if wanted.size - there > free:
        raise UserError(
            f"{wanted.path.name} has {wanted.size / 1e6:,.0f} MB, but the disk has only {free / 1e6:,.0f} MB left.",
            f"Free some space on the disk of {part.parent}, or choose a folder on another disk.",
        )


def _from_address(address: str, wanted: Wanted, part: Path, token: CancelToken, tell: Tell | None) -> str | None:
    """Try one address until it gives the file (None) or gives no more (the reason, as a clause)."""
    host = urlsplit(address).hostname or address
    reason, fruitless, spoiled = "", 0, False
    while fruitless < TRIES:
        before = part.stat().st_size if part.is_file() else 0
        try:
            _append(address, wanted, part, token, tell)
        except Refused as refusal:
            reason = f"{host} {refusal}"
            if refusal.final:
                return reason
            after = part.stat().st_size if part.is_file() else 0
            fruitless = 0 if after - before >= GAIN else fruitless + 1
            token.wait(PAUSE_SECONDS * 2**fruitless)
            token.check()
            continue
        if not wanted.md5 or checksum(part, token) == wanted.md5:
            os.replace(part, wanted.path)
            _note_of(part).unlink(missing_ok=True)
            return None
        resumed = before > 0
        _forget(part)
        reason = f"what {host} gave has another checksum"
        if spoiled or not resumed:
            return reason
        spoiled = True  # the part may have been of another file: once more, whole
    return reason


def _append(address: str, wanted: Wanted, part: Path, token: CancelToken, tell: Tell | None) -> None:
    """Fetch what is missing of a part.

    Raises
    ------
    Refused
        If the address does not give it, or the connection ends early.
    """
    there, begun = _begun(part)
    headers = {}
    if there and begun is not None:
        headers["Range"] = f"bytes={there}-"
        if begun.address == address and begun.validator:
            headers["If-Range"] = begun.validator
        elif not wanted.md5:  # of another address, and nothing would show that it is of other bytes
            headers.clear()
    with Stream(address, headers) as stream:
        answer = stream.begin(token)
        if answer.status == 416:
            if begun is not None and begun.total == there:
                return
            _forget(part)
            raise Refused("has no such part", final=False)
        if answer.kind == "text/html":  # a page that says where the file went
            raise Refused("answered with a web page", final=True)
        start, total = _placed(answer.status, answer.headers.get("Content-Range", ""), answer.length)
        if start not in (0, there) or (start and begun is not None and begun.total not in (None, total)):
            _forget(part)
            raise Refused("sent another part than it was asked for", final=False)
        validator = answer.headers.get("ETag", "")
        if not validator or validator.startswith("W/"):  # a weak one does not promise the same bytes
            validator = answer.headers.get("Last-Modified", "")
        _note_of(part).write_bytes(msgspec.json.encode(_Begun(address, validator, total)))
        done = start
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for piece in stream.pieces(token):
                file.write(piece)
                done += len(piece)
                if tell is not None:
                    tell(done, total or wanted.size or None)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and done < total:
        raise Refused(f"ended after {done / 1e6:,.1f} of {total / 1e6:,.1f} MB", final=False)


def _placed(status: int, content_range: str, length: int | None) -> tuple[int, int | None]:
    """Where the bytes of an answer begin, and how many the whole file has."""
    if status != 206:
        return 0, length
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range.strip())
    if match is None:
        return -1, None
    return int(match[1]), None if match[3] == "*" else int(match[3])


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _begun(part: Path) -> tuple[int, _Begun | None]:
    """Bytes that are there already, and of what; a part without its note cannot be gone on with."""
    try:
        there = part.stat().st_size
        return there, msgspec.json.decode(_note_of(part).read_bytes(), type=_Begun)
    except (OSError, msgspec.DecodeError):
        return 0, None


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note_of(part).unlink(missing_ok=True)


class Meter:
    """Bytes a second and seconds left, over the last seconds, so that a pause shows.

    Examples
    --------
    >>> meter = Meter()
    >>> meter.seconds_left(0, 100) is None
    True
    """

    SPAN = 5.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marks: list[tuple[float, int]] = []

    def add(self, done: int) -> None:
        """Note how many bytes are there now; fewer than before begin anew."""
        now = self._clock()
        if self._marks and done < self._marks[-1][1]:
            self._marks.clear()
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > self.SPAN:
            self._marks.pop(0)

    @property
    def speed(self) -> float:
        """Bytes a second; 0 until two moments are known."""
        if len(self._marks) < 2:
            return 0.0
        (begun, first), (now, last) = self._marks[0], self._marks[-1]
        return (last - first) / (now - begun) if now > begun else 0.0

    def seconds_left(self, done: int, total: int | None) -> float | None:
        """Estimated; None where nothing is known."""
        return (total - done) / self.speed if total is not None and self.speed > 0 else None
