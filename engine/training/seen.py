"""Which pictures a run was trained on, by their pixels: so that measuring on them does not pass for measuring on new ones.

Names and places would not do: the same picture lies in a project, in the folder that it came from, and in copies.
"""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.data.decoding import Picture
from engine.project.runs import write_whole

log = logging.getLogger("fovea.seen")

SEEN = "seen.npy"
CHUNK = 1024  # pictures between two looks at the token

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


def hashes(pixels: Picture, token: CancelToken) -> Hashes:
    """A 64-bit BLAKE2b hash of each picture, in order; two of a million different pictures share one with probability 3e-8.

    Parameters
    ----------
    pixels : uint8 [N, height, width, channels]
        At working size.
    token : CancelToken
        Checked every CHUNK pictures.

    Returns
    -------
    uint64 [N]

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    digests = bytearray()
    for row, picture in enumerate(pixels):
        if row % CHUNK == 0:
            token.check()
        digests += hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=8).digest()
    return np.frombuffer(bytes(digests), "<u8").astype(np.uint64)


def save(folder: Path, pixels: Picture, token: CancelToken) -> None:
    """Write the hashes of the training pictures, ascending, each once; arguments as for `hashes`."""
    add(folder, hashes(pixels, token))


def add(folder: Path, shown: Hashes) -> None:
    """Write hashes of training pictures, uint64 [N], beside those that are there already."""
    before = known(folder)
    buffer = io.BytesIO()
    np.save(buffer, np.unique(shown if before is None else np.concatenate([before, shown])), allow_pickle=False)
    write_whole(folder / SEEN, buffer.getvalue())


def known(folder: Path) -> Hashes | None:
    """Hashes of the pictures that the run in `folder` was trained on; None where it kept none, as older ones did not, or damaged ones."""
    try:
        kept = np.load(io.BytesIO((folder / SEEN).read_bytes()), allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        log.warning("the hashes in %s are damaged: %s", folder / SEEN, error)
        return None
    if not isinstance(kept, np.ndarray) or kept.dtype != np.uint64 or kept.ndim != 1:
        log.warning("%s holds no hashes", folder / SEEN)
        return None
    return kept


def among(folder: Path, pixels: Picture, token: CancelToken) -> Mask | None:
    """Which of these the run in `folder` was trained on, bool [N]; None where it kept no word of that. Arguments as for `hashes`."""
    kept = known(folder)
    return None if kept is None else np.isin(hashes(pixels, token), kept)


def warning(count: int, measured: int) -> str:
    """The sentence about pictures that the run has seen before."""
    which = "1 of them is" if count == 1 else f"{count:,} of them are"
    return f"{measured:,} pictures were measured, and {which} among those that the run was trained on: the figures flatter it."
