"""What the state knows of single pictures of the project, looked up by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from engine.project.records import ClassRecord, ImageTable, Split
from gui.state import AppState

if TYPE_CHECKING:
    from collections.abc import Iterable


def split_words(split: int) -> str:
    """A split in words; "" for none."""
    words = {Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test"}.get(Split(split), "")
    return QCoreApplication.translate("splits", words) if words else ""


def row_of(images: ImageTable | None, image: int) -> int:
    """The row of a picture, or -1 where it is not in the project."""
    if images is None or not len(images.ids):
        return -1
    row = int(images.ids.searchsorted(image))
    return row if row < len(images.ids) and int(images.ids[row]) == image else -1


def class_of(state: AppState, image: int) -> ClassRecord | None:
    """The class of a picture; None where it has none, or is not in the project."""
    row = row_of(state.images, image)
    return class_by_id(state, int(state.images.class_ids[row])) if state.images is not None and row >= 0 else None


def class_by_id(state: AppState, class_id: int | None) -> ClassRecord | None:
    """The class of this id; None where there is none."""
    return next((record for record in state.classes if record.id == class_id), None)


def size_of(state: AppState, image: int) -> tuple[int, int]:
    """Upright width and height in pixels; (0, 0) where unknown."""
    row = row_of(state.images, image)
    return (int(state.images.widths[row]), int(state.images.heights[row])) if state.images is not None and row >= 0 else (0, 0)


def names_of(state: AppState, images: Iterable[int]) -> dict[int, str]:
    """Names of those pictures that are in the project."""
    rows = {image: row_of(state.images, image) for image in images}
    return {image: state.images.names[row] for image, row in rows.items() if state.images is not None and row >= 0}
