"""Standard sets and addresses into a project, from a server on loopback: fetched, unpacked, taken in; and every way in which that fails."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "data"))

import set_files
from web import Page, Web

from engine import places
from engine.control import Cancelled, CancelToken
from engine.data import addresses, downloading
from engine.data.locators import read_located
from engine.data.standard_sets import SetFile, StandardSet, find_set
from engine.data.unpacking import unpack
from engine.failure import UserError
from engine.messages import Event, ImportAddresses, ImportFinished, ImportSet, JobProgress
from engine.project import fetching
from engine.project.fetching import get_set, import_addresses, import_set
from engine.project.opened import OpenedProject
from engine.project.records import Split
from engine.session import Session


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.005)
    made = Web()
    yield made
    made.close()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session()
    made.project = OpenedProject(tmp_path / "project", create=True, name="P")
    yield made
    if made.project is not None:
        made.project.close()


def packed(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for entry in sorted(folder.iterdir()):
            archive.add(entry, entry.name)
    return stream.getvalue()


def offer(monkeypatch, name: str, **changes) -> StandardSet:
    record = msgspec.structs.replace(find_set(name), **changes)
    monkeypatch.setattr(fetching, "find_set", lambda asked: record if asked == name else None)
    return record


def take(session: Session, name: str, folder: str = "", token: CancelToken | None = None) -> list[Event]:
    events: list[Event] = []
    import_set(session, ImportSet(name, folder), token or CancelToken(), events.append)
    return events


@pytest.fixture
def cifar(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandardSet:
    """CIFAR-10 of 24 pictures, on the server."""
    set_files.cifar_10(tmp_path / "made")
    content = packed(tmp_path / "made")
    web.pages["/cifar-10-python.tar.gz"] = Page(content)
    file = SetFile(
        "cifar-10-python.tar.gz", len(content), hashlib.md5(content).hexdigest(), (web.at("/cifar-10-python.tar.gz"),), unpack=""
    )  # fmt: skip
    return offer(monkeypatch, "cifar-10", files=(file,))


# ---------------------------------------------------------------- sets


def test_a_set_is_fetched_unpacked_and_taken_in_as_one_step(session, web, cifar):
    events = take(session, "cifar-10")
    finished = events[-1]
    assert isinstance(finished, ImportFinished) and (finished.taken, finished.skipped) == (24, ())
    table, project = session.project.snapshot.table, session.project
    assert [record.name for record in project.snapshot.classes][:2] == ["airplane", "automobile"]
    assert np.bincount(table.splits, minlength=4)[Split.TEST] == 4
    expected = set_files.noise(4, 3072).reshape(4, 3, 32, 32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(read_located(project.snapshot.locators[2], project.folder), expected[2])
    assert all(locator.startswith("cifar:images/") for locator in project.snapshot.locators)
    assert sorted(path.name for path in places.sets().iterdir()) == ["cifar-10-batches-py"], "the archive is not kept twice"
    project.undo()
    assert len(project.snapshot.table.ids) == 0
    project.redo()
    assert take(session, "cifar-10")[-1].taken == 0 and len(web.asked) == 1, "at hand: not fetched again"


def test_progress_tells_amount_and_speed(session, web, cifar, monkeypatch):
    monkeypatch.setattr(fetching, "PROGRESS_SECONDS", 0.0)
    texts = [event.text for event in take(session, "cifar-10") if isinstance(event, JobProgress)]
    assert any(text.startswith("Fetching CIFAR-10, cifar-10-python.tar.gz:") and text.endswith("/s") for text in texts)
    assert any(text.startswith("Unpacking") for text in texts)


def test_the_archive_alone_is_enough_and_stays(session, web, cifar, tmp_path):
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "cifar-10-python.tar.gz").write_bytes(web.pages["/cifar-10-python.tar.gz"].content)
    assert take(session, "cifar-10", str(folder))[-1].taken == 24
    assert not web.asked and (folder / "cifar-10-python.tar.gz").exists()


def test_an_archive_of_other_bytes_is_named_and_not_touched(session, web, cifar, tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"something else")
    with pytest.raises(UserError, match="is not the file of CIFAR-10"):
        take(session, "cifar-10", str(tmp_path))
    assert (tmp_path / "cifar-10-python.tar.gz").read_bytes() == b"something else" and not web.asked


def test_without_the_network_it_says_which_file_to_put_where(session, web, cifar):
    web.pages.clear()
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz could not be fetched") as failure:
        take(session, "cifar-10")
    assert str(places.sets() / "cifar-10-python.tar.gz") in failure.value.remedy
    assert len(session.project.snapshot.table.ids) == 0


@pytest.mark.parametrize("name", ["cars", "voc-2007", "coco", "imagenet", "cub-200"])
def test_sets_from_local_copies_say_what_they_need(session, name):
    record = find_set(name)
    with pytest.raises(UserError, match="cannot be fetched by a program") as failure:
        take(session, name)
    assert all(str(places.sets() / file.path) in failure.value.remedy for file in record.files)


def test_birds_come_from_the_archive_that_one_got_by_hand(session, tmp_path, monkeypatch):
    set_files.cub(tmp_path / "made")
    (tmp_path / "CUB_200_2011.tgz").write_bytes(packed(tmp_path / "made"))
    offer(monkeypatch, "cub-200", files=(SetFile("CUB_200_2011.tgz", unpack=""),))
    finished = take(session, "cub-200", str(tmp_path))[-1]
    assert finished.taken == 3 and "refers to them" in finished.warnings[0] and not (session.project.folder / "images").exists()
    assert len(session.project.snapshot.classes) == 2


def test_a_large_set_is_referred_to_and_that_is_said(session, web, cifar, monkeypatch):
    monkeypatch.setattr(fetching, "COPY_BYTES", 10)
    finished = take(session, "cifar-10")[-1]
    assert "CIFAR-10 is large" in finished.warnings[0] and not (session.project.folder / "images").exists()
    locator = session.project.snapshot.locators[0]
    assert str(places.sets().as_posix()) in locator
    assert read_located(locator, session.project.folder).shape == (32, 32, 3)


def test_archives_in_the_archive_are_unpacked(session, web, tmp_path, monkeypatch):
    set_files.caltech(tmp_path / "made")
    inner = packed(tmp_path / "made" / "caltech101")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("caltech-101/101_ObjectCategories.tar.gz", inner)
    web.pages["/caltech-101.zip"] = Page(stream.getvalue())
    file = msgspec.structs.replace(find_set("caltech-101").files[0], addresses=(web.at("/caltech-101.zip"),), md5="", size=1)
    offer(monkeypatch, "caltech-101", files=(file,))
    assert take(session, "caltech-101")[-1].taken == 5


def test_half_a_set_is_completed_not_taken_for_the_whole(session, web, tmp_path, monkeypatch):
    pictures, labels = set_files.noise(5, 28, 28), np.arange(5, dtype=np.uint8)
    for part in ("train", "t10k"):
        set_files.idx(tmp_path / "made" / f"{part}-images-idx3-ubyte.gz", pictures + len(part), packed=True)
        set_files.idx(tmp_path / "made" / f"{part}-labels-idx1-ubyte.gz", labels, packed=True)
    files = []
    for file in find_set("mnist").files:
        content = (tmp_path / "made" / file.name).read_bytes()
        web.pages[f"/{file.name}"] = Page(content)
        sums = hashlib.md5(content).hexdigest()
        files.append(msgspec.structs.replace(file, addresses=(web.at(f"/{file.name}"),), md5=sums, size=len(content)))
    offer(monkeypatch, "mnist", files=tuple(files))
    raw = tmp_path / "mine" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        (raw / name).write_bytes((tmp_path / "made" / name).read_bytes())
    assert take(session, "mnist", str(tmp_path / "mine"))[-1].taken == 10
    assert [path for path, _ in web.asked] == ["/t10k-images-idx3-ubyte.gz", "/t10k-labels-idx1-ubyte.gz"]


def test_a_cancelled_fetch_leaves_the_project_as_it_was_and_goes_on_later(session, web, cifar, monkeypatch):
    token = CancelToken()
    monkeypatch.setattr(fetching, "_teller", lambda text, emit: lambda done, total: token.cancel())
    with pytest.raises(Cancelled):
        take(session, "cifar-10", token=token)
    assert len(session.project.snapshot.table.ids) == 0 and (places.sets() / "cifar-10-python.tar.gz.part").exists()
    monkeypatch.undo()


def test_unknown_sets_closed_and_locked_projects_are_refused(session):
    with pytest.raises(UserError, match="no standard set"):
        take(session, "mnist-9000")
    with pytest.raises(UserError, match="No project"):
        take(Session(), "mnist")
    other = Session()
    other.project = OpenedProject(session.project.folder)
    with pytest.raises(UserError):
        take(other, "mnist")
    other.project.close()


@pytest.mark.shared_data
def test_the_true_mnist_is_taken_from_its_files(shared_data):
    source = get_set(find_set("mnist"), shared_data / "MNIST", CancelToken(), lambda event: None)
    assert len(source.items) == 70_000 and source.classes == tuple("0123456789")
    assert sum(item.split is Split.TEST for item in source.items) == 10_000


# ---------------------------------------------------------------- archives


def archive_of(path: Path, names: dict[str, bytes], link: str = "") -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo("link")
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return path


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/etc/outside", "C:\\outside", "a\\..\\..\\outside"])
def test_archives_that_reach_outside_are_refused_whole(tmp_path, name):
    base = tmp_path / "base"
    base.mkdir()
    with zipfile.ZipFile(base / "z.zip", "w") as archive:
        archive.writestr("good.txt", "good")
        archive.writestr(zipfile.ZipInfo(name), "bad")
    for file in (base / "z.zip", archive_of(base / "t.tar", {"good.txt": b"good", name: b"bad"})):
        with pytest.raises(UserError, match="is damaged"):
            unpack(file, base / "out", CancelToken())
    assert sorted(path.name for path in base.iterdir()) == ["t.tar", "z.zip"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base"]


def test_links_cut_archives_and_no_archives_are_refused_whole(tmp_path):
    whole = archive_of(tmp_path / "whole.tar", {"a/b.txt": b"x" * 100_000})
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:50_000])
    (tmp_path / "none.tar").write_bytes(b"these are words" * 100)
    for file in (archive_of(tmp_path / "link.tar", {"a.txt": b"x"}, link="/etc/passwd"), tmp_path / "cut.tar", tmp_path / "none.tar"):
        with pytest.raises(UserError, match="is damaged") as failure:
            unpack(file, tmp_path / "out", CancelToken())
        assert str(file) in failure.value.remedy and not (tmp_path / "out").exists()


def test_unpacking_joins_folders_and_hears_a_cancel(tmp_path):
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "old.txt").write_text("old")
    file = archive_of(tmp_path / "t.tar", {"a/new.txt": b"new", "b/c/d.txt": b"d"})
    unpack(file, tmp_path / "out", CancelToken())
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.txt")}
    assert found == {"a/old.txt", "a/new.txt", "b/c/d.txt"}
    token = CancelToken()
    with pytest.raises(Cancelled):
        unpack(file, tmp_path / "other", token, lambda done, total: token.cancel())
    assert not (tmp_path / "other").exists() and not list(tmp_path.glob(".*"))


# ---------------------------------------------------------------- addresses


def picture(ending: str = ".png", shade: int = 90) -> bytes:
    return cv2.imencode(ending, np.full((20, 30, 3), shade, np.uint8))[1].tobytes()


def get(session: Session, *given: str, class_id: int | None = None) -> ImportFinished:
    events: list[Event] = []
    import_addresses(session, ImportAddresses(given, class_id), CancelToken(), events.append)
    left = session.project.folder / "incoming"
    assert not left.exists(), list(left.rglob("*"))
    return next(event for event in events if isinstance(event, ImportFinished))


def test_pictures_from_the_web_are_judged_by_what_they_are(session, web):
    session.project.add_class("cup")
    web.pages["/cup%20of%20tea.aspx?id=3"] = Page(picture(".jpg", 10), "application/octet-stream")
    web.pages["/cup.jpg"] = Page(picture(".png", 20), "image/jpeg")
    inline = "data:image/png;base64," + base64.b64encode(picture(shade=30)).decode()
    report = get(session, web.at("/cup of tea.aspx?id=3"), web.at("/cup.jpg"), inline, class_id=1)
    assert (report.taken, report.skipped) == (3, ())
    assert session.project.snapshot.table.names == ("cup of tea.jpg", "cup.png", "picture.png")
    assert set(session.project.snapshot.table.class_ids.tolist()) == {1}
    kept = sorted((session.project.folder / "images").iterdir())
    assert kept[0].read_bytes() == picture(".jpg", 10), "kept as it came"
    session.project.undo()
    assert len(session.project.snapshot.table.ids) == 0


def test_each_address_that_gives_no_picture_is_named_with_its_reason(session, web, tmp_path, monkeypatch):
    monkeypatch.setattr(addresses, "BYTE_LIMIT", 5000)
    (tmp_path / "local.png").write_bytes(picture())
    web.pages.update(
        {
            "/page": Page(b"<html></html>", "text/html; charset=utf-8"), "/words": Page(b"only words", "image/png"),
            "/large": Page(b"x" * 6000), "/endless": Page(b"x" * 6000, length=False),
            "/cut": Page(picture(), cut=60), "/good": Page(picture()),
            "/away": Page(status=302, location=(tmp_path / "local.png").as_uri()),
        }
    )  # fmt: skip
    broken = [
        (web.at("/page"), "is a web page, not a picture"), (web.at("/words"), "text"), (web.at("/large"), "is larger than the limit"),
        (web.at("/endless"), "is larger than the limit"), (web.at("/cut"), "was cut off on its way"), (web.at("/gone"), "answered 404"),
        ((tmp_path / "local.png").as_uri(), "file on this computer"), ("ftp://host/a.png", "no address of a picture"),
        ("javascript:alert(1)", "no address of a picture"), ("data:image/png;base64,@@@", "no true base64"),
        ("data:image/png", "is cut off"),
        (web.at("/away"), "cannot be fetched"), ("http://", "no http or https address"),
    ]  # fmt: skip
    report = get(session, *(address for address, _ in broken), web.at("/good"))
    assert report.taken == 1
    assert len(report.skipped) == len(broken)
    for (address, reason), skipped in zip(broken, report.skipped, strict=True):
        assert reason in skipped.reason, (address, skipped)
        assert skipped.file and "base64," not in skipped.file


def test_a_silent_server_does_not_hold_a_cancel_up(session, web):
    web.pages["/a"] = Page(picture(), silent=True)
    token = CancelToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        import_addresses(session, ImportAddresses((web.at("/a"),)), token, lambda event: None)
    timer.join()
    assert not (session.project.folder / "incoming").exists()
