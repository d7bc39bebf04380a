"""Looks at files without a project: kept until a file changes, whatever has become of what was kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from doctor_copies import scene
from PIL import Image

from engine.control import Cancelled, CancelToken
from engine.data import looks
from engine.data.sources import scan
from engine.doctor import looked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        Image.fromarray(scene(number, 64)).save(tmp_path / f"{number}.png")
    (tmp_path / "12.png").write_bytes((tmp_path / "1.png").read_bytes()[:300])
    return tmp_path


def names(count: int) -> list[str]:
    return [f"file:{number}.png" for number in range(count)]


def test_looks_are_those_of_an_import(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    found = looked.look_through(names(13), str(folder), progress=lambda done, total: told.append((done, total)))
    assert list(found.failed) == [12]
    assert found.digests[12] == 0
    assert told
    for row in range(12):
        look = looks.look_at(folder / f"{row}.png")[0]
        assert int(found.digests[row]) == looks.short_digest(look.digest)
        assert int(found.hashes[row]) == look.hash
        assert found.sharpness[row] == pytest.approx(look.sharpness, abs=1e-6)
        assert (found.widths[row], found.heights[row]) == (64, 64)


def test_files_are_decoded_once_and_again_after_a_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = looked.look_through(names(12), str(folder))
    asked: list[Path] = []
    whole = looks.look_at
    monkeypatch.setattr(looked.looks, "look_at", lambda path: asked.append(path) or whole(path))
    again = looked.look_through(names(12), str(folder))
    assert asked == []
    assert all(np.array_equal(one, other) for one, other in zip(first[:-1], again[:-1], strict=True))
    Image.fromarray(scene(99, 70)).save(folder / "3.png")
    changed = looked.look_through(names(12), str(folder))
    assert [path.name for path in asked] == ["3.png"]
    assert changed.digests[3] != first.digests[3]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 cut off"])
def test_a_damaged_cache_costs_only_time(folder: Path, own_home: Path, content: bytes) -> None:
    first = looked.look_through(names(12), str(folder))
    (kept,) = (own_home / "cache" / "looks").iterdir()
    kept.write_bytes(content)
    assert np.array_equal(looked.look_through(names(12), str(folder)).digests, first.digests)


def test_cancelled_looking_keeps_what_it_has(folder: Path, own_home: Path) -> None:
    token = CancelToken()

    def progress(done: int, total: int) -> None:
        if done == 5:
            token.cancel()

    with pytest.raises(Cancelled):
        looked.look_through(names(12), str(folder), token, progress)
    assert len(list((own_home / "cache" / "looks").iterdir())) == 1


def test_pictures_in_arrays_have_the_digests_of_a_project() -> None:
    source = scan("digits")
    locators = [item.locator for item in source.items]
    digests, hashes = looked.marks_of(locators, source.root)
    whole = looked.look_through(locators, source.root)
    assert np.array_equal(digests, whole.digests)
    assert np.array_equal(hashes, whole.hashes)
    assert (hashes == 0).all()  # 8 x 8 pixels are too few to tell different digits apart
