"""Files on their way into a project: never lost, never left over, never in each other's way."""

from __future__ import annotations

import errno
import os
import threading
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.project import incoming
from engine.project.incoming import NAME_BYTES, Incoming, kept_name, plain_name, recover, settle


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


def test_files_move_once_their_rows_are_there(tmp_path: Path) -> None:
    arriving = Incoming(tmp_path)
    for content in (b"one", b"two"):
        name = arriving.write(arriving.reserve("a.png"), content)
        arriving.hand_over(name)
    assert names(tmp_path / "images") == []
    assert names(tmp_path / "incoming") == ["a (2).png", "a.png"]
    settle(tmp_path, ["file:images/a.png", "idx:images/a (2).png#0", "idx:images/a (2).png#1", "digits:3", "file:/elsewhere/b.png"])
    assert (tmp_path / "images" / "a.png").read_bytes() == b"one"
    assert (tmp_path / "images" / "a (2).png").read_bytes() == b"two"
    arriving.close()
    assert not (tmp_path / "incoming").exists()
    settle(tmp_path, ["file:images/a.png"])  # twice does no harm
    assert (tmp_path / "images" / "a.png").read_bytes() == b"one"


def test_what_has_no_row_goes_at_the_next_opening(tmp_path: Path) -> None:
    arriving = Incoming(tmp_path)
    for name in ("kept.png", "cut.jpg", "left.png"):
        arriving.write(arriving.reserve(name), name.encode())
    (tmp_path / "incoming" / "unpacked").mkdir()
    (tmp_path / "incoming" / "unpacked" / "c.png").write_bytes(b"c")
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "images" / "older.png").write_bytes(b"older")  # without a row; but nothing outside incoming is ever deleted
    rows = ["file:images/kept.png", "crop:images/cut.jpg#1,2,3,4", "file:images/older2.png", "file:/left.png"]
    assert recover(tmp_path, rows) == 2
    assert names(tmp_path / "images") == ["cut.jpg", "kept.png", "older.png"]
    assert not (tmp_path / "incoming").exists()
    assert recover(tmp_path, rows) == 0


def test_a_file_in_its_place_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "incoming").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"first")
    (tmp_path / "incoming" / "a.png").write_bytes(b"second")
    settle(tmp_path, ["file:images/a.png"])
    assert (tmp_path / "images" / "a.png").read_bytes() == b"first"


def test_names_are_free_in_any_spelling(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "Bär.JPG").write_bytes(b"")
    arriving = Incoming(tmp_path)
    decomposed = unicodedata.normalize("NFD", "bär.jpg")
    assert [arriving.reserve(name) for name in ("BÄR.jpg", decomposed, "a", "A", "a")] == [
        "BÄR (2).jpg",
        "bär (3).jpg",
        "a",
        "A (2)",
        "a (3)",
    ]


def test_another_lane_may_take_the_name(tmp_path: Path) -> None:
    first, second = Incoming(tmp_path), Incoming(tmp_path)
    name = first.reserve("a.png")
    assert second.write(second.reserve("a.png"), b"second") == "a.png"
    assert first.write(name, b"first") == "a (2).png"
    name = first.reserve("b.png")
    second.hand_over(second.write(second.reserve("b.png"), b"second"))
    settle(tmp_path, ["file:images/b.png"])
    assert first.write(name, b"first") == "b (2).png"
    assert (tmp_path / "images" / "b.png").read_bytes() == b"second"


def test_many_threads_write_many_files(tmp_path: Path) -> None:
    arriving = [Incoming(tmp_path) for _ in range(3)]
    written: list[tuple[str, bytes]] = []

    def write(one: Incoming, mark: bytes) -> None:
        for number in range(40):
            content = mark + str(number).encode()
            name = one.write(one.reserve("same.png"), content)
            one.hand_over(name)
            written.append((name, content))
            if number % 3 == 0:
                settle(tmp_path, [f"file:images/{name}"])

    threads = [threading.Thread(target=write, args=(one, mark)) for one, mark in zip(arriving, (b"a", b"b", b"c"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({name for name, _ in written}) == len(written) == 120
    settle(tmp_path, [f"file:images/{name}" for name, _ in written])
    assert all((tmp_path / "images" / name).read_bytes() == content for name, content in written)


def test_what_was_not_handed_over_goes(tmp_path: Path) -> None:
    arriving = Incoming(tmp_path)
    done, kept, loose = (arriving.write(arriving.reserve(name), b"x") for name in ("done.png", "kept.png", "loose.png"))
    arriving.hand_over(done)
    arriving.close(keep=[kept])
    assert names(tmp_path / "incoming") == ["done.png", "kept.png"]
    assert arriving.write(arriving.reserve("late.png"), b"x") is None
    assert loose not in names(tmp_path / "incoming")
    arriving.close()
    assert names(tmp_path / "incoming") == ["done.png"]


def test_half_a_file_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(stream: object, data: object) -> None:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    arriving = Incoming(tmp_path)
    monkeypatch.setattr(incoming, "_fill", full)
    with pytest.raises(OSError, match="No space"):
        arriving.write(arriving.reserve("a.png"), b"whole")
    assert names(tmp_path / "incoming") == []


def test_files_are_copied_and_moved(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(3_000_000))
    content = source.read_bytes()
    arriving = Incoming(tmp_path / "project")
    copied = arriving.write(arriving.reserve("copied"), source)
    moved = arriving.write(arriving.reserve("moved"), content, source)
    assert not source.exists()
    for name in (copied, moved):
        assert (tmp_path / "project" / "incoming" / name).read_bytes() == content
    again = arriving.write(arriving.reserve("again"), content, source)  # it cannot be moved any more
    assert (tmp_path / "project" / "incoming" / again).read_bytes() == content


def test_files_held_by_another_program_move_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arriving = Incoming(tmp_path)
    arriving.hand_over(arriving.write(arriving.reserve("a.png"), b"x"))
    rename, refused = os.rename, []

    def held(source: object, target: object) -> None:
        if len(refused) < 2:
            refused.append(source)
            raise PermissionError(errno.EACCES, "in use")
        rename(source, target)

    monkeypatch.setattr(incoming, "PATIENCE", (0.0, 0.0, 0.0))
    monkeypatch.setattr(incoming.os, "rename", held)
    settle(tmp_path, ["file:images/a.png"])
    assert names(tmp_path / "images") == ["a.png"]
    assert len(refused) == 2


@given(st.text(max_size=300))
def test_plain_names_suit_every_system(name: str) -> None:
    plain = plain_name(name)
    assert 0 < len(plain.encode("utf-8", "surrogatepass")) <= NAME_BYTES + 8
    assert not set(plain) & set('<>:"/\\|?*#\0')
    assert plain == plain.strip() and plain not in (".", "..") and not plain.endswith(".")
    assert plain.partition(".")[0].casefold() not in ("con", "prn", "aux", "nul", "com1", "lpt9")
    assert plain_name(plain) == plain


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Катя.png", "Катя.png"),
        ("猫.jpg", "猫.jpg"),
        ("🐈‍⬛.webp", "🐈‍⬛.webp"),
        ('it\'s "it".png', "it's _it_.png"),
        ("a#3.png", "a_3.png"),
        ("CON.png", "_CON.png"),
        ("   .png", "png"),
        ("", "picture"),
        ("x" * 250 + ".jpeg", "x" * 145 + ".jpeg"),
        ("猫" * 80 + ".png", "猫" * 48 + ".png"),
    ],
)
def test_names(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_kept_names() -> None:
    assert kept_name("file:images/a#b.png") == "a#b.png"
    assert kept_name("cifar:images/data_batch_1#17") == "data_batch_1"
    assert kept_name("file:images/raw/a.png") == kept_name("file:/images/a.png") == kept_name("digits:3") == ""
