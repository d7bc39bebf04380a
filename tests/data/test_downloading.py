"""Fetching from a server on loopback: going on after a cut, checksums, mirrors, silence, full disks. No other network is used."""

from __future__ import annotations

import errno
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from web import Page, Web

from engine.control import Cancelled, CancelToken
from engine.data import downloading, streaming
from engine.data.downloading import Meter, Wanted, fetch
from engine.data.streaming import ascii_address
from engine.failure import UserError

DATA = bytes(number * 7 % 251 for number in range(300_000))
OTHER = DATA[::-1]
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.005)
    made = Web()
    yield made
    made.close()


def wanted(tmp_path: Path, *addresses: str, md5: str = MD5, size: int = 0) -> Wanted:
    return Wanted(tmp_path / "sets" / "file.bin", addresses, size, md5)


def left(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "sets").iterdir()}


def test_a_file_comes_whole_with_its_progress(web, tmp_path):
    web.pages["/a"] = Page(DATA)
    told: list[tuple[int, int | None]] = []
    fetch(wanted(tmp_path, web.at("/a")), CancelToken(), lambda done, total: told.append((done, total)))
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA and left(tmp_path) == {"file.bin"}
    assert told[-1] == (len(DATA), len(DATA)) and [done for done, _ in told] == sorted(done for done, _ in told) and len(told) >= 4


def test_after_every_cut_it_goes_on_where_it_was(web, tmp_path):
    web.pages["/a"] = Page(DATA, cut=70_000)
    fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA
    assert web.ranges_asked() == ["", "bytes=70000-", "bytes=140000-", "bytes=210000-", "bytes=280000-"]
    assert all(headers["If-Range"] == '"1"' for _, headers in web.asked[1:])


def test_what_an_earlier_start_of_the_program_fetched_is_kept(web, tmp_path):
    web.pages["/a"] = Page(DATA)
    token = CancelToken()
    with pytest.raises(Cancelled):
        fetch(wanted(tmp_path, web.at("/a")), token, lambda done, total: token.cancel() if done > 100_000 else None)
    there = (tmp_path / "sets" / "file.bin.part").stat().st_size
    assert 100_000 < there < len(DATA)
    fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    assert web.ranges_asked() == ["", f"bytes={there}-"]
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA and left(tmp_path) == {"file.bin"}


def test_a_file_that_changed_on_the_server_begins_anew(web, tmp_path):
    web.pages["/a"] = Page(OTHER, cut=50_000, etag='"old"')
    token = CancelToken()
    with pytest.raises(Cancelled):
        fetch(wanted(tmp_path, web.at("/a")), token, lambda done, total: token.cancel())
    web.pages["/a"] = Page(DATA, etag='"new"')
    fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA


def test_a_server_without_ranges_begins_anew(web, tmp_path):
    web.pages["/a"] = Page(DATA, ranges=False)
    token = CancelToken()
    with pytest.raises(Cancelled):
        fetch(wanted(tmp_path, web.at("/a")), token, lambda done, total: token.cancel())
    fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA


def test_a_server_without_ranges_that_always_cuts_is_given_up(web, tmp_path):
    web.pages["/a"] = Page(DATA, ranges=False, cut=50_000)
    with pytest.raises(UserError, match=r"ended after 0\.1 of 0\.3 MB"):
        fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    assert len(web.asked) == downloading.TRIES


def test_a_wrong_checksum_leads_to_the_mirror(web, tmp_path):
    web.pages.update({"/a": Page(OTHER), "/b": Page(DATA)})
    fetch(wanted(tmp_path, web.at("/a"), web.at("/b")), CancelToken())
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA and [path for path, _ in web.asked] == ["/a", "/b"]


def test_a_part_of_other_bytes_is_found_out_and_fetched_whole_once(web, tmp_path):
    """The mirror has another file of the same size and gives its second half without being asked about the first."""
    web.pages.update({"/a": Page(OTHER, cut=90_000, etag=""), "/b": Page(DATA, etag="")})
    web.pages["/a"].ranges = False
    fetch(wanted(tmp_path, web.at("/a"), web.at("/b")), CancelToken())
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA
    assert [(path, headers.get("Range", "")) for path, headers in web.asked if path == "/b"] == [("/b", "bytes=90000-"), ("/b", "")]


def test_nothing_but_wrong_checksums_is_said_and_nothing_kept(web, tmp_path):
    web.pages.update({"/a": Page(OTHER), "/b": Page(OTHER)})
    with pytest.raises(UserError, match="another checksum") as failure:
        fetch(wanted(tmp_path, web.at("/a"), web.at("/b")), CancelToken())
    assert str(tmp_path / "sets" / "file.bin") in failure.value.remedy and left(tmp_path) == set()


def test_missing_everywhere_says_which_file_to_put_where(web, tmp_path):
    with pytest.raises(UserError, match=r"file\.bin could not be fetched: 127\.0\.0\.1 answered 404 Not Found\.") as failure:
        fetch(wanted(tmp_path, web.at("/a"), web.at("/b"), web.at("/c")), CancelToken())
    assert str(tmp_path / "sets" / "file.bin") in failure.value.remedy and len(web.asked) == 3


def test_a_server_that_is_busy_is_asked_again_and_a_page_instead_of_a_file_is_refused(web, tmp_path):
    web.pages.update(
        {"/busy": Page(b"wait", status=503), "/gone": Page(b"<html>moved</html>", "text/html; charset=utf-8"), "/b": Page(DATA)}
    )
    fetch(wanted(tmp_path, web.at("/busy"), web.at("/gone"), web.at("/b")), CancelToken())
    assert [path for path, _ in web.asked] == ["/busy"] * downloading.TRIES + ["/gone", "/b"]


def test_redirections_lead_on_the_web_and_nowhere_else(web, tmp_path):
    (tmp_path / "secret").write_bytes(DATA)
    web.pages["/a"] = Page(status=302, location=web.at("/b"))
    web.pages["/b"] = Page(DATA)
    fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA
    web.pages["/a"] = Page(status=302, location=(tmp_path / "secret").as_uri())
    (tmp_path / "sets" / "file.bin").unlink()
    with pytest.raises(UserError):
        fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    for address in ((tmp_path / "secret").as_uri(), "ftp://127.0.0.1/x", "x"):
        with pytest.raises(UserError, match="no http or https address"):
            fetch(wanted(tmp_path, address), CancelToken())


def test_a_cancel_is_heard_at_once_while_the_server_is_silent(web, tmp_path):
    web.pages["/a"] = Page(DATA, silent=True)
    token, begun = CancelToken(), threading.Event()
    seconds: list[float] = []

    def cancel() -> None:
        begun.wait(5)
        seconds.append(time.perf_counter())
        token.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(Cancelled):
        fetch(wanted(tmp_path, web.at("/a")), token, lambda done, total: begun.set())
    assert time.perf_counter() - seconds[0] < 0.1
    canceller.join()


def test_a_cancel_is_heard_at_once_while_the_server_has_not_even_answered(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections, says nothing
        token = CancelToken()
        timer = threading.Timer(0.2, token.cancel)
        timer.start()
        begun = time.perf_counter()
        with pytest.raises(Cancelled):
            fetch(wanted(tmp_path, f"http://127.0.0.1:{deaf.getsockname()[1]}/a"), token)
        assert time.perf_counter() - begun < 0.3
        timer.join()


def test_a_silent_server_is_given_up_for_the_mirror(web, tmp_path, monkeypatch):
    """It gives a hundred bytes each time before it falls silent."""
    monkeypatch.setattr(streaming, "SILENCE_SECONDS", 0.05)
    web.pages.update({"/a": Page(DATA, silent=True), "/b": Page(DATA)})
    fetch(wanted(tmp_path, web.at("/a"), web.at("/b")), CancelToken())
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA
    assert [path for path, _ in web.asked] == ["/a"] * downloading.TRIES + ["/b"]


def test_without_a_network_the_reason_is_plain(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.001)
    with pytest.raises(UserError, match=r"127\.0\.0\.1 takes no connection"):
        fetch(wanted(tmp_path, f"http://127.0.0.1:{closed}/a"), CancelToken())

    def unknown(*given, **more):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UserError, match="this computer may have no network") as failure:
        fetch(wanted(tmp_path, "http://sets.example/file.bin"), CancelToken())
    assert str(tmp_path / "sets" / "file.bin") in failure.value.remedy


def test_a_disk_that_is_too_small_is_told_before_and_one_that_fills_up_when_it_does(web, tmp_path, monkeypatch):
    web.pages["/a"] = Page(DATA)
    with pytest.raises(UserError, match=r"1,000,000,000 MB, but the disk has only"):
        fetch(wanted(tmp_path, web.at("/a"), size=10**15), CancelToken())
    assert not web.asked

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloading.os, "fsync", full)
    with pytest.raises(UserError, match=r"The disk is full: file\.bin was fetched only in part"):
        fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    monkeypatch.undo()
    assert not (tmp_path / "sets" / "file.bin").exists()
    fetch(wanted(tmp_path, web.at("/a")), CancelToken())
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA


def test_unknown_length_and_no_checksum_still_work(web, tmp_path):
    web.pages["/a"] = Page(DATA, length=False, etag="")
    told: list[int | None] = []
    fetch(wanted(tmp_path, web.at("/a"), md5=""), CancelToken(), lambda done, total: told.append(total))
    assert (tmp_path / "sets" / "file.bin").read_bytes() == DATA and set(told) == {None}


def test_no_thread_outlives_a_fetch(web, tmp_path):
    web.pages["/a"] = Page(DATA, silent=True)
    token = CancelToken()
    with pytest.raises(Cancelled):
        fetch(wanted(tmp_path, web.at("/a")), token, lambda done, total: token.cancel())
    deadline = time.monotonic() + 2
    pause = threading.Event()
    while any(thread.name == "fovea-fetch" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        pause.wait(0.01)


def test_speed_and_time_left_are_those_of_the_last_seconds():
    now = [0.0]
    meter = Meter(lambda: now[0])
    assert meter.speed == 0 and meter.seconds_left(0, 10) is None
    for second in range(20):
        now[0] = float(second)
        meter.add(1000 * second if second < 10 else 10_000 + 100 * (second - 10))
    assert meter.speed == pytest.approx(100) and meter.seconds_left(10_900, 20_900) == pytest.approx(100)
    meter.add(0)
    assert meter.speed == 0


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("HTTP://host/a b.png", "http://host/a%20b.png"), ("https://host/%C3%A9?q=ü#part", "https://host/%C3%A9?q=%C3%BC"),
        ("http://bücher.example:8080", "http://xn--bcher-kva.example:8080/"), ("http://[::1]:80/x", "http://[::1]:80/x"),
    ],
)  # fmt: skip
def test_addresses_go_over_the_wire_in_ascii(given, sent):
    assert ascii_address(given) == sent
