"""Every change of pictures: shapes, ranges, determinism, off is off, and what each says of itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.augmentation import Augment, Normalise
from engine.data.augmentation.degrade import blur, erase, noise
from engine.data.augmentation.geometry import affine, inside, sample
from engine.data.preprocessing import Preprocessing
from engine.training.recipe import GENTLE, STRONG, Augmentation

CPU = torch.device("cpu")
SINGLE = {
    "shift": 0.3,
    "flip": True,
    "crop": 0.4,
    "colour": 0.6,
    "flip_vertical": True,
    "rotate": 90.0,
    "scale": 0.5,
    "blur": 0.1,
    "noise": 0.4,
    "erase": 0.6,
    "rand_augment": 12.0,
}


def plain(channels: int, height: int = 16, width: int = 16) -> Normalise:
    """Values as they are, from 0 to 255."""
    return Normalise(Preprocessing(height, width, 1 if channels == 1 else 3, mean=(0.0,) * channels, std=(1 / 255,) * channels), CPU)


def pictures(count: int, channels: int, height: int = 16, width: int = 16, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, height, width, channels), dtype=torch.uint8, generator=generator)


augmentations = st.builds(
    Augmentation,
    shift=st.floats(0, 0.5),
    flip=st.booleans(),
    crop=st.floats(0.05, 1),
    colour=st.floats(0, 1),
    flip_vertical=st.booleans(),
    rotate=st.floats(0, 180),
    scale=st.floats(0, 0.9),
    blur=st.floats(0, 0.1),
    noise=st.floats(0, 1),
    erase=st.floats(0, 0.9),
    rand_augment=st.floats(0, 30),
)


@settings(max_examples=60, deadline=None)
@given(augmentations, st.sampled_from([1, 3]), st.integers(1, 6), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**63 - 1))
def test_any_augmentation_keeps_shape_and_range_and_follows_its_seed(
    choice: Augmentation, channels: int, count: int, height: int, width: int, seed: int
) -> None:
    normalise, pixels = plain(channels, height, width), pictures(count, channels, height, width)
    first = Augment(normalise, choice, seed, CPU)
    made = first(pixels)
    assert made.shape == (count, channels, height, width) and made.dtype == torch.float32
    assert float(made.min()) >= -1e-3 and float(made.max()) <= 255.001
    assert torch.equal(made, Augment(normalise, choice, seed, CPU)(pixels))
    assert torch.equal(pixels, pictures(count, channels, height, width))


@pytest.mark.parametrize("field", SINGLE)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_change_changes_and_another_seed_changes_otherwise(field: str, channels: int) -> None:
    pixels, normalise = pictures(48, channels), plain(channels)
    made = [Augment(normalise, Augmentation(**{field: SINGLE[field]}), seed, CPU)(pixels) for seed in (0, 1)]
    assert not torch.equal(made[0], normalise(pixels))
    assert not torch.equal(made[0], made[1])


@pytest.mark.parametrize("choice", [GENTLE, STRONG, *(Augmentation(**{field: value}) for field, value in SINGLE.items())])
def test_no_strength_is_no_change_bit_for_bit(choice: Augmentation) -> None:
    assert choice != Augmentation()
    pixels = pictures(8, 3)
    assert torch.equal(Augment(plain(3), Augmentation(), 5, CPU)(pixels), plain(3)(pixels))


def map_of(count: int, degrees: float | None = None, aspect: float = 1.0, across: float = 1.0, down: float = 1.0) -> torch.Tensor:
    ones, zeros = torch.ones(count), torch.zeros(count)
    turned = None if degrees is None else torch.full((count,), degrees)
    return affine(across * ones, down * ones, zeros, zeros, turned, aspect)


@pytest.mark.parametrize("quarters", [-1, 0, 1, 2, 3])
def test_quarter_turns_are_those_of_numpy(quarters: int) -> None:
    whole = pictures(3, 3, 15, 15).permute(0, 3, 1, 2).float()
    turned = sample(whole, map_of(3, 90.0 * quarters))
    assert np.allclose(turned.numpy(), np.rot90(whole.numpy(), quarters, axes=(2, 3)), atol=0.05)


def test_half_a_turn_of_an_oblong_picture_is_exact_and_angles_keep_shapes() -> None:
    whole = pictures(2, 1, 10, 24).permute(0, 3, 1, 2).float()
    assert torch.allclose(sample(whole, map_of(2, 180.0, 10 / 24)), whole.flip(2, 3), atol=0.05)
    disc = torch.zeros(1, 1, 40, 80)
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(80.0), indexing="ij")
    disc[0, 0] = 255.0 * ((rows - 19.5) ** 2 + (columns - 39.5) ** 2 < 15**2)
    assert float((sample(disc, map_of(1, 33.0, 40 / 80)) - disc).abs().mean()) < 4  # a disc turned is the disc


@pytest.mark.parametrize("signs", [(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])
def test_mirrored_twice_is_as_before(signs: tuple[float, float]) -> None:
    whole = pictures(2, 3, 9, 14).permute(0, 3, 1, 2).float()
    theta = map_of(2, across=signs[0], down=signs[1])
    assert torch.allclose(sample(sample(whole, theta), theta), whole, atol=0.05)


def test_up_and_down_is_mirrored_in_half_of_the_pictures() -> None:
    pixels = pictures(400, 1)
    before, after = plain(1)(pixels), Augment(plain(1), Augmentation(flip_vertical=True), 0, CPU)(pixels)
    mirrored = (after == before.flip(2)).flatten(1).all(1)
    assert (mirrored | (after == before).flatten(1).all(1)).all()
    assert 140 < int(mirrored.sum()) < 260


def test_scale_makes_a_square_so_much_larger_and_smaller() -> None:
    pixels = torch.zeros(300, 64, 64, 1, dtype=torch.uint8)
    pixels[:, 24:40, 24:40] = 255
    sides = (Augment(plain(1, 64, 64), Augmentation(scale=0.4), 0, CPU)(pixels).sum((1, 2, 3)) / 255).sqrt() / 16
    assert 0.55 < float(sides.min()) < 0.68 and 1.32 < float(sides.max()) < 1.45


def test_rotation_stays_within_its_angle() -> None:
    pixels = torch.zeros(300, 65, 65, 1, dtype=torch.uint8)
    pixels[:, 32, 56] = 255
    turned = Augment(plain(1, 65, 65), Augmentation(rotate=25), 0, CPU)(pixels)[:, 0]
    at = torch.arange(65.0) - 32
    down, across = ((turned * at.view(shape)).sum((1, 2)) / turned.sum((1, 2)) for shape in ((-1, 1), (1, -1)))
    degrees = torch.rad2deg(torch.atan2(down, across))
    assert 22 < float(degrees.abs().max()) < 26


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 6), st.integers(1, 20), st.integers(1, 20))
def test_blur_keeps_even_surfaces_and_is_a_gaussian(deviation: float, height: int, width: int) -> None:
    even = torch.full((2, 3, height, width), 97.0)
    assert torch.allclose(blur(even, torch.tensor([deviation, 0.0])), even, atol=1e-3)


def test_blur_is_opencv_s_within_the_picture_and_each_picture_has_its_own() -> None:
    import cv2

    whole = pictures(2, 3, 40, 50).permute(0, 3, 1, 2).float()
    made = blur(whole, torch.tensor([0.0, 2.0]))
    assert torch.equal(made[0], whole[0])
    expected = cv2.GaussianBlur(whole[1].permute(1, 2, 0).numpy(), (31, 31), 2.0)
    assert np.allclose(made[1, :, 16:-16, 16:-16], expected[16:-16, 16:-16].transpose(2, 0, 1), atol=0.05)


def test_noise_has_its_deviation_and_stays_in_range() -> None:
    grey = torch.full((2, 1, 200, 200), 128.0)
    made = noise(grey, torch.tensor([0.0, 20.0]), torch.Generator().manual_seed(0))
    assert torch.equal(made[0], grey[0])
    assert float(made[1].std()) == pytest.approx(20, rel=0.02)
    loud = noise(grey, torch.tensor([300.0, 300.0]), torch.Generator().manual_seed(0))
    assert float(loud.min()) == 0 and float(loud.max()) == 255


@settings(max_examples=80, deadline=None)
@given(st.floats(0, 0.9), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(4, 70), st.integers(4, 70))
def test_erasing_covers_the_area_it_says(share: float, ratio: float, down: float, across: float, height: int, width: int) -> None:
    values = (torch.tensor([value], dtype=torch.float32) for value in (share, ratio, down, across))
    erased = erase(torch.zeros(1, 2, height, width), *values)[0]
    assert torch.equal(erased[0], erased[1])
    covered = erased[0] == 128
    assert int(covered.sum()) == int(covered.any(1).sum()) * int(covered.any(0).sum())  # one whole rectangle
    tallest = int(covered.any(1).sum())
    assert abs(int(covered.sum()) - share * height * width) <= max(1, tallest) / 2 + 1e-3


def test_about_half_of_the_pictures_are_erased_somewhere() -> None:
    pixels = torch.zeros(400, 24, 24, 1, dtype=torch.uint8)
    covered = Augment(plain(1, 24, 24), Augmentation(erase=0.5), 0, CPU)(pixels).flatten(1) == 128
    shares = covered.float().mean(1)
    assert 150 < int((shares > 0).sum()) < 250
    assert 0.4 < float(shares.max()) <= 0.52
    assert covered.any(0).all()  # everywhere sometimes


def test_inside_counts_rows_and_columns() -> None:
    edges = (torch.tensor([value]) for value in (1, 3, 2, 6))
    marked = inside(5, 7, *edges)
    assert marked.shape == (1, 1, 5, 7) and int(marked.sum()) == 8 and bool(marked[0, 0, 1, 2]) and bool(marked[0, 0, 2, 5])


def test_the_layout_of_a_batch_changes_nothing() -> None:
    pre = Preprocessing(16, 16, 3, mean=(0.4,) * 3, std=(0.3,) * 3)
    both = Augmentation(shift=0.1, flip=True, crop=0.8, colour=0.3, rotate=10, scale=0.1, blur=0.03, erase=0.2, rand_augment=9)
    made = [Augment(Normalise(pre, CPU, channels_last=last), both, 2, CPU)(pictures(20, 3)) for last in (False, True)]
    assert torch.allclose(made[0], made[1], atol=1e-4)
