"""What one look at a picture gives."""

from __future__ import annotations

import hashlib
import io
import math
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from engine.data.decoding import UnreadablePicture, read_picture, shrunk
from engine.data.hashes import perceptual_hash
from engine.data.looks import decoded, encoded, look_at, look_of_pixels, measured, seconds_of, short_digest


def made(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Soft shapes: what photographs are made of."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def saved(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def bits(first: int, second: int) -> int:
    return (first ^ second).bit_count()


def test_a_look_says_what_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(saved(made(800, 600), "JPEG", quality=95))
    look, thumbnail = look_at(path)
    assert look.digest == hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
    assert (look.width, look.height, look.size) == (800, 600, path.stat().st_size)
    assert look.time == path.stat().st_mtime
    assert thumbnail[:2] == b"\xff\xd8"
    shown = decoded(thumbnail)
    assert shown.shape == (96, 128, 3)
    whole = cv2.resize(read_picture(path), (128, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(shown.astype(int) - whole).mean() < 3
    grey = cv2.cvtColor(whole, cv2.COLOR_RGB2GRAY) / 255.0
    assert look.brightness == pytest.approx(grey.mean(), abs=0.01)
    assert look.contrast == pytest.approx(grey.std(), abs=0.01)
    assert look_at(path.read_bytes(), "a", 17.0)[0].time == 17.0


def test_the_same_look_from_path_and_content(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(saved(made(300, 200), "PNG"))
    time = path.stat().st_mtime
    assert look_at(path) == look_at(path.read_bytes(), "a.png", time)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_orientation_and_date_are_followed(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2001:01:01 00:00:00"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:31 17:02:11"
    look, thumbnail = look_at(saved(made(400, 200), kind, exif=exif), "turned")
    assert (look.width, look.height) == (200, 400)
    assert decoded(thumbnail).shape == (128, 64, 3)
    assert look.time == datetime(2024, 5, 31, 17, 2, 11).timestamp()


def test_dates_that_are_none_are_unknown() -> None:
    for text in ("", "0000:00:00 00:00:00", "2024-05-31", "    :  :     :  :  ", "9999:99:99 99:99:99"):
        assert math.isnan(seconds_of(text)), text
    exif = Image.Exif()
    exif[0x0132] = "0000:00:00 00:00:00"
    assert look_at(saved(made(90, 90), "JPEG", exif=exif), "a", 5.0)[0].time == 5.0


@pytest.mark.parametrize("size", [(1, 1), (64, 3), (28, 28), (64, 64)])
def test_small_pictures_keep_every_pixel(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    look, thumbnail = look_at(saved(pixels, "PNG"), "small")
    assert np.array_equal(decoded(thumbnail), pixels)
    assert np.array_equal(decoded(look_of_pixels(pixels)[1]), pixels)
    assert (look.width, look.height) == size


def test_thumbnails_never_enlarge() -> None:
    assert decoded(encoded(made(100, 70))).shape == (70, 100, 3)
    assert shrunk(made(100, 70), 128).shape == (70, 100, 3)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from([16, 96, 128, 512]))
def test_shrunk_pictures_have_the_side_and_the_colours(width: int, height: int, side: int) -> None:
    pixels = made(width, height, width * height)
    small = shrunk(pixels, side)
    scale = min(1.0, side / max(width, height))
    assert small.shape == (max(1, round(height * scale)), max(1, round(width * scale)), 3)
    assert small.dtype == np.uint8
    if min(small.shape[:2]) > 32:
        assert np.abs(small.mean(axis=(0, 1)) - pixels.mean(axis=(0, 1))).max() < 4


def test_hashes_outlive_what_happens_to_pictures() -> None:
    image = Image.fromarray(made(600, 400, 3)).filter(ImageFilter.GaussianBlur(2))
    original = look_at(saved(np.asarray(image), "PNG"), "a")[0].hash
    changed = {
        "smaller": image.resize((300, 200)),
        "recompressed": Image.open(io.BytesIO(saved(np.asarray(image), "JPEG", quality=30))).convert("RGB"),
        "brighter": image.point(lambda value: min(255, int(value * 0.8 + 40))),
        "cropped": image.crop((10, 6, 594, 396)),
    }
    for name, other in changed.items():
        assert bits(original, look_at(saved(np.asarray(other), "PNG"), name)[0].hash) <= 10, name
    others = [measured(made(300, 200, seed)).hash for seed in range(10, 40)]
    assert min(bits(original, other) for other in others) > 10


def test_flat_pictures_have_no_hash() -> None:
    for value in (0, 128, 255):
        look = measured(np.full((200, 300, 3), value, np.uint8))
        assert look.hash == perceptual_hash(np.full((200, 300, 3), value, np.uint8)) == 0
        assert look.brightness == pytest.approx(value / 255)
        assert look.contrast == look.sharpness == 0


def test_blurred_pictures_are_less_sharp() -> None:
    sharp = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 3)
    assert measured(sharp).sharpness > 10 * measured(blurred).sharpness
    assert measured(sharp // 2).brightness == pytest.approx(measured(sharp).brightness / 2, abs=0.01)


def test_digests_of_pixels_tell_shapes_apart() -> None:
    flat = np.arange(48, dtype=np.uint8)
    first, second = measured(flat.reshape(2, 8, 3)), measured(flat.reshape(4, 4, 3))
    assert first.digest != second.digest
    assert (first.size, math.isnan(first.time)) == (0, True)
    assert short_digest(first.digest) == int.from_bytes(first.digest[:8], "big")


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture, match=r"^x\.jpg is not there"):
        look_at(tmp_path / "x.jpg")
    with pytest.raises(UnreadablePicture, match="holds text"):
        look_at(b"words", "words.txt")
    with pytest.raises(UnreadablePicture, match="is cut off"):
        look_at(saved(made(200, 200), "JPEG")[:-200], "cut.jpg")


@pytest.mark.shared_data
def test_photographs_differ_from_each_other(shared_data: Path) -> None:
    paths = [path for path in (shared_data / "photos").iterdir() if path.suffix in (".jpg", ".png")]
    hashes = {path.name: look_at(path)[0].hash for path in paths}
    assert all(hashes.values())
    names = sorted(hashes)
    near = {(a, b) for row, a in enumerate(names) for b in names[row + 1 :] if bits(hashes[a], hashes[b]) <= 16}
    assert near == {("cat.png", "cat_720p.jpg")}  # the same photograph, once small and once large
