"""COCO JSON (Lin et al. 2014, cocodataset.org/#format-data): lists of images, annotations and categories."""

from __future__ import annotations

import mmap
from pathlib import Path

import msgspec

from engine.data.sources.boxes import WHOLE, Box, Boxed, rows_of
from engine.data.sources.files import Files, ending_with
from engine.data.sources.labelled import source_of, split_in, split_of, without_lonely_split
from engine.data.sources.records import SPLIT_NAMES, Search, Source
from engine.failure import UserError
from engine.project.records import Skipped

ENDING = ".json"
FOLDERS = ("", "annotations", "Annotations", *SPLIT_NAMES)
KEYS = (b'"images"', b'"annotations"', b'"categories"')
REMEDY = 'A COCO file is a JSON object with the lists "images", "annotations" and "categories".'

Id = int | str


class _Image(msgspec.Struct, frozen=True, gc=False):
    id: Id
    file_name: str


class _Annotation(msgspec.Struct, frozen=True):
    image_id: Id
    category_id: Id
    bbox: list[float] | None = None
    iscrowd: int = 0


class _Category(msgspec.Struct, frozen=True, gc=False):
    id: Id
    name: str


class _Coco(msgspec.Struct, frozen=True):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def find(folder: Path, search: Search) -> Source | None:
    """The pictures that the COCO files of a folder describe; None where there is no such file."""
    files: dict[str, Path] = {}  # by their real paths: some systems have one name for "annotations" and "Annotations"
    for name in FOLDERS:
        for path in ending_with(folder / name, (ENDING,)):
            if _looks_so(path):
                files.setdefault(str(path.resolve()), path)
    chosen = [path for path in files.values() if path.stem.startswith("instances")] or list(files.values())
    return _read(folder, chosen, search) if chosen else None


def read(path: Path, search: Search) -> Source:
    """The pictures that one COCO file describes; they lie beside or below it, or beside the folder annotations/.

    Raises
    ------
    UserError
        If it is no COCO file, contradicts itself, or none of its pictures is there.
    """
    return _read(path.parent.parent if path.parent.name.casefold() == "annotations" else path.parent, [path], search)


def _looks_so(path: Path) -> bool:
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return all(data.find(key) >= 0 for key in KEYS)
    except (OSError, ValueError):  # an empty file cannot be mapped
        return False


def _read(root: Path, paths: list[Path], search: Search) -> Source:
    parsed = [(path, _parse(path)) for path in paths]
    files = Files(root, search.token)
    pictures: list[Boxed] = []
    skipped: list[Skipped] = []
    warnings: list[str] = []
    order: list[str] = []
    for path, coco in parsed:
        search.token.check()
        order += [category.name for category in coco.categories]
        pictures += _pictures(path, coco, files, search, skipped, warnings)
    rows = rows_of(pictures, root, search, skipped, warnings)
    return source_of(root.name, "COCO", root, without_lonely_split(rows), skipped, warnings, order)


def _parse(path: Path) -> _Coco:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Coco)
    except msgspec.ValidationError as error:
        raise UserError(f"{path.name} is no COCO file: {str(error)[:1].lower()}{str(error)[1:]}.", REMEDY) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path.name} is not valid JSON: {error}.", "It may be cut off: get it anew from where it came.") from None


def _pictures(path: Path, coco: _Coco, files: Files, search: Search, skipped: list[Skipped], warnings: list[str]) -> list[Boxed]:
    names = {category.id: category.name for category in coco.categories}
    boxes: dict[Id, list[Box]] = {image.id: [] for image in coco.images}
    stray = crowds = 0
    for number, annotation in enumerate(coco.annotations):
        class_name = names.get(annotation.category_id)
        if class_name is None:
            raise UserError(
                f"{path.name} contradicts itself: annotation {number + 1:,} has category {annotation.category_id}, which is not listed.",
                "Add the category to the file, or take the annotation out.",
            )
        mine = boxes.get(annotation.image_id)
        if mine is None:
            stray += 1
        elif annotation.iscrowd and search.boxes == "crops":
            crowds += 1
        elif not annotation.bbox:
            mine.append(Box(class_name, *WHOLE))
        elif len(annotation.bbox) != 4:
            raise UserError(f"{path.name} is no COCO file: annotation {number + 1:,} has a box of {len(annotation.bbox)} numbers.", REMEDY)
        else:
            mine.append(Box(class_name, *annotation.bbox))
    if stray:
        warnings.append(f"{path.name}: {stray:,} annotations belong to pictures that are not listed.")
    if crowds:
        warnings.append(f"{path.name}: {crowds:,} boxes around crowds gave no cut-out.")
    near = path.parent.relative_to(files.root).as_posix() if path.parent != files.root else ""
    split = split_in(path.stem) or split_of(near)
    words = [word for word, meant in SPLIT_NAMES.items() if meant == split]
    result = []
    for image in coco.images:
        place = files.find(image.file_name, near, words)
        if place is None:
            skipped.append(Skipped(image.file_name, "is not there"))
        else:
            result.append(Boxed(place, tuple(boxes[image.id]), split))
    return result
