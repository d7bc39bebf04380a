"""States come back as they were, or not at all; places in streams of pictures are found again."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.training import checkpoint
from engine.training.checkpoint import Damaged, Keeper, Offer, generations, load_optimiser, read, write, write_generation
from engine.training.sampling import REMEMBERED, Batches, balanced_stream, stream

CPU = torch.device("cpu")
KINDS = (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return isinstance(right, dict) and list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, torch.Tensor):
        return isinstance(right, torch.Tensor) and left.dtype == right.dtype and left.shape == right.shape and torch.equal(left, right)
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and left.dtype == right.dtype and np.array_equal(left, right)
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    return type(left) is type(right) and bool(left == right)


def tensors() -> st.SearchStrategy[torch.Tensor]:
    shapes = st.lists(st.integers(0, 4), max_size=3)
    return st.builds(lambda shape, kind: (torch.rand(shape) * 3).to(kind), shapes, st.sampled_from(KINDS))


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**130), 2**130),
    st.floats(),
    st.text(max_size=5),
    tensors(),
    st.builds(lambda count: np.arange(count, dtype=np.float32), st.integers(0, 5)),
)
STATES = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)))


@settings(max_examples=60, deadline=None)
@given(state=st.dictionaries(st.one_of(st.text(max_size=4), st.integers(0, 99)), STATES, max_size=4))
def test_states_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, state: dict[Any, Any]) -> None:
    path = tmp_path_factory.mktemp("states") / "state"
    write(path, state)
    assert same(state, read(path))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("written") / "state"
    write(path, {"a": torch.arange(20.0), "b": [1, {"c": np.ones(3)}]})
    return path.read_bytes()


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1), bit=st.integers(0, 7), cut=st.booleans())
def test_no_damage_passes_for_a_state(tmp_path_factory: pytest.TempPathFactory, written: bytes, place: float, bit: int, cut: bool) -> None:
    at = min(len(written) - 1, int(place * len(written)))
    spoilt = bytearray(written)
    spoilt[at] ^= 1 << bit
    path = tmp_path_factory.mktemp("spoilt") / "state"
    path.write_bytes(written[:at] if cut else bytes(spoilt))
    try:
        found = read(path)
    except Damaged:
        return
    assert same(found, read_whole(path, written))  # a blank of the header was hit


def read_whole(path: Path, whole: bytes) -> Any:
    path.write_bytes(whole)
    return read(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", b"\x02\0\0\0\0\0\0\0[]"])
def test_hostile_files_are_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(Damaged):
        read(tmp_path / "state")


def test_the_generation_before_stays_until_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write_generation(tmp_path, {"number": number})
    assert [state["number"] for state in generations(tmp_path)] == [2, 1]

    def full(*more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        write_generation(tmp_path, {"number": 3})
    assert [state["number"] for state in generations(tmp_path)] == [2, 1]
    (tmp_path / checkpoint.CHECKPOINT).write_bytes(b"gone")
    assert [state["number"] for state in generations(tmp_path)] == [1]


def test_a_whole_state_without_its_name_is_the_last_resort(tmp_path: Path) -> None:
    """After a damaged newest one, a kill between the two renames leaves nothing else."""
    write(tmp_path / checkpoint.PARTIAL, {"number": 3})
    (tmp_path / checkpoint.CHECKPOINT_BEFORE).write_bytes(b"damaged")
    assert [state["number"] for state in generations(tmp_path)] == [3]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a POSIX system")
def test_a_place_that_takes_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        write_generation(tmp_path / "gone", {"number": 1})


def test_a_keeper_asks_for_no_more_than_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    keeper = Keeper(tmp_path)
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now[0])

    def offer() -> Offer:
        now[0] += 1.0  # a state that takes a second
        return Offer({"number": 1})

    keeper.keep(offer, wait=True)
    assert not keeper.due(ended=True)
    now[0] += 99.0
    assert not keeper.due(ended=True)
    now[0] += 2.0 + 100 * keeper._cost
    assert keeper.due(ended=True) and keeper.due(ended=False)
    keeper.keep(lambda: None)
    assert keeper.due(ended=True) is False
    keeper.close()
    assert [state["number"] for state in keeper.generations()] == [1]


@pytest.mark.parametrize("kind", ["sgd", "adamw", "fused"])
def test_an_optimiser_goes_on_in_its_layout(kind: str) -> None:
    def made() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        module = nn.Conv2d(4, 8, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if kind == "sgd":
            return module, torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
        return module, torch.optim.AdamW(module.parameters(), 0.1, fused=kind == "fused")

    def steps(module: nn.Module, optimiser: torch.optim.Optimizer, count: int) -> None:
        for number in range(count):
            optimiser.zero_grad()
            module(torch.full((2, 4, 5, 5), 0.5 + number)).square().sum().backward()
            optimiser.step()

    (module, optimiser), (again, other) = made(), made()
    steps(module, optimiser, 3)
    state = checkpoint.copied({"module": module.state_dict(), "optimiser": optimiser.state_dict()})
    again.load_state_dict(state["module"])
    load_optimiser(other, state["optimiser"])
    steps(module, optimiser, 3)
    steps(again, other, 3)
    assert torch.equal(module.weight, again.weight)  # type: ignore[arg-type]
    parts = other.state[again.weight]
    assert all(value.stride() == again.weight.stride() for name, value in parts.items() if name != "step")  # type: ignore[union-attr, operator]


# ------------------------------------------------------------------ places among pictures


def made(balanced: bool, labels: torch.Tensor, batch: int, seed: int) -> Batches:
    return balanced_stream(labels, batch, seed, CPU) if balanced else stream(len(labels), batch, seed, CPU)


@settings(max_examples=60, deadline=None)
@given(
    balanced=st.booleans(),
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    batch=st.integers(1, 50),
    taken=st.integers(0, 60),
    ahead=st.integers(0, 30),
)
def test_a_place_is_found_again(balanced: bool, labels: list[int], batch: int, taken: int, ahead: int) -> None:
    classes = torch.tensor(labels)
    whole = made(balanced, classes, batch, 3)
    shown = [next(whole).clone() for _ in range(taken + ahead + 10)]
    reader = made(balanced, classes, batch, 3)
    for _ in range(taken + ahead):  # somebody reads ahead of what is shown
        next(reader)
    found = made(balanced, classes, batch, 99)
    found.go_to(reader.place(taken))
    assert all(torch.equal(next(found), rows) for rows in shown[taken:])


def test_places_are_small_and_of_these_pictures() -> None:
    batches = stream(1000, 10, 0, CPU)
    for _ in range(REMEMBERED + 1000):
        next(batches)
    with pytest.raises(ValueError, match="forgotten"):
        batches.place(1)
    place = batches.place()
    assert place["passes"]["generator"].numel() + 8 * len(place["rest"]) < 6000
    with pytest.raises(ValueError, match="other pictures"):
        stream(999, 10, 0, CPU).go_to(place)
    with pytest.raises(ValueError, match="batches"):
        stream(1000, 700, 0, CPU).go_to(place)
