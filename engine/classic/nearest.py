"""k nearest neighbours over raw pixels, by L1 or L2 distance: exact, in chunks, cancellable.

All distances are sums of whole numbers and are kept exact, so the answer is the same on every device and for every chunk size;
of equally distant pictures the one learnt first is the nearer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.control import CancelToken
from engine.failure import UserError

Distance = Literal["l1", "l2"]

ROWS = 1024  # pictures asked at a time
OPERATIONS = {"l1": 150_000_000, "l2": 2_000_000_000}  # a tile: about 50 ms on two cores
KEYS = 4_000_000  # distances held at a time: 32 MB
MOST_CLASSES = 65_536
VALUES = 16_000_000  # pixel values held as floats at a time: 64 MB
# 1024 products of two numbers of at most 128 add up to at most 2²⁴: every partial sum is exact in float32 (and in TF32)
EXACT_COLUMNS = 1024


class NearestNeighbour:
    """The training pictures that are most alike vote (Cover and Hart 1967).

    Parameters
    ----------
    neighbours : int
        k, at least 1.
    distance : {"l1", "l2"}
        Sum of absolute differences, or Euclidean.
    device : torch.device or str
        MPS lacks the 64-bit sorting that exactness needs; the CPU takes its place.
    """

    def __init__(self, neighbours: int = 1, distance: Distance = "l2", device: torch.device | str = "cpu") -> None:
        if neighbours < 1:
            raise UserError(f"{neighbours} neighbours cannot vote.", "Choose at least 1.")
        self.neighbours = neighbours
        self.distance = distance
        wanted = torch.device(device)
        self.device = wanted if wanted.type == "cuda" else torch.device("cpu")
        self.classes = 0
        self._pixels = torch.empty(0, 0, 0, 0, dtype=torch.uint8)
        self._labels = torch.empty(0, dtype=torch.int64)

    def fit(self, pixels: np.ndarray | torch.Tensor, labels: np.ndarray | torch.Tensor, classes: int, token: CancelToken) -> None:
        """Keep the pictures; nothing is learnt.

        Parameters
        ----------
        pixels : uint8 [N, height, width, channels]
            Copied.
        labels : int64 [N]
            In [0, classes).
        classes : int
            Number of classes, K.
        token : CancelToken
            Checked once.

        Raises
        ------
        UserError
            If there are fewer pictures than neighbours.
        ValueError
            If the arrays are not of these shapes and ranges.
        """
        token.check()
        kept, answers = _tensor(pixels, self.device), _tensor(labels, self.device)
        if kept.dtype != torch.uint8 or kept.ndim != 4 or answers.is_floating_point() or answers.shape != kept.shape[:1]:
            raise ValueError(f"pixels {kept.dtype} {tuple(kept.shape)} with labels {answers.dtype} {tuple(answers.shape)}")
        if len(kept) < self.neighbours:
            raise UserError(
                f"{self.neighbours} neighbours are asked for, but there are {len(kept)} training pictures.",
                "Choose fewer neighbours or add pictures.",
            )
        if int(answers.min()) < 0 or int(answers.max()) >= classes or classes > MOST_CLASSES:
            raise ValueError(f"labels from {int(answers.min())} to {int(answers.max())} for {classes} classes")
        self._pixels, self._labels, self.classes = kept.clone(), answers.to(torch.int64).clone(), classes

    def predict_proba(self, pixels: np.ndarray | torch.Tensor, token: CancelToken) -> np.ndarray:
        """Shares of the votes.

        Parameters
        ----------
        pixels : uint8 [N, height, width, channels]
            Of the size that was fitted.
        token : CancelToken
            Checked at every tile, about every 50 ms.

        Returns
        -------
        float32 [N, K]
            Rows sum to 1. Where classes share the most votes, the one that holds the nearest picture is ahead by less than 0.1 %.
        """
        nearest, _ = self.nearest(pixels, token)
        labels = self._labels[torch.from_numpy(nearest).to(self.device)]
        votes = torch.zeros(len(labels), self.classes, device=self.device)
        votes.scatter_add_(1, labels, torch.ones_like(labels, dtype=torch.float32))
        most = votes == votes.amax(dim=1, keepdim=True)
        tied = most.sum(dim=1) > 1
        leading = most.gather(1, labels).to(torch.uint8).argmax(dim=1)  # the first, hence nearest, neighbour of a leading class
        winner = labels.gather(1, leading[:, None])
        votes.scatter_add_(1, winner, 1e-3 * tied[:, None].to(torch.float32))
        return np.asarray((votes / votes.sum(dim=1, keepdim=True)).cpu().numpy())

    def nearest(self, pixels: np.ndarray | torch.Tensor, token: CancelToken) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest training pictures of each picture, nearest first.

        Parameters
        ----------
        pixels : uint8 [N, height, width, channels]
            Of the size that was fitted.
        token : CancelToken
            Checked at every tile.

        Returns
        -------
        rows : int64 [N, k]
            Row numbers of the training pictures.
        distances : int64 [N, k]
            In grey levels: sums of absolute (L1) or squared (L2) differences.
        """
        asked = _tensor(pixels, self.device)
        if asked.dtype != torch.uint8 or asked.shape[1:] != self._pixels.shape[1:]:
            raise ValueError(f"pixels {asked.dtype} {tuple(asked.shape)} for pictures of {tuple(self._pixels.shape[1:])}")
        found = [self._nearest_chunk(chunk, token) for chunk in torch.split(asked.flatten(1), ROWS)] if len(asked) else []
        keys = torch.cat(found).cpu().numpy() if found else np.empty((0, self.neighbours), np.int64)
        distances, rows = np.divmod(keys, max(1, len(self._pixels)))
        return rows, distances

    def _nearest_chunk(self, asked: torch.Tensor, token: CancelToken) -> torch.Tensor:
        """Keys int64 [n, k], ascending: distance · N + row, so that one number orders by distance and then by row."""
        known = self._pixels.flatten(1)
        count, columns = len(known), max(1, known.shape[1])
        tile = max(1, min(OPERATIONS[self.distance] // (len(asked) * columns), KEYS // len(asked), VALUES // columns))
        best = torch.empty(len(asked), 0, dtype=torch.int64, device=self.device)
        for begin in range(0, count, tile):
            token.check()
            piece = known[begin : begin + tile]
            rows = torch.arange(begin, begin + len(piece), device=self.device)
            keys = _keys(asked, piece, self.distance, count, rows)
            best = torch.cat([best, _smallest(keys, self.neighbours)], dim=1)
            best = _smallest(best, self.neighbours)
        return best + count * _own_part(asked, self.distance)[:, None]

    def describe(self) -> str:
        """What it is and what it knows, in one line."""
        count, *shape = self._pixels.shape
        voters = "the nearest picture answers" if self.neighbours == 1 else f"the {self.neighbours} nearest pictures vote"
        return f"{voters} by {self.distance.upper()} distance, {count:,} pictures of {'×'.join(map(str, shape))}, {self.classes} classes"

    def save(self, path: Path) -> None:
        """Write pictures, labels and settings as one safetensors file."""
        settings = {
            "kind": "nearest-neighbour",
            "neighbours": str(self.neighbours),
            "distance": self.distance,
            "classes": str(self.classes),
        }
        tensors = {"pixels": self._pixels.cpu().contiguous(), "labels": self._labels.cpu().contiguous()}
        save_file(tensors, path, metadata=settings)

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Self:
        """Read back what `save` wrote.

        Raises
        ------
        UserError
            If the file is damaged or holds something else.
        """
        try:
            with safe_open(path, framework="pt") as file:
                settings = file.metadata() or {}
                if settings.get("kind") != "nearest-neighbour" or settings.get("distance") not in ("l1", "l2"):
                    raise ValueError("other contents")
                model = cls(int(settings["neighbours"]), "l1" if settings["distance"] == "l1" else "l2", device)
                model.fit(file.get_tensor("pixels"), file.get_tensor("labels"), int(settings["classes"]), CancelToken())
        except (SafetensorError, KeyError, ValueError, UserError) as error:
            reason = str(error).strip().split("\n")[0].rstrip(".")
            raise UserError(f"{path} holds no nearest-neighbour classifier: {reason}.", "Train it again.") from None
        return model


def distances(asked: torch.Tensor, known: torch.Tensor, distance: Distance) -> torch.Tensor:
    """Exact distances between rows of grey levels.

    Parameters
    ----------
    asked, known : uint8 [M, D], [N, D]
        One picture a row.
    distance : {"l1", "l2"}
        d₁ = Σ|a − b|, or d₂² = Σ(a − b)².

    Returns
    -------
    int64 [M, N]
    """
    nothing = torch.zeros(len(known), dtype=torch.int64, device=known.device)
    return _keys(asked, known, distance, 1, nothing) + _own_part(asked, distance)[:, None]


def _keys(asked: torch.Tensor, known: torch.Tensor, distance: Distance, scale: int, offsets: torch.Tensor) -> torch.Tensor:
    """Gives scale · (distance − own part) + offsets, int64 [M, N], in as few passes as torch allows.

    (a − b)² = a² − 2ab + b², where a², the own part, changes no order and is added to the few that are chosen.
    """
    if distance == "l1":
        exact = torch.float32 if known.shape[1] * 255 < 2**24 else torch.float64
        return torch.add(offsets, torch.cdist(asked.to(exact), known.to(exact), p=1.0).to(torch.int64), alpha=scale)
    keys = offsets + scale * _own_part(known, distance)
    for a, b in zip(_centred(asked), _centred(known), strict=True):
        keys = torch.add(keys, (a @ b.T).to(torch.int64), alpha=-2 * scale)
    return keys.expand(len(asked), -1)


def _own_part(rows: torch.Tensor, distance: Distance) -> torch.Tensor:
    total = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
    if distance == "l2":
        for block in _centred(rows):
            total += block.square().sum(dim=1).to(torch.int64)
    return total


def _centred(rows: torch.Tensor) -> Iterator[torch.Tensor]:
    for begin in range(0, rows.shape[1], EXACT_COLUMNS):
        yield rows[:, begin : begin + EXACT_COLUMNS].to(torch.float32) - 128


def _smallest(keys: torch.Tensor, count: int) -> torch.Tensor:
    return keys.topk(min(count, keys.shape[1]), dim=1, largest=False, sorted=True).values


def _tensor(values: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    if isinstance(values, np.ndarray):
        values = torch.from_numpy(values if values.flags.writeable else values.copy())  # torch warns of arrays that cannot be written
    return values.to(device)
