"""PASCAL VOC (Everingham et al. 2010): an XML file a picture, and lists of the pictures of each split.

The XML files lie in Annotations/ with the pictures in JPEGImages/, or beside the pictures. Pixels are counted from 1, corners belong to the
box.
"""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree as Xml

from engine.data.sources.boxes import WHOLE, Box, Boxed, rows_of
from engine.data.sources.files import Files, ending_with
from engine.data.sources.labelled import source_of, split_of, without_lonely_split
from engine.data.sources.records import SPLIT_NAMES, Search, Source
from engine.failure import UserError
from engine.project.records import Skipped, Split

ENDING = ".xml"
ANNOTATIONS = ("Annotations", "annotations")
PICTURES = ("JPEGImages", "images", "Images")
LISTS = "ImageSets/Main"
BYTE_LIMIT = 10_000_000


class BadAnnotation(ValueError):
    """A file that says nothing about a picture; the text is a clause."""


def find(folder: Path, search: Search) -> Source | None:
    """The pictures that the XML files of a folder describe; None where there are none."""
    places = [folder / name for name in ANNOTATIONS] + [folder] + [folder / name for name in SPLIT_NAMES]
    if not any(ending_with(place, (ENDING,)) for place in places):
        return None
    files = Files(folder, search.token)
    described = [path for path in files.ending(ENDING) if _is_annotation(folder / path)]
    if not described:
        return None
    lists = _lists(folder)
    pictures: list[Boxed] = []
    skipped: list[Skipped] = []
    for number, path in enumerate(described):
        search.tell(number, len(described))
        try:
            name, boxes = parse((folder / path).read_bytes())
        except BadAnnotation as error:
            skipped.append(Skipped(path, str(error)))
            continue
        place = _picture(files, path, name)
        if place is None:
            skipped.append(Skipped(name or path, "is not there"))
            continue
        stem = path.rpartition("/")[2].removesuffix(ENDING)
        split = lists.get(stem, Split.NONE) if lists else split_of(path)
        pictures.append(Boxed(place, boxes, split))
    known = {picture.place for picture in pictures} | {entry.file for entry in skipped}
    pictures += [Boxed(place, (), lists.get(Path(place).stem, Split.NONE)) for place in files.pictures() if _unlabelled(place, known)]
    warnings: list[str] = []
    rows = rows_of(pictures, folder, search, skipped, warnings)
    return source_of(folder.name, "PASCAL VOC", folder, without_lonely_split(rows), skipped, warnings)


def read(path: Path, search: Search) -> Source:
    """The picture that one XML file describes, and all others that files beside it describe.

    Raises
    ------
    UserError
        If the file is no annotation, or its picture is not there.
    """
    try:
        parse(path.read_bytes())
    except BadAnnotation as error:
        raise UserError(f"{path.name} {error}.", "Choose the folder of the pictures and their annotations.") from None
    folder = path.parent.parent if path.parent.name in ANNOTATIONS else path.parent
    found = find(folder, search)
    if found is None:
        raise UserError(f"{path.name} describes no picture.", "Choose the folder of the pictures and their annotations.")
    return found


def parse(data: bytes) -> tuple[str, tuple[Box, ...]]:
    """Name of the picture, and its boxes.

    Raises
    ------
    BadAnnotation
        If it is no annotation, is cut off, or declares a document type: entities could then make much of little.
    """
    if len(data) > BYTE_LIMIT:
        raise BadAnnotation(f"has more than {BYTE_LIMIT // 1_000_000} MB")
    parser = Xml.XMLParser(target=_WithoutTypes())
    try:
        parser.feed(data)
        root = parser.close()
    except (Xml.ParseError, LookupError, ValueError) as error:
        if isinstance(error, BadAnnotation):
            raise
        raise BadAnnotation(f"is damaged or cut off ({error})") from None
    if root.tag != "annotation":
        raise BadAnnotation("is not an annotation of PASCAL VOC")
    boxes = []
    for found in root.iter("object"):
        name = (found.findtext("name") or "").strip()
        if not name:
            raise BadAnnotation("has an object without a name")
        boxes.append(_box(name, found.find("bndbox")))
    return (root.findtext("filename") or "").strip(), tuple(boxes)


class _WithoutTypes(Xml.TreeBuilder):
    def doctype(self, name: str, public: str, system: str) -> None:
        """Refuse it, before anything in it is read."""
        raise BadAnnotation("declares a document type, which is not read")


def _box(name: str, edges: Xml.Element | None) -> Box:
    if edges is None:
        return Box(name, *WHOLE)
    try:
        left, top, right, bottom = (float(edges.findtext(side) or "") for side in ("xmin", "ymin", "xmax", "ymax"))
    except ValueError:
        raise BadAnnotation("has a box whose sides are no numbers") from None
    if not all(map(math.isfinite, (left, top, right, bottom))):
        raise BadAnnotation("has a box whose sides are no numbers")
    return Box(name, left - 1, top - 1, right - left + 1 if right > left else 0.0, bottom - top + 1 if bottom > top else 0.0)


def _is_annotation(path: Path) -> bool:
    """Whether it begins as such files do, or is too short or too broken to tell; other XML is passed over."""
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError:
        return False
    return b"<annotation" in start or b"<!DOCTYPE annotation" in start


def _picture(files: Files, path: str, name: str) -> str | None:
    """The picture that an XML file describes: by the name in it, else by its own."""
    folder, _, own = path.rpartition("/")
    stem = own.removesuffix(ENDING)
    around = folder.rpartition("/")[0]
    names = [part for part in (name.replace("\\", "/").rpartition("/")[2], stem) if part]
    for near in (*(f"{around}/{place}".lstrip("/") for place in PICTURES), folder):
        for entry in names:
            place = f"{near}/{entry}" if near else entry
            if place in files and not place.endswith(ENDING):
                return place
    found = [files.find(entry, folder) for entry in names]
    return next((place for place in found if place is not None and not place.endswith(ENDING)), None)


def _unlabelled(place: str, known: set[str]) -> bool:
    """Whether a picture without an XML file belongs to the set: not the masks that come with it."""
    return place not in known and not place.startswith(("SegmentationClass/", "SegmentationObject/"))


def _lists(folder: Path) -> dict[str, Split]:
    """The split of each picture, by its name without ending."""
    splits: dict[str, Split] = {}
    for name, split in (("train", Split.TRAIN), ("val", Split.VALIDATION), ("test", Split.TEST)):
        try:
            words = (folder / LISTS / f"{name}.txt").read_text("utf-8").split()
        except (OSError, UnicodeDecodeError):
            continue
        splits.update(dict.fromkeys(words, split))
    return splits
