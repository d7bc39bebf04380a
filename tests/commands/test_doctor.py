"""The command doctor: the same findings without a project, as JSON and as text."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from engine import commands
from engine import messages as m
from engine.control import CancelToken
from engine.session import Session

KEYS = {
    "images", "unreadable", "missing", "near_duplicates", "suspect_labels", "imbalance", "few", "dark", "bright", "blurred", "tiny",
    "aspect", "outlier", "findings", "unchecked",
}  # fmt: skip


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    capsys.readouterr()
    status = commands.run(["doctor", *words, "--json"])
    written = capsys.readouterr()
    (line,) = written.out.splitlines()
    return status, json.loads(line), written.err


def picture(seed: int, upright: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wave = (np.arange(80) // 8 % 2 * 120).astype(np.uint8)
    base = rng.integers(0, 60, (10, 10, 3)).astype(np.uint8)
    return cv2.resize(base, (80, 80)) + (wave[None, :, None] if upright else wave[:, None, None])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of 40 and 10: one label wrong, one picture twice, one compressed copy in the test part, two broken files."""
    root = tmp_path / "set"
    for split, name, count, upright in (
        ("train", "a", 40, True), ("train", "b", 10, False), ("test", "a", 4, True), ("test", "b", 4, False),
    ):  # fmt: skip
        (root / split / name).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(root / split / name / f"{number}.png"), picture(zlib.crc32(f"{split}{name}{number}".encode()), upright))
    cv2.imwrite(str(root / "train" / "a" / "wrong.png"), picture(5, False))
    shutil.copy(root / "train" / "a" / "1.png", root / "train" / "a" / "1 again.png")
    cv2.imwrite(str(root / "test" / "a" / "2 small.jpg"), cv2.imread(str(root / "train" / "a" / "2.png")), (cv2.IMWRITE_JPEG_QUALITY, 60))
    (root / "train" / "a" / "none.png").write_bytes(b"nothing")
    whole = (root / "train" / "a" / "3.png").read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2 : len(whole) // 2 + 60] = b"\0" * 60
    (root / "train" / "a" / "damaged.png").write_bytes(bytes(damaged))
    return root


def check(values: dict[str, Any], damaged: bool) -> None:
    assert set(values) == KEYS
    groups = values["near_duplicates"]
    names = [{Path(name).name for name in group["files"]} for group in groups]
    copied = groups[names.index({"1.png", "1 again.png"})]
    assert copied["identical"]
    assert not copied["across_splits"]
    leaked = groups[names.index({"2.png", "2 small.jpg"})]
    assert not leaked["identical"]
    assert leaked["across_splits"]
    assert leaked["splits"][0] in ("train", "validation")
    assert leaked["splits"][1] == "test"
    (suspect,) = [entry for entry in values["suspect_labels"] if Path(entry["file"]).name == "wrong.png"]
    assert (suspect["label"], suspect["suggested"]) == ("a", "b")
    assert 0.5 < suspect["probability"] <= 1
    assert values["imbalance"]["largest"]["class"] == "a"
    assert values["imbalance"]["ratio"] > 3
    assert values["imbalance"]["remedies"] == ["class-weights", "balanced-sampling"]
    if damaged:
        assert {Path(entry["file"]).name for entry in values["unreadable"]} == {"none.png", "damaged.png"}
        assert all(entry["reason"] for entry in values["unreadable"])


def test_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, str(folder))
    assert status == 0
    check(values, damaged=True)


def test_a_zip_and_a_project_give_the_same(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    status, values, _ = answer(capsys, packed)
    assert status == 0
    check(values, damaged=True)
    session = Session()
    for command in (m.NewProject("Mine"), m.ImportPaths((str(folder),))):
        session.run(command, CancelToken(), lambda event: None)
    place = session.project.folder
    status, values, _ = answer(capsys, str(place))  # while it is open
    session.project.close()
    assert status == 0
    check(values, damaged=False)


def test_a_table(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["file,label,split"]
    for path in sorted(folder.rglob("*.*g")):
        lines.append(f"{path},{path.parent.name},{path.parent.parent.name}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    status, values, _ = answer(capsys, str(tmp_path / "table.csv"))
    assert status == 0
    check(values, damaged=True)


def test_text_names_the_worst_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(["doctor", str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.index("Error:") < text.index("Warning:")
    assert "2 small.jpg" in text
    assert 'looks like "b"' in text


def test_digits_and_a_run_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "digits")
    assert status == 0
    assert values["images"] == 1797
    assert values["near_duplicates"] == values["unreadable"] == []
    assert values["imbalance"] is None
    assert commands.run(["train", "digits", "--network", "softmax", "--epochs", "2", "--out", str(tmp_path / "run")]) == 0
    status, values, _ = answer(capsys, "digits", "--run", str(tmp_path / "run"))
    assert status == 0
    assert len(values["suspect_labels"]) < 60


def test_what_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, str(tmp_path / "nothing"))
    assert status == 1
    assert values["error"]
    status, values, _ = answer(capsys, "digits", "--run", str(tmp_path / "nothing"))
    assert status == 1
    assert values["remedy"]
