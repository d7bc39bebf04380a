"""Event files: read back by a reader of our own that checks every sum, and by TensorBoard's where it is installed."""

from __future__ import annotations

import importlib.util
import math
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control import CancelToken
from engine.data.dataset import from_source
from engine.data.sources import scan
from engine.training.fit import fit
from engine.training.recipe import Recipe
from engine.training.tensorboard import EventFile, crc32c, record


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_the_checksum_is_that_of_the_published_examples(data: bytes, expected: int) -> None:
    """RFC 3720, appendix B.4; the first is the usual check value of CRC-32C."""
    assert crc32c(data) == expected


def unmasked(masked: int) -> int:
    rotated = (masked - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def records(data: bytes) -> list[bytes]:
    """The data of each record; every checksum must be right and nothing left over."""
    found = []
    while data:
        (length,), (check,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        assert unmasked(check) == crc32c(data[:8])
        body = data[12 : 12 + length]
        assert unmasked(struct.unpack("<I", data[12 + length : 16 + length])[0]) == crc32c(body)
        found.append(body)
        data = data[16 + length :]
    return found


def fields(data: bytes) -> dict[int, object]:
    """A protocol buffer's fields by number; nested ones as bytes."""
    found: dict[int, object] = {}

    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = data[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at

    at = 0
    while at < len(data):
        key, at = varint(at)
        if key & 7 == 0:
            found[key >> 3], at = varint(at)
        elif key & 7 == 1:
            found[key >> 3], at = struct.unpack("<d", data[at : at + 8])[0], at + 8
        elif key & 7 == 5:
            found[key >> 3], at = struct.unpack("<f", data[at : at + 4])[0], at + 4
        else:
            length, at = varint(at)
            found[key >> 3], at = data[at : at + length], at + length
    return found


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    (path,) = folder.iterdir()
    first, *rest = records(path.read_bytes())
    assert fields(first)[3] == b"brain.Event:2"
    found = []
    for event in map(fields, rest):
        if 5 in event:
            value = fields(fields(event[5])[1])  # type: ignore[arg-type]
            found.append((value[1].decode(), event[2], value[2]))  # type: ignore[union-attr]
        else:
            found.append(("start", event[2], 0.0))
    return found


def test_steps_and_epochs_are_scalars_by_step(tmp_path: Path) -> None:
    events = EventFile(tmp_path)
    events.steps(1, np.array([2.5, 1.5], np.float32), np.array([0.25, 0.5], np.float32), 0.1)
    events.epoch(2, 2.0, 0.375, math.nan, math.nan)
    events.epoch(300, 1.0, 0.5, 1.25, 0.75)
    assert scalars(tmp_path) == [
        ("loss/step", 1, 2.5),
        ("accuracy/step", 1, 0.25),
        ("loss/step", 2, 1.5),
        ("accuracy/step", 2, 0.5),
        ("learning rate", 2, pytest.approx(0.1)),
        ("loss/training", 2, 2.0),
        ("accuracy/training", 2, 0.375),
        ("loss/training", 300, 1.0),
        ("accuracy/training", 300, 0.5),
        ("loss/validation", 300, 1.25),
        ("accuracy/validation", 300, 0.75),
    ]
    assert next(tmp_path.iterdir()).name.startswith("events.out.tfevents.")


def test_a_run_that_goes_on_takes_back_what_was_written_after_its_checkpoint(tmp_path: Path) -> None:
    events = EventFile(tmp_path)
    events.steps(41, np.array([0.5], np.float32), np.array([1.0], np.float32), 0.01)
    assert scalars(tmp_path)[0] == ("start", 41, 0.0)


def test_where_nothing_can_be_written_it_is_said_once_and_the_training_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    events = EventFile(tmp_path / "file" / "tensorboard")
    assert "ends here" in events.failed
    events.epoch(1, 1.0, 1.0, 1.0, 1.0)
    lost = EventFile(tmp_path / "run")
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    (tmp_path / "run").rmdir()
    lost.epoch(1, 1.0, 1.0, 1.0, 1.0)
    assert "ends here" in lost.failed and not (tmp_path / "run").exists()


@given(st.binary(max_size=300))
def test_records_come_back_whole(data: bytes) -> None:
    assert records(record(data) + record(b"")) == [data, b""]


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_them(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventFile(tmp_path)
    events.steps(1, np.array([2.5, 1.5, 9.0], np.float32), np.array([0.25, 0.5, 0.5], np.float32), 0.1)
    events.epoch(3, 2.0, 0.375, 1.25, 0.75)
    again = EventFile(tmp_path)
    again.steps(3, np.array([1.0], np.float32), np.array([0.75], np.float32), 0.05)
    read = EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in read.Scalars("loss/step")] == [(1, 2.5), (2, 1.5), (3, 1.0)]
    assert [event.value for event in read.Scalars("learning rate")] == [pytest.approx(0.05)]
    assert sys.modules.get("tensorflow") is None


def test_a_training_writes_them_where_its_recipe_says_so(tmp_path: Path) -> None:
    dataset = from_source(scan("digits"))
    recipe = Recipe(epochs=2, batch=256, tensorboard=True)
    record = fit(dataset, "softmax", recipe, None, tmp_path / "run", CancelToken(), lambda _event: None)
    found = scalars(tmp_path / "run" / "tensorboard")
    assert [step for tag, step, _ in found if tag == "loss/step"] == list(range(1, record.steps + 1))
    assert [step for tag, step, _ in found if tag == "accuracy/validation"] == [record.steps // 2, record.steps]
    assert max(value for tag, _, value in found if tag == "accuracy/validation") == pytest.approx(record.validation_accuracy)
