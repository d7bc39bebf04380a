"""What the network sees, asked of a session: training's own pixels, changed as training changes them."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from engine.control import Cancelled, CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Augment, Normalise
from engine.data.preprocessing import Preprocessing
from engine.data.previewing import preview_input, varied
from engine.messages import InputPreviewReady, PreviewInput
from engine.project import tables
from engine.project.records import ClassRecord
from engine.project.snapshot import Snapshot
from engine.training.recipe import STRONG, Augmentation

GROUND = (250, 10, 20)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """Two digits, an oblong photograph, a transparent drawing, and a file that is no picture."""
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 255, (40, 90, 3), dtype=np.uint8)).save(tmp_path / "wide.png")
    clear = np.zeros((30, 30, 4), np.uint8)
    clear[10:20, 10:20] = (0, 0, 255, 255)
    Image.fromarray(clear).save(tmp_path / "clear.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    locators = ("digits:3", "digits:4", "file:wide.png", "file:clear.png", "file:broken.png")
    table = tables.table(range(1, 6), locators, class_ids=[1] * 5, splits=[1] * 5)
    return Snapshot((ClassRecord(1, "all", "#000000"),), table, locators, str(tmp_path))


def ask(snapshot: Snapshot, token: CancelToken | None = None, **more: object) -> InputPreviewReady:
    session = SimpleNamespace(opened=lambda: SimpleNamespace(snapshot=snapshot))
    answers: list[InputPreviewReady] = []
    command = PreviewInput(**{"images": (1, 2, 3, 4, 5, 99), "height": 24, "width": 32, "variants": 3, **more})
    preview_input(session, command, token or CancelToken(), answers.append)  # type: ignore[arg-type]
    return answers[0]


@pytest.mark.parametrize("resize", ["squash", "crop", "pad", "centre"])
@pytest.mark.parametrize("channels", [1, 3])
def test_plain_pictures_are_those_of_training(snapshot: Snapshot, resize: str, channels: int) -> None:
    answer = ask(snapshot, resize=resize, channels=channels, ground=GROUND)
    assert answer.images == (1, 2, 3, 4)
    assert answer.pictures.shape == (4, 4, 24, 32, channels) and answer.pictures.dtype == np.uint8
    whole = data.from_snapshot(snapshot)
    contract = Preprocessing(24, 32, 1 if channels == 1 else 3, resize, ground=GROUND)  # type: ignore[arg-type]
    pixels, _, ok = data.decode(whole, np.arange(4), contract)
    assert ok.all() and np.array_equal(answer.pictures[:, 0], pixels)
    assert np.array_equal(answer.pictures[:, 1:], np.repeat(pixels[:, None], 3, axis=1))  # nothing is changed unless asked for


def test_the_ground_shows_through(snapshot: Snapshot) -> None:
    assert tuple(ask(snapshot, ground=GROUND).pictures[3, 0, 2, 2]) == GROUND
    assert tuple(ask(snapshot).pictures[3, 0, 2, 2]) == (255, 255, 255)


def test_changes_are_those_of_training_in_the_same_order(snapshot: Snapshot) -> None:
    plain = ask(snapshot).pictures[:, 0]
    made = varied(plain, STRONG, 5, seed=8)
    as_floats = Normalise(Preprocessing(24, 32, 3, mean=(0.0,) * 3, std=(1.0,) * 3), torch.device("cpu"))
    batch = torch.from_numpy(plain).repeat(5, 1, 1, 1)
    trained = Augment(as_floats, STRONG, 8, torch.device("cpu"))(batch).mul(255).round().clamp(0, 255).to(torch.uint8)
    expected = trained.permute(0, 2, 3, 1).reshape(5, 4, 24, 32, 3).transpose(0, 1).numpy()
    assert np.abs(made.astype(int) - expected).max() <= 1
    assert np.array_equal(made, varied(plain, STRONG, 5, seed=8)) and not np.array_equal(made, varied(plain, STRONG, 5, seed=9))


def test_mixing_shows_other_pictures_of_those_asked_for() -> None:
    filled = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8) * 60
    made = varied(filled, Augmentation(cutmix=1.0), 6, seed=0)
    for row in range(4):
        assert set(np.unique(made[row])) <= {60 * row, 60 * ((row - 1) % 4)}
    assert any(len(np.unique(picture)) == 2 for row in made for picture in row)
    alone = varied(filled[2:3], Augmentation(mixup=1.0), 3, seed=0)
    assert np.array_equal(alone, np.full_like(alone, 120))


def test_no_variants_no_readable_pictures_and_cancelling(snapshot: Snapshot) -> None:
    assert ask(snapshot, variants=0).pictures.shape == (4, 1, 24, 32, 3)
    nothing = ask(snapshot, images=(5, 99))
    assert nothing.images == () and nothing.pictures.shape == (0, 4, 24, 32, 3)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        ask(snapshot, token)


def test_a_changed_file_is_read_anew(snapshot: Snapshot) -> None:
    before = ask(snapshot, images=(3,)).pictures
    Image.fromarray(np.zeros((41, 91, 3), np.uint8)).save(Path(snapshot.root, "wide.png"))
    assert ask(snapshot, images=(3,)).pictures.max() == 0 < before.max()


def test_a_slider_is_answered_at_once(tmp_path: Path) -> None:
    locators = tuple(f"digits:{number}" for number in range(6))
    six = Snapshot((), tables.table(range(6), locators), locators, str(tmp_path))
    times = []
    for seed in range(6):
        begun = time.perf_counter()
        answer = ask(six, images=tuple(range(6)), height=64, width=64, variants=6, augmentation=STRONG, seed=seed)
        times.append(time.perf_counter() - begun)
    assert answer.pictures.shape == (6, 7, 64, 64, 3) and answer.seconds > 0
    assert min(times) < 0.1  # 0.015 on a quiet machine
