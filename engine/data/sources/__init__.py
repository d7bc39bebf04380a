"""Understanding what a person points at: samples, files, folders, projects, standard sets, tables, annotations, archives."""

from __future__ import annotations

from engine.data.sources.folders import walk
from engine.data.sources.names import BAD_NAME, natural, readable, spelled
from engine.data.sources.records import Boxes, Item, Progress, Source
from engine.data.sources.scanning import FINDERS, PROJECT_FILE, digits_source, scan, stands_for_pictures

__all__ = [
    "BAD_NAME",
    "FINDERS",
    "PROJECT_FILE",
    "Boxes",
    "Item",
    "Progress",
    "Source",
    "digits_source",
    "natural",
    "readable",
    "scan",
    "spelled",
    "stands_for_pictures",
    "walk",
]
