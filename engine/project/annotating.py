"""COCO JSON beside a folder of pictures.

A label is an annotation whose box is the whole picture, so that programs that need a box can read it as well; cut-outs become boxes in the
picture that they were cut from. Where there are splits, each has a file of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.data.decoding import UnreadablePicture, read_header
from engine.data.locators import parted, read_located
from engine.project.outgoing import FolderTarget, Names, Outgoing, unreachable, writing_folder
from engine.project.records import Split

if TYPE_CHECKING:
    from engine.project.exporting import Writing

FOLDER = "images"
FILES = {
    Split.NONE: "annotations.json",
    Split.TRAIN: "annotations_train.json",
    Split.VALIDATION: "annotations_validation.json",
    Split.TEST: "annotations_test.json",
}


class _Image(msgspec.Struct, frozen=True):
    id: int
    file_name: str
    width: int
    height: int


class _Annotation(msgspec.Struct, frozen=True):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[int, int, int, int]
    area: int
    iscrowd: int = 0


class _Category(msgspec.Struct, frozen=True):
    id: int
    name: str
    supercategory: str = ""


class _Coco(msgspec.Struct, frozen=True):
    info: dict[str, str]
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


class _Written(msgspec.Struct, frozen=True):
    """A file in the folder: its name and its size in pixels."""

    name: str
    width: int
    height: int


def write_coco(writing: Writing) -> None:
    """The files of all splits, and the pictures in a folder beside them."""
    used = {picture.class_name for picture in writing.pictures}
    categories = [_Category(number, name) for number, name in enumerate((name for name in writing.classes if name in used), 1)]
    numbers = {category.name: category.id for category in categories}
    parts: dict[Split, _Coco] = {}
    images: dict[tuple[Split, str], int] = {}
    with writing_folder(writing.path, writing.folder) as folder:
        pictures = _Pictures(writing, FolderTarget(folder))
        for picture in writing.pictures:
            found = pictures.write(picture)
            if found is None:
                continue
            coco = parts.setdefault(picture.split, _Coco({"description": writing.name}, [], [], categories))
            key = (picture.split, found.name)
            if key not in images:
                images[key] = len(coco.images) + 1
                coco.images.append(_Image(images[key], f"{FOLDER}/{found.name}", found.width, found.height))
            if picture.class_name:
                box = _box(picture, found)
                number = len(coco.annotations) + 1
                coco.annotations.append(_Annotation(number, images[key], numbers[picture.class_name], box, box[2] * box[3]))
        for split, coco in parts.items():
            (folder / FILES[split]).write_bytes(msgspec.json.encode(coco))


class _Pictures:
    """Writes each file once, however many cut-outs it has."""

    def __init__(self, writing: Writing, target: FolderTarget) -> None:
        self._writing, self._target = writing, target
        self._names = Names()
        self._sources: dict[str, _Written] = {}

    def write(self, picture: Outgoing) -> _Written | None:
        """The file that shows a picture; None where it cannot be read."""
        kind, place, _ = parted(picture.locator)
        whole = picture
        if kind == "crop":  # the picture that it was cut from
            whole = Outgoing(f"file:{place}", Path(place).name, "", Split.NONE, False, 0, 0)
        known = self._sources.get(whole.locator)
        if known is not None:
            self._writing.note(picture, None)
            return known
        size = self._size(whole)
        if isinstance(size, str):
            self._writing.note(picture, size)
            return None
        name = self._names.of_picture("", whole, self._writing.root)
        if not self._writing.put(whole, self._target, f"{FOLDER}/{name}"):
            return None
        self._sources[whole.locator] = written = _Written(name, *size)
        return written

    def _size(self, picture: Outgoing) -> tuple[int, int] | str:
        """Width and height, or why there are none, as a clause."""
        file = picture.file(self._writing.root)
        if picture.width or picture.unreadable:
            return picture.width, picture.height
        try:
            if file is not None:
                reason = unreachable(file)
                if reason is not None:
                    return reason
                header = read_header(file)
                return header.width, header.height
            height, width = read_located(picture.locator, self._writing.root).shape[:2]
            return width, height
        except UnreadablePicture as error:
            return error.reason


def _box(picture: Outgoing, found: _Written) -> tuple[int, int, int, int]:
    kind, _, part = parted(picture.locator)
    if kind == "crop":
        left, top, width, height = (int(number) for number in part.split(","))
        return left, top, width, height
    return 0, 0, found.width, found.height
