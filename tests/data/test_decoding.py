"""Stage A: every kind of file gives upright sRGB of 8 bits, or a reason."""

from __future__ import annotations

import csv
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from engine.data.decoding import UnreadablePicture, centred, read_header, read_picture, read_reduced, to_working_size
from engine.data.preprocessing import Preprocessing


def gradient(height: int = 40, width: int = 60) -> np.ndarray:
    """Smooth, different in every direction and channel, so that no turn or mirror goes unseen."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) * 255 // (height + width)], axis=2).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def huge_png(side: int = 30_000) -> bytes:
    """A valid PNG of side x side pixels in a few kilobytes: one bit each, all black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA"])
def test_lossless_kinds_give_their_pixels(kind: str) -> None:
    assert np.array_equal(read_picture(encoded(Image.fromarray(gradient()), kind)), gradient())


@pytest.mark.parametrize("options", [{"quality": 95}, {"quality": 60, "progressive": True}, {"quality": 80, "subsampling": 0}])
def test_jpeg_by_opencv_equals_pillow(options: dict[str, object]) -> None:
    data = encoded(Image.fromarray(gradient(123, 77)), "JPEG", **options)
    difference = np.abs(read_picture(data).astype(int) - np.asarray(Image.open(io.BytesIO(data)), int))
    assert difference.max() <= 2


def test_webp_and_avif_are_read() -> None:
    for kind in ("WEBP", "AVIF"):
        picture = read_picture(encoded(Image.fromarray(gradient()), kind, quality=95))
        assert np.abs(picture.astype(int) - gradient().astype(int)).mean() < 6


def test_16_bit_grey_is_scaled_by_its_full_range() -> None:
    values = np.linspace(0, 65535, 60 * 40).astype(np.uint16).reshape(40, 60)
    ok, data = cv2.imencode(".png", values)
    picture = read_picture(data.tobytes())
    assert ok
    assert np.array_equal(picture[:, :, 0], np.rint(values / 257.0).astype(np.uint8))
    assert read_header(data.tobytes()).grey


def test_16_bit_colour_keeps_its_high_byte() -> None:
    values = (gradient().astype(np.uint16) << 8) | 0x55
    data = cv2.imencode(".png", values[:, :, ::-1])[1].tobytes()
    assert np.abs(read_picture(data).astype(int) - gradient().astype(int)).max() <= 1


def test_float_and_wide_integers_are_stretched() -> None:
    values = np.linspace(-3.0, 9.0, 64, dtype=np.float32).reshape(8, 8)
    picture = read_picture(encoded(Image.fromarray(values), "TIFF"))
    assert picture.min() == 0
    assert picture.max() == 255
    unit = np.linspace(0.0, 1.0, 64, dtype=np.float32).reshape(8, 8)
    assert read_picture(encoded(Image.fromarray(unit), "TIFF")).max() == 255


def test_palette_grey_and_bilevel() -> None:
    image = Image.fromarray(gradient())
    palette = image.quantize(64)
    assert np.array_equal(read_picture(encoded(palette, "PNG")), np.asarray(palette.convert("RGB")))
    grey = image.convert("L")
    assert np.array_equal(read_picture(encoded(grey, "PNG")), np.asarray(grey.convert("RGB")))
    assert read_header(encoded(grey, "JPEG")).grey
    two = image.convert("1")
    assert np.array_equal(read_picture(encoded(two, "PNG")), np.asarray(two.convert("RGB")))


def test_transparency_lies_on_white() -> None:
    pixels = np.dstack([gradient(), np.zeros((40, 60), np.uint8)])
    pixels[:, 30:, 3] = 255
    picture = read_picture(encoded(Image.fromarray(pixels), "PNG"))
    assert (picture[:, :30] == 255).all()
    assert np.array_equal(picture[:, 30:], gradient()[:, 30:])
    grey = Image.fromarray(pixels).convert("LA")
    assert (read_picture(encoded(grey, "PNG"))[:, :30] == 255).all()


def test_transparent_palette_entry_lies_on_white() -> None:
    palette = Image.fromarray(np.full((4, 4, 3), 10, np.uint8)).quantize(2)
    data = encoded(palette, "PNG", transparency=int(np.asarray(palette)[0, 0]))
    assert (read_picture(data) == 255).all()


def test_cmyk_jpeg() -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    picture = read_picture(encoded(red, "JPEG", quality=95))
    assert picture[..., 0].min() > 200
    assert picture[..., 1:].max() < 60


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(kind: str, orientation: int) -> None:
    upright = Image.fromarray(gradient())
    back = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for step in back.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, kind, exif=exif, **({"quality": 95} if kind != "TIFF" else {}))
    picture = read_picture(data)
    header = read_header(data)
    assert picture.shape == (40, 60, 3)
    assert (header.height, header.width) == (40, 60)
    assert np.abs(picture.astype(int) - gradient().astype(int)).mean() < 4


def test_a_colour_profile_is_followed() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    plain = read_picture(encoded(Image.fromarray(gradient()), "PNG"))
    assert np.array_equal(read_picture(encoded(Image.fromarray(gradient()), "PNG", icc_profile=profile)), plain)  # does not fit: ignored
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(read_picture(encoded(Image.fromarray(gradient()), "PNG", icc_profile=srgb)), plain)
    assert np.array_equal(read_picture(encoded(Image.fromarray(gradient()), "PNG", icc_profile=b"no profile")), plain)


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (10, 200)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert abs(int(read_picture(data)[0, 0, 0]) - 10) <= 1, kind


def test_a_damaged_heic_has_a_reason() -> None:
    start = struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1")
    with pytest.raises(UnreadablePicture, match=r"is damaged|is not a picture"):
        read_picture(start + bytes(200))


# ---------------------------------------------------------------- what is refused


def reason_of(path: Path) -> str:
    with pytest.raises(UnreadablePicture) as caught:
        read_picture(path)
    with pytest.raises(UnreadablePicture) as header:
        read_header(path)
    assert header.value.reason == caught.value.reason
    assert path.name in str(caught.value)
    return caught.value.reason


def test_bad_files_are_refused_with_their_reason(tmp_path: Path) -> None:
    jpeg = encoded(Image.fromarray(gradient(200, 200)), "JPEG")
    png = encoded(Image.fromarray(gradient(200, 200)), "PNG")
    files = {
        "empty.jpg": (b"", "is empty (0 bytes)"),
        "text.png": ("Größe is not a picture\n".encode() * 40, "is not a picture (it holds text)"),
        "noise.png": (bytes(range(256)) * 4, "is not a picture of a known kind"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "is cut off"),
        "short.jpg": (jpeg[:-40], "is cut off"),
        "cut.png": (png[: len(png) // 2], "is cut off"),
        "huge.png": (huge_png(), "has 30,000 × 30,000 pixels, more than the limit of 100 million"),
    }
    for name, (data, reason) in files.items():
        (tmp_path / name).write_bytes(data)
        assert reason_of(tmp_path / name) == reason, name
    assert reason_of(tmp_path / "missing.png") == "is not there"
    (tmp_path / "folder.png").mkdir()
    assert reason_of(tmp_path / "folder.png") == "is a folder"


def test_a_jpeg_cut_after_its_thumbnail_is_refused() -> None:
    exif = Image.Exif()
    exif[0x010E] = "\xff"
    data = encoded(Image.fromarray(gradient(200, 200)), "JPEG", exif=exif)
    thumbnail = encoded(Image.fromarray(gradient(20, 20)), "JPEG")
    comment = b"\xff\xfe" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + comment + data[2:]
    assert read_picture(whole).shape == (200, 200, 3)
    with pytest.raises(UnreadablePicture, match="is cut off"):
        read_picture(whole[: len(whole) // 2])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"]), st.data())
def test_damaged_bytes_give_a_picture_or_a_reason(kind: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(Image.fromarray(gradient(24, 24)), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        picture = read_picture(cut)
    except UnreadablePicture as error:
        assert error.reason
    else:
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3


@pytest.mark.shared_data
def test_hostile_files_give_a_picture_or_a_reason(shared_data: Path) -> None:
    with (shared_data / "hostile" / "JUDGED.csv").open(newline="", encoding="utf-8") as stream:
        files = [shared_data / "hostile" / row["file"] for row in csv.DictReader(stream)]
    assert len(files) == 564
    readable = 0
    for path in files:
        try:
            picture = read_picture(path)
        except UnreadablePicture as error:
            assert error.reason
            continue
        readable += 1
        header = read_header(path)
        assert picture.dtype == np.uint8, path
        assert picture.shape == (header.height, header.width, 3), path
        assert picture.flags.c_contiguous
    assert readable >= 490


@pytest.mark.shared_data
def test_hostile_files_read_quickly_equal_pillow(shared_data: Path) -> None:
    """OpenCV's fast path against Pillow's pixels, where Pillow has no profile, orientation or transparency to follow."""
    compared = 0
    for path in sorted((shared_data / "hostile" / "pngsuite").rglob("*.png")):
        try:
            image = Image.open(io.BytesIO(path.read_bytes()))
            image.load()
        except (OSError, SyntaxError):
            continue
        if image.mode not in ("RGB", "L") or "transparency" in image.info or image.info.get("icc_profile"):
            continue
        compared += 1
        assert np.array_equal(read_picture(path), np.asarray(image.convert("RGB"))), path
    assert compared > 50


# ---------------------------------------------------------------- working size


def test_resize_modes() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 20:60] = 255  # the middle square is white
    crop = to_working_size(picture, Preprocessing(20, 20, 1, "crop"))
    assert (crop == 255).all()
    pad = to_working_size(picture, Preprocessing(40, 40, 3, "pad"))
    assert (pad[:10] == 0).all()
    assert (pad[30:] == 0).all()
    assert (pad[12:28, 12:28] == 255).all()
    squash = to_working_size(picture, Preprocessing(10, 8, 1, "squash"))
    assert squash.shape == (10, 8, 1)
    assert (squash[:, 3:5] == 255).all()
    centre = to_working_size(picture, Preprocessing(60, 40, 3, "centre"))
    assert centre.shape == (60, 40, 3)
    assert (centre[:10] == 0).all()
    assert (centre[10:50] == 255).all()


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.sampled_from([1, 3]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.sampled_from(["squash", "crop", "pad", "centre"]),
)
def test_any_size_becomes_the_working_size(h: int, w: int, c: int, height: int, width: int, channels: int, resize: str) -> None:
    picture = np.full((h, w, c), 77, np.uint8)
    result = to_working_size(picture, Preprocessing(height, width, channels, resize))
    assert result.shape == (height, width, channels)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous
    assert set(np.unique(result)) <= {0, 77}
    if resize in ("squash", "crop"):
        assert (result == 77).all()


def test_grey_is_rec_601_luma() -> None:
    for colour, expected in (((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((255, 255, 255), 255)):
        picture = np.full((4, 4, 3), colour, np.uint8)
        assert to_working_size(picture, Preprocessing(4, 4, 1))[0, 0, 0] == expected


def test_centring_28_in_32_is_lecuns_border() -> None:
    digits = np.full((2, 28, 28, 1), 9, np.uint8)
    result = centred(digits, 32, 32)
    assert result.sum() == digits.sum()
    assert (result[:, 2:30, 2:30] == 9).all()


def test_reduced_pictures_keep_their_proportions() -> None:
    data = encoded(Image.fromarray(gradient(400, 800)), "JPEG", quality=90)
    picture, width, height = read_reduced(data, 96)
    assert (width, height) == (800, 400)
    assert picture.shape == (48, 96, 3)
    small = encoded(Image.fromarray(gradient(8, 8)), "PNG")
    assert read_reduced(small, 96)[0].shape == (8, 8, 3)


@given(st.tuples(*[st.integers(0, 255)] * 3))
@settings(max_examples=20, deadline=None)
def test_transparency_lies_on_the_chosen_ground(ground: tuple[int, int, int]) -> None:
    pixels = np.dstack([gradient(), np.zeros((40, 60), np.uint8)])
    pixels[:, 20:, 3] = 128
    pixels[:, 40:, 3] = 255
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        picture = read_picture(encoded(Image.fromarray(pixels), kind, **options), ground=ground)
        assert (picture[:, :20] == ground).all()
        assert np.abs(picture[:, 20:40] - (gradient()[:, 20:40] * (128 / 255) + np.array(ground) * (127 / 255))).max() <= 1
        assert np.array_equal(picture[:, 40:], gradient()[:, 40:])
