"""What is found: pictures with classes and splits; and how one looks for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from engine.control import CancelToken
from engine.data.decoding import read_header
from engine.data.sources.names import PICTURE_ENDINGS
from engine.data.unreadable import UnreadablePicture
from engine.project.records import Skipped, Split

Progress = Callable[[int, int], None]
Boxes = Literal["labels", "crops"]

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), Split.TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), Split.VALIDATION),
    **dict.fromkeys(("test", "testing"), Split.TEST),
}
"""Names of folders and values in tables that mean a split, in lower case."""


class Item(msgspec.Struct, frozen=True):
    """A picture as found: its locator, the index of its class (-1: none), its split, its name as shown."""

    locator: str
    label: int
    split: Split
    name: str


class Source(msgspec.Struct, frozen=True):
    """What was found. Locators of files are relative to `root`. Every class has at least one item. A project has a `digest`.

    Attributes
    ----------
    warnings : tuple of str
        Sentences about what was found.
    temporary : bool
        The files below `root` were unpacked from an archive and belong to nobody: they may be moved away, and must not be referred to
        where they lie.
    boxed : int
        Pictures that have boxes and got one label each.
    """

    name: str
    kind: str
    root: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: str = ""
    temporary: bool = False
    boxed: int = 0


class Search(msgspec.Struct, frozen=True, eq=False):
    """How one looks.

    Attributes
    ----------
    token : CancelToken
    progress : callable or None
        Called with files looked at and files in all.
    boxes : {"labels", "crops"}
        Where pictures have boxes: the class with the largest area a picture, or one cut-out a box.
    check : bool
        Read every file's header. Without, a file whose name ends as a picture's does is taken for one.
    called : str
        How errors name what is searched; the folder's path by default.
    boxed : list of int
        Numbers of pictures with boxes that got one label each, as they are found.
    """

    token: CancelToken = msgspec.field(default_factory=CancelToken)
    progress: Progress | None = None
    boxes: Boxes = "labels"
    check: bool = True
    called: str = ""
    boxed: list[int] = msgspec.field(default_factory=list)

    def tell(self, done: int, total: int) -> None:
        """Let the job be cancelled, and say how far it is."""
        self.token.check()
        if self.progress is not None:
            self.progress(done, total)

    def fault(self, path: str | Path) -> str | None:
        """Why a file is no picture, as a clause; None where it is one."""
        if not self.check and str(path).rpartition(".")[2].casefold() in PICTURE_ENDINGS:
            return None
        try:
            read_header(path)
        except UnreadablePicture as error:
            return error.reason
        return None
