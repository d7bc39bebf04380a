"""Event files for TensorBoard, written while a training runs, if its recipe asks for them.

Written by ourselves: the tensorboard package brings grpc, protobuf, a web server and more (67 MB), and a scalar needs twenty lines.
An event file is a row of TFRecords, each a protocol buffer `Event` (tensorflow/core/lib/io/record_writer.h, core/util/event.proto and
core/framework/summary.proto describe both).
"""

from __future__ import annotations

import logging
import math
import os
import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

log = logging.getLogger("fovea.tensorboard")

FOLDER = "tensorboard"
"""Within the folder of a run; `tensorboard --logdir runs` of a project shows all its runs by name."""
LOSS, ACCURACY, RATE = "loss/step", "accuracy/step", "learning rate"
TRAIN_LOSS, TRAIN_ACCURACY = "loss/training", "accuracy/training"
VALIDATION_LOSS, VALIDATION_ACCURACY = "loss/validation", "accuracy/validation"


def _castagnoli() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)  # the polynomial, bits reversed
        table.append(value)
    return tuple(table)


_TABLE = _castagnoli()


def crc32c(data: bytes) -> int:
    """Checksum by Castagnoli's polynomial (RFC 3720, appendix B.4).

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """A TFRecord: length, its masked checksum, the data, theirs."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _bytes(field: int, data: bytes) -> bytes:
    return bytes((field << 3 | 2,)) + _varint(len(data)) + data


def scalar_event(tag: str, value: float, step: int, seconds: float) -> bytes:
    """An `Event` of one scalar: wall_time = 1, step = 2, summary = 5; in it value = 1 with tag = 1, simple_value = 2."""
    inner = _bytes(1, tag.encode()) + struct.pack("<Bf", 2 << 3 | 5, value)
    return struct.pack("<Bd", 1 << 3 | 1, seconds) + bytes((2 << 3,)) + _varint(step) + _bytes(5, _bytes(1, inner))


def start_event(step: int, seconds: float) -> bytes:
    """An `Event` that takes back what other files say of this step and later ones: session_log = 7 with status = 1, START."""
    return struct.pack("<Bd", 1 << 3 | 1, seconds) + bytes((2 << 3,)) + _varint(step) + _bytes(7, b"\x08\x01")


class EventFile:
    """An event file that grows. A write that fails is told once through `failed`, and nothing more is written: the training goes on.

    Parameters
    ----------
    folder : Path
        Made; a run that goes on begins another file beside the first, which TensorBoard shows as one.

    Attributes
    ----------
    failed : str
        Why writing ended; empty while it goes on.
    """

    def __init__(self, folder: Path) -> None:
        self.failed = ""
        self._begun = False
        self._path = folder / _name(time.time())
        head = struct.pack("<Bd", 1 << 3 | 1, time.time()) + _bytes(3, b"brain.Event:2")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._write(record(head))
        except OSError as error:
            self._fail(error)

    def steps(self, first: int, losses: np.ndarray, accuracies: np.ndarray, learning_rate: float) -> None:
        """A parcel of steps, float32 [n] each; `first` counts from 1."""
        if not self._begun and first > 1:
            self._append(record(start_event(first, time.time())))
        self._begun = True
        found: list[tuple[str, float, int]] = []
        for place, (loss, accuracy) in enumerate(zip(losses.tolist(), accuracies.tolist(), strict=True)):
            found += [(LOSS, loss, first + place), (ACCURACY, accuracy, first + place)]
        if len(losses):
            found.append((RATE, learning_rate, first + len(losses) - 1))
        self.scalars(found)

    def epoch(self, step: int, train_loss: float, train_accuracy: float, validation_loss: float, validation_accuracy: float) -> None:
        """The end of an epoch; NaN where there is no such split."""
        values = (train_loss, train_accuracy, validation_loss, validation_accuracy)
        tags = (TRAIN_LOSS, TRAIN_ACCURACY, VALIDATION_LOSS, VALIDATION_ACCURACY)
        self.scalars([(tag, value, step) for tag, value in zip(tags, values, strict=True) if not math.isnan(value)])

    def scalars(self, values: Iterable[tuple[str, float, int]]) -> None:
        """Tag, value and step each, in one write."""
        now = time.time()
        self._append(b"".join(record(scalar_event(tag, value, step, now)) for tag, value, step in values))

    def _append(self, data: bytes) -> None:
        if self.failed or not data:
            return
        try:
            self._write(data)
        except OSError as error:
            self._fail(error)

    def _write(self, data: bytes) -> None:
        """Open and close at each write: no file stays open in a folder that may be deleted or moved."""
        with self._path.open("ab") as stream:
            stream.write(data)

    def _fail(self, error: OSError) -> None:
        self.failed = f"The event file {self._path.name} ends here: {error.strerror or error}."
        log.warning("%s", self.failed)


def _name(seconds: float) -> str:
    """As TensorBoard looks for: "tfevents", seconds, computer; the process and nanoseconds keep two files apart."""
    computer = "".join(sign if sign.isalnum() or sign in "-." else "-" for sign in socket.gethostname()) or "computer"
    return f"events.out.tfevents.{int(seconds):010d}.{computer}.{os.getpid()}.{time.monotonic_ns()}"
