"""Dragging of layers: what a drag carries, and where it may be dropped."""

from __future__ import annotations

import json

import msgspec
from PySide6.QtCore import QMimeData

from gui.widgets.network_records import Slot

LAYER_MIME = "application/x-fovea-layer"
"""JSON: {"move": dotted name} of a layer of the network, or {"new": kind}."""
LONGEST = 10_000


class Carried(msgspec.Struct, frozen=True):
    """A layer that is dragged: the dotted name of one that moves, or the kind of a new one."""

    source: str
    is_new: bool


def carry(source: str, is_new: bool) -> QMimeData:
    """What a drag of a layer carries."""
    made = QMimeData()
    made.setData(LAYER_MIME, json.dumps({"new" if is_new else "move": source}).encode())
    return made


def carried(data: QMimeData) -> Carried | None:
    """The layer that a drag carries; None where it carries none."""
    if not data.hasFormat(LAYER_MIME):
        return None
    raw = bytes(data.data(LAYER_MIME).data())
    if len(raw) > LONGEST:
        return None
    try:
        found = msgspec.json.decode(raw, type=dict[str, str])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return None
    if len(found) == 1 and (key := next(iter(found))) in ("move", "new") and found[key]:
        return Carried(found[key], key == "new")
    return None


def may_drop(layer: Carried, slot: Slot, number: int | None) -> bool:
    """Whether a drop changes anything: not into itself, nor where it is; `number`: its place in the slot's container, None elsewhere."""
    if layer.is_new:
        return True
    if slot.container == layer.source or slot.container.startswith(layer.source + "."):
        return False
    return number is None or slot.index not in (number, number + 1)
