"""The files below a folder, found again by what annotations call them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from engine.control import CancelToken
from engine.data.sources.folders import walk
from engine.data.sources.names import PICTURE_ENDINGS, hidden, natural, spelled


def ending_with(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """The files of a folder, not below it, whose names end so in small letters; none where there is no such folder."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []

    def wanted(name: str) -> bool:
        return name.casefold().endswith(endings) and not hidden(name)

    return [folder / name for name in sorted(filter(wanted, names), key=natural)]


class Files:
    """All files below a folder that are not hidden; paths are relative to it, with forward slashes.

    Attributes
    ----------
    root : Path
    """

    def __init__(self, root: Path, token: CancelToken) -> None:
        self.root = root
        cut = len(os.path.join(root, ""))
        paths = (os.fspath(path)[cut:].replace(os.sep, "/") for path in walk(root, token))
        self._paths = {path: None for path in paths if spelled(path)}  # in order
        self._by_name: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}

    def pictures(self) -> list[str]:
        """Those whose names end as pictures' do, in natural order."""
        return [path for path in self._paths if path.rpartition(".")[2].casefold() in PICTURE_ENDINGS]

    def ending(self, ending: str) -> list[str]:
        """Those whose names end so, in natural order."""
        return [path for path in self._paths if path.casefold().endswith(ending)]

    def __contains__(self, path: str) -> bool:
        return path in self._paths

    def find(self, name: str, near: str = "", words: Iterable[str] = ()) -> str | None:
        """The one file that is meant.

        Parameters
        ----------
        name : str
            A path, or the end of one; the ending of a picture's name may be left out.
        near : str
            The folder to look in first.
        words : iterable of str
            Where several files have the name: words that stand in the right one's folders.

        Returns
        -------
        str or None
            None where there is none, or it is not clear which.
        """
        name = name.replace("\\", "/").removeprefix("./")
        for place in (f"{near}/{name}" if near else name, name):
            if place in self._paths:
                return place
        if not self._by_name:
            self._index()
        last = name.rpartition("/")[2]
        found = [path for path in self._by_name.get(last, ()) if path.endswith(f"/{name}")]
        if not found:
            found = [path for path in self._by_stem.get(last, ()) if f"/{path}".rpartition(".")[0].endswith(f"/{name}")]
        if len(found) > 1:
            found = [path for path in found if any(word in path.casefold() for word in words)]
        return found[0] if len(found) == 1 else None

    def _index(self) -> None:
        for path in self._paths:
            self._by_name.setdefault(path.rpartition("/")[2], []).append(path)
        for path in self.pictures():
            self._by_stem.setdefault(path.rpartition("/")[2].rpartition(".")[0], []).append(path)
