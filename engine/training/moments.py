"""What is kept of each epoch of a run, so that one can look back: filters, maps, confusion, and the field of a pinned unit.

A moment is a file of its own in the run's folder, `moments/000012.npz`, written as soon as its epoch is done: a training that is killed
keeps those it had. Figures are kept in 8 bits between their limits, which a screen does not show more of. Where there are too many of
them, or they take too much room, those go that are missed least, until epochs lie a constant factor apart: all of the first ones stay,
in which most is learned, and ever fewer of the later ones.
"""

from __future__ import annotations

import io
import logging
import os
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import LoadMoment, Moment, MomentLoaded

if TYPE_CHECKING:
    from engine.session import Emit, Session

log = logging.getLogger("fovea.moments")

FOLDER = "moments"
MOST = 200  # moments of a run
MOST_BYTES = 64 * 2**20  # of a run's moments
MOST_MAPS, MOST_MAP_BYTES = 64, 2**18
MOST_UNPACKED = 2**28  # bytes of a moment; a file that claims more is none of ours
LEVELS = 255
DAMAGES = (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
SHADES = "filters", "maps", "heat"


class Keeper:
    """Writes a run's moments.

    Parameters
    ----------
    folder : Path
        The run's.
    most, most_bytes : int
        Of all moments together.
    """

    def __init__(self, folder: Path, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._place, self._most, self._most_bytes = folder / FOLDER, most, most_bytes
        self._told = False

    def keep(self, moment: Moment) -> None:
        """Write an epoch; later ones, of a training that went on from here before, are deleted. A full disk costs the moment alone."""
        path = self._place / f"{moment.epoch:06d}.npz"
        partial = path.with_suffix(".part")
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(packed(moment))
            os.replace(partial, path)
            kept = epochs(self._place.parent)
            for epoch in kept:
                if epoch > moment.epoch:
                    self._delete(epoch)
            self._thin([epoch for epoch in kept if epoch <= moment.epoch])
        except OSError as error:
            with suppress(OSError):  # a full disk needs the room
                partial.unlink(missing_ok=True)
            if not self._told:
                log.warning("moments of %s are not kept: %s", self._place.parent, error)
            self._told = True

    def _thin(self, kept: list[int]) -> None:
        """Delete until few enough are left."""
        sizes = {epoch: (self._place / f"{epoch:06d}.npz").stat().st_size for epoch in kept}
        while len(kept) > 2 and (len(kept) > self._most or sum(sizes.values()) > self._most_bytes):
            epoch = dispensable(kept)
            kept.remove(epoch)
            del sizes[epoch]
            self._delete(epoch)

    def _delete(self, epoch: int) -> None:
        (self._place / f"{epoch:06d}.npz").unlink(missing_ok=True)


def dispensable(kept: list[int]) -> int:
    """Which of three or more epochs, ascending from 1 at the least, to delete: the one whose neighbours are closest by their ratio."""
    return kept[min(range(1, len(kept) - 1), key=lambda at: kept[at + 1] / kept[at - 1])]


def epochs(folder: Path) -> list[int]:
    """Epochs of the run in this folder that were kept, ascending."""
    return sorted(int(path.stem) for path in (folder / FOLDER).glob("*.npz") if path.stem.isdecimal())


# ---------------------------------------------------------------- files


def packed(moment: Moment) -> bytes:
    """A moment as the bytes of its file."""
    columns: dict[str, np.ndarray] = {"epoch": np.array(moment.epoch)}
    for name in SHADES:
        values = getattr(moment, name)
        if values is not None:
            columns[name], columns[f"{name}_limits"] = _rounded(_fewer(values) if name == "maps" else values)
    if moment.confusion is not None:
        columns["confusion"] = moment.confusion.astype(np.int32)
    if moment.box is not None:
        columns["box"] = np.array(moment.box, np.int32)
    if moment.picture is not None:
        columns["picture"] = moment.picture
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **columns)
    return buffer.getvalue()


def load(folder: Path, epoch: int) -> Moment:
    """Read the moment of an epoch.

    Raises
    ------
    UserError
        If it is missing or damaged.
    """
    path = folder / FOLDER / f"{epoch:06d}.npz"
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
                raise ValueError("it is too large")
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in arrays.files}
        shades = {name: _restored(columns[name], columns[f"{name}_limits"]) for name in SHADES if name in columns}
        box, picture, confusion = columns.get("box"), columns.get("picture"), columns.get("confusion")
        moment = Moment(
            epoch=epoch,
            filters=shades.get("filters"),
            maps=shades.get("maps"),
            confusion=None if confusion is None else confusion.astype(np.int64),
            heat=shades.get("heat"),
            box=None if box is None else (int(box[0]), int(box[1]), int(box[2]), int(box[3])),
            picture=picture,
        )
        _check(moment)
    except FileNotFoundError:
        raise UserError(f"Epoch {epoch} of run {folder.name} was not kept.", "Look at another epoch.") from None
    except DAMAGES as error:
        raise UserError(f"What was kept in {path} is damaged ({error}).", "Look at another epoch.") from None
    return moment


def _fewer(maps: np.ndarray) -> np.ndarray:
    """The first maps, as many as have room; 8 at least."""
    return maps[: min(MOST_MAPS, max(8, MOST_MAP_BYTES // max(1, maps[0].size)))] if len(maps) else maps


def _rounded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """8 bits between the lowest and the highest value, where 0 stays 0; what is not finite becomes 0."""
    finite = np.nan_to_num(np.asarray(values, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    extreme = float(np.abs(finite).max(initial=0.0))
    shares = finite / (extreme or 1.0)
    if float(finite.min(initial=0.0)) >= 0:
        return (shares * LEVELS).round().astype(np.uint8), np.array(extreme, np.float32)
    return (shares * (LEVELS // 2)).round().astype(np.int8), np.array(extreme, np.float32)


def _restored(levels: np.ndarray, extreme: np.ndarray) -> np.ndarray:
    most = {"u1": LEVELS, "i1": LEVELS // 2}.get(levels.dtype.str[1:])
    if most is None:
        raise ValueError("figures of another kind")
    largest = float(np.finfo(np.float32).max)  # which rounding may exceed
    return np.clip(levels.astype(np.float64) * (float(extreme) / most), -largest, largest).astype(np.float32)


def _check(moment: Moment) -> None:
    """Shapes as the window takes them."""
    wanted = {"filters": 4, "maps": 3, "confusion": 2, "heat": 2, "picture": 3}
    for name, axes in wanted.items():
        values = getattr(moment, name)
        if values is not None and (values.ndim != axes or 0 in values.shape):
            raise ValueError(f"{name} of shape {values.shape}")
    if moment.filters is not None and moment.filters.shape[3] not in (1, 3):
        raise ValueError("filters without colours")
    if moment.confusion is not None and moment.confusion.shape[0] != moment.confusion.shape[1]:
        raise ValueError("a confusion matrix that is not square")
    if moment.picture is not None and (moment.picture.dtype != np.uint8 or moment.picture.shape[2] != 3):
        raise ValueError("no picture")
    if moment.heat is not None and (moment.picture is None or moment.heat.shape != moment.picture.shape[:2]):
        raise ValueError("a field without its picture")


# ---------------------------------------------------------------- the command


def load_moment(session: Session, command: LoadMoment, token: CancelToken, emit: Emit) -> None:
    """Answer LoadMoment: the epoch that was asked for, or the nearest one that was kept.

    Raises
    ------
    UserError
        If nothing was kept, or what was is damaged.
    """
    folder = session.opened().runs_folder / Path(command.run).name
    kept = epochs(folder)
    if not kept:
        raise UserError(f"The run {folder.name} kept nothing of its epochs.", "Runs that are trained from now on do.")
    token.check()
    nearest = min(kept, key=lambda epoch: (abs(epoch - command.epoch), epoch))
    emit(MomentLoaded(run=command.run, moment=load(folder, nearest), epochs=tuple(kept)))
