"""What an archive may put where: names that lead elsewhere, links and bombs are not followed."""

from __future__ import annotations

import re
import stat
import struct
import sys
import zipfile
from pathlib import Path

from engine.data.sources.names import hidden
from engine.failure import UserError

ENTRY_LIMIT = 2_000_000
ENTRY_BYTES = 4_000_000_000
LARGE = 100_000_000  # bytes; what unpacks to less harms nobody
RATIO = 250  # pictures hardly pack; zeros pack 1,000 times
TAIL = 22 + 65_535 + 20  # the record at an archive's end, its comment, and where a zip64 archive says that it is one
UTF_8 = 0x800
ENCRYPTED = 0x1
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*]' if sys.platform == "win32" else r"\x00")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def name_of(entry: zipfile.ZipInfo) -> str:
    """The name of an entry with forward slashes. Names that are not marked as UTF-8 but are UTF-8 are read as such."""
    name = entry.filename
    if not entry.flag_bits & UTF_8 and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:  # a name of an old system's; its letters may come out as others
            name = entry.filename
    return name.replace("\\", "/")


def place_of(name: str) -> tuple[str, ...]:
    """The folders and the name of an entry below the folder in which the archive is unpacked; empty where it is hidden.

    Raises
    ------
    ValueError
        With a clause, where the entry would lie elsewhere.
    """
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise ValueError("would lie outside (its path is absolute)")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError("would lie outside (its path holds ..)")
    if any(hidden(part) for part in parts):
        return ()
    return tuple(_allowed(part) for part in parts)


def fault_of(entry: zipfile.ZipInfo) -> str:
    """Why an entry is not unpacked, as a clause; empty where it is."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a link, which is not followed"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is not a file"
    if entry.flag_bits & ENCRYPTED:
        return "is encrypted"
    if entry.compress_type not in READABLE:
        return f"is packed by method {entry.compress_type}, which cannot be read here"
    if entry.file_size > ENTRY_BYTES:
        return f"has {entry.file_size / 1e9:,.0f} GB, more than the limit of {ENTRY_BYTES / 1e9:,.0f} GB"
    return ""


def is_bomb(packed: int, unpacked: int) -> bool:
    """Whether so few bytes would become so many that no pictures can be in them."""
    return unpacked > LARGE and unpacked > RATIO * max(1, packed)


def check_count(path: Path) -> None:
    """Read only the record at an archive's end, so that a list of entries that would fill the memory is never read.

    The format is that of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.14 to 4.3.16.

    Raises
    ------
    UserError
        If there are too many entries, or the record is missing.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(4)
        stream.seek(max(0, size - TAIL))
        tail = stream.read()
        at = tail.rfind(b"PK\x05\x06")
        if size == 0:
            raise UserError(f"{path.name} is empty (0 bytes).", "Get it anew from where it came.")
        if at < 0 or len(tail) < at + 22:
            if start.startswith(b"PK"):
                raise UserError(f"{path.name} is cut off: the end of the archive is missing.", "Get it anew from where it came.")
            raise UserError(f"{path.name} is not a zip archive.", "Unpack it with the program that made it, and choose the folder.")
        entries, directory = struct.unpack_from("<HI", tail, at + 10)
        locator = tail.rfind(b"PK\x06\x07", 0, at)
        if locator >= 0 and len(tail) >= locator + 16:
            stream.seek(min(size, struct.unpack_from("<Q", tail, locator + 8)[0]))
            record = stream.read(56)
            if len(record) == 56 and record.startswith(b"PK\x06\x06"):
                entries, directory = struct.unpack_from("<QQ", record, 32)
    if max(entries, directory // 150) > ENTRY_LIMIT:  # an entry takes 46 bytes and its name
        count = f"{entries:,}" if entries > ENTRY_LIMIT else "too many"
        raise UserError(f"{path.name} holds {count} files, more than the limit of {ENTRY_LIMIT:,}.", "Unpack it, and import it in parts.")


def _allowed(part: str) -> str:
    """A name that this system allows."""
    part = FORBIDDEN.sub("_", part)
    if sys.platform == "win32":
        part = part.rstrip(" .") or "_"
        return f"_{part}" if RESERVED.match(part) else part
    return part
