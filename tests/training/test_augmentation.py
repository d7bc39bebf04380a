"""Batched augmentation: off means untouched, on means what it says, seeded means repeatable."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from engine.data.augmentation import Augment, Normalise
from engine.data.preprocessing import Preprocessing
from engine.training.recipe import Augmentation

CPU = torch.device("cpu")
GREY = Normalise(Preprocessing(16, 16, 1, mean=(0.0,), std=(1.0,)), CPU)
COLOUR = Normalise(Preprocessing(16, 16, 3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)), CPU)


def pictures(count: int = 64, channels: int = 1, side: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (count, side, side, channels), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def augment(augmentation: Augmentation, seed: int = 0, normalise: Normalise = GREY) -> Augment:
    return Augment(normalise, augmentation, seed, CPU)


def test_normalise_is_the_contract() -> None:
    pixels = pictures(5, 3)
    expected = (pixels.permute(0, 3, 1, 2).double() / 255 - torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1)) / torch.tensor(
        [0.2, 0.3, 0.4]
    ).view(1, 3, 1, 1)
    assert torch.allclose(COLOUR(pixels).double(), expected, atol=1e-5)
    assert COLOUR(pixels).is_contiguous()


def test_channels_last_changes_the_layout_alone() -> None:
    pre = Preprocessing(16, 16, 3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    answer = Normalise(pre, CPU, channels_last=True)(pictures(4, 3))
    assert answer.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(answer, COLOUR(pictures(4, 3)))


def test_off_is_normalise_alone() -> None:
    assert torch.equal(augment(Augmentation())(pictures()), GREY(pictures()))


def test_flip_mirrors_about_half_and_changes_nothing_else() -> None:
    pixels = pictures(400)
    plain, flipped = GREY(pixels), augment(Augmentation(flip=True))(pixels)
    same = (flipped == plain).flatten(1).all(1)
    mirrored = (flipped == plain.flip(3)).flatten(1).all(1)
    assert (same | mirrored).all()
    assert 140 < int(mirrored.sum()) < 260


def test_shift_moves_at_most_so_far() -> None:
    pixels = torch.zeros(300, 21, 21, 1, dtype=torch.uint8)
    pixels[:, 10, 10] = 255
    moved = augment(Augmentation(shift=0.2))(pixels)[:, 0]
    rows = torch.arange(21.0)
    where = (moved.sum(2) * rows).sum(1) / moved.sum((1, 2))
    assert float((where - 10).abs().max()) <= 0.2 * 21 + 1e-3
    assert float((where - 10).abs().max()) > 3
    assert float(where.std()) > 1


def test_a_shift_by_itself_is_one_of_whole_pixels_of_the_mirrored_picture() -> None:
    pixels = pictures(200, 3)
    moved = augment(Augmentation(shift=0.125), normalise=COLOUR)(pixels)
    padded = functional.pad(COLOUR(pixels), (2, 2, 2, 2), mode="reflect")
    cuts = {(down, across): padded[:, :, down : down + 16, across : across + 16] for down in range(5) for across in range(5)}
    found = {place: (moved == cut).flatten(1).all(1) for place, cut in cuts.items()}
    assert torch.stack(list(found.values())).any(0).all()
    assert all(1 <= int(hits.sum()) <= 25 for hits in found.values())
    last = Normalise(Preprocessing(16, 16, 3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)), CPU, channels_last=True)
    same = augment(Augmentation(shift=0.125), normalise=last)(pixels)
    assert torch.equal(same, moved) and same.is_contiguous(memory_format=torch.channels_last)


def test_crop_enlarges_the_middle() -> None:
    ramp = torch.arange(16, dtype=torch.uint8).mul(10).view(1, 1, 16, 1).expand(200, 16, 16, 1).contiguous()
    cropped = augment(Augmentation(crop=0.5))(ramp)
    spans = (cropped[:, 0, 0, -1] - cropped[:, 0, 0, 0]) * 255 / 150
    assert float(spans.min()) > 0.4
    assert float(spans.max()) <= 1.001
    assert float(cropped.min()) >= 0


def test_colour_stays_in_range_and_black_stays_black() -> None:
    normalise = Normalise(Preprocessing(16, 16, 3, mean=(0.0,) * 3, std=(1.0,) * 3), CPU)
    changed = augment(Augmentation(colour=0.9), normalise=normalise)(pictures(50, 3))
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1
    black = torch.zeros(4, 16, 16, 3, dtype=torch.uint8)
    assert not augment(Augmentation(colour=0.9), normalise=normalise)(black).any()


@pytest.mark.parametrize("choice", [Augmentation(shift=0.1), Augmentation(flip=True), Augmentation(0.1, True, 0.7, 0.3)])
def test_seed_alone_decides(choice: Augmentation) -> None:
    first = augment(choice, 3)(pictures())
    torch.manual_seed(99)
    torch.rand(5)
    assert torch.equal(first, augment(choice, 3)(pictures()))
    assert not torch.equal(first, augment(choice, 4)(pictures()))
