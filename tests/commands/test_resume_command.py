"""The command `resume`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import commands
from engine.training import checkpoint


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    capsys.readouterr()
    status = commands.run([*words, "--json"])
    written = capsys.readouterr()
    lines = written.out.splitlines()
    return status, json.loads(lines[0]) if lines else None, written.err


def test_a_run_learns_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    status, before, _ = answer(capsys, "train", "digits", "--network", "softmax", "--epochs", "2", "--size", "8", "--out", str(run))
    assert status == 0
    status, values, error = answer(capsys, "resume", str(run), "--epochs", "4")
    assert status == 0 and "Going on after epoch 2/4" in error and "epoch 3/4:" in error and "epoch 1/4:" not in error
    assert set(values) == set(before) and values["epochs"] == 4 and values["steps"] == 2 * before["steps"]
    assert values["run"] == before["run"] and values["network"] == "softmax"

    status, values, error = answer(capsys, "resume", str(run))
    assert status == 1 and "complete with 4 epochs" in error
    status, _, error = answer(capsys, "resume", str(tmp_path / "nowhere"))
    assert status == 1 and "holds no run" in error
    assert answer(capsys, "resume", str(run), "--epochs", "0")[0] == 2

    for name in (checkpoint.CHECKPOINT, checkpoint.CHECKPOINT_BEFORE):
        (run / name).unlink(missing_ok=True)
    status, _, error = answer(capsys, "resume", str(run), "--epochs", "9")
    assert status == 1 and "kept no state" in error
