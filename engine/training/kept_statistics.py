"""What is kept of a run's layers: entries of statistics, each of a step of its training, so that one can ask later how its gradients fared.

The file `layers.statistics` in the run's folder grows by a frame an entry: a training that is killed loses none that was told. A frame is
its length, a checksum and compressed values, so that a torn or damaged one is known and those before and after it stay readable. Where
there are too many, they are thinned out evenly; the first ones stay, in which layers change most. Shares of histograms are kept in 16 bits.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import LayerStatistics, LoadStatistics, Notice, StatisticsLoaded
from engine.project.runs import write_whole

if TYPE_CHECKING:
    from engine.session import Emit, Session

log = logging.getLogger("fovea.statistics")

FILE = "layers.statistics"
MAGIC = b"Fovea layers 1\n"
FRAME = struct.Struct("<II")  # bytes of what follows, and their CRC-32
MOST = 200  # entries of a run that are read; up to twice as many are in the file before it is thinned out
MOST_VALUES = 2**22  # of the entries of a run together, 16 MB in memory
FEWEST = 16
FIRST = 4  # entries that are never thinned out
MOST_BYTES = 2**27  # of a file, and of one entry unpacked; what claims more is none of ours
LEVELS = 65_535
DAMAGES = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, zlib.error)
BY_LAYER = "gradient_norms", "weight_norms", "update_ratios"
BY_ACTIVATION = "dead", "deviations"


class _Names(msgspec.Struct, frozen=True, array_like=True, tag="names"):
    """What all entries of a file have in common; `bins` of the histograms."""

    layers: tuple[str, ...]
    activations: tuple[str, ...]
    bins: int

    @property
    def values(self) -> int:
        """Numbers in an entry, about."""
        return (len(self.layers) + len(self.activations)) * (self.bins + 5)


class _Entry(msgspec.Struct, frozen=True, array_like=True, tag="entry"):
    """One entry: columns as float32, histograms as shares of LEVELS, uint16."""

    step: int
    images_per_second: float
    waiting: float
    memory: int | None
    columns: dict[str, bytes]


class Kept(NamedTuple):
    """The statistics of a run's layers, oldest first, and whether all that the file held could be read."""

    statistics: tuple[LayerStatistics, ...]
    whole: bool


class Keeper:
    """Writes the statistics of a run's layers.

    Parameters
    ----------
    folder : Path
        The run's; exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._names: _Names | None = None
        self._frames: list[tuple[int, bytes]] = []  # step and frame, oldest first
        self._size = -1  # of the file, as it was left
        self._told = False

    def keep(self, statistics: LayerStatistics) -> None:
        """Write an entry; later ones, of a training that went on from here before, are dropped. A full disk costs the entry alone."""
        if not statistics.layers:
            return
        names = _Names(statistics.layers, statistics.activations, statistics.weight_histograms.shape[1])
        try:
            if names != self._names:
                self._begin(names)
            before = len(self._frames)
            self._frames = [frame for frame in self._frames if frame[0] < statistics.step]
            self._frames.append((statistics.step, _frame(_packed(statistics))))
            most = most_of(names.values)
            grown = len(self._frames) == before + 1
            if len(self._frames) >= 2 * most:
                steps = [step for step, _ in self._frames]
                self._frames = [self._frames[place] for place in evenly(steps, most)]
                grown = False
            if grown and self._path.is_file() and self._path.stat().st_size == self._size:
                self._append(self._frames[-1][1])
            else:
                self._rewrite(names)
        except OSError as error:
            if not self._told:
                log.warning("statistics of the layers of %s are not kept: %s", self._path.parent, error)
            self._told = True

    def _begin(self, names: _Names) -> None:
        """Take up what an earlier training of this run left."""
        self._names, self._frames, self._size = names, [], -1
        with suppress(FileNotFoundError, *DAMAGES):
            self._frames = [(entry.step, _frame(entry)) for found, entry in _read(self._path) if entry is not None and found == names]

    def _append(self, frame: bytes) -> None:
        try:
            with self._path.open("ab") as stream:
                stream.write(frame)
            self._size += len(frame)
        except OSError:
            with suppress(OSError):  # half a frame would part those before from those to come
                os.truncate(self._path, self._size)
            self._frames.pop()
            raise

    def _rewrite(self, names: _Names) -> None:
        data = b"".join((MAGIC, _frame(names), *(frame for _, frame in self._frames)))
        self._size = -1
        write_whole(self._path, data)
        self._size = len(data)


def most_of(values: int) -> int:
    """How many entries of so many values each are read of a run."""
    return max(FEWEST, min(MOST, MOST_VALUES // max(1, values)))


def evenly(steps: Sequence[int], most: int) -> list[int]:
    """Places of at most so many of the steps, which ascend: the first ones, the last, and between them those that lie most evenly."""
    places = np.arange(len(steps))
    at = np.asarray(steps, np.int64)
    while len(places) > max(most, FIRST + 2):
        gaps = at[2:] - at[:-2]  # what each would leave, were it dropped
        drop = FIRST + int(gaps[FIRST - 1 :].argmin())
        places, at = np.delete(places, drop), np.delete(at, drop)
    return [int(place) for place in places]


def load(folder: Path, run: str = "") -> Kept:
    """Read the statistics of a run.

    Parameters
    ----------
    folder : Path
        The run's.
    run : str
        What they call it; the folder's name by default.

    Raises
    ------
    UserError
        If there are none, or nothing of them can be read.
    """
    path = folder / FILE
    whole = True
    found: list[LayerStatistics] = []
    try:
        for names, entry in _read(path):
            statistics = None if entry is None or names is None else _restored(run or folder.name, names, entry)
            if statistics is None or (found and statistics.step <= found[-1].step):
                whole = False
            else:
                found.append(statistics)
    except FileNotFoundError:
        text = f"The run {folder.name} kept no word of its layers."
        raise UserError(text, "Networks that are trained from now on keep their gradients, activations and histograms.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"What was kept of layers in {path} cannot be read ({error}).", "Look at another run.") from None
    if not found:
        raise UserError(f"What was kept of layers in {path} is damaged.", "Look at another run, or restore it from a copy.")
    most = most_of(_Names(found[0].layers, found[0].activations, found[0].weight_histograms.shape[1]).values)
    return Kept(tuple(found[place] for place in evenly([one.step for one in found], most)), whole)


# ---------------------------------------------------------------- files


def _frame(content: _Names | _Entry) -> bytes:
    data = zlib.compress(msgspec.msgpack.encode(content), 1)
    return FRAME.pack(len(data), zlib.crc32(data)) + data


def _read(path: Path) -> Iterator[tuple[_Names | None, _Entry | None]]:
    """The entries in a file, with their names; (…, None) for each part that is no entry.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is none of ours.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("it is too large")
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        raise ValueError("it does not begin as such files do")
    names, at = None, len(MAGIC)
    while at < len(data):
        content = None
        try:
            length, checksum = FRAME.unpack_from(data, at)
            packed = data[at + FRAME.size : at + FRAME.size + length]
            at += FRAME.size + length
            if len(packed) == length and zlib.crc32(packed) == checksum:
                content = _content(packed)
        except struct.error:
            at = len(data)
        except DAMAGES as error:
            log.info("an entry in %s is passed over: %s", path, error)
        if isinstance(content, _Names):
            names = content
        else:
            yield names, content


def _content(packed: bytes) -> _Names | _Entry:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(packed, MOST_BYTES)
    if unpacker.unconsumed_tail:
        raise ValueError("it is too large")
    content: _Names | _Entry = msgspec.msgpack.decode(data, type=_Names | _Entry)
    return content


def _packed(statistics: LayerStatistics) -> _Entry:
    columns = {name: _floats(getattr(statistics, name)) for name in (*BY_LAYER, *BY_ACTIVATION)}
    if statistics.saturated is not None:
        columns["saturated"] = _floats(statistics.saturated)
    for kind in ("weight", "activation"):
        columns[f"{kind}_limits"] = _floats(getattr(statistics, f"{kind}_limits"))
        shares = np.nan_to_num(getattr(statistics, f"{kind}_histograms"))
        columns[f"{kind}_histograms"] = (shares * LEVELS).round().astype("<u2").tobytes()
    return _Entry(statistics.step, statistics.images_per_second, statistics.waiting, statistics.memory, columns)


def _floats(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, "<f4").tobytes()


def _restored(run: str, names: _Names, entry: _Entry) -> LayerStatistics | None:
    """A entry as it was; None where its columns are not as long as its names are many."""
    layers, activations = len(names.layers), len(names.activations)
    try:
        columns = {name: _column(entry, name, (layers,)) for name in BY_LAYER}
        columns |= {name: _column(entry, name, (activations,)) for name in BY_ACTIVATION}
        for kind, count in (("weight", layers), ("activation", activations)):
            limits = _column(entry, f"{kind}_limits", (count, 2))
            levels = np.frombuffer(entry.columns[f"{kind}_histograms"], "<u2").reshape(count, names.bins)
            shares = levels.astype(np.float32) / np.float32(LEVELS)
            shares[~np.isfinite(limits).all(1)] = np.nan
            columns |= {f"{kind}_limits": limits, f"{kind}_histograms": shares}
        saturated = _column(entry, "saturated", (activations,)) if "saturated" in entry.columns else None
    except (KeyError, ValueError):
        return None
    return LayerStatistics(
        run=run,
        step=entry.step,
        layers=names.layers,
        gradient_norms=columns["gradient_norms"],
        weight_norms=columns["weight_norms"],
        update_ratios=columns["update_ratios"],
        activations=names.activations,
        dead=columns["dead"],
        deviations=columns["deviations"],
        weight_histograms=columns["weight_histograms"],
        weight_limits=columns["weight_limits"],
        activation_histograms=columns["activation_histograms"],
        activation_limits=columns["activation_limits"],
        images_per_second=entry.images_per_second,
        waiting=entry.waiting,
        memory=entry.memory,
        saturated=saturated,
    )


def _column(entry: _Entry, name: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(entry.columns[name], "<f4").reshape(shape).astype(np.float32)


# ---------------------------------------------------------------- the command


def load_statistics(session: Session, command: LoadStatistics, token: CancelToken, emit: Emit) -> None:
    """Answer LoadStatistics.

    Raises
    ------
    UserError
        If nothing was kept, or nothing of it can be read.
    """
    folder = session.opened().runs_folder / Path(command.run).name
    kept = load(folder, command.run)
    token.check()
    if not kept.whole:
        emit(Notice(level="info", text=f"Some of what was kept of the layers of run {command.run} is damaged; the rest is shown."))
    emit(StatisticsLoaded(run=command.run, statistics=kept.statistics))
