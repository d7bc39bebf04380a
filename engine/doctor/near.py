"""Near-duplicates: candidates among perceptual hashes, found without comparing all with all.

Two hashes of 64 bits that differ in few bits nearly agree in one of their four bands of 16 bits. So each hash looks up its bands, with up
to two bits turned, among the bands of the others (multi-index hashing: Norouzi, Punjani and Fleet, "Fast exact search in Hamming space with
multi-index hashing", 2014, whose general pigeonhole principle says how many bits to turn in which band).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

BANDS = 4
BITS = 16
MOST = 3 * BANDS - 1  # beyond this limit all bands may differ in three bits, which are too many to try
CROWD = 32  # at most so many hashes that share a band are compared with one, and about so many pairs found for it
LIMITS = (10, 6, 2)  # bits in which pictures of a group may differ, tried in turn while groups come out too large
MANY = 200_000  # pictures; of more the first limit would take too long
LARGEST = 0.6  # share of a class in one group, of at least FEW pictures
FEW = 10
BLOCK = 4_000_000  # comparisons held in memory at once

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


def pairs(hashes: Hashes, limit: int) -> Rows:
    """Pairs of rows whose hashes differ in at most `limit` bits.

    Equal hashes are chained (each row with the next), and a chain meets another by its first row; so the connected pictures are all
    connected, but n equal ones give n - 1 pairs. Of a hash with more than CROWD neighbours some pairs may be left out.

    Parameters
    ----------
    hashes : uint64 [N]
        0 is unknown and matches nothing.
    limit : int
        Bits, in [0, 11].

    Returns
    -------
    int64 [P, 2]
        Each pair once, the smaller row first, in rising order.
    """
    _check(limit)
    known = np.flatnonzero(hashes)
    order = known[np.argsort(hashes[known], kind="stable")]
    values, first = np.unique(hashes[order], return_index=True)
    same = hashes[order[1:]] == hashes[order[:-1]]
    found = [np.stack([order[:-1][same], order[1:][same]], axis=1)]
    if limit > 0 and len(values) > 1:
        near = _near(values, limit)
        found.append(order[first[near]])
    both = np.sort(np.concatenate(found).astype(np.int64).reshape(-1, 2), axis=1)
    return np.asarray(np.unique(both, axis=0), np.int64)


def first_twin(new: Hashes, old: Hashes, limit: int) -> Rows:
    """For each new hash the row of the old one that is nearest to it, the first of them on a tie.

    Parameters
    ----------
    new : uint64 [n]
        0 is unknown and matches nothing.
    old : uint64 [N]
        As `new`.
    limit : int
        Bits, in [0, 11].

    Returns
    -------
    int64 [n]
        -1 where none of the old ones differs in at most `limit` bits.
    """
    _check(limit)
    result = np.full(len(new), -1, np.int64)
    wanted, there = np.flatnonzero(new), np.flatnonzero(old)
    if not len(wanted) or not len(there):
        return result
    if len(wanted) * len(there) <= BLOCK:  # a few pictures more: no need to sort the others
        for row in wanted.tolist():
            distances = np.bitwise_count(old ^ new[row])
            distances[old == 0] = 255
            nearest = int(distances.argmin())
            result[row] = nearest if distances[nearest] <= limit else -1
        return result
    values, first = np.unique(old[there], return_index=True)
    best = np.full(len(wanted), np.iinfo(np.int64).max, np.int64)  # distance and row in one number: smaller is better
    hashes = new[wanted]
    for left, right in _meetings(hashes, values, limit):
        distance = np.bitwise_count(hashes[left] ^ values[right]).astype(np.int64)
        close = distance <= limit
        np.minimum.at(best, left[close], (distance[close] << 40) + there[first[right[close]]])
    matched = best < np.iinfo(np.int64).max
    result[wanted[matched]] = best[matched] & ((1 << 40) - 1)
    return result


def groups(digests: Hashes, hashes: Hashes, labels: Rows) -> Rows:
    """Pictures that must not be torn apart when data is divided: equal content, and hashes that hardly differ.

    Where neighbours of neighbours would join most of a class, as in drawings that are all alike for a hash, or in a film of one thing, only
    nearer ones are joined: a class in one piece could not be measured at all.

    Parameters
    ----------
    digests : uint64 [N]
        Of the content, see `engine.data.looks.short_digest`; 0 is unknown.
    hashes : uint64 [N]
        Perceptual; 0 is unknown.
    labels : int64 [N]
        Class of each picture; negative where it has none.

    Returns
    -------
    int64 [N]
        The smallest row of each picture's group; -1 for pictures that are alone.
    """
    count = len(digests)
    if count < 2:
        return np.full(count, -1, np.int64)
    same = pairs(digests, 0)
    result = components(count, same)
    totals = np.bincount(labels[labels >= 0], minlength=1)
    waiting = np.flatnonzero(hashes)
    for limit in LIMITS if count <= MANY else LIMITS[1:]:
        if len(waiting) < 2:
            break
        found = components(count, np.concatenate([same, waiting[pairs(hashes[waiting], limit)]]))
        torn = _too_large(found, labels, totals)
        good = waiting[~torn[found[waiting]]]
        result[good] = found[good]
        waiting = waiting[torn[found[waiting]]]
    result = components(count, np.concatenate([same, np.stack([np.arange(count, dtype=np.int64), result], axis=1)]))
    return np.where(np.bincount(result, minlength=count)[result] > 1, result, -1)


def _too_large(found: Rows, labels: Rows, totals: Rows) -> npt.NDArray[np.bool_]:
    """Which groups, by number, hold most of a class: bool [N]."""
    labelled = labels >= 0
    members = found[labelled] * len(totals) + labels[labelled]
    numbers, counts = np.unique(members, return_counts=True)
    group, label = np.divmod(numbers, len(totals))
    result = np.zeros(len(found), np.bool_)
    result[group[(counts >= FEW) & (counts > LARGEST * totals[label])]] = True
    return result


def components(count: int, joined: Rows) -> Rows:
    """Connected rows: int64 [count], for each row the smallest row that it is connected with, by pairs int64 [P, 2]."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(joined):
        return np.arange(count, dtype=np.int64)
    graph = coo_matrix((np.ones(len(joined), np.bool_), (joined[:, 0], joined[:, 1])), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    smallest = np.full(int(labels.max()) + 1, count, np.int64)
    np.minimum.at(smallest, labels, np.arange(count, dtype=np.int64))
    return np.asarray(smallest[labels], np.int64)


def _check(limit: int) -> None:
    if not 0 <= limit <= MOST:
        raise ValueError(f"a limit of {limit} bits is not in [0, {MOST}]")


def _near(values: Hashes, limit: int) -> Rows:
    """Pairs of different values, given ascending and each once, that differ in at most `limit` bits; int64 [P, 2]."""
    found = [np.zeros((0, 2), np.int64)]
    degrees = np.zeros(len(values), np.int64)
    for left, right in _meetings(values, None, limit):
        close = (np.bitwise_count(values[left] ^ values[right]) <= limit) & (degrees[left] < CROWD) & (left != right)
        left, right = left[close], right[close]
        degrees += np.bincount(left, minlength=len(values))
        found.append(np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1))
    return np.asarray(np.unique(np.concatenate(found), axis=0), np.int64)


def _meetings(new: Hashes, old: Hashes | None, limit: int) -> Iterator[tuple[Rows, Rows]]:
    """Rows of new and old whose bands nearly agree, in blocks; without `old`, of new and new. The same pair may come several times."""
    among = new if old is None else old
    if len(new) * len(among) <= BLOCK:  # few: all with all
        left, right = np.divmod(np.arange(len(new) * len(among), dtype=np.int64), len(among))
        yield left, right
        return
    for band in range(BANDS):
        shift = np.uint64(band * BITS)
        mine = ((new >> shift) & np.uint64(0xFFFF)).astype(np.int64)
        theirs = ((among >> shift) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(theirs, kind="stable")
        counts = np.bincount(theirs, minlength=1 << BITS)
        starts = np.cumsum(counts) - counts
        turns = (limit + 1 + band) // BANDS - 1  # the turns of all bands, plus one each, add up to limit + 1
        for count in range(turns + 1):
            for turned in combinations(range(BITS), count):
                rows = np.arange(len(new), dtype=np.int64)
                if old is None and turned:  # each pair has one side with this bit clear: it need not be found from both
                    rows = rows[mine & (1 << turned[0]) == 0]
                mask = sum(1 << bit for bit in turned)
                yield from _looked_up(rows, mine[rows] ^ mask, order, starts, counts)


def _looked_up(rows: Rows, wanted: Rows, order: Rows, starts: Rows, counts: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Each row with the rows that have the band it wants; of a crowd with CROWD of them, spread over it."""
    there = counts[wanted]
    found = there > 0
    rows, there, begin = rows[found], there[found], starts[wanted[found]]
    taken = np.minimum(there, CROWD)
    ends = np.cumsum(taken)
    start = 0
    while start < len(rows):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + BLOCK, side="right")))
        part = slice(start, stop)
        each = taken[part]
        left = np.repeat(np.arange(start, stop), each)
        within = np.arange(len(left), dtype=np.int64) - np.repeat(ends[part] - each - done, each)
        if len(each) and there[part].max() > CROWD:
            # each row looks at a crowd from a place of its own on, so that not all of it meet the same few
            crowd = there[left]
            within = np.where(crowd > CROWD, (within * crowd // CROWD + rows[left]) % crowd, within)
        yield rows[left], order[begin[left] + within]
        start = stop
