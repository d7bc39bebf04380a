"""Thumbnails and large pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import messages as m
from engine.control import Cancelled, CancelToken
from engine.failure import UserError
from engine.project.pictures import ThumbnailCache
from engine.project.thumbnails import FILE, close_thumbnails


def test_thumbnails_come_in_parcels_and_in_order(bench) -> None:
    bench.run(m.OpenSample())
    wanted = tuple(range(100, 0, -1))
    events = bench.run(m.WantThumbnails(wanted))
    assert sum((event.images for event in events), ()) == wanted
    assert all(len(event.images) <= 32 for event in events)
    assert all(picture.shape == (8, 8, 3) for event in events for picture in event.pictures)  # native: small ones are not enlarged


def test_thumbnails_of_files(bench, photographs: Path, tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1500), (200, 10, 10)).save(tmp_path / "large.jpg", quality=95)
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(tmp_path / "large.jpg"), str(photographs))))
    bench.run(m.WantThumbnails((1, 2, 999), side=64))
    event = bench.only(m.ThumbnailsReady)
    assert event.images == (1, 2)  # a picture that has gone is passed over
    assert event.pictures[0].shape == (32, 64, 3)
    assert abs(int(event.pictures[0][5, 5, 0]) - 200) < 4
    assert event.pictures[1].shape == (10, 20, 3)


def test_unreadable_pictures_are_none(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),), copy=False))
    (photographs / "cat" / "0.png").unlink()
    close_thumbnails(bench.session.project.folder)
    (bench.session.project.folder / FILE).unlink()
    bench.run(m.WantThumbnails((1, 2), side=17))
    assert bench.only(m.ThumbnailsReady).pictures[0] is None
    bench.run(m.WantPicture(1))
    event = bench.only(m.PictureReady)
    assert event.pixels is None
    assert event.error == "0.png is not there."
    assert event.path == str(photographs / "cat" / "0.png")


def test_a_large_picture(bench, tmp_path: Path) -> None:
    Image.new("RGB", (800, 400), (1, 200, 3)).save(tmp_path / "a.png")
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(tmp_path / "a.png"),)))
    bench.run(m.WantPicture(1, side=100))
    event = bench.only(m.PictureReady)
    assert event.pixels.shape == (50, 100, 3)
    assert (event.original_width, event.original_height) == (800, 400)
    with pytest.raises(UserError, match="no longer"):
        bench.run(m.WantPicture(2))


def test_a_newer_request_ends_the_older(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        bench.run(m.WantThumbnails(tuple(range(1, 21)), side=19), token)


def test_the_cache_keeps_to_its_limit() -> None:
    cache = ThumbnailCache(1000)
    picture = np.zeros((10, 10, 3), np.uint8)
    for number in range(5):
        cache.put(("", str(number), 0, 10), picture)
    assert cache.get(("", "1", 0, 10))[0] is False
    assert cache.get(("", "4", 0, 10))[0] is True
    cache.put(("", "none", 0, 10), None)
    assert cache.get(("", "none", 0, 10)) == (True, None)
