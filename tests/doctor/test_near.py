"""Candidates for near-duplicates: as many as comparing all with all finds, in a second, and no crowd that explodes."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.doctor import near


def all_pairs(hashes: np.ndarray, limit: int) -> set[tuple[int, int]]:
    close = np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= limit
    close &= (hashes[:, None] > 0) & (hashes[None, :] > 0)
    return {(int(left), int(right)) for left, right in zip(*np.nonzero(np.triu(close, 1)), strict=True)}


def related(count: int, seed: int, most: int = 12) -> np.ndarray:
    """Random hashes, a third of them copies of others with a few bits turned."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(1, 2**64, count, dtype=np.uint64)
    copies = rng.choice(count, count // 3, replace=False)
    for row in copies:
        value = hashes[int(rng.integers(count))]
        for bit in rng.choice(64, rng.integers(1, most + 1), replace=False):
            value ^= np.uint64(1) << np.uint64(bit)
        hashes[row] = value
    return hashes


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 40), max_size=60), st.integers(0, 11))
def test_few_hashes_are_compared_all_with_all(values: list[int], limit: int) -> None:
    hashes = np.array(values, np.uint64)
    found = near.components(len(hashes), near.pairs(hashes, limit))
    expected = near.components(len(hashes), np.array(sorted(all_pairs(hashes, limit)), np.int64).reshape(-1, 2))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("limit", [0, 3, 6, 7, 10, 11])
def test_bands_find_what_comparing_all_with_all_finds(limit: int) -> None:
    hashes = np.random.default_rng(limit).permutation(np.unique(related(6000, limit)))
    found = {tuple(pair) for pair in near.pairs(hashes, limit).tolist()}
    assert len(hashes) ** 2 > near.BLOCK
    expected = all_pairs(hashes, limit)
    assert found == expected
    assert limit == 0 or len(expected) > 100


def test_a_hundred_thousand_hashes_take_about_a_second() -> None:
    hashes = related(100_000, 1)
    begun = time.perf_counter()
    found = near.pairs(hashes, near.LIMITS[0])
    assert time.perf_counter() - begun < 8  # 1.2 s alone on a core; this machine may be busy
    assert len(found) > 20_000


def test_equal_hashes_do_not_explode() -> None:
    hashes = np.full(100_000, 77, np.uint64)
    hashes[::2] = 78
    begun = time.perf_counter()
    found = near.pairs(hashes, 4)
    assert time.perf_counter() - begun < 2
    assert len(found) == 99_999
    assert (near.components(len(hashes), found) == 0).all()


def test_a_crowd_of_neighbours_stays_linear() -> None:
    rng = np.random.default_rng(0)
    hashes = np.unique(rng.integers(0, 2**14, 20_000).astype(np.uint64) + np.uint64(2**40))
    found = near.pairs(hashes, 6)
    assert len(found) <= len(hashes) * near.CROWD * 9
    assert (near.components(len(hashes), found) == 0).all()


def test_unknown_hashes_match_nothing() -> None:
    assert len(near.pairs(np.zeros(5, np.uint64), 11)) == 0
    assert near.first_twin(np.array([0, 5], np.uint64), np.array([0, 0], np.uint64), 11).tolist() == [-1, -1]
    with pytest.raises(ValueError, match="12 bits"):
        near.pairs(np.zeros(5, np.uint64), 12)


@pytest.mark.parametrize("count", [20, 3000])
def test_the_first_twin_is_the_nearest(count: int) -> None:
    hashes = related(count * 2, 5)
    new, old = hashes[:count], hashes[count:]
    old[1] = 0
    distances = np.bitwise_count(new[:, None] ^ old[None, :]).astype(int)
    distances[:, old == 0] = 99
    expected = np.where(distances.min(axis=1) <= 8, distances.argmin(axis=1), -1)
    assert np.array_equal(near.first_twin(new, old, 8), expected)


def test_groups_join_equal_and_near_ones_and_leave_the_rest_alone() -> None:
    rng = np.random.default_rng(1)
    digests, hashes = rng.integers(1, 2**64, (2, 12), dtype=np.uint64)
    digests[5] = digests[2]
    hashes[7] = hashes[6] ^ np.uint64(0b1011)
    hashes[8] = hashes[7] ^ np.uint64(0b1011 << 20)
    labels = np.array([0, 1] * 6, np.int64)
    assert near.groups(digests, hashes, labels).tolist() == [-1, -1, 2, -1, -1, 2, 6, 6, 6, -1, -1, -1]


def test_a_class_in_one_piece_is_joined_only_where_it_is_nearest() -> None:
    """A film of one thing: each frame hardly differs from the next. All on one side, nothing could be measured."""
    hashes = np.full(40, 2**63 + 12345, np.uint64)
    for row in range(1, 40):
        hashes[row] = hashes[row - 1] ^ (np.uint64(0b111) << np.uint64(row))
    digests = np.arange(1, 41, dtype=np.uint64)
    groups = near.groups(digests, hashes, np.zeros(40, np.int64))
    assert (np.unique(groups[groups >= 0], return_counts=True)[1] < 24).all()
    digests[:] = 5  # copies of one picture stay together even so
    assert (near.groups(digests, hashes, np.zeros(40, np.int64)) == 0).all()
