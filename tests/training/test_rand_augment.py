"""RandAugment's operations against Pillow's, and how they are drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from engine.data.augmentation import rand_augment as module
from engine.data.augmentation.rand_augment import GEOMETRIC, OPERATIONS, autocontrast, equalise, posterise, rand_augment, smooth, solarise


def photographs(count: int = 5, side: int = 32) -> torch.Tensor:
    """Smooth pictures with few grey levels at the ends, float32 [B, 3, side, side] of whole numbers."""
    generator = np.random.default_rng(3)
    coarse = generator.integers(20, 230, (count, 4, 4, 3), dtype=np.uint8)
    made = [np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)) for picture in coarse]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).float()


def by_pillow(pictures: torch.Tensor, change: Callable[[Image.Image], Image.Image]) -> torch.Tensor:
    arrays = pictures.permute(0, 2, 3, 1).to(torch.uint8).numpy()
    return torch.from_numpy(np.stack([np.asarray(change(Image.fromarray(array))) for array in arrays])).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize(
    ("ours", "theirs", "tolerance"),
    [
        (lambda pictures: autocontrast(pictures), ImageOps.autocontrast, 1.01),
        (lambda pictures: equalise(pictures), ImageOps.equalize, 0.0),
        (lambda pictures: solarise(pictures, 0.4), lambda image: ImageOps.solarize(image, 153), 0.0),
        (lambda pictures: posterise(pictures, 1.0), lambda image: ImageOps.posterize(image, 4), 0.0),
        (lambda pictures: posterise(pictures, 0.5), lambda image: ImageOps.posterize(image, 6), 0.0),
    ],
)
def test_operations_on_values_are_pillow_s(ours: Callable, theirs: Callable, tolerance: float) -> None:
    pictures = photographs()
    assert float((ours(pictures) - by_pillow(pictures, theirs)).abs().max()) <= tolerance


@pytest.mark.parametrize(
    ("operation", "enhancer"),
    [
        ("colour", ImageEnhance.Color),
        ("contrast", ImageEnhance.Contrast),
        ("brightness", ImageEnhance.Brightness),
        ("sharpness", ImageEnhance.Sharpness),
    ],
)
@pytest.mark.parametrize("amount", [-1.0, 0.0, 0.6])
def test_enhancements_are_pillow_s(operation: str, enhancer: type, amount: float) -> None:
    pictures = photographs()
    ours = module._changed(operation, pictures, torch.full((len(pictures),), amount), abs(amount))
    theirs = by_pillow(pictures, lambda image: enhancer(image).enhance(1 + 0.9 * amount))
    assert float((ours - theirs).abs().max()) <= 2.0


def test_even_and_tiny_pictures_survive_every_operation() -> None:
    for picture in (torch.full((2, 1, 6, 6), 70.0), torch.full((2, 3, 1, 1), 255.0), torch.zeros(2, 3, 2, 5)):
        for operation in OPERATIONS[len(GEOMETRIC) : -1]:
            made = module._changed(operation, picture.clone(), torch.ones(2), 1.0)
            assert made.shape == picture.shape and bool(made.isfinite().all())
    even = torch.full((1, 1, 6, 6), 70.0)
    assert torch.equal(autocontrast(even), even) and torch.equal(equalise(even), even) and torch.allclose(smooth(even), even)


def test_every_operation_is_drawn_and_half_of_them_the_other_way() -> None:
    drawn = np.random.default_rng(0).integers(0, len(OPERATIONS), 14_000)
    assert len(OPERATIONS) == 14 and np.bincount(drawn, minlength=14).min() > 900


def test_movements_keep_their_ranges() -> None:
    whole = torch.zeros(2, 1, 101, 101)
    whole[:, 0, 50, 50] = 255
    for name, distance in (("translate x", 101 * 150 / 331), ("translate y", 101 * 150 / 331)):
        number = np.full(2, GEOMETRIC.index(name))
        moved = module._move(whole, number, np.array([1.0, -1.0]))[:, 0]
        axis = moved.sum(1 if name[-1] == "x" else 2)
        where = (axis * torch.arange(101.0)).sum(1) / axis.sum(1) - 50
        assert torch.allclose(where.sort().values, torch.tensor([-distance, distance]), atol=0.6)
    line = torch.zeros(1, 1, 101, 101)
    line[..., 50] = 255
    sheared = module._move(line, np.array([GEOMETRIC.index("shear x")]), np.array([1.0]))[0, 0]
    ends = sheared[10].argmax() - sheared[90].argmax()
    assert abs(abs(int(ends)) - 0.3 * 80) <= 1


def test_the_same_generator_gives_the_same_pictures_in_range() -> None:
    made = [rand_augment(photographs(40), 9.0, np.random.default_rng(4)) for _ in range(2)]
    assert torch.equal(*made)
    assert float(made[0].min()) >= 0 and float(made[0].max()) <= 255
    changed = (made[0] != photographs(40)).flatten(1).any(1)
    assert int(changed.sum()) > 35
