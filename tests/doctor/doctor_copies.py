"""Pictures in memory as the doctor sees them, and copies as people make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from engine.data import looks
from engine.data.decoding import read_picture, shrunk
from engine.doctor.material import Material

Picture = np.ndarray


def made_material(pictures: Sequence[Picture], labels: Sequence[int] | None = None, splits: Sequence[int] | None = None) -> Material:
    count = len(pictures)
    seen = [looks.measured(picture) for picture in pictures]
    marks = np.array([-1] * count if labels is None else labels, np.int64)
    classes = tuple("abcdefghij"[: int(marks.max(initial=-1)) + 1])
    return Material(
        ids=np.arange(count, dtype=np.int64),
        names=tuple(f"{row}.png" for row in range(count)),
        labels=marks,
        classes=classes,
        class_ids=tuple(range(len(classes))),
        splits=np.array([0] * count if splits is None else splits, np.int8),
        confirmed=np.zeros(count, np.bool_),
        digests=np.array([looks.short_digest(look.digest) for look in seen], np.uint64),
        hashes=np.array([look.hash for look in seen], np.uint64),
        widths=np.array([look.width for look in seen], np.int64),
        heights=np.array([look.height for look in seen], np.int64),
        missing=np.zeros(0, np.int64),
        unreadable={},
        thumbnail=lambda row, side: shrunk(pictures[row], side),
        locators=tuple(f"memory:{row}" for row in range(count)),
        root="",
    )


def recompressed(picture: Picture, quality: int = 50) -> Picture:
    turned = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", turned, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def rescaled(picture: Picture, factor: float) -> Picture:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how)


def cropped(picture: Picture, share: float) -> Picture:
    top, left = (max(1, round(side * share)) for side in picture.shape[:2])
    return np.ascontiguousarray(picture[top:-top, left:-left])


def brightened(picture: Picture) -> Picture:
    return np.clip(picture * 1.15 + 10, 0, 255).astype(np.uint8)


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "compressed": recompressed,
    "halved": lambda picture: rescaled(picture, 0.5),
    "enlarged": lambda picture: rescaled(picture, 1.5),
    "cut by 2 %": lambda picture: cropped(picture, 0.02),
    "cut by 4 %": lambda picture: cropped(picture, 0.04),
    "brightened": brightened,
}


def scene(seed: int, side: int = 120) -> Picture:
    """A picture of blobs and edges, as different from others as photographs are."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(25):
        centre = tuple(int(value) for value in rng.integers(0, side, 2))
        axes = tuple(int(value) for value in rng.integers(4, side // 4, 2))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        cv2.ellipse(picture, centre, axes, float(rng.integers(0, 180)), 0, 360, colour, -1)
    noise = rng.normal(0, 4, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def read_all(folder: Path, pattern: str, most: int | None = None) -> list[Picture]:
    paths = sorted(folder.glob(pattern))
    return [read_picture(path) for path in paths[:: 1 if most is None else max(1, len(paths) // most)]]
