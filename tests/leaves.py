"""Pictures of our own making: healthy and spotted leaves on soil, for tests and the pictures in README.

python -m tests.leaves FOLDER [COUNT]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("healthy", "spotted")


def draw_leaf(spotted: bool, generator: np.random.Generator, side: int = 160) -> np.ndarray:
    """One leaf, uint8 side x side x 3 RGB: an ellipse with a tip and veins, somewhere on noisy soil."""
    soil = np.array([95, 74, 52]) + generator.normal(0, 14, 3)
    picture = np.clip(soil + generator.normal(0, 16, (side, side, 1)), 0, 255).astype(np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.2)
    angle = generator.uniform(0, 2 * np.pi)
    length, breadth = side * generator.uniform(0.3, 0.42), side * generator.uniform(0.13, 0.2)
    centre = side / 2 + generator.uniform(-0.08, 0.08, 2) * side
    along = np.linspace(0, np.pi, 40)
    half = np.stack([-np.cos(along) * length, np.sin(along) ** 1.4 * breadth], axis=1)
    outline = np.concatenate([half, half[::-1] * [1, -1]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    green = np.clip(np.array([74, 140, 58]) + generator.normal(0, 18, 3), 0, 255)
    points = (outline @ turn.T + centre).round().astype(np.int32)
    leaf = np.zeros((side, side), np.uint8)
    cv2.fillPoly(leaf, [points], 255, cv2.LINE_AA)
    layer = np.full_like(picture, green.astype(np.uint8))
    vein = tuple(float(value) for value in np.clip(green * 0.72, 0, 255))
    for position in np.linspace(-0.8, 0.8, 9):
        for side_sign in (-1, 1):
            start = np.array([position * length, 0])
            end = start + np.array([0.16 * length, side_sign * breadth])
            ends = [(point @ turn.T + centre).round().astype(int).tolist() for point in (start, end)]
            cv2.line(layer, ends[0], ends[1], vein, 1, cv2.LINE_AA)
    tips = [(np.array([sign * length, 0]) @ turn.T + centre).round().astype(int).tolist() for sign in (-1, 1)]
    cv2.line(layer, tips[0], tips[1], vein, 2, cv2.LINE_AA)
    if spotted:
        for _ in range(generator.integers(5, 12)):
            place = generator.uniform([-0.75, -0.55], [0.75, 0.55]) * [length, breadth]
            where = (place @ turn.T + centre).round().astype(int).tolist()
            radius = int(generator.integers(3, 8))
            cv2.circle(layer, where, radius + 2, (176, 150, 60), -1, cv2.LINE_AA)
            cv2.circle(layer, where, radius, (92, 58, 32), -1, cv2.LINE_AA)
    cover = leaf[:, :, None] / 255.0
    mixed = picture * (1 - cover) + layer * cover
    return np.clip(mixed * generator.uniform(0.8, 1.15), 0, 255).astype(np.uint8)


def make_leaves(folder: Path, count: int = 100, seed: int = 0) -> Path:
    """Write `count` JPEGs of each class into folder/CLASS; gives the folder."""
    generator = np.random.default_rng(seed)
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture = draw_leaf(name == "spotted", generator)
            done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            assert done
            (folder / name / f"{name}_{number + 1:03}.jpg").write_bytes(data.tobytes())
    return folder


if __name__ == "__main__":
    make_leaves(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100)
