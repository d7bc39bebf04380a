"""Near-duplicates: copies are found, pictures that merely look alike are not. The thresholds rest on these figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from doctor_copies import COPIES, read_all, scene

from engine.control import Cancelled, CancelToken
from engine.doctor import descriptors, near, twins
from engine.doctor.examining import _neighbours
from engine.doctor.material import Material, figures_of

Make = Callable[..., Material]


def connected(material: Material) -> np.ndarray:
    """For each picture the first one that shows the same, as the doctor finds it."""
    rows = np.arange(len(material.ids))
    vectors = descriptors.reduced(figures_of(material, rows, CancelToken()).vectors, CancelToken())
    found = twins.find(material, _neighbours(rows, vectors, CancelToken()), CancelToken())
    assert found.left_out == 0
    return near.components(len(rows), np.concatenate([found.pairs, near.pairs(material.digests, 0)]))


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found(kind: str, material_of: Make) -> None:
    pictures = [scene(seed) for seed in range(60)]
    material = material_of([*pictures, *(COPIES[kind](picture) for picture in pictures[:20])])
    joined = connected(material)
    assert np.mean(joined[60:] == np.arange(20)) >= 0.95
    assert (joined[:60] == np.arange(60)).all()


def test_small_pictures_are_not_compared(material_of: Make) -> None:
    pictures = [scene(seed, 28) for seed in range(20)]
    found = twins.find(material_of(pictures), np.array([[0, 1], [2, 3]]), CancelToken())
    assert len(found.pairs) == 0


def test_comparing_can_be_cancelled(material_of: Make) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        twins.find(material_of([scene(1), scene(1), scene(2)]), np.array([[0, 2]]), token)


@pytest.mark.shared_data
@pytest.mark.parametrize(("folder", "pattern", "recall"), [("beach-desert-aid", "*/*", 0.95), ("cifar10-png-subset/train", "*/*", 0.95)])
def test_copies_of_photographs_are_found(shared_data: Path, material_of: Make, folder: str, pattern: str, recall: float) -> None:
    """Measured over all pictures: compressed 1.00, enlarged 1.00, brightened 0.98 to 1.00, cut by 2 or 4 % (150 pixels and more) 1.00."""
    pictures = read_all(shared_data / folder, pattern, 300)
    kinds = COPIES if pictures[0].shape[0] > 100 else {name: COPIES[name] for name in ("compressed", "enlarged", "brightened")}
    hits = []
    for kind in kinds.values():
        joined = connected(material_of([*pictures, *(kind(picture) for picture in pictures[:40])]))
        hits.extend(joined[len(pictures) :] == joined[:40])
    assert np.mean(hits) >= recall


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("folder", "pattern", "most"), [("beach-desert-aid", "*/*", 0), ("solar-sdo-crops/crops", "*/*", 4), ("photos", "*.[jp]*g", 1)]
)
def test_different_pictures_are_not_called_the_same(shared_data: Path, material_of: Make, folder: str, pattern: str, most: int) -> None:
    """Deserts and suns look much alike. Among the photographs a cat is there twice; in half of CIFAR-10's subset 8 pairs are, all real."""
    pictures = read_all(shared_data / folder, pattern)
    joined = connected(material_of(pictures))
    assert np.count_nonzero(joined != np.arange(len(pictures))) <= most
