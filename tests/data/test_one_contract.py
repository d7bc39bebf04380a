"""Whatever way a picture takes to a network, the same pixels arrive: training, commands, live lane, project."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.commands.predicting import _answers
from engine.control import CancelToken
from engine.data.dataset import decode, from_snapshot, from_source
from engine.data.decoding import at_working_size
from engine.data.locators import located_at_working_size
from engine.data.preprocessing import RESIZE_MODES, Preprocessing
from engine.data.sources import scan
from engine.live.classifying import LiveModel
from engine.messages import ClassifyFiles, ClassifyImages, ImportPaths, NewProject
from engine.session import Session


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _colours(seed: int, height: int = 46, width: int = 61) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin((rows * (seed + channel + 1) + columns * (3 - channel)) / 17.0) for channel in range(3)]
    return ((np.stack(waves, axis=2) + 1) * 127.5).astype(np.uint8)


def all_kinds() -> dict[str, bytes]:
    """A picture of every kind that cameras and programs make."""
    image = Image.fromarray(_colours(1))
    alpha = Image.fromarray(np.dstack([_colours(2), np.tile(np.linspace(0, 255, 61, dtype=np.uint8), (46, 1))]))
    deep = Image.fromarray(_colours(3)[:, :, 0].astype(np.uint16) * 257)
    frames = [Image.fromarray(_colours(seed)).quantize(32) for seed in (4, 5)]
    return {
        **{f"turned {way}.jpg": _saved(image, "JPEG", quality=90, exif=_turned(way)) for way in (1, 3, 6, 8)},
        "turned.png": _saved(image, "PNG", exif=_turned(6)),
        "progressive.jpg": _saved(image, "JPEG", quality=70, progressive=True),
        "grey.jpg": _saved(image.convert("L"), "JPEG"),
        "cmyk.jpg": _saved(image.convert("CMYK"), "JPEG"),
        "alpha.png": _saved(alpha, "PNG"),
        "alpha.webp": _saved(alpha, "WEBP", lossless=True),
        "palette.png": _saved(image.quantize(16), "PNG"),
        "palette transparent.png": _saved(image.quantize(16), "PNG", transparency=3),
        "deep.png": _saved(deep, "PNG"),
        "moving.gif": _saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "plain.bmp": _saved(image, "BMP"),
        "plain.tiff": _saved(image, "TIFF"),
        "photograph.avif": _saved(image, "AVIF"),
    }


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contract") / "pictures"
    for number, (name, data) in enumerate(all_kinds().items()):
        place = folder / ("odd" if number % 2 else "even")
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def project(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    session = Session()
    session.run(NewProject("contract", str(tmp_path_factory.mktemp("contract") / "project")), CancelToken(), lambda event: None)
    session.run(ImportPaths((str(pictures),)), CancelToken(), lambda event: None)
    yield session
    session.opened().close()


class Recorder:
    """In a run's place: keeps the pixels that it is given."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.record = SimpleNamespace(preprocessing=preprocessing, id="run", folder="runs/run")
        self.classes = ("even", "odd")
        self.seen: list[np.ndarray] = []

    def taken(self, read: Callable[[Preprocessing], np.ndarray]) -> np.ndarray:
        return read(self.record.preprocessing)

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        self.seen.extend(pixels)
        return np.full((len(pixels), 2), 0.5, np.float32)


contracts = st.builds(
    Preprocessing,
    height=st.integers(3, 70),
    width=st.integers(3, 70),
    channels=st.sampled_from([1, 3]),
    resize=st.sampled_from(RESIZE_MODES),
    ground=st.tuples(*[st.integers(0, 255)] * 3),
    reduced=st.booleans(),
)


@given(contract=contracts)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_way_gives_the_same_pixels(contract: Preprocessing, pictures: Path, project: Session) -> None:
    files = sorted(path for path in pictures.rglob("*") if path.is_file())
    expected = {path.name: at_working_size(path.read_bytes(), contract) for path in files}

    for path in files:
        assert np.array_equal(at_working_size(path, contract), expected[path.name])

    folder = from_source(scan(pictures))
    pixels, failed, _ = decode(folder, np.arange(len(folder.locators)), contract)  # what training and evaluation call
    assert not failed
    for locator, picture in zip(folder.locators, pixels, strict=True):
        assert np.array_equal(picture, expected[Path(locator.removeprefix("file:")).name]), locator

    command = Recorder(contract)
    _answers(command, lambda file: command.taken(partial(at_working_size, file)), files, 1)
    for path, picture in zip(files, command.seen, strict=True):
        assert np.array_equal(picture, expected[path.name]), path.name

    dropped = Recorder(contract)
    project.live = LiveModel(dropped)
    project.run(ClassifyFiles(tuple(map(str, files))), CancelToken(), lambda event: None)
    for path, picture in zip(files, dropped.seen, strict=True):
        assert np.array_equal(picture, expected[path.name]), path.name

    snapshot = project.opened().snapshot
    assert len(snapshot.table.ids) == len(files)
    kept = from_snapshot(snapshot)
    pixels, failed, _ = decode(kept, np.arange(len(kept.locators)), contract)
    own = Recorder(contract)
    project.live = LiveModel(own)
    project.run(ClassifyImages(tuple(snapshot.table.ids.tolist())), CancelToken(), lambda event: None)
    for row, name in enumerate(snapshot.table.names):
        assert np.array_equal(pixels[row], expected[name]), name
        assert np.array_equal(own.seen[row], expected[name]), name
        assert np.array_equal(located_at_working_size(snapshot.locators[row], snapshot.root, contract), expected[name]), name
