"""Pictures that stand out, against the data they are in: the same picture is dark among days and usual among nights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from doctor_copies import read_all, scene

from engine.control import CancelToken
from engine.doctor import descriptors, quality
from engine.doctor.material import Figures, Material, figures_of

Make = Callable[..., Material]


def looked_at(pictures: list[np.ndarray], material_of: Make) -> tuple[np.ndarray, Figures, Material]:
    material = material_of(pictures)
    rows = np.arange(len(pictures))
    return rows, figures_of(material, rows, CancelToken()), material


def days(count: int, side: int = 120) -> list[np.ndarray]:
    return [scene(seed, side) for seed in range(count)]


def test_dark_and_bright_pictures_among_usual_ones(material_of: Make) -> None:
    night = (scene(100) * 0.1).astype(np.uint8)
    glare = 255 - (scene(101) * 0.06).astype(np.uint8)
    dark, bright = quality.odd_light(*looked_at([*days(40), night, glare], material_of)[:2])
    assert dark.rows.tolist() == [40]
    assert bright.rows.tolist() == [41]
    assert 0 < dark.scores[0] <= 1


def test_a_set_of_nights_is_not_dark(material_of: Make) -> None:
    nights = [(picture * 0.12).astype(np.uint8) for picture in days(40)]
    dark, bright = quality.odd_light(*looked_at(nights, material_of)[:2])
    assert len(dark.rows) == len(bright.rows) == 0
    black = np.zeros((120, 120, 3), np.uint8)
    assert quality.odd_light(*looked_at([*nights, black], material_of)[:2])[0].rows.tolist() == [40]


def test_blurred_pictures_among_sharp_ones(material_of: Make) -> None:
    soft = [cv2.GaussianBlur(scene(seed), (0, 0), 4) for seed in (200, 201)]
    rows, figures, material = looked_at([*days(40), *soft], material_of)
    assert sorted(quality.blurred(rows, figures, material).rows.tolist()) == [40, 41]
    rows, figures, material = looked_at([cv2.GaussianBlur(picture, (0, 0), 4) for picture in days(30)], material_of)
    assert len(quality.blurred(rows, figures, material).rows) == 0
    rows, figures, material = looked_at(days(30, 32), material_of)  # too small to tell
    assert len(quality.blurred(rows, figures, material).rows) == 0


def test_tiny_and_oddly_shaped_pictures(material_of: Make) -> None:
    pictures = [*days(30, 240), scene(50, 40), np.ascontiguousarray(scene(51, 240)[:60])]
    rows, _, material = looked_at(pictures, material_of)
    assert quality.tiny(rows, material).rows.tolist() == [30]
    assert quality.odd_aspect(rows, material).rows.tolist() == [31]
    rows, _, material = looked_at(days(30, 28), material_of)
    assert len(quality.tiny(rows, material).rows) == 0
    turned = [np.ascontiguousarray(picture[: 40 if row % 2 else 120, : 120 if row % 2 else 40]) for row, picture in enumerate(days(30))]
    rows, _, material = looked_at(turned, material_of)  # half upright, half lying: neither is odd
    assert len(quality.odd_aspect(rows, material).rows) == 0


def test_nothing_at_all(material_of: Make) -> None:
    rows, figures, material = looked_at([], material_of)
    vectors = descriptors.reduced(figures.vectors, CancelToken())
    for odd in (*quality.odd_light(rows, figures), quality.tiny(rows, material), quality.odd_aspect(rows, material)):
        assert len(odd.rows) == 0
    assert len(quality.blurred(rows, figures, material).rows) == len(quality.outliers(rows, vectors, CancelToken()).rows) == 0


@pytest.mark.shared_data
def test_strangers_among_photographs_are_outliers(shared_data: Path, material_of: Make) -> None:
    ground = read_all(shared_data / "beach-desert-aid", "*/*", 200)
    strangers = [np.where(np.indices((150, 150)).sum(axis=0)[..., None] % 40 < 20, (250, 0, 250), (0, 250, 0)).astype(np.uint8)]
    strangers += [cv2.putText(np.zeros((150, 150, 3), np.uint8), "A7", (10, 110), 0, 3, (255, 255, 255), 12), scene(5, 150)]
    rows, figures, _ = looked_at([*ground, *strangers], material_of)
    odd = quality.outliers(rows, descriptors.reduced(figures.vectors, CancelToken()), CancelToken())
    assert set(odd.rows.tolist()) == {len(ground), len(ground) + 1, len(ground) + 2}
