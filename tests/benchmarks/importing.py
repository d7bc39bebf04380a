"""Importing photographs, and thumbnails of them: our import lane against Pillow in one process.

Pillow does the same work in two ways. At its best: a JPEG is drafted to a fraction of its size before it is decoded, turned upright,
converted to RGB, brought to 128 pixels and saved as JPEG. As usually written: the same without drafting, so that every picture is decoded
whole. Ours does the first, and besides hashes each file, copies it into the project, measures it and writes its row; all of that is
counted. All take turns over the same part of the files, so that a busy machine slows all.
"""

from __future__ import annotations

import gc
import io
import os
import random
import shutil
import statistics
import struct
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from engine.host import EngineThread
from engine.messages import EngineReady, Event, ImportFinished, ImportPaths, JobClosed, NewProject, Outcome, ThumbnailsReady, WantThumbnails
from engine.project import pictures
from engine.project.thumbnails import FILE, close_thumbnails
from tests.benchmarks.measuring import Row
from tests.benchmarks.window import largest_memory

SIDE = 128
SHORTEST, LONGEST = 500, 1000
QUALITY = 90
CLASSES = ("even", "odd")
PARTS = 5
DISTINCT = 400  # pictures drawn for each part
SHOWN = 300  # thumbnails asked for at once


def photographs() -> list[Image.Image]:
    """Real photographs where FOVEA_TEST_DATA has them, else pictures with edges, slopes and grain."""
    folder = Path(os.environ.get("FOVEA_TEST_DATA", ""))
    if os.environ.get("FOVEA_TEST_DATA") and (folder / "photos").is_dir():
        aerial = sorted((folder / "beach-desert-aid").glob("*/*.jpg"))[::70]
        found = [path for path in (*sorted((folder / "photos").iterdir()), *aerial) if path.suffix in (".jpg", ".png")]
        return [Image.open(path).convert("RGB") for path in found]
    noise = np.random.default_rng(0)
    rows, columns = np.mgrid[0:768, 0:1024] / 100.0
    waves = np.stack([np.sin(rows * k) * np.cos(columns * (k + 1)) for k in (1, 2, 3)], axis=-1)
    return [Image.fromarray((128 + 90 * waves + noise.normal(0, 6, waves.shape)).clip(0, 255).astype(np.uint8))]


def make_files(folder: Path, count: int, seed: int = 0) -> None:
    """JPEG and PNG files, three to one, of 500 to 1,000 pixels, in two classes: crops of photographs, rescaled, some mirrored."""
    chance = random.Random(seed)
    originals = photographs()
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    drawn: dict[int, bytes] = {}
    for number in range(count):
        target = folder / CLASSES[number // 4 % len(CLASSES)]
        kind = "png" if number % 4 == 3 else "jpg"
        if number >= DISTINCT:  # the same pixels in a file of its own: drawing them all takes longer than all that is measured
            (target / f"{number}.{kind}").write_bytes(remarked(drawn[number % DISTINCT], f"{seed} {number}".encode()))
            continue
        original = originals[number % len(originals)]
        width, height = chance.randint(SHORTEST, LONGEST), chance.randint(SHORTEST, LONGEST * 3 // 4)
        scale = min(original.width / width, original.height / height) * chance.uniform(0.6, 1.0)
        across, down = width * scale, height * scale
        left, top = chance.uniform(0, original.width - across), chance.uniform(0, original.height - down)
        picture = original.resize((width, height), Image.Resampling.BICUBIC, (left, top, left + across, top + down))
        if chance.random() < 0.5:
            picture = ImageOps.mirror(picture)
        path = target / f"{number}.{kind}"
        picture.save(path, **({} if kind == "png" else {"quality": QUALITY}))
        drawn[number] = path.read_bytes()


def remarked(data: bytes, remark: bytes) -> bytes:
    """The same JPEG or PNG with a remark in it, so that its bytes are others."""
    if data.startswith(b"\xff\xd8"):
        return data[:2] + b"\xff\xfe" + struct.pack(">H", len(remark) + 2) + remark + data[2:]
    chunk = b"tEXtComment\0" + remark
    behind_header = 33
    return data[:behind_header] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[behind_header:]


def by_pillow(path: Path, at_its_best: bool = True) -> bytes:
    """A thumbnail as a file."""
    with Image.open(path) as image:
        if at_its_best:
            image.draft("RGB", (SIDE, SIDE))
        upright = ImageOps.exif_transpose(image)
        small = upright.convert("RGB")
        small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        made = io.BytesIO()
        small.save(made, "JPEG", quality=88)
        return made.getvalue()


class Memory:
    """The most memory that this process took, in bytes above what it had when the watch began."""

    def __enter__(self) -> Memory:
        gc.collect()
        self._before, self.most = resident(), 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self.most = max(self.most, resident() - self._before)


def resident() -> int:
    """Bytes of memory that this process has now; on other systems than Linux the most it ever had."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if status.exists() else largest_memory()


def rows(quick: bool) -> Iterator[Row]:
    """Pictures a second of importing; memory meanwhile; thumbnails a second."""
    count = 1_000 if quick else 20_000
    place = Path(tempfile.mkdtemp())
    host = EngineThread()
    host.start()
    try:
        _wait_until_ready(host)
        for part in range(PARTS):
            make_files(place / "photographs" / f"part {part}", count // PARTS, part)
        yield from _imports(host, place, count)
        yield _memory(host, place, count)
        yield from _thumbnails(host, place)
    finally:
        host.close()
        shutil.rmtree(place, ignore_errors=True)


def _imports(host: EngineThread, place: Path, count: int) -> Iterator[Row]:
    make_files(place / "warm", 16, PARTS)
    _ours(host, place, "warm")
    ours: list[float] = []
    best: list[float] = []
    usual: list[float] = []
    for part in range(PARTS):
        files = sorted((place / "photographs" / f"part {part}").glob("*/*"))
        turns = [
            lambda part=part: ours.append(_ours(host, place, f"photographs/part {part}")),
            lambda files=files: best.append(_pillow(files)),
            lambda files=files: usual.append(_pillow(files, at_its_best=False)),
        ]
        for turn in turns[part % 3 :] + turns[: part % 3]:
            turn()
    name = f"importing {count:,} photographs in {PARTS} parts"
    for peer, theirs in (("Pillow at its best, one process", best), ("Pillow as usually written", usual)):
        ratios = tuple(a / b for a, b in zip(ours, theirs, strict=True))
        yield Row(name, "pictures/s", statistics.median(ours), peer, statistics.median(theirs), ratios)


def _memory(host: EngineThread, place: Path, count: int) -> Row:
    with Memory() as memory:
        _ours(host, place, "photographs")
    return Row(f"importing {count:,} photographs, above idle", "MB", memory.most / 1e6, "", float("nan"), ())


def _ours(host: EngineThread, place: Path, folder: str) -> float:
    """Pictures a second into a new project."""
    _done(host, host.submit(NewProject("benchmark", str(place / f"project of {folder.replace('/', ' ')}"))))
    begun = time.perf_counter()
    events = _done(host, host.submit(ImportPaths((str(place / folder),))))
    seconds = time.perf_counter() - begun
    finished = [event for event in events if isinstance(event, ImportFinished)]
    assert finished[0].taken and not finished[0].skipped, finished
    return finished[0].taken / seconds


def _pillow(files: Sequence[Path], at_its_best: bool = True) -> float:
    begun = time.perf_counter()
    for file in files:
        by_pillow(file, at_its_best)
    return len(files) / (time.perf_counter() - begun)


def _thumbnails(host: EngineThread, place: Path) -> Iterator[Row]:
    """From the project's thumbnails, and from originals where there are none yet."""
    project = host.session.opened().folder
    files = sorted((place / "photographs" / "part 0").glob("*/*"))[:SHOWN]
    for name, anew in (("thumbnails, kept", False), ("thumbnails, made anew", True)):
        ours, theirs = [], []
        for _ in range(PARTS):
            pictures.forget()
            if anew:
                close_thumbnails(project)
                (project / FILE).unlink(missing_ok=True)
            begun = time.perf_counter()
            events = _done(host, host.submit(WantThumbnails(tuple(range(1, len(files) + 1)), 96)))
            ours.append(len(files) / (time.perf_counter() - begun))
            shown = [picture for event in events if isinstance(event, ThumbnailsReady) for picture in event.pictures]
            assert len(shown) == len(files) and all(picture is not None for picture in shown)
            theirs.append(_pillow(files))
        ratios = tuple(a / b for a, b in zip(ours, theirs, strict=True))
        yield Row(name, "pictures/s", statistics.median(ours), "Pillow, one process", statistics.median(theirs), ratios)


def _done(host: EngineThread, job: int) -> list[Event]:
    events = list(host.wait(job))
    closed = events[-1]
    assert isinstance(closed, JobClosed) and closed.outcome is Outcome.COMPLETED, closed
    return events


def _wait_until_ready(host: EngineThread) -> None:
    """torch loads in a lane of its own; what it takes belongs to neither side."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(isinstance(event, EngineReady) for event in host.events()):
            return
        time.sleep(0.05)
    raise TimeoutError("torch did not load")
