"""JPEG decoded at a fraction of its size on the way to the working size: where, how far, and how near to full decoding."""

from __future__ import annotations

import io

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from engine.data import decoding
from engine.data.decoding import at_working_size, read_picture
from engine.data.preprocessing import Preprocessing, suited_reduction


def saved(kind: str, width: int = 320, height: int = 200, **options: object) -> bytes:
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(rows / 20 + channel) * np.cos(columns / (15 + channel)) for channel in range(3)], axis=2)
    buffer = io.BytesIO()
    Image.fromarray(((waves + 1) * 127.5).astype(np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("height", "width", "resize", "decoded"),
    [
        (100, 160, "squash", (100, 160)),
        (101, 160, "squash", (200, 320)),
        (50, 60, "squash", (50, 80)),
        (25, 40, "crop", (25, 40)),
        (40, 90, "pad", (100, 160)),
        (20, 20, "centre", (200, 320)),
        (300, 20, "squash", (200, 320)),
    ],
)
def test_never_smaller_than_it_is_wanted(height: int, width: int, resize: str, decoded: tuple[int, int]) -> None:
    contract = Preprocessing(height, width, 3, resize, reduced=True)
    assert read_picture(saved("JPEG"), towards=contract).shape[:2] == decoded
    assert read_picture(saved("JPEG"), towards=replace(contract, reduced=False)).shape[:2] == (200, 320)
    assert read_picture(saved("PNG"), towards=contract).shape[:2] == (200, 320)
    assert at_working_size(saved("JPEG"), contract).shape == (height, width, 3)


def test_turned_pictures_are_measured_upright() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    assert read_picture(saved("JPEG", exif=turned), towards=Preprocessing(160, 50, 3, reduced=True)).shape[:2] == (160, 100)


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_near_to_full_decoding(resize: str) -> None:
    contract = Preprocessing(48, 48, 3, resize)
    data = saved("JPEG", quality=92)
    difference = at_working_size(data, contract).astype(int) - at_working_size(data, replace(contract, reduced=True))
    assert np.abs(difference).mean() < 2


def test_damage_is_told_all_the_same() -> None:
    with pytest.raises(decoding.UnreadablePicture, match=r"cut off|damaged"):
        at_working_size(saved("JPEG")[:-400], Preprocessing(20, 20, 3, reduced=True))


def test_chosen_where_pictures_are_twice_as_large() -> None:
    assert suited_reduction(375, 500, "squash", 96, 96)
    assert not suited_reduction(375, 500, "squash", 224, 224)
    assert not suited_reduction(375, 500, "centre", 96, 96)
