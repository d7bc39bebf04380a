"""Descriptors of pictures without a network: oriented gradients, colours, and the picture made tiny. Quick, and good for comparing.

Histograms of oriented gradients: Dalal and Triggs, "Histograms of oriented gradients for human detection", 2005. Square roots of
histograms, so that distances between them are Hellinger's: Arandjelović and Zisserman, "Three things everyone should know to improve object
retrieval", 2012.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.data.colour import Picture

SIDE = 32
CELL = 4
ORIENTATIONS = 9
LEVELS = 4  # of each colour channel in the histogram
TINY = 8
DIMENSIONS = 256
TYPICAL_LENGTH = 8.0
SAMPLE = 4000  # descriptors from which the main directions are worked out
WEIGHTS = (1.0, 0.7, 0.7, 0.5)  # of gradients, tiny grey picture, colour histogram and tiny colours in the distance

Vectors = npt.NDArray[np.float32]


def squared(picture: Picture) -> Picture:
    """A picture squashed to SIDE x SIDE x 3, uint8."""
    if picture.shape[2] == 1:
        picture = np.repeat(picture, 3, axis=2)
    if picture.shape[:2] == (SIDE, SIDE):
        return picture
    shrinks = max(picture.shape[:2]) > SIDE
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)


def describe(squares: Picture) -> Vectors:
    """Descriptors of pictures.

    Parameters
    ----------
    squares : uint8 [N, SIDE, SIDE, 3]
        As `squared` makes them.

    Returns
    -------
    float32 [N, LENGTH]
        Each kind of feature has length 1 before it is weighted, so that Euclidean distances compare them fairly.
    """
    parts = []
    for start in range(0, len(squares), 1024):
        block = squares[start : start + 1024]
        grey = block.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        kinds = (_gradients(grey), _tiny(grey[..., None]), _colours(block), _tiny_colours(block))
        parts.append(np.concatenate([_unit(kind) * weight for kind, weight in zip(kinds, WEIGHTS, strict=True)], axis=1))
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros((0, LENGTH), np.float32)


def reduced(vectors: Vectors | npt.NDArray[np.float16], token: CancelToken) -> Vectors:
    """Descriptors in their main directions: float32 [N, at most DIMENSIONS].

    They are scaled to a root mean square length of TYPICAL_LENGTH, at which a softmax classifier learns well with little decay.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    rows = np.unique(np.linspace(0, max(0, len(vectors) - 1), min(SAMPLE, len(vectors))).astype(np.int64))
    sample = np.asarray(vectors[rows], np.float32)
    if not len(sample):
        return np.zeros((0, 1), np.float32)
    mean = sample.mean(axis=0)
    token.check()
    _, directions = np.linalg.eigh((sample - mean).T @ (sample - mean))
    directions = directions[:, ::-1][:, : min(DIMENSIONS, len(sample))]
    result = np.empty((len(vectors), directions.shape[1]), np.float32)
    for start in range(0, len(vectors), 4096):
        token.check()
        result[start : start + 4096] = (np.asarray(vectors[start : start + 4096], np.float32) - mean) @ directions
    length = float(np.sqrt((result[rows] ** 2).sum(axis=1).mean()))
    return result * np.float32(TYPICAL_LENGTH / max(1e-6, length))


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(1e-6, np.linalg.norm(vectors, axis=1, keepdims=True)), np.float32)


def _gradients(grey: Vectors) -> Vectors:
    """Votes for 9 unsigned orientations in cells of 4 x 4 pixels, four cells normalised together."""
    count = len(grey)
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    dx = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    dy = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = np.sqrt(dx * dx + dy * dy)
    place = (np.arctan2(dy, dx) % np.pi) * (ORIENTATIONS / np.pi)
    low = np.floor(place).astype(np.int64)
    share = place - low
    cells = SIDE // CELL
    rows = np.arange(SIDE) // CELL
    cell = (np.arange(count)[:, None, None] * cells + rows[:, None]) * cells + rows
    size = count * cells * cells * ORIENTATIONS
    votes = np.zeros(size)
    for turned, weight in ((low, 1 - share), (low + 1, share)):
        votes += np.bincount((cell * ORIENTATIONS + turned % ORIENTATIONS).ravel(), (strength * weight).ravel(), size)
    histogram = votes.reshape(count, cells, cells, ORIENTATIONS).astype(np.float32)
    evens, odds = histogram[:, ::2], histogram[:, 1::2]
    blocks = np.concatenate([evens[:, :, ::2], evens[:, :, 1::2], odds[:, :, ::2], odds[:, :, 1::2]], axis=3)
    # five grey levels of gradient a pixel count as hardly any: flat blocks should not shout
    norm = np.sqrt((blocks * blocks).sum(axis=3, keepdims=True) + (5.0 * CELL * CELL) ** 2)
    return np.asarray(np.minimum(blocks / norm, 0.3).reshape(count, -1), np.float32)


def _tiny(channels: Vectors) -> Vectors:
    """Means of 8 x 8 tiles, the picture's own mean taken away."""
    count, _, _, depth = channels.shape
    tile = SIDE // TINY
    means = channels.reshape(count, TINY, tile, TINY, tile, depth).mean(axis=(2, 4)).reshape(count, -1)
    centred = means - means.mean(axis=1, keepdims=True)
    return np.asarray(np.concatenate([centred, np.full((count, 1), 16.0, np.float32)], axis=1), np.float32)


def _colours(block: Picture) -> Vectors:
    """Square roots of the shares of 4 x 4 x 4 colours."""
    count = len(block)
    levels = (block // (256 // LEVELS)).astype(np.int64)
    index = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]
    index = index.reshape(count, -1) + np.arange(count)[:, None] * LEVELS**3
    votes = np.bincount(index.ravel(), minlength=count * LEVELS**3).reshape(count, -1)
    return np.asarray(np.sqrt(votes), np.float32)


def _tiny_colours(block: Picture) -> Vectors:
    """Means of 4 x 4 tiles of the two colour differences; grey pictures have none."""
    count = len(block)
    colours = block.astype(np.float32)
    tiles = colours.reshape(count, 4, SIDE // 4, 4, SIDE // 4, 3).mean(axis=(2, 4))
    luma = tiles @ np.array([0.299, 0.587, 0.114], np.float32)
    differences = np.stack([tiles[..., 0] - luma, tiles[..., 2] - luma], axis=3).reshape(count, -1)
    return np.asarray(np.concatenate([differences, np.full((count, 1), 16.0, np.float32)], axis=1), np.float32)


LENGTH = (SIDE // CELL) ** 2 * ORIENTATIONS + TINY * TINY + 1 + LEVELS**3 + 2 * 4 * 4 + 1
