"""Zip archives: what is in them is found; what would do harm is refused; what fails leaves nothing behind."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine import places
from engine.control import Cancelled, CancelToken
from engine.data.locators import read_located
from engine.data.sources import archives, entries, scan, stands_for_pictures
from engine.data.sources.entries import place_of
from engine.failure import UserError
from engine.project.records import Split


def png(value: int = 100) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (value, 1, 2)).save(stream, "PNG")
    return stream.getvalue()


def zipped(path: Path, contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


CLASSES = {"cat/1.png": png(1), "cat/2.png": png(2), "dog/1.png": png(3)}


@pytest.fixture(autouse=True)
def _nothing_half_done() -> Iterator[None]:
    yield
    folder = places.cache() / "unpacked"
    left = [entry.name for entry in folder.iterdir()] if folder.exists() else []
    assert not [name for name in left if name.endswith(".part")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_folder_a_class(tmp_path: Path, method: int) -> None:
    source = scan(zipped(tmp_path / "pets.zip", CLASSES, method))
    assert (source.name, source.kind, source.classes, source.temporary) == ("pets", "class folders", ("cat", "dog"), True)
    assert [int(read_located(item.locator, source.root)[0, 0, 0]) for item in source.items] == [1, 2, 3]
    assert stands_for_pictures(tmp_path / "PETS.ZIP")
    assert not stands_for_pictures(tmp_path / "pets.png")


def test_anything_that_is_data_is_data_in_an_archive(tmp_path: Path) -> None:
    around = {f"pets-main/data/{split}/{name}": data for split in ("train", "test") for name, data in CLASSES.items()}
    source = scan(zipped(tmp_path / "a.zip", around | {"pets-main/README.md": b"pets"}))
    assert (source.kind, len(source.items)) == ("split folders", 6)
    table = {"set/labels.csv": b"file,label\na.png,cat\nb.png,dog\n", "set/a.png": png(1), "set/b.png": png(2)}
    source = scan(zipped(tmp_path / "b.zip", table))
    assert (source.kind, source.classes) == ("table", ("cat", "dog"))
    idx = {
        "raw/t10k-images-idx3-ubyte": struct.pack(">HBBIII", 0, 8, 3, 2, 2, 2) + bytes(8),
        "raw/t10k-labels-idx1-ubyte": struct.pack(">HBBI", 0, 8, 1, 2) + bytes((3, 4)),
    }
    assert [item.split for item in scan(zipped(tmp_path / "c.zip", idx)).items] == [Split.TEST] * 2


def test_it_is_unpacked_once_and_anew_where_files_are_gone(tmp_path: Path) -> None:
    path = zipped(tmp_path / "pets.zip", CLASSES)
    first = scan(path)
    file = Path(first.root, "cat", "1.png")
    stamp = file.stat().st_ino
    assert scan(path) == first
    assert file.stat().st_ino == stamp
    file.unlink()  # as an import that moves files does
    assert scan(path) == first
    assert file.is_file()
    zipped(path, {"cat/1.png": png(9)})
    os.utime(path, ns=(1, 1))
    assert len(scan(path).items) == 1
    assert len([entry for entry in (places.cache() / "unpacked").iterdir() if entry.is_dir()]) == 2


def test_into_a_folder_of_the_callers(tmp_path: Path) -> None:
    path = zipped(tmp_path / "pets.zip", CLASSES)
    source = scan(path, unpack_to=tmp_path / "here")
    assert source.root == str(tmp_path / "here")
    assert source.name == "pets"
    assert not (places.cache() / "unpacked").exists()
    with pytest.raises(UserError, match="is not empty"):
        scan(path, unpack_to=tmp_path / "here")


def test_entries_that_lead_elsewhere_are_named(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    outside = ["../out.png", "cat/../../out.png", "/etc/out.png", "C:/out.png", "C:out.png", "..\\out.png", "\\\\server\\out.png"]
    zipped(path, dict.fromkeys(outside, png()) | CLASSES)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("cat/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        device = zipfile.ZipInfo("cat/device.png")
        device.create_system, device.external_attr = 3, 0o020666 << 16
        archive.writestr(device, "")
    source = scan(path)
    assert len(source.items) == 3
    reasons = {entry.file: entry.reason for entry in source.skipped}
    assert set(reasons) == {name.replace("\\", "/") for name in outside} | {"cat/link.png", "cat/device.png"}
    assert reasons["../out.png"] == "would lie outside (its path holds ..)"
    assert reasons["/etc/out.png"] == "would lie outside (its path is absolute)"
    assert reasons["cat/link.png"] == "is a link, which is not followed"
    everything = [file.name for place in (tmp_path, places.cache()) for file in place.rglob("*")]
    assert "out.png" not in everything
    with pytest.raises(UserError, match=r"Nothing in all\.zip can be unpacked: \.\./a\.png would lie outside"):
        scan(zipped(tmp_path / "all.zip", {"../a.png": png()}))


@given(st.text(st.characters(codec="utf-8"), max_size=30) | st.text("./\\:aC", max_size=12))
@settings(max_examples=300, deadline=None)
def test_no_name_leads_out(name: str) -> None:
    try:
        parts = place_of(name.replace("\\", "/"))
    except ValueError:
        return
    folder = Path("/some/folder")
    place = Path(os.path.normpath(folder.joinpath(*parts)))
    assert place.is_relative_to(folder)
    assert all("\0" not in part for part in parts)


def test_bombs_are_refused_before_a_byte_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.png", "w") as stream:
        for _ in range(150):
            stream.write(bytes(1_000_000))
    assert path.stat().st_size < 200_000
    with pytest.raises(UserError, match=r"bomb\.zip is not unpacked: .* kB would become 150\.0 MB"):
        scan(path)
    inner = path.read_bytes()
    layer = {f"{number}.zip": inner for number in range(4)}
    nested = zipped(tmp_path / "nested.zip", {"a.png": png()} | layer)
    source = scan(nested)
    assert len(source.items) == 1
    assert {entry.file for entry in source.skipped} == set(layer)
    assert all("would become" in entry.reason for entry in source.skipped)


def test_an_archive_that_overlaps_itself(tmp_path: Path) -> None:
    """Many entries of the list point to the same bytes: David Fifield, "A better zip bomb" (2019)."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(bytes(10_000_000)) + kernel.flush()
    crc = zlib.crc32(bytes(10_000_000))
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(packed), 10_000_000, 5, 0) + b"a.png" + packed
    listed = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(packed), 10_000_000, 5, 0, 0, 0, 0, 0, 0) + b"a.png"
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 200, 200, 200 * len(listed), len(local), 0)
    (tmp_path / "overlap.zip").write_bytes(local + 200 * listed + end)
    with pytest.raises(UserError, match="would become 2"):
        scan(tmp_path / "overlap.zip")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "pets.zip", CLASSES)
    monkeypatch.setattr(entries, "ENTRY_LIMIT", 2)
    with pytest.raises(UserError, match=r"pets\.zip holds 3 files, more than the limit of 2"):
        scan(path)
    monkeypatch.undo()
    monkeypatch.setattr(entries, "ENTRY_BYTES", 10)
    with pytest.raises(UserError, match="more than the limit"):
        scan(path)


def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    monkeypatch.setenv("FOVEA_HOME", str(own_home))
    path = zipped(tmp_path / "pets.zip", CLASSES, zipfile.ZIP_STORED)

    class Usage:
        free = 100

    monkeypatch.setattr(archives.shutil, "disk_usage", lambda folder: Usage)
    with pytest.raises(UserError, match=r"pets\.zip does not fit: it needs 0\.\d kB, and 0\.1 kB of the disk can be used"):
        scan(path)


def test_cut_off_damaged_and_empty(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", CLASSES, zipfile.ZIP_STORED).read_bytes()
    for name, data, words in (
        ("cut.zip", whole[: len(whole) // 2], "is cut off: the end of the archive is missing"),
        ("empty.zip", b"", r"is empty \(0 bytes\)"),
        ("text.zip", b"hello", "is not a zip archive"),
        ("list.zip", whole[:40] + whole[-60:], "is damaged or cut off"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=f"{name} {words}"):
            scan(tmp_path / name)
    at = whole.index(b"IDAT") + 6
    (tmp_path / "flipped.zip").write_bytes(whole[:at] + bytes((whole[at] ^ 255,)) + whole[at + 1 :])
    source = scan(tmp_path / "flipped.zip")
    assert len(source.items) == 2
    assert [(entry.file, entry.reason) for entry in source.skipped] == [("cat/1.png", "is damaged in the archive")]
    with pytest.raises(UserError, match=r"The archive none\.zip holds no pictures"):
        scan(zipped(tmp_path / "none.zip", {"a.txt": b"text"}))
    with pytest.raises(UserError, match="holds no pictures"):
        scan(zipped(tmp_path / "nothing.zip", {}))


def test_every_cut_of_an_archive_is_one_clear_sentence(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", {"cat/1.png": png(1)}).read_bytes()
    path = tmp_path / "cut.zip"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError):
            scan(path)


def test_encrypted(tmp_path: Path) -> None:
    data = bytearray(zipped(tmp_path / "locked.zip", {"a.png": png()}).read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    with pytest.raises(UserError, match=r"a\.png is encrypted") as caught:
        scan(tmp_path / "locked.zip")
    assert "password" in caught.value.remedy


def test_archives_in_an_archive_are_followed_once(tmp_path: Path) -> None:
    third = zipped(tmp_path / "3.zip", {"x.png": png(7)}).read_bytes()
    second = zipped(tmp_path / "2.zip", CLASSES | {"dog/3.zip": third}).read_bytes()
    source = scan(zipped(tmp_path / "1.zip", {"train.zip": second, "test.zip": second, "readme.txt": b"x", "bad.zip": b"PK"}))
    assert source.kind == "split folders"
    assert (len(source.items), source.classes) == (6, ("cat", "dog"))
    reasons = {entry.file: entry.reason for entry in source.skipped}
    assert reasons["train.zip/dog/3.zip"] == "is an archive in an archive in an archive"
    assert reasons["bad.zip"].startswith("is an archive that was not unpacked: bad.zip is cut off")


def test_names_of_other_systems(tmp_path: Path) -> None:
    path = tmp_path / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("кот/猫 🐈.png", png(1))
        archive.writestr('cat\'s "dog"/1.png', png(2))
        archive.writestr("__MACOSX/cat/._1.png", b"fork")
        archive.writestr(".hidden/1.png", png(3))
    source = scan(path)
    assert set(source.classes) == {"кот", 'cat\'s "dog"'}
    assert source.skipped == ()
    raw = zipped(tmp_path / "mac.zip", {"QQQQ/1.png": png(1)}).read_bytes().replace(b"QQQQ", "кр".encode())
    (tmp_path / "mac.zip").write_bytes(raw)  # UTF-8 without saying so
    assert scan(tmp_path / "mac.zip").classes == ("кр",)
    raw = zipped(tmp_path / "dos.zip", {"QQ/1.png": png(1)}).read_bytes().replace(b"QQ", b"\x81\x84")
    (tmp_path / "dos.zip").write_bytes(raw)  # code page 437
    assert scan(tmp_path / "dos.zip").classes == ("üä",)


def test_one_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", png(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("cat/1.png", png(2))
        archive.writestr("cat/1.png/below.png", png(2))
        archive.writestr(f"dog/{'x' * 300}.png", png(2))
    source = scan(path)
    assert len(source.items) == 1
    assert len(source.skipped) == 3


def test_large_archives(tmp_path: Path) -> None:
    path = tmp_path / "zip64.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("cat/1.png", "w", force_zip64=True) as stream:
        stream.write(png())
    assert len(scan(path).items) == 1


def test_cancelled(tmp_path: Path) -> None:
    path = zipped(tmp_path / "pets.zip", CLASSES)
    token = CancelToken()
    told = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        if done == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        scan(path, token, progress)
    assert told == [(0, 3), (1, 3)]
    assert list((places.cache() / "unpacked").iterdir()) == []
