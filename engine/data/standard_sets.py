"""The published sets that Fovea knows: what is in them, where they come from, which files they are, and where these shall lie.

The table is resources/standard_sets.json. Addresses and checksums are those of torchvision's documentation of its data sets and of the
sets' own pages; so is the layout of folders: a folder filled by either serves both. Loads neither torch nor Qt, so that the window may
list the sets.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec

import resources


class SetFile(msgspec.Struct, frozen=True):
    """A file of a set.

    Attributes
    ----------
    path : str
        Below the root, with forward slashes.
    size : int
        Bytes, as published; 0 where unknown.
    md5 : str
        Hexadecimal; empty where none is published.
    addresses : tuple of str
        Of the same bytes, best first; none where the authors let nobody fetch it directly.
    unpack : str or None
        The folder below the root into which the archive is unpacked ("": the root); None: it is used as it is.
    inner : tuple of str
        Archives inside, below the root, unpacked afterwards into the same folder.
    """

    path: str
    size: int = 0
    md5: str = ""
    addresses: tuple[str, ...] = ()
    unpack: str | None = None
    inner: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Without its folder."""
        return self.path.rpartition("/")[2]


class StandardSet(msgspec.Struct, frozen=True):
    """A published set.

    Attributes
    ----------
    name : str
        As in commands.
    title, about : str
        As shown; what it is, in one line.
    pictures, classes : int
    shape : str
        Size of the pictures, in words.
    source : str
        Whom to cite, and under which conditions the set is given.
    page : str
        Its page on the web; empty where it has none any more.
    files : tuple of SetFile
    marks : tuple of str
        Patterns of paths below the root that are there once the set is at hand.
    reader : str
        "module:function" of (root, option, token) -> Source or None; empty: found as any folder is.
    option : str
        For the reader.
    folder : str
        The folder of the set below the root.
    """

    name: str
    title: str
    about: str
    pictures: int
    classes: int
    shape: str
    source: str
    files: tuple[SetFile, ...]
    marks: tuple[str, ...]
    folder: str
    page: str = ""
    reader: str = ""
    option: str = ""

    @property
    def size(self) -> int:
        """Bytes of all its files, as published; 0 where unknown."""
        return sum(file.size for file in self.files)

    @property
    def fetchable(self) -> bool:
        """Whether every file has an address."""
        return all(file.addresses for file in self.files)


class _Entry(StandardSet, frozen=True, forbid_unknown_fields=True):
    files: tuple[str, ...]  # type: ignore[assignment]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: int = 0
    md5: str = ""
    addresses: tuple[str, ...] = ()
    unpack: str | None = None
    inner: tuple[str, ...] = ()


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    files: dict[str, _File]
    sets: tuple[_Entry, ...]


@lru_cache(maxsize=1)
def standard_sets() -> tuple[StandardSet, ...]:
    """All sets, the small ones first."""
    table = msgspec.json.decode(resources.path("standard_sets.json").read_bytes(), type=_Table)
    files = {path: SetFile(path, file.size, file.md5, file.addresses, file.unpack, file.inner) for path, file in table.files.items()}
    return tuple(
        StandardSet(**{**msgspec.structs.asdict(entry), "files": tuple(files[path] for path in entry.files)}) for entry in table.sets
    )


def find_set(name: str) -> StandardSet | None:
    """The set of this name."""
    return next((record for record in standard_sets() if record.name == name), None)


def at_hand(record: StandardSet, folder: Path) -> Path | None:
    """The root below which a set lies complete: the folder, or one around it; None where it does not."""
    return next((root for root in (folder, *list(folder.parents)[:2]) if all(_is_there(root, mark) for mark in record.marks)), None)


def _is_there(root: Path, mark: str) -> bool:
    try:
        return next(root.glob(mark), None) is not None
    except OSError:  # a folder that nobody may read
        return False


def what_to_put(record: StandardSet, root: Path) -> str:
    """Which files to put where, as a sentence."""
    places = [str(root / file.path) for file in record.files]
    source = f" from {record.page}" if record.page else " from whoever has a copy"
    if len(places) == 1:
        return f"Get the file{source} and put it here: {places[0]}"
    return f"Get the files{source} and put them here: {', '.join(places[:-1])} and {places[-1]}"
